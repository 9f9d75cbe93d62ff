"""How long the ways to a conversion are: in touches, and in time."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from workbench.attribution.journeys import HOURS, LONGEST, NEW, RETURNING, Journeys
from workbench.attribution.tallies import Floats
from workbench.attribution.windows import LookBack, within
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

_DAY = 86_400_000_000
_KINDS = {"all": (NEW, RETURNING), "new": (NEW,), "returning": (RETURNING,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthRow:
    """The ways of one kind of buyers.

    Parameters
    ----------
    buyers : str
        ``"all"``, ``"new"`` (their first conversion in the data) or ``"returning"``.
    conversions : int
        Conversions with a touch in the window.
    value : float
        Their value.
    mean_touches, median_touches : float or None
        Touches per conversion.
    mean_days, median_days : float or None
        Days from the first touch to the conversion; the median is exact to the hour, and None beyond 90 days.
    within_a_day, within_a_week : float or None
        The share of conversions that took so long or less.
    """

    buyers: str
    conversions: int
    value: float
    mean_touches: float | None
    median_touches: float | None
    mean_days: float | None
    median_days: float | None
    within_a_day: float | None
    within_a_week: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long ways are, for all buyers, new and returning.

    Parameters
    ----------
    rows : tuple of LengthRow
        All, new, returning.
    window : str
        How far back touches count.
    by_touches : tuple of (int, int, int, float)
        Number of touches, conversions of new and of returning buyers, value; the last is 255 or more.
    by_days : tuple of (int, int, int)
        Whole days, conversions of new and of returning buyers; the last is 90 or more.
    """

    rows: tuple[LengthRow, ...]
    window: str
    by_touches: tuple[tuple[int, int, int, float], ...]
    by_days: tuple[tuple[int, int, int], ...]

    @property
    def sentence(self) -> str:
        """Return how many touches and days a conversion takes."""
        every = self.rows[0]
        if not every.conversions:
            return f"No conversion had a touch {within(self.window)} it."
        median = "90 days or more" if every.median_days is None else format_value(every.median_days, "days")
        return (
            f"A conversion takes {every.mean_touches:.1f} touches on average; half of them come within "
            f"{median} of the first touch, {format_value(every.within_a_day, '%')} within a day."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per kind of buyers."""
        import pandas as pd

        names = [field.name for field in fields(LengthRow)]
        return pd.DataFrame([asdict(row) for row in self.rows], columns=names)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def lengths(journeys: Journeys, *, window: str | timedelta | LookBack | None = "30d") -> Lengths:
    """Return how many touches and how much time lie before a conversion.

    Parameters
    ----------
    journeys : Journeys
        The statistics.
    window : str, timedelta, LookBack or None
        One of those the journeys were built with.
    """
    at = journeys.settings.place(window)
    touches, lags, spans = journeys.lengths[at], journeys.lags[at], journeys.spans[at]
    days = np.add.reduceat(lags, np.arange(0, HOURS + 1, 24), axis=1)
    return Lengths(
        rows=tuple(
            _row(name, touches[kinds,].sum(axis=0), lags[kinds,].sum(axis=0), spans[kinds,].sum(axis=0))
            for name, kinds in ((name, list(kinds)) for name, kinds in _KINDS.items())
        ),
        window=str(journeys.settings.lookbacks[at]),
        by_touches=tuple(
            (place, int(touches[NEW, place, 0]), int(touches[RETURNING, place, 0]), float(value))
            for place, value in enumerate(touches[:, :, 1].sum(axis=0))
            if touches[:, place, 0].any()
        ),
        by_days=tuple(
            (day, int(days[NEW, day]), int(days[RETURNING, day]))
            for day in range(days.shape[1])
            if days[:, day].any()
        ),
    )


def _row(name: str, touches: Floats, lags: Floats, spans: Floats) -> LengthRow:
    count = float(touches[:, 0].sum())
    median = _median(touches[:, 0])
    hours = _median(lags)
    return LengthRow(
        buyers=name,
        conversions=int(count),
        value=float(touches[:, 1].sum()),
        mean_touches=float(spans[0] / count) if count else None,
        median_touches=None if median is None or median >= LONGEST else median,
        mean_days=float(spans[1] / count / _DAY) if count else None,
        median_days=None if hours is None or hours >= HOURS else hours / 24,
        within_a_day=float(lags[:24].sum() / count) if count else None,
        within_a_week=float(lags[: 24 * 7].sum() / count) if count else None,
    )


def _median(counts: Floats) -> float | None:
    """Return the middle place of a histogram, half-way between the two middle ones where they differ."""
    total = counts.sum()
    if not total:
        return None
    reached = np.cumsum(counts)
    low, high = (int(np.searchsorted(reached, rank)) for rank in ((total + 1) // 2, total // 2 + 1))
    return (low + high) / 2
