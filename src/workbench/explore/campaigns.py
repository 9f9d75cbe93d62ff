"""Campaigns side by side: rankings, the best and the worst, what to do, and where money could move.

Words: a *ranking* orders the campaigns that have the figure, best first; a *shift* moves part of the spend of
the campaign with the lowest return to the one with the highest, and is named only where the data tell the two
apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.explore.view import View, frame_of, span
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

Priority = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRow:
    """One campaign's figures with 95 % intervals; None where the data cannot say."""

    campaign_id: str
    name: str
    channel: str
    status: str
    days: int
    spend: float | None
    revenue: float | None
    impressions: float | None
    clicks: float | None
    conversions: float | None
    leads: float | None
    ctr: float | None
    ctr_low: float | None
    ctr_high: float | None
    conversion_rate: float | None
    conversion_rate_low: float | None
    conversion_rate_high: float | None
    cost_per_conversion: float | None
    roas: float | None
    roas_low: float | None
    roas_high: float | None
    roi: float | None
    roi_low: float | None
    roi_high: float | None
    incrementality: float | None
    incrementality_low: float | None
    incrementality_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The campaigns in the order of one figure, best first; those without it are left out."""

    name: str
    title: str
    unit: str
    campaign_ids: tuple[str, ...]

    @property
    def best(self) -> str | None:
        """Return the first, where there is one."""
        return self.campaign_ids[0] if self.campaign_ids else None

    @property
    def worst(self) -> str | None:
        """Return the last of at least two."""
        return self.campaign_ids[-1] if len(self.campaign_ids) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One line of advice about one campaign."""

    priority: Priority
    campaign_id: str
    name: str
    action: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetShift:
    """Money per day that could move, and what it would bring per day at constant returns.

    `amount`, `gain`, `low`, `high` are None where `reason` says why nothing can be suggested.
    """

    giver: str | None
    receiver: str | None
    amount: float | None
    gain: float | None
    low: float | None
    high: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignComparison(View):
    """All campaigns of a window side by side, largest spend first."""

    rows: tuple[CampaignRow, ...]
    rankings: tuple[Ranking, ...]
    best: str | None
    worst: str | None
    advice: tuple[Advice, ...]
    shift: BudgetShift
    currency: str | None
    missing: str = ""

    def ranking(self, name: str) -> Ranking:
        """Return one ranking: roi, conversion_rate, cost_per_conversion, roas, volume or incrementality."""
        return next(ranking for ranking in self.rankings if ranking.name == name)

    def name_of(self, campaign_id: str | None) -> str:
        """Return a campaign's name."""
        return next((row.name for row in self.rows if row.campaign_id == campaign_id), campaign_id or "")

    @property
    def sentence(self) -> str:
        """Return the best, the worst, and what could be gained."""
        if self.missing:
            return self.missing
        parts = [f"{len(self.rows)} campaigns"]
        if self.best and self.worst:
            parts.append(f"{self.name_of(self.best)} returns most, {self.name_of(self.worst)} least")
        shift = self.shift
        if shift.amount is not None:
            money = [
                format_value(value, "money", currency=self.currency) for value in (shift.amount, shift.gain)
            ]
            parts.append(
                f"moving {money[0]} a day from {self.name_of(shift.giver)} to {self.name_of(shift.receiver)} "
                f"would bring about {money[1]} a day{span(shift.low, shift.high, 'money', self.currency)}"
            )
        else:
            parts.append(f"no budget shift: {shift.reason}")
        return f"{'; '.join(parts)}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per campaign."""
        return frame_of(self.rows, CampaignRow)

    def advice_frame(self) -> pd.DataFrame:
        """Return one row per line of advice."""
        return frame_of(self.advice, Advice)
