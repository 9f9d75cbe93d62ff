"""What users do: their messages, clicks, orders and visits as events, and their idle moments in the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.events.definitions import OWNED_CHANNELS
from workbench.events.simulation.campaigns import Plan
from workbench.events.simulation.envelope import draft
from workbench.events.simulation.messages import UNSUBSCRIBES, Messages
from workbench.events.simulation.population import Population, segment_at, segment_names
from workbench.events.simulation.seasons import (
    DAY,
    HOUR,
    SECOND,
    Season,
    end_instant,
    first_instant,
    stream,
)
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

_IDLE_PER_YEAR = 7.0
_IDLE = ("app_open", "view_rewards", "view_catalog", "search", "save_item")
_QUERIES = ("coffee", "running shoes", "garden chair", "gift", "headphones", "shampoo")
_REASONS = ("too_many", "not_relevant", "never_signed_up", "other")


def _one_of(values: tuple[str, ...] | list[str], place: NDArray[np.int64]) -> pl.Series:
    import polars as pl

    return pl.Series(values, dtype=pl.String).gather(place)


def _ids(plan: Plan) -> tuple[pl.Series, pl.Series]:
    import polars as pl

    return pl.Series([c.campaign_id for c in plan.campaigns]), pl.Series(plan.creative_ids)


def deliveries(spec: MarketSpec, plan: Plan, people: Population, messages: Messages) -> list[pl.DataFrame]:
    """Return deliveries (the holdout's too), openings, refusals, and campaigns that ended in nothing."""
    import polars as pl

    rng = stream(spec, "deliveries")
    campaign_ids, creative_ids = _ids(plan)
    types = [c.campaign_type for c in plan.campaigns]
    sent = messages.rows.with_columns(
        campaign_id=campaign_ids.gather(messages.rows["campaign"]),
        creative_id=creative_ids.gather(messages.rows["creative"]),
        campaign_type=_one_of(types, messages.rows["campaign"].to_numpy()),
        delivery_channel=_one_of(OWNED_CHANNELS, messages.rows["channel"].to_numpy()),
        segment_id=_one_of(
            [s.name for s in spec.segments], people.segment[messages.rows["user"].to_numpy()]
        ).str.to_lowercase(),
        allocation_method=_one_of(
            ("ai_optimized", "manual", "random"), messages.rows["campaign"].to_numpy() % 3
        ),
        view_duration_seconds=np.round(rng.lognormal(1.6, 0.8, len(messages.rows)), 1),
    )
    who = ("campaign_id", "creative_id")
    opened = sent.filter(pl.col("opened_at").is_not_null()).with_columns(at="opened_at")
    shown = sent.filter(pl.col("opened_at").is_null() & ~pl.col("held_out"))
    shown = shown.filter(pl.Series(rng.random(len(shown)) < 0.04)).with_columns(at=pl.col("at") + SECOND)
    views = pl.concat(
        [opened.with_columns(view_type=pl.lit("opened")), shown.with_columns(view_type=pl.lit("received"))]
    )
    return [
        draft(
            "campaign_delivered",
            sent,
            *map(pl.col, who),
            pl.col("campaign_type"),
            pl.col("segment_id"),
            pl.col("delivery_channel"),
            pl.col("allocation_method"),
            pl.col("held_out").alias("is_holdout"),
            source="backend",
        ),
        draft(
            "campaign_viewed", views, *map(pl.col, who), pl.col("view_type"), pl.col("view_duration_seconds")
        ),
        *_refusals(spec, sent, plan, rng),
    ]


def _refusals(
    spec: MarketSpec, sent: pl.DataFrame, plan: Plan, rng: np.random.Generator
) -> list[pl.DataFrame]:
    import polars as pl

    gone = sent.filter(pl.col("unsubscribed_at").is_not_null())
    gone = gone.with_columns(
        days_to_abandon=((pl.col("unsubscribed_at") - pl.col("at")) / DAY).round(3),
        at="unsubscribed_at",
        unsubscribe_type=_one_of(UNSUBSCRIBES, gone["unsubscribe"].to_numpy()),
        unsubscribe_reason=_one_of(_REASONS, rng.choice(4, len(gone), p=(0.45, 0.35, 0.05, 0.15))),
        reason=_one_of(
            ("unsubscribed", "opt_out", "deletion_requested"), rng.choice(3, len(gone), p=(0.9, 0.08, 0.02))
        ),
        previous_email_frequency=np.round(rng.uniform(0.5, 3.0, len(gone)), 1),
    )
    last = np.array([min(c.last_day, spec.days - 1) for c in plan.campaigns])
    idle = sent.filter(pl.col("clicked_at").is_not_null() & pl.col("bought_at").is_null())
    idle = idle.filter(pl.Series(rng.random(len(idle)) < 0.5)).unique(
        ["user", "campaign"], keep="first", maintain_order=True
    )
    ends = pl.Series(first_instant(spec) + (last[idle["campaign"].to_numpy()] + 1) * DAY - SECOND)
    idle = idle.with_columns(
        days_to_abandon=((ends - pl.col("at")) / DAY).round(3), at=ends, reason=pl.lit("expired")
    ).filter(pl.col("days_to_abandon") >= 0)
    ended = pl.concat(
        [part.select("user", "at", "campaign_id", "reason", "days_to_abandon") for part in (gone, idle)]
    )
    names = ("unsubscribe_type", "unsubscribe_reason", "previous_email_frequency")
    return [
        draft("user_unsubscribed", gone, *map(pl.col, names)),
        draft(
            "campaign_abandoned",
            ended,
            *map(pl.col, ("campaign_id", "reason", "days_to_abandon")),
            source="backend",
        ),
    ]


def clicks_and_orders(
    spec: MarketSpec, plan: Plan, clicks: pl.DataFrame, orders: pl.DataFrame, visited: pl.DataFrame
) -> list[pl.DataFrame]:
    """Return clicks, orders, conversions, and the steps between them."""
    import polars as pl

    rng = stream(spec, "clicks")
    campaign_ids, creative_ids = _ids(plan)
    clicks = clicks.with_columns(
        campaign_id=campaign_ids.gather(clicks["campaign"]),
        creative_id=creative_ids.gather(clicks["creative"]),
        click_type=_one_of(
            ("cta", "headline", "image", "deep_link"), rng.choice(4, len(clicks), p=(0.6, 0.2, 0.12, 0.08))
        ),
        time_to_click_seconds=np.round(rng.lognormal(2.2, 0.9, len(clicks)), 1),
    )
    credited = orders.filter(pl.col("creative") >= 0)
    credited = credited.with_columns(
        campaign_id=campaign_ids.gather(credited["campaign"]),
        creative_id=creative_ids.gather(credited["creative"]),
    )
    steps = visited.with_columns(seconds=np.round(rng.lognormal(4.2, 0.8, len(visited)), 1))
    return [
        draft(
            "campaign_clicked",
            clicks,
            *map(pl.col, ("campaign_id", "creative_id", "click_type", "time_to_click_seconds")),
            session="session",
        ),
        draft(
            "user_purchased",
            orders,
            pl.col("order_id"),
            pl.col("value").alias("order_value"),
            pl.col("category").alias("order_category"),
            pl.col("payment").alias("payment_method"),
            pl.when(pl.col("discount") >= 0).then("discount").alias("promotional_discount"),
            pl.col("repeat").alias("is_repeat_purchase"),
            pl.col("days_since").alias("days_since_last_purchase"),
            (pl.col("discount") >= 0).alias("promo_code_used"),
            session="visit",
        ),
        draft(
            "campaign_converted",
            credited,
            pl.col("campaign_id"),
            pl.col("creative_id"),
            ((pl.col("at") - pl.col("clicked_at")) / SECOND).round(1).alias("conversion_delay_seconds"),
            pl.col("order_id"),
            pl.col("value").alias("order_value"),
            pl.lit("last_touch").alias("attribution_model"),
            source="backend",
            session="visit",
        ),
        draft(
            "user_engaged",
            steps,
            pl.col("step").alias("engagement_type"),
            pl.col("seconds").alias("session_duration_seconds"),
            pl.when(pl.col("step") == "add_to_cart")
            .then(pl.lit("basket"))
            .otherwise(pl.lit("product"))
            .alias("screen_name"),
            session="session",
        ),
    ]


def idle_moments(spec: MarketSpec, people: Population, curve: Season) -> pl.DataFrame:
    """Return visits to the app that have nothing to do with a campaign or an order."""
    import polars as pl

    rng = stream(spec, "idle")
    begin = np.maximum(people.signup, first_instant(spec))
    until = np.maximum(np.minimum(people.lost_at + 20 * DAY, end_instant(spec)), begin)
    low, high = curve.spent(begin), curve.spent(until)
    count = rng.poisson(_IDLE_PER_YEAR / 365.25 * people.openness * (high - low))
    user = np.repeat(np.arange(len(people)), count)
    at = curve.when(low[user] + rng.random(len(user)) * (high - low)[user])
    kind = rng.choice(len(_IDLE), len(user), p=(0.46, 0.14, 0.2, 0.14, 0.06))
    query = _one_of(_QUERIES, rng.integers(0, len(_QUERIES), len(user)))
    frame = pl.DataFrame({"user": user, "at": at}).with_columns(
        kind=_one_of(_IDLE, kind),
        query=query,
        seconds=np.round(rng.lognormal(4.0, 0.9, len(user)), 1),
    )
    return draft(
        "user_engaged",
        frame,
        pl.when(pl.col("kind") == "search").then("query").alias("search_query"),
        pl.col("kind").alias("engagement_type"),
        pl.col("seconds").alias("session_duration_seconds"),
    )


def segment_changes(spec: MarketSpec, people: Population) -> pl.DataFrame:
    """Return when users entered their segments: new, themselves after a month, inactive at last."""
    import polars as pl

    rng = stream(spec, "segments")
    names, kinds = segment_names(spec), len(spec.segments)
    start, users = first_instant(spec), np.arange(len(people))
    entered = np.maximum(people.signup, start)
    at = np.concatenate([entered, people.signup + 30 * DAY, people.lost_at + 30 * DAY])
    state = np.concatenate(
        [segment_at(spec, people, users, entered), people.segment, np.full(len(people), kinds + 1)]
    )
    before = np.concatenate([np.full(len(people), -1), np.full(len(people), kinds), people.segment])
    user = np.tile(users, 3)
    kind = np.array(names)
    valid = (before < 0) | ((at > entered[user]) & (kind[state] != kind[np.maximum(before, 0)]))
    night = (at // DAY + 1) * DAY + 2 * HOUR + rng.integers(0, HOUR, len(at))  # the nightly job
    reasons = np.repeat(
        np.array(["first seen", "30 days after sign-up", "no order for 30 days"]), len(people)
    )
    frame = (
        pl.DataFrame({"user": user, "at": np.where(before < 0, at, night)})
        .with_columns(
            segment_type=_one_of(names, state),
            previous_segment=_one_of([*names, ""], np.where(before < 0, len(names), before)),
            segment_change_reason=pl.Series(reasons),
            segment_score=np.round(rng.beta(6, 2, len(at)), 3),
        )
        .filter(pl.Series(valid))
    )
    previous = pl.when(pl.col("previous_segment") != "").then("previous_segment").alias("previous_segment")
    return draft(
        "user_segmented",
        frame,
        pl.col("segment_type"),
        previous,
        pl.col("segment_change_reason"),
        pl.col("segment_score"),
        source="backend",
    )
