"""Ratios of sums against tea-tasting and simulated sessions."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.experiments.inference.means import differences, mean_arms
from workbench.experiments.inference.ratios import linearised, ratio_arms
from workbench.experiments.inference.sums import sums_of

from .cells import REPETITIONS, band, cells, shop, tails


def test_orders_per_session_of_the_documented_shop() -> None:
    import tea_tasting as tt

    sums, data = shop()
    found = differences(ratio_arms(sums, "orders", "sessions"))
    assert (found.value[0], found.p[0]) == pytest.approx((0.0233050, 0.0762376), abs=5e-8)
    theirs = tt.Experiment(r=tt.RatioOfMeans("orders", "sessions")).analyze(data)["r"]
    assert found.p[0] == pytest.approx(theirs.pvalue, rel=1e-9)
    expected = (theirs.effect_size_ci_lower, theirs.effect_size_ci_upper)
    assert (found.low[0], found.high[0]) == pytest.approx(expected, rel=1e-9)


def test_a_ratio_to_one_per_unit_is_a_mean() -> None:
    rng = np.random.default_rng(1)
    columns = {"y": rng.gamma(2, 1, 60), "one": np.ones(60)}
    sums = sums_of(["a"] * 25 + ["b"] * 35, columns, variants=("a", "b"))
    assert differences(ratio_arms(sums, "y", "one")).p == pytest.approx(differences(mean_arms(sums, "y")).p)


def test_nothing_below_the_line_is_no_ratio() -> None:
    sums = sums_of(["a", "a", "b", "b"], {"y": [1, 2, 3, 5], "z": [0, 0, 1, 2]}, variants=("a", "b"))
    arms = ratio_arms(sums, "y", "z")
    assert np.isnan(arms.value[0])
    assert arms.value[1] == pytest.approx(8 / 3)
    assert np.isnan(differences(arms).p).all()


def test_linear_terms_are_those_of_units() -> None:
    y, z = np.array([1.0, 0, 3, 2]), np.array([2.0, 1, 3, 2])
    line = linearised(sums_of(["a"] * 4, {"y": y, "z": z}, variants=("a",)), ["y", ("y", "z")])
    terms = (y - 6 / 8 * z) / 2
    assert line.product("y/z", "y/z")[0] == pytest.approx(np.square(terms - terms.mean()).sum())
    assert line.product("y", "y/z")[0] == pytest.approx(((y - 1.5) * terms).sum())


def test_false_positives_where_sessions_depend_on_their_user() -> None:
    rng = np.random.default_rng(2)
    drawn = []
    for _ in range(2):
        rate = rng.beta(1, 3, (REPETITIONS, 100))
        sessions = 1 + rng.poisson(4, (REPETITIONS, 100))
        drawn.append(
            {"orders": rng.binomial(sessions, rate).astype(float), "sessions": sessions.astype(float)}
        )
    sums = cells(*drawn)
    found = differences(ratio_arms(sums, "orders", "sessions"))
    below, above = tails(found.p[:, 0], found.value[:, 0])
    assert below == pytest.approx(0.025, abs=band(0.025, REPETITIONS))
    assert above == pytest.approx(0.025, abs=band(0.025, REPETITIONS))
