"""DuckDB connections with a workspace's tables as views.

A connection never loads extensions or reaches the network by itself. A reader's connection sees the files of
its own store only, and cannot be told otherwise by the SQL that it is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import RESTORE, WorkspaceError
from workbench.events.tables import TableDefinition
from workbench.store.delta import DataFile, check_rights
from workbench.store.schema import literal, quote, sql_type, typed_columns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def connect(spill: Path, threads: int | None = None) -> DuckDBPyConnection:
    """Return an in-memory connection in UTC that spills to the folder `spill` when memory runs out."""
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": str(spill),
    }
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(config=config)
    # What is not set for all keeps the machine's time zone in a cursor, and with it other days.
    connection.execute(
        "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL python_enable_replacements = false;"
        " SET enable_progress_bar = false"
    )
    return connection


def confine(connection: DuckDBPyConnection, folder: Path) -> None:
    """Let a connection read below `folder` only, for good."""
    connection.execute(f"SET allowed_directories = [{literal(f'{folder}/')}]")
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")


def create_view(
    connection: DuckDBPyConnection, definition: TableDefinition, folder: Path, files: Iterable[DataFile]
) -> None:
    """Make, or make anew, the view of a table: typed columns even where it has no files.

    Raises
    ------
    WorkspaceError
        If a file is damaged.
    """
    import duckdb

    files = tuple(files)
    rows = files_sql(definition, folder, files)
    try:
        connection.execute(f"CREATE OR REPLACE VIEW {quote(definition.name)} AS {rows}")
    except duckdb.Error as error:
        check_rights(folder / file.path for file in files)
        said = str(error).partition("\n")[0]
        raise WorkspaceError(
            f"The workspace {folder.parent.parent} is damaged: files of {definition.name!r} cannot be read: "
            f"{said}. {RESTORE}"
        ) from error


def files_sql(
    definition: TableDefinition, folder: Path, files: Iterable[DataFile], *, file_column: str | None = None
) -> str:
    """Return the SELECT over some files of a table, with the path of each row's file under `file_column`."""
    paths = [literal(f"{folder}/{file.path}") for file in files]
    if not paths:
        extra = f", CAST(NULL AS VARCHAR) AS {quote(file_column)}" if file_column else ""
        return f"SELECT {typed_columns(definition)}{extra} WHERE false"
    options = "hive_partitioning = false"
    if definition.partitions:
        types = ", ".join(
            f"{literal(name)}: {sql_type(definition.field(name))}" for name in definition.partitions
        )
        options = f"hive_partitioning = true, hive_types = {{{types}}}"
    if file_column:
        options += f", filename = {literal(file_column)}"
    columns = ", ".join(
        quote(name) for name in (*definition.columns, *([file_column] if file_column else []))
    )
    return f"SELECT {columns} FROM read_parquet([{', '.join(paths)}], {options})"
