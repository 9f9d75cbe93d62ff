"""Curves between knots: one cubic that Python and the page of a report compute alike.

Words: a *knot* is a multiplier at which a curve was tabulated. Between two knots the curve is the cubic with
their values and slopes (Hermite); the slope at a knot is that of the parabola through it and its neighbours.
Both are linear in the values, so the curve of a mean is the mean of the curves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
BELOW, ABOVE = 22, 14  # knots up to 1, and beyond


def knots_up_to(most: float) -> Array:
    """Return the multipliers at which curves are tabulated: 0 to `most`, dense near 0, with 1 among them.

    Parameters
    ----------
    most : float
        The largest multiplier, above 1.

    Examples
    --------
    >>> found = knots_up_to(3.0)
    >>> len(found), float(found[0]), float(found[22]), float(found[-1])
    (37, 0.0, 1.0, 3.0)
    """
    low = (np.arange(BELOW + 1) / BELOW) ** 2.5
    high = 1 + (most - 1) * (np.arange(1, ABOVE + 1) / ABOVE) ** 1.3
    return np.concatenate([low, high])


def slopes_at(knots: Array, values: Array) -> Array:
    """Return the slope at every knot, of the parabola through it and its neighbours.

    Parameters
    ----------
    knots : array, shape (G,)
        Ascending, at least three.
    values : array, shape (..., G)
        The curve at the knots.

    Examples
    --------
    >>> knots = np.array([0.0, 0.5, 2.0, 3.0])
    >>> [float(one) for one in slopes_at(knots, knots**2)]
    [0.0, 1.0, 4.0, 6.0]
    """
    step = np.diff(knots)
    rise = np.diff(values) / step
    found = np.empty_like(values)
    found[..., 1:-1] = (step[:-1] * rise[..., 1:] + step[1:] * rise[..., :-1]) / (step[:-1] + step[1:])
    for end, near, next_ in ((0, 0, 1), (-1, -1, -2)):
        weighted = (2 * step[near] + step[next_]) * rise[..., near] - step[near] * rise[..., next_]
        found[..., end] = weighted / (step[near] + step[next_])
    return found


class Curves(NamedTuple):
    """Curves of C channels, ready to be read anywhere: values and slopes have shape (..., C, G)."""

    knots: Array
    values: Array
    slopes: Array

    def at(self, multipliers: Array) -> Array:
        """Return the curves at multipliers of shape (C, ...), shape (..., C, ...)."""
        place, rows, step, t = self._place(multipliers)
        left = (1 + 2 * t) * (1 - t) ** 2 * self.values[..., rows, place]
        left += t * (1 - t) ** 2 * step * self.slopes[..., rows, place]
        right = t * t * (3 - 2 * t) * self.values[..., rows, place + 1]
        right += t * t * (t - 1) * step * self.slopes[..., rows, place + 1]
        return np.asarray(left + right)

    def slope_at(self, multipliers: Array) -> Array:
        """Return the derivative by the multiplier, in the shape of `at`."""
        place, rows, step, t = self._place(multipliers)
        rise = (self.values[..., rows, place + 1] - self.values[..., rows, place]) / step
        found = 6 * t * (1 - t) * rise
        found += (1 - t) * (1 - 3 * t) * self.slopes[..., rows, place]
        found += t * (3 * t - 2) * self.slopes[..., rows, place + 1]
        return np.asarray(found)

    def mean_of(self, draws: npt.NDArray[np.int64]) -> Curves:
        """Return the mean curves of some draws, shape (C, G)."""
        return Curves(self.knots, self.values[draws].mean(axis=0), self.slopes[draws].mean(axis=0))

    def _place(self, multipliers: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array, Array]:
        m = np.asarray(multipliers, float)
        place = np.clip(np.searchsorted(self.knots, m, side="right") - 1, 0, len(self.knots) - 2)
        step = self.knots[place + 1] - self.knots[place]
        rows = np.arange(len(m)).reshape(-1, *[1] * (m.ndim - 1))
        return place, np.broadcast_to(rows, m.shape), step, (m - self.knots[place]) / step


def curves_of(knots: Array, values: Array) -> Curves:
    """Return curves from their values at the knots."""
    return Curves(knots, values, slopes_at(knots, values))
