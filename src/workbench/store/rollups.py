"""Keeps the roll-ups true: a load adds sums of its own, and where facts leave, their days are made anew."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.events.rollups import ROLLUPS, Rollup
from workbench.events.tables import FACTS
from workbench.store import delta
from workbench.store.connection import files_sql
from workbench.store.delta import Change, DataFile
from workbench.store.schema import literal, sql_type
from workbench.store.staging import stage_file

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MADE, _FILE = "_rolled_up", "_file_path"
_FEW = 250_000  # two blocks of a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What a load does to the facts.

    Parameters
    ----------
    appended : tuple of DataFile
        The files that only add facts.
    days : frozenset of date
        The days that facts leave.
    files : tuple of DataFile
        All files of the facts after the load.
    """

    appended: tuple[DataFile, ...]
    days: frozenset[date]
    files: tuple[DataFile, ...]


def kept(versions: Mapping[str, int]) -> list[Rollup]:
    """Return the roll-ups that a state of the workspace keeps, the coarsest first."""
    return [rollup for rollup in ROLLUPS.values() if rollup.name in versions]


def refreshed(
    connection: DuckDBPyConnection, store: Path, versions: Mapping[str, int], touched: Touched, prefix: str
) -> dict[str, Change]:
    """Return what a load changes in the roll-ups, its files being written.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Runs the SQL.
    store : Path
        The folder of the tables.
    versions : mapping of str to int
        The state before the load.
    touched : Touched
        What the load does to the facts.
    prefix : str
        How the names of the files begin.
    """
    own = kept(versions)
    if not own or not (touched.appended or touched.days):
        return {}
    days = touched.days
    if days:  # a day is made anew as a whole
        days |= days_of(connection, store, touched.appended)
        months = {f"{day:%Y-%m}" for day in days}
        files = [file for file in touched.files if file.partition.get("month") in months]
        rows = f"(SELECT * FROM ({_facts(store, files)}) WHERE {_on(days)})"
    else:
        rows = f"({_facts(store, touched.appended)})"
    changes: dict[str, Change] = {}
    for rollup, made in _made(connection, own, rows).items():
        files = list(delta.data_files(store / rollup.name, versions[rollup.name]))
        leaving = (
            _holding(connection, rollup, store, files, days) if days else _alike(connection, made, files)
        )
        changes[rollup.name] = _replaced(connection, rollup, store, (made, leaving, days, prefix))
    return changes


def merged(
    connection: DuckDBPyConnection,
    store: Path,
    versions: Mapping[str, int],
    facts: Iterable[DataFile],
    prefix: str,
) -> dict[str, Change]:
    """Return what makes every roll-up one file; one that is not kept is made from the facts."""
    changes: dict[str, Change] = {}
    missing = [rollup for rollup in ROLLUPS.values() if rollup.name not in versions]
    listed = list(facts)
    if missing and listed:
        for rollup, made in _made(connection, missing, f"({_facts(store, listed)})").items():
            folder = store / rollup.name
            if not (folder / "_delta_log").is_dir():
                delta.create_table(folder, rollup.table)
            version = int(delta.open_table(folder).version())
            change = _replaced(connection, rollup, store, (made, [], frozenset(), prefix))
            # Files of a time when it was kept count no more.
            changes[rollup.name] = Change(added=change.added, removed=delta.data_files(folder, version))
    for rollup in kept(versions):
        files = list(delta.data_files(store / rollup.name, versions[rollup.name]))
        if len(files) > 1:
            changes[rollup.name] = _replaced(connection, rollup, store, (None, files, frozenset(), prefix))
    return changes


def days_of(
    connection: DuckDBPyConnection, store: Path, files: Iterable[DataFile], where_sql: str = "true"
) -> frozenset[date]:
    """Return the days of the facts in some files that meet a condition."""
    found = connection.execute(
        f"SELECT DISTINCT day FROM ({_facts(store, files)}) AS old_row WHERE {where_sql}"
    ).fetchall()
    return frozenset(row[0] for row in found)


def _facts(store: Path, files: Iterable[DataFile]) -> str:
    return files_sql(FACTS, store / FACTS.name, files)


def _on(days: Iterable[date]) -> str:
    return f"day IN ({', '.join(f'DATE {literal(day.isoformat())}' for day in sorted(days))})"


def _made(connection: DuckDBPyConnection, rollups: list[Rollup], facts: str) -> dict[Rollup, str]:
    """Return the table with the rows of each roll-up: the finest is made from facts, others from a finer."""
    made: dict[Rollup, str] = {}
    for place, rollup in enumerate(reversed(rollups)):
        finer = [
            name
            for other, name in made.items()
            if set(rollup.keys) <= set(other.keys) and rollup.of == other.of
        ]
        rows = rollup.merged_from(finer[-1]) if finer else rollup.made_from(facts)
        made[rollup] = f"{_MADE}_{place}"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {made[rollup]} AS {rows}")
    return made


def _holding(
    connection: DuckDBPyConnection,
    rollup: Rollup,
    store: Path,
    files: list[DataFile],
    days: frozenset[date],
) -> list[DataFile]:
    folder = store / rollup.name
    rows = files_sql(rollup.table, folder, files, file_column=_FILE)
    found = connection.execute(f"SELECT DISTINCT {_FILE} FROM ({rows}) WHERE {_on(days)}").fetchall()
    paths = {Path(row[0]).relative_to(folder).as_posix() for row in found}
    return [file for file in files if file.path in paths]


def _alike(connection: DuckDBPyConnection, made: str, files: list[DataFile]) -> list[DataFile]:
    rows = _count(connection, made)
    alike = [file for file in files if delta.scale(file.rows) == delta.scale(rows)]
    return alike if len(alike) >= delta.ALIKE - 1 else []


def _count(connection: DuckDBPyConnection, made: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {made}").fetchall()[0][0])


def _replaced(
    connection: DuckDBPyConnection,
    rollup: Rollup,
    store: Path,
    what: tuple[str | None, list[DataFile], frozenset[date], str],
) -> Change:
    """Write new rows, and those of leaving files that lie on other days, as one file.

    Of few rows no order helps to pass over some; they are sorted when they are merged.
    """
    made, leaving, days, prefix = what
    folder = store / rollup.name
    parts = [f"SELECT * FROM {made}"] if made else []
    if leaving:
        other = f" WHERE NOT {_on(days)}" if days else ""
        parts.append(f"SELECT * FROM ({files_sql(rollup.table, folder, leaving)}){other}")
    rows = rollup.merged_from(f"({' UNION ALL BY NAME '.join(parts)})") if leaving else parts[0]
    few = made is not None and not leaving and _count(connection, made) <= _FEW
    typed = ", ".join(
        f"CAST({field.name} AS {sql_type(field)}) AS {field.name}" for field in rollup.table.fields
    )
    path = f"{prefix}{os.urandom(8).hex()}.parquet"
    rows = f"SELECT {typed} FROM ({rows})"
    added = stage_file(connection, rollup.table, folder, rows, path, ordered=few)
    return Change(added=added, removed=tuple(leaving))
