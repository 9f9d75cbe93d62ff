"""A permutation test for ratios of two sums that few or very uneven users carry (order value of few buyers).

The delta method takes the ratio of a small group to be normal. With a tenth of the users in the control and
25 buyers there, it finds a gain in 11 % of tests without an effect, in place of 2.5 %. Here users are
shuffled over the groups with both their sums; the statistic is studentised by the delta method, so that the
test also holds where the groups differ in more than the ratio. The interval takes the quantiles of the
shuffles in place of Student's, so it leaves out no effect exactly where p is below 1 - level.

References
----------
Chung, Romano (2013), Annals of Statistics 41: studentised permutation tests. Fieller (1954), JRSS B 16.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import UsageError
from workbench.experiments.inference.estimate import Estimate, alpha_of, unknown
from workbench.experiments.inference.shuffling import shuffled_sums

Floats = NDArray[np.float64]

METHOD = "studentised permutation test of ratios"
_ROUNDING = 1e-20  # of the squares; below it the ratio is the same for all but for rounding


def permutation_ratio(
    pairs: ArrayLike,
    counts: ArrayLike,
    *,
    users: tuple[int, int],
    level: float = 0.95,
    permutations: int = 10_000,
    seed: int = 0,
) -> tuple[Estimate, Estimate]:
    """Return the difference of two ratios, and the relative change, with p and interval from shuffling users.

    Parameters
    ----------
    pairs : array_like, shape (pairs, 2)
        The distinct numerators and denominators that users have; (0, 0) may be left out.
    counts : array_like, shape (pairs, 2)
        How many users of the control, and of the treated, have each.
    users : pair of int
        All users of the control, and of the treated.
    level : float
        Of the intervals.
    permutations : int
        How often to shuffle.
    seed : int
        Of the shuffling.

    Returns
    -------
    pair of Estimate
        Treated ratio minus control ratio; and the same over the control's, by Fieller's argument with the
        quantiles of the shuffles.

    Examples
    --------
    >>> pairs, counts = [[10.0, 1.0], [30.0, 2.0], [80.0, 1.0]], [[40, 60], [30, 55], [10, 41]]
    >>> difference, relative = permutation_ratio(pairs, counts, users=(1000, 1000))
    >>> round(difference.value, 2), difference.significant, relative.significant
    (7.12, True, True)
    """
    table, blank = (
        _table(pairs, counts, users),
        unknown("The groups carry no ratio that varies.", method=METHOD),
    )
    if table is None:
        return blank, blank
    shuffled = table.shuffled(permutations, np.random.default_rng(seed))
    return _estimates(table, shuffled, level)


def ratio_tails(
    pairs: ArrayLike, counts: ArrayLike, *, users: tuple[int, int], rng: np.random.Generator
) -> Callable[[int], tuple[int, int]] | None:
    """Return what shuffles so often and counts the tails of p alone, for `sided_p`; None where there is no p.

    Parameters
    ----------
    pairs, counts, users
        As in `permutation_ratio`.
    rng : numpy.random.Generator
        Chance.

    Examples
    --------
    >>> pairs, counts = [[10.0, 1.0], [30.0, 2.0], [80.0, 1.0]], [[40, 60], [30, 55], [10, 41]]
    >>> tails = ratio_tails(pairs, counts, users=(1000, 1000), rng=np.random.default_rng(0))
    >>> tails(1000)[0] < 10
    True
    """
    table = _table(pairs, counts, users)
    return None if table is None else lambda permutations: _tails(table, table.shuffled(permutations, rng))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Ratios and errors of the control and the treated, and all that is shuffled; in units of `unit`."""

    figures: Floats
    users: tuple[int, int]
    ratios: tuple[float, float]
    errors: tuple[float, float]
    unit: float

    @property
    def observed(self) -> float:
        return (self.ratios[1] - self.ratios[0]) / float(np.hypot(*self.errors))

    def shuffled(self, permutations: int, rng: np.random.Generator) -> Floats:
        """Return the statistic of so many shuffles."""
        moved = shuffled_sums(self.figures, users=self.users, permutations=permutations, rng=rng)
        rest = self.figures.sum(axis=0) - moved
        return _statistic(_ratio(rest, self.users[0]), _ratio(moved, self.users[1]))


def _table(pairs: ArrayLike, counts: ArrayLike, users: tuple[int, int]) -> _Table | None:
    both, count = np.asarray(pairs, float), np.asarray(counts)
    if both.ndim != 2 or both.shape[1] != 2 or count.shape != both.shape:
        raise UsageError(f"Pairs of shape {both.shape} and counts of {count.shape}: give two of each a row.")
    some = (both != 0).any(axis=1)
    rows = np.repeat(both[some], count[some].sum(axis=1), axis=0)
    treated = np.repeat(np.tile([False, True], int(some.sum())), count[some].ravel())
    if len(rows) < 2 or not treated.any() or treated.all():
        return None
    scale = np.abs(rows).max(axis=0)
    y, z = (rows / np.where(scale > 0, scale, 1.0)).T
    figures = np.column_stack([y, z, y * y, y * z, z * z])
    mine = figures[treated].sum(axis=0)
    parts = [_ratio(sums[None], n) for sums, n in ((figures.sum(axis=0) - mine, users[0]), (mine, users[1]))]
    (control, own), (value, other) = ((float(ratio[0]), float(error[0])) for ratio, error in parts)
    if not (np.isfinite(value - control) and np.hypot(own, other) > 0):
        return None
    return _Table(
        figures=figures,
        users=users,
        ratios=(control, value),
        errors=(own, other),
        unit=float(scale[0] / scale[1]),
    )


def _tails(table: _Table, shuffled: Floats) -> tuple[int, int]:
    """Return how many shuffles are as high as what was seen, and as low."""
    slack = 1e-9 * max(1.0, abs(table.observed))
    return int((shuffled >= table.observed - slack).sum()), int((shuffled <= table.observed + slack).sum())


def _ratio(sums: Floats, n: int) -> tuple[Floats, Floats]:
    """Return ratios and their standard errors by the delta method."""
    y, z, yy, yz, zz = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = y / np.where(z == 0, np.nan, z)
        squares = yy - 2 * ratio * yz + ratio * ratio * zz
        squares = np.where(squares > _ROUNDING * (yy + ratio * ratio * zz), squares, 0.0)
        return ratio, np.sqrt(squares * n / (n - 1)) / np.abs(z)


def _statistic(control: tuple[Floats, Floats], treated: tuple[Floats, Floats]) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num((treated[0] - control[0]) / np.hypot(control[1], treated[1]))


def _estimates(table: _Table, shuffled: Floats, level: float) -> tuple[Estimate, Estimate]:
    value, error = table.ratios[1] - table.ratios[0], float(np.hypot(*table.errors))
    ranked, alpha, unit = np.sort(shuffled), alpha_of(level), table.unit
    p = min(1.0, 2 * (1 + min(_tails(table, shuffled))) / (len(shuffled) + 1))
    beyond = int(np.ceil(alpha / 2 * (len(ranked) + 1) - 1)) - 1  # with so many farther out, p is below alpha
    upper, lower = max(float(ranked[len(ranked) - 1 - beyond]), 0.0), min(float(ranked[beyond]), 0.0)
    low, high = value - error * upper, value - error * lower
    if p >= alpha:  # ties, but for rounding
        low, high = min(low, 0.0), max(high, 0.0)
    found = Estimate(
        value=value * unit, error=error * unit, low=low * unit, high=high * unit, p=p, method=METHOD
    )
    return found, _relative(table.ratios, table.errors, (lower, upper), found)


def _relative(
    ratios: tuple[float, float], errors: tuple[float, float], quantiles: tuple[float, float], found: Estimate
) -> Estimate:
    """Return all relative changes that are not rejected: each end by the quantile on its side."""
    (control, value), (own, other) = ratios, errors
    if control <= 0 or value <= 0:
        return unknown("A relative change needs ratios above 0 in both groups.", method=METHOD)
    ends = []
    for quantile, side in ((quantiles[1], -1), (quantiles[0], 1)):
        a = control**2 - quantile**2 * own**2
        c = value**2 - quantile**2 * other**2
        root = np.sqrt(max((value * control) ** 2 - a * c, 0.0))
        end = (value * control + side * root) / a if a > 0 else side * np.inf
        ends.append(max(float(end), 0.0) - 1 if side < 0 else float(end) - 1)
    low, high = ends
    change = value / control - 1
    if found.significant and (low <= 0 if change > 0 else high >= 0):
        return unknown("The control's ratio is too uncertain to be a baseline.", method=METHOD)
    if not found.significant:
        low, high = min(low, 0.0), max(high, 0.0)
    error = float(np.hypot(other, (1 + change) * own) / control)
    return Estimate(value=change, error=error, low=low, high=high, p=found.p, method=METHOD)
