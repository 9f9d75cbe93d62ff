"""Journeys counted in one pass, against a naive count, published credit, and the laws that must hold."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attribution.counting import count_journeys
from workbench.attribution.journeys import Journeys
from workbench.attribution.reading import touchpoints_of
from workbench.attribution.tallies import bits_of, tally, times
from workbench.attribution.touchpoints import Touchpoints
from workbench.attribution.windows import JourneySettings, journey_settings

from .naive import Row, naive

DAY = 86_400_000_000
WAYS = (False, True)  # without and with the compiled pass


def table(rows: list[Row]) -> pa.Table:
    return pa.table(
        {
            "user_id": pa.array([row.user for row in rows]),
            "timestamp": pa.array([row.instant for row in rows], pa.timestamp("us")),
            "channel": pa.array([row.channel for row in rows], pa.string()),
            "is_conversion": pa.array([row.channel is None for row in rows], pa.bool_()),
            "value": pa.array([row.value for row in rows], pa.float64()),
        }
    )


def points(rows: list[Row], **more: Any) -> Touchpoints:
    return touchpoints_of(table(rows), **more)


def channels(found: Journeys, codes: np.ndarray, length: int) -> list[tuple[str, ...]]:
    base = len(found.names) + 1
    names = ["^", *found.names]
    return [
        tuple(names[int(code) // base**place % base] for place in range(length - 1, -1, -1)) for code in codes
    ]


def as_told(found: Journeys) -> dict[str, Any]:
    """Return statistics in the shape of the naive count."""
    rules = [rule.name for rule in found.settings.rules]
    sums = found.credit.sum(axis=0)
    credit = {
        (window.micros, rule, name): sums[w, r, c].tolist()
        for w, window in enumerate(found.settings.lookbacks)
        for r, rule in enumerate(rules)
        for c, name in enumerate(found.names)
    }
    order = found.settings.order
    steps, ends, sets = found.steps.weighted(None), found.ends.weighted(None), found.sets.weighted(None)
    members = bits_of(sets.keys, len(found.names))
    return {
        "credit": credit,
        "without": {
            w.micros: found.unattributed.sum(axis=0)[i].tolist()
            for i, w in enumerate(found.settings.lookbacks)
        },
        "steps": dict(
            zip(channels(found, steps.keys[:, 0], order + 1), steps.sums[:, 0].tolist(), strict=True)
        ),
        "ends": dict(zip(channels(found, ends.keys[:, 0], order), ends.sums.tolist(), strict=True)),
        "sets": {
            frozenset(np.array(found.names, object)[row].tolist()): some.tolist()
            for row, some in zip(members, sets.sums, strict=True)
        },
    }


def close(left: dict[Any, Any], right: dict[Any, Any]) -> None:
    for key in {*left, *right}:
        one, two = np.asarray(left.get(key, 0.0)), np.asarray(right.get(key, 0.0))
        assert np.allclose(one, two, rtol=1e-12, atol=1e-12), (key, one, two)


def same(left: Journeys, right: Journeys) -> None:
    """Check that two statistics are equal, bucket by bucket."""
    assert left.names == right.names
    for name in ("credit", "unattributed", "totals", "lengths", "lags", "spans"):
        assert np.allclose(getattr(left, name), getattr(right, name), rtol=1e-12, atol=1e-9), name
    for name in ("steps", "ends", "sets"):
        one, two = getattr(left, name), getattr(right, name)
        assert np.array_equal(one.keys, two.keys), name
        assert np.allclose(one.sums, two.sums, rtol=1e-12, atol=1e-9), name


CHANNELS = ("direct", "email", "search", "social")
ROWS = st.lists(
    st.builds(
        Row,
        st.integers(0, 5),
        st.integers(0, 40).map(lambda day: day * DAY),
        st.one_of(st.none(), st.sampled_from(CHANNELS)),
        st.integers(-200, 2000).map(lambda cents: cents / 100),
    ),
    max_size=40,
)
SETTINGS = st.builds(
    journey_settings,
    st.sets(st.sampled_from(["0d", "3d", "7d", "30d", "any"]), min_size=1),
    conversions=st.sampled_from(["split", "reuse"]),
    gap=st.sampled_from([None, timedelta(days=4)]),
    order=st.integers(1, 4),
    buckets=st.sampled_from([1, 4]),
)


@pytest.mark.parametrize("compiled", WAYS)
@settings(max_examples=60, deadline=None)
@given(rows=ROWS, chosen=SETTINGS, since=st.sampled_from([None, 20 * DAY]), by_user=st.booleans())
def test_counts_what_a_naive_count_finds(
    compiled: bool, rows: list[Row], chosen: JourneySettings, since: int | None, by_user: bool
) -> None:
    if by_user:
        rows = sorted(rows, key=lambda row: (row.user, row.instant, row.channel is None))
    found = count_journeys(points(rows, since=since), chosen, compiled=compiled)
    told = as_told(found)
    expected = naive(
        rows,
        [window.micros for window in chosen.lookbacks],
        reuse=chosen.conversions == "reuse",
        gap=None if chosen.gap is None else chosen.gap_micros,
        order=chosen.order,
        since=since,
    )
    for part in ("credit", "without", "steps", "ends", "sets"):
        close(told[part], expected[part])
    for (window, bought), spans in expected["lags"].items():
        at = [some.micros for some in chosen.lookbacks].index(window)
        assert found.spans[at, int(bought), 1] == pytest.approx(sum(spans))
        assert found.lags[at, int(bought)].sum() == len(spans)
        assert found.lengths[at, int(bought), :, 0].sum() == len(spans)


@pytest.mark.parametrize("compiled", WAYS)
@settings(max_examples=40, deadline=None)
@given(rows=ROWS, chosen=SETTINGS, seed=st.randoms(use_true_random=False))
def test_laws(compiled: bool, rows: list[Row], chosen: JourneySettings, seed: random.Random) -> None:
    found = count_journeys(points(rows), chosen, compiled=compiled)
    conversions = [row.value for row in rows if row.channel is None]
    for window, rule in ((w, r) for w in range(len(chosen.lookbacks)) for r in range(len(chosen.rules))):
        credited = found.credit[:, window, rule].sum(axis=(0, 1)) + found.unattributed[:, window].sum(axis=0)
        assert credited == pytest.approx([len(conversions), sum(conversions)], abs=1e-9)
    mine = [row for row in rows if row.user % 2]
    theirs = [row for row in rows if not row.user % 2]
    parts = [count_journeys(points(some), chosen, compiled=compiled) for some in (mine, theirs)]
    same(parts[0] + parts[1], found)
    # Equal instants keep their order of arrival, so only rows of different instants may change places.
    moved = sorted(rows, key=lambda row: seed.random() * 0 + hash((row.user, row.instant)) % 97)
    same(count_journeys(points(moved), chosen, compiled=compiled), found)
    renamed = [row._replace(channel={"email": "mail"}.get(row.channel or "", row.channel)) for row in rows]
    other = count_journeys(points(renamed), chosen, compiled=compiled)
    back = other.over(tuple(sorted({*other.names, *found.names, "mail", "email"})))
    wide = found.over(back.names)
    assert np.allclose(
        back.credit[..., back.names.index("mail"), :], wide.credit[..., wide.names.index("email"), :]
    )


@pytest.mark.parametrize("compiled", WAYS)
def test_one_channel_has_it_all(compiled: bool) -> None:
    rows = [Row(1, 0, "email"), Row(1, DAY, "email"), Row(1, 2 * DAY, None, 30.0), Row(2, 0, None, 5.0)]
    found = count_journeys(points(rows), compiled=compiled)
    assert np.allclose(found.credit[:, :, :, 0].sum(axis=0), [1.0, 30.0], rtol=0, atol=0)
    assert np.allclose(found.unattributed.sum(axis=0), [1.0, 5.0])
    assert found.untouched.tolist() == [1.0, 5.0]


@pytest.mark.data
@pytest.mark.parametrize("compiled", WAYS)
@pytest.mark.parametrize("policy", ["split", "reuse"])
def test_credit_of_every_edge_case(public_data: Path, policy: str, compiled: bool) -> None:
    folder = public_data / "reference" / "attribution"
    events = pd.read_csv(folder / "edge_events.csv")
    events["timestamp"] = pd.to_datetime(events.ts_seconds, unit="s")
    expected = pd.read_csv(folder / "edge_events_expected_credit.csv")
    expected = expected[expected.split_at_conversion == (policy == "split")]
    chosen = journey_settings(
        [f"{days}d" for days in expected.lookback_days.unique()], conversions=policy, order=4
    )
    checked = 0
    for user, own in events.groupby("user_id"):
        found = count_journeys(touchpoints_of(own), chosen, compiled=compiled)
        wanted = expected[expected.user_id == user]
        told = found.to_frame().set_index(["window", "rule", "channel"])
        for (days, model, channel), rows in wanted.groupby(["lookback_days", "model", "channel"]):
            for rule in [some.name for some in chosen.rules] if model == "*" else [model]:
                figures = told.loc[(f"{days}d", rule, channel)]
                assert figures.conversions == pytest.approx(rows.credit.sum(), abs=1e-12)
                assert figures.value == pytest.approx(rows.revenue.sum(), abs=1e-12)
                checked += 1
        whole = told.groupby(level=["window", "rule"]).conversions.sum()
        assert np.allclose(whole, own.is_conversion.sum(), atol=1e-12)
    assert checked > 150


def path_events(paths: list[dict[str, Any]]) -> pa.Table:
    """Return events, an hour apart, of a table of paths."""
    rows: list[Row] = []
    user = 0
    for path in paths:
        conversions, nulls = int(path["conversions"]), int(path["nulls"])
        for number in range(conversions + nulls):
            user += 1
            steps = [name.strip() for name in path["path"].split(">")]
            rows += [Row(user, hour * 3_600_000_000, name) for hour, name in enumerate(steps)]
            if number < conversions:
                rows.append(Row(user, len(steps) * 3_600_000_000, None, path["value"] / conversions))
    return table(rows)


@pytest.mark.data
@pytest.mark.parametrize("compiled", WAYS)
def test_exact_fractions_of_small_sets(public_data: Path, compiled: bool) -> None:
    cases = json.loads((public_data / "reference" / "attribution" / "tiny_exact_fractions.json").read_text())
    for case in cases.values():
        chosen = JourneySettings(direct=case["direct"])
        found = count_journeys(touchpoints_of(path_events(case["paths"])), chosen, compiled=compiled)
        for name, rule in (
            ("first_touch", "first_touch"),
            ("last_touch", "last_touch"),
            ("last_non_direct", "last_non_direct"),
            ("linear", "linear"),
            ("position_based_40_20_40", "position_based"),
        ):
            credited = found.credited(rule, "any")
            for place, figure in enumerate(("conversions", "value")):
                for channel, exact in case["expected"][name][figure].items():
                    assert credited[found.names.index(channel), place] == pytest.approx(
                        exact["float"], rel=1e-12
                    )


@pytest.mark.parametrize("compiled", WAYS)
def test_journeys_give_chains_and_coalitions(compiled: bool) -> None:
    generator = np.random.default_rng(5)
    rows = [
        Row(int(user), int(at), None if kind == 4 else CHANNELS[kind], float(kind))
        for user, at, kind in zip(
            generator.integers(0, 200, 2000),
            generator.integers(0, 90 * DAY, 2000),
            generator.integers(0, 5, 2000),
            strict=True,
        )
    ]
    found = count_journeys(points(rows), compiled=compiled)
    for order in (1, 2, 3):
        chain = found.chain(order)
        assert chain.journeys == found.journeys
        assert chain.conversions.sum() == found.conversions - found.untouched[0]
        assert chain.value.sum() == pytest.approx(found.value - found.untouched[1])
        entering = chain.transitions.sum() + 0
        assert entering == sum(row.channel is not None for row in rows)
    coalitions = found.coalitions()
    assert coalitions.journeys.sum() == found.journeys
    ones = np.ones(found.settings.buckets)
    assert np.array_equal(found.chain(2, ones).conversions, found.chain(2).conversions)
    doubled = found.coalitions(2 * ones)
    assert np.array_equal(doubled.value, 2 * coalitions.value)
    assert np.allclose(
        found.credited("linear", "7d", np.stack([ones, 2 * ones]))[1] / 2, found.credited("linear", "7d")
    )


def crowd(names: int, rows: int, seed: int) -> list[Row]:
    """Return rows of 60 users over so many channels, a tenth of them conversions."""
    generator = np.random.default_rng(seed)
    kinds = generator.integers(-names // 10, names, rows)
    return [
        Row(int(user), int(hour) * 3_600_000_000, None if kind < 0 else f"c{kind:03d}", float(cents) / 100)
        for user, hour, kind, cents in zip(
            generator.integers(0, 60, rows),
            generator.integers(0, 24 * 60, rows),
            kinds,
            generator.integers(-100, 5000, rows),
            strict=True,
        )
    ]


@pytest.mark.parametrize("names", [1, 12, 40, 62, 63, 200])
@pytest.mark.parametrize("policy", ["split", "reuse"])
def test_many_channels(names: int, policy: str) -> None:
    rows = crowd(names, 1500, names)
    chosen = journey_settings(["7d", "any"], conversions=policy, gap=timedelta(days=5), order=3)
    slow = count_journeys(points(rows, since=10 * DAY), chosen, compiled=False)
    same(count_journeys(points(rows, since=10 * DAY), chosen, compiled=True), slow)
    told = as_told(slow)
    expected = naive(
        rows,
        [window.micros for window in chosen.lookbacks],
        reuse=policy == "reuse",
        gap=5 * DAY,
        since=10 * DAY,
    )
    for part in ("credit", "without", "steps", "ends", "sets"):
        close(told[part], expected[part])


@pytest.mark.parametrize("compiled", WAYS)
def test_the_layout_changes_nothing(compiled: bool) -> None:
    rows = crowd(12, 3000, 3)
    by_time = sorted(rows, key=lambda row: (row.instant, row.channel is None))
    by_user = sorted(by_time, key=lambda row: row.user)
    found = [points(some) for some in (rows, by_time, by_user)]
    assert [some.layout for some in found] == ["time", "time", "user"]
    whole = count_journeys(found[1], compiled=compiled)
    same(count_journeys(found[2], compiled=compiled), whole)


@pytest.mark.parametrize("compiled", WAYS)
def test_one_user_with_many_touches_loses_none(compiled: bool) -> None:
    rows = [Row("u", hour * 1_000_000, CHANNELS[hour % 3]) for hour in range(100_000)]
    found = count_journeys(points([*rows, Row("u", 10**11, None, 100.0)]), compiled=compiled)
    third = pytest.approx([1 / 3, 100 / 3], rel=1e-4)
    assert found.credited("linear", "any").tolist() == [third] * 3
    assert found.spans[-1, 0].tolist() == [100_000, 10**11]
    assert found.steps.sums.sum() == 100_000


@pytest.mark.parametrize("conversions", ["split", "reuse"])
@pytest.mark.parametrize("compiled", WAYS)
def test_touches_after_the_conversion_or_in_the_future_earn_nothing_of_it(
    compiled: bool, conversions: str
) -> None:
    rows = [
        Row(1, 0, "email"),
        Row(1, DAY, None, 30.0),
        Row(1, 2 * DAY, "search"),
        Row(1, 50_000 * DAY, "sms"),
    ]
    found = count_journeys(
        points(rows), journey_settings(["any"], conversions=conversions), compiled=compiled
    )
    assert found.names == ("email", "search", "sms")
    for rule in found.settings.rules:
        assert found.credited(rule.name, "any").tolist() == [[1.0, 30.0], [0.0, 0.0], [0.0, 0.0]]
    assert (found.conversions, found.journeys, found.chain(1).nulls.sum()) == (1.0, 2.0, 1.0)
    assert (found.provenance.touches, found.provenance.last) == (3, 50_000 * DAY)


@pytest.mark.parametrize("compiled", WAYS)
def test_no_conversions_and_no_rows(compiled: bool) -> None:
    found = count_journeys(points([Row(1, 0, "email"), Row(1, DAY, "search")]), compiled=compiled)
    assert (found.journeys, found.conversions, found.chain(2).nulls.sum()) == (1.0, 0.0, 1.0)
    assert not found.credit.any()
    nothing = count_journeys(points([]), compiled=compiled)
    assert (nothing.journeys, nothing.conversions, nothing.names) == (0.0, 0.0, ())


@pytest.mark.data
@pytest.mark.parametrize("compiled", WAYS)
def test_rules_on_path_data_are_those_of_channel_attribution(public_data: Path, compiled: bool) -> None:
    paths = pd.read_csv(public_data / "journeys" / "channelattribution_paths" / "Data.csv")
    each = (paths.total_conversions + paths.total_null).to_numpy().astype(int)
    row = np.repeat(np.arange(len(paths)), each)
    number = np.arange(len(row)) - np.repeat(np.cumsum(each) - each, each)
    steps = paths.path.str.split(" > ")
    size = steps.str.len().to_numpy()[row]
    flat = steps.explode().to_numpy()
    first = (np.cumsum(steps.str.len()) - steps.str.len()).to_numpy()[row]
    hour = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    touches = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(len(row)), size),
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(hour, unit="h"),
            "channel": flat[np.repeat(first, size) + hour],
        }
    )
    sold = np.flatnonzero(number < paths.total_conversions.to_numpy()[row])
    mean = (paths.total_conversion_value / paths.total_conversions.clip(lower=1)).to_numpy()
    orders = pd.DataFrame(
        {
            "user_id": sold,
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(size[sold], unit="h"),
            "value": mean[row[sold]],
        }
    )
    found = count_journeys(touchpoints_of(touches, orders), compiled=compiled)
    wanted = pd.read_csv(public_data / "reference" / "attribution" / "ca_pathdata_heuristics.csv")
    wanted = wanted.set_index("channel_name").loc[list(found.names)]
    for rule, column in (
        ("first_touch", "first_touch"),
        ("last_touch", "last_touch"),
        ("linear", "linear_touch"),
    ):
        credited = found.credited(rule, "any")
        assert credited[:, 0] == pytest.approx(wanted[f"{column}_conversions"].to_numpy(), abs=1e-9)
        assert credited[:, 1] == pytest.approx(wanted[f"{column}_value"].to_numpy(), abs=1e-8)
    assert (found.journeys, found.conversions) == (19_785 + 68_602, 19_785)


@pytest.mark.parametrize("in_time", [False, True])
def test_more_alike_journeys_than_a_byte_counts(in_time: bool) -> None:
    journey = [("email", 1), ("search", 2)]
    rows = [Row(user, day * DAY + user, name) for user in range(1100) for name, day in journey]
    rows += [Row(user, 3 * DAY + user, None, 10.0) for user in range(0, 1100, 4)]
    rows.sort(key=lambda row: row.instant if in_time else (row.user, row.instant))
    chosen = journey_settings(["7d"], order=2, buckets=1)
    found = count_journeys(points(rows), chosen, compiled=True)
    same(found, count_journeys(points(rows), chosen, compiled=False))
    chain = found.chain(1)
    assert (chain.conversions.sum(), chain.nulls.sum(), chain.transitions.sum()) == (275, 825, 2200)


@pytest.mark.parametrize("largest", [5, 10**6, 2**61])
@pytest.mark.parametrize("size", [0, 3000])
def test_codes_are_counted_alike_in_a_table_by_sorting_and_by_pairs(largest: int, size: int) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, largest, 500)[rng.integers(0, 500, size)]
    bucket = rng.integers(0, 64, size)
    found = times(bucket, codes)
    same = tally(np.column_stack([bucket, codes]), np.ones((size, 1)))
    assert found.keys.tolist() == same.keys.tolist()
    assert found.sums.tolist() == same.sums.tolist()
