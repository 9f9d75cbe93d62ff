"""The reference tables beside the events: campaigns, creatives, users, orders, experiments."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.campaigns import Campaign, Plan, creative_text
from workbench.events.simulation.envelope import user_ids
from workbench.events.simulation.frames import as_table
from workbench.events.simulation.population import REGIONS, UNPAID, Population
from workbench.events.simulation.purchases import Trial
from workbench.events.simulation.seasons import stream
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    import polars as pl

_OBJECTIVES = {"owned": "sales", "paid": "sales", "leads": "leads", "planned": "sales"}


def _status(spec: MarketSpec, campaign: Campaign) -> str:
    if campaign.kind == "planned":
        return "scheduled" if campaign.index % 2 else "draft"
    if campaign.last_day >= spec.days:
        return "active"
    return "paused" if campaign.use > 1.1 else "completed"


def _elapsed(spec: MarketSpec, campaign: Campaign) -> float:
    return (min(campaign.last_day, spec.days - 1) - campaign.first_day + 1) / (
        campaign.last_day - campaign.first_day + 1
    )


def campaigns(
    spec: MarketSpec, plan: Plan, daily: pl.DataFrame, orders: pl.DataFrame, leads: pl.DataFrame
) -> pl.DataFrame:
    """Return the campaigns with budgets near what they spent, and targets near what they reached."""
    import polars as pl

    rng = stream(spec, "targets")
    spent = dict(daily.group_by("campaign_id").agg(pl.col("spend").sum().round(2)).iter_rows())
    sold = dict(orders.filter(pl.col("campaign") >= 0).group_by("campaign").len().iter_rows())
    led = dict(leads.group_by("campaign_id").len().iter_rows())
    rows = []
    for c in plan.campaigns:
        spend, part = spent.get(c.campaign_id, 0.0), _elapsed(spec, c) if c.kind != "planned" else 1.0
        wish = float(rng.uniform(0.85, 1.25))
        rows.append(
            {
                "campaign_id": c.campaign_id,
                "name": c.name,
                "campaign_type": c.campaign_type,
                "channel": c.channel,
                "status": _status(spec, c),
                "objective": _OBJECTIVES[c.kind],
                "start_date": spec.start + timedelta(days=c.first_day),
                "end_date": spec.start + timedelta(days=c.last_day),
                "budget": round(spend / c.use / part, -1 if spend > 1000 else 0)
                if spend
                else round(2000 * spec.scale),
                "target_conversions": float(round(sold.get(c.index, 0) * wish / part)) or None,
                "target_leads": float(round(led[c.campaign_id] * wish / part))
                if c.campaign_id in led
                else None,
                "target_roas": None if c.kind == "leads" else 3.5,
                "target_roi": 2.5,
            }
        )
    return as_table("campaigns", pl.DataFrame(rows, infer_schema_length=None))


def creatives(plan: Plan) -> pl.DataFrame:
    """Return the creatives."""
    import polars as pl

    texts = [creative_text(plan, i) for i in range(len(plan.creative_ids))]
    return as_table(
        "creatives",
        pl.DataFrame(
            {
                "creative_id": plan.creative_ids,
                "campaign_id": [plan.campaigns[c].campaign_id for c in plan.creative_campaign],
                "headline": [text[0] for text in texts],
                "body": [text[1] for text in texts],
                "cta": [text[2] for text in texts],
            }
        ),
    )


def users(spec: MarketSpec, plan: Plan, people: Population, orders: pl.DataFrame) -> pl.DataFrame:
    """Return the users; the campaign that brought one is that of its first order, where that has one."""
    import polars as pl

    names = pl.Series([*(c.name for c in spec.channels), *UNPAID])
    ids = pl.Series([*(c.campaign_id for c in plan.campaigns), ""])
    first = orders.filter(~pl.col("repeat")).select("user", "campaign")
    brought = np.full(len(people), -1)
    brought[first["user"].to_numpy()] = first["campaign"].to_numpy()
    by = np.array([*(c.channel for c in plan.campaigns), ""])[brought]
    matches = by == names.to_numpy()[people.channel]
    place = np.where(matches, brought, len(plan.campaigns))
    return as_table(
        "users",
        pl.DataFrame({"user_id": user_ids(len(people)), "signup_at": people.signup}).with_columns(
            acquisition_channel=names.gather(people.channel),
            acquisition_campaign_id=ids.gather(place).replace("", None),
            region=pl.Series(REGIONS).gather(people.region),
            birth_year=people.birth_year,
        ),
    )


def orders_table(orders: pl.DataFrame, people: Population) -> pl.DataFrame:
    """Return the orders: exactly the purchases among the events."""
    import polars as pl

    return as_table(
        "orders",
        orders.with_columns(
            line=pl.lit(1),
            user_id=user_ids(len(people)).gather(orders["user"]),
            ordered_at="at",
            order_value="value",
            is_return=pl.lit(value=False),
        ),
    )


def experiments(trials: list[Trial], people: Population) -> pl.DataFrame:
    """Return who was in which variant of which experiment."""
    import polars as pl

    ids = user_ids(len(people))
    parts = [
        pl.DataFrame({"assigned_at": trial.assigned_at}).with_columns(
            experiment=pl.lit(trial.truth.name),
            user_id=ids.gather(trial.user),
            variant=pl.Series(trial.truth.variants).gather(trial.variant),
        )
        for trial in trials
    ]
    empty = pl.DataFrame(schema={"experiment": pl.String})
    return as_table("experiments", pl.concat(parts) if parts else empty)
