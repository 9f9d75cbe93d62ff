"""How quantiles differ between variants: the median order, the slowest twentieth of the pages.

A quantile's interval lies between two order statistics of its group, their ranks from the binomial
distribution. Two such intervals become one of the difference by recovering the variances: the distance from
the estimate to each end is the root of the squared distances of the two (MOVER), so that skew on one side
stays on that side. p is one minus the highest level whose interval leaves out 0: one procedure. Ties need
no special care: an interval may be a single value.

One value per unit that was assigned: values of one user's many sessions depend on each other, and would
make the interval too narrow.

References
----------
David, Nagaraja (2003), Order Statistics, section 7.1. Zou, Donner (2008), Statistics in Medicine 27: MOVER.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from workbench.errors import UsageError
from workbench.experiments.inference.estimate import Estimate, unknown
from workbench.experiments.inference.ranks import sorted_table

Floats = NDArray[np.float64]

METHOD = "difference of quantiles (order statistics, MOVER)"
_FEW = 10.0  # values on each side of a quantile below which the normal approximation of ranks is not trusted
_FARTHEST = 37.0  # standard errors; beyond them p has no digits left


def quantile_difference(
    values: ArrayLike, counts: ArrayLike, *, share: float = 0.5, level: float = 0.95
) -> Estimate:
    """Return the difference of a quantile between a treated group and the control.

    Parameters
    ----------
    values : array_like, shape (values,)
        The distinct values, zeros included; values may be rounded (binned), and the answer is then as
        rounded.
    counts : array_like, shape (values, 2)
        How many users of the control, and of the treated, have each value.
    share : float
        Which quantile: 0.5 is the median.
    level : float
        Of the interval.

    Raises
    ------
    UsageError
        If counts and values do not fit, or the share is not within (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> values = np.arange(1000)
    >>> counts = np.column_stack([np.arange(1000) < 900, np.arange(1000) >= 100])
    >>> found = quantile_difference(values, counts)
    >>> found.value, found.significant
    (100.0, True)
    """
    if not 0 < share < 1:
        raise UsageError(f"The quantile {share} is not between 0 and 1; 0.5 is the median.")
    value, count = sorted_table(values, counts)
    n = count.sum(axis=0)
    if (n * min(share, 1 - share)).min() < _FEW:
        why = f"The smaller group's {n.min():,.0f} users are too few for the quantile {share:g}."
        return unknown(why, method=METHOD)
    running = np.cumsum(count, axis=0)
    points = [_at(value, running[:, group], share * n[group]) for group in (0, 1)]
    apart = points[1] - points[0]
    low, high = _ends(value, running, share, z=float(ndtri(0.5 + level / 2)))
    p = _p(value, running, share, apart)
    alpha = 1 - level
    if (p < alpha) != (low > 0 or high < 0):  # rounding where the ranks step
        p = float(np.nextafter(alpha, 0.0)) if low > 0 or high < 0 else alpha
    error = (high - low) / 2 / float(ndtri(0.5 + level / 2))
    return Estimate(value=apart, error=error, low=low, high=high, p=p, method=METHOD)


def _at(value: Floats, running: Floats, rank: float) -> float:
    """Return the value of a rank, counted from 1; ranks between two users take the upper one."""
    place = np.searchsorted(running, max(np.ceil(rank - 1e-9), 1.0), side="left")
    return float(value[min(int(place), len(value) - 1)])


def _ends(value: Floats, running: Floats, share: float, *, z: float) -> tuple[float, float]:
    points, lows, highs = [], [], []
    for group in (0, 1):
        ranks, n = running[:, group], running[-1, group]
        half = z * np.sqrt(n * share * (1 - share))
        points.append(_at(value, ranks, share * n))
        outside = share * n - half < 0.5, share * n + half + 0.5 > n
        lows.append(-np.inf if outside[0] else _at(value, ranks, np.floor(share * n - half + 0.5)))
        highs.append(np.inf if outside[1] else _at(value, ranks, np.ceil(share * n + half + 0.5)))
    apart = points[1] - points[0]
    below = np.hypot(points[1] - lows[1], highs[0] - points[0])
    above = np.hypot(highs[1] - points[1], points[0] - lows[0])
    return float(apart - below), float(apart + above)


def _p(value: Floats, running: Floats, share: float, apart: float) -> float:
    """Return one minus the highest level whose interval leaves out 0, by halving."""

    def leaves_out(z: float) -> bool:
        low, high = _ends(value, running, share, z=z)
        return low > 0 or high < 0

    if apart == 0 or not leaves_out(0.0):
        return 1.0
    inside, outside = _FARTHEST, 0.0
    if leaves_out(inside):
        return float(2 * ndtr(-inside))
    while inside - outside > 1e-6:
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if leaves_out(middle) else (middle, outside)
    return float(2 * ndtr(-inside))
