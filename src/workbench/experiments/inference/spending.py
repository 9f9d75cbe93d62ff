"""Planned looks at a running test: how much of the error each look may spend, and the bound it gives.

The bounds are symmetric and two-sided. Under no effect the statistics of the looks are normal with
correlations sqrt(t_i / t_j), t being the share of the planned information (integrated in `looks`).
The interval of a look is the estimate -+ bound x standard error (a repeated confidence interval), its p the
smallest alpha at which the look would have crossed its bound: one procedure.

References
----------
Lan, DeMets (1983), Biometrika 70: spending functions. Jennison, Turnbull (2000), Group Sequential Methods,
chapters 7 (spending) and 9 (repeated intervals and p).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from workbench.errors import UsageError
from workbench.experiments.inference.estimate import Estimate, unknown
from workbench.experiments.inference.looks import Grid, moved, stopping_chances, tails

Floats = NDArray[np.float64]
Spending = Literal["obrien_fleming", "pocock"]

# What is smaller is solved without the earlier looks: the bound is a little too wide, by less than rounding.
_TINY = 1e-13
_NEAR = 2e-4  # looks that are nearer, in shares of the later one, are one look
_ALPHAS = (1e-250, 0.999)  # the bounds fall as alpha grows, so that p is unique


def spent(fractions: ArrayLike, *, alpha: float = 0.05, spending: Spending = "obrien_fleming") -> Floats:
    """Return the two-sided error that may be spent up to each share of the planned information.

    Parameters
    ----------
    fractions : array_like
        Shares of the planned information; above 1 everything is spent.
    alpha : float
        The two-sided error of the whole test.
    spending : str
        ``"obrien_fleming"`` spends little early, ``"pocock"`` about evenly.

    Examples
    --------
    >>> spent([0.5, 1.0]).round(6).tolist()
    [0.003051, 0.05]
    """
    share = np.clip(np.asarray(fractions, float), 0.0, 1.0)
    if spending == "pocock":
        return np.asarray(alpha * np.log1p((math.e - 1) * share))
    with np.errstate(divide="ignore"):
        return np.asarray(4 * ndtr(ndtri(alpha / 4) / np.sqrt(share)))


def bounds(
    fractions: Sequence[float],
    *,
    alpha: float = 0.05,
    spending: Spending = "obrien_fleming",
    final: bool = False,
    information: Sequence[float] = (),
) -> Floats:
    """Return the bound of |z| at each look; beyond it the test may stop.

    Parameters
    ----------
    fractions : sequence of float
        Shares of the planned information at the looks so far, rising, e.g. users seen / users planned.
        Above 1 (an overrun) all error is spent, with the information there really is.
    alpha : float
        The two-sided error of the whole test.
    spending : str
        See `spent`.
    final : bool
        The last of these looks ends the test, so it spends all that is left, whatever its share.
    information : sequence of float, optional
        What was known at each look, e.g. users, where `fractions` are shares of the time: time says what may
        be spent, and users how looks hang together. If they come ever faster, time alone is wrong in 6 to
        8 % of tests. Any unit; the fractions where it is not given.

    Raises
    ------
    UsageError
        If the shares do not rise, or a look follows one at which everything was spent.

    Examples
    --------
    >>> bounds([0.2, 0.4, 0.6, 0.8, 1.0]).round(4).tolist()
    [4.8769, 3.357, 2.6803, 2.2898, 2.031]
    """
    times = tuple(float(share) for share in fractions)
    _check(times, alpha, spending)
    return np.array(_bounds(times, alpha, spending, final, _known_at(times, information)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What a plan of looks promises.

    Parameters
    ----------
    fractions, bounds : ndarray, shape (looks,)
        The plan.
    stopping : ndarray, shape (looks,)
        Chance to cross, on either side, at each look for the first time.
    power : float
        Chance to cross at any look; under no effect it is the false positive rate.
    expected : float
        Expected share of the planned information at the end of the test.
    """

    fractions: Floats
    bounds: Floats
    stopping: Floats
    power: float
    expected: float

    @property
    def sentence(self) -> str:
        """Return what the plan promises, in words."""
        return (
            f"{len(self.fractions)} looks find the effect with a chance of {self.power:.1%} and need "
            f"{self.expected:.0%} of the planned users on average."
        )


def design(
    fractions: Sequence[float],
    *,
    drift: float,
    alpha: float = 0.05,
    spending: Spending = "obrien_fleming",
) -> Design:
    """Return power and expected size of a plan of looks.

    Parameters
    ----------
    fractions : sequence of float
        The planned looks, as in `bounds`.
    drift : float
        The effect over its standard error at the planned size; 2.8016 has a power of 80 % with one look.

    Examples
    --------
    >>> plan = design([i / 10 for i in range(1, 11)], drift=2.8016)
    >>> round(plan.power, 3), round(plan.expected, 2)
    (0.785, 0.77)
    """
    limits = bounds(fractions, alpha=alpha, spending=spending)
    times = [float(share) for share in fractions]
    stopping = stopping_chances(times, limits, drift)
    reached = float(stopping @ times + (1 - stopping.sum()) * times[-1])
    return Design(
        fractions=np.array(times),
        bounds=limits,
        stopping=stopping,
        power=float(stopping.sum()),
        expected=reached,
    )


def inflation(
    fractions: Sequence[float],
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    spending: Spending = "obrien_fleming",
) -> float:
    """Return by how much a plan of looks must be larger than one look at the end, to keep its power.

    Examples
    --------
    >>> round(inflation([0.25, 0.5, 0.75, 1.0]), 3)
    1.02
    """
    from scipy.optimize import brentq

    limits = bounds(fractions, alpha=alpha, spending=spending)
    times = [float(share) for share in fractions]
    single = float(ndtri(1 - alpha / 2) + ndtri(power))

    def missing(drift: float) -> float:
        return float(stopping_chances(times, limits, drift).sum() - power)

    return float((brentq(missing, single / 2, single * 3) / single) ** 2)


def look(
    value: float,
    error: float,
    *,
    fractions: Sequence[float],
    alpha: float = 0.05,
    spending: Spending = "obrien_fleming",
    final: bool = False,
    information: Sequence[float] = (),
) -> Estimate:
    """Return the repeated interval and p of the last of the looks so far.

    Whoever stops the first time that the interval leaves out 0 is wrong with a chance of at most alpha.

    Parameters
    ----------
    value, error : float
        The effect and its standard error at this look.
    fractions : sequence of float
        Shares of the planned information at all looks so far, this one last. Looks that nobody planned
        count too: 28 days read daily, as if only 2 planned looks had been, are wrong in 7 % of tests.
    final, information : bool, sequence of float
        As in `bounds`.

    Examples
    --------
    >>> found = look(0.012, 0.004, fractions=[0.5, 1.0])
    >>> found.significant, round(found.p, 4)
    (True, 0.0027)
    """
    method = f"group-sequential look ({_NAMES[_known(spending)]} spending)"
    times = tuple(float(share) for share in fractions)
    _check(times, alpha, spending)
    if not (error > 0 and np.isfinite(value)):
        return unknown("There is no effect with a standard error above 0.", method=method)
    known = _known_at(times, information)
    limit = _bounds(times, alpha, spending, final, known)[-1]
    half = limit * error if np.isfinite(limit) else np.inf
    p = _p(abs(value) / error, (times, known), spending, final)
    if (p < alpha) != (half < abs(value)):  # rounding at the bound itself
        p = float(np.nextafter(alpha, 0.0)) if half < abs(value) else alpha
    return Estimate(value=value, error=error, low=value - half, high=value + half, p=p, method=method)


_NAMES: dict[str, str] = {"obrien_fleming": "O'Brien-Fleming", "pocock": "Pocock"}


def _known(spending: str) -> str:
    if spending not in _NAMES:
        raise UsageError(f"No spending named {spending!r}; known: {', '.join(_NAMES)}.")
    return spending


def _check(times: tuple[float, ...], alpha: float, spending: str) -> None:
    _known(spending)
    if not 0 < alpha < 1:
        raise UsageError(f"alpha is {alpha}; it must lie between 0 and 1.")
    shown = ", ".join(f"{share:.4g}" for share in times)
    if not times or not np.isfinite(times).all() or times[0] <= 0:
        raise UsageError(f"The looks stand at [{shown}] of the plan; each must be above 0, e.g. 0.25.")
    if any(later - earlier < _NEAR * later for earlier, later in pairwise(times)):
        raise UsageError(
            f"The looks stand at [{shown}] of the plan; each needs more data than the one before. Leave out "
            "a look without enough new users, and measure all looks against the same planned number."
        )
    if len(times) > 1 and times[-2] >= 1:
        raise UsageError(
            f"The looks stand at [{shown}] of the plan; at 1 the test was over, nothing is left to spend."
        )


def _known_at(times: tuple[float, ...], information: Sequence[float]) -> tuple[float, ...]:
    """Return the information of each look: all rising, a little at least."""
    if not len(information):
        return times
    given = tuple(float(one) / float(information[-1]) for one in information)
    if len(given) != len(times) or not all(one > 0 for one in given):
        raise UsageError(f"{len(times)} looks need as many figures above 0 of what was known at each.")
    if any(later - earlier < _NEAR * later for earlier, later in pairwise(given)):
        raise UsageError(
            "Each look needs more users than the one before: leave out the one without new users."
        )
    return given


def _p(
    z: float, looks: tuple[tuple[float, ...], tuple[float, ...]], spending: Spending, final: bool
) -> float:
    """Return the smallest alpha at which this look crosses."""
    from scipy.optimize import brentq

    times, known = looks

    def apart(single: float) -> float:
        limit = _bounds(times, float(2 * ndtr(-single)), spending, final, known)[-1]
        return min(limit, 1e3) - z

    # By the bound that one single look would have: the bound of several rises with it, almost in a line, and
    # lies above it.
    high, low = (float(-ndtri(alpha / 2)) for alpha in _ALPHAS)
    if apart(low) > 0:
        return 1.0
    if z > high and apart(high) < 0:
        return _ALPHAS[0]
    high = min(high, z + 1e-9)
    for step in (0.05, 0.3, 1.0):
        if low < high - step and apart(high - step) < 0:
            low = high - step
            break
        high = max(high - step, low) if low < high - step else high
    return float(2 * ndtr(-brentq(apart, low, high, xtol=1e-11, rtol=1e-12)))


@lru_cache(maxsize=512)
def _bounds(
    times: tuple[float, ...], alpha: float, spending: Spending, final: bool, known: tuple[float, ...]
) -> tuple[float, ...]:
    budget = spent(times, alpha=alpha, spending=spending)
    if final:
        budget[-1] = alpha
    steps = np.diff(budget, prepend=0.0)
    found: list[float] = []
    grid: Grid | None = None
    for k, step in enumerate(steps):
        limit = _limit(float(step), grid, known, k)
        if k + 1 < len(times):
            grid = moved(grid, known, k, limit=limit)
        found.append(limit)
    return tuple(found)


def _limit(step: float, grid: Grid | None, times: tuple[float, ...], k: int) -> float:
    """Return the bound whose chance to be crossed now, and not before, is the step."""
    from scipy.optimize import brentq

    if step <= 0:
        return float("inf")
    alone = float(-ndtri(step / 2))
    if grid is None or step < _TINY:
        return alone
    low = 0.0
    while _log_crossing(grid, times, k, alone) > np.log(step):  # never but by rounding
        alone += 0.1
    if _log_crossing(grid, times, k, low) < np.log(step):
        return 0.0
    return float(brentq(lambda at: _log_crossing(grid, times, k, at) - np.log(step), low, alone, xtol=1e-12))


def _log_crossing(grid: Grid, times: tuple[float, ...], k: int, at: float) -> float:
    upper, lower = tails(grid, times, k, at, drift=0.0)
    return float(np.log(max(upper + lower, 1e-300)))
