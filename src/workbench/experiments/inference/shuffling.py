"""Users shuffled over two groups, where most have no value: only the buyers are moved.

To shuffle all users is to draw how many buyers fall into one group (hypergeometric) and which (a random
subset).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import UsageError

Floats = NDArray[np.float64]

MOST_BUYERS = 200_000  # of one group and the control; beyond, shuffling takes too long
_SHUFFLED = 5e7  # buyers, all shuffles together
_SMALL = 16  # times a subset's size: from so many rows on its members are drawn one by one
_FEW = 16_384  # rows for which numbers of 16 bits are seldom the same where it matters
_CELLS = 4_000_000  # of one block of draws: 32 MB of figures, and half of it again of what is drawn


def shuffles_for(buyers: float) -> int:
    """Return how often so many buyers are shuffled: 10,000 times, less often where they are many.

    Examples
    --------
    >>> shuffles_for(400), shuffles_for(10_000), shuffles_for(100_000)
    (10000, 5000, 2500)
    """
    return int(min(10_000, max(2_500, _SHUFFLED / max(buyers, 1))))


def sided_p(
    tails: Callable[[int], tuple[int, int]], *, alpha: float, most: int, least: int = 400
) -> tuple[float, int]:
    """Return p of a test by shuffling, which ends as soon as it is clear on which side of alpha p lies.

    Parameters
    ----------
    tails : callable
        Shuffles so often anew, and returns how often the statistic was as high, and as low, as that seen.
    alpha : float
        The level; p is clear where it is three standard errors away.
    most, least : int
        Shuffles at most, and in the first turn.

    Returns
    -------
    p : float
    shuffles : int

    References
    ----------
    Besag, Clifford (1991), Biometrika 78: sequential Monte Carlo p-values.

    Examples
    --------
    >>> sided_p(lambda shuffles: (shuffles // 2, shuffles // 2), alpha=0.05, most=10_000)[1]
    400
    """
    made = above = below = 0
    while True:
        # With whole tails of alpha / 2, p < alpha is as rare as it should be for any number of shuffles.
        turn = min(max(least, int(np.ceil(20 / alpha)), 3 * made), most - made)
        high, low = tails(turn)
        made, above, below = made + turn, above + high, below + low
        p = min(1.0, 2 * (1 + min(above, below)) / (made + 1))
        if made >= most or abs(p - alpha) > 6 * np.sqrt(alpha / 2 * (1 - alpha / 2) / made):
            return p, made


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyers:
    """Values other than 0, how many users of the control and of the treated have each, and all users."""

    values: Floats
    counts: NDArray[np.int64]
    users: tuple[int, int]

    def sums(self, group: int) -> tuple[float, float]:
        """Return the sum of the values and of their squares."""
        count = self.counts[:, group]
        return float(self.values @ count), float(self.values**2 @ count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shuffles:
    """Sums and squares of the buyers that fell among the treated, by where they came from; per shuffle."""

    own: tuple[Floats, Floats]
    others: tuple[Floats, Floats]


def buyers_of(values: ArrayLike, counts: ArrayLike, users: tuple[int, int]) -> Buyers:
    """Return the buyers, checked; rows of 0 are left to the rest of the users."""
    value, count = np.asarray(values, float), np.asarray(counts)
    if value.ndim != 1 or count.shape != (len(value), 2):
        raise UsageError(
            f"{value.size} values and counts of shape {count.shape}: give one row of two per value."
        )
    if not np.isfinite(value).all():
        raise UsageError("A value is not finite.")
    if (count < 0).any() or (count != np.floor(count)).any():
        raise UsageError("A count is not a whole number of 0 or more.")
    bought = value != 0
    value, count = value[bought], count[bought].astype(np.int64)
    if (count.sum(axis=0) > np.asarray(users)).any():
        raise UsageError(f"{count.sum(axis=0).tolist()} users have a value, of {list(users)} users in all.")
    return Buyers(values=value, counts=count, users=(int(users[0]), int(users[1])))


def shuffles(table: Buyers, permutations: int, rng: np.random.Generator) -> Shuffles:
    """Shuffle: draw how many buyers fall among the treated, then which."""
    values = np.repeat(table.values, table.counts.sum(axis=1))
    treated = np.repeat(np.tile([0.0, 1.0], len(table.values)), table.counts.ravel())
    scale = np.abs(values).max()
    figures = np.column_stack([values * treated, values * (1 - treated)]) / scale
    figures = np.column_stack([figures, figures**2])
    sums = shuffled_sums(figures, users=table.users, permutations=permutations, rng=rng)
    own, others, own_squares, others_squares = sums.T
    return Shuffles(
        own=(own * scale, own_squares * scale**2),
        others=(others * scale, others_squares * scale**2),
    )


def shuffled_sums(
    figures: Floats, *, users: tuple[int, int], permutations: int, rng: np.random.Generator
) -> Floats:
    """Return the sums of figures over the treated, one row per shuffle.

    Parameters
    ----------
    figures : ndarray, shape (buyers, figures)
        One row for each user who has any; the others have zeros.
    users : pair of int
        All users of the control, and of the treated.
    permutations : int
        How often to shuffle.
    rng : numpy.random.Generator
        Chance.
    """
    buyers = len(figures)
    sizes = rng.hypergeometric(buyers, sum(users) - buyers, users[1], size=permutations)
    rest = 2 * users[1] > sum(users)  # draw the smaller of the two groups
    sizes = buyers - sizes if rest else sizes
    rows = max(1, _CELLS // buyers)
    parts = [_subset_sums(figures, sizes[at : at + rows], rng) for at in range(0, permutations, rows)]
    sums = np.concatenate(parts)
    return np.asarray(figures.sum(axis=0) - sums if rest else sums)


def _subset_sums(figures: Floats, sizes: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Return sums over random subsets of rows, each of its own size.

    Every row draws a number, and those with the smallest are the subset, which makes all subsets of a size
    equally likely. Short numbers are drawn and sorted soonest; where the first that is left out has drawn
    the same as the last that is taken, all of them draw again.
    """
    buyers = len(figures)
    if sizes.max(initial=0) * _SMALL <= buyers:
        return _small_subset_sums(figures, sizes, rng)
    kind = np.uint16 if buyers <= _FEW else np.uint32
    taken = np.empty((len(sizes), buyers), bool)
    undecided = np.arange(len(sizes))
    while len(undecided):
        size, subset = sizes[undecided], np.arange(len(undecided))
        drawn = rng.integers(0, np.iinfo(kind).max, size=(len(size), buyers), dtype=kind, endpoint=True)
        ordered = np.sort(drawn, axis=1)
        last = ordered[subset, np.maximum(size, 1) - 1]
        taken[undecided] = (drawn <= last[:, None]) & (size > 0)[:, None]
        tied = (size > 0) & (size < buyers) & (ordered[subset, np.minimum(size, buyers - 1)] == last)
        undecided = undecided[tied]
    return np.asarray(taken.astype(float) @ figures)


def _small_subset_sums(figures: Floats, sizes: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Return sums over random subsets of rows, a small part of all, by Floyd's sampling: a draw a member.

    References
    ----------
    Bentley, Floyd (1987), Communications of the ACM 30, algorithm F2.
    """
    order = np.argsort(-sizes, kind="stable")
    left = sizes[order]
    taken = np.zeros((len(sizes), len(figures)), bool)
    places = np.arange(len(sizes))
    for drawn in range(int(sizes.max(initial=0))):
        more = int(np.searchsorted(-left, -drawn, side="left"))  # subsets that have further members
        last = len(figures) - left[:more] + drawn
        picked = (rng.random(more) * (last + 1)).astype(np.int64)
        again = taken[places[:more], picked]
        taken[places[:more], np.where(again, last, picked)] = True
    sums = np.empty((len(sizes), figures.shape[1]))
    sums[order] = taken.astype(float) @ figures
    return sums
