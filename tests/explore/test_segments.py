"""Segments: whom a share is of, and how names are read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from workbench.errors import UsageError
from workbench.explore import compare_segments, segments

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
    """Three orders a day for 40 days: tails draw intervals out, and cancel in a difference."""
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
        for number, value in enumerate(rng.lognormal(3, 1, 120))
        for at in [datetime(2024, 5, 6, 12, tzinfo=UTC) - timedelta(days=number % 40)]
    ]
    tables, names = base(facts=rows), ["INACTIVE", "NEW_SHOPPER"]
    view = compare_segments(tables, names, metric="aov", window="40d")
    assert view.sentence.startswith("Average order value differs: inactive")
    assert view.pairs[0].high < 0
