"""Counts in a table are the same counts by key, whatever is done with them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from workbench.attribution.grids import Grid, counted
from workbench.attribution.tallies import Tally

BASE, LENGTH = 3, 2  # two channels, two touches
TABLES = arrays(np.int32, (4, BASE**LENGTH), elements=st.integers(0, 3))


def same(one: Grid | Tally, other: Grid | Tally) -> None:
    assert one.keys.tolist() == other.keys.tolist()
    assert one.sums.tolist() == other.sums.tolist()


@settings(max_examples=60, deadline=None)
@given(table=TABLES, other=TABLES, weights=arrays(float, 4, elements=st.integers(0, 3)))
def test_a_table_reads_like_a_tally(
    table: NDArray[np.int32], other: NDArray[np.int32], weights: NDArray[np.float64]
) -> None:
    grid, tally = Grid(table=table), Grid(table=table).sparse
    more = Grid(table=other)
    for size in (BASE, BASE**LENGTH):
        for some in (None, weights):
            same(grid.folded(size, some), tally.folded(size, some))
        same(grid.lower(size), tally.lower(size))
    same(grid.weighted(weights), tally.weighted(weights))
    same(-grid, -tally)
    for whole in (grid + more, grid + more.sparse, more.sparse + grid):
        same(whole, tally + more.sparse)
    names, sizes = np.array([2, 0]), (BASE, BASE + 1)
    same(grid.recoded(names, sizes, LENGTH), tally.recoded(names, sizes, LENGTH))


def test_codes_are_places() -> None:
    some = Grid(table=np.array([[0, 0, 5], [1, 0, 0]], np.int32))
    assert (some.keys.tolist(), some.sums.tolist()) == ([[0, 2], [1, 0]], [[5.0], [1.0]])
    assert some.columns(np.array([2, 0])).tolist() == [[5.0, 0.0], [0.0, 1.0]]


def test_counts_outgrow_32_bits() -> None:
    half = np.array([[2**31 - 1, 0]], np.int32)
    same(Grid(table=half) + Grid(table=half), Grid(table=half.astype(np.int64) * 2))
    same(Grid(table=half) + Grid(table=half).sparse, Grid(table=half.astype(np.int64) * 2))


def test_a_large_table_that_is_almost_empty_is_kept_by_key() -> None:
    table = np.zeros((64, 2**16), np.int32)
    table[3, 7] = 1
    assert isinstance(counted(table), Tally)
    assert isinstance(counted(table + 1), Grid)
    assert isinstance(counted(table[:, :8]), Grid)
