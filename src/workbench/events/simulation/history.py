"""The years before the records of a market: what was spent and sold by week, as its books have it.

A media mix model learns from ups and downs of spend, and tells the season from growth only where it has seen
the season more than once; the year that is recorded order by order is too short for it. Before that year no
order, click or message is known, only sums: advertising worked as in the recorded year, channel by channel,
demand grew and had its season, and the shop was smaller. With the records came its app, and more growth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.definitions import OWNED_CHANNELS
from workbench.events.simulation.media import plan_media
from workbench.events.simulation.purchases import own_curves
from workbench.events.simulation.seasons import stream

if TYPE_CHECKING:
    from datetime import date

    import polars as pl
    from numpy.typing import NDArray

    from workbench.events.simulation.market import Market
    from workbench.events.simulation.spec import MarketSpec

    Floats = NDArray[np.float64]

WEEKS = 104
_SALE = (331, 335)  # days of the year
_OTHER_SEED = 1_000_003  # of the years before: their plans are others
_GROWTH = 0.15  # of demand in a year
_KEPT, _STEP = 0.9, 0.012  # of demand from week to week
_SPREAD = 0.9  # of the value of an order, as a multiple of its mean
_CAMPAIGN_WEEKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The weeks before the records.

    Parameters
    ----------
    weeks : DataFrame
        Per week: date (its Monday), revenue, orders, spend by channel, and the columns of `causes`.
    truth : DataFrame
        Per channel: spend, and revenue that it caused, as expected.
    """

    weeks: pl.DataFrame
    truth: pl.DataFrame


def history(market: Market, *, weeks: int = WEEKS) -> History:
    """Return the weeks before the first Monday from which a market has records.

    Parameters
    ----------
    market : Market
        Whose channels, returns and demand they have.
    weeks : int
        How many.

    Examples
    --------
    >>> from workbench.events.simulation import MarketSpec, simulate
    >>> history(simulate(MarketSpec.small()), weeks=2).weeks["date"].to_list()
    [datetime.date(2023, 12, 18), datetime.date(2023, 12, 25)]
    """
    import polars as pl

    spec = market.spec
    monday = _first_monday(market)
    before = replace(
        spec, seed=spec.seed + _OTHER_SEED, start=monday - timedelta(weeks=weeks), days=max(7 * weeks, 60)
    )
    media, value = plan_media(before), _value(market)
    days = 7 * weeks
    spend = {c.name: row[:days] for c, row in zip(spec.channels, media.spend, strict=True)}
    caused = {c.name: row[:days] * value for c, row in zip(spec.channels, media.expected, strict=True)}
    for name, (money, brought) in _owned(market, before, weeks).items():
        spend[name], caused[name] = money, brought
    expected = _demand(market, before)[:days] + sum(caused.values()) / value
    rng = stream(before, "books")
    orders = rng.poisson(_by_week(expected))
    columns = {name: np.round(_by_week(row), 2) for name, row in spend.items()}
    sold = {
        "revenue": np.round(rng.gamma(np.maximum(orders, 1) / _SPREAD**2, value * _SPREAD**2), 2),
        "orders": orders,
    }
    dates = [before.start + timedelta(weeks=week) for week in range(weeks)]
    truth = {
        "channel": list(spend),
        "spend": [float(row.sum()) for row in columns.values()],
        "revenue": [float(row.sum()) for row in caused.values()],
    }
    return History(
        weeks=causes(pl.DataFrame({"date": dates} | sold | columns), monday),
        truth=pl.DataFrame(truth),
    )


def true_returns(market: Market, before: History) -> pl.DataFrame:
    """Return what each channel truly brought (channel, spend, revenue, roi): in the records and before them.

    Parameters
    ----------
    market : Market
        Of which paid channels count as their curves expect, owned ones as it happened.
    before : History
        Of the same market.
    """
    import polars as pl

    happened = market.truth.attribution.select("channel", happened="incremental_revenue")
    expected = market.truth.channels.select("channel", expected="expected_revenue")
    spent = market.tables["daily_performance"].group_by("channel").agg(pl.col("spend").sum())
    year = spent.join(happened, on="channel").join(expected, on="channel", how="left")
    found = before.truth.join(year, on="channel", maintain_order="left", suffix="_now").select(
        "channel",
        spend=pl.col("spend") + pl.col("spend_now"),
        revenue=pl.col("revenue") + pl.coalesce("expected", "happened"),
    )
    return found.with_columns(roi=pl.col("revenue") / pl.col("spend"))


def causes(weeks: pl.DataFrame, opened: date) -> pl.DataFrame:
    """Return weeks with what moved sales and was no advertising, as everybody in the shop knows.

    Parameters
    ----------
    weeks : DataFrame
        With `date`, the Monday.
    opened : date
        When the app was opened, with which the records began, and the growth.
    """
    import polars as pl

    days = [(pl.col("date") + pl.duration(days=day)).dt.ordinal_day() for day in range(7)]
    sale = pl.sum_horizontal(day.is_between(_SALE[0], _SALE[1]).cast(pl.Int64) for day in days)
    since = (pl.col("date") - opened).dt.total_days() // 7 + 1
    return weeks.with_columns(sale_days=sale, app_weeks=pl.max_horizontal(since, 0))


def _first_monday(market: Market) -> date:
    """Return the Monday from which both spend and sales are on record."""
    import polars as pl

    sold = market.tables["orders"].select(pl.col("ordered_at").dt.date().min()).item()
    spent = market.tables["daily_performance"].select(pl.col("date").min()).item()
    begun: date = max(sold, spent)
    return begun + timedelta(days=-begun.weekday() % 7)


def _value(market: Market) -> float:
    """Return what an order is worth on average, returns taken off."""
    sold = market.tables["orders"]
    return float(sold["order_value"].sum()) / sold.filter(~_returned())["order_id"].n_unique()


def _returned() -> pl.Expr:
    import polars as pl

    return pl.col("is_return").fill_null(value=False)


def _by_week(daily: Floats) -> Floats:
    return np.asarray(daily.reshape(-1, 7).sum(axis=1))


def _demand(market: Market, before: MarketSpec) -> Floats:
    """Return the orders of each day that nobody's advertising caused, as expected."""
    import polars as pl

    spec, first = market.spec, min(56, market.spec.days)
    days = pl.lit(spec.start) + timedelta(days=first)
    sold = market.tables["orders"].filter(~_returned() & (pl.col("ordered_at").dt.date() < days))
    caused = market.truth.daily.filter(pl.col("date") < days)["expected_conversions"]
    level = (sold["order_id"].n_unique() - float(caused.to_numpy().sum())) / float(
        _season(spec)[:first].sum()
    )
    years = np.arange(before.days, 0, -1) / 365.25
    return np.asarray(level * _season(before) * np.exp(_walk(before) - _GROWTH * years))


def _season(spec: MarketSpec) -> Floats:
    """Return each day's multiple of the orders that shoppers of all kinds place of their own accord."""
    often = np.array([kind.share * kind.orders_per_year for kind in spec.segments])
    daily = np.array([np.diff(curve.total[::24]) for curve in own_curves(spec)])
    return np.asarray(often @ daily / often.sum())


def _walk(before: MarketSpec) -> Floats:
    rng = stream(before, "demand")
    steps, level, found = rng.normal(0, _STEP, before.days // 7 + 1), 0.0, []
    for step in steps:
        level = _KEPT * level + step
        found.append(level)
    return np.repeat(found, 7)[: before.days]


def _owned(market: Market, before: MarketSpec, weeks: int) -> dict[str, tuple[Floats, Floats]]:
    """Return spend and effect of each day by owned channel: campaigns of some weeks, returns as recorded."""
    import polars as pl

    rng, found = stream(before, "campaigns"), {}
    spent = market.tables["daily_performance"].group_by("channel").agg(pl.col("spend").sum())
    brought = market.truth.attribution
    for name in OWNED_CHANNELS:
        money = float(spent.filter(pl.col("channel") == name)["spend"].sum())
        effect = float(brought.filter(pl.col("channel") == name)["incremental_revenue"].sum())
        if money <= 0:
            continue
        runs = -(-weeks // _CAMPAIGN_WEEKS)
        level = np.repeat(rng.lognormal(0, 0.5, runs) * (rng.random(runs) < 0.6), _CAMPAIGN_WEEKS)[:weeks]
        daily = np.repeat(money / market.spec.days * level, 7)
        found[name] = (daily, daily * effect / money)
    return found
