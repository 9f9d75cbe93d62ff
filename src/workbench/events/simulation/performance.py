"""What platforms and senders report per day: spend always, and what no event tells.

One rule keeps every figure single. Of paid channels, impressions and spend are here; their clicks and orders
are events. Of owned channels, impressions, clicks and orders are events; here are spend, sends, deliveries,
bounces, opens and replies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.campaigns import Plan
from workbench.events.simulation.frames import as_table
from workbench.events.simulation.messages import Messages
from workbench.events.simulation.seasons import DAY, first_instant, stream
from workbench.events.simulation.showing import Showing
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    import polars as pl

_BOUNCES = {"email": 0.021, "push": 0.034, "sms": 0.012, "in_app": 0.0}
_REPLIES = {"email": 0.004, "push": 0.0, "sms": 0.011, "in_app": 0.0}
_SOCIAL = ("paid_social", "social", "linkedin")
_LEAD_SPEND = 22.0  # of a day, for each campaign that gathers leads


def _paid(spec: MarketSpec, plan: Plan, showing: Showing, clicks: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    rng = stream(spec, "performance paid")
    creative, day = np.nonzero(showing.spend)
    spend = showing.spend[creative, day]
    channels = {channel.name: channel for channel in spec.channels}
    of = [channels.get(plan.campaigns[c].channel) for c in plan.creative_campaign]
    cost = np.array([c.click_cost if c else 1.0 for c in of])[creative]
    rate = np.array([c.click_rate if c else 1.0 for c in of])[creative]
    clicked = np.zeros(showing.spend.shape)
    paid = clicks.filter(pl.col("paid"))
    np.add.at(clicked, (paid["creative"].to_numpy(), (paid["at"].to_numpy() - first_instant(spec)) // DAY), 1)
    shown = rng.poisson(spend / cost / rate * rng.lognormal(0, 0.12, len(spend)))
    shown = np.maximum(shown, clicked[creative, day])
    social = np.array([c is not None and c.name in _SOCIAL for c in of])[creative]
    engaged = rng.binomial(shown.astype(np.int64), 0.021)
    return pl.DataFrame(
        {
            "day": day,
            "creative": creative,
            "spend": spend,
            "impressions": shown.astype(np.int64),
            "engagements": engaged,
            "shares": rng.binomial(engaged, 0.06),
            "comments": rng.binomial(engaged, 0.09),
        }
    ).with_columns(
        pl.when(pl.Series(social)).then(pl.col(name)).alias(name)
        for name in ("engagements", "shares", "comments")
    )


def _owned(spec: MarketSpec, plan: Plan, messages: Messages) -> pl.DataFrame:
    import polars as pl

    rng = stream(spec, "performance owned")
    sent = messages.rows.filter(~pl.col("held_out"))
    days = (
        sent.group_by(day=(pl.col("at") - first_instant(spec)) // DAY, creative="creative")
        .agg(deliveries=pl.len(), opens=pl.col("opened_at").count())
        .sort("day", "creative")
    )
    campaigns = [plan.campaigns[plan.creative_campaign[c]] for c in days["creative"]]
    delivered = days["deliveries"].to_numpy().astype(np.int64)
    bounced = rng.binomial(delivered, [_BOUNCES[c.channel] for c in campaigns])
    cost = np.array([c.cost_per_send for c in campaigns])
    return days.with_columns(
        deliveries=delivered,
        opens=days["opens"].cast(pl.Int64),
        bounces=bounced,
        sends=delivered + bounced,
        replies=rng.binomial(delivered, [_REPLIES[c.channel] for c in campaigns]),
        spend=np.round((delivered + bounced) * cost, 2),
    )


def _leads(spec: MarketSpec, plan: Plan) -> pl.DataFrame:
    import polars as pl

    rng = stream(spec, "performance leads")
    runs = [
        (c.creatives[0], day)
        for c in plan.of("leads")
        for day in range(c.first_day, min(c.last_day + 1, spec.days))
    ]
    creative, day = np.array(runs, dtype=np.int64).reshape(-1, 2).T
    spend = np.round(_LEAD_SPEND * spec.scale * rng.lognormal(-0.03, 0.25, len(day)), 2)
    return pl.DataFrame({"day": day, "creative": creative, "spend": spend})


def daily_performance(
    spec: MarketSpec, plan: Plan, showing: Showing, messages: Messages, clicks: pl.DataFrame
) -> pl.DataFrame:
    """Return the table of that name: one row per day and creative."""
    import polars as pl

    parts = (_paid(spec, plan, showing, clicks), _owned(spec, plan, messages), _leads(spec, plan))
    rows = pl.concat(parts, how="diagonal_relaxed").sort("day", "creative")
    campaigns = [plan.campaigns[c] for c in plan.creative_campaign]
    creative = rows["creative"]
    return as_table(
        "daily_performance",
        rows.with_columns(
            date=pl.lit(spec.start) + pl.duration(days=pl.col("day")),
            campaign_id=pl.Series([c.campaign_id for c in campaigns]).gather(creative),
            channel=pl.Series([c.channel for c in campaigns]).gather(creative),
            creative_id=pl.Series(plan.creative_ids).gather(creative),
        ),
    )
