"""Markov attribution against other programs' figures, exact fractions, and identities that must hold."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attribution.chain import Chain, chain_of_paths
from workbench.attribution.markov import markov_credit, removal_effects
from workbench.errors import BadInput, NotEnoughData, UsageError

CHANNELS = ("a", "b", "c", "d")
path = st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=6)
row = st.tuples(path, st.integers(0, 4), st.integers(0, 4), st.integers(0, 900))
tables = st.lists(row, min_size=1, max_size=12).filter(lambda rows: any(r[1] for r in rows))
orders = st.integers(1, 4)


def chain_of(rows, order: int, names=CHANNELS) -> Chain:
    paths, conversions, nulls, values = zip(*rows, strict=True)
    value = [v * (c > 0) for v, c in zip(values, conversions, strict=True)]
    return chain_of_paths(paths, conversions, value, nulls, order=order, names=names)


def by_brute_force(chain: Chain, channel: int | None) -> np.ndarray:
    """Solve the chain densely with one channel switched off."""
    size, counts = len(chain.states), chain.transitions.toarray()
    place = {tuple(state): at for at, state in enumerate(chain.states.tolist())}
    out = np.maximum(chain.outflow, 1e-300)  # nobody was in a state of weight zero
    inner = np.zeros((size, size))
    for s, c in zip(*counts.nonzero(), strict=True):
        inner[s, place[(*chain.states[s][1:].tolist(), int(c) + 1)]] = counts[s, c] / out[s]
    rewards = np.column_stack([chain.conversions, chain.value]) / out[:, None]
    if channel is not None:
        on = ~(chain.states == channel + 1).any(axis=1)
        inner, rewards = inner * on[:, None] * on[None, :], rewards * on[:, None]
    return np.linalg.solve(np.eye(size) - inner, rewards)[chain.start]


@settings(max_examples=40, deadline=None)
@given(tables, orders)
def test_removal_effects_are_those_of_a_dense_solve(rows, order: int) -> None:
    chain = chain_of(rows, order)
    found = removal_effects(chain)
    whole = by_brute_force(chain, None)
    for channel in range(len(CHANNELS)):
        left = by_brute_force(chain, channel)
        assert found.conversions[channel] == pytest.approx(1 - left[0] / whole[0], abs=1e-12)
        if whole[1]:
            assert found.value[channel] == pytest.approx(1 - left[1] / whole[1], abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(tables, orders)
def test_the_chain_yields_what_the_data_yield(rows, order: int) -> None:
    chain = chain_of(rows, order)
    found = removal_effects(chain)
    assert found.conversion_rate == pytest.approx(chain.conversions.sum() / chain.journeys, rel=1e-12)
    assert found.value_rate == pytest.approx(chain.value.sum() / chain.journeys, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(tables, orders)
def test_credit_adds_up_and_is_never_negative(rows, order: int) -> None:
    chain = chain_of(rows, order)
    credit = markov_credit(chain)
    assert credit.min() >= 0
    assert credit[:, 0].sum() == pytest.approx(chain.conversions.sum(), rel=1e-12)
    assert credit[:, 1].sum() == pytest.approx(chain.value.sum(), rel=1e-12)
    scaled = chain_of([(p, 10 * c, 10 * n, 10 * v) for p, c, n, v in rows], order)
    assert markov_credit(scaled) == pytest.approx(10 * credit, rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(tables)
def test_order_one_does_not_see_repeats(rows) -> None:
    def collapsed(some):
        return [c for place, c in enumerate(some) if place == 0 or some[place - 1] != c]

    once = [(collapsed(p), *rest) for p, *rest in rows]
    before, after = removal_effects(chain_of(rows, 1)), removal_effects(chain_of(once, 1))
    assert after.conversions == pytest.approx(before.conversions, abs=1e-12)
    assert after.value == pytest.approx(before.value, abs=1e-12)


def test_order_two_sees_repeats() -> None:
    rows = [(["a", "a", "b"], 3, 1, 9), (["a", "b"], 1, 4, 5), (["b", "a", "a"], 2, 2, 7), (["a"], 0, 3, 0)]
    once = [(["a", "b"], 3, 1, 9), (["a", "b"], 1, 4, 5), (["b", "a"], 2, 2, 7), (["a"], 0, 3, 0)]
    two = removal_effects(chain_of(rows, 2)).conversions
    assert np.abs(two - removal_effects(chain_of(once, 2)).conversions).max() > 1e-3


@settings(max_examples=40, deadline=None)
@given(tables)
def test_with_a_long_memory_the_effect_is_the_share_of_conversions_that_contain_it(rows) -> None:
    found = removal_effects(chain_of(rows, 6)).conversions
    total = sum(r[1] for r in rows)
    for place, name in enumerate(CHANNELS):
        containing = sum(r[1] for r in rows if name in r[0])
        assert found[place] == pytest.approx(containing / total, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(tables, orders)
def test_a_channel_on_every_converting_path_has_effect_one(rows, order: int) -> None:
    held = [((*p, "a") if c else p, c, n if c == 0 else 0, v) for p, c, n, v in rows]
    assert removal_effects(chain_of(held, order)).conversions[0] == pytest.approx(1, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(tables, orders, st.permutations(CHANNELS), st.randoms(use_true_random=False))
def test_names_and_rows_do_not_matter(rows, order: int, renamed, random) -> None:
    credit = markov_credit(chain_of(rows, order))
    shuffled = [*rows, *rows]
    random.shuffle(shuffled)
    new = dict(zip(CHANNELS, renamed, strict=True))
    halves = [([new[c] for c in p], c / 2, n / 2, v / 2) for p, c, n, v in shuffled]
    moved = markov_credit(chain_of(halves, order))
    for place, name in enumerate(CHANNELS):
        assert moved[CHANNELS.index(new[name])] == pytest.approx(credit[place], rel=1e-9, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(tables, st.integers(1, 3))
def test_a_channel_that_never_occurs_changes_nothing(rows, order: int) -> None:
    credit = markov_credit(chain_of(rows, order))
    more = markov_credit(chain_of(rows, order, names=(*CHANNELS, "never")))
    assert more[-1].tolist() == [0, 0]
    assert more[:-1] == pytest.approx(credit, rel=1e-12, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(tables, st.integers(1, 3))
def test_forgetting_touches_gives_the_chain_of_the_lower_order(rows, order: int) -> None:
    low = chain_of(rows, 4).lower(order)
    assert markov_credit(low) == pytest.approx(markov_credit(chain_of(rows, order)), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("order", [2, 3])
def test_where_the_iteration_stalls_a_sparse_solver_takes_over(order: int) -> None:
    rows = [(["a"] * 400 + ["b"], 1, 0, 9), (["b"] * 300 + ["c"] * 200, 1, 2, 4), (["c", "a"], 0, 1, 0)]
    chain = chain_of(rows, order)
    solved, iterated = removal_effects(chain, steps=1), removal_effects(chain, steps=10**6)
    assert solved.conversions == pytest.approx(iterated.conversions, abs=1e-11)
    assert solved.value == pytest.approx(iterated.value, abs=1e-11)


def test_one_channel_has_everything() -> None:
    for order in (1, 2, 3):
        chain = chain_of_paths([["a"], ["a", "a"]], [2, 1], [30.5, 12], [7, 9], order=order)
        assert markov_credit(chain) == pytest.approx(np.array([[3, 42.5]]), rel=1e-14)


def test_a_rare_channel_and_a_low_rate_are_no_problem() -> None:
    """A simulation gives such a channel nothing, or does not end."""
    paths = [["search"], ["search", "rare"], ["rare", "email"], ["email"]]
    chain = chain_of_paths(paths, [0, 1, 0, 99], [0, 1000, 0, 50], [600_000, 0, 3, 400_000])
    credit = markov_credit(chain)
    assert 0.5 < credit[chain.names.index("rare"), 0] < 1.5
    assert removal_effects(chain).conversion_rate == pytest.approx(100 / 1_000_103, rel=1e-12)


def test_fractions_of_a_conversion_are_kept() -> None:
    whole = markov_credit(chain_of_paths([["a", "b"], ["a"]], [5, 17], [1, 2], [10, 10]))
    tenth = markov_credit(chain_of_paths([["a", "b"], ["a"]], [0.5, 1.7], [0.1, 0.2], [1, 1]))
    assert tenth == pytest.approx(whole / 10)
    assert tenth[:, 0].sum() == pytest.approx(2.2)


def test_an_empty_path_is_nobodys() -> None:
    filled = chain_of_paths([["x", "y"], ["z"]], [1, 1], [5, 1], [1, 0])
    gap = chain_of_paths([["x", "y"], [], ["z"]], [1, 1, 1], [5, 2, 1], [1, 7, 0])
    assert markov_credit(gap).tolist() == markov_credit(filled).tolist()
    assert gap.conversions.sum() == 2


def test_what_cannot_be_credited_is_said() -> None:
    with pytest.raises(NotEnoughData, match="no journey with a touch converted"):
        removal_effects(chain_of_paths([["a"]], [0], nulls=[5]))
    with pytest.raises(NotEnoughData):
        removal_effects(chain_of_paths([], [], names=["a"]))
    with pytest.raises(BadInput, match="negative"):
        chain_of_paths([["a"]], [-1])
    with pytest.raises(BadInput, match="one figure for each path"):
        chain_of_paths([["a"]], [1, 2])
    with pytest.raises(UsageError, match="1 or more"):
        chain_of_paths([["a"]], [1], order=0)
    with pytest.raises(UsageError, match="too high"):
        chain_of_paths([[str(n) for n in range(300)]], [1], order=9)


def test_value_that_was_returned_does_not_break_the_sum() -> None:
    chain = chain_of_paths([["a", "b"], ["b"]], [1, 1], [-30, 10], [1, 1])
    credit = markov_credit(chain)
    assert np.isfinite(credit).all()
    assert credit.sum(axis=0) == pytest.approx([2, -20])


def test_figures_worked_out_by_hand() -> None:
    """Removal 0.5, 1, 1 and credit 0.2, 0.4, 0.4; removal 0.75, 0.5 and credit 2.4, 1.6."""
    three = chain_of_paths([["c1", "c2", "c3"], ["c1"], ["c2", "c3"]], [1, 0, 0], nulls=[0, 1, 1])
    found = removal_effects(three)
    assert found.conversion_rate == pytest.approx(1 / 3)
    assert found.conversions == pytest.approx([0.5, 1, 1])
    assert markov_credit(three)[:, 0] == pytest.approx([0.2, 0.4, 0.4])
    two = chain_of_paths([["ads"], ["mail"], ["ads", "mail"]], [2, 1, 1], nulls=[1, 0, 0])
    found = removal_effects(two)
    assert found.conversion_rate == pytest.approx(0.8)
    assert found.conversions == pytest.approx([0.75, 0.5])
    assert markov_credit(two)[:, 0] == pytest.approx([2.4, 1.6])


@pytest.fixture(scope="module")
def reference(public_data: Path) -> Path:
    return public_data / "reference" / "attribution"


@pytest.fixture(scope="module")
def path_data(public_data: Path) -> pd.DataFrame:
    frame = pd.read_csv(public_data / "journeys" / "channelattribution_paths" / "Data.csv")
    return frame.assign(path=frame.path.str.split(" > "))


def _path_chain(frame: pd.DataFrame, order: int, *, nulls: bool = True) -> Chain:
    lost = frame.total_null if nulls else None
    return chain_of_paths(
        list(frame.path), frame.total_conversions, frame.total_conversion_value, lost, order=order
    )


@pytest.mark.data
@pytest.mark.parametrize("nulls", [True, False])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_ten_thousand_paths(reference: Path, path_data: pd.DataFrame, order: int, nulls: bool) -> None:
    chain = _path_chain(path_data, order, nulls=nulls)
    suffix = "null" if nulls else "nonull"
    wanted = pd.read_csv(reference / f"exact_pathdata_markov_order{order}_{suffix}.csv", index_col=0)
    wanted = wanted.loc[list(chain.names)]
    credit, found = markov_credit(chain), removal_effects(chain)
    assert credit[:, 0] == pytest.approx(wanted.total_conversions.to_numpy(), rel=1e-9)
    assert credit[:, 1] == pytest.approx(wanted.total_conversion_value.to_numpy(), rel=1e-9)
    assert found.conversions == pytest.approx(wanted.removal_effects_conversion.to_numpy(), rel=1e-9)
    assert found.value == pytest.approx(wanted.removal_effects_conversion_value.to_numpy(), rel=1e-9)


@pytest.mark.data
def test_figures_of_another_library(reference: Path, path_data: pd.DataFrame) -> None:
    chain = _path_chain(path_data, 1)
    legacy = pd.read_csv(reference / "legacy_mam_pathdata_conv_null.csv", index_col=0).loc[list(chain.names)]
    assert markov_credit(chain)[:, 0] == pytest.approx(legacy.attribution_markov_algorithmic, rel=1e-9)
    effects = pd.read_csv(reference / "legacy_mam_pathdata_conv_null_removal.csv", index_col=0)
    assert removal_effects(chain).conversions == pytest.approx(
        effects.removal_effect.loc[list(chain.names)], rel=1e-9
    )
    fixture = pd.read_csv(reference / "legacy_mam_dp6fixture.csv", index_col=0)
    paths = [name.split() for name in ("A", "A B", "A B C", "B", "B A", "B C A", "C", "C A", "C B A")]
    small = markov_credit(chain_of_paths(paths, [1] * 9, [3] * 9))
    assert small[:, 1] == pytest.approx(fixture.attribution_markov_algorithmic, rel=1e-12)


@pytest.mark.data
def test_transitions_of_another_library(reference: Path, path_data: pd.DataFrame) -> None:
    """It numbers channels in the order they come up, and leaves out steps from a channel to itself."""
    chain = _path_chain(path_data, 1, nulls=False)
    seen = list(
        dict.fromkeys(name for some in path_data.path[path_data.total_conversions > 0] for name in some)
    )
    place = {str(n + 1): chain.names.index(name) for n, name in enumerate(seen)}
    row = {int(code[0]): at for at, code in enumerate(chain.states)}
    table = chain.transitions.toarray() / chain.outflow[:, None]
    wanted = pd.read_csv(reference / "ca_pathdata_transition_order1_nonull_tight.csv", dtype=str)
    for source, target, chance in wanted.itertuples(index=False):
        at = row[0] if source == "(start)" else row[place[source] + 1]
        ended = chain.conversions[at] / chain.outflow[at]
        moved = 1 if source == "(start)" else 1 - table[at, place[source]]
        found = ended if target == "(conversion)" else table[at, place[target]]
        assert found / moved == pytest.approx(float(chance), abs=1e-12)


@pytest.mark.data
def test_simulation_of_another_library_is_near(reference: Path, path_data: pd.DataFrame) -> None:
    for order in (1, 2):
        chain = _path_chain(path_data, order, nulls=False)
        wanted = pd.read_csv(reference / f"ca_pathdata_markov_order{order}_nonull_tight.csv", index_col=0)
        found = pd.DataFrame(markov_credit(chain), index=list(chain.names)).loc[wanted.index]
        for place, column in enumerate(("total_conversions", "total_conversion_value")):
            assert (found[place] - wanted[column]).abs().sum() < 0.002 * wanted[column].sum()


@pytest.mark.data
def test_exact_fractions(reference: Path) -> None:
    sets = json.loads((reference / "tiny_exact_fractions.json").read_text())
    for known in sets.values():
        rows = known["paths"]
        columns = [[r[name] for r in rows] for name in ("conversions", "value", "nulls")]
        for order in (1, 2, 3):
            chain = chain_of_paths([r["path"].split(" > ") for r in rows], *columns, order=order)
            wanted = known["expected"][f"markov_order{order}_padded"]
            found, credit = removal_effects(chain), markov_credit(chain)
            rate = Fraction(wanted["base_conversion_rate"]["frac"])
            assert math.isclose(found.conversion_rate, rate, rel_tol=1e-14)
            for place, name in enumerate(chain.names):
                for figure, kind in (
                    (found.conversions[place], "removal_effect"),
                    (found.value[place], "removal_effect_value"),
                    (credit[place, 0], "conversions"),
                    (credit[place, 1], "value"),
                ):
                    assert math.isclose(figure, Fraction(wanted[kind][name]["frac"]), rel_tol=1e-13)
