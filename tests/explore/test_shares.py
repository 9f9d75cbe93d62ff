"""Comparisons of shares against statsmodels, scipy, and draws from the posterior."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, fisher_exact, norm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from workbench.explore.shares import (
    beta_of_shares,
    difference_of_shares,
    holm,
    probability_best,
    share_with_interval,
)
from workbench.explore.shifts import Return, budget_shift, shrunk


def score_p(x1: int, n1: int, x2: int, n2: int, apart: float) -> float:
    """Return p of the score test of a difference, the shares likeliest under it found by search."""
    ends = max(0.0, -apart), min(1.0, 1 - apart)

    def unlikely(second: float) -> float:
        return -(binom.logpmf(x1, n1, second + apart) + binom.logpmf(x2, n2, second))

    q = minimize_scalar(unlikely, bounds=ends, method="bounded", options={"xatol": 1e-10}).x
    p = q + apart
    z = (x1 / n1 - x2 / n2 - apart) / np.sqrt(p * (1 - p) / n1 + q * (1 - q) / n2)
    return float(2 * norm.sf(abs(z)))


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 5000), st.integers(20, 5000), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_difference_against_statsmodels_and_a_search(n1: int, n2: int, p1: float, p2: float) -> None:
    x1, x2 = round(n1 * p1), round(n2 * p2)
    test = difference_of_shares(x1, n1, x2, n2)
    rarer = min(x1 + x2, n1 + n2 - x1 - x2)
    pooled = proportions_ztest([x1, x2], [n1, n2])[1]
    if rarer * min(n1, n2) / (n1 + n2) >= 5:
        for end in (test.low, test.high):  # what is just not rejected
            assert score_p(x1, n1, x2, n2, end) == pytest.approx(0.05, abs=1e-4)
        assert test.p_value == pytest.approx(pooled, abs=1e-9)
    else:
        exact = fisher_exact([[x1, n1 - x1], [x2, n2 - x2]])[1]
        assert test.p_value == pytest.approx(max(exact, pooled))


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1))
def test_p_and_interval_of_a_difference_agree(n1: int, n2: int, p1: float, p2: float) -> None:
    test = difference_of_shares(round(n1 * p1), n1, round(n2 * p2), n2)
    assert (test.p_value < 0.05) == (test.low > 0 or test.high < 0)
    assert test.low <= test.difference <= test.high


def test_where_newcombes_interval_and_the_pooled_test_part() -> None:
    """Of such shares Newcombe's interval leaves out no difference, while the test does not reject it."""
    parted = 0
    for x1 in range(101):
        test = difference_of_shares(x1, 100, 3, 10)
        low, high = confint_proportions_2indep(x1, 100, 3, 10, method="newcomb", compare="diff")
        parted += (test.p_value < 0.05) != (low > 0 or high < 0)
        assert (test.p_value < 0.05) == (test.low > 0 or test.high < 0)
    assert parted > 0


def test_nothing_to_divide_by() -> None:
    assert difference_of_shares(0, 0, 5, 10).difference is None
    assert difference_of_shares(11, 10, 5, 10).p_value is None
    assert share_with_interval(0, 0) == (None, None, None)
    assert share_with_interval(None, 10) == (None, None, None)


@settings(max_examples=5, deadline=None)  # statsmodels collects all garbage each time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_against_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


@pytest.mark.parametrize(
    ("successes", "trials"),
    [([30, 35, 20], [1000, 1000, 900]), ([0, 0], [100, 5000]), ([500, 520, 540, 1], [10_000] * 3 + [40])],
)
def test_probability_best_against_draws(successes: list[int], trials: list[int]) -> None:
    rng = np.random.default_rng(1)
    x, n = np.array(successes), np.array(trials)
    a, b = beta_of_shares(x, n)
    draws = rng.beta(a + x, b + n - x, size=(400_000, len(x)))
    expected = np.bincount(draws.argmax(axis=1), minlength=len(x)) / 400_000
    assert probability_best(x, n) == pytest.approx(expected, abs=0.004)


def test_probability_best_keeps_its_promise() -> None:
    """On simulated creatives, the one called best with probability p is best in a share p of the cases."""
    rng = np.random.default_rng(3)
    promised, kept = [], []
    for _ in range(400):
        truth = rng.beta(20, 980, 12)
        trials = rng.integers(200, 5_000, 12)
        chances = probability_best(rng.binomial(trials, truth), trials, nodes=400)
        promised.append(chances.max())
        kept.append(chances.argmax() == truth.argmax())
    assert np.mean(kept) == pytest.approx(np.mean(promised), abs=3 * np.sqrt(0.25 / 400))


def test_no_click_in_few_impressions_is_not_the_best() -> None:
    chances = probability_best([0, 30, 60], [290, 100_000, 150_000])
    assert chances.argmax() == 2


def test_the_spread_of_shares_is_found_again() -> None:
    rng = np.random.default_rng(4)
    trials = rng.integers(1_000, 20_000, 400)
    a, b = beta_of_shares(rng.binomial(trials, rng.beta(30, 970, 400)), trials)
    assert a / (a + b) == pytest.approx(0.03, rel=0.05)
    assert a + b == pytest.approx(1_000, rel=0.25)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 5000)), min_size=1, max_size=6))
def test_probabilities_are_a_distribution(pairs: list[tuple[int, int]]) -> None:
    chances = probability_best([x for x, _ in pairs], [x + rest for x, rest in pairs])
    assert chances.sum() == pytest.approx(1)
    assert (chances >= 0).all()


def test_shrinkage_promises_what_it_delivers() -> None:
    """The highest of many noisy returns is high by luck: shrunk, the promised gain is about the true one."""
    promised, naive, delivered = [], [], []
    rng = np.random.default_rng(8)
    for _ in range(400):
        truth = rng.normal(3, 0.4, 12)
        error = rng.uniform(0.3, 1.2, 12)
        seen = rng.normal(truth, error)
        mean, _ = shrunk(seen, error)
        low, high = int(np.argmin(mean)), int(np.argmax(mean))
        promised.append(mean[high] - mean[low])
        delivered.append(truth[high] - truth[low])
        naive.append(seen.max() - seen.min())
    assert np.mean(promised) == pytest.approx(np.mean(delivered), rel=0.25)
    assert np.mean(naive) > 3 * np.mean(delivered)


def test_equal_campaigns_get_no_shift() -> None:
    rng = np.random.default_rng(9)
    suggested = 0
    for _ in range(300):
        error = rng.uniform(0.3, 1.2, 12)
        seen = rng.normal(3, error)
        rows = [_return(str(n), seen[n], 1.96 * error[n]) for n in range(12)]
        suggested += budget_shift(rows).amount is not None
    assert suggested / 300 <= 0.02


def _return(name: str, roas: float, half: float, days: int = 30) -> Return:
    return Return(campaign_id=name, days=days, spend=3000.0, roas=roas, low=roas - half, high=roas + half)


def test_a_shift_needs_a_sure_gain() -> None:
    shift = budget_shift([_return("a", 1.0, 0.2), _return("b", 4.0, 0.3), _return("c", 2.5, 0.3)])
    assert (shift.giver, shift.receiver, shift.amount) == ("a", "b", pytest.approx(20.0))
    assert 0 < shift.low < shift.gain < shift.high
    assert shift.gain == pytest.approx(20 * 3, rel=0.1)
    unsure = budget_shift([_return("a", 2.0, 1.5), _return("b", 2.6, 1.5)])
    assert (unsure.amount, unsure.reason) == (None, "the returns of the campaigns cannot be told apart")
    young = budget_shift([_return("a", 1.0, 0.2, days=5), _return("b", 4.0, 0.3)])
    assert "14 days" in young.reason
    assert budget_shift([]).amount is None
