"""The statistics of one test at several looks: their joint distribution, integrated look by look.

Each look adds independent data, so a look depends on the past only through the look before. Gauss and
Legendre's rule is used on grids that stay fine beside the step between two looks: 500 looks are as exact as
5.

References
----------
Armitage, McPherson, Rowe (1969), JRSS A 132: the recursion. Jennison, Turnbull (2000), Group Sequential
Methods, chapter 19.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from workbench.experiments.inference.quadrature import legendre

Floats = NDArray[np.float64]
Grid = tuple[Floats, Floats]  # statistics of the tests that go on, and the chance of each

_BLOCK = 48  # places at once
_REACH = 8.5  # standard deviations beyond which no grid needs to go: 2e-17 of a normal distribution


def tails(grid: Grid, times: Sequence[float], k: int, at: float, *, drift: float) -> tuple[float, float]:
    """Return the chances to lie above and below the bound at look k without having crossed before."""
    z, mass = grid
    before, now = times[k - 1], times[k]
    width = np.sqrt(now - before)
    centre = z * np.sqrt(before) + drift * (now - before)
    edge = at * np.sqrt(now)
    return float(mass @ ndtr((centre - edge) / width)), float(mass @ ndtr((-edge - centre) / width))


def moved(
    grid: Grid | None,
    times: Sequence[float],
    k: int,
    *,
    limit: float,
    drift: float = 0.0,
    two_sided: bool = True,
) -> Grid:
    """Return the statistics at look k of the tests that go on, on a grid fit for the steps around it."""
    mean = drift * np.sqrt(times[k])
    low, high = max(-limit if two_sided else -np.inf, mean - _REACH), min(limit, mean + _REACH)
    if low >= high:
        return np.zeros(1), np.zeros(1)
    steps = np.diff(times, prepend=0.0)
    narrow = np.sqrt(steps[k] / times[k])
    if k + 1 < len(times):
        narrow = min(narrow, np.sqrt(steps[k + 1] / times[k]))
    nodes, weights = legendre(int(np.ceil(max(32.0, 3 * (high - low) / narrow) / 16)) * 16)
    z = (low + high) / 2 + (high - low) / 2 * nodes
    weights = weights * (high - low) / 2
    if grid is None:
        return z, weights * np.exp(-np.square(z - mean) / 2) / np.sqrt(2 * np.pi)
    before, mass = grid
    width = np.sqrt(steps[k])
    centre = (before * np.sqrt(times[k - 1]) + drift * steps[k]) / width
    arrived = _spread(z * np.sqrt(times[k]) / width, centre, mass)
    return z, weights * arrived * np.sqrt(times[k]) / (width * np.sqrt(2 * np.pi))


def _spread(places: Floats, centres: Floats, mass: Floats) -> Floats:
    """Return at each place the sum of normal curves about the centres; both rise.

    With many looks a step is short beside the grid, and most curves are zero at most places: only those near
    by are summed.
    """
    found = np.empty(len(places))
    for start in range(0, len(places), _BLOCK):
        block = places[start : start + _BLOCK]
        near = slice(*np.searchsorted(centres, (block[0] - _REACH, block[-1] + _REACH)))
        curves = np.exp(-np.square(block[:, None] - centres[near]) / 2)
        found[start : start + _BLOCK] = curves @ mass[near]
    return found


def stopping_chances(
    times: Sequence[float], limits: Floats, drift: float, *, two_sided: bool = True
) -> Floats:
    """Return the chance to cross first at each look: on either side, or above only."""
    found: list[float] = []
    grid: Grid | None = None
    for k, limit in enumerate(limits):
        if grid is None:
            mean = drift * np.sqrt(times[0])
            above, below = float(ndtr(mean - limit)), float(ndtr(-limit - mean))
        else:
            above, below = tails(grid, times, k, float(limit), drift=drift)
        found.append(above + below if two_sided else above)
        grid = moved(grid, times, k, limit=float(limit), drift=drift, two_sided=two_sided)
    return np.array(found)
