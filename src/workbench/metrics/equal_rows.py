"""Rows of a table that are equal in some of its columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def coded(table: pa.Table, names: Iterable[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of every group of rows that are equal in some columns, and each row's group.

    Examples
    --------
    >>> import pyarrow as pa
    >>> first, codes = coded(pa.table({"a": ["x", None, "x", "x"], "b": [1, 1, 1, 2]}), ["a", "b"])
    >>> first.tolist(), codes.tolist()
    ([0, 3, 1], [0, 2, 0, 1])
    """
    codes, first = np.zeros(table.num_rows, np.int64), np.zeros(min(table.num_rows, 1), np.int64)
    for name in names:
        column = table.column(name).combine_chunks().dictionary_encode("encode")
        own = np.from_dlpack(column.indices).astype(np.int64)  # `to_numpy` would load pandas
        _, first, codes = np.unique(
            codes * len(column.dictionary) + own, return_index=True, return_inverse=True
        )
    return first, codes
