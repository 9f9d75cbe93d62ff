"""Accepted events on their way into the tables: in order already, so each partition is written by itself."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workbench.events.parsing import literal
from workbench.store.derived import facts_sql
from workbench.store.ingest_events import STAGED
from workbench.store.ingested import FileLoad
from workbench.store.schema import user_bucket, user_key

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from workbench.store.transaction import Transaction

ACCEPTED = "_accepted_events"
_SYSTEM_USER, _TOLD = "workbench", "data_refresh_completed"
_FEW_MONTHS = 6
_FEW_ROWS = 50_000  # of which a partition gets so few that a query for each takes longer than the writing
_OWN = (
    *("event_id", "event_type", "timestamp", "user_id", "session_id", "source", "properties", "context"),
    "late_arrival",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadEvent:
    """The event that a load tells of itself.

    Parameters
    ----------
    event, fact : str
        SELECTs of its one row in either table, without the columns of the partitions.
    event_type, user_id : str
        What it is and whose.
    at : datetime
        Its time, which is the arrival of the load.
    """

    event: str
    fact: str
    event_type: str
    user_id: str
    at: datetime

    @property
    def arrival(self) -> str:
        """Return its time as SQL."""
        return f"TIMESTAMPTZ {literal(self.at.isoformat())}"

    @property
    def before(self) -> str:
        """Return the SQL that is true of events which stand before it in the order of a table."""
        own = literal(self.event_type)
        return f"(event_type < {own} OR event_type = {own} AND timestamp < {self.arrival})"


def load_event(load: FileLoad, now: datetime, tells: Mapping[str, str]) -> LoadEvent:
    """Return the event that a load tells of itself when it ends, with more that its file tells."""
    arrival = f"TIMESTAMPTZ {literal(now.isoformat())}"
    properties = {
        "load_id": load.load_id,
        "status": "success",
        "duration_seconds": load.seconds,
        "rows_read": load.read,
        "rows_accepted": load.accepted,
        "rows_duplicate": load.duplicates,
        "rows_quarantined": load.quarantined,
        **tells,
    }
    event_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"workbench:load:{load.load_id}"))
    shared = (
        f"{literal(_TOLD)} AS event_type, {arrival} AS timestamp, 'backend' AS source, false AS late_arrival"
    )
    event = (
        f"SELECT {literal(event_id)} AS event_id, {shared}, {literal(_SYSTEM_USER)} AS user_id,"
        f" {literal(json.dumps(properties))} AS properties, {arrival} AS ingested_at"
    )
    fact = (
        f"SELECT {shared}, CAST({arrival} AS DATE) AS day,"
        f" {user_key(literal(_SYSTEM_USER))} AS user_key, 'success' AS kind,"
        f" CAST({load.seconds!r} AS DOUBLE) AS seconds, CAST(0 AS DOUBLE) AS lag_minutes"
    )
    return LoadEvent(event=event, fact=fact, event_type=_TOLD, user_id=_SYSTEM_USER, at=now.astimezone(UTC))


def show_accepted(connection: DuckDBPyConnection, copies: str, *, some: bool) -> None:
    """Leave the copies out of the staged rows, if there are any, and show the others as `ACCEPTED`."""
    if some:
        connection.execute(f"DELETE FROM {STAGED} WHERE _row IN (SELECT _row FROM {copies})")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {ACCEPTED} AS SELECT * FROM {STAGED} WHERE _sound")


def add_events(
    connection: DuckDBPyConnection, transaction: Transaction, told: LoadEvent, *, with_rows: bool
) -> None:
    """Add the accepted events and the load's own to the tables of events and of facts."""
    own = ", ".join(_OWN)
    events = f"SELECT {own}, {told.arrival} AS ingested_at FROM {ACCEPTED} WHERE true"
    facts = f"{facts_sql(ACCEPTED, told.arrival, literal(transaction.load_id))} WHERE true"
    counted = f"SELECT _month, bucket, count(*) FROM {ACCEPTED} GROUP BY ALL"
    found = connection.execute(counted).fetchall() if with_rows else []
    months = sorted({month for month, _, _ in found})
    if len(months) > _FEW_MONTHS or 0 < sum(rows for _, _, rows in found) < _FEW_ROWS:
        # Of many partitions, or of few rows, all are written in one pass over the rows.
        transaction.append("events", f"{events} UNION ALL BY NAME {told.event}")
        transaction.append("facts", f"{facts} UNION ALL BY NAME {told.fact}")
        return
    (bucket,) = connection.execute(f"SELECT {user_bucket(literal(told.user_id))}").fetchall()[0]
    parts = {f"{_folder(m)}/bucket={b}": f"{events} AND _month = {m} AND bucket = {b}" for m, b, _ in found}
    here = f"month={told.at:%Y-%m}"
    transaction.append_sorted("events", _with(parts, f"{here}/bucket={bucket}", told.event, told))
    parts = {_folder(month): f"{facts} AND _month = {month}" for month in months}
    transaction.append_sorted("facts", _with(parts, here, told.fact, told))


def _folder(month: int) -> str:
    return f"month={month // 12:04}-{month % 12 + 1:02}"


def _with(parts: dict[str, str], folder: str, row: str, told: LoadEvent) -> dict[str, str]:
    rows = parts.get(folder)
    if rows is None:
        return {**parts, folder: row}
    merged = (
        f"{rows} AND {told.before} UNION ALL BY NAME {row} UNION ALL BY NAME {rows} AND NOT {told.before}"
    )
    return {**parts, folder: merged}
