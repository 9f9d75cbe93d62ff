"""Rows counted as they are read give what the same rows give when all of them are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attribution import streaming
from workbench.attribution.counting import count_journeys
from workbench.attribution.reading import touchpoints_of
from workbench.attribution.streaming import journeys_of
from workbench.attribution.windows import JourneySettings, journey_settings
from workbench.errors import BadInput

from .naive import Row
from .test_counting import CHANNELS, DAY, ROWS, SETTINGS, crowd, same, table

pytest.importorskip("numba", reason="the extra workbench[fast] is not installed")
SIMPLE = st.builds(
    journey_settings,
    st.sets(st.sampled_from(["0d", "3d", "7d", "30d", "any"]), min_size=1),
    order=st.integers(1, 4),
    buckets=st.sampled_from([1, 4, 64]),
)


def kept(rows: Any, chosen: JourneySettings | None = None) -> Any:
    return count_journeys(touchpoints_of(rows), chosen, compiled=False)


def in_order(rows: list[Row], by_user: bool) -> list[Row]:
    timely = sorted(rows, key=lambda row: (row.instant, row.channel is None))
    return sorted(timely, key=lambda row: row.user) if by_user else timely


def never_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it fail where rows are kept after all."""
    monkeypatch.setattr(streaming, "touchpoints_of", lambda *_args, **_more: pytest.fail("rows were kept"))


@settings(max_examples=100, deadline=None)
@given(
    rows=ROWS,
    chosen=st.one_of(SIMPLE, SETTINGS),
    by_user=st.sampled_from([False, True, None]),
    size=st.integers(1, 40),
)
def test_rows_give_what_they_give_when_kept(
    rows: list[Row], chosen: JourneySettings, by_user: bool | None, size: int
) -> None:
    data = table(rows if by_user is None else in_order(rows, by_user))
    found, wanted = journeys_of(data.to_batches(max_chunksize=size), chosen), kept(data, chosen)
    same(found, wanted)
    assert found.provenance == wanted.provenance


@pytest.mark.parametrize("by_user", [False, True])
def test_names_that_come_late_are_counted_without_keeping_rows(
    by_user: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_kept(monkeypatch)
    rows = crowd(16, 4000, 8)
    late = [f"c{place:03d}" for place in (1, 9, 15)]  # in the middle of the names, and at their end
    first = 60 * 60 * DAY // 1000
    rows = [
        row._replace(channel="c000")
        if row.channel in late and row.instant < first * 10 * (row.user + 1)
        else row
        for row in rows
    ]
    data = table(in_order(rows, by_user))
    found = journeys_of(data.to_batches(max_chunksize=100))
    same(found, kept(data))
    assert found.names == tuple(f"c{place:03d}" for place in range(16))


@pytest.mark.parametrize("by_user", [False, True])
@pytest.mark.parametrize("order", [1, 4])
def test_touches_close_together_and_far_apart(
    by_user: bool, order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_kept(monkeypatch)
    rng = np.random.default_rng(3)
    at = np.cumsum(
        np.where(rng.random(5000) < 0.02, rng.integers(0, 3 * DAY, 5000), rng.integers(0, 60, 5000))
    )
    kinds = rng.integers(-1, 4, 5000)
    rows = [
        Row(int(user), int(when), None if kind < 0 else CHANNELS[kind], float(value) / 100)
        for user, when, kind, value in zip(
            rng.integers(0, 300, 5000), at, kinds, rng.integers(-500, 9000, 5000), strict=True
        )
    ]
    data = table(in_order(rows, by_user))
    chosen = journey_settings(["0d", "1d", "7d", "any"], order=order, buckets=7)
    same(journeys_of(data.to_batches(max_chunksize=700), chosen), kept(data, chosen))


def test_one_user_over_many_batches() -> None:
    rows = [Row(7, second * 1_000_000, CHANNELS[second % 4]) for second in range(3000)]
    rows += [Row(7, 3000 * 1_000_000, None, 10.0), Row(9, 0, "email"), Row(9, DAY, None, 5.0)]
    data = table(rows)
    found = journeys_of(data.to_batches(max_chunksize=250))
    same(found, kept(data))
    assert found.spans[-1, 0].tolist() == [3001, 3000 * 1_000_000 + DAY]


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [row._replace(user=f"user {row.user}") for row in rows],
        lambda rows: [row._replace(user=row.user - 30) for row in rows],
        lambda rows: [row._replace(user=row.user * 10**15) for row in rows],
        lambda rows: rows[::-1],
        lambda rows: [*rows, Row(3, 5 * DAY, "c001")],
        lambda rows: [
            row._replace(channel=f"{row.channel} {row.instant % 5}" if row.channel else None) for row in rows
        ],
    ],
    ids=["texts", "below zero", "sparse", "backwards", "one too late", "many names"],
)
def test_rows_that_cannot_be_counted_as_they_come_are_kept(change: Any) -> None:
    data = table(change(in_order(crowd(10, 1500, 4), False)))
    same(journeys_of(data.to_batches(max_chunksize=200)), kept(data))


def test_rows_with_ids_count_once_and_touches_of_nobody_not() -> None:
    rows = in_order(crowd(5, 600, 6), False)
    data = table([*rows, rows[-1]])
    ids = pa.array([str(place) for place in range(600)] + ["599"])
    for some in (
        data.append_column("event_id", ids).append_column("conversion_id", ids),
        data.set_column(0, "user_id", pa.array([None, *data["user_id"].to_pylist()[1:]])),
    ):
        found, wanted = journeys_of(some.to_batches(max_chunksize=50)), kept(some)
        same(found, wanted)
        assert found.provenance == wanted.provenance
        assert found.provenance.duplicates + found.provenance.nobody == 1


def test_batches_that_can_be_read_once_only_and_frames() -> None:
    data = table(in_order(crowd(5, 600, 6), False))
    same(journeys_of(iter(data.to_batches(max_chunksize=50))), kept(data))
    same(journeys_of(data.to_pandas()), kept(data))
    assert journeys_of(data.slice(0, 0)).names == ()


def test_a_wrong_value_is_told_with_its_row() -> None:
    rows = in_order(crowd(5, 600, 6), False)
    place = next(place for place, row in enumerate(rows) if row.channel is None and place > 300)
    rows[place] = rows[place]._replace(value=float("nan"))
    with pytest.raises(BadInput, match=f"row {place + 1}"):
        journeys_of(table(rows).to_batches(max_chunksize=50))


def test_journeys_tell_in_a_line_what_they_count() -> None:
    one = pa.table(
        {
            "user_id": [1, 1],
            "timestamp": pa.array([DAY, 2 * DAY], pa.timestamp("us")),
            "channel": ["search", None],
            "is_conversion": [False, True],
        }
    )
    told = "1 touches and 1 conversions from 1970-01-02 to 1970-01-03."
    assert repr(journeys_of(one)) == f"<Journeys by channel: {told}>"
