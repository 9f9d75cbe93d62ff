"""The years before the records: they carry the market's own returns, seasons and growth, and nothing else."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from workbench.events.simulation import MarketSpec, simulate
from workbench.events.simulation.history import WEEKS, History, causes, history, true_returns
from workbench.events.simulation.market import Market


@pytest.fixture(scope="module")
def market() -> Market:
    return simulate(MarketSpec.small())


@pytest.fixture(scope="module")
def before(market: Market) -> History:
    return history(market)


def test_weeks_lead_up_to_the_first_monday_without_a_gap(market: Market, before: History) -> None:
    weeks = before.weeks["date"]
    assert len(weeks) == WEEKS
    assert set(weeks.diff().drop_nulls().dt.total_days()) == {7}
    assert (market.spec.start - weeks[-1]).days <= 7
    assert weeks.dt.weekday().unique().to_list() == [1]
    assert before.weeks.equals(history(market).weeks)


def test_channels_return_what_they_return_in_the_records(market: Market, before: History) -> None:
    told = {row["channel"]: row["revenue"] / row["spend"] for row in before.truth.to_dicts()}
    for row in market.truth.channels.to_dicts():
        assert told[row["channel"]] == pytest.approx(row["roi"] + 1, rel=0.15)  # its flights are others
    both = true_returns(market, before)
    assert both["channel"].to_list() == before.truth["channel"].to_list()
    assert (both["spend"] > before.truth["spend"]).all()
    assert both["roi"].to_list() == pytest.approx((both["revenue"] / both["spend"]).to_list())


def test_it_goes_over_into_the_records(market: Market, before: History) -> None:
    sold = market.tables["orders"].with_columns(day=pl.col("ordered_at").dt.date())
    first = sold.filter(pl.col("day") < date(2024, 2, 26))["order_value"].sum() / 8
    assert before.weeks["revenue"][-60:-44].mean() == pytest.approx(first, rel=0.25)
    assert (before.weeks["revenue"] > 0).all()


def test_what_is_known_of_a_week() -> None:
    mondays = pl.DataFrame(
        {"date": [date(2023, 11, 20), date(2023, 11, 27), date(2024, 1, 1), date(2024, 1, 8)]}
    )
    found = causes(mondays, date(2024, 1, 1))
    assert found["sale_days"].to_list() == [0, 5, 0, 0]
    assert found["app_weeks"].to_list() == [0, 0, 1, 2]
