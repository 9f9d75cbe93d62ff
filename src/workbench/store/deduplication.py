"""Which staged events are copies: of each other, or of events that are stored already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.events.parsing import literal
from workbench.events.tables import EVENTS
from workbench.store.connection import files_sql
from workbench.store.delta import DataFile
from workbench.store.ingest_events import STAGED

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COPIES, REPLACED = "_copied_events", "_replaced_events"
REPLACING_MINUTES = 5
WINDOW_DAYS = 31
_CONTENT = ("event_type", "timestamp", "user_id", "session_id", "source", "properties", "context")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """How many copies were found.

    Parameters
    ----------
    rows : int
        Staged events that add no new event.
    replacing : int
        Those of them that differ from an event which arrived minutes ago, and take its place.
    """

    rows: int
    replacing: int


def find_copies(
    connection: DuckDBPyConnection, now: datetime, stored: tuple[Path, Iterable[DataFile]]
) -> Copies:
    """Fill `COPIES` with the rows not to be stored, and `REPLACED` with the stored events that leave.

    Of copies in one load, which all arrive at once, the last wins. Of stored events only those within 31 days
    of the load's own are looked at.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Has the staged events.
    now : datetime
        Their arrival.
    stored : tuple of Path and DataFile
        The folder and the files of the stored events.
    """
    sound = f"FROM {STAGED} WHERE _sound"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {COPIES} AS SELECT _row FROM ("
        f" SELECT _row, row_number() OVER (PARTITION BY event_id ORDER BY _row DESC) AS place {sound}"
        f" AND hash(event_id) IN (SELECT hash(event_id) {sound} GROUP BY ALL HAVING count(*) > 1)"
        ") WHERE place > 1"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {REPLACED} (_row BIGINT, event_id VARCHAR)")
    window = _window(connection, stored)
    if window is None:
        return Copies(rows=_count(connection, COPIES), replacing=0)
    # Of millions of stored events only the ids are read; when they arrived is asked of those that match.
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _stored_ids AS SELECT DISTINCT event_id FROM {window}"
        f" WHERE event_id IN (SELECT event_id {sound})"
    )
    recent = f"ingested_at >= TIMESTAMPTZ {literal(now.isoformat())} - INTERVAL {REPLACING_MINUTES} MINUTE"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _stored_before AS SELECT _row, event_id, event_id IN ("
        f" SELECT event_id FROM {window} WHERE {recent}"
        " AND event_id IN (SELECT event_id FROM _stored_ids)) AS fresh"
        f" {sound} AND event_id IN (SELECT event_id FROM _stored_ids)"
        f" AND _row NOT IN (SELECT _row FROM {COPIES})"
    )
    if connection.execute("SELECT count(*) FROM _stored_before WHERE fresh").fetchall()[0][0]:
        _find_replaced(connection, window)
    connection.execute(
        f"INSERT INTO {COPIES} SELECT _row FROM _stored_before"
        f" WHERE _row NOT IN (SELECT _row FROM {REPLACED})"
    )
    replacing = _count(connection, REPLACED)
    return Copies(rows=_count(connection, COPIES) + replacing, replacing=replacing)


def _window(connection: DuckDBPyConnection, stored: tuple[Path, Iterable[DataFile]]) -> str | None:
    first, last = connection.execute(
        f"SELECT CAST(min(timestamp) - INTERVAL {WINDOW_DAYS} DAY AS VARCHAR),"
        f" CAST(max(timestamp) + INTERVAL {WINDOW_DAYS} DAY AS VARCHAR) FROM {STAGED} WHERE _sound"
    ).fetchall()[0]
    if first is None:
        return None
    within = f"timestamp BETWEEN TIMESTAMPTZ {literal(first)} AND TIMESTAMPTZ {literal(last)}"
    # Where the engine itself leaves files out, it no longer knows how many rows are left, and joins badly.
    folder, files = stored
    near = [file for file in files if first[:7] <= (file.partition["month"] or "") <= last[:7]]
    return f"(SELECT * FROM ({files_sql(EVENTS, folder, near)}) WHERE {within})" if near else None


def _find_replaced(connection: DuckDBPyConnection, window: str) -> None:
    other = " OR ".join(f"staged.{name} IS DISTINCT FROM stored.{name}" for name in _CONTENT)
    connection.execute(
        f"INSERT INTO {REPLACED} SELECT staged._row, staged.event_id"
        f" FROM {window} AS stored JOIN {STAGED} AS staged"
        " ON staged.event_id = stored.event_id JOIN _stored_before AS before"
        f" ON before._row = staged._row AND before.fresh WHERE {other}"
    )


def _count(connection: DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
