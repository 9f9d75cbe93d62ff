"""Sums by key that add up over files, days and workers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
BITS = 62  # of a word of a set of channels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """Sums by key; keys are distinct and ascending.

    Parameters
    ----------
    keys : array of int, shape (rows, columns)
        What is counted; the first column is the bucket of users.
    sums : array, shape (rows, figures)
        How often, or how much.
    """

    keys: Integers
    sums: Floats

    def __add__(self, other: Tally) -> Tally:
        """Return the sums of both."""
        return tally(np.concatenate([self.keys, other.keys]), np.concatenate([self.sums, other.sums]))

    def __neg__(self) -> Tally:
        """Return the sums with the opposite sign."""
        return Tally(keys=self.keys, sums=-self.sums)

    def weighted(self, weights: Floats | None) -> Tally:
        """Return the sums over all buckets, each counted as often as its weight says; the bucket is gone."""
        sums = self.sums if weights is None else self.sums * weights[self.keys[:, 0], None]
        return tally(self.keys[:, 1:], sums)


def tally(keys: Integers, sums: Floats) -> Tally:
    """Return sums by distinct key; keys all of whose sums are zero are left out.

    Examples
    --------
    >>> import numpy as np
    >>> some = tally(np.array([[1, 5], [0, 7], [1, 5]]), np.array([[1.0], [2.0], [3.0]]))
    >>> some.keys.tolist(), some.sums.tolist()
    ([[0, 7], [1, 5]], [[2.0], [4.0]])
    """
    if len(keys) == 0:
        return Tally(keys=keys, sums=sums)
    order = _order(keys)
    ordered = keys[order]
    first = np.flatnonzero(np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)]))
    totals = np.add.reduceat(sums[order], first, axis=0)
    kept = (totals != 0).any(axis=1)
    return Tally(keys=ordered[first][kept], sums=totals[kept])


def _order(keys: Integers) -> NDArray[np.intp]:
    """Return the order of keys: by one number where they fit into it, which is several times as fast."""
    low = keys.min(axis=0)
    sizes = [int(size) + 1 for size in keys.max(axis=0) - low]
    whole = 1
    for size in sizes:
        whole *= size
    if whole >= 2**63:
        return np.lexsort(keys.T[::-1])
    one = np.zeros(len(keys), np.int64)
    for column, size in enumerate(sizes):
        one = one * size + (keys[:, column] - low[column])
    return np.argsort(one, kind="stable")


def recode_paths(codes: Integers, places: Integers, sizes: tuple[int, int], length: int) -> Integers:
    """Return codes of paths after a change of names.

    Parameters
    ----------
    codes : array of int
        Paths of `length` digits, the newest the lowest; 0 is no touch, c + 1 the touch with code c.
    places : array of int
        The new code of each touch.
    sizes : tuple of int
        The bases (names + 1) before and after.
    length : int
        The number of digits.
    """
    digit_of = np.concatenate([[0], places + 1])
    found, rest, power = np.zeros_like(codes), codes.copy(), 1
    for _ in range(length):
        rest, digit = np.divmod(rest, sizes[0])
        found += digit_of[digit] * power
        power *= sizes[1]
    return found


def bits_of(words: Integers, count: int) -> NDArray[np.bool_]:
    """Return sets of channels as one column per channel."""
    channel = np.arange(count)
    found: NDArray[np.bool_] = (words[:, channel // BITS] >> (channel % BITS)) & 1 == 1
    return found


def words_of(bits: NDArray[np.bool_]) -> Integers:
    """Return sets of channels as words of bits."""
    count = bits.shape[1]
    found = np.zeros((len(bits), max(1, -(-count // BITS))), np.int64)
    for channel in range(count):
        found[:, channel // BITS] |= bits[:, channel].astype(np.int64) << (channel % BITS)
    return found
