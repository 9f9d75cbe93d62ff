"""Budget pacing: spent to date against plan, and where the spend will end.

Words: the *plan* spreads the budget evenly over the days of the campaign; the *pace* is spent / plan to date;
the *projection* goes on at the recent daily spend, with an interval from how much days differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from workbench.explore.view import View, frame_of, listed, span
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

PaceVerdict = Literal["over", "under", "on plan", "unclear", "ended", "not started", "no plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceRow:
    """One campaign's spend against its plan; the last row of a view is the total of all that have a plan."""

    campaign_id: str
    name: str
    budget: float | None
    start: date | None
    end: date | None
    elapsed: float | None
    spent: float
    planned: float | None
    pace: float | None
    projected: float | None
    projected_low: float | None
    projected_high: float | None
    verdict: PaceVerdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendPoint:
    """Cumulative spend and plan of one campaign at the end of one day."""

    campaign_id: str
    day: date
    spent: float
    planned: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing(View):
    """All campaigns' spend against plan, on one day."""

    as_of: date | None
    rows: tuple[PaceRow, ...]
    total: PaceRow | None
    points: tuple[SpendPoint, ...]
    currency: str | None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return where the total will end, and which campaigns leave their plan."""
        if self.missing:
            return self.missing
        parts = []
        if self.total is not None and self.total.projected is not None:
            ends = [
                format_value(value, "money", currency=self.currency)
                for value in (self.total.projected, self.total.budget)
            ]
            interval = span(self.total.projected_low, self.total.projected_high, "money", self.currency)
            parts.append(f"spend will end near {ends[0]}{interval} of {ends[1]} planned")
        for verdict, words in (("over", "will overspend"), ("under", "will leave budget unused")):
            names = [row.name for row in self.rows if row.verdict == verdict]
            if names:
                parts.append(f"{listed(names[:5])}{' and others' if len(names) > 5 else ''} {words}")
        if not parts:
            return "No campaign leaves its plan as far as can be told."
        text = "; ".join(parts)
        return f"{text[0].upper()}{text[1:]}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per campaign, and the total last."""
        return frame_of([*self.rows, *([self.total] if self.total else [])], PaceRow)

    def points_frame(self) -> pd.DataFrame:
        """Return one row per campaign and day."""
        return frame_of(self.points, SpendPoint)
