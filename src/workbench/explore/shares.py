"""Shares compared: two at a time with a test, or many at once with the probability of being best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv

from workbench.metrics.two_proportions import compared_p, difference_interval
from workbench.stats import beta_of_shares, share_interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDifference:
    """First share minus second, its 95 % interval and two-sided p-value; None where there is no answer."""

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None


def share_with_interval(
    successes: float | None, trials: float | None
) -> tuple[float | None, float | None, float | None]:
    """Return a share and Wilson's 95 % interval, None where there are more successes than trials.

    Examples
    --------
    >>> share, low, high = share_with_interval(1284, 9711)
    >>> f"{share:.5f} {low:.5f} {high:.5f}"
    '0.13222 0.12563 0.13910'
    """
    if successes is None or not trials:
        return None, None, None
    low, high = share_interval(successes, trials)
    ends = (float(low), float(high)) if np.isfinite(low) else (None, None)
    return successes / trials, *ends


def difference_of_shares(x1: float, n1: float, x2: float, n2: float) -> ShareDifference:
    """Return how two independent shares differ.

    The interval is what the test does not reject: it leaves out 0 exactly where p is below 0.05. The test is
    the score test, which is the pooled z; Fisher's exact test must reject too where an expected count is
    under 5.

    References
    ----------
    Mee (1984), Biometrics 40, 1175-1176; see `workbench.metrics.two_proportions`. The example is Newcombe's
    (1998), Statistics in Medicine 17, 873-890, table II, method 6.

    Examples
    --------
    >>> test = difference_of_shares(56, 70, 48, 80)
    >>> f"{test.difference:.4f} {test.low:.4f} {test.high:.4f} {test.p_value:.4f}"
    '0.2000 0.0533 0.3377 0.0080'
    """
    if not n1 or not n2:
        return ShareDifference(difference=None, low=None, high=None, p_value=None)
    difference = x1 / n1 - x2 / n2
    if x1 > n1 or x2 > n2:
        return ShareDifference(difference=difference, low=None, high=None, p_value=None)
    p = compared_p(x1, n1, x2, n2)
    low, high = difference_interval(x1, n1, x2, n2, p=p)
    return ShareDifference(difference=difference, low=float(low), high=float(high), p_value=float(p))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values corrected by Holm's method, None where there was none.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    order = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        corrected[place] = largest
    return corrected


def probability_best(successes: ArrayLike, trials: ArrayLike, *, nodes: int = 4000) -> Floats:
    """Return for each share the probability that its true value is the highest.

    The shares are taken as draws from one Beta distribution, which is fitted to them (empirical Bayes), so
    that a share of few trials stays near the others. The integral of each posterior times the product of the
    others' distribution functions is taken over quantiles of all of them: the answer is the same each time.

    Parameters
    ----------
    successes, trials : array_like, shape (shares,)
        Counts; successes beyond trials count as all.
    nodes : int
        The most points the integral is taken at.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., sections 2.4 and 5.1.

    Examples
    --------
    >>> probability_best([110, 90], [1000, 1000]).round(2)
    array([0.85, 0.15])
    """
    n = np.asarray(trials, float)
    x = np.minimum(np.asarray(successes, float), n)
    before, against = beta_of_shares(x, n)
    a, b = (before + x)[:, None], (against + n - x)[:, None]
    each = max(20, nodes // len(n))
    quantiles = np.concatenate([[1e-9], (np.arange(each) + 0.5) / each, [1 - 1e-9]])
    points = betaincinv(a, b, quantiles[None, :])
    # Below the highest of all low ends, the best share cannot lie.
    grid = np.unique(points[points >= points[:, 0].max()])
    kept = min(len(grid), max(min(nodes, 400), min(nodes, 400_000 // len(n))))
    grid = grid[np.linspace(0, len(grid) - 1, kept).astype(int)]
    below = np.maximum(betainc(a, b, grid[None, :]), 1e-300)
    logs = np.log(below)
    others = np.exp(logs.sum(axis=0) - logs)
    chances = (np.diff(below, axis=1) * (others[:, 1:] + others[:, :-1]) / 2).sum(axis=1)
    return np.asarray(chances / chances.sum(), float)
