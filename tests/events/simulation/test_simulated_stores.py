"""The stores in the cities: whole, plausible, and what a campaign added is told to the cent."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from workbench.errors import UsageError
from workbench.events.simulation import GEO_TESTS, GeoTestTruth, MarketSpec
from workbench.events.simulation.markets import CITIES, open_stores
from workbench.events.simulation.seasons import WEEKDAYS, weekday_of

SPEC = MarketSpec(days=300, geo_tests=GEO_TESTS)


@pytest.fixture(scope="module")
def stores():
    return open_stores(SPEC)


def test_every_city_has_every_day_once(stores):
    sold = stores.performance
    assert sold.height == len(CITIES) * SPEC.days
    assert sold.select("date", "geo").is_unique().all()
    assert sold["date"].is_between(SPEC.start, SPEC.last_day).all()
    assert sold["revenue"].min() > 0


def test_what_was_sold_is_what_would_have_been_and_what_was_added(stores):
    for row in stores.truth.iter_rows(named=True):
        there = stores.performance.filter(
            (pl.col("geo") == row["geo"]) & pl.col("date").is_between(row["start"], row["end"])
        )
        assert there["orders"].sum() == row["base_orders"] + row["incremental_orders"]
        assert there["revenue"].sum() == pytest.approx(row["base_revenue"] + row["incremental_revenue"])
    added, base = stores.truth["incremental_orders"].sum(), stores.truth["base_orders"].sum()
    expected = GEO_TESTS[0].lift * base
    assert abs(added - expected) < 4 * np.sqrt(expected)


def test_money_is_spent_where_and_while_the_test_ran(stores):
    (test,) = GEO_TESTS
    spent = stores.performance.filter(pl.col("spend") > 0)
    assert set(spent["geo"]) == set(test.treated)
    assert (spent["date"].min(), spent["date"].max()) == (
        stores.truth["start"].min(),
        stores.truth["end"].max(),
    )
    days = spent["date"].n_unique()
    assert spent["spend"].sum() == pytest.approx(test.daily_spend * days, rel=0.1)


def test_without_a_test_the_same_cities_sell_the_same_elsewhere(stores):
    quiet = open_stores(replace(SPEC, geo_tests=()))
    assert quiet.truth.height == 0
    assert quiet.performance["spend"].sum() == 0
    late = replace(GEO_TESTS[0], lift=0.0)
    same = open_stores(replace(SPEC, geo_tests=(late,))).performance["orders"]
    assert (quiet.performance["orders"] == same).all()


def test_weeks_look_like_weeks(stores):
    sold = stores.performance["orders"].to_numpy().reshape(len(CITIES), SPEC.days)
    weekday = weekday_of(SPEC)
    by_day = np.array([sold[:, weekday == day].mean() for day in range(7)])
    np.testing.assert_allclose(by_day / by_day.mean(), WEEKDAYS / WEEKDAYS.mean(), rtol=0.05)


@pytest.mark.parametrize(
    ("tests", "named"),
    [
        ((replace(GEO_TESTS[0], treated=("Atlantis",)),), "Atlantis"),
        ((GEO_TESTS[0], replace(GEO_TESTS[0], name="again")), "Bremen"),
        ((GeoTestTruth(name="x", treated=(), lift=0.1, first_day=0, days=1, daily_spend=1),), "nowhere"),
    ],
)
def test_a_test_in_unknown_or_taken_cities_is_refused(tests, named):
    with pytest.raises(UsageError, match=named):
        open_stores(replace(SPEC, geo_tests=tests))
