"""Rows become Parquet files in a table's folder, sorted and partitioned, before any log names them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.events.definitions import Kind
from workbench.events.tables import TableDefinition
from workbench.store.checksums import checksum
from workbench.store.delta import DataFile
from workbench.store.schema import literal, partition_sql, quote, sql_type

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Files of events hold one month of one bucket: small row groups still let a reader skip event types.
_ROW_GROUP_ROWS = {"events": 30_720}
_DEFAULT_ROW_GROUP_ROWS = 122_880
# Its encodings of texts and instants are smaller and read faster; that of decimals not every Spark can read.
_ENCODINGS = {"events": "v2"}
_FEW_MONTHS = 6
# Personal text never enters the log, which erasure does not rewrite; these kinds hold none.
_LOGGED_KINDS = {Kind.DATE, Kind.INSTANT, Kind.COUNT, Kind.CHOICE}


def stage(
    connection: DuckDBPyConnection,
    definition: TableDefinition,
    folder: Path,
    rows_sql: str,
    prefix: str,
    *,
    keyed: bool = False,
) -> tuple[DataFile, ...]:
    """Write the rows of a SELECT, sorted, as durable new files in the folders of their partitions.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Runs the SELECT.
    definition : TableDefinition
        Gives the order, the partitions and the types.
    folder : Path
        The table's folder.
    rows_sql : str
        The SELECT, as `complete` returns it.
    prefix : str
        How the names of the files begin.
    keyed : bool
        Whether the SELECT has the columns of the partitions already.
    """
    if not definition.partitions:
        return stage_file(connection, definition, folder, rows_sql, _file_name(prefix))
    if definition.partitions == ("month",) and not keyed:
        months = _months(connection, definition, rows_sql)
        if months is not None:
            return _stage_months(connection, definition, folder, rows_sql, (prefix, months))
    made = rows_sql
    if not keyed:
        keys = ", ".join(f"{sql} AS {quote(name)}" for name, sql in partition_sql(definition).items())
        made = f"SELECT *, {keys} FROM ({rows_sql})"
    columns = ", ".join(quote(name) for name in definition.partitions)
    layout = f"PARTITION_BY ({columns}), FILENAME_PATTERN '{prefix}{{uuid}}', APPEND true"
    ordered = f"SELECT * FROM ({made}) ORDER BY {columns}, {_order(definition)}"
    return _copy(connection, definition, folder, ordered, str(folder), layout)


def file_prefix(load_id: str) -> str:
    """Return how the names of a load's files begin, which is safe whatever the id is.

    Examples
    --------
    >>> file_prefix("../7")
    'c4b68475e5575886-'
    """
    return blake2b(load_id.encode(), digest_size=8).hexdigest() + "-"


def _file_name(prefix: str) -> str:
    return f"{prefix}{os.urandom(8).hex()}.parquet"


def _months(
    connection: DuckDBPyConnection, definition: TableDefinition, rows_sql: str
) -> tuple[str, ...] | None:
    month = partition_sql(definition)["month"]
    found = connection.execute(
        f"SELECT DISTINCT {month} FROM ({rows_sql}) LIMIT {_FEW_MONTHS + 1}"
    ).fetchall()
    named = tuple(sorted(row[0] for row in found if row[0] is not None))
    return named if len(named) == len(found) <= _FEW_MONTHS else None


def _stage_months(
    connection: DuckDBPyConnection,
    definition: TableDefinition,
    folder: Path,
    rows_sql: str,
    files: tuple[str, tuple[str, ...]],
) -> tuple[DataFile, ...]:
    # Of few partitions each is written by itself: parting rows while writing costs as much as the writing.
    (prefix, months), day = files, quote(definition.day or "")
    made: list[DataFile] = []
    for month in months:
        year, number = int(month[:4]), int(month[5:])
        after = f"{year + number // 12:04}-{number % 12 + 1:02}-01"
        rows = f"SELECT * FROM ({rows_sql}) WHERE {day} >= '{month}-01' AND {day} < '{after}'"
        (folder / f"month={month}").mkdir(exist_ok=True)
        path = f"month={month}/{_file_name(prefix)}"
        made.extend(stage_file(connection, definition, folder, rows, path))
    return tuple(made)


def _order(definition: TableDefinition) -> str:
    # A number is sorted faster than a text, and the numbers of these follow the order of the texts.
    keys = []
    for name in definition.order:
        choices = definition.field(name).choices
        listed = ", ".join(map(literal, sorted(choices)))
        keys.append(f"TRY_CAST({quote(name)} AS ENUM ({listed}))" if choices else quote(name))
    return ", ".join(keys)


def stage_sorted(
    connection: DuckDBPyConnection, definition: TableDefinition, folder: Path, rows_sql: str, prefix: str
) -> tuple[DataFile, ...]:
    """Write the rows of a SELECT, sorted and of one partition, as a durable new file, or none without rows.

    Parameters
    ----------
    connection, definition, folder, rows_sql
        As in `stage`.
    prefix : str
        How the path of the file in the table's folder begins.
    """
    path = _file_name(prefix)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    return stage_file(connection, definition, folder, rows_sql, path, ordered=True)


def stage_file(
    connection: DuckDBPyConnection,
    definition: TableDefinition,
    folder: Path,
    rows_sql: str,
    path: str,
    *,
    ordered: bool = False,
) -> tuple[DataFile, ...]:
    """Write the rows of a SELECT, which lie in one partition, as one durable new file, or none without rows.

    Parameters
    ----------
    connection, definition, folder, rows_sql
        As in `stage`.
    path : str
        The file, relative to the table's folder.
    ordered : bool
        Whether the rows come in the table's order already.
    """
    order = _order(definition)
    made = f"SELECT * FROM ({rows_sql}) ORDER BY {order}" if order and not ordered else rows_sql
    return _copy(connection, definition, folder, made, f"{folder}/{path}")


def _copy(
    connection: DuckDBPyConnection,
    definition: TableDefinition,
    folder: Path,
    rows_sql: str,
    target: str,
    layout: str = "",
) -> tuple[DataFile, ...]:
    group = _ROW_GROUP_ROWS.get(definition.name, _DEFAULT_ROW_GROUP_ROWS)
    options = (
        f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {group}, RETURN_STATS true,"
        f" PARQUET_VERSION {_ENCODINGS.get(definition.name, 'v1')}"
    )
    options += f", {layout}" if layout else ""
    answer = connection.execute(f"COPY ({rows_sql}) TO {literal(target)} ({options})")
    names = [column[0] for column in answer.description or []]
    written = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    for row in written:
        if not row["count"]:
            Path(row["filename"]).unlink()
    files = tuple(_data_file(definition, folder, row) for row in written if row["count"])
    sync_files(folder, (file.path for file in files))
    return files


def complete(
    connection: DuckDBPyConnection,
    definition: TableDefinition,
    select_sql: str,
    constants: Mapping[str, str],
    *,
    keyed: bool = False,
) -> str:
    """Return the SELECT with every column of the table, each cast to its type.

    Those of the partitions are among them where the SELECT is `keyed`, which means that it has them. Optional
    columns that are missing become null; `constants` fills columns that the SELECT lacks.

    Raises
    ------
    UsageError
        If a required column is missing, or a column is unknown.
    """
    given = [row[0] for row in connection.execute(f"DESCRIBE {select_sql}").fetchall()]
    unknown = sorted(set(given) - set(definition.columns))
    if unknown:
        raise UsageError(f"The table {definition.name!r} has no column {unknown[0]!r}.")
    columns, missing = [], []
    for field in definition.fields:
        if field.name in definition.partitions and not keyed:
            continue
        if field.name in given:
            source = quote(field.name)
        elif field.name in constants:
            source = literal(constants[field.name])
        else:
            source = "NULL"
            if field.required:
                missing.append(field.name)
        columns.append(f"CAST({source} AS {sql_type(field)}) AS {quote(field.name)}")
    if missing:
        raise UsageError(f"Rows for the table {definition.name!r} lack {', '.join(missing)}.")
    return f"SELECT {', '.join(columns)} FROM ({select_sql})"


def sync_files(folder: Path, paths: Iterable[str]) -> None:
    """Wait until files and their folders are on disk."""
    paths = list(paths)
    for path in paths:
        _sync(folder / path)
    parents = {parent for path in paths for parent in Path(path).parents}
    for parent in sorted(parents, key=lambda parent: -len(parent.parts)):
        _sync(folder / parent)


def sync_folder(folder: Path) -> None:
    """Wait until the entries of a folder are on disk."""
    _sync(folder)


def write_durably(path: Path, text: str) -> None:
    """Write a file that is complete or absent after a crash, and replaces an earlier one in one step."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _data_file(definition: TableDefinition, folder: Path, row: Mapping[str, Any]) -> DataFile:
    path = Path(row["filename"]).relative_to(folder).as_posix()
    partition = dict(part.split("=", 1) for part in path.split("/")[:-1])
    return DataFile(
        path=path,
        size=row["file_size_bytes"],
        rows=row["count"],
        partition=partition,
        stats=_stats(definition, row["count"], row["column_statistics"]),
        checksum=checksum(folder / path),
    )


def _stats(definition: TableDefinition, rows: int, found: Mapping[str, Mapping[str, str]]) -> str:
    lowest: dict[str, Any] = {}
    highest: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for field in definition.fields:
        column = found.get(quote(field.name), {})
        if field.kind not in _LOGGED_KINDS or field.name == definition.user or "null_count" not in column:
            continue
        nulls[field.name] = int(column["null_count"])
        if "min" in column and "max" in column:
            lowest[field.name] = _logged(field.kind, column["min"])
            highest[field.name] = _logged(field.kind, column["max"])
    return json.dumps(
        {"numRecords": rows, "minValues": lowest, "maxValues": highest, "nullCount": nulls}, allow_nan=False
    )


def _logged(kind: Kind, text: str) -> str | int:
    if kind is Kind.COUNT:
        return int(text)
    if kind is Kind.INSTANT:
        day, _, clock = text.removesuffix("+00").partition(" ")
        return f"{day}T{clock}Z"
    return text
