"""The split of users: published cases, other libraries, size and power."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from workbench.errors import UsageError
from workbench.experiments.inference.sample_ratio import ratio_p, sample_ratio, sequential_p, sequential_ratio

from .cells import band


def test_cookie_cats_warns_and_does_not_block() -> None:
    found = sample_ratio([44_700, 45_489], [1, 1], variants=["gate_30", "gate_40"])
    assert found.p == pytest.approx(0.008608, abs=5e-7)
    assert found.verdict == "warns"
    assert "gate_40 45,489 of 45,094 expected" in found.sentence
    assert found.to_frame()["seen"].tolist() == [44_700, 45_489]
    hostile = sample_ratio([5, 6], [1, 1], variants=["<b>x", "y"])
    assert "<b>" not in hostile._repr_html_()


def test_hillstrom_is_as_planned() -> None:
    found = sample_ratio([21_306, 21_307, 21_387], [1, 1, 1])
    assert found.p == pytest.approx(0.903693, abs=5e-7)
    assert found.verdict == "ok"
    assert found.sentence.startswith("The split is as planned: variant 1 21,306 of 21,333 expected")


def test_chi_square_is_that_of_scipy() -> None:
    rng = np.random.default_rng(1)
    counts = rng.multinomial(5_000, [0.2, 0.5, 0.3], size=50)
    theirs = stats.chisquare(counts, 5_000 * np.array([0.2, 0.5, 0.3]), axis=1).pvalue
    assert ratio_p(counts, [2, 5, 3]) == pytest.approx(theirs, rel=1e-10)
    assert (
        0
        < ratio_p([[510_000, 490_000]], [1, 1])[0]
        == pytest.approx(stats.chisquare([510_000, 490_000]).pvalue, rel=1e-8)
    )


def test_few_users_are_tested_exactly() -> None:
    for seen in ([0, 7], [3, 4], [9, 0], [1, 3]):
        found = sample_ratio(seen, [0.4, 0.6])
        assert found.method == "exact multinomial test"
        assert found.p == pytest.approx(stats.binomtest(seen[0], sum(seen), 0.4).pvalue, rel=1e-9)
    three = sample_ratio(
        [6, 1, 0], [1, 1, 1]
    )  # 3^7 sequences: 7 of each of 6 kinds of (6, 1, 0), 3 of (7, 0, 0)
    assert three.p == pytest.approx((6 * 7 + 3) / 3**7, rel=1e-9)


def test_a_tiny_share_of_many_users_is_tested_by_draws() -> None:
    found = sample_ratio([9, 500, 39_491], [0.0001, 0.0125, 0.9874], seed=3)
    assert found.method.startswith("multinomial test by")
    assert found.p == pytest.approx(2 * stats.binom.sf(8, 40_000, 0.0001), abs=0.05)
    assert sample_ratio([9, 500, 39_491], [0.0001, 0.0125, 0.9874], seed=3).p == found.p


def test_size_at_the_threshold_that_blocks() -> None:
    rng = np.random.default_rng(4)
    for split in ([0.5, 0.5], [0.1, 0.9], [0.2, 0.3, 0.5]):
        p = ratio_p(rng.multinomial(100_000, split, size=100_000), split)
        assert abs(float((p < 0.001).mean()) - 0.001) <= 0.0003


def test_power_for_a_lost_percent() -> None:
    rng = np.random.default_rng(5)
    counts = np.column_stack([rng.binomial(1_000_000, 0.5, 2_000), rng.binomial(1_000_000, 0.49, 2_000)])
    assert float((ratio_p(counts, [0.5, 0.5]) < 0.001).mean()) > 0.99
    found = sample_ratio([500_000, 490_000], [1, 1])
    assert found.verdict == "blocks"
    assert "find out where before reading any result" in found.sentence
    assert "p below 0.0001" in found.sentence


@pytest.mark.parametrize("concentration", [100.0, 10_000.0])
@pytest.mark.parametrize("repetitions", [5_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_looking_daily_keeps_its_promise(concentration: float, repetitions: int) -> None:
    rng = np.random.default_rng(6)
    daily = rng.multinomial(1_000, [0.3, 0.7], size=(repetitions, 60))
    p = sequential_p(daily, [0.3, 0.7], concentration=concentration)
    for alpha in (0.001, 0.01, 0.1):
        assert float((p[:, -1] <= alpha).mean()) <= alpha + band(alpha, repetitions)
    assert (np.diff(p, axis=1) <= 0).all()
    chi_square = ratio_p(np.cumsum(daily, axis=1), [0.3, 0.7])
    assert float((chi_square < 0.01).any(axis=1).mean()) > 0.04  # what it protects from


def test_looking_daily_finds_a_mismatch() -> None:
    rng = np.random.default_rng(7)
    daily = np.stack([rng.binomial(20_000, 0.5, (500, 50)), rng.binomial(20_000, 0.49, (500, 50))], axis=-1)
    assert float((sequential_p(daily, [0.5, 0.5])[:, -1] < 0.001).mean()) > 0.95
    found = sequential_ratio(daily[0], [1, 1], variants=["a", "b"])
    assert found.verdict == "blocks"
    assert found.seen == tuple(daily[0].sum(axis=0))


def test_the_mixture_is_the_chance_of_the_sequence() -> None:
    """Under a flat Dirichlet prior, k of n in one order has the chance 1 / ((n + 1) C(n, k))."""
    p = sequential_p([[6, 0]], [0.5, 0.5], concentration=2.0)
    assert p[0] == pytest.approx(7 * 0.5**6, rel=1e-12)


@pytest.mark.parametrize(
    ("counts", "shares", "says"),
    [
        ([1, 2], [1, 1, 1], "2 counts and 3 shares"),
        ([1], [1], "1 counts and 1 shares"),
        ([1, 2], [1, 0], "each share must be above 0"),
        ([1, -2], [1, 1], "0 or more"),
        ([1, 2.5], [1, 1], "whole number"),
        ([0, 0], [1, 1], "No user is assigned yet"),
    ],
)
def test_counts_that_cannot_be(counts: list[float], shares: list[float], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        sample_ratio(counts, shares)
    with pytest.raises(UsageError, match=says):
        sequential_ratio([counts], shares)


def test_names_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match="1 names for 2 variants"):
        sample_ratio([1, 2], [1, 1], variants=["a"])
