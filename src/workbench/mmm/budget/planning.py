"""From a question to a plan: mean outcome by dynamic programming, careful outcome by its gradient."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from workbench.errors import NotEnoughData
from workbench.mmm.budget.allocation import best_split, fitted_to
from workbench.mmm.budget.plan import Plan
from workbench.mmm.budget.projection import project
from workbench.mmm.budget.question import BudgetQuestion, Limits, held_by_belief, limits_of, total_of
from workbench.mmm.budget.table import ResponseTable

Array = npt.NDArray[np.float64]
_TURNS = 3  # of choosing the worst worlds and planning for them


def optimise(table: ResponseTable, question: BudgetQuestion | None = None) -> Plan:
    """Return the split of a budget that the model expects to bring most.

    The even draws choose the split, the odd ones say what it brings (below 40 draws all do both).

    Parameters
    ----------
    table : ResponseTable
        The model's curves.
    question : BudgetQuestion, optional
        Total, bounds, locks and care; by default the same total, every channel from half to double.

    Raises
    ------
    UsageError
        Where the bounds do not allow the total, or a channel is unknown.
    NotEnoughData
        Where the model missed its gates and nobody said to use it all the same, or nothing but beliefs is
        known of every channel that could move.
    """
    asked = question or BudgetQuestion()
    refuse(table, asked)
    limits = limits_of(asked, table)
    split = split_for(table, asked, limits, total_of(asked, table, limits))
    chosen = table.choosing
    gain = (chosen.at(table.multipliers(split)) - chosen.at(np.ones(len(split)))).sum(axis=-1).mean()
    return Plan(
        model=table.model,
        question=asked,
        limits=limits,
        projection=project(table, split),
        chosen_gain=float(gain),
        held=held_by_belief(asked, table),
    )


def refuse(table: ResponseTable, question: BudgetQuestion) -> None:
    """Refuse a model that missed its gates.

    Raises
    ------
    NotEnoughData
        Unless the question says otherwise.
    """
    if table.missed and not question.despite_gates:
        raise NotEnoughData(
            f"The model {table.model!r} cannot carry a budget: {' '.join(table.missed)} "
            "Mend it first, or ask with despite_gates=True."
        )


def split_for(table: ResponseTable, question: BudgetQuestion, limits: Limits, total: float) -> Array:
    """Return the money of every channel, shape (C,)."""
    free = limits.high > limits.low
    if not free.any():
        return limits.low
    split = best_split(table.expected, table.spend, limits, total=total)
    return split if question.worst == 1 else _careful(table, question, limits, split)


def _careful(table: ResponseTable, question: BudgetQuestion, limits: Limits, mean_split: Array) -> Array:
    """Return the split with the best mean over the worlds in which it does worst.

    For concave curves that mean is concave in the split, so climbing finds its top; for others the best of
    several climbs is taken.

    References
    ----------
    Rockafellar, Uryasev (2000), Optimization of conditional value-at-risk, Journal of Risk 2(3).
    """
    total = float(mean_split.sum())
    count = max(1, round(question.worst * len(table.choosing.values)))
    value = partial(_worst_mean, table, count)
    today = fitted_to(np.clip(table.spend, *limits), limits, total)
    starts, split = [mean_split, today], mean_split
    for _ in range(_TURNS):
        worst = _worst(table, split, count)
        curves = table.choosing.mean_of(worst)
        split = best_split(curves, table.spend, limits, total=total)
        starts.append(split)
    starts.append(np.mean(starts, axis=0))
    best = max(starts, key=value)
    return max((best, *(_climbed(table, limits, count, start) for start in (best, starts[-1]))), key=value)


def _worst(table: ResponseTable, split: Array, count: int) -> npt.NDArray[np.int64]:
    """Return the draws in which a split brings least."""
    outcome = table.choosing.at(table.multipliers(split)).sum(axis=-1)
    return np.argpartition(outcome, count - 1)[:count]


def _worst_mean(table: ResponseTable, count: int, split: Array) -> float:
    outcome = table.choosing.at(table.multipliers(split)).sum(axis=-1)
    return float(np.partition(outcome, count - 1)[:count].mean())


def _climbed(table: ResponseTable, limits: Limits, count: int, start: Array) -> Array:
    from scipy.optimize import LinearConstraint, minimize

    spend, total = table.spend, float(start.sum())
    unit = max(abs(_worst_mean(table, count, start)), 1e-12)

    def turned(times: Array) -> tuple[float, Array]:
        outcome = table.choosing.at(times).sum(axis=-1)
        worst = np.argpartition(outcome, count - 1)[:count]
        slope = table.choosing.mean_of(worst).slope_at(times)
        return -float(outcome[worst].mean()) / unit, -slope / unit

    found = minimize(
        turned,
        start / spend,
        jac=True,
        method="SLSQP",
        bounds=list(zip(limits.low / spend, limits.high / spend, strict=True)),
        constraints=[LinearConstraint(spend[None] / total, 1.0, 1.0)],
        options={"maxiter": 100, "ftol": 1e-9},
    )
    return fitted_to(np.clip(found.x * spend, *limits), limits, total)
