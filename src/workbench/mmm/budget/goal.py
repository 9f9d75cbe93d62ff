"""From a goal to a budget: the least that reaches an outcome, or the most that still pays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.errors import UsageError
from workbench.mmm.budget.plan import Plan
from workbench.mmm.budget.planning import optimise, refuse, split_for
from workbench.mmm.budget.question import BudgetQuestion, Limits, limits_of
from workbench.mmm.budget.table import ResponseTable
from workbench.mmm.budget.told import amount, chance
from workbench.mmm.findings import joined
from workbench.result import format_value, told, worded

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]
_STEPS = 400  # between the bounds of a channel, where its profit is looked for
_HALVINGS = 24
_NEAR = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Goal:
    """The budget that a goal asks for.

    Parameters
    ----------
    asked : str
        The goal, in words.
    reached : bool
        Whether it lies within the bounds.
    plan : Plan
        The budget and its split; the nearest one where the goal is out of reach.
    chance : float or None
        Of a target: the share of draws in which the plan reaches it.
    held : tuple of str
        Channels that stand at one of their bounds.
    """

    asked: str
    reached: bool
    plan: Plan
    chance: float | None
    held: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return the budget and whether it meets the goal, in one sentence."""
        shown = self.plan.projection
        money, now = (amount(one, "money", shown.currency) for one in (self.plan.total, shown.current))
        sure = "" if self.chance is None else f", reached with a probability of {chance(self.chance)}"
        if self.reached:
            bound = f" At a bound: {joined([worded(name) for name in self.held])}." if self.held else ""
            return f"{self.asked}: {money} for {shown.span} instead of {now}{sure}.{bound}"
        far = "is out of reach within these bounds; the nearest is"
        return f"{self.asked} {far} {money} instead of {now}{sure}."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row a channel of the plan."""
        return self.plan.to_frame()

    def _repr_html_(self) -> str:
        return self.plan._repr_html_()


def least_budget(table: ResponseTable, target: float, question: BudgetQuestion | None = None) -> Goal:
    """Return the least budget whose best split is expected to reach an outcome.

    Parameters
    ----------
    table : ResponseTable
        The model's curves.
    target : float
        What media are to cause over the window.
    question : BudgetQuestion, optional
        Bounds, locks and care; its total is not used.

    Raises
    ------
    UsageError, NotEnoughData
        As `optimise` does, or where the target is not above 0.
    """
    asked = question or BudgetQuestion()
    refuse(table, asked)
    if not 0 < target < np.inf:
        raise UsageError(f"A target is an outcome above 0, not {target!r}.")
    limits = limits_of(asked, table)
    low, high = float(limits.low.sum()), float(limits.high.sum())

    def brought(total: float) -> float:
        split = split_for(table, asked, limits, total)
        return float(table.expected.at(table.multipliers(split)).sum())

    reached = brought(high) >= target
    if reached and brought(low) >= target:
        high = low
    for _ in range(_HALVINGS if reached else 0):
        middle = (low + high) / 2
        low, high = (low, middle) if brought(middle) >= target else (middle, high)
    plan = _plan_of(table, asked, high)
    outcome = table.measuring.at(table.multipliers(np.array(list(plan.split.values())))).sum(axis=-1)
    return Goal(
        asked=f"The least budget for {amount(target, table.unit, table.currency)}",
        reached=reached,
        plan=plan,
        chance=float((outcome >= target).mean()),
        held=_held(plan),
    )


def profitable_budget(
    table: ResponseTable,
    question: BudgetQuestion | None = None,
    *,
    least_return: float = 1.0,
    worth: float | None = None,
) -> Goal:
    """Return the budget beyond which the next unit of money brings back less than a return.

    Parameters
    ----------
    table : ResponseTable
        The model's curves.
    question : BudgetQuestion, optional
        Bounds and locks; its total and care are not used.
    least_return : float
        What the next unit of money has to bring back, at least; 1 is what it cost.
    worth : float, optional
        Money that one unit of the outcome is worth: a margin on revenue, or the value of a conversion, which
        needs one.

    Raises
    ------
    UsageError, NotEnoughData
        As `optimise` does, or where conversions are given no worth.
    """
    asked = question or BudgetQuestion()
    refuse(table, asked)
    if worth is None and table.kind == "conversions":
        raise UsageError(
            "Conversions have no return without their worth: give `worth`, money per conversion."
        )
    if not least_return > 0 or not (worth is None or worth > 0):
        raise UsageError("A return and a worth are numbers above 0.")
    limits = limits_of(asked, table)
    price = least_return / (1.0 if worth is None else worth)  # outcome for a unit of money
    split = _where_it_pays(table, limits, price)
    plan = _plan_of(table, replace(asked, worst=1.0), float(split.sum()))
    held = _held(plan)
    return Goal(
        asked=f"The budget where the next unit of money brings {_brought(table, price, least_return)}",
        reached=len(held) < sum(limits.high > limits.low),
        plan=plan,
        chance=None,
        held=held,
    )


def _brought(table: ResponseTable, price: float, least_return: float) -> str:
    """Return the outcome that is asked of a unit of money, and its worth where that is another figure."""
    back = format_value(price, "x") if table.kind != "conversions" else f"{price:.3g} conversions"
    return back if price == least_return else f"{back}, which is worth {format_value(least_return, 'x')}"


def _where_it_pays(table: ResponseTable, limits: Limits, price: float) -> Array:
    """Return the money of every channel at which its outcome less its price is largest, shape (C,)."""
    low, high = limits
    for _ in range(3):  # ever finer around the best
        steps = np.linspace(low, high, _STEPS + 1, axis=1)
        profit = table.expected.at(steps / table.spend[:, None]) - price * steps
        best = profit.argmax(axis=1)
        width = (high - low) / _STEPS
        found = np.take_along_axis(steps, best[:, None], axis=1)[:, 0]
        low, high = np.maximum(limits.low, found - width), np.minimum(limits.high, found + width)
    return np.asarray(found)


def _plan_of(table: ResponseTable, question: BudgetQuestion, total: float) -> Plan:
    return optimise(table, replace(question, total=total))


def _held(plan: Plan) -> tuple[str, ...]:
    """Return the channels that stand at a bound and could move."""
    low, high = plan.limits
    return tuple(
        row.channel
        for place, row in enumerate(plan.rows)
        if high[place] > low[place]
        and min(row.proposed - low[place], high[place] - row.proposed) <= _NEAR * (high[place] - low[place])
    )
