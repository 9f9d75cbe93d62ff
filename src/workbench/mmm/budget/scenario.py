"""What a simulator starts from: a table small enough for a page, bounds, locks and a first split.

A page computes with the figures that stand here and nothing else, so Python and the page say the same.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.mmm.budget.allocation import best_split
from workbench.mmm.budget.plan import Plan
from workbench.mmm.budget.planning import refuse
from workbench.mmm.budget.projection import Projection, project
from workbench.mmm.budget.question import BudgetQuestion, Limits, held_by_belief, limits_of
from workbench.mmm.budget.table import ResponseTable, from_steps, in_steps

Array = npt.NDArray[np.float64]
_MOST_DRAWS = 400  # half of which measure: what 150 kB of page carry for eight channels
_MOST_CURVES = 6000  # draws times channels: with its pictures, a report stays below 600 kB
_LEAST_DRAWS = 80
_HALVINGS = 60


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenario:
    """A split that somebody can change.

    Parameters
    ----------
    table : ResponseTable
        The model's curves, as they go into a page.
    question : BudgetQuestion
        Bounds; locks are where it starts.
    limits : Limits
        Least and most of every channel when it is not locked.
    split : array, shape (C,)
        Money of every channel at first.
    """

    table: ResponseTable
    question: BudgetQuestion
    limits: Limits
    split: Array

    @property
    def locked(self) -> npt.NDArray[np.bool_]:
        """Return the channels that keep their spend at first, shape (C,)."""
        return np.isin(self.table.channels, (*self.question.locked, *self.held))

    @property
    def held(self) -> tuple[str, ...]:
        """Return the channels that are locked at first because no data speak for moving them."""
        return held_by_belief(self.question, self.table)

    @property
    def projection(self) -> Projection:
        """Return what the split brings."""
        return project(self.table, self.split)

    @property
    def refused(self) -> str:
        """Return why nothing may be optimised; empty where it may."""
        missed = self.table.missed
        return "" if self.question.despite_gates or not missed else " ".join(missed)


def scenario(table: ResponseTable, plan: Plan | BudgetQuestion | None = None) -> Scenario:
    """Return where a simulator starts.

    Parameters
    ----------
    table : ResponseTable
        The model's curves; of more draws than `page_draws` some are left out.
    plan : Plan or BudgetQuestion, optional
        The plan shown at first, or bounds and locks only; then today's split is shown.
    """
    question = plan.question if isinstance(plan, Plan) else plan or BudgetQuestion()
    small = thinned_table(table, page_draws(len(table.channels)))
    limits = limits_of(replace(question, locked=(), move_beliefs=True), small)
    limits = Limits(np.minimum(limits.low, small.spend), np.maximum(limits.high, small.spend))
    split = np.array([plan.split[name] for name in small.channels]) if isinstance(plan, Plan) else small.spend
    return Scenario(table=small, question=question, limits=limits, split=split)


def page_draws(channels: int) -> int:
    """Return how many draws a page carries: a table of no more says the same as its page, to the last digit.

    Examples
    --------
    >>> page_draws(8), page_draws(20)
    (400, 300)
    """
    return min(_MOST_DRAWS, max(_LEAST_DRAWS, _MOST_CURVES // channels // 2 * 2))


def thinned_table(table: ResponseTable, most: int) -> ResponseTable:
    """Return a table of at most `most` draws, the same every time; who chooses and who measures stays so."""
    if len(table) <= most:
        return table
    pairs = np.linspace(0, len(table) // 2 - 1, most // 2).round().astype(int)
    return replace(table, outcome=table.outcome[np.stack([2 * pairs, 2 * pairs + 1], axis=1).ravel()])


def rescaled(split: Array, limits: Limits, locked: npt.NDArray[np.bool_], total: float) -> Array:
    """Return a split scaled to a total: free channels by one factor, as far as their bounds allow.

    Parameters
    ----------
    split : array, shape (C,)
        Money of every channel.
    limits : Limits
        Least and most.
    locked : array of bool, shape (C,)
        Channels that stay as they are.
    total : float
        What the split is to cost; where the bounds do not allow it, the nearest that they do.
    """
    start = np.where(split > 0, split, 1e-9)

    def scaled(factor: float) -> Array:
        return np.asarray(np.where(locked, split, np.clip(start * factor, limits.low, limits.high)))

    low, high = 0.0, 1.0
    while scaled(high).sum() < total and high < 1e15:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if scaled(middle).sum() < total else (low, middle)
    return scaled((low + high) / 2)


def auto_split(start: Scenario, split: Array, locked: npt.NDArray[np.bool_]) -> Array:
    """Return the best split of the same money in which locked channels stay as they are.

    Raises
    ------
    NotEnoughData
        Where the model missed its gates and nobody said to use it all the same.
    """
    refuse(start.table, start.question)
    low = np.where(locked, split, start.limits.low)
    high = np.where(locked, split, start.limits.high)
    if not (high > low).any():
        return split
    table = start.table
    return best_split(table.expected, table.spend, Limits(low, high), total=float(split.sum()))


def to_page(start: Scenario) -> dict[str, Any]:
    """Return all that a page needs, as plain data: figures, names as they are, curves as text.

    The curves of the draws that measure are 16-bit steps of their largest figure; steps are written as
    differences of differences along the knots, all low bytes first, then all high bytes, in base64.
    """
    table = start.table
    scale, steps = in_steps(table.measuring.values)
    for _ in range(2):
        steps = np.diff(steps, axis=-1, prepend=np.uint16(0))
    planes = steps.astype("<u2").view(np.uint8).reshape(-1, 2).T.tobytes()
    return {
        "channels": list(table.channels),
        "spend": table.spend.tolist(),
        "low": start.limits.low.tolist(),
        "high": start.limits.high.tolist(),
        "locked": start.locked.tolist(),
        "split": start.split.tolist(),
        "sustained": table.sustained.tolist(),
        "peak": table.peak.tolist(),
        "believed": np.isin(table.channels, table.believed).tolist(),
        "knots": table.knots.tolist(),
        "expected": table.expected.values.tolist(),
        "draws": len(scale),
        "scale": base64.b64encode(scale.astype("<f4").tobytes()).decode(),
        "curves": base64.b64encode(planes).decode(),
        "span": table.span,
        "period": table.period,
        "unit": table.unit,
        "currency": table.currency,
        "refused": bool(start.refused),
    }


def from_page(page: dict[str, Any]) -> Array:
    """Return the outcomes that a page carries, shape (draws, C, G)."""
    scale = np.frombuffer(base64.b64decode(page["scale"]), "<f4").reshape(page["draws"], -1)
    planes = np.frombuffer(base64.b64decode(page["curves"]), np.uint8).reshape(2, -1)
    steps = (planes[0].astype(np.uint16) + (planes[1].astype(np.uint16) << 8)).reshape(
        *scale.shape, len(page["knots"])
    )
    for _ in range(2):
        steps = np.cumsum(steps, axis=-1, dtype=np.uint16)
    return from_steps(scale, steps)
