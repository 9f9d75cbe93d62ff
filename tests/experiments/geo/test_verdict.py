"""What a geo test allows one to say, where units and signs make it easy to say the wrong thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from workbench.errors import UsageError
from workbench.experiments.geo.analyzing import analyze_geo
from workbench.experiments.geo.effect import Effect
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.plan import GeoTest
from workbench.experiments.geo.reading import weekly
from workbench.experiments.geo.returns import returns
from workbench.experiments.geo.split import split
from workbench.experiments.geo.verdict import verdict_of
from workbench.experiments.inference.estimate import Estimate


def effect(value: float, low: float, high: float) -> Effect:
    """Return an effect of so much in all, a hundredth of that as a share."""
    found = Estimate(value=value, low=low, high=high, p=0.01)
    return Effect(att=found, incremental=found, lift=found.scaled(0.0001))


@pytest.mark.parametrize(
    ("value", "low", "high", "cost", "says"),
    [
        (3000.0, 2000.0, 4000.0, 1000.0, "Roll it out"),
        (300.0, 200.0, 400.0, 1000.0, "less than it cost"),
        (1000.0, 500.0, 1500.0, 1000.0, "whether it pays is open"),
        (-3000.0, -4000.0, -2000.0, -1000.0, "Spend again"),
        (-300.0, -400.0, -200.0, -1000.0, "Less was lost than saved"),
        (-1000.0, -1500.0, -500.0, -1000.0, "whether the spend paid is open"),
        (300.0, 200.0, 400.0, -1000.0, "Sales rose though less was spent"),
        (-300.0, -400.0, -200.0, 1000.0, "Stop it"),
    ],
)
def test_what_to_do_follows_from_effect_and_cost(
    value: float, low: float, high: float, cost: float, says: str
) -> None:
    found = effect(value, low, high)
    assert says in verdict_of(found, (), worth=0.05, returns=returns(found, cost=cost)).recommendation


def panel(lift: float = 0.15) -> Panel:
    """Return 90 days of 16 geos that move alike; the first sells more in the last two weeks."""
    rng = np.random.default_rng(2)
    days = tuple(date(2024, 1, 1) + timedelta(day) for day in range(91))
    common = 100 + 8 * np.sin(np.arange(91) / 5) + np.cumsum(rng.normal(0, 1.5, 91))
    values = common * rng.uniform(0.8, 1.2, (24, 1)) + rng.normal(0, 1.5, (24, 91))
    values[0, -14:] *= 1 + lift
    return Panel(geos=tuple("abcdefghijklmnopqrstuvwx"), days=days, values=values)


def test_orders_are_not_set_against_money_as_if_they_were_money() -> None:
    sold = replace(panel(), metric="orders")
    plan = GeoTest(
        name="posters", treated=("a",), metric="orders", start=sold.days[-14], end=sold.days[-1], level=0.9
    )
    found = analyze_geo(plan, sold, cost=2000.0, runs=20)
    assert found.verdict.finding == "works"
    assert found.returns is not None
    assert found.returns.iroas.high < 1, "orders for one unit of money"
    assert "less than it cost" not in found.sentence
    money = analyze_geo(replace(plan, metric="revenue"), sold, cost=2000.0, runs=20, currency="EUR")
    assert "less than it cost" in money.sentence


def test_a_week_that_is_treated_in_part_is_not_taken_for_the_past() -> None:
    weeks = weekly(panel())
    monday = weeks.days[-2]
    assert split(weeks, treated=["a"], start=monday).pre == 11
    with pytest.raises(UsageError, match="within the period that begins on"):
        split(weeks, treated=["a"], start=monday + timedelta(2))
