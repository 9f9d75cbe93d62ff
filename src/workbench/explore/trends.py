"""Trends: a metric by day, smoothed over 7 days, and its change against last week, month and year.

Words: a *block* is a run of whole weeks, so that every weekday counts the same in both; a *change* compares
the last block with an earlier one. Ratios are sums over sums in every block and every 7-day window.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from workbench.explore.view import View, frame_of, span
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """One day (or week, named by its first day) of one slice.

    `rolling` is the 7-day mean (a ratio: the ratio of 7-day sums) up to this day; None in the first six days.
    """

    slice: str
    day: date
    value: float | None
    rolling: float | None
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The change of one slice against an earlier block.

    Parameters
    ----------
    kind : str
        ``"WoW"`` (7 days against the 7 before), ``"MoM"`` (28 against the 28 before) or ``"YoY"`` (28 days
        against the same weekdays 364 days before).
    current, previous : float or None
        The mean per day of an additive metric, the ratio of sums of any other.
    change : float or None
        Relative change; `change_low` and `change_high` are its 95 % interval.
    p_value : float or None
        Of the difference being more than the usual movement of the series; None where `reason` says why.
    """

    slice: str
    kind: str
    current: float | None
    previous: float | None
    change: float | None
    change_low: float | None
    change_high: float | None
    p_value: float | None
    reason: str

    @property
    def significant(self) -> bool:
        """Return whether the change is more than the usual movement, at 5 %."""
        return self.p_value is not None and self.p_value < 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends(View):
    """A metric over time."""

    metric: str
    title: str
    unit: str
    better: str
    grain: str
    by: str | None
    points: tuple[TrendPoint, ...]
    changes: tuple[Change, ...]
    currency: str | None
    missing: str = ""

    @property
    def slices(self) -> tuple[str, ...]:
        """Return the slices in the order of their size."""
        return tuple(dict.fromkeys(point.slice for point in self.points))

    @property
    def sentence(self) -> str:
        """Return the longest-running change that can be told from noise, or that there is none."""
        if self.missing:
            return self.missing
        sure = [change for change in self.changes if change.significant]
        if not sure:
            return f"{self.title} shows no change that can be told from its usual movement."
        most = max(sure, key=lambda change: abs(change.change or 0.0))
        where = f" of {most.slice}" if most.slice else ""
        way = "rose" if (most.change or 0.0) > 0 else "fell"
        return (
            f"{self.title}{where} {way} by {format_value(abs(most.change or 0.0), '%')} {_WORDS[most.kind]}"
            f"{span(most.change_low, most.change_high, '%')}, to "
            f"{format_value(most.current, self.unit, currency=self.currency)}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per slice and day."""
        return frame_of(self.points, TrendPoint)

    def changes_frame(self) -> pd.DataFrame:
        """Return one row per slice and kind of change."""
        return frame_of(self.changes, Change)


_WORDS = {
    "WoW": "against the week before",
    "MoM": "against the four weeks before",
    "YoY": "against a year ago",
}
