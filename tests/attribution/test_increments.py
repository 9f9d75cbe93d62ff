"""A day added to what was counted before gives what counting everything at once gives."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attribution import counting
from workbench.attribution.counting import count_journeys
from workbench.attribution.held import Open
from workbench.attribution.increments import Advanced, advance
from workbench.attribution.windows import JourneySettings
from workbench.errors import UsageError

from .naive import Row
from .test_counting import DAY, ROWS, SETTINGS, crowd, points, same


def in_parts(
    rows: list[Row],
    cuts: list[int],
    chosen: JourneySettings,
    *,
    saved: bool = False,
    since: int | None = None,
) -> Advanced:
    """Return the result of counting the rows of one span of days after the other."""
    result: Advanced | None = None
    for first, after in pairwise([0, *cuts, 10**6]):
        later = points([row for row in rows if first * DAY <= row.instant < after * DAY], since=since)
        result = advance(result, later, chosen)
        if saved:
            result = Advanced(layers=(result.journeys,), open=Open.from_arrow(result.open.to_arrow()))
    assert result is not None
    return result


@settings(max_examples=80, deadline=None)
@given(
    rows=ROWS,
    chosen=SETTINGS,
    cuts=st.sets(st.integers(1, 40), max_size=4),
    saved=st.booleans(),
    since=st.one_of(st.none(), st.integers(0, 40).map(lambda day: day * DAY)),
)
def test_days_add_up(
    rows: list[Row], chosen: JourneySettings, cuts: set[int], saved: bool, since: int | None
) -> None:
    whole = count_journeys(points(rows, since=since), chosen)
    same(in_parts(rows, sorted(cuts), chosen, saved=saved, since=since).journeys, whole)


@pytest.mark.parametrize("conversions", ["split", "reuse"])
def test_large_days_are_counted_by_the_compiled_pass_and_add_up(
    conversions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba", reason="the extra workbench[fast] is not installed")
    rows, chosen = crowd(5, 4000, 2), JourneySettings(order=2, conversions=conversions)
    whole = count_journeys(points(rows), chosen, compiled=False)
    monkeypatch.setattr(counting, "_MANY", 0)  # from how many rows the compiled pass is taken
    same(in_parts(rows, [10, 20, 40], chosen).journeys, whole)


def test_many_days_of_many_channels_add_up() -> None:
    rows = [row._replace(user=f"user {row.user}") for row in crowd(70, 4000, 1)]
    result = in_parts(rows, list(range(1, 60)), JourneySettings(order=2))
    same(result.journeys, count_journeys(points(rows), JourneySettings(order=2)))
    assert len(result.open.layers) < 8
    assert 1 < len(result.layers) < 8
    assert result.journeys.provenance.touches == sum(row.channel is not None for row in rows)


def test_rows_must_be_later_and_settings_the_same() -> None:
    begun = advance(None, points([Row(1, 5 * DAY, "email")]))
    with pytest.raises(UsageError, match="not later"):
        advance(begun, points([Row(2, 5 * DAY, "email")]))
    with pytest.raises(UsageError, match="settings"):
        advance(begun, points([Row(2, 6 * DAY, "email")]), JourneySettings(order=1))
    with pytest.raises(UsageError, match="attribute"):
        advance(begun, replace(points([Row(2, 6 * DAY, "email")]), attribute="campaign_id"))
    assert advance(begun, points([])) is begun
    assert repr(begun) == (
        "<Advanced by channel: 1 touches and 0 conversions from 1970-01-06 to 1970-01-06.>"
    )
    assert repr(begun.open) == "<Open: 1 rows of 1 users>"
