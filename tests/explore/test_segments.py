"""Segments: whom a share is of, and how names are read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import combinations

import numpy as np
import pytest

from workbench.errors import UsageError
from workbench.explore import compare_segments, segments
from workbench.explore.figures import Figure
from workbench.explore.segment_comparison import _difference
from workbench.explore.shares import holm
from workbench.metrics.user_shares import shares
from workbench.stats import ratio_interval

DAY = date(2024, 5, 6)


def _engaged(user: int, segment: str | None) -> dict:
    return {
        "event_type": "user_engaged",
        "day": DAY,
        "month": "2024-05",
        "timestamp": datetime(2024, 5, 6, 12, tzinfo=UTC),
        "user_key": user,
        "segment": segment,
    }


def test_a_user_who_moved_counts_in_both_and_once_in_the_whole(base) -> None:
    rows = [_engaged(1, "NEW_SHOPPER"), _engaged(1, "INACTIVE"), _engaged(2, "INACTIVE"), _engaged(3, None)]
    view = segments(base(facts=rows), window="7d")
    assert {row.segment: (row.users, row.share) for row in view.rows} == {
        "INACTIVE": (2, pytest.approx(1.0)),
        "NEW_SHOPPER": (1, pytest.approx(0.5)),
    }
    assert view.sentence.startswith("Inactive is the largest of 2 segments (100%)")
    # No share of users is above 100 %, however often they moved.
    assert view.caution.startswith("users were in 1.50 segments on average")


def test_one_segment_alone_is_compared_with_none(base) -> None:
    alone = compare_segments(base(facts=[_engaged(1, "INACTIVE")]), window="7d")
    assert alone.missing == "Not enough data: fewer than two segments were active."
    assert not alone.pairs
    with pytest.raises(UsageError, match="a list of two or three segments, not the str A,B"):
        compare_segments(base(facts=[_engaged(1, "INACTIVE")]), "A,B")


def test_growth_needs_a_whole_window_before(base) -> None:
    """Of 80 days the last 60 have only 20 before them: that more were active then is no growth."""
    rows = []
    for day in range(80):
        at = datetime(2024, 3, 1, 12, tzinfo=UTC) + timedelta(days=day)
        rows.append(_engaged(day, "INACTIVE") | {"timestamp": at, "day": at.date(), "month": f"{at:%Y-%m}"})
    assert segments(base(facts=rows), window="60d").rows[0].growth is None
    assert segments(base(facts=rows), window="40d").rows[0].growth == 0.0


def test_orders_twice_as_large_are_told_though_their_values_are_unequal(base) -> None:
    """Six orders a day for 40 days: tails draw intervals out, and a difference with them."""
    rng = np.random.default_rng(3)
    rows = [
        {**_engaged(number, segment), "event_type": "campaign_converted", "channel": "email"}
        | {
            "timestamp": at,
            "day": at.date(),
            "value": float(factor * value),
            "order_id": f"{segment}{number}",
        }
        for segment, factor in (("INACTIVE", 1.0), ("NEW_SHOPPER", 2.0))
        for number, value in enumerate(rng.lognormal(3, 1, 240))
        for at in [datetime(2024, 5, 6, 12, tzinfo=UTC) - timedelta(days=number % 40)]
    ]
    tables, names = base(facts=rows), ["INACTIVE", "NEW_SHOPPER"]
    view = compare_segments(tables, names, metric="aov", window="40d")
    assert view.sentence.startswith("Average order value differs: inactive")
    assert view.pairs[0].high < 0
    # Of 42 orders each much would not be told; of 18 each nothing is.
    week = compare_segments(tables, names, metric="aov", window="8d")
    reach = max(abs(week.pairs[0].low), abs(week.pairs[0].high))
    assert week.sentence.startswith(
        "Average order value does not differ between these segments beyond chance;"
    )
    assert week.sentence.endswith(f"a difference of up to €{reach:.2f} would not have been told.")
    early = compare_segments(tables, names, metric="aov", window="4d")
    assert early.pairs[0].p_corrected is None
    assert early.sentence == (
        "Whether Average order value differs between these segments cannot be told: fewer than 8 days."
    )
    summed = compare_segments(tables, names, metric="conversions", window="40d")
    assert summed.sentence.endswith("cannot be told: a sum of what was recorded, nothing is sampled.")


def test_a_small_segment_without_a_large_order_does_not_differ() -> None:
    """Orders of all segments are of one size; with the shorter sides alone, 12 % of pages told them apart."""
    rng, found = np.random.default_rng(8), 0
    for _ in range(200):
        sides = [_orders(count, rng) for count in (300, 300, 30)]
        tests = [_difference(one, other) for one, other in combinations(sides, 2)]
        found += any(p is not None and p < 0.05 for p in holm([test[3] for test in tests]))
        assert all((test[1] <= 0 <= test[2]) == (test[3] >= 0.05) for test in tests if test[3] is not None)
    assert found <= 0.065 * 200


def _orders(count: int, rng: np.random.Generator) -> Figure:
    """Return the mean of lognormal orders of 60 days."""
    days = np.sort(rng.integers(0, 60, count))
    each = np.bincount(days, minlength=60)
    values = np.bincount(days, weights=rng.lognormal(0, 1.3, count), minlength=60)
    low, high = ratio_interval(values[each > 0], each[each > 0])
    return Figure(value=values.sum() / count, low=max(float(low), 0.0), high=float(high))


def test_converters_who_did_not_click_make_no_segments_differ() -> None:
    """Three segments of 300 clickers, and 60 buyers each who never clicked: no part of the clickers."""
    rng, wrong = np.random.default_rng(7), 0
    for _ in range(200):
        sides = []
        for bought, clicked in zip(rng.poisson(60.0, 3), rng.poisson(300.0, 3), strict=True):
            found = shares(*np.array([[bought], [clicked], [bought + clicked]], float))
            rate, low, high, n = bought / clicked, found.low[0], found.high[0], found.n[0]
            sides.append(Figure(value=rate, low=low, high=high, numerator=bought, denominator=clicked, n=n))
        found_p = holm([_difference(one, other)[3] for one, other in combinations(sides, 2)])
        wrong += any(p is not None and p < 0.05 for p in found_p)
    assert wrong <= 14
