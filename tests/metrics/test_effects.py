"""Intervals of effects, against the likelihood itself, statsmodels and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from workbench.metrics.derived.holdout import SUMS
from workbench.metrics.effects import (
    Arms,
    _net_revenue,
    _one,
    _restricted,
    difference_interval,
    fisher_p,
    risk_interval,
    score_p,
)

TABLES = [(3, 20, 1, 30), (1226, 349650, 58, 34580), (12, 40, 20, 35), (0, 50, 4, 60), (50, 50, 40, 50)]


@pytest.mark.parametrize("table", TABLES[:3])
def test_score_p_is_the_pooled_z_test(table: tuple[int, ...]) -> None:
    x, n, y, m = table
    assert score_p(*table) == pytest.approx(proportions_ztest([x, y], [n, m])[1], rel=1e-9)


@pytest.mark.parametrize("table", TABLES[:3])
def test_ratio_interval_is_koopmans(table: tuple[int, ...]) -> None:
    expected = confint_proportions_2indep(*table, method="score", compare="ratio", correction=False)
    assert risk_interval(*table) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("table", TABLES[:3])
def test_restricted_proportion_is_the_likeliest(table: tuple[int, ...]) -> None:
    x, n, y, m = table
    for delta in difference_interval(*table):

        def loss(q: float, delta: float = delta) -> float:
            p = q + delta
            return -(x * np.log(p) + (n - x) * np.log(1 - p) + y * np.log(q) + (m - y) * np.log(1 - q))

        bounds = (max(0, -delta) + 1e-12, min(1, 1 - delta) - 1e-12)
        best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-13})
        assert _restricted(x, n, y, m, delta) == pytest.approx(best.x, abs=1e-7)


@pytest.mark.parametrize("table", TABLES)
def test_the_ends_are_where_the_score_test_turns(table: tuple[int, ...]) -> None:
    x, n, y, m = table
    for end in difference_interval(*table):
        q = _restricted(x, n, y, m, end)
        p = q + end
        error = np.sqrt(p * (1 - p) / n + q * (1 - q) / m)
        assert abs((x / n - y / m - end) / error) == pytest.approx(1.959964, abs=1e-4)


def test_an_interval_excludes_zero_exactly_when_p_is_small() -> None:
    rng = np.random.default_rng(1)
    for x, y in zip(rng.binomial(2000, 0.05, 200), rng.binomial(300, 0.035, 200), strict=True):
        low, high = difference_interval(x, 2000, y, 300)
        assert (low > 0 or high < 0) == (score_p(x, 2000, y, 300) < 0.05)


def test_score_interval_covers() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for x, y in zip(rng.binomial(1000, 0.06, 1000), rng.binomial(200, 0.04, 1000), strict=True):
        low, high = difference_interval(x, 1000, y, 200)
        hits += low <= 0.02 <= high
    assert hits / 1000 == pytest.approx(0.95, abs=0.02)


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
    assert row[3] == fisher_p(6, 50, 0, 10)
    assert "Fisher" in row[5]


def test_nobody_held_out_is_said() -> None:
    nobody = Arms(dict.fromkeys(SUMS, 0.0) | {"treated": 10.0, "campaigns": 1.0})
    assert _one("lift", nobody, 0.0)[5] == "no users were held out"
