"""Shapley values against the definition itself, axioms, exact fractions, and sampling error."""

from __future__ import annotations

import json
import math
import time
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attribution.chain import Chain, chain_of_paths
from workbench.attribution.coalitions import Coalitions, coalitions_of_paths
from workbench.attribution.shapley import (
    coverage_shapley,
    first_order,
    marginal_yields,
    markov_shapley,
    shapley_of_worth,
    subset_rate_shapley,
)
from workbench.errors import NotEnoughData, UsageError

CHANNELS = ("a", "b", "c", "d")
path = st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=5)
row = st.tuples(path, st.integers(0, 4), st.integers(0, 4), st.integers(0, 900))
tables = st.lists(row, min_size=1, max_size=10).filter(lambda rows: any(r[1] for r in rows))


def columns(rows):
    paths, conversions, nulls, values = zip(*rows, strict=True)
    return list(paths), conversions, [v * (c > 0) for v, c in zip(values, conversions, strict=True)], nulls


def chain_of(rows, names=CHANNELS) -> Chain:
    return chain_of_paths(*columns(rows), names=names)


def coalitions_of(rows, names=CHANNELS) -> Coalitions:
    return coalitions_of_paths(*columns(rows), names=names)


def by_permutation(worth, players: int) -> list[float]:
    """The definition: the mean of what a player adds over all orders of joining."""
    sums = [0.0] * players
    for order in permutations(range(players)):
        joined: frozenset[int] = frozenset()
        for player in order:
            sums[player] += worth(joined | {player}) - worth(joined)
            joined |= {player}
    return [some / math.factorial(players) for some in sums]


@settings(max_examples=30, deadline=None)
@given(tables)
def test_coverage_is_the_shapley_value_of_its_game(rows) -> None:
    def worth(kept):
        names = {CHANNELS[c] for c in kept}
        return sum(r[1] for r in rows if set(r[0]) <= names)

    found = coverage_shapley(coalitions_of(rows))
    assert found.conversions == pytest.approx(by_permutation(worth, 4), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(tables)
def test_markov_game_is_the_shapley_value_of_its_game(rows) -> None:
    chain = chain_of(rows)
    out = np.maximum(chain.outflow, 1e-300)
    inner, codes = np.zeros((5, 5)), chain.states[:, 0]
    inner[codes, 1:] = chain.transitions.toarray() / out[:, None]
    rewards = np.zeros((5, 2))
    rewards[codes] = np.column_stack([chain.conversions, chain.value]) / out[:, None]

    def worth(kept, reward):
        on = [0, *(c + 1 for c in kept)]
        solved = np.linalg.solve(np.eye(len(on)) - inner[np.ix_(on, on)], rewards[on, reward])
        return solved[0] * chain.journeys

    found = markov_shapley(chain)
    assert found.conversions == pytest.approx(by_permutation(lambda s: worth(sorted(s), 0), 4), abs=1e-9)
    assert found.value == pytest.approx(by_permutation(lambda s: worth(sorted(s), 1), 4), abs=1e-7)


@settings(max_examples=30, deadline=None)
@given(tables, st.permutations(range(4)))
def test_what_a_channel_adds_is_the_difference_of_two_sets(rows, order) -> None:
    """Also where a channel leads to one other only, whose row would be as good a pivot."""
    inner, rewards = first_order(chain_of(rows))
    added = marginal_yields(inner, rewards, np.array([order]))[0]
    before = rewards[0]
    for size in range(1, 5):
        on = [0, *(place + 1 for place in order[:size])]
        after = np.linalg.solve(np.eye(size + 1) - inner[np.ix_(on, on)], rewards[on])[0]
        assert added[order[size - 1]] == pytest.approx(after - before, rel=1e-9, abs=1e-9)
        before = after


def test_a_thousand_channels_take_seconds() -> None:
    """Each permutation is one factorization: 16 took 16 s of computing where each channel was a step."""
    rng, chain = np.random.default_rng(7), _random_chain(1000)
    inner, rewards = first_order(chain)
    orders = np.array([rng.permutation(1000) for _ in range(16)])
    begun = time.process_time()
    added = marginal_yields(inner, rewards, orders)
    assert time.process_time() - begun < 8
    whole = np.linalg.solve(np.eye(1001) - inner, rewards)[0]
    assert added.sum(axis=1) == pytest.approx(np.tile(whole - rewards[0], (16, 1)), rel=1e-10)


@settings(max_examples=40, deadline=None)
@given(tables)
def test_efficiency_and_no_negative_credit(rows) -> None:
    conversions, value = sum(r[1] for r in rows), sum(r[3] for r in rows if r[1])
    for found in (coverage_shapley(coalitions_of(rows)), markov_shapley(chain_of(rows))):
        assert found.conversions.sum() == pytest.approx(conversions, rel=1e-12)
        assert found.value.sum() == pytest.approx(value, rel=1e-12)
        assert min(found.conversions.min(), found.value.min()) >= -1e-12
        assert found.is_exact


@settings(max_examples=40, deadline=None)
@given(tables)
def test_symmetry(rows) -> None:
    """Where two channels play the same part, they get the same credit."""
    swap = {"a": "b", "b": "a", "c": "c", "d": "d"}
    both = [*rows, *(([swap[c] for c in p], *rest) for p, *rest in rows)]
    for found in (coverage_shapley(coalitions_of(both)), markov_shapley(chain_of(both))):
        assert found.conversions[0] == pytest.approx(found.conversions[1], rel=1e-9, abs=1e-12)
        assert found.value[0] == pytest.approx(found.value[1], rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(tables)
def test_null_player(rows) -> None:
    """A channel that never occurs, or only in journeys that do not convert and lead nowhere, gets nothing."""
    more = [*rows, (["never"], 0, 3, 0)]
    names = (*CHANNELS, "never", "absent")
    for found in (coverage_shapley(coalitions_of(more, names)), markov_shapley(chain_of(more, names))):
        assert found.conversions[4:] == pytest.approx([0, 0], abs=1e-12)
        assert found.value[4:] == pytest.approx([0, 0], abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(tables, st.permutations(CHANNELS))
def test_renaming_moves_credit_with_the_name(rows, renamed) -> None:
    new = dict(zip(CHANNELS, renamed, strict=True))
    moved = [([new[c] for c in p], *rest) for p, *rest in rows]
    for method, build in ((coverage_shapley, coalitions_of), (markov_shapley, chain_of)):
        before, after = method(build(rows)), method(build(moved))
        for place, name in enumerate(CHANNELS):
            at = CHANNELS.index(new[name])
            assert after.conversions[at] == pytest.approx(before.conversions[place], rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=16, max_size=16))
@settings(max_examples=20, deadline=None)
def test_any_game(worth) -> None:
    table = np.array([0.0, *worth[1:]])
    wanted = by_permutation(lambda s: table[sum(1 << player for player in s)], 4)
    assert shapley_of_worth(table) == pytest.approx(wanted, abs=1e-12)


def _random_chain(channels: int) -> Chain:
    rng = np.random.default_rng(channels)
    names = [f"c{n:03d}" for n in range(channels)]
    paths = [[names[c] for c in rng.integers(0, channels, rng.integers(1, 7))] for _ in range(2000)]
    return chain_of_paths(
        paths, rng.integers(0, 2, 2000), rng.random(2000), rng.integers(0, 9, 2000), names=names
    )


def test_sampling_is_right_within_its_own_error() -> None:
    chain = _random_chain(12)
    exact = markov_shapley(chain)
    scores = []
    for seed in range(40):
        sampled = markov_shapley(chain, most_exact=5, permutations=200, seed=seed)
        assert not sampled.is_exact
        assert sampled.conversions.sum() == pytest.approx(exact.conversions.sum(), rel=1e-12)
        assert sampled.value.sum() == pytest.approx(exact.value.sum(), rel=1e-12)
        scores.append((sampled.conversions - exact.conversions) / sampled.conversions_error)
    assert 0.85 < np.std(scores) < 1.15
    assert np.mean(np.abs(scores) < 1.96) > 0.9


def test_the_same_seed_gives_the_same_credit() -> None:
    chain = _random_chain(24)
    first, again = (markov_shapley(chain, permutations=64, seed=3) for _ in range(2))
    assert first.conversions.tolist() == again.conversions.tolist()
    assert first.permutations == 64


def test_two_hundred_channels_are_sampled() -> None:
    chain = _random_chain(200)
    found = markov_shapley(chain, permutations=40)
    assert not found.is_exact
    assert found.conversions.sum() == pytest.approx(chain.conversions.sum(), rel=1e-10)
    assert found.conversions.min() >= 0
    assert found.conversions_error.max() < found.conversions.max()
    rng = np.random.default_rng(1)
    paths = [[f"c{c}" for c in rng.integers(0, 200, 4)] for _ in range(500)]
    covered = coverage_shapley(coalitions_of_paths(paths, np.ones(500)))
    assert covered.conversions.sum() == pytest.approx(500)
    with pytest.raises(UsageError, match="at most 20 channels"):
        subset_rate_shapley(coalitions_of_paths(paths, np.ones(500)))


def test_the_subset_rate_can_go_negative_and_the_offered_games_cannot() -> None:
    """Long journeys convert less often: the rate of the larger set is lower."""
    rows = [(["a"], 9, 1, 90), (["a", "b"], 1, 9, 10), (["b"], 0, 5, 0)]
    found = subset_rate_shapley(coalitions_of(rows, ("a", "b")))
    assert found.conversions[1] < 0
    assert found.conversions.sum() == pytest.approx(10)
    assert coverage_shapley(coalitions_of(rows)).conversions.min() >= 0
    assert markov_shapley(chain_of(rows)).conversions.min() >= 0


def test_nothing_to_share_is_said() -> None:
    with pytest.raises(NotEnoughData):
        markov_shapley(chain_of([(["a"], 0, 4, 0)]))
    with pytest.raises(NotEnoughData):
        subset_rate_shapley(coalitions_of([(["a"], 0, 4, 0)]))
    assert coverage_shapley(coalitions_of([(["a"], 0, 4, 0)])).conversions.tolist() == [0, 0, 0, 0]


@pytest.mark.data
def test_exact_fractions(public_data: Path) -> None:
    folder = public_data / "reference" / "attribution"
    for known in json.loads((folder / "tiny_exact_fractions.json").read_text()).values():
        rows = known["paths"]
        paths = [r["path"].split(" > ") for r in rows]
        sums = [[r[name] for r in rows] for name in ("conversions", "value", "nulls")]
        wanted = known["expected"]
        covered = coverage_shapley(coalitions_of_paths(paths, *sums))
        game = markov_shapley(chain_of_paths(paths, *sums))
        rate = subset_rate_shapley(coalitions_of_paths(paths, *sums))
        raw = {name: Fraction(some["frac"]) for name, some in wanted["shapley_subset_rate_raw"].items()}
        scale = covered.conversions.sum() / float(sum(raw.values()))
        for place, name in enumerate(covered.names):
            for figure, kind in (
                (covered.conversions[place], "conversions"),
                (covered.value[place], "value"),
            ):
                assert math.isclose(
                    figure, Fraction(wanted["shapley_coverage"][kind][name]["frac"]), rel_tol=1e-13
                )
            fraction = Fraction(wanted["shapley_markov_game"]["conversions"][name]["frac"])
            assert math.isclose(game.conversions[place], fraction, rel_tol=1e-13)
            assert rate.conversions[place] == pytest.approx(float(raw[name]) * scale, rel=1e-12)


@pytest.mark.data
def test_coverage_of_ten_thousand_paths(public_data: Path) -> None:
    """The figures a library finds by listing all subsets, rounded as it prints them."""
    frame = pd.read_csv(public_data / "journeys" / "channelattribution_paths" / "Data.csv")
    found = coverage_shapley(
        coalitions_of_paths(
            list(frame.path.str.split(" > ")), frame.total_conversions, frame.total_conversion_value
        )
    )
    wanted = {"alpha": 7627.944, "iota": 3505.044, "eta": 3613.656, "beta": 1982.739, "theta": 1190.963}
    for name, figure in wanted.items():
        assert found.conversions[found.names.index(name)] == pytest.approx(figure, abs=6e-4)
    assert found.conversions.sum() == pytest.approx(19_785)
    assert found.value.sum() == pytest.approx(74_802.971587)
