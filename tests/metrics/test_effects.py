"""Intervals of effects of campaigns, against what they are sums of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from workbench.metrics.derived.holdout import SUMS
from workbench.metrics.effects import Arms, _net_revenue, _one


def arms(treated: np.ndarray, held: np.ndarray) -> Arms:
    """Return the sums of one campaign for users with (pairs, buyers, revenue) on either side."""
    users = np.hstack([treated, held])
    sums = dict(zip(SUMS, users.sum(axis=0).tolist(), strict=True))
    weight = sums["treated"] / sums["holdout"]
    for place, what in ((1, "buyers"), (2, "revenue")):
        t = treated[:, place] - treated[:, 0] * sums[f"treated_{what}"] / sums["treated"]
        h = weight * (held[:, place] - held[:, 0] * sums[f"holdout_{what}"] / sums["holdout"])
        sums |= {f"{what}_tt": float(t @ t), f"{what}_th": float(t @ h), f"{what}_hh": float(h @ h)}
        sums[f"expected_{what}"] = weight * sums[f"holdout_{what}"]
    buyers, pairs = sums["treated_buyers"] + sums["holdout_buyers"], sums["treated"] + sums["holdout"]
    sums["chance_buyers"] = sums["holdout"] * buyers / pairs
    return Arms(sums | {"campaigns": 1.0, "compared": 1.0, "reached": sums["treated"]})


def drawn(rng: np.random.Generator, n: int, share: float, mean: float) -> np.ndarray:
    bought = rng.random(n) < share
    return np.column_stack([np.ones(n), bought, bought * rng.gamma(2, mean / 2, n)])


def test_net_revenue_is_welch() -> None:
    rng = np.random.default_rng(3)
    one, other = drawn(rng, 9000, 0.2, 30), drawn(rng, 3000, 0.1, 30)
    nothing = np.zeros_like
    low, high, error, p = _net_revenue(
        arms(np.vstack([one, nothing(other)]), np.vstack([nothing(one), other])), 0.0
    )
    a, b = one[:, 2], other[:, 2]
    expected = len(a) * np.sqrt(a.var() / len(a) + b.var() / len(b))
    assert error == pytest.approx(expected, rel=1e-9)
    assert (low + high) / 2 == pytest.approx(len(a) * (a.mean() - b.mean()), rel=1e-9)
    assert p < 0.05


def test_users_in_several_campaigns_widen_the_interval() -> None:
    rng = np.random.default_rng(4)
    one, other = drawn(rng, 4000, 0.2, 30), drawn(rng, 1000, 0.1, 30)
    zero = np.zeros_like
    once = arms(np.vstack([one, zero(other)]), np.vstack([zero(one), other]))
    thrice = arms(3 * np.vstack([one, zero(other)]), 3 * np.vstack([zero(one), other]))
    thrice = Arms(thrice.sums | {"campaigns": 3.0, "compared": 3.0})
    single, repeated = _one("lift", once, 0.0), _one("lift", thrice, 0.0)
    # The same people counted three times carry no more evidence.
    assert repeated[1] - repeated[0] == pytest.approx(single[1] - single[0], rel=0.02)
    assert "variance is taken over users" in repeated[5]


def test_few_buyers_are_tested_exactly() -> None:
    one = np.column_stack([np.ones(50), np.arange(50) < 6, np.zeros(50)])
    other = np.column_stack([np.ones(10), np.zeros(10), np.zeros(10)])
    few = arms(np.vstack([one, np.zeros_like(other)]), np.vstack([np.zeros_like(one), other]))
    row = _one("lift", few, 0.0)
    assert row[3] == pytest.approx(fisher_exact([[6, 44], [0, 10]]).pvalue)
    assert "Fisher" in row[5]


def test_nobody_held_out_is_said() -> None:
    nobody = Arms(dict.fromkeys(SUMS, 0.0) | {"treated": 10.0, "campaigns": 1.0})
    assert _one("lift", nobody, 0.0)[5] == "no users were held out"


def test_one_user_held_out_is_no_measure_of_the_treated() -> None:
    """It bought for 80, so fifteen treated would have lost 1,200: nobody can see how far off that is."""
    treated, held = np.tile([1.0, 0.0, 0.0], (15, 1)), np.array([[1.0, 1.0, 80.0]])
    both = arms(np.vstack([treated, np.zeros_like(held)]), np.vstack([np.zeros_like(treated), held]))
    low, high, error, p, n, note = _one("net revenue", both, 0.0)
    assert np.isnan([low, high, error, p]).all()
    assert (n, note) == (16.0, "no interval: fewer than 10 users on a side")


def test_an_interval_from_few_buyers_is_no_ground_for_a_comparison() -> None:
    rng = np.random.default_rng(5)
    one, other = drawn(rng, 900, 0.2, 30), drawn(rng, 100, 0.1, 30)
    both = arms(np.vstack([one, np.zeros_like(other)]), np.vstack([np.zeros_like(one), other]))
    low, high, error, p, _, note = _one("net revenue", both, 0.0)
    assert low < high
    assert np.isnan([error, p]).all()
    assert "the interval is rough" in note
