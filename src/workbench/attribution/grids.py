"""Counts in a table with a place for every code: many of them add up and fold without being sorted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.tallies import Floats, Integers, Tally, recode_paths

_MOST_CELLS = 1 << 25
_FEW_CELLS = 1 << 21
_LARGEST = 2**31 - 1


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: keys and sums are found when first asked for
class Grid:
    """How often each code was counted in each bucket of users; it reads like a `Tally` of the same counts.

    Parameters
    ----------
    table : array of int, shape (buckets, codes)
        The counts; the code is the place.

    Examples
    --------
    >>> import numpy as np
    >>> some = Grid(table=np.array([[0, 2, 0], [1, 0, 3]]))
    >>> some.keys.tolist(), some.sums.tolist()
    ([[0, 1], [1, 0], [1, 2]], [[2.0], [1.0], [3.0]])
    """

    table: NDArray[Any]

    @cached_property
    def sparse(self) -> Tally:
        """Return the same counts by key."""
        flat = np.flatnonzero(self.table)  # places in one row are found several times as fast as in a table
        return Tally(
            keys=places(flat, self.table.shape[1]),
            sums=self.table.reshape(-1)[flat, None].astype(float),
        )

    @property
    def keys(self) -> Integers:
        """Return bucket and code of each count, ascending."""
        return self.sparse.keys

    @property
    def sums(self) -> Floats:
        """Return the counts, in one column."""
        return self.sparse.sums

    @property
    def size(self) -> int:
        """Return the number of places."""
        return self.table.size

    def __add__(self, other: Grid | Tally) -> Grid:
        """Return the counts of both."""
        if isinstance(other, Grid):
            widest = int(self.table.max(initial=0)) + int(other.table.max(initial=0)) > _LARGEST
            return Grid(table=np.add(self.table, other.table, dtype=np.int64 if widest else None))
        if not len(other.keys):
            return self
        at = (other.keys[:, 0], other.keys[:, 1])
        found = self.table[at] + other.sums[:, 0].astype(np.int64)
        table = self.table.copy() if found.max() <= _LARGEST else self.table.astype(np.int64)
        table[at] = found
        return Grid(table=table)

    __radd__ = __add__

    def __neg__(self) -> Grid:
        """Return the counts with the opposite sign."""
        return Grid(table=-self.table)

    def weighted(self, weights: Floats | None) -> Tally:
        """Return the sums over all buckets, each counted as often as its weight says; the bucket is gone."""
        return self.folded(self.table.shape[1], weights)

    def folded(self, size: int, weights: Floats | None = None) -> Tally:
        """Return the sums by code modulo a size that divides the number of codes; the bucket is gone."""
        sums = self.table.sum(axis=0, dtype=np.int64) if weights is None else weights @ self.table
        folded = sums.reshape(-1, size).sum(axis=0)
        kept = np.flatnonzero(folded)
        return Tally(keys=kept[:, None], sums=folded[kept, None].astype(float))

    def lower(self, size: int) -> Grid:
        """Return the counts by bucket and code modulo a size that divides the number of codes."""
        buckets, codes = self.table.shape
        if codes == size:
            return self
        return Grid(table=self.table.reshape(buckets, codes // size, size).sum(axis=1, dtype=np.int64))

    def columns(self, codes: Integers) -> Floats:
        """Return the counts of some codes, shape (buckets, codes)."""
        return self.table[:, codes].astype(float)

    def recoded(self, names: Integers, sizes: tuple[int, int], length: int) -> Grid | Tally:
        """Return the counts by code of paths after a change of names, as `recode_paths` takes it."""
        codes = np.flatnonzero(self.table.any(axis=0))
        found = recode_paths(codes, names, sizes, length)
        cells = len(self.table) * sizes[1] ** length
        if cells > _MOST_CELLS:
            return self.sparse.recoded(names, sizes, length)
        table = np.zeros((len(self.table), sizes[1] ** length), self.table.dtype)
        table[:, found] = self.table[:, codes]
        return Grid(table=table)


def counted(table: NDArray[Any]) -> Grid | Tally:
    """Return counts by bucket and code, by key where a large table is almost empty."""
    some = Grid(table=table)
    few = table.size > _FEW_CELLS and 6 * np.count_nonzero(table) < table.size
    return some.sparse if few else some


def places(flat: Integers, width: int) -> Integers:
    """Return row and column of ascending places in a table."""
    rows = np.arange(flat[-1] // width + 2) if len(flat) else np.zeros(1, np.int64)
    each = np.diff(np.searchsorted(flat, rows * width))  # places ascend: no division of every one is needed
    found = np.empty((len(flat), 2), np.int64)
    found[:, 0] = np.repeat(rows[:-1], each)
    np.subtract(flat, np.repeat(rows[:-1] * width, each), out=found[:, 1])
    return found
