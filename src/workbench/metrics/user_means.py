"""Intervals of what users bring on average, where few bring most of it."""

from __future__ import annotations

import numpy as np

from workbench.metrics.intervals import LEVEL, Spread
from workbench.metrics.values import Floats
from workbench.stats import skewed_widths

_ROUNDING = 1e-9  # of the squares of all: what floats leave of users who are alike


def means(powers: tuple[Floats, ...], n: Floats, least: Floats | float = -np.inf) -> Spread:
    """Return Student's interval of a mean over users; the end on the side of a tail is moved out.

    Few users bring most of what all bring. Where all are alike, as where nobody has bought, there is none.

    Parameters
    ----------
    powers : tuple of array
        The sums over users of y, of y * y and, of what may have a long tail, of y * y * y.
    n : array
        Users.
    least : array or float
        What the mean cannot fall below.

    Examples
    --------
    >>> y = np.array([0.0] * 40 + [30.0, 90.0])
    >>> powers = tuple(np.array([(y**power).sum()]) for power in (1, 2, 3))
    >>> found = means(powers, np.array([42.0]), least=0.0)
    >>> f"{y.mean():.2f} ({found.low[0]:.2f} to {found.high[0]:.2f})"
    '2.86 (0.00 to 21.71)'

    References
    ----------
    Hall (1992), Journal of the Royal Statistical Society B 54, 221-228.
    """
    sums, squares, *cubes = powers
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums / n
        centred = np.maximum(squares - n * mean * mean, 0)
        third = cubes[0] - 3 * mean * squares + 2 * n * mean**3 if cubes else np.zeros(len(n))
        error = np.sqrt(centred / (n - 1) / n)
        varies = centred > _ROUNDING * squares
        error = np.where((n > 1) & varies, error, np.nan)
    below, above = skewed_widths(centred, third, n, level=LEVEL)
    notes = [
        "no interval: fewer than two users" if users < 2 else "" if differ else "no interval: all are alike"
        for users, differ in zip(n, varies, strict=True)
    ]
    return Spread(
        low=np.maximum(mean - below * error, least),
        high=mean + above * error,
        error=error,
        p=np.full(len(n), np.nan),
        n=n,
        notes=notes,
    )
