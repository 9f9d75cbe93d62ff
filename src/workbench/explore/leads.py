"""Lead quality: where good leads come from, how far they get, what they cost and bring.

Words: the *win rate* is won / (won + lost), open leads left out; the *expected value* of a lead is its deal
value when won, nothing when lost, deal value x close probability while open; the *return* is (expected
value - cost) / cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.explore.view import View, frame_of, span
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRow:
    """The leads of one channel, with 95 % intervals.

    `new_per_day` is the velocity of arrival, `days_to_close` the median of won leads, `roi` needs costs.
    """

    channel: str
    leads: int
    won: int
    lost: int
    open: int
    conversion: float | None
    conversion_low: float | None
    conversion_high: float | None
    win_rate: float | None
    win_rate_low: float | None
    win_rate_high: float | None
    won_value: float | None
    expected_value: float | None
    new_per_day: float | None
    days_to_close: float | None
    cost: float | None
    cost_per_lead: float | None
    roi: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeCell:
    """How many leads of a channel have a grade, and their win rate with its 95 % interval."""

    channel: str
    grade: str
    leads: int
    share: float
    win_rate: float | None
    win_rate_low: float | None
    win_rate_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadStage:
    """How many leads came at least to a stage, and the share of the stage before that got here."""

    stage: str
    leads: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadReport(View):
    """Lead quality; `total` is the row over all channels."""

    total: LeadRow | None
    rows: tuple[LeadRow, ...]
    grades: tuple[GradeCell, ...]
    stages: tuple[LeadStage, ...]
    currency: str | None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return the number of leads, the win rate and what they are worth."""
        if self.missing or self.total is None:
            return self.missing
        row = self.total
        cost = format_value(row.cost_per_lead, "money", currency=self.currency)
        value = format_value(row.expected_value, "money", currency=self.currency)
        price = f" at {cost} each" if row.cost_per_lead is not None else ""
        return (
            f"{row.leads:,} leads{price}; {format_value(row.win_rate, '%')} of the decided were won"
            f"{span(row.win_rate_low, row.win_rate_high, '%')}; they are worth {value}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel."""
        return frame_of(self.rows, LeadRow)

    def grades_frame(self) -> pd.DataFrame:
        """Return one row per channel and grade."""
        return frame_of(self.grades, GradeCell)

    def stages_frame(self) -> pd.DataFrame:
        """Return one row per stage."""
        return frame_of(self.stages, LeadStage)
