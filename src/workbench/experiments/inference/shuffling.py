"""Users shuffled over two groups, where most have no value: only the buyers are moved.

To shuffle all users is to draw how many buyers fall into one group (hypergeometric) and which (a random
subset).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import UsageError

Floats = NDArray[np.float64]

_CELLS = 4_000_000  # of one block of draws: 4 MB of bytes, 32 MB of figures


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

    Every row is taken or not by a coin, which makes all subsets of a size equally likely; then rows are
    added or removed at random until the size is right. That draws a few bits a row instead of sorting them.
    """
    buyers = len(figures)
    few = sizes.mean() - 2 * sizes.std()  # to add a row is quicker than to remove one: most are not taken
    coin = int(np.clip(256 * few / buyers, 0, 255))
    taken = rng.integers(0, 256, size=(len(sizes), buyers), dtype=np.uint8) < coin
    sums = taken.astype(float) @ figures
    excess = taken.sum(axis=1) - sizes
    open_rows = np.flatnonzero(excess)
    while len(open_rows):
        at = rng.integers(0, buyers, size=len(open_rows))
        state = taken[open_rows, at]
        flips = state == (excess[open_rows] > 0)
        rows, columns = open_rows[flips], at[flips]
        step = np.where(state[flips], -1, 1)
        taken[rows, columns] = ~taken[rows, columns]
        sums[rows] += step[:, None] * figures[columns]
        excess[rows] += step
        open_rows = open_rows[excess[open_rows] != 0]
    return np.asarray(sums)
