"""Creatives side by side: what they reach, and how sure it is which one is best.

Words: the *probability of being best* is that of having the highest true rate, from a uniform prior and the
counts seen; a *low performer* returns less than `LOW_ROAS` per unit of spend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.explore.view import View, frame_of
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

LOW_ROAS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CreativeRow:
    """One creative's figures with 95 % intervals; None where the data cannot say."""

    creative_id: str
    campaign_id: str
    headline: str
    impressions: float
    clicks: float
    conversions: float | None
    revenue: float | None
    spend: float | None
    ctr: float | None
    ctr_low: float | None
    ctr_high: float | None
    conversion_rate: float | None
    conversion_rate_low: float | None
    conversion_rate_high: float | None
    roas: float | None
    probability_best: float | None
    low_performer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Creatives(View):
    """Creatives, ranked by the probability of having the highest `rate`."""

    rate: str
    rows: tuple[CreativeRow, ...]
    currency: str | None
    missing: str = ""

    @property
    def top(self) -> tuple[CreativeRow, ...]:
        """Return the two most likely to be best."""
        return tuple(row for row in self.rows if row.probability_best is not None)[:2]

    @property
    def low_performers(self) -> tuple[CreativeRow, ...]:
        """Return those that return too little on their spend."""
        return tuple(row for row in self.rows if row.low_performer)

    @property
    def sentence(self) -> str:
        """Return the likely best, how sure that is, and how many return too little."""
        if self.missing:
            return self.missing
        if not self.top:
            return f"{len(self.rows)} creatives, none with enough impressions to compare."
        best = self.top[0]
        sure = "is best" if (best.probability_best or 0) >= 0.95 else "is ahead, but not surely best"
        low = len(self.low_performers)
        tail = f"; {low} return less than {format_value(LOW_ROAS, 'x')} on their spend" if low else ""
        return (
            f"{best.headline or best.creative_id} {sure} by {self.rate} (probability "
            f"{format_value(best.probability_best, '%')} among {len(self.rows)} creatives){tail}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per creative."""
        return frame_of(self.rows, CreativeRow)
