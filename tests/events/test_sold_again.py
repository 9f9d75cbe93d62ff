"""Lists of the same sales are told from lists of different ones, in simulated shops of few prices."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.events.sold_again import Sales, sold_again

MINUTE, HOUR, DAY = 60, 3600, 86_400
BUSY = np.array([1, 1, 1, 1, 1, 1, 2, 4, 6, 8, 8, 8, 10, 10, 8, 8, 8, 10, 12, 16, 18, 16, 10, 4])
PRICES = {"one": [2999], "three": [999, 1999, 4999], "many": range(500, 12_000, 35)}
SEEDS = np.random.default_rng


def shop(rng: np.random.Generator, kind: str, a_day: float, days: int) -> Sales:
    """Return the orders of a shop with busy evenings."""
    n = int(rng.poisson(a_day * days))
    hours = rng.choice(24, n, p=BUSY / BUSY.sum())
    moments = rng.integers(19_000, 19_000 + days, n) * DAY + hours * HOUR + rng.integers(0, HOUR, n)
    return Sales(moments, rng.choice(np.array(PRICES[kind]), n))


def told_again(rng: np.random.Generator, sales: Sales, missing: float, later: int = 0) -> Sales:
    """Return the same orders in any order, seconds later; each lacks with a chance."""
    there = rng.permutation(len(sales))[rng.random(len(sales)) >= missing]
    delay = rng.gamma(1, MINUTE, len(there)).astype(int) + later
    return Sales(sales.moments[there] + delay, sales.cents[there])


@pytest.mark.parametrize("kind", PRICES)
@pytest.mark.parametrize(("missing", "later"), [(0, 0), (0.03, 0), (0.1, 0), (0.1, -2 * HOUR)])
def test_the_same_sales_are_found(kind: str, missing: float, later: int) -> None:
    for seed in range(10):
        rng = SEEDS(seed)
        sales = shop(rng, kind, 3, 30)
        assert 2 * sold_again(told_again(rng, sales, 0.03), told_again(rng, sales, missing, later)) > 90


@pytest.mark.parametrize("kind", PRICES)
@pytest.mark.parametrize(("a_day", "days"), [(1, 7), (2, 30), (5, 7), (20, 30), (200, 7)])
def test_other_sales_are_no_double(kind: str, a_day: float, days: int) -> None:
    for seed in range(10):
        rng = SEEDS(seed)
        assert sold_again(shop(rng, kind, a_day, days), shop(rng, kind, 2 * a_day, days)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", PRICES)
def test_hardly_ever_are_other_sales_called_a_double(kind: str) -> None:
    found = []
    for seed in range(3000):
        rng = SEEDS(seed)
        a_day, days, sale = rng.choice([0.5, 1, 2, 5, 20]), int(rng.choice([7, 30])), rng.integers(2)
        one, other = (shop(rng, kind, a_day * rng.choice([1, 2]), days) for _ in range(2))
        if sale:  # both sell more for two hours of one day
            begins = 19_003 * DAY + 12 * HOUR
            one, other = (
                Sales(np.r_[side.moments, begins + rng.integers(0, 2 * HOUR, 30)], np.r_[side.cents, price])
                for side in (one, other)
                for price in [rng.choice(np.array(PRICES[kind]), 30)]
            )
        found.append(sold_again(one, other) > 0)
    assert np.mean(found) < 0.002


def test_what_is_billed_in_one_go_is_no_double() -> None:
    """Two services bill their customers at the same hour of a day: of one price, in one batch."""
    rng = SEEDS(1)
    for days in ([0], [0, 30, 61], range(0, 70, 7), range(90)):
        one, other = (
            Sales(
                np.repeat([(19_000 + day) * DAY + 6 * HOUR for day in days], n), np.full(n * len(days), 999)
            )
            for n in rng.integers(20, 60, 2)
        )
        assert sold_again(one, other) == 0


def test_days_are_held_against_each_other_where_one_list_has_no_time() -> None:
    rng = SEEDS(2)
    sales = shop(rng, "many", 5, 30)
    days = Sales(sales.moments // DAY * DAY, sales.cents)
    assert sold_again(sales, days) > 100
    other = shop(rng, "many", 5, 30)
    assert sold_again(sales, Sales(other.moments // DAY * DAY, other.cents)) == 0
    same = shop(rng, "one", 5, 30)  # of one price, one a day is like any other
    assert sold_again(same, Sales(same.moments // DAY * DAY, same.cents)) == 0


def test_of_two_lists_of_other_lengths_the_time_is_compared_that_both_tell() -> None:
    rng = SEEDS(3)
    sales = shop(rng, "three", 10, 60)
    late = sales.moments >= 19_050 * DAY
    part = Sales(sales.moments[late] + 40, sales.cents[late])
    assert 2 * sold_again(sales, part) > len(part)
    assert sold_again(sales, Sales(part.moments + 20 * DAY, part.cents)) == 0
    assert sold_again(sales, Sales(sales.moments[:0], sales.cents[:0])) == 0
    long = shop(rng, "many", 2000, 10)
    assert 4000 < sold_again(long, told_again(rng, long, 0.05)) <= 5000
