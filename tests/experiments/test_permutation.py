"""Shuffled buyers: every arrangement counted by scipy, promises where Welch's t breaks them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.errors import UsageError
from workbench.experiments.inference import shuffling
from workbench.experiments.inference.permutation import permutation_p, permutation_test
from workbench.experiments.inference.shuffling import shuffled_sums

from .cells import band
from .value_tables import value_table


def studentised(treated: np.ndarray, control: np.ndarray, axis: int = -1) -> np.ndarray:
    apart = treated.mean(axis=axis) - control.mean(axis=axis)
    return apart / np.sqrt(
        treated.var(axis=axis, ddof=1) / treated.shape[axis]
        + control.var(axis=axis, ddof=1) / control.shape[axis]
    )


@pytest.mark.parametrize("case", range(4))
def test_as_scipy_counts_every_arrangement(case: int) -> None:
    rng = np.random.default_rng(80 + case)
    control, treated = rng.lognormal(1, 1, 8) * (rng.random(8) < 0.8), rng.lognormal(1.6, 1, 6)
    if case % 2:
        control, treated = treated.round(), control.round()
    exact = stats.permutation_test(
        (treated, control), studentised, vectorized=True, n_resamples=np.inf, alternative="two-sided"
    )
    found = permutation_test(
        *value_table(control, treated), users=(len(control), len(treated)), permutations=40_000
    )
    assert found.difference.p == pytest.approx(exact.pvalue, abs=4 * np.sqrt(2 / 40_000))
    assert found.difference.value == pytest.approx(treated.mean() - control.mean())
    assert found.difference.value / found.difference.error == pytest.approx(
        float(studentised(treated, control))
    )


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    factor=st.floats(0.2, 5),
    share=st.floats(0.02, 0.5),
    users=st.tuples(st.integers(40, 900), st.integers(40, 900)),
    level=st.sampled_from([0.8, 0.9, 0.95]),
    refunds=st.booleans(),
)
def test_p_and_intervals_are_one_procedure(
    seed: int, factor: float, share: float, users: tuple[int, int], level: float, refunds: bool
) -> None:
    rng = np.random.default_rng(seed)
    control, treated = (rng.lognormal(2, 1, n) * (rng.random(n) < share) for n in users)
    treated = (treated * factor).round()
    if refunds:
        control[:3] = -5.0
    found = permutation_test(
        *value_table(control, treated), users=users, level=level, permutations=500, seed=seed
    )
    if not found.difference.known:
        return
    assert (found.difference.p < 1 - level) == found.difference.significant
    assert found.difference.low <= found.difference.value <= found.difference.high
    if found.relative.known:
        assert found.relative.p == found.difference.p
        assert found.relative.significant == found.difference.significant
        assert found.relative.low <= found.relative.value <= found.relative.high


def test_units_zeros_seeds_and_rows_do_not_matter() -> None:
    values, counts = np.array([3.0, 10.0, 40.0]), np.array([[20, 9], [12, 9], [3, 6]])
    one = permutation_test(values, counts, users=(900, 400), permutations=2_000)
    with_zero = permutation_test(
        [0.0, *values], [[865, 376], *counts.tolist()], users=(900, 400), permutations=2_000
    )
    assert with_zero == one
    cents = permutation_test(values * 100, counts, users=(900, 400), permutations=2_000)
    assert cents.difference.p == one.difference.p
    assert permutation_p(values, counts, users=(900, 400), permutations=2_000) == one.difference.p
    assert cents.difference.low == pytest.approx(100 * one.difference.low, rel=1e-3)
    assert cents.relative.high == pytest.approx(one.relative.high)
    apart = [permutation_test(values, counts, users=(900, 400), seed=seed).difference.p for seed in (1, 2)]
    assert apart[0] == pytest.approx(apart[1], abs=0.02)
    straight = permutation_test(values, counts, users=(900, 400))
    turned = permutation_test(values, counts[:, ::-1], users=(400, 900))
    assert turned.difference.p == pytest.approx(straight.difference.p, abs=0.02)
    # Bounds stray by 0.005 from seed to seed.
    assert turned.difference.high == pytest.approx(-straight.difference.low, abs=0.03)


def skewed(
    rng: np.random.Generator, users: tuple[int, int], factor: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return values and counts of revenue that a twentieth of the users has, heavy-tailed."""
    buyers = [rng.binomial(n, 0.05) for n in users]
    values = rng.lognormal(3, 1.5, sum(buyers))
    counts = np.zeros((len(values), 2), int)
    counts[: buyers[0], 0] = counts[buyers[0] :, 1] = 1
    values[buyers[0] :] *= factor
    return values, counts


def welch(values: np.ndarray, counts: np.ndarray, users: tuple[int, int]) -> float:
    """Return the statistic of Welch's t."""
    means = counts.T @ values / users
    squares = counts.T @ values**2 / users
    return float((means[1] - means[0]) / np.sqrt(((squares - means**2) / users).sum()))


@pytest.mark.parametrize("repetitions", [300, pytest.param(6_000, marks=pytest.mark.slow)])
def test_each_tail_is_kept_where_welch_loses_it(repetitions: int) -> None:
    rng, users, found, theirs = np.random.default_rng(90), (500, 4_500), [], []
    for seed in range(repetitions):
        values, counts = skewed(rng, users)
        z = welch(values, counts, users)
        false = permutation_p(values, counts, users=users, permutations=999, seed=seed) < 0.05
        found.append((false and z > 0, false and z < 0))
        theirs.append((z > 1.96, z < -1.96))
    # Five standard errors: whatever the seed, chance does not break it.
    assert np.mean(found, axis=0).max() <= 0.025 + 5 / 3 * band(0.025, repetitions)
    assert np.mean(theirs, axis=0).max() > (0.06 if repetitions > 1_000 else 0.025)


@pytest.mark.slow
@pytest.mark.parametrize("users", [(500, 500), (500, 4_500), (4_500, 500), (1_000, 1_000)])
@pytest.mark.parametrize("factor", [1.0, 1.5, 2.0, 3.0])
def test_intervals_hold_the_truth(users: tuple[int, int], factor: float) -> None:
    rng, repetitions, missed = np.random.default_rng(91), 500, []
    truth = (factor - 1) * 0.05 * np.exp(3 + 1.5**2 / 2)
    for seed in range(repetitions):
        found = permutation_test(*skewed(rng, users, factor), users=users, permutations=999, seed=seed)
        missed.append(
            (
                found.difference.low > truth,
                found.difference.high < truth,
                found.relative.low > factor - 1,
                found.relative.high < factor - 1,
            )
        )
    low, high, relative_low, relative_high = np.mean(missed, axis=0)
    assert max(relative_low, relative_high) <= 0.025 + band(0.025, repetitions)
    assert max(low, high) <= 0.025 + band(0.025, repetitions)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.2])
def test_customers_without_email_split_at_random(public_data: Path, share: float) -> None:
    table = pd.read_csv(public_data / "ab_tests/hillstrom_email/hillstrom.csv")
    spend = table.loc[table["segment"] == "No E-Mail", "spend"].to_numpy(float)
    rng, repetitions, found, theirs = np.random.default_rng(92), 3_000, [], []
    bought = spend[spend > 0]
    users = (round(len(spend) * share), len(spend) - round(len(spend) * share))
    for seed in range(repetitions):
        held = np.zeros(len(bought), int)
        held[
            rng.permutation(len(bought))[
                : rng.hypergeometric(len(bought), len(spend) - len(bought), users[0])
            ]
        ] = 1
        counts = np.column_stack([held, 1 - held])
        z = welch(bought, counts, users)
        false = permutation_p(bought, counts, users=users, permutations=999, seed=seed) < 0.05
        found.append((false and z > 0, false and z < 0))
        theirs.append(z > 1.96)
    assert np.mean(found, axis=0).max() <= 0.035
    assert np.mean(theirs) > 0.04


def test_a_real_effect_is_found_and_sized() -> None:
    rng, users = np.random.default_rng(93), (2_000, 18_000)
    found = permutation_test(*skewed(rng, users, 3.0), users=users)
    assert found.difference.significant
    assert found.relative.low < 2.0 < found.relative.high
    assert found.buyers[0] > 50


def test_work_follows_buyers_not_users() -> None:
    rng = np.random.default_rng(94)
    values, treated = rng.lognormal(3, 1.2, 500), rng.random(500) < 0.5
    counts = np.column_stack([~treated, treated]).astype(int)
    peaks = []
    for users in (10_000, 100_000_000):  # a vector of so many users would take 800 MB
        tracemalloc.start()
        permutation_test(values, counts, users=(users, users))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize(
    ("values", "counts", "users", "note"),
    [
        ([1.0], [[0, 1]], (10, 10), "Fewer than two users have a value"),
        ([1.0], [[10, 10]], (10, 10), "Within each group all users"),
        ([1.0, 2.0], [[1, 0], [0, 1]], (1, 10), "fewer than two users"),
        ([1e8, 1e8 + 1], [[5, 5], [5, 5]], (10, 10), "but for rounding"),
        ([], np.zeros((0, 2)), (10, 10), "Fewer than two users have a value"),
    ],
)
def test_data_that_carry_no_answer(
    values: list[float], counts: object, users: tuple[int, int], note: str
) -> None:
    found = permutation_test(values, counts, users=users)
    assert not found.difference.known
    assert not found.relative.known
    assert note in found.difference.note


def test_a_group_without_buyers_has_no_relative_change() -> None:
    found = permutation_test([5.0, 9.0], [[0, 30], [0, 20]], users=(400, 400))
    assert found.difference.significant
    assert not found.relative.known
    few = permutation_test([5.0, 9.0], [[10, 30], [1, 20]], users=(400, 400), permutations=20)
    assert "20 permutations are too few" in few.difference.note


@pytest.mark.parametrize(
    ("values", "counts", "users"),
    [
        ([1.0, 2.0], [[1, 2]], (10, 10)),
        ([np.inf], [[1, 2]], (10, 10)),
        ([1.0], [[-1, 2]], (10, 10)),
        ([1.0], [[1.5, 2]], (10, 10)),
        ([1.0], [[11, 2]], (10, 10)),
    ],
)
def test_tables_that_cannot_be(
    values: list[float], counts: list[list[float]], users: tuple[int, int]
) -> None:
    with pytest.raises(UsageError):
        permutation_test(values, counts, users=users)


@pytest.mark.parametrize("few", [0, 16_384], ids=["32 bits", "16 bits"])
def test_all_subsets_of_a_size_are_drawn_alike(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffling, "_FEW", few)
    rng = np.random.default_rng(3)
    figures = 2.0 ** np.arange(6)[:, None]  # a sum names its subset
    sums = shuffled_sums(figures, users=(10, 9), permutations=120_000, rng=rng)[:, 0].astype(int)
    subsets = np.bincount(sums, minlength=64)
    sizes = np.array([subset.bit_count() for subset in range(64)])
    for size in range(1, 6):
        assert stats.chisquare(subsets[sizes == size]).pvalue > 1e-4
    expected = stats.hypergeom(19, 6, 9).pmf(np.arange(7)) * 120_000
    assert stats.chisquare([subsets[sizes == size].sum() for size in range(7)], expected).pvalue > 1e-4


def test_subsets_keep_their_sizes_where_many_draw_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffling, "_FEW", 10**6)
    rng = np.random.default_rng(4)  # of 100,000 rows one in two edges is drawn twice in 16 bits
    sizes = rng.hypergeometric(100_000, 100_000, 50_000, size=30)
    sums = shuffling._subset_sums(np.ones((100_000, 1)), sizes, rng)
    assert sums[:, 0].tolist() == sizes.tolist()
