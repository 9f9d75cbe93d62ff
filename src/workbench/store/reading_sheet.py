"""Excel files: the cells of their first sheet that holds something, as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput
from workbench.events.parsing import BLANKS
from workbench.store.sources import OWN_COLUMNS, Source, check_columns

if TYPE_CHECKING:
    import fastexcel
    import polars as pl
    import pyarrow as pa


UNNAMED = "__UNNAMED__"  # what the reader calls a column without a name
_ERROR = re.compile(r"'Error\((\w+)\)'")
_ERRORS = {
    "NA": "#N/A",
    "Div0": "#DIV/0!",
    "Ref": "#REF!",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
}
# A sheet keeps 15 digits of a number, or as many as a float has: the others of a longer one are noughts.
_CUT_OFF = r"^(?:\d{15}0|\d{17,})$"


def open_sheet(path: Path) -> Source:
    """Return the one sheet of an Excel file that holds rows.

    Raises
    ------
    BadInput
        If it cannot be opened, or none or several sheets hold rows.
    """
    frame = _frame(path)
    columns = tuple(name.strip(BLANKS) for name in frame.columns)
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
        sheets = {name: _texts(book, name) for name in book.sheet_names}
        filled = {name: frame for name, frame in sheets.items() if frame.height}
        for name in filled:
            header = book.load_sheet(name, header_row=None, n_rows=1, dtypes="string").to_polars()
            # Where two columns are equal, the reader gives one of them another name.
            check_columns(tuple(cell.strip() for cell in header.row(0) if cell and cell.strip()), path)
    except fastexcel.FastExcelError as error:
        problem = str(error).splitlines()[0]
        fix = "If it is a packed archive, unpack it."
        raise BadInput(f"not an Excel file that can be read: {problem}", file=path, fix=fix) from None
    if not filled:
        raise BadInput("no sheet of the file holds rows", file=path)
    if len(filled) > 1:
        raise BadInput(
            f"several sheets hold rows: {', '.join(filled)}",
            file=path,
            fix="Save the one that is meant alone.",
        )
    return next(iter(filled.values()))


def _texts(book: fastexcel.ExcelReader, name: str) -> pl.DataFrame:
    """Return the cells of a sheet as text: errors by name, numbers that lost digits as powers of ten."""
    import polars as pl

    cells, errors = book.load_sheet(name, dtypes="string").to_arrow_with_errors()
    frame = pl.DataFrame(pl.from_arrow(cells))
    named: dict[int, dict[int, str]] = {}
    for error in errors.errors if errors else ():
        row, column = error.offset_position
        found = _ERROR.search(error.detail)
        named.setdefault(column, {})[row] = _ERRORS.get(found[1], "#VALUE!") if found else error.detail
    for column, at in named.items():
        label, texts = frame.columns[column], frame.to_series(column).to_list()
        texts = [at.get(row, text) for row, text in enumerate(texts)]
        frame = frame.with_columns(pl.Series(label, texts, pl.String))
    for column, label in enumerate(frame.columns):
        if not frame[label].str.contains(_CUT_OFF).any():
            continue
        # Read as truth values, numbers are true and texts are nothing.
        numeric = book.load_sheet(name, use_columns=[column], dtypes="boolean").to_polars().to_series()
        shortened = pl.col(label).cast(pl.Float64, strict=False).map_elements("{:.14e}".format, pl.String)
        cut = pl.col(label).str.contains(_CUT_OFF) & numeric.is_not_null()
        frame = frame.with_columns(pl.when(cut).then(shortened).otherwise(pl.col(label)).alias(label))
    return frame


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
