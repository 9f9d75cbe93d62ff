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
    rng = stream(spec, "deliveries")
    sent = _described(spec, plan, people, messages)
    who = ("campaign_id", "creative_id")
    what = ("campaign_type", "segment_id", "delivery_channel", "allocation_method", "is_holdout")
    return [
        draft("campaign_delivered", sent, *who, *what, source="backend"),
        draft("campaign_viewed", _views(sent, rng), *who, "view_type", "view_duration_seconds"),
        *_refusals(spec, sent, plan, rng),
    ]


def _described(spec: MarketSpec, plan: Plan, people: Population, messages: Messages) -> pl.DataFrame:
    import polars as pl

    campaign_ids, creative_ids = _ids(plan)
    campaign = messages.rows["campaign"].to_numpy()
    kinds = [segment.name.lower() for segment in spec.segments]
    return messages.rows.with_columns(
        campaign_id=campaign_ids.gather(campaign),
        creative_id=creative_ids.gather(messages.rows["creative"]),
        campaign_type=_one_of([c.campaign_type for c in plan.campaigns], campaign),
        delivery_channel=_one_of(OWNED_CHANNELS, messages.rows["channel"].to_numpy()),
        segment_id=_one_of(kinds, people.segment[messages.rows["user"].to_numpy()]),
        allocation_method=_one_of(("ai_optimized", "manual", "random"), campaign % 3),
        is_holdout=pl.col("held_out"),
    )


def _views(sent: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Return the openings, and a few messages that were seen and not opened."""
    import polars as pl

    opened = sent.filter(pl.col("opened_at").is_not_null()).with_columns(at="opened_at")
    seen = sent.filter(pl.col("opened_at").is_null() & ~pl.col("held_out"))
    seen = seen.filter(pl.Series(rng.random(len(seen)) < 0.04)).with_columns(at=pl.col("at") + SECOND)
    views = pl.concat(
        [opened.with_columns(view_type=pl.lit("opened")), seen.with_columns(view_type=pl.lit("received"))]
    )
    return views.with_columns(view_duration_seconds=np.round(rng.lognormal(1.6, 0.8, len(views)), 1))


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


def clicks(spec: MarketSpec, plan: Plan, clicked: pl.DataFrame) -> pl.DataFrame:
    """Return the clicks."""
    rng = stream(spec, "clicks")
    campaign_ids, creative_ids = _ids(plan)
    kind = rng.choice(4, len(clicked), p=(0.6, 0.2, 0.12, 0.08))
    rows = clicked.with_columns(
        campaign_id=campaign_ids.gather(clicked["campaign"]),
        creative_id=creative_ids.gather(clicked["creative"]),
        click_type=_one_of(("cta", "headline", "image", "deep_link"), kind),
        time_to_click_seconds=np.round(rng.lognormal(2.2, 0.9, len(clicked)), 1),
    )
    names = ("campaign_id", "creative_id", "click_type", "time_to_click_seconds")
    return draft("campaign_clicked", rows, *names, session="session")


def purchases(orders: pl.DataFrame) -> pl.DataFrame:
    """Return the orders as events."""
    import polars as pl

    rows = orders.with_columns(
        order_value="value",
        order_category="category",
        payment_method="payment",
        promotional_discount=pl.when(pl.col("discount") >= 0).then("discount"),
        is_repeat_purchase="repeat",
        days_since_last_purchase="days_since",
        promo_code_used=pl.col("discount") >= 0,
    )
    paid = ("order_id", "order_value", "order_category", "payment_method", "promotional_discount")
    before = ("is_repeat_purchase", "days_since_last_purchase", "promo_code_used")
    return draft("user_purchased", rows, *paid, *before, session="visit")


def conversions(plan: Plan, orders: pl.DataFrame) -> pl.DataFrame:
    """Return the orders that are credited to the campaign clicked last."""
    import polars as pl

    campaign_ids, creative_ids = _ids(plan)
    rows = orders.filter(pl.col("creative") >= 0)
    rows = rows.with_columns(
        campaign_id=campaign_ids.gather(rows["campaign"]),
        creative_id=creative_ids.gather(rows["creative"]),
        conversion_delay_seconds=((pl.col("at") - pl.col("clicked_at")) / SECOND).round(1),
        order_value="value",
        attribution_model=pl.lit("last_touch"),
    )
    names = ("campaign_id", "creative_id", "conversion_delay_seconds", "order_id", "order_value")
    return draft("campaign_converted", rows, *names, "attribution_model", source="backend", session="visit")


def shop_steps(spec: MarketSpec, visited: pl.DataFrame) -> pl.DataFrame:
    """Return landings and filled baskets."""
    import polars as pl

    rng = stream(spec, "steps")
    basket = pl.col("step") == "add_to_cart"
    rows = visited.with_columns(
        engagement_type="step",
        session_duration_seconds=np.round(rng.lognormal(4.2, 0.8, len(visited)), 1),
        screen_name=pl.when(basket).then(pl.lit("basket")).otherwise(pl.lit("product")),
    )
    names = ("engagement_type", "session_duration_seconds", "screen_name")
    return draft("user_engaged", rows, *names, session="session")


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
