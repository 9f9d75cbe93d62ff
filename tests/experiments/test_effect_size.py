"""Cohen's h and d against statsmodels and the noncentral t distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import nct
from statsmodels.stats.proportion import proportion_effectsize

from workbench.experiments.inference.effect_size import cohens_d, cohens_h, h_of, pooled_deviation
from workbench.experiments.inference.estimate import Estimates
from workbench.experiments.inference.means import differences, mean_arms, student
from workbench.experiments.inference.sums import sums_of
from workbench.metrics.two_proportions import compared_p


def test_h_is_statsmodels() -> None:
    assert h_of(0.55, 0.5) == pytest.approx(proportion_effectsize(0.55, 0.5), rel=1e-12)
    found = cohens_h(*(np.array([figure]) for figure in (120.0, 1000.0, 90.0, 1100.0)))
    assert found.value[0] == pytest.approx(proportion_effectsize(0.12, 90 / 1100), rel=1e-12)
    # Wald's interval on this scale is close by, but its p is another.
    assert found.low[0] == pytest.approx(found.value[0] - 1.96 * found.error[0], abs=0.003)
    assert found.high[0] == pytest.approx(found.value[0] + 1.96 * found.error[0], abs=0.003)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 2000), st.integers(2, 2000), st.floats(0, 1), st.floats(0, 1))
def test_h_leaves_out_zero_where_p_is_small(n: int, m: int, one: float, other: float) -> None:
    table = [np.array([float(figure)]) for figure in (round(n * one), n, round(m * other), m)]
    found = cohens_h(*table)
    assert (found.low[0] > 0 or found.high[0] < 0) == (compared_p(*table)[0] < 0.05)
    assert found.low[0] <= found.value[0] + 1e-12
    assert found.high[0] >= found.value[0] - 1e-12


def d_of(value: float, n: tuple[int, int]) -> Estimates:
    """Return d of a difference in units of a deviation of 1."""
    df = sum(n) - 2
    error = np.array([np.sqrt(1 / n[0] + 1 / n[1])])
    return cohens_d(student(np.array([value]), error, df, level=0.95), np.array([1.0]), np.array([float(df)]))


@pytest.mark.parametrize(
    ("value", "n"), [(0.05, (2000, 2500)), (0.3, (60, 80)), (1.5, (100, 100)), (0.8, (500, 50))]
)
def test_d_is_nearly_that_of_the_noncentral_t(value: float, n: tuple[int, int]) -> None:
    scale, df = np.sqrt(1 / n[0] + 1 / n[1]), sum(n) - 2

    def end(chance: float) -> float:
        return scale * brentq(
            lambda d: nct.cdf(value / scale, df, d) - chance, value / scale - 5, value / scale + 5
        )

    found = d_of(value, n)
    width = end(0.025) - end(0.975)
    assert found.low[0] == pytest.approx(end(0.975), abs=0.04 * width)
    assert found.high[0] == pytest.approx(end(0.025), abs=0.04 * width)
    other = d_of(-value, n)
    assert (other.low[0], other.high[0]) == pytest.approx((-found.high[0], -found.low[0]))


def test_d_agrees_with_welch() -> None:
    rng = np.random.default_rng(1)
    for shift in np.linspace(0.2, 0.6, 9):
        columns = {"y": np.concatenate([rng.normal(0, 1, 60), rng.normal(shift, 2, 50)])}
        sums = sums_of(["a"] * 60 + ["b"] * 50, columns, variants=("a", "b"))
        found = differences(mean_arms(sums, "y"))
        size = cohens_d(found, *pooled_deviation(sums.n, sums.variance("y")))
        assert (size.low[0] > 0 or size.high[0] < 0) == (found.p[0] < 0.05)
    assert size.value[0] == pytest.approx(
        found.value[0] / np.sqrt((59 * sums.variance("y")[0] + 49 * sums.variance("y")[1]) / 108)
    )


def test_without_variance_there_is_no_d() -> None:
    sums = sums_of(["a"] * 5 + ["b"] * 5, {"y": [1.0] * 5 + [2.0] * 5}, variants=("a", "b"))
    size = cohens_d(differences(mean_arms(sums, "y")), *pooled_deviation(sums.n, sums.variance("y")))
    assert np.isnan([size.value[0], size.low[0]]).all()
