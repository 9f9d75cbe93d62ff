"""The plan that an optimiser proposes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.mmm.budget.projection import ChannelPlan, Projection
from workbench.mmm.budget.question import BudgetQuestion, Limits, told_of_held
from workbench.mmm.budget.told import amount, chance, with_interval
from workbench.mmm.estimate import Estimate
from workbench.result import html_table, told, worded

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]
_SAME = 0.001  # of today's money: what rounding of a total may do


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """The best split found, and what it brings, measured on draws that did not choose it.

    Parameters
    ----------
    model : str
        The model's name.
    question : BudgetQuestion
        What was asked.
    limits : Limits
        Least and most money of every channel.
    projection : Projection
        What the split brings.
    chosen_gain : float
        The mean gain on the draws that chose the split: what would be claimed without holding any back.
    held : tuple of str
        Channels that keep their spend because no data speak for moving them.
    """

    model: str
    question: BudgetQuestion
    limits: Limits
    projection: Projection
    chosen_gain: float
    held: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[ChannelPlan, ...]:
        """Return the channels."""
        return self.projection.rows

    @property
    def split(self) -> dict[str, float]:
        """Return the money of every channel."""
        return {row.channel: row.proposed for row in self.rows}

    @property
    def total(self) -> float:
        """Return the money of all channels."""
        return self.projection.proposed

    @property
    def gain(self) -> Estimate:
        """Return how much more the split brings than what is spent now."""
        return self.projection.gain

    @property
    def better(self) -> float:
        """Return the share of draws in which the split brings more than what is spent now."""
        return self.projection.better

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what to know before acting."""
        return (*self.projection.warnings, *filter(None, [self.kept]))

    @property
    def kept(self) -> str:
        """Return which channels no data speak for moving, in words; empty where there is none."""
        return told_of_held(self.held)

    @property
    def shift(self) -> str:
        """Return the largest increase and the largest cut, in words; empty where nothing moves."""
        return " and ".join(self._largest)

    @property
    def _largest(self) -> tuple[str, ...]:
        moved = sorted(self.rows, key=lambda row: row.proposed - row.current)
        ends = (moved[-1], moved[0])
        return tuple(dict.fromkeys(_more(row, self.projection.currency) for row in ends if _moves(row)))

    @property
    def shifts(self) -> str:
        """Return the largest shifts, and that others belong to the plan, too; empty where nothing moves."""
        others = sum(map(_moves, self.rows)) - len(self._largest)
        if others < 1:
            return self.shift
        return f"{self.shift}, with smaller shifts in {others} other channel{'' if others == 1 else 's'}"

    @property
    def sentence(self) -> str:
        """Return the largest shift and what the plan is expected to bring, in one sentence."""
        shown = self.projection
        if not self.shift:
            return "What is spent now is as good as any split within these bounds."
        gain = with_interval(shown.gain, shown.unit, shown.currency)
        added = shown.proposed - shown.current
        if abs(added) > _SAME * shown.current:  # more money brings more: that alone is no gain
            money = amount(abs(added), "money", shown.currency)
            return (
                f"{self.shifts}: expected to change the outcome by {gain} over {shown.span}, with {money} "
                f"{'more' if added > 0 else 'less'} to spend; it is more than today's with a probability of "
                f"{chance(shown.better)}."
            )
        return (
            f"{self.shifts}: expected to bring {gain} more over {shown.span}, and "
            f"to be a gain with a probability of {chance(shown.better)}."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row a channel: money now and then, bounds, outcome and marginal return."""
        frame = self.projection.to_frame()
        frame.insert(4, "least", self.limits.low)
        frame.insert(5, "most", self.limits.high)
        frame.insert(6, "locked", np.isin(frame["channel"], (*self.question.locked, *self.held)))
        return frame

    def _repr_html_(self) -> str:
        frame = self.to_frame()[["channel", "current", "proposed", "change", "least", "most"]]
        return html_table(frame, caption=self.sentence)


def _moves(row: ChannelPlan) -> bool:
    return abs(row.change) > 0.005


def _more(row: ChannelPlan, currency: str) -> str:
    moved = row.proposed - row.current
    return (
        f"{amount(abs(moved), 'money', currency)} {'more' if moved > 0 else 'less'} for {worded(row.channel)}"
    )
