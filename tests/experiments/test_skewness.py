"""When a t test holds for lopsided means: against scipy's skewness, and by the errors that are left."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from scipy import stats

from workbench.experiments.holdout.pairs import pairs_of
from workbench.experiments.holdout.permutation import Strata
from workbench.experiments.inference.cuped import adjusted
from workbench.experiments.inference.means import differences, mean_arms
from workbench.experiments.inference.permutation import permutation_p
from workbench.experiments.inference.skewness import (
    MOST_SKEW,
    central_moments,
    needs_permutation,
    skewness_between,
    skewness_of_difference,
)
from workbench.experiments.inference.sums import Sums
from workbench.metrics.window import Window

from .cells import band, cells, tails
from .value_tables import value_table


def spent(rng: np.random.Generator, n: int, share: float, sigma: float) -> np.ndarray:
    return np.where(rng.random(n) < share, rng.lognormal(3, sigma, n), 0.0)


def test_moments_as_scipy_has_them() -> None:
    column = spent(np.random.default_rng(95), 1000, 0.1, 1.0)
    values, counts = value_table(column)
    variance, third = central_moments(values, counts[:, 0], 1000)
    assert variance == pytest.approx(column.var())
    assert third / variance**1.5 == pytest.approx(stats.skew(column))
    assert central_moments([], [], 10) == (0.0, 0.0)


def test_the_skewness_of_a_difference_is_that_of_many_differences() -> None:
    rng, n, m = np.random.default_rng(96), 40, 10
    law = stats.gamma(0.5)
    apart = law.rvs((200_000, n), random_state=rng).mean(axis=1) - law.rvs(
        (200_000, m), random_state=rng
    ).mean(axis=1)
    third = float(law.stats("s")) * law.std() ** 3
    found = skewness_of_difference(third, (law.var(), law.var()), sizes=(n, m))
    assert found == pytest.approx(stats.skew(apart), abs=0.02)
    # Of two strata alike, the sum of the differences is as skewed as one over the root of two.
    twice = skewness_of_difference([third, third], (law.var(), law.var()), sizes=(n, m), weights=[3.0, 3.0])
    assert twice == pytest.approx(found / np.sqrt(2))


def test_one_mean_alone_needs_355_times_its_squared_skewness() -> None:
    for skew in (2.0, 10.0):
        n = 355 * skew**2
        alone = skewness_of_difference(skew, (1.0, 1.0), sizes=(n, 1e12))
        assert abs(alone) == pytest.approx(MOST_SKEW)


def test_equal_sides_and_few_buyers() -> None:
    rng = np.random.default_rng(97)
    one, other = spent(rng, 4331, 0.28, 1.5), spent(rng, 4356, 0.28, 1.5)
    values, counts = value_table(one, other)
    assert stats.skew(np.r_[one, other]) > 8
    assert not needs_permutation(skewness_between(values, counts, (4331, 4356)), buyers=1205)
    uneven, rest = spent(rng, 500, 0.5, 1.5), spent(rng, 4500, 0.5, 1.5)
    values, counts = value_table(uneven, rest)
    skew = skewness_between(values, counts, (500, 4500))
    assert skew < -MOST_SKEW  # the treated side is large, so its difference leans to losses of the control
    assert needs_permutation(skew, buyers=250)
    assert needs_permutation(0.0, buyers=199)
    assert not needs_permutation(0.0, buyers=200)


def under_the_rule(n: tuple[int, int], share: float, sigma: float, runs: int) -> tuple[float, float, float]:
    """Return how often a loss and a gain were found, without an effect, and how often by shuffling."""
    rng, p, value, shuffled = np.random.default_rng(98), [], [], 0
    for run in range(runs):
        sides = [spent(rng, size, share, sigma) for size in n]
        values, counts = value_table(*sides)
        buyers = min(int((side > 0).sum()) for side in sides)
        if needs_permutation(skewness_between(values, counts, n), buyers=buyers):
            shuffled += 1
            p.append(permutation_p(values, counts, users=n, permutations=399, seed=run))
        else:
            p.append(stats.ttest_ind(*sides, equal_var=False).pvalue)
        value.append(sides[1].mean() - sides[0].mean())
    return *tails(np.array(p), np.array(value)), shuffled / runs


CASES = [
    ((1000, 1000), 0.25, 1.0),
    ((1000, 1000), 0.25, 1.5),
    ((5000, 5000), 0.05, 1.5),
    ((1000, 2000), 0.3, 1.5),
    ((5000, 10_000), 0.05, 1.0),
    ((500, 4500), 0.5, 1.0),
    ((1000, 9000), 0.25, 1.0),
    ((10_000, 10_000), 0.05, 1.5),
]


@pytest.mark.parametrize(("n", "share", "sigma"), [CASES[1], CASES[3]])
def test_tails_under_the_rule(n: tuple[int, int], share: float, sigma: float) -> None:
    below, above, shuffled = under_the_rule(n, share, sigma, 500)
    assert max(below, above) <= 0.025 + band(0.025, 500)
    assert shuffled == (0.0 if n[0] == n[1] else 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "share", "sigma"), CASES)
def test_tails_under_the_rule_in_many_tests(n: tuple[int, int], share: float, sigma: float) -> None:
    below, above, _ = under_the_rule(n, share, sigma, 2000)
    assert max(below, above) <= 0.035


def with_the_past(rng: np.random.Generator, n: tuple[int, int], sigma: float, runs: int) -> Sums:
    """Return revenue of users, half of whose buyers bought before too, a like amount."""
    parts = []
    for size in n:
        habit = rng.lognormal(3, sigma, (runs, size))
        now, then = (
            np.where(rng.random((runs, size)) < 0.3, habit * rng.lognormal(0, 0.5, (runs, size)), 0.0)
            for _ in range(2)
        )
        parts.append({"y": now, "x": then + habit * 0.3})
    return cells(*parts)


@pytest.mark.parametrize("n", [(1000, 1000), (2000, 2000)])
def test_tails_of_adjusted_figures_on_equal_sides(n: tuple[int, int]) -> None:
    rng, runs, found = np.random.default_rng(99), 1200, []
    for _ in range(12):
        sums = with_the_past(rng, n, 1.2, runs // 12)
        found.append((differences(mean_arms(sums, "y")), differences(adjusted(sums, "y", ["x"]).arms)))
    for place in (0, 1):
        p, value = (
            np.concatenate([getattr(pair[place], name)[:, 0] for pair in found]) for name in ("p", "value")
        )
        assert max(tails(p, value)) <= 0.025 + band(0.025, runs)
    plain, better = (np.concatenate([pair[place].error[:, 0] for pair in found]).mean() for place in (0, 1))
    assert better < 0.97 * plain  # so it is worth keeping


def test_holdouts_and_variants_are_judged_alike() -> None:
    rng = np.random.default_rng(94)
    values, held = spent(rng, 3000, 0.2, 1.0), np.arange(3000) < 400
    pairs = pairs_of(held=held, revenue=values, window=Window(date(2024, 1, 1), date(2024, 1, 14)))
    distinct, counts = value_table(values[held], values[~held])
    between = skewness_between(distinct, counts, (400, 2600))
    assert Strata.of(pairs, pairs.revenue).skewness == pytest.approx(between, rel=0.01)
