from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import NotEnoughData
from workbench.experiments.geo.carried import autocorrelation, likely_carry, rank_p


def carried(rng: np.random.Generator, carry: float, periods: int, runs: int) -> np.ndarray:
    """Return series whose periods go together as far as asked, one a row."""
    places = np.arange(periods)
    together = carry ** np.abs(places[:, None] - places)
    return rng.multivariate_normal(np.zeros(periods), together, size=runs, method="cholesky")


def test_autocorrelation_of_numpy() -> None:
    missed = np.random.default_rng(1).normal(size=4_000).cumsum()[:3_000]
    assert autocorrelation(missed) == pytest.approx(np.corrcoef(missed[1:], missed[:-1])[0, 1], abs=0.005)
    assert autocorrelation(np.ones(5)) == 0


@pytest.mark.parametrize("carry", [0.0, 0.4, 0.7])
def test_the_likely_autocorrelation_is_seldom_too_small(carry: float) -> None:
    rng = np.random.default_rng(2)
    found = np.array([likely_carry(one) for one in carried(rng, carry, 150, 200)])
    assert (found >= carry).mean() > 0.75
    assert found.mean() < carry + 0.2


def test_what_carries_over_too_far_is_refused() -> None:
    with pytest.raises(NotEnoughData, match=r"its autocorrelation before the test is 0\.9"):
        likely_carry(np.arange(60.0))


@pytest.mark.parametrize("carry", [0.3, 0.8])
def test_p_of_the_last_stretch_is_as_rare_as_it_says(carry: float) -> None:
    rng, periods, length, runs = np.random.default_rng(3), 75, 15, 800
    p = []
    for drawn in carried(rng, carry, periods, runs):
        series = drawn - drawn.mean()
        sums = [abs(np.roll(series, -start)[:length].sum()) for start in range(periods)]
        share = float(np.mean([each >= sums[periods - length] - 1e-9 for each in sums]))
        p.append(rank_p(share, periods=periods, length=length, carry=carry))
    for alpha in (0.05, 0.1, 0.2):
        # Ranks come in steps of one in 75, and two simulations meet here.
        assert alpha - 0.03 < np.mean(np.array(p) <= alpha) < alpha + 4 * np.sqrt(2 * alpha / runs)
