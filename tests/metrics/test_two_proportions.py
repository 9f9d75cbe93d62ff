"""Two shares compared, against the likelihood itself, statsmodels and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import chi2_contingency, fisher_exact
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from workbench.metrics.two_proportions import (
    compared_p,
    difference_interval,
    few_expected,
    fisher_p,
    ratio_interval,
    restricted_share,
    score_p,
    score_z,
    two_sided,
)

TABLES = [(3, 20, 1, 30), (1226, 349650, 58, 34580), (12, 40, 20, 35), (0, 50, 4, 60), (50, 50, 40, 50)]


@pytest.mark.parametrize("table", TABLES[:3])
def test_score_p_is_the_pooled_z_test(table: tuple[int, ...]) -> None:
    x, n, y, m = table
    assert score_p(*table) == pytest.approx(proportions_ztest([x, y], [n, m])[1], rel=1e-9)


@pytest.mark.parametrize("table", TABLES[:3])
def test_ratio_interval_is_koopmans(table: tuple[int, ...]) -> None:
    expected = confint_proportions_2indep(*table, method="score", compare="ratio", correction=False)
    assert ratio_interval(*table) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("table", TABLES[:3])
def testrestricted_share_proportion_is_the_likeliest(table: tuple[int, ...]) -> None:
    x, n, y, m = table
    for delta in difference_interval(*table):

        def loss(q: float, delta: float = delta) -> float:
            p = q + delta
            return -(x * np.log(p) + (n - x) * np.log(1 - p) + y * np.log(q) + (m - y) * np.log(1 - q))

        bounds = (max(0, -delta) + 1e-12, min(1, 1 - delta) - 1e-12)
        best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-13})
        assert restricted_share(x, n, y, m, delta) == pytest.approx(best.x, abs=1e-7)


@pytest.mark.parametrize("table", TABLES)
def test_the_ends_are_where_the_score_test_turns(table: tuple[int, ...]) -> None:
    x, n, y, m = table
    for end in difference_interval(*table):
        q = restricted_share(x, n, y, m, end)
        p = q + end
        error = np.sqrt(p * (1 - p) / n + q * (1 - q) / m)
        assert abs((x / n - y / m - end) / error) == pytest.approx(1.959964, abs=1e-4)


COUNT = st.integers(1, 400) | st.integers(1, 10**7)


@settings(max_examples=150, deadline=None)
@given(COUNT, COUNT, st.floats(0, 1), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.999]))
def test_an_interval_leaves_out_no_effect_exactly_where_p_is_small(
    n: int, m: int, one: float, other: float, level: float
) -> None:
    x, y = round(n * one), round(m * other)
    p = compared_p(x, n, y, m)
    low, high = difference_interval(x, n, y, m, level=level)
    assert low <= x / n - y / m <= high
    assert (low > 0 or high < 0) == (p < 1 - level)
    if y > 0:
        low, high = ratio_interval(x, n, y, m, level=level)
        assert (low > 1 or high < 1) == (p < 1 - level)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.floats(0, 1), st.floats(0, 1))
def test_swapped_sides_swap_the_interval(n: int, m: int, one: float, other: float) -> None:
    x, y = round(n * one), round(m * other)
    low, high = difference_interval(x, n, y, m)
    assert difference_interval(y, m, x, n) == pytest.approx((-high, -low), rel=1e-9, abs=1e-12)
    assert compared_p(x, n, y, m) == pytest.approx(compared_p(y, m, x, n))
    # Those who did not convert differ by as much, the other way round.
    assert difference_interval(n - x, n, m - y, m) == pytest.approx((-high, -low), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("table", TABLES[:3])
def test_the_square_of_z_is_pearsons_chi_square(table: tuple[int, ...]) -> None:
    x, n, y, m = table
    found = chi2_contingency([[x, n - x], [y, m - y]], correction=False)
    assert score_z(*table) ** 2 == pytest.approx(found.statistic, rel=1e-9)
    assert score_p(*table) == pytest.approx(found.pvalue, rel=1e-9)


@pytest.mark.parametrize("table", [(1, 40, 7, 35), (0, 50, 4, 60), (5, 1000, 0, 1000)])
def test_few_expected_are_tested_exactly(table: tuple[int, ...]) -> None:
    x, n, y, m = table
    assert few_expected(*table)
    assert fisher_p(*table) == pytest.approx(fisher_exact([[x, n - x], [y, m - y]]).pvalue)
    assert compared_p(*table) == pytest.approx(max(fisher_p(*table), score_p(*table)))


def test_fishers_test_has_the_last_word_only_where_few_are_expected() -> None:
    assert compared_p(12, 40, 20, 35) == score_p(12, 40, 20, 35)
    low, high = difference_interval(5, 1000, 0, 1000)
    assert compared_p(5, 1000, 0, 1000) == pytest.approx(0.0622, abs=1e-4)  # 0.025 by the score test
    assert low == 0 < high


@pytest.mark.parametrize(("n", "m"), [(30, 30), (12, 90), (200, 20)])
def test_exactly_counted_size_where_few_are_expected(n: int, m: int) -> None:
    from scipy.stats import binom

    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(n + 1), np.arange(m + 1)))
    few, p = few_expected(x, n, y, m), compared_p(x, n, y, m)
    for share in (0.01, 0.03, 0.08):
        chance = binom.pmf(x, n, share) * binom.pmf(y, m, share)
        assert chance[(p < 0.05) & few].sum() <= 0.05


def test_p_keeps_its_digits_far_out() -> None:
    # log10 p from the tail of the normal distribution: exp(-z^2 / 2) / (z sqrt(2 pi)) (1 - 1/z^2 + 3/z^4) * 2
    z = 37.0
    series = 2 * np.exp(-z * z / 2) / (z * np.sqrt(2 * np.pi)) * (1 - z**-2 + 3 * z**-4 - 15 * z**-6)
    assert two_sided(z) == pytest.approx(series, rel=1e-8)
    assert 0 < two_sided(z) < 1e-298
    assert two_sided(400.0) > 0
    assert np.isnan(two_sided(np.nan))


def test_restricted_share_of_rare_successes_keeps_its_digits() -> None:
    # Without a difference it is the pooled share.
    assert restricted_share(3, 2.5e8, 1, 9e8, 0.0) == pytest.approx(4 / 11.5e8, rel=1e-12)


def test_sides_without_trials_have_no_interval() -> None:
    assert np.isnan(difference_interval(0, 0, 3, 10)).all()
    assert np.isnan(ratio_interval([1, 3], [10, 0], [0, 1], [10, 10])).all()
    assert np.isnan(score_p(0, 0, 3, 10))


def test_score_interval_covers() -> None:
    rng = np.random.default_rng(2)
    found = difference_interval(rng.binomial(1000, 0.06, 20_000), 1000, rng.binomial(200, 0.04, 20_000), 200)
    assert np.mean((found.low <= 0.02) & (found.high >= 0.02)) == pytest.approx(0.95, abs=0.01)
