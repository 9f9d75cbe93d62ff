"""Beliefs: closed forms, another tool's figures, draws from the posteriors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln

from workbench.errors import UsageError
from workbench.experiments.inference.bayesian import Prior, belief, best_share, expected_loss

from .cells import shop

FLAT = Prior(spread=1e9)


def chance_by_a_sum(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Return P(second > first) of two Beta posteriors with whole parameters (Miller 2015)."""
    i = np.arange(b[0])
    terms = betaln(a[0] + i, a[1] + b[1]) - np.log(b[1] + i) - betaln(1 + i, b[1]) - betaln(*a)
    return float(np.exp(terms).sum())


@settings(deadline=None)
@given(
    x=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    more=st.tuples(st.integers(0, 5000), st.integers(0, 5000)),
)
def test_two_variants_in_closed_form(x: tuple[int, int], more: tuple[int, int]) -> None:
    found = best_share(x, [x[0] + more[0], x[1] + more[1]])
    expected = chance_by_a_sum((x[0] + 1, more[0] + 1), (x[1] + 1, more[1] + 1))
    assert found.chance[1] == pytest.approx(expected, abs=1e-8)
    assert sum(found.chance) == pytest.approx(1, abs=1e-12)
    assert found.loss[0] - found.loss[1] == pytest.approx(found.mean[1] - found.mean[0], abs=1e-9)


def test_many_variants_by_draws() -> None:
    successes, trials = [120, 135, 131, 20], [1000, 1010, 1000, 200]
    found = best_share(successes, trials, variants=["a", "b", "c", "d"])
    rng, draws = np.random.default_rng(41), 400_000
    shares = np.column_stack(
        [rng.beta(x + 1, n - x + 1, draws) for x, n in zip(successes, trials, strict=True)]
    )
    highest = shares.max(axis=1)
    chances = [float((shares[:, i] == highest).mean()) for i in range(4)]
    assert found.chance == pytest.approx(chances, abs=0.0025)
    assert found.loss == pytest.approx((highest[:, None] - shares).mean(axis=0).tolist(), abs=1e-4)
    assert found.low == pytest.approx(np.quantile(shares, 0.025, axis=0).tolist(), abs=3e-4)
    assert found.winner == "b"
    assert found.to_frame()["chance"].sum() == pytest.approx(1)
    assert "b is best with a chance of" in found._repr_html_()


def test_the_shop_of_tea_tasting() -> None:
    sums, _ = shop()
    bought = (sums.mean("converted") * sums.n).round()
    drawn = 0.994908  # by spotify-confidence, which draws: three standard errors of 100,000
    assert best_share(bought, sums.n).chance[1] == pytest.approx(drawn, abs=7e-4)


def test_millions_and_none() -> None:
    large = best_share([1_000_000, 1_010_000], [50_000_000, 50_000_000])
    assert large.chance[1] == pytest.approx(1.0, abs=1e-10)
    assert large.chance[0] >= 0
    assert best_share([0, 0, 0], [0, 0, 0]).chance == pytest.approx((1 / 3,) * 3, abs=1e-9)
    assert best_share([5, 5], [5, 5]).chance == pytest.approx((0.5, 0.5), abs=1e-9)
    assert best_share([0, 100], [100_000, 100]).chance[1] == pytest.approx(1.0, abs=1e-12)


def test_effects_as_growthbook_has_them() -> None:
    """49 of 100 against 51 of 100, relative, flat prior; the losses of an effect of 0.1 +- 0.05."""
    lift, variance = 0.51 / 0.49 - 1, 0.2499 / 100 / 0.49**2 + 0.2499 / 100 * 0.51**2 / 0.49**4
    found = belief(lift, np.sqrt(variance), prior=FLAT)
    assert float(found.chance) == pytest.approx(0.60918, abs=5e-6)
    assert float(found.loss_of_control) == pytest.approx(0.0814, abs=5e-5)
    assert float(found.loss) == pytest.approx(0.04058, abs=5e-6)
    assert float(expected_loss(-0.1, 0.05)) == pytest.approx(0.1004245351308, abs=1e-13)
    assert float(expected_loss(0.1, 0.05)) == pytest.approx(0.0004245351308414, abs=1e-13)


def test_a_proper_prior_shrinks_and_calibrates() -> None:
    """Where effects are as the prior says, a chance to win of 90 % is right nine times of ten."""
    rng, n = np.random.default_rng(42), 200_000
    prior = Prior(mean=0.01, spread=0.05)
    true = rng.normal(prior.mean, prior.spread, n)
    found = belief(rng.normal(true, 0.04), np.full(n, 0.04), prior=prior)
    for low, high in ((0.05, 0.15), (0.45, 0.55), (0.85, 0.95)):
        near = (found.chance > low) & (found.chance < high)
        assert float((true[near] > 0).mean()) == pytest.approx(float(found.chance[near].mean()), abs=0.012)
    assert float(((true > found.low) & (true < found.high)).mean()) == pytest.approx(0.95, abs=0.002)
    assert float(found.loss.mean()) == pytest.approx(float(np.maximum(-true, 0).mean()), abs=0.0005)


def test_lower_is_better_turns_it_around() -> None:
    up, down = belief(0.03, 0.02), belief(0.03, 0.02, better="lower")
    assert float(up.chance + down.chance) == pytest.approx(1)
    assert float(up.loss) == pytest.approx(float(down.loss_of_control))
    assert "better with a chance of" in up.sentence
    assert np.isnan(belief(0.03, 0.0).mean)


def test_what_cannot_be_believed() -> None:
    with pytest.raises(UsageError, match="not counts of two or more"):
        best_share([3, 5], [2, 10])
    with pytest.raises(UsageError, match="not counts of two or more"):
        best_share([3], [10])
    with pytest.raises(UsageError, match="3 names for 2"):
        best_share([3, 4], [10, 10], variants=["a", "b", "c"])
    with pytest.raises(UsageError, match="finite mean and spread"):
        Prior(spread=float("inf"))
    with pytest.raises(UsageError, match="'higher' or 'lower'"):
        belief(0.1, 0.1, better="bigger")
