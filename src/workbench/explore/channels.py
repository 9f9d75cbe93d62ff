"""Channels side by side, across all campaigns or within one.

Words: the *return* of a channel is sum(gain) / sum(cost) over its campaigns, never the mean of their returns;
the *incremental return* is what the treated bought beyond the holdout, per unit of spend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.explore.view import View, frame_of
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """One channel's figures with 95 % intervals; None where the data cannot say."""

    channel: str
    campaigns: int
    spend: float | None
    revenue: float | None
    impressions: float | None
    clicks: float | None
    leads: float | None
    roi: float | None
    roi_low: float | None
    roi_high: float | None
    roas: float | None
    ctr: float | None
    engagement_rate: float | None
    engagement_rate_low: float | None
    engagement_rate_high: float | None
    cost_per_lead: float | None
    cost_per_conversion: float | None
    incremental_return: float | None
    incremental_return_low: float | None
    incremental_return_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelComparison(View):
    """All channels of a window side by side, largest spend first.

    `best_by_engagement` and `best_by_return` are None where no channel has the figure; `sure` says whether
    the interval of the best by engagement stands clear of the second's.
    """

    rows: tuple[ChannelRow, ...]
    campaign_id: str | None
    best_by_engagement: str | None
    best_by_return: str | None
    sure: bool
    currency: str | None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return the best channel by engagement and by incremental return."""
        if self.missing:
            return self.missing
        parts = [f"{len(self.rows)} channels"]
        if self.best_by_engagement:
            row = next(row for row in self.rows if row.channel == self.best_by_engagement)
            sure = "" if self.sure else ", not clearly ahead of the next"
            parts.append(f"{row.channel} engages best ({format_value(row.engagement_rate, '%')}{sure})")
        if self.best_by_return:
            row = next(row for row in self.rows if row.channel == self.best_by_return)
            parts.append(
                f"{row.channel} returns most beyond its holdout ({format_value(row.incremental_return, 'x')})"
            )
        else:
            parts.append("no channel has a holdout, so what it adds beyond itself is unknown")
        return f"{'; '.join(parts)}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel."""
        return frame_of(self.rows, ChannelRow)
