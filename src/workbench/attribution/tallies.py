"""Sums by key that add up over files, days and workers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
BITS = 62  # of a word of a set of channels
_SMALL = 1 << 16


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
        if not isinstance(other, Tally):
            return NotImplemented
        if 2 * len(other.keys) < len(self.keys) and len(other.keys):
            return _inserted(self, other)
        return tally(np.concatenate([self.keys, other.keys]), np.concatenate([self.sums, other.sums]))

    def __neg__(self) -> Tally:
        """Return the sums with the opposite sign."""
        return Tally(keys=self.keys, sums=-self.sums)

    @property
    def size(self) -> int:
        """Return the number of keys."""
        return len(self.keys)

    def weighted(self, weights: Floats | None) -> Tally:
        """Return the sums over all buckets, each counted as often as its weight says; the bucket is gone."""
        return tally(self.keys[:, 1:], self.weighed(weights))

    def folded(self, size: int, weights: Floats | None = None) -> Tally:
        """Return the sums by code modulo a size; the bucket is gone."""
        return tally(self.keys[:, 1:] % size, self.weighed(weights))

    def lower(self, size: int) -> Tally:
        """Return the sums by bucket and code modulo a size."""
        return tally(np.column_stack([self.keys[:, 0], self.keys[:, 1] % size]), self.sums)

    def recoded(self, names: Integers, sizes: tuple[int, int], length: int) -> Tally:
        """Return the sums by code of paths after a change of names, as `recode_paths` takes it."""
        codes = recode_paths(self.keys[:, 1], names, sizes, length)
        return tally(np.column_stack([self.keys[:, 0], codes]), self.sums)

    def weighed(self, weights: Floats | None) -> Floats:
        """Return each row's sums as often as the weight of its bucket says."""
        return self.sums if weights is None else self.sums * weights[self.keys[:, 0], None]


def times(bucket: Integers, codes: Integers) -> Tally:
    """Return how often each code, 0 or more, is there in each bucket.

    Examples
    --------
    >>> import numpy as np
    >>> some = times(np.array([1, 0, 1]), np.array([5, 7, 5]))
    >>> some.keys.tolist(), some.sums.tolist()
    ([[0, 7], [1, 5]], [[1.0], [2.0]])
    """
    size = int(codes.max(initial=0)) + 1
    whole = (int(bucket.max(initial=0)) + 1) * size
    if whole >= 2**62:
        return tally(np.column_stack([bucket, codes]), np.ones((len(codes), 1)))
    one = bucket * size
    one += codes
    if whole <= max(_SMALL, 4 * len(one)):
        every = np.bincount(one, minlength=whole)
        distinct = np.flatnonzero(every)
        counts = every[distinct]
    else:
        one.sort()  # numbers alone are sorted several times as fast as sums by them
        first = np.flatnonzero(np.diff(one, prepend=-1))
        distinct, counts = one[first], np.diff(np.append(first, len(one)))
    return Tally(keys=np.column_stack(np.divmod(distinct, size)), sums=counts[:, None].astype(float))


def tally(keys: Integers, sums: Floats) -> Tally:
    """Return sums by distinct key; keys whose counts are zero (the first and the last sum) are left out.

    Examples
    --------
    >>> import numpy as np
    >>> some = tally(np.array([[1, 5], [0, 7], [1, 5]]), np.array([[1.0], [2.0], [3.0]]))
    >>> some.keys.tolist(), some.sums.tolist()
    ([[0, 7], [1, 5]], [[2.0], [4.0]])
    """
    if len(keys) == 0:
        return Tally(keys=keys, sums=sums)
    low, sizes = _span(keys)
    whole = math.prod(sizes)
    if whole < 2**62:
        return _by_number(keys, sums, low, sizes)
    order = np.lexsort(keys.T[::-1])
    ordered = keys[order]
    first = np.flatnonzero(np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)]))
    return _kept(ordered[first], np.add.reduceat(sums[order], first, axis=0))


def _inserted(large: Tally, small: Tally) -> Tally:
    """Return the sums of both, where one has few keys: nothing is sorted again."""
    low, sizes = _span(large.keys, small.keys)
    if math.prod(sizes) >= 2**62:
        return tally(np.concatenate([large.keys, small.keys]), np.concatenate([large.sums, small.sums]))
    known, new = (_numbers(some.keys, low, sizes) for some in (large, small))
    place = np.searchsorted(known, new)
    found = known[np.minimum(place, len(known) - 1)] == new
    sums, met, more = large.sums.copy(), place[found], ~found
    now = sums.take(met, axis=0)
    now += small.sums.compress(found, axis=0)
    sums[met] = now
    gone = met[~_counts(now)]  # only what was met can have become nothing
    if not len(gone) and not more.any():
        return Tally(keys=large.keys, sums=sums)
    one = np.concatenate([known, new[more]])
    order = np.argsort(one, kind="stable")  # two rows that ascend are merged, not sorted
    if len(gone):
        kept = np.ones(len(one), bool)
        kept[gone] = False
        order = order[kept[order]]
    keys = np.concatenate([large.keys, small.keys[more]])
    return Tally(
        keys=keys.take(order, axis=0), sums=np.concatenate([sums, small.sums[more]]).take(order, axis=0)
    )


def _span(*some: Integers) -> tuple[Integers, list[int]]:
    """Return the lowest of each column and how many numbers it spans; column by column, which is faster."""
    columns = range(some[0].shape[1])
    low = [min(int(keys[:, column].min()) for keys in some) for column in columns]
    high = [max(int(keys[:, column].max()) for keys in some) for column in columns]
    return np.array(low, np.int64), [top - bottom + 1 for bottom, top in zip(low, high, strict=True)]


def _numbers(keys: Integers, low: Integers, sizes: list[int]) -> Integers:
    """Return each key as one number."""
    one = np.zeros(len(keys), np.int64)
    for column, size in enumerate(sizes):
        one = one * size + (keys[:, column] - low[column])
    return one


def _by_number(keys: Integers, sums: Floats, low: Integers, sizes: list[int]) -> Tally:
    """Return sums by keys that fit into one number each, which is several times as fast."""
    one = _numbers(keys, low, sizes)
    whole = math.prod(sizes)
    if whole <= max(_SMALL, 16 * len(keys)):
        distinct = np.flatnonzero(np.bincount(one, minlength=whole))
        totals = np.column_stack([np.bincount(one, some, whole)[distinct] for some in sums.T])
    else:
        order = np.argsort(one, kind="stable")
        ordered = one[order]
        first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        distinct, totals = ordered[first], np.add.reduceat(sums[order], first, axis=0)
    return _kept(np.column_stack(np.unravel_index(distinct, sizes)).astype(np.int64) + low, totals)


def _kept(keys: Integers, totals: NDArray[Any]) -> Tally:
    some = _counts(totals)
    if some.all():
        return Tally(keys=keys, sums=totals)
    return Tally(keys=keys[some], sums=totals[some])


def _counts(totals: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows count anything; a value may leave dust when it is taken away."""
    found: NDArray[np.bool_] = (totals[:, 0] != 0) | (totals[:, -1] != 0)
    return found


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


def bits_in(touch: NDArray[np.signedinteger], word: int) -> Integers:
    """Return the bit of each touch in one word of a set; none where it is in another."""
    place = touch.astype(np.int64) - word * BITS
    inside = (place >= 0) & (place < BITS)
    return np.where(inside, np.int64(1) << np.where(inside, place, 0), 0)


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
