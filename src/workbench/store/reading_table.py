"""A whole file as one table, for analyses of data that no workspace holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadInput
from workbench.store.doubtful import refuse_unclear
from workbench.store.reading import open_source
from workbench.store.reading_lines import with_all_keys
from workbench.store.reading_text import ROW_NAMES
from workbench.store.schema import literal
from workbench.store.sources import OWN_COLUMNS, glob_free, unreadable

if TYPE_CHECKING:
    import pyarrow as pa

LARGEST = 1 << 30


def read_table(path: str | Path) -> pa.Table:
    """Return the rows of a CSV, TSV, Excel, Parquet or JSON-lines file, in their order.

    Cells of text files stay text, empty ones are null; what a column means is for its reader to say. Signs
    between columns, encodings and compression are found as they are for files that are loaded. Numbers of
    rows that pandas or R wrote in front, in a column without a name, are left out.

    Raises
    ------
    BadInput
        If the file is not there, larger than 1 GiB, or a row cannot be read; it names the row.
    """
    import duckdb

    file = Path(path)
    try:
        size = file.stat().st_size
    except OSError as error:
        raise BadInput(error.strerror or "cannot be read", file=file) from None
    if not file.is_file():
        raise BadInput("it is a folder", file=file, expected="a file")
    if size > LARGEST:
        raise BadInput("the file is larger than 1 GiB", file=file, expected="one row for each period")
    source = open_source(file, numbered=True)
    source = with_all_keys(source) if source.shape == "lines" else source
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            if source.shape == "typed":
                typed: pa.Table = connection.sql(
                    f"SELECT * FROM read_parquet({literal(glob_free(file))})"
                ).to_arrow_table()
                return typed
            rows: pa.Table = connection.sql(source.text_sql(connection)).to_arrow_table().sort_by("_row")
        except duckdb.Error as error:
            raise unreadable(error, source) from None
    broken = rows.filter(rows["_problem"].is_valid()).slice(0, 1).to_pylist()
    if broken:
        raise BadInput(broken[0]["_problem"], file=file, row=broken[0]["_row"], value=broken[0]["_raw"])
    with duckdb.connect() as connection:
        connection.register("_rows", rows)
        refuse_unclear(connection, "_rows", source, source.columns)
    return rows.drop_columns([name for name in (*OWN_COLUMNS, ROW_NAMES) if name in rows.column_names])
