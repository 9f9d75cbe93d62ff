"""Quantiles: exact intervals of scipy for one group, promises under simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.errors import UsageError
from workbench.experiments.inference.quantiles import quantile_difference

from .cells import band
from .value_tables import value_table


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_beside_a_known_control_it_is_the_interval_of_one_group(share: float) -> None:
    treated = np.sort(np.random.default_rng(71).lognormal(0, 1, 400))
    found = quantile_difference(*value_table(np.full(500, 2.0), treated), share=share)
    exact = stats.quantile_test(treated, p=share).confidence_interval(0.95)
    assert found.value == pytest.approx(np.quantile(treated, share, method="inverted_cdf") - 2.0)
    for ours, theirs in ((found.low + 2, exact.low), (found.high + 2, exact.high)):
        assert abs(int(np.searchsorted(treated, ours)) - int(np.searchsorted(treated, theirs))) <= 1


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shift=st.floats(-1, 1),
    rounded=st.booleans(),
    share=st.sampled_from([0.2, 0.5, 0.9]),
    level=st.sampled_from([0.8, 0.9, 0.95, 0.99]),
)
def test_p_and_interval_are_one_procedure(
    seed: int, shift: float, rounded: bool, share: float, level: float
) -> None:
    rng = np.random.default_rng(seed)
    control, treated = rng.gamma(2, 1, 150), rng.gamma(2, 1, 220) + shift
    if rounded:
        control, treated = control.round(), treated.round()
    found = quantile_difference(*value_table(control, treated), share=share, level=level)
    assert (found.p < 1 - level) == found.significant
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize(
    ("share", "shift", "n"), [(0.5, 0.2, (600, 600)), (0.95, 0.0, (500, 2000)), (0.1, 0.0, (400, 400))]
)
def test_coverage_of_skewed_values(share: float, shift: float, n: tuple[int, int]) -> None:
    rng, repetitions = np.random.default_rng(72), 500
    missed = []
    for _ in range(repetitions):
        groups = (rng.lognormal(0, 1, n[0]), rng.lognormal(0, 1, n[1]) + shift)
        found = quantile_difference(*value_table(*groups), share=share)
        missed.append((found.low > shift, found.high < shift))
    assert max(np.mean(missed, axis=0)) <= 0.025 + band(0.025, repetitions)
    assert np.sum(missed) / repetitions > 0.015  # and not by being far too wide


def test_rounded_values_are_safe() -> None:
    rng, false = np.random.default_rng(73), 0
    for _ in range(400):
        found = quantile_difference(*value_table(rng.poisson(3, 800), rng.poisson(3, 800)), share=0.75)
        false += found.significant
    assert false / 400 <= 0.05
    found = quantile_difference(*value_table(rng.poisson(3, 800), rng.poisson(4, 800)))
    assert found.value == 1.0


def test_units_and_direction() -> None:
    rng = np.random.default_rng(74)
    control, treated = rng.gamma(2, 1, 300), rng.gamma(2, 1.4, 300)
    one = quantile_difference(*value_table(control, treated))
    scaled = quantile_difference(*value_table(1000 * control + 7, 1000 * treated + 7))
    assert (scaled.low, scaled.high) == pytest.approx((1000 * one.low, 1000 * one.high))
    assert scaled.p == pytest.approx(one.p)


def test_far_apart_has_a_tiny_p_and_a_finite_interval() -> None:
    found = quantile_difference(*value_table(np.arange(10_000.0), np.arange(10_000.0) + 2_000))
    assert 0 < found.p < 1e-40
    assert np.isfinite([found.low, found.high]).all()


def test_too_few_values_and_wrong_shares() -> None:
    few = quantile_difference([1, 2, 3], [[20, 20], [20, 20], [20, 20]], share=0.99)
    assert not few.known
    assert "60 users are too few for the quantile 0.99" in few.note
    with pytest.raises(UsageError, match=r"The quantile 1\.5"):
        quantile_difference([1], [[50, 50]], share=1.5)
