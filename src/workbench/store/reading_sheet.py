"""Excel files: the cells of their first sheet that holds something, as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput
from workbench.store.sources import OWN_COLUMNS, Source, check_columns

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


UNNAMED = "__UNNAMED__"  # what the reader calls a column without a name


def open_sheet(path: Path) -> Source:
    """Return the one sheet of an Excel file that holds rows.

    Raises
    ------
    BadInput
        If it cannot be opened, or none or several sheets hold rows.
    """
    frame = _frame(path)
    columns = tuple(name.strip() for name in frame.columns)
    check_columns(columns, path)
    return Source(
        path=path,
        shape="text",
        columns=columns,
        batches=lambda: _batches(frame, columns),
    )


def _frame(path: Path) -> pl.DataFrame:
    import fastexcel

    try:
        book = fastexcel.read_excel(path)
        sheets = {name: book.load_sheet(name, dtypes="string").to_polars() for name in book.sheet_names}
        filled = {name: frame for name, frame in sheets.items() if frame.height}
        for name in filled:
            header = book.load_sheet(name, header_row=None, n_rows=1, dtypes="string").to_polars()
            # Where two columns are equal, the reader gives one of them another name.
            check_columns(tuple(cell.strip() for cell in header.row(0) if cell and cell.strip()), path)
    except fastexcel.FastExcelError as error:
        raise BadInput(f"not an Excel file that can be read: {error}", file=path) from None
    if not filled:
        raise BadInput("no sheet of the file holds rows", file=path)
    if len(filled) > 1:
        raise BadInput(
            f"several sheets hold rows: {', '.join(filled)}",
            file=path,
            fix="Save the one that is meant alone.",
        )
    return next(iter(filled.values()))


def _batches(frame: pl.DataFrame, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for place, part in enumerate(frame.iter_slices(20_000)):
        first = place * 20_000 + 2
        numbered = [(row, at) for at, row in enumerate(part.rows(), first) if any(row)]
        if not numbered:  # a row without a cell is none
            continue
        rows = [row for row, _ in numbered]
        cells = [[value or None for value in column] for column in zip(*rows, strict=True)]
        raws = [json.dumps(row, ensure_ascii=False) for row in rows]
        arrays: list[pa.Array[Any]] = [
            pa.array([at for _, at in numbered], pa.int64()),
            pa.array(raws, pa.string()),
            pa.nulls(len(rows), pa.string()),
            *(pa.array(values, pa.string()) for values in cells),
        ]
        yield pa.record_batch(arrays, names=[*OWN_COLUMNS, *columns])
