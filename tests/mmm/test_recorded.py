"""The market of a workspace: every figure counted a second time by another library."""

from __future__ import annotations

import runpy
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.events.simulation import MarketSpec, simulate
from workbench.metrics import sql
from workbench.mmm.checks import check_market
from workbench.mmm.market import market_of
from workbench.mmm.recorded import NOWHERE, _sales, market_table, proposed_spec
from workbench.mmm.spec import Channel, MixSpec

Base = runpy.run_path(str(Path(__file__).parents[1] / "explore" / "conftest.py"))["Base"]
PLAIN = MixSpec(name="m", outcome="revenue", channels=(Channel(name="email"),))


def spent(day: date, channel: str, spend: float | None, **more: Any) -> dict[str, Any]:
    return {"date": day, "campaign_id": f"c-{channel}", "channel": channel, "spend": spend, **more}


def sold(day: date, value: float, order: int, **more: Any) -> dict[str, Any]:
    at = datetime(day.year, day.month, day.day, 15)
    return {
        "order_id": f"o{order}",
        "line": 1,
        "ordered_at": at,
        "order_value": value,
        "is_return": False,
        **more,
    }


def by_hand(**more: Any) -> Any:
    """Return tables whose spend begins on a Wednesday, and whose sales end three weeks later on a Friday."""
    days = [date(2024, 1, 3) + timedelta(days=place) for place in range(40)]
    spend = [spent(day, "email", 1.0, impressions=10) for day in days]
    spend += [spent(day, "video", 5.0, impressions=3) for day in days[::5]]
    sales = [sold(day - timedelta(days=7), 100.0, place) for place, day in enumerate(days[:31])]
    return Base(**{"daily_performance": spend, "orders": sales, **more})


@pytest.fixture(scope="module")
def shop() -> Any:
    return simulate(MarketSpec(days=375, users=600, owned_campaigns=6))


@pytest.fixture(scope="module")
def shop_tables(shop: Any) -> Any:
    rows = {
        name: shop.tables[name].to_dicts() for name in ("daily_performance", "orders", "campaigns", "users")
    }
    return Base(**rows)


def test_only_whole_weeks_with_spend_and_sales_count() -> None:
    table = market_table(by_hand(), PLAIN).to_pandas()
    assert table.date.astype(str).tolist() == ["2024-01-08", "2024-01-15"]
    assert table.email.tolist() == [7.0, 7.0]
    assert table.email_impressions.tolist() == [70.0, 70.0]
    assert table.video.tolist() == [10.0, 5.0]
    assert table.revenue.tolist() == [700.0, 700.0]
    assert table.orders.tolist() == [7.0, 7.0]


def test_days_count_from_the_first_to_the_last_with_both() -> None:
    table = market_table(by_hand(), PLAIN, period="day").to_pandas()
    assert (len(table), str(table.date.iloc[0])[:10], str(table.date.iloc[-1])[:10]) == (
        24,
        "2024-01-03",
        "2024-01-26",
    )
    assert table.video.tolist() == [5.0, 0, 0, 0, 0] * 4 + [5.0, 0, 0, 0]


def test_a_week_whose_sunday_was_not_over_does_not_count() -> None:
    days = [date(2024, 1, 1) + timedelta(days=place) for place in range(14)]

    def weeks(came: datetime) -> int:
        load = {"load_id": "l", "operation": "ingest", "table_name": "orders", "loaded_at": came}
        tables = Base(
            daily_performance=[spent(day, "email", 1.0) for day in days],
            orders=[sold(day, 100.0, place) for place, day in enumerate(days)],
            loads=[load],
        )
        return market_table(tables, PLAIN).num_rows

    assert weeks(datetime(2024, 1, 14, 18)) == 1
    assert weeks(datetime(2024, 1, 15)) == 2


def test_weeks_of_a_simulated_shop_are_those_of_its_tables(shop: Any, shop_tables: Any) -> None:
    spec = proposed_spec(shop_tables)
    market = market_of(spec, market_table(shop_tables, spec))
    first = date.fromisoformat(str(market.dates[0]))
    last = first + timedelta(days=7 * len(market.dates) - 1)
    assert first.weekday() == 0
    assert len(market.dates) >= 52
    inside = pl.col("date").is_between(first, last)
    media = shop.tables["daily_performance"].filter(inside).group_by("channel").agg(pl.col("spend").sum())
    wanted = {name: spend for name, spend in media.iter_rows() if spend}
    assert dict(zip(spec.channel_names, market.spend.sum((0, 1)), strict=True)) == pytest.approx(wanted)
    days = pl.col("ordered_at").dt.date().is_between(first, last)
    orders = shop.tables["orders"].filter(days)
    assert market.outcome.sum() == pytest.approx(orders["order_value"].sum())
    weekly = orders.group_by_dynamic("ordered_at", every="1w", start_by="monday").agg(
        pl.col("order_value").sum()
    )
    assert market.outcome[0] == pytest.approx(weekly.sort("ordered_at")["order_value"].to_numpy())


def test_a_proposal_can_be_checked_and_names_what_spends_most_first(shop_tables: Any) -> None:
    spec = proposed_spec(shop_tables, outcome="orders")
    market = market_of(spec, market_table(shop_tables, spec))
    spend = market.spend.sum((0, 1))
    assert (np.diff(spend) <= 0).all()
    assert (spec.kind, spec.currency, spec.region) == ("conversions", "EUR", None)
    assert (
        "52 weeks" in check_market(spec, market).sentence or "53 weeks" in check_market(spec, market).sentence
    )
    by_name = {one.name: one for one in spec.channels}
    assert by_name["paid_search"].exposure == "paid_search_impressions"


def test_spend_of_paid_channels_is_that_of_the_truth(shop: Any, shop_tables: Any) -> None:
    table = market_table(shop_tables, PLAIN, period="day").to_pandas()
    truth = shop.truth.daily.filter(pl.col("channel") == "paid_search").sort(shop.truth.daily.columns[0])
    known = truth["spend"].to_numpy()[: len(table)]
    assert table.paid_search.to_numpy() == pytest.approx(known, abs=0.0101)


def test_impressions_that_do_not_fit_the_spend_are_left_out() -> None:
    days = [date(2024, 1, 1) + timedelta(days=place) for place in range(14)]
    spend = [spent(day, "email", 1.0, impressions=10 if place < 5 else 0) for place, day in enumerate(days)]
    spend += [spent(day, "video", 2.0, impressions=4) for day in days]
    spend += [spent(day, "push", 0.0, impressions=4) for day in days]
    sales = [sold(day, 100.0, place) for place, day in enumerate(days)]
    spec = proposed_spec(Base(daily_performance=spend, orders=sales))
    assert spec.channels == (Channel(name="video", exposure="video_impressions"), Channel(name="email"))


def regional(nowhere: float) -> Any:
    days = [date(2024, 1, 1) + timedelta(days=place) for place in range(14)]
    spend = [spent(day, "email", 1.0, region=name) for day in days for name in ("north", "so'uth; DROP")]
    spend += [spent(days[3], "email", nowhere)]
    users = [
        {"user_id": name, "signup_at": datetime(2023, 1, 1), "region": name}
        for name in ("north", "so'uth; DROP")
    ]
    sales = [
        sold(day, 50.0, 2 * place + side, user_id=user["user_id"])
        for place, day in enumerate(days)
        for side, user in enumerate(users)
    ]
    return Base(daily_performance=spend, orders=sales, users=users)


def test_regions_with_a_little_that_has_none() -> None:
    spec = MixSpec(name="m", outcome="revenue", channels=(Channel(name="email"),), region="region")
    table = market_table(regional(1.0), spec).to_pandas()
    assert set(table.region) == {"north", "so'uth; DROP", NOWHERE}
    assert table[table.region == NOWHERE].email.tolist() == [1.0, 0.0]
    assert table[table.region == "north"].revenue.tolist() == [350.0, 350.0]
    with pytest.raises(NotEnoughData, match="26% of spend has no region"):
        market_table(regional(10.0), spec)


def markets(lacking: int = 0, **more: Any) -> Any:
    days = [date(2024, 1, 1) + timedelta(days=place) for place in range(15)]
    rows = [
        {"date": day, "geo": geo, "orders": 2.0, "revenue": 80.0, "spend": float(geo == "Kiel"), **more}
        for day in days
        for geo in ("Kiel", "Bonn")
    ]
    return Base(geo_performance=rows[: len(rows) - lacking])


def test_markets_have_one_channel() -> None:
    spec = proposed_spec(markets(), region="geo")
    assert spec.channel_names == ("spend",)
    table = market_table(markets(), spec).to_pandas()
    assert table.geo.tolist() == ["Bonn", "Bonn", "Kiel", "Kiel"]
    assert table.spend.tolist() == [0.0, 0.0, 7.0, 7.0]
    assert table.revenue.tolist() == [560.0] * 4


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "databricks"])
def test_markets_are_asked_of_every_engine(dialect: str) -> None:
    text = sql.to_sql(_sales, ("test of markets",), dialect)
    assert "geo_performance" in text
    assert "revenue" in text


def test_what_cannot_be_answered_is_said() -> None:
    geo = MixSpec(name="m", outcome="revenue", channels=(Channel(name="spend"),), region="geo")
    with pytest.raises(BadInput, match="1 of 30 days of markets have no row"):
        market_table(markets(lacking=1), geo)
    with pytest.raises(NotEnoughData, match="30 of 30 rows of geo_performance tell no spend"):
        market_table(markets(spend=None), geo)
    with pytest.raises(NotEnoughData, match="no table geo_performance"):
        market_table(by_hand(), geo)
    with pytest.raises(NotEnoughData, match="no spend is recorded"):
        market_table(by_hand(daily_performance=[]), PLAIN)
    with pytest.raises(NotEnoughData, match="no sales are recorded"):
        market_table(by_hand(orders=[]), PLAIN)
    with pytest.raises(NotEnoughData, match="no whole week"):
        market_table(by_hand(orders=[sold(date(2024, 1, 20), 1.0, 1)]), PLAIN)
    with pytest.raises(UsageError, match="knows no 'town'"):
        market_table(by_hand(), MixSpec(name="m", outcome="r", channels=(Channel(name="a"),), region="town"))
    with pytest.raises(UsageError, match="revenue or orders"):
        proposed_spec(by_hand(), outcome="leads")
