"""The truth of a simulated market: what every method should find, and no file of the market tells."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.definitions import OWNED_CHANNELS
from workbench.events.simulation.campaigns import Plan
from workbench.events.simulation.counterfactual import buyers
from workbench.events.simulation.envelope import user_ids
from workbench.events.simulation.markets import Stores
from workbench.events.simulation.media import Media, marginal
from workbench.events.simulation.messages import Messages
from workbench.events.simulation.population import REGIONS, Population
from workbench.events.simulation.purchases import Trial
from workbench.events.simulation.seasons import DAY, WEEKDAYS, end_instant, first_instant, weekday_of, yearly
from workbench.events.simulation.shop import expected_value
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    import polars as pl

_LONG = ("attribution", "seasonality", "daily")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is true of a market.

    Parameters
    ----------
    daily : DataFrame
        Per paid channel and day: spend, carried_spend, expected_conversions and expected_revenue (what the
        response curve says), conversions and revenue (the incremental orders that chance made of it).
    channels : DataFrame
        Per paid channel: maximum, half_saturation, carry_over and shape as they hold at this market's size,
        spend, expected and realised incremental conversions and revenue, roi ((revenue - spend) / spend,
        expected), marginal_roas at the mean spend, last_touch_conversions and last_touch_revenue (what the
        market's own last-touch credit says, orders captured and not caused included).
    campaigns : DataFrame
        Per owned campaign: treated and held_out users; base_rate (who takes the offer without being sent it)
        and lift (who takes it only because of that), both expected; the orders of each kind that happened;
        and for the outcome "any order within 30 days": treated_buyers, held_out_buyers, and buyers_lift, the
        share of the treated who bought only because of the campaign.
    experiments : DataFrame
        Per experiment and variant: the relative effect on the order rate, users, expected orders per user and
        expected share of users with an order, both of orders of their own accord while it ran.
    geo_tests : DataFrame
        Per geo test and treated city: first and last day, the relative lift of orders, and what the stores
        there would have sold without it beside what it added, in orders and money, as chance made it.
    segments : DataFrame
        Per kind of shopper: its share, order rate, order value, lifetime, response and uplift.
    attribution : DataFrame
        Per channel, owned ones too: incremental conversions and revenue beside last-touch credit.
    users : DataFrame
        Per user: segment, orders a year, when it was lost, and whether it still was a customer at the end.
    seasonality : DataFrame
        Per day: multiple of the week and of the year.
    """

    daily: pl.DataFrame
    channels: pl.DataFrame
    campaigns: pl.DataFrame
    experiments: pl.DataFrame
    geo_tests: pl.DataFrame
    segments: pl.DataFrame
    attribution: pl.DataFrame
    users: pl.DataFrame
    seasonality: pl.DataFrame

    def to_json(self) -> str:
        """Return all but the table of users as JSON text: per table a list of rows."""
        names = ("channels", "campaigns", "experiments", "geo_tests", "segments")
        tables = {name: getattr(self, name).to_dicts() for name in (*names, *_LONG)}
        return json.dumps(tables, default=str, indent=1) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """All that made a market: plan, media, people, messages, experiments, orders, and stores."""

    plan: Plan
    media: Media
    people: Population
    messages: Messages
    trials: list[Trial]
    orders: pl.DataFrame
    stores: Stores


def _daily(spec: MarketSpec, media: Media, orders: pl.DataFrame, value: float) -> pl.DataFrame:
    import polars as pl

    channels, days = media.spend.shape
    caused = orders.filter(pl.col("channel") >= 0)
    place = (caused["channel"].to_numpy(), (caused["at"].to_numpy() - first_instant(spec)) // DAY)
    conversions, revenue = np.zeros(media.spend.shape), np.zeros(media.spend.shape)
    np.add.at(conversions, place, 1)
    np.add.at(revenue, place, caused["value"].to_numpy())
    return pl.DataFrame(
        {
            "channel": np.repeat([c.name for c in spec.channels], days),
            "day": np.tile(np.arange(days), channels),
            "spend": media.spend.ravel(),
            "carried_spend": media.carried.ravel(),
            "expected_conversions": media.expected.ravel(),
            "expected_revenue": media.expected.ravel() * value,
            "conversions": conversions.ravel(),
            "revenue": revenue.ravel(),
        }
    ).select((pl.lit(spec.start) + pl.duration(days=pl.col("day"))).alias("date"), pl.exclude("day"))


def _attribution(spec: MarketSpec, plan: Plan, orders: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    of_campaign = pl.Series([*(c.channel for c in plan.campaigns), ""])
    of_cause = pl.Series([*(c.name for c in spec.channels), ""])
    campaign, channel = orders["campaign"].to_numpy(), orders["channel"].to_numpy()
    credited = of_campaign.gather(np.where(campaign < 0, len(plan.campaigns), campaign))
    by_paid = of_cause.gather(np.where(channel < 0, len(spec.channels), channel))
    orders = orders.with_columns(credited=credited, by_paid=by_paid)
    sent_by = pl.when(pl.col("cause") == "owned").then("credited").otherwise("by_paid")
    orders = orders.with_columns(caused=pl.when("incremental").then(sent_by).otherwise(pl.lit("")))
    names = pl.DataFrame({"channel": [*OWNED_CHANNELS, *(c.name for c in spec.channels)]})
    value = pl.col("value").sum().round(2)
    true = orders.group_by(channel="caused").agg(incremental_conversions=pl.len(), incremental_revenue=value)
    last = orders.group_by(channel="credited").agg(last_touch_conversions=pl.len(), last_touch_revenue=value)
    joined = names.join(true, on="channel", how="left", maintain_order="left")
    return joined.join(last, on="channel", how="left", maintain_order="left").fill_null(0)


def _channels(spec: MarketSpec, daily: pl.DataFrame, attribution: pl.DataFrame, value: float) -> pl.DataFrame:
    import polars as pl

    known = pl.DataFrame(
        {
            "channel": [c.name for c in spec.channels],
            "maximum": [c.maximum * spec.scale for c in spec.channels],
            "half_saturation": [c.half_saturation * spec.scale for c in spec.channels],
            "carry_over": [c.carry_over for c in spec.channels],
            "shape": [c.shape for c in spec.channels],
        }
    )
    amounts = ("spend", "expected_conversions", "expected_revenue", "conversions", "revenue")
    # Summed in a fixed order: the same market gives the same last digit.
    table = known.with_columns(
        pl.Series(name, daily[name].to_numpy().reshape(len(spec.channels), -1).sum(axis=1))
        for name in amounts
    )
    mean = table["spend"].to_numpy() / spec.days
    next_unit = [
        float(marginal(c, mean[i : i + 1], spec.scale)[0]) * value for i, c in enumerate(spec.channels)
    ]
    table = table.with_columns(
        roi=(pl.col("expected_revenue") - pl.col("spend")) / pl.col("spend"),
        marginal_roas=pl.Series(next_unit),
    )
    credit = attribution.select("channel", "last_touch_conversions", "last_touch_revenue")
    return table.join(credit, on="channel", how="left", maintain_order="left")


def _campaigns(plan: Plan, messages: Messages, orders: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    rows = [
        {
            "campaign": reach.campaign,
            "campaign_id": plan.campaigns[reach.campaign].campaign_id,
            "name": plan.campaigns[reach.campaign].name,
            "channel": plan.campaigns[reach.campaign].channel,
            "treated": reach.treated,
            "held_out": reach.held_out,
            "base_rate": reach.base_rate,
            "lift": reach.lift,
        }
        for reach in messages.reached
    ]
    answered = messages.rows.filter(pl.col("bought_at").is_not_null()).group_by("campaign")
    answers = answered.agg(
        treated_conversions=(~pl.col("held_out")).sum().cast(pl.Int64),
        held_out_conversions=pl.col("held_out").sum().cast(pl.Int64),
    )
    table = pl.DataFrame(rows, infer_schema_length=None)
    for more in (answers, buyers(messages, orders)):
        table = table.join(more, on="campaign", how="left", maintain_order="left")
    return table.with_columns(incremental_conversions=pl.col("lift") * pl.col("treated")).drop("campaign")


def _experiments(trials: list[Trial]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(
        [
            {
                "experiment": trial.truth.name,
                "variant": variant,
                "effect": trial.truth.effects[i],
                "users": int((trial.variant == i).sum()),
                "expected_orders": trial.expected_orders[i],
                "expected_buyers": trial.expected_buyers[i],
            }
            for trial in trials
            for i, variant in enumerate(trial.truth.variants)
        ],
        schema={
            "experiment": pl.String,
            "variant": pl.String,
            "effect": pl.Float64,
            "users": pl.Int64,
            "expected_orders": pl.Float64,
            "expected_buyers": pl.Float64,
        },
    )


def _users(spec: MarketSpec, people: Population) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(
        {
            "user_id": user_ids(len(people)),
            "segment": pl.Series([s.name for s in spec.segments]).gather(people.segment),
            "region": pl.Series(REGIONS).gather(people.region),
            "orders_per_year": people.rate,
            "lost_at": pl.Series(people.lost_at).cast(pl.Datetime("us", "UTC")),
            "customer_at_end": people.lost_at >= end_instant(spec),
        }
    )


def tell(spec: MarketSpec, happened: Happened) -> Truth:
    """Return the truth of a market from what made it."""
    import polars as pl

    value = expected_value(spec, happened.people)
    daily, attribution = (
        _daily(spec, happened.media, happened.orders, value),
        _attribution(spec, happened.plan, happened.orders),
    )
    segments = pl.DataFrame(
        [{name: getattr(segment, name) for name in type(segment).__slots__} for segment in spec.segments]
    )
    return Truth(
        daily=daily,
        channels=_channels(spec, daily, attribution, value),
        campaigns=_campaigns(happened.plan, happened.messages, happened.orders),
        experiments=_experiments(happened.trials),
        geo_tests=happened.stores.truth,
        segments=segments,
        attribution=attribution,
        users=_users(spec, happened.people),
        seasonality=pl.DataFrame(
            {"date": daily["date"].head(spec.days), "week": WEEKDAYS[weekday_of(spec)], "year": yearly(spec)}
        ),
    )
