"""Files as rows of text: what a loader sees before anything is checked.

Words: a *source* is one opened file. Its *shape* is ``"lines"`` (one JSON document a line), ``"text"``
(cells of a delimited file or a sheet) or ``"typed"`` (Parquet). Every source becomes a relation with
`_row` (its place in the file, from 1), `_raw` (its text) and `_problem` (why it cannot be read, or null)
before its own columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadInput
from workbench.store.schema import literal, quote

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

OWN_COLUMNS = ("_row", "_raw", "_problem")
_RELATION = "_source_rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One opened file.

    Parameters
    ----------
    path : Path
        The file.
    shape : str
        lines, text or typed.
    columns : tuple of str
        Its columns; of lines, the keys found in the first of them.
    delimiter : str
        Of a delimited file, the sign between its cells.
    batches : callable, optional
        Gives the rows as Arrow batches: `_row`, `_raw`, `_problem` and, of text, the columns.
    types : tuple of str
        Of a typed file, the DuckDB type of each column.
    zones : mapping of str to str
        Of a typed file, the time zone that its writer gave a column of instants, where it is not UTC.
    failures : list of BadInput
        What went wrong while the rows were read: the database hides the error behind one of its own.
    """

    path: Path
    shape: str
    columns: tuple[str, ...]
    delimiter: str = ""
    batches: Callable[[], Iterator[pa.RecordBatch]] | None = None
    types: tuple[str, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)
    failures: list[BadInput] = field(default_factory=list)

    def relation(self, connection: DuckDBPyConnection) -> str:
        """Return what stands behind FROM; it can be read once."""
        if self.batches is None:
            return f"read_parquet({literal(glob_free(self.path))}, file_row_number = true)"
        names = (*OWN_COLUMNS, *(self.columns if self.shape == "text" else ()))
        connection.register(_RELATION, _arrow(names, self._guarded(self.batches())))
        return _RELATION

    def _guarded(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except BadInput as error:
            self.failures.append(error)
            raise
        except OSError as error:
            said = f"it cannot be read: {error.strerror or error}"
            self.failures.append(BadInput(said, file=self.path, fix="Put it right and load it again."))
            raise

    def text_sql(self, connection: DuckDBPyConnection) -> str:
        """Return a SELECT of `_row`, `_raw`, `_problem` and all columns as text, empty text being null."""
        rows = self.relation(connection)
        if self.shape == "text":
            return f"SELECT * FROM {rows}"
        if self.shape == "lines":
            cells = ", ".join(
                f"json_extract_string(_document, {literal(pointer(name))}) AS {quote(name)}"
                for name in self.columns
            )
            valid = "CASE WHEN _problem IS NULL AND json_valid(_raw) THEN _raw END"
            problem = (
                "CASE WHEN _problem IS NOT NULL THEN _problem WHEN _document IS NULL THEN 'not JSON'"
                " WHEN json_type(_document) <> 'OBJECT' THEN 'not a JSON object' END"
            )
            lines = f"SELECT *, {valid} AS _document FROM {rows}"
            return f"SELECT _row, _raw, {problem} AS _problem, {cells} FROM ({lines})"
        cells = ", ".join(
            f"{as_text(quote(name), kind, self.zones.get(name, ''))} AS {quote(name)}"
            for name, kind in zip(self.columns, self.types, strict=True)
        )
        packed = ", ".join(f"{quote(name)} := {quote(name)}" for name in self.columns)
        return (
            f"SELECT file_row_number + 1 AS _row, CAST(to_json(struct_pack({packed})) AS VARCHAR) AS _raw,"
            f" CAST(NULL AS VARCHAR) AS _problem, {cells} FROM {rows}"
        )


def pointer(name: str) -> str:
    """Return the JSON pointer of a key.

    Examples
    --------
    >>> pointer("a/b")
    '/a~1b'
    """
    return "/" + name.replace("~", "~0").replace("/", "~1")


def as_text(column: str, kind: str, zone: str = "") -> str:
    """Return a typed column as the text that a loader reads: instants with their offset, empty text null.

    Whole numbers have no point: a column of ids becomes one of decimals as soon as one of them is missing.
    Instants are told in their own zone: midnight in Tokyo is the day that begins there.
    """
    if zone:
        return _in_zone(column, zone)
    if kind.startswith(("STRUCT", "MAP")) or kind.endswith("]"):
        return f"CAST(to_json({column}) AS VARCHAR)"
    if kind in {"DOUBLE", "FLOAT"}:
        # By its text: DuckDB 2.0 takes isnan for false where the statistics of a file name its least value.
        text = f"nullif(CAST({column} AS VARCHAR), 'nan')"
        return f"CASE WHEN ends_with({text}, '.0') THEN {text}[:-3] ELSE {text} END"
    if kind.startswith("DECIMAL"):
        return rf"regexp_replace(CAST({column} AS VARCHAR), '\.0+$', '')"
    return f"nullif(CAST({column} AS VARCHAR), '')"


def _in_zone(column: str, zone: str) -> str:
    utc = f"timezone('UTC', CAST({column} AS TIMESTAMPTZ))"
    if zone[0] in "+-":
        minutes = f"{zone[0]}{int(zone[1:3]) * 60 + int(zone[4:6])}"
    else:
        minutes = f"date_diff('minute', {utc}, timezone({literal(zone)}, CAST({column} AS TIMESTAMPTZ)))"
    offset = f"strftime(TIMESTAMP '1970-01-01' + to_minutes(abs({minutes})), '%H:%M')"
    sign = f"CASE WHEN {minutes} < 0 THEN '-' ELSE '+' END"
    return f"strftime({utc} + to_minutes({minutes}), '%Y-%m-%d %H:%M:%S.%f') || {sign} || {offset}"


def unreadable(error: Exception, source: Source) -> Exception:
    """Return what to raise where the database fails while it reads a file: of the file, or of the machine."""
    import duckdb

    if source.failures:
        return source.failures[0]
    said = str(error).partition("\n")[0][:300]
    if isinstance(error, duckdb.OutOfMemoryException | duckdb.IOException) and source.path.name not in said:
        return error  # no room to work in is no fault of the file
    if source.shape == "typed":
        return damaged_parquet(said, source.path)
    return BadInput(f"the file cannot be read: {said}", file=source.path)


def damaged_parquet(said: str, path: Path) -> BadInput:
    """Return the error for a Parquet file that does not make sense to the database, which says why.

    Examples
    --------
    >>> print(damaged_parquet("Invalid Input Error: No magic bytes found", Path("a.parquet")))
    a.parquet: not a Parquet file that can be read, or not all of it (No magic bytes found); expected ...
    """
    why = said.rpartition("Error: ")[2].rstrip(".")
    return BadInput(
        f"not a Parquet file that can be read, or not all of it ({why})",
        file=path,
        expected="a whole file",
        fix="Write or download it again.",
    )


def glob_free(path: Path) -> str:
    """Return a path in which no character is a wildcard for DuckDB."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))


def check_columns(names: tuple[str, ...], path: Path) -> None:
    """Refuse columns that stand twice, have no name, or take a name that the loader uses.

    Raises
    ------
    BadInput
        Naming the column.
    """
    seen: set[str] = set()
    for place, name in enumerate(names, 1):
        if not name.strip():
            raise BadInput(f"column {place} has no name", file=path, row=1, fix="Name it or remove it.")
        if name.casefold() in seen:
            raise BadInput("a column stands twice in the file", file=path, row=1, column=name)
        if name in {*OWN_COLUMNS, "_document", "file_row_number"}:
            raise BadInput("the loader uses this name itself", file=path, row=1, column=name)
        if "\x00" in name:
            raise BadInput("the header holds NUL bytes", file=path, row=1, column=name.replace("\x00", "␀"))
        seen.add(name.casefold())


def _arrow(names: tuple[str, ...], batches: Iterator[pa.RecordBatch]) -> pa.RecordBatchReader:
    import pyarrow as pa

    fields = [pa.field(name, pa.int64() if name == "_row" else pa.string()) for name in names]
    return pa.RecordBatchReader.from_batches(pa.schema(fields), batches)
