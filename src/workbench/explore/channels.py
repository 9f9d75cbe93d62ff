"""Channels side by side, across all campaigns or within one.

Words: the *return* of a channel is sum(gain) / sum(cost) over its campaigns, never the mean of their returns;
the *incremental return* is what the treated bought beyond the holdout, net of spend and per unit of it. It is
of the campaigns that kept a holdout: what the others add is unknown, and their spend is no part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.explore.figures import SUMS, Figures, figures
from workbench.explore.query import window_of
from workbench.explore.view import View, frame_of, lacking, ratio
from workbench.metrics import Metric
from workbench.metrics.cautions import counted_twice
from workbench.metrics.terms import tested_spend
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables

METRIC_NAMES = (
    *SUMS,
    "spend",
    "leads",
    "ctr",
    "engagement_rate",
    "content_engagement_rate",
    "cost_per_lead",
    "cost_per_conversion",
    "roas",
    "roi",
    "net_incremental_revenue",
)
_NOISE = 1e-9  # of a whole: what floats of sums in another order may differ by
TESTED = Metric(
    name="tested_spend",
    title="Spend with a holdout",
    unit="money",
    better="neither",
    owner="cmo",
    refresh="daily",
    is_=tested_spend,
    says="Spend of the campaigns that kept a holdout.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """One channel's figures with 95 % intervals; None where the data cannot say.

    `incremental_p` is the p of "the money came back, and no more"; None where too few bought for a verdict:
    revenue is skewed, and an interval from a handful of buyers held out is rough. `caution` says where some
    of it may count twice; `days` over how many days the return on investment is.
    """

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
    incremental_p: float | None = None
    caution: str = ""
    days: int = 0

    @property
    def surely_adds(self) -> bool:
        """Return whether it brought more than it cost, beyond what chance could do."""
        return self.incremental_p is not None and (self.incremental_return_low or 0) > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelComparison(View):
    """All channels of a window side by side, largest spend first.

    `engagement` says what the engagement rate is of: ``"leads"`` that did anything beyond arriving, or, where
    no lead is known, ``"content"``: engagements per impression.

    `unnamed` is the share of the credited revenue whose channel nobody told: it is in no row.

    `best_by_engagement` and `best_by_return` are None where no channel has the figure; `sure` says whether
    the interval of the best by engagement stands clear of the second's.
    """

    rows: tuple[ChannelRow, ...]
    campaign_id: str | None
    best_by_engagement: str | None
    best_by_return: str | None
    sure: bool
    currency: str | None
    engagement: str = "leads"
    unnamed: float = 0.0
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return the best channel by engagement and by incremental return."""
        if self.missing:
            return self.missing
        parts = [f"{len(self.rows)} channel{'' if len(self.rows) == 1 else 's'}"]
        if self.best_by_engagement:
            row = next(row for row in self.rows if row.channel == self.best_by_engagement)
            others = sum(one.engagement_rate is not None for one in self.rows) > 1
            sure = "" if self.sure or not others else ", not clearly ahead of the next"
            does = (
                "engages best"
                if others
                else "engages"
                if len(self.rows) == 1
                else "alone tells its engagement"
            )
            rate = format_value(row.engagement_rate, "%")
            parts.append(f"{_named(row.channel)} {does} ({rate}{sure})")
        if self.best_by_return:
            parts.append(self._added())
        else:
            parts.append("what channels add beyond themselves is unknown: that takes a holdout and spend")
        if self.unnamed:
            share = format_value(self.unnamed, "%")
            parts.append(f"{share} of the credited revenue has no channel and is in no row")
        return f"{'; '.join(parts)}."

    def _added(self) -> str:
        """Return what the channels add beyond their holdouts, no more surely than the intervals allow."""
        known = [row for row in self.rows if row.incremental_return is not None]
        best = next(row for row in known if row.channel == self.best_by_return)
        judged = sum(
            row.incremental_p is not None for row in known
        )  # each of many may by chance (Bonferroni)
        sure = [row for row in known if row.surely_adds and (row.incremental_p or 0.0) * judged < 0.05]
        if not sure:
            ends = best.incremental_return_low, best.incremental_return_high
            span = (
                f", {_times(ends[0])} to {_times(ends[1])}" if None not in ends else ", without an interval"
            )
            chance = (
                f", as one of {judged} may by chance"
                if best.surely_adds
                else ", from too few buyers to be sure"
            )
            few = chance if (ends[0] or 0) > 0 else ""
            figures = f"{_times(best.incremental_return)} net of cost{span}{few}"
            name = _named(best.channel)
            return f"no channel surely adds more than it costs, {name} comes closest ({figures})"
        if best not in sure:
            first = max(sure, key=lambda row: row.incremental_return or 0)
            value = _times(first.incremental_return)
            return f"{_named(first.channel)} surely adds more than it costs ({value} net)"
        others = [row.incremental_return_high for row in known if row is not best]
        ahead = all(other is not None and other < (best.incremental_return_low or 0) for other in others)
        doubt = "" if ahead else ", not clearly ahead of the next"
        value = _times(best.incremental_return)
        return f"{_named(best.channel)} adds most beyond its holdout ({value} net of cost{doubt})"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel."""
        return frame_of(self.rows, ChannelRow)


def _times(value: float | None) -> str:
    return format_value(value, "x")


def _named(channel: str) -> str:
    return channel.replace("_", " ")


def compare_channels(
    tables: Tables, *, campaign_id: str | None = None, window: str | Window | None = "30d"
) -> ChannelComparison:
    """Return all channels side by side.

    Parameters
    ----------
    tables : Tables
        Needs daily_performance, facts or leads.
    campaign_id : str, optional
        Look within this campaign only.
    window : str or Window, optional
        The days compared.

    Notes
    -----
    The incremental return is known only where a channel's campaigns kept a random holdout. It is net of cost:
    0 means that the money came back.
    """
    missing = lacking(tables, "daily_performance", "facts", "leads")
    days = window_of(tables, window)
    if missing or days is None:
        return _comparison((), campaign_id, tables.currency, missing or lacking(tables))
    where = {"campaign": campaign_id} if campaign_id is not None else None
    found = figures(tables, [*METRIC_NAMES, TESTED], by=("channel",), window=days, where=where)
    pairs = figures(tables, ["impressions", "spend"], by=("channel", "campaign"), window=days, where=where)
    of_leads = any(found.of(key, "engagement_rate").value is not None for key in found.slices)
    rate = "engagement_rate" if of_leads else "content_engagement_rate"
    rows = [
        _row(key[0], sum(pair[0] == key[0] for pair in pairs.slices), found, rate)
        for key in found.slices
        if key[0]
    ]
    rows.sort(key=lambda row: (-(row.spend or 0.0), -(row.impressions or 0.0), row.channel))
    reason = "" if rows else f"Not enough data: no channel was active {days.told}."
    view = _comparison(tuple(rows), campaign_id, tables.currency, reason)
    credited = figures(tables, ["roas"], window=days, where=where).of((), "roas").numerator
    unnamed = ratio((credited or 0.0) - sum(row.revenue or 0.0 for row in rows), credited) or 0.0
    view = replace(view, unnamed=unnamed if unnamed > _NOISE else 0.0)
    return view if of_leads else replace(view, engagement="content")


def _row(channel: str, campaigns: int, found: Figures, rate: str) -> ChannelRow:
    of = {name: found.of((channel,), name) for name in (*METRIC_NAMES, TESTED.name)}
    tested, net = of[TESTED.name].value, of["net_incremental_revenue"]
    return ChannelRow(
        channel=channel,
        campaigns=campaigns,
        spend=of["spend"].value,
        revenue=of["roas"].numerator,
        impressions=of["ctr"].denominator,
        clicks=of["ctr"].numerator,
        leads=of["leads"].value,
        roi=of["roi"].value,
        roi_low=of["roi"].low,
        roi_high=of["roi"].high,
        days=int(of["roi"].n or 0),
        roas=of["roas"].value,
        ctr=of["ctr"].value,
        engagement_rate=of[rate].value,
        engagement_rate_low=of[rate].low,
        engagement_rate_high=of[rate].high,
        cost_per_lead=of["cost_per_lead"].value,
        cost_per_conversion=of["cost_per_conversion"].value,
        # Without an interval a handful held out speaks for all: a single order of it would be a huge loss.
        incremental_return=None if net.low is None else ratio(net.value, tested),
        incremental_return_low=ratio(net.low, tested),
        incremental_return_high=ratio(net.high, tested),
        incremental_p=net.p,
        caution=counted_twice(figure.caution for figure in of.values()),
    )


def _comparison(
    rows: Sequence[ChannelRow], campaign_id: str | None, currency: str | None, missing: str
) -> ChannelComparison:
    engaging = sorted(
        (row for row in rows if row.engagement_rate is not None),
        key=lambda row: (-(row.engagement_rate or 0.0), row.channel),
    )
    adding = sorted(
        (row for row in rows if row.incremental_return is not None),
        key=lambda row: (-(row.incremental_return or 0.0), row.channel),
    )
    return ChannelComparison(
        rows=tuple(rows),
        campaign_id=campaign_id,
        best_by_engagement=engaging[0].channel if engaging else None,
        best_by_return=adding[0].channel if adding else None,
        sure=_is_ahead(engaging),
        currency=currency,
        missing=missing,
    )


def _is_ahead(ordered: Sequence[ChannelRow]) -> bool:
    if len(ordered) < 2:
        return False
    low, high = ordered[0].engagement_rate_low, ordered[1].engagement_rate_high
    return low is not None and high is not None and low > high
