"""Curves between knots: near the true curve, the same as a library's cubic, linear in the values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

from workbench.mmm.budget.interpolation import curves_of, knots_up_to, slopes_at
from workbench.mmm.budget.table import rounded
from workbench.mmm.curves import shape

KNOTS = knots_up_to(3.0)
FINE = np.linspace(0, 3, 1501)
WEEKS = np.random.default_rng(1).gamma(3, 1 / 3, 52)


def test_it_is_the_cubic_of_its_values_and_slopes() -> None:
    values = np.log1p(3 * KNOTS)
    slopes = slopes_at(KNOTS, values)
    known = CubicHermiteSpline(KNOTS, values, slopes)
    curves = curves_of(KNOTS, values[None])
    assert curves.at(FINE[None])[0] == pytest.approx(known(FINE), rel=1e-12)
    assert curves.slope_at(FINE[None])[0] == pytest.approx(known.derivative()(FINE), rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    half=st.floats(0.1, 10),
    slope=st.floats(0.7, 3),
    kind=st.sampled_from(["michaelis-menten", "hill", "logistic"]),
)
def test_a_curve_is_met_to_two_thousandths_of_todays_outcome(half: float, slope: float, kind: str) -> None:
    rate = 1 / half if kind == "logistic" else half

    def exact(times: np.ndarray) -> np.ndarray:
        return shape(kind, times[:, None] * WEEKS, np.array(rate), slope).sum(axis=1)

    curves = curves_of(KNOTS, rounded(exact(KNOTS)[None, None])[0])
    today = exact(np.ones(1))[0]
    # At worst 1.6 thousandths: of a bend near nothing, 1.2 of a steep one.
    assert np.abs(curves.at(FINE[None])[0] - exact(FINE)).max() <= 2e-3 * today


def test_the_curve_of_a_mean_is_the_mean_of_the_curves() -> None:
    values = np.random.default_rng(2).normal(size=(5, 2, len(KNOTS)))
    times = np.random.default_rng(3).uniform(0, 3, (2, 40))
    each = curves_of(KNOTS, values)
    assert each.at(times).mean(axis=0) == pytest.approx(curves_of(KNOTS, values.mean(axis=0)).at(times))
    assert each.mean_of(np.array([1, 3])).at(times) == pytest.approx(each.at(times)[[1, 3]].mean(axis=0))


def test_rounding_for_a_page_loses_a_hundred_thousandth() -> None:
    values = np.cumsum(np.random.default_rng(4).exponential(size=(7, 3, len(KNOTS))), axis=-1)
    lost = np.abs(rounded(values) - values).max(axis=-1)
    assert (lost <= values[..., -1] / 131_000).all()
    assert (rounded(rounded(values)) == rounded(values)).all()
    assert (rounded(np.zeros((1, 1, 5))) == 0).all()
