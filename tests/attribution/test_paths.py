"""Paths, their lengths, moves and assists: against counts by hand, and consistent with the credit."""

from __future__ import annotations

import statistics
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attribution.counting import count_journeys
from workbench.attribution.lengths import lengths
from workbench.attribution.paths import positions, top_paths
from workbench.attribution.reading import touchpoints_of
from workbench.attribution.sequences import sequences
from workbench.attribution.touchpoints import Touchpoints
from workbench.attribution.transitions import assists, transitions
from workbench.errors import UsageError
from workbench.stats import share_interval

HOUR = 3_600_000_000
JOURNEYS = st.lists(
    st.tuples(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4), st.booleans()), max_size=40
)


def points(journeys: list[tuple[list[str], bool]]) -> Touchpoints:
    """Return one user per journey, touched every hour, who then buys for 10 or not."""
    rows: list[tuple[int, int, str | None]] = []
    for user, (path, bought) in enumerate(journeys):
        rows += [(user, hour * HOUR, name) for hour, name in enumerate(path)]
        rows += [(user, len(path) * HOUR, None)] * bought
    users, instants, names = zip(*rows, strict=True) if rows else ((), (), ())
    return touchpoints_of(
        pa.table(
            {
                "user_id": pa.array(users, pa.int64()),
                "timestamp": pa.array(instants, pa.timestamp("us")),
                "channel": pa.array(names, pa.string()),
                "is_conversion": pa.array([name is None for name in names], pa.bool_()),
                "value": pa.array([10.0] * len(names)),
            }
        )
    )


@settings(max_examples=60, deadline=None)
@given(JOURNEYS)
def test_top_paths_are_counted(journeys: list[tuple[list[str], bool]]) -> None:
    found = top_paths(sequences(points(journeys)), window="any", limit=5)
    taken = Counter(tuple(path) for path, _ in journeys)
    bought = Counter(tuple(path) for path, sold in journeys if sold)
    expected = sorted(bought, key=lambda path: (-bought[path], path))[:5]
    assert [row.path for row in found.rows] == expected
    for row in found.rows:
        assert (row.journeys, row.conversions) == (taken[row.path], bought[row.path])
        assert row.value == 10.0 * row.conversions
        low, high = share_interval(row.conversions, row.journeys)
        assert (row.rate_low, row.rate_high) == (float(low), float(high))
    assert (found.distinct, found.conversions) == (len(taken), sum(bought.values()))
    assert found.sentence


@settings(max_examples=60, deadline=None)
@given(JOURNEYS)
def test_lengths_and_times(journeys: list[tuple[list[str], bool]]) -> None:
    every = lengths(count_journeys(points(journeys)), window="7d").rows[0]
    sold = [len(path) for path, bought in journeys if bought]
    assert every.conversions == len(sold)
    if not sold:
        assert every.mean_touches is None
        return
    assert every.mean_touches == pytest.approx(statistics.mean(sold))
    assert every.median_touches == statistics.median(sold)
    assert every.mean_days == pytest.approx(statistics.mean(sold) / 24)
    assert every.median_days == pytest.approx(statistics.median(sold) / 24)


@settings(max_examples=60, deadline=None)
@given(JOURNEYS)
def test_moves_positions_and_assists(journeys: list[tuple[list[str], bool]]) -> None:
    touches = points(journeys)
    counted = count_journeys(touches)
    moves: Counter[tuple[str, str]] = Counter()
    last: Counter[str] = Counter()
    helped: Counter[str] = Counter()
    places: Counter[tuple[str, str]] = Counter()
    for path, bought in journeys:
        walk = ["(start)", *path, "(conversion)" if bought else "(no conversion)"]
        moves.update(pairwise(walk))
        if bought:
            last[path[-1]] += 1
            helped.update(set(path) - {path[-1]})
            places[path[0], "only" if len(path) == 1 else "first"] += 1
            places.update((name, "middle") for name in path[1:-1])
            places.update((name, "last") for name in path[1:][-1:])
    assert {(row.source, row.target): row.count for row in transitions(counted).rows} == moves
    assert {row.channel: (row.last, row.assisted) for row in assists(counted).rows} == {
        name: (last[name], helped[name]) for name in counted.names
    }
    table = positions(sequences(touches), window="any").to_frame().set_index("channel")
    assert all(table.loc[name, place] == count for (name, place), count in places.items())
    assert table.to_numpy().sum() == sum(places.values())


def test_small_channels_are_others_in_a_flow() -> None:
    found = transitions(
        count_journeys(points([(["a", "b"], True), (["a", "c"], False), (["a"], True)])), top=1
    )
    assert found.names == ("a", "(other)")
    assert {(row.source, row.target): row.count for row in found.rows} == {
        ("(start)", "a"): 3,
        ("a", "(other)"): 2,
        ("a", "(conversion)"): 1,
        ("(other)", "(conversion)"): 1,
        ("(other)", "(no conversion)"): 1,
    }
    assert "100% of journeys begin with a" in found.sentence


def test_the_window_cuts_paths() -> None:
    touches = points([(["a", "b", "c"], True)])
    found: Any = top_paths(sequences(touches), window=np.timedelta64(2, "h").astype("timedelta64[us]").item())
    assert found.rows[0].path == ("b", "c")
    with pytest.raises(UsageError):
        top_paths(sequences(touches), limit=0)
    with pytest.raises(UsageError, match="Built: 7d"):
        lengths(count_journeys(touches), window="3d")


def test_nothing_is_said_of_nothing() -> None:
    nothing = points([])
    counted = count_journeys(nothing)
    for result in (
        top_paths(sequences(nothing)),
        positions(sequences(nothing)),
        lengths(counted),
        transitions(counted),
        assists(counted),
    ):
        assert result.sentence.startswith(("No ", "There is no "))
        assert "<table>" in result._repr_html_()


def test_new_and_returning_buyers_are_told_apart() -> None:
    rows = pa.table(
        {
            "user_id": ["u"] * 4,
            "timestamp": pa.array([0, HOUR, 50 * HOUR, 60 * HOUR], pa.timestamp("us")),
            "channel": ["a", None, "b", None],
            "is_conversion": [0, 1, 0, 1],
            "value": [0.0, 5.0, 0.0, 7.0],
        }
    )
    _, new, returning = lengths(count_journeys(touchpoints_of(rows))).rows
    assert (new.value, new.mean_days) == (5.0, pytest.approx(1 / 24))
    assert (returning.value, returning.mean_days) == (7.0, pytest.approx(10 / 24))
