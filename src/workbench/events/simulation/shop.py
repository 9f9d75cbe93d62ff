"""The shop: what each order is worth, and the visits before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.campaigns import Plan
from workbench.events.simulation.names import uuids
from workbench.events.simulation.population import Population
from workbench.events.simulation.purchases import Purchases
from workbench.events.simulation.seasons import DAY, MINUTE, SECOND, stream
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    import polars as pl

CATEGORIES = ("grocery", "home", "fashion", "electronics", "beauty", "garden")
_CATEGORY_SHARES = (0.34, 0.18, 0.18, 0.08, 0.14, 0.08)
_COST_SHARES = (0.70, 0.58, 0.52, 0.74, 0.50, 0.60)
_LOCATIONS = 24
_SPREAD = 0.55  # of the logarithm of an order's value
_PROMO_SHARE = 0.5  # of credited orders that use a code


def _choices(
    spec: MarketSpec, people: Population, user: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    names = np.array([segment.name for segment in spec.segments])[people.segment]
    focus, home = rng.integers(0, len(CATEGORIES), len(people)), rng.integers(0, _LOCATIONS, len(people))
    category = rng.choice(len(CATEGORIES), len(user), p=_CATEGORY_SHARES)
    focused = (names[user] == "CATEGORY_FOCUSED") & (rng.random(len(user)) < 0.8)
    location = rng.integers(0, _LOCATIONS, len(user))
    local = (names[user] == "LOCATION_CLUSTERED") | (rng.random(len(user)) < 0.4)
    return {
        "category": np.where(focused, focus[user], category),
        "location": np.where(local, home[user], location),
    }


def take_orders(spec: MarketSpec, plan: Plan, people: Population, parts: list[Purchases]) -> pl.DataFrame:
    """Return all orders in the order of time: value, cost, category, and the click they are credited to.

    Columns: user, at, cause, channel (the paid channel that caused it), creative and campaign (credited; -1
    for none), clicked_at, visit, incremental, order_id, value, cogs, category, location, quantity, discount,
    payment, repeat, days_since.
    """
    import polars as pl

    rng = stream(spec, "orders")
    orders = pl.concat(
        [
            pl.DataFrame(
                {
                    "user": part.user,
                    "at": part.at,
                    "channel": part.channel,
                    "creative": part.creative,
                    "clicked_at": part.clicked_at,
                    "visit": part.visit,
                    "incremental": part.incremental,
                }
            ).with_columns(cause=pl.lit(part.cause))
            for part in parts
        ]
    ).sort("at", "user", "visit")
    user, count = orders["user"].to_numpy(), len(orders)
    mean = np.array([s.order_value for s in spec.segments])[people.segment[user]]
    value = np.round(np.maximum(mean * rng.lognormal(-(_SPREAD**2) / 2, _SPREAD, count), 1.0), 2)
    choices = _choices(spec, people, user, rng)
    promo = (orders["creative"] >= 0).to_numpy() & (rng.random(count) < _PROMO_SHARE)
    cost = np.array(_COST_SHARES)[choices["category"]] * rng.uniform(0.93, 1.07, count)
    orders = orders.with_columns(
        order_id=uuids(count, rng),
        value=value,
        cogs=np.round(value * cost, 2),
        category=pl.Series(np.array(CATEGORIES)[choices["category"]]),
        location=pl.Series(np.array([f"store-{i + 1:02d}" for i in range(_LOCATIONS)])[choices["location"]]),
        quantity=1 + rng.poisson(1.4, count),
        discount=pl.Series(np.where(promo, np.round(value * rng.uniform(0.05, 0.2, count), 2), -1.0)),
        payment=pl.Series(np.array(["card", "wallet", "other"])[rng.choice(3, count, p=(0.6, 0.3, 0.1))]),
        campaign=_campaign_of(plan, orders["creative"].to_numpy()),
    )
    since = (pl.col("at") - pl.col("at").shift(1).over("user")) / DAY
    return orders.with_columns(days_since=since.round(2)).with_columns(
        repeat=pl.col("days_since").is_not_null()
    )


def _campaign_of(plan: Plan, creative: np.ndarray) -> np.ndarray:
    return np.where(creative >= 0, plan.creative_campaign[np.maximum(creative, 0)], -1)


def expected_value(spec: MarketSpec, people: Population) -> float:
    """Return the mean value of an order of a user drawn at random."""
    return float(np.array([s.order_value for s in spec.segments])[people.segment].mean())


def visits(spec: MarketSpec, clicks: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """Return landings and filled baskets: after clicks, and before orders (user, at, session, step).

    A click that an order is credited to lands, fills a basket and orders; an idle click does so sometimes.
    """
    import polars as pl

    rng = stream(spec, "visits")
    idle = clicks.filter(~pl.col("last"))
    lands = pl.Series(rng.random(len(idle)) < 0.72)
    landing = idle.filter(lands).with_columns(
        at=pl.col("at") + pl.Series(rng.integers(SECOND, 8 * SECOND, int(lands.sum())))
    )
    fills = pl.Series(rng.random(len(landing)) < 0.18)
    basket = landing.filter(fills)
    basket = basket.with_columns(
        at=pl.col("at") + pl.Series(rng.integers(30 * SECOND, 8 * MINUTE, len(basket)))
    )
    bought = orders.with_columns(session="visit")
    gap = pl.Series(rng.integers(10 * SECOND, 3 * MINUTE, len(bought)))
    credited = pl.col("clicked_at") >= 0
    before = (
        pl.when(credited)
        .then(pl.max_horizontal("clicked_at", pl.col("at") - gap))
        .otherwise(pl.col("at") - gap)
    )
    filled = bought.with_columns(at=before)
    looked = bought.with_columns(
        at=pl.when(credited)
        .then(pl.min_horizontal(pl.col("clicked_at") + 2 * SECOND, before))
        .otherwise(before - pl.Series(rng.integers(MINUTE, 20 * MINUTE, len(bought))))
    ).filter((pl.col("clicked_at") >= 0) | pl.Series(rng.random(len(bought)) < 0.4))
    steps = (
        (landing, "view_catalog"),
        (basket, "add_to_cart"),
        (filled, "add_to_cart"),
        (looked, "view_catalog"),
    )
    return pl.concat(
        [part.select("user", "at", "session").with_columns(step=pl.lit(step)) for part, step in steps]
    )
