"""Sizes of effects without a unit: Cohen's h of shares, Cohen's d of means.

References
----------
Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapters 2 and 6; Hedges, Olkin (1985),
Statistical Methods for Meta-Analysis, section 5.B: the variance of d.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from workbench.experiments.inference.estimate import Estimates
from workbench.experiments.inference.means import Floats, t_quantile
from workbench.metrics.two_proportions import difference_interval, restricted_share

COHENS_H = "Cohen's h"
COHENS_D = "Cohen's d"


def h_of(one: ArrayLike, other: ArrayLike) -> Floats:
    """Return Cohen's h: the difference of two shares on the scale where their variance is constant.

    Examples
    --------
    >>> f"{h_of(0.55, 0.5):.4f}"
    '0.1002'
    """
    one, other = (np.sqrt(np.clip(np.asarray(share, float), 0, 1)) for share in (one, other))
    return np.asarray(2 * np.arcsin(one) - 2 * np.arcsin(other))


def cohens_h(x: Floats, n: Floats, y: Floats, m: Floats, *, level: float = 0.95) -> Estimates:
    """Return Cohen's h of x/n and y/m; its interval is that of the difference."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = h_of(x / n, y / m)
        error = np.sqrt(1 / n + 1 / m)
    found = difference_interval(x, n, y, m, level=level)
    low, high = (_h_at(x, n, y, m, end) for end in found)
    blank = np.full(value.shape, np.nan)
    return Estimates(value=value, error=error, low=low, high=high, p=blank, df=np.full(value.shape, np.inf))


def _h_at(x: Floats, n: Floats, y: Floats, m: Floats, delta: Floats) -> Floats:
    other = restricted_share(x, n, y, m, delta)
    h = h_of(other + delta, other)
    # Rounding must not move an end across no effect.
    return np.where(
        delta > 0, np.maximum(h, np.finfo(float).tiny), np.where(delta < 0, np.minimum(h, 0.0), h)
    )


def cohens_d(difference: Estimates, deviation: Floats, df: Floats, *, level: float = 0.95) -> Estimates:
    """Return Cohen's d: a difference in units of the pooled standard deviation.

    Its interval holds every d that the test does not reject, with the variance that a d of that size has: of
    the difference, and of the deviation itself. At zero that is the test of the difference, so both agree.

    Parameters
    ----------
    difference : Estimates
        With its standard error and degrees of freedom.
    deviation : ndarray
        The pooled standard deviation between units; see `pooled_deviation`.
    df : ndarray
        Degrees of freedom of the deviation.
    level : float
        The confidence level.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.where(deviation > 0, deviation, np.nan)
        value, error = difference.value / unit, difference.error / unit
        square = np.square(t_quantile(difference.df, level))
        # (value - d)^2 = square (error^2 + d^2 / (2 df)), as a polynomial in d.
        a = 1 - square / (2 * df)
        root = np.sqrt(np.square(value) - a * (np.square(value) - square * np.square(error)))
        ends = np.where(a > 0, (value - root) / a, -np.inf), np.where(a > 0, (value + root) / a, np.inf)
    low, high = (np.where(np.isfinite(root), end, np.nan) for end in ends)
    return Estimates(
        value=value,
        error=np.sqrt(np.square(error) + np.square(value) / (2 * df)),
        low=low,
        high=high,
        p=np.full(value.shape, np.nan),
        df=difference.df,
    )


def pooled_deviation(n: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Return the pooled standard deviation of each variant with the control, and its degrees of freedom.

    Parameters
    ----------
    n, variance : ndarray, shape (..., variants)
        Units and variances between units.
    """
    df = n[..., :1] + n[..., 1:] - 2
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = (n - 1) * variance
        return np.sqrt((squares[..., :1] + squares[..., 1:]) / df), df
