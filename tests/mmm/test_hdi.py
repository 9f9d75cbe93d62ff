"""The highest density interval against ArviZ's, and by its properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.stats import hdi

draws = arrays(np.float64, st.integers(2, 60), elements=st.floats(-1e6, 1e6))


@pytest.mark.parametrize("mass", [0.5, 0.8, 0.94])
def test_it_is_that_of_arviz(mass: float) -> None:
    stats = pytest.importorskip("arviz_stats.base")
    values = np.random.default_rng(1).lognormal(size=(501, 4))
    low, high = hdi(values, mass)
    for column in range(4):
        expected = stats.array_stats.hdi(values[:, column], mass)
        np.testing.assert_allclose([low[column], high[column]], expected)


def test_the_axis_is_that_of_the_draws() -> None:
    values = np.random.default_rng(1).normal(size=(3, 200, 2))
    np.testing.assert_array_equal(hdi(values, axis=1), hdi(values.transpose(1, 0, 2)))


@given(draws, st.floats(0.1, 0.99))
def test_it_holds_its_share_and_no_interval_between_two_draws_is_shorter(
    values: np.ndarray, mass: float
) -> None:
    low, high = hdi(values, mass)
    inside = np.count_nonzero((values >= low) & (values <= high))
    assert inside >= mass * len(values) - 1e-9 or inside == len(values)
    ordered = np.sort(values)
    for start in range(len(ordered)):
        for stop in range(start, len(ordered)):
            if stop - start + 1 > mass * len(values):
                assert ordered[stop] - ordered[start] >= high - low
                break


def test_what_has_no_end_or_is_unknown_says_so() -> None:
    beyond = np.r_[np.linspace(1, 2, 90), np.full(10, np.inf)]
    assert hdi(beyond, 0.5).high < 2
    assert hdi(beyond, 0.94).high == np.inf
    assert hdi(beyond, 0.94).low == 1
    assert np.isnan(hdi([1.0, np.nan, 2.0]).low)
