"""Identifiers, drawn from the seed: whole columns at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl


def uuids(count: int, rng: np.random.Generator) -> pl.Series:
    """Return random UUIDs (version 4) as text.

    Examples
    --------
    >>> uuids(1, np.random.default_rng(1)).to_list()
    ['ffe42279-f3bd-4683-a6a8-52c1bb9651f3']
    """
    import polars as pl
    import pyarrow as pa

    raw = rng.integers(0, 256, size=(count, 16), dtype=np.uint8)
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    digits = np.frombuffer(raw.tobytes().hex().encode(), dtype=np.uint8).reshape(count, 32)
    text = np.full((count, 36), ord("-"), dtype=np.uint8)
    for place, first, last in ((0, 0, 8), (9, 8, 12), (14, 12, 16), (19, 16, 20), (24, 20, 32)):
        text[:, place : place + last - first] = digits[:, first:last]
    offsets = np.arange(0, (count + 1) * 36, 36, dtype=np.int64)
    column = pa.LargeStringArray.from_buffers(
        count, pa.py_buffer(offsets.tobytes()), pa.py_buffer(text.tobytes())
    )
    series = pl.from_arrow(column)
    assert isinstance(series, pl.Series)  # noqa: S101 - one column in, one column out
    return series


def numbered(prefix: str, numbers: pl.Expr, width: int) -> pl.Expr:
    """Return identifiers such as ``user-00042``."""
    import polars as pl

    return pl.concat_str(pl.lit(prefix), numbers.cast(pl.String).str.zfill(width))
