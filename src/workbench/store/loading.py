"""One file into its tables, within one transaction: rows, quarantine, and the event that says so."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.events.definitions import EVENT_TYPES, Kind
from workbench.events.mapping import Mapping
from workbench.events.parsing import MappedColumn, literal
from workbench.events.quality import alerts
from workbench.events.tables import TableDefinition
from workbench.store.accepted import ACCEPTED, add_events, load_event, show_accepted
from workbench.store.deduplication import COPIES, REPLACED, Copies, find_copies
from workbench.store.derived import (
    facts_sql,
    of_purchases,
    orders_sql,
    purchases_sql,
    staged_again,
    with_others_sql,
)
from workbench.store.doubtful import refuse_unclear, refuse_unclear_events
from workbench.store.event_currency import differs_sql, is_paid, settle, settle_own
from workbench.store.figures import event_figures, not_mapped, row_figures
from workbench.store.ingest_events import (
    REJECTED,
    STAGED,
    Arriving,
    Incoming,
    from_columns,
    from_lines,
    from_mapping,
    stage,
)
from workbench.store.ingest_rows import (
    KEPT_ROWS,
    STAGED_ROWS,
    check_currency,
    native_columns,
    stage_rows,
    tell_apart,
    with_signs,
)
from workbench.store.ingested import FileLoad
from workbench.store.left_out import left_out, tells
from workbench.store.load_notes import elsewhere, overwritten, spent_anew, unkept, unshown, unstated, unused
from workbench.store.loads import LoadRecord
from workbench.store.parted_orders import lines_by_place
from workbench.store.schema import quote, user_key
from workbench.store.sold_again import NEW_ORDERS, sold_again
from workbench.store.sources import Source, check_columns
from workbench.store.told_again import told_again

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from workbench.store.transaction import Transaction
    from workbench.store.workspace import Workspace

_NUMBERS = frozenset({Kind.NUMBER, Kind.MONEY, Kind.COUNT, Kind.SCORE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """How files are loaded.

    Parameters
    ----------
    workspace : Workspace
        Whose currency counts.
    now : datetime
        The arrival.
    backfill : bool
        Whether old events are accepted.
    expected : int, optional
        How many rows should arrive.
    """

    workspace: Workspace
    now: datetime
    backfill: bool = False
    expected: int | None = None
    clock: float = field(default_factory=time.perf_counter)

    @property
    def arrival(self) -> str:
        """Return the arrival as SQL."""
        return f"TIMESTAMPTZ {literal(self.now.isoformat())}"


def load_events(
    connection: DuckDBPyConnection,
    transaction: Transaction,
    source: Source,
    mapping: Mapping | None,
    loading: Loading,
) -> FileLoad:
    """Return what became of a file of events."""
    _stage_events(connection, source, mapping, loading, transaction.load_id)
    stored = loading.workspace.store_path / "events", transaction.files("events")
    copies = find_copies(connection, loading.now, stored)
    (read, sound, late) = connection.execute(
        "SELECT count(*), count(*) FILTER (_sound), count(*) FILTER (_sound AND late_arrival AND _row NOT IN"
        f" (SELECT _row FROM {COPIES}) AND _row NOT IN (SELECT _row FROM {REPLACED})) FROM {STAGED}"
    ).fetchall()[0]
    figures = event_figures(connection, loading.now, loading.expected)
    load = FileLoad(
        file=str(source.path),
        table="events",
        mapping=mapping.name if mapping else None,
        load_id=transaction.load_id,
        read=read,
        accepted=sound - copies.rows,
        duplicates=copies.rows,
        quarantined=read - sound,
        late=late,
        replaced=copies.replacing,
        quality=figures,
        alerts=alerts(figures, live=not loading.backfill),
        notes=(*unused(mapping, source), *unkept(mapping, source), *not_mapped(connection)),
    )
    sold = _write_events(connection, transaction, source, loading, copies)
    load = replace(load, notes=(*load.notes, *sold))
    return _commit(connection, transaction, loading, load, with_rows=sound > copies.rows - copies.replacing)


def _stage_events(
    connection: DuckDBPyConnection, source: Source, mapping: Mapping | None, loading: Loading, load_id: str
) -> None:
    """Stage the events of a file, and note the currency that its money is in."""
    code = loading.workspace.currency
    if mapping is not None:
        check_columns(source.columns, source.path)
        if source.delimiter == ";":  # then commas may part decimals, and points thousands
            refuse_unclear_events(connection, source, mapping.columns(source.columns))
        code, other = settle(connection, source, mapping, code)
    else:
        other = differs_sql(code)
        _check_points(connection, source)
    stage(
        connection,
        source,
        lambda careful: _incoming(connection, source, mapping, other, careful=careful),
        Arriving(now=loading.now, backfill=loading.backfill),
    )
    if mapping is None and code is None:
        code = settle_own(connection, source)
    if code is not None and loading.workspace.currency is None and is_paid(connection):
        loading.workspace.set_currency(code, load_id)


def _incoming(
    connection: DuckDBPyConnection, source: Source, mapping: Mapping | None, other: str, *, careful: bool
) -> Incoming:
    if mapping is not None:
        return from_mapping(source.text_sql(connection), mapping.columns(source.columns), other)
    if source.shape == "lines":
        return replace(from_lines(source.relation(connection), careful=careful), other=other)
    return replace(from_columns(connection, source), other=other)


def _check_points(connection: DuckDBPyConnection, source: Source) -> None:
    # Where semicolons part the cells, commas may part decimals, and points thousands.
    fields = [field for event_type in EVENT_TYPES.values() for field in event_type.fields]
    columns = sorted({field.name for field in fields if field.kind in _NUMBERS} & set(source.columns))
    if source.delimiter != ";" or not columns:
        return
    wanted = ", ".join(map(quote, columns))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _points AS SELECT _row, {wanted} FROM {source.relation(connection)}"
    )
    refuse_unclear(connection, "_points", source, columns)
    connection.execute("DROP TABLE _points")


def _write_events(
    connection: DuckDBPyConnection, transaction: Transaction, source: Source, loading: Loading, copies: Copies
) -> tuple[str, ...]:
    """Write what was accepted and rejected, and return notes of the orders among it."""
    show_accepted(connection, COPIES, some=copies.rows > copies.replacing)
    gone, told = _remove_replaced(connection, transaction) if copies.replacing else ("false", ACCEPTED)
    _quarantine(
        transaction,
        f"SELECT _row, _raw, _reasons, user_id FROM {REJECTED}",
        source,
        ("events", loading.arrival),
    )
    orders = connection.execute(
        f"SELECT count(*) FROM {ACCEPTED} WHERE event_type = 'user_purchased'"
    ).fetchall()
    if not orders[0][0] and not copies.replacing:
        return ()
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {NEW_ORDERS} AS {orders_sql(told, gone)}")
    transaction.append("orders", f"SELECT * FROM {NEW_ORDERS}")
    return sold_again(connection, NEW_ORDERS, told="events")


def _remove_replaced(connection: DuckDBPyConnection, transaction: Transaction) -> tuple[str, str]:
    """Remove the events that fresh copies replace.

    Returned are the SQL that is true of their orders, and a relation of all that tells orders from now on.
    """
    months = [
        row[0]
        for row in connection.execute(
            f"SELECT DISTINCT month FROM events WHERE event_id IN (SELECT event_id FROM {REPLACED})"
        ).fetchall()
    ]
    within = f"month IN ({', '.join(map(literal, months))})"
    key = user_key()
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _replaced_facts AS SELECT DISTINCT event_type, timestamp,"
        f" {key} AS user_key, load_id FROM events WHERE {within}"
        f" AND event_id IN (SELECT event_id FROM {REPLACED})"
    )
    transaction.remove("events", f"{within} AND event_id IN (SELECT event_id FROM {REPLACED})")
    tuples = "SELECT (event_type, timestamp, user_key, load_id) FROM _replaced_facts"
    told = f"(event_type, timestamp, {key}, load_id) IN ({tuples})"
    transaction.remove("facts", f"{within} AND {told.replace(key, 'user_key')}")
    # A fact has no id: other events of the same user and instant lost theirs too, and get them back.
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _bereft_events AS {staged_again('events', f'{within} AND {told}')}"
        f" AND event_id NOT IN (SELECT event_id FROM {REPLACED})"
    )
    transaction.append("facts", facts_sql("_bereft_events", "ingested_at", "load_id"))
    told = purchases_sql(f"events WHERE {within} AND event_id IN (SELECT event_id FROM {REPLACED})")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _replaced_orders AS {told}")
    gone = of_purchases("_replaced_orders")
    transaction.remove("orders", gone)
    left = f"events WHERE {within} AND event_id NOT IN (SELECT event_id FROM {REPLACED})"
    return gone, with_others_sql(ACCEPTED, left, "_replaced_orders")


def _quarantine(transaction: Transaction, rows: str, source: Source, about: tuple[str, str]) -> None:
    table, arrival = about
    transaction.append(
        "quarantine",
        f"SELECT {literal(table)} AS table_name, {literal(str(source.path))} AS file, _row AS line,"
        f" coalesce(_raw, '') AS raw, _reasons AS reasons, user_id,"
        f" {arrival} AS quarantined_at FROM ({rows})",
    )


def load_rows(
    connection: DuckDBPyConnection,
    transaction: Transaction,
    source: Source,
    table: TableDefinition,
    how: tuple[Mapping | None, Loading],
) -> FileLoad:
    """Return what became of a file of rows of one table."""
    mapping, loading = how
    check_columns(source.columns, source.path)
    notes: tuple[str, ...] = (*unused(mapping, source), *unstated(mapping, source))
    columns, currency = _columns(mapping, source, table, loading.workspace.currency)
    notes += stage_rows(connection, source, table, columns, currency, now=loading.now)
    code = check_currency(connection, source, loading.workspace.currency)
    by_place = lines_by_place(mapping, source.columns)
    duplicates = tell_apart(connection, table, mapping, by_place)
    read, rejected = connection.execute(
        f"SELECT count(*), count(*) FILTER (_reasons IS NOT NULL) FROM {STAGED_ROWS}"
    ).fetchall()[0]
    if code is not None and loading.workspace.currency is None and read > rejected:
        loading.workspace.set_currency(code, transaction.load_id)
    figures = row_figures(connection, table, (read, duplicates, rejected), loading.now, loading.expected)
    kept = ", ".join(map(quote, table.columns))
    if read - rejected - duplicates:
        transaction.upsert(table.name, f"SELECT {kept} FROM {KEPT_ROWS}")
    if rejected:
        user = quote(table.user) if table.user else "CAST(NULL AS VARCHAR)"
        rows = f"SELECT _row, _raw, _reasons, {user} AS user_id FROM {STAGED_ROWS} WHERE _reasons IS NOT NULL"
        _quarantine(transaction, rows, source, (table.name, loading.arrival))
    notes += told_again(connection, table, mapping) + unshown(connection, table, KEPT_ROWS)
    notes += sold_again(connection, KEPT_ROWS, told="orders") if table.name == "orders" else ()
    notes += elsewhere(connection, mapping, KEPT_ROWS)
    spent = spent_anew(connection, table, transaction.replaced, code)
    notes += overwritten(table, transaction.replaced, by_place, spent) + left_out(connection, table, code)
    load = FileLoad(
        file=str(source.path),
        table=table.name,
        mapping=mapping.name if mapping else None,
        load_id=transaction.load_id,
        read=read,
        accepted=read - rejected - duplicates,
        duplicates=duplicates,
        quarantined=rejected,
        quality=figures,
        alerts=alerts(figures, live=False),
        notes=notes,
    )
    return _commit(connection, transaction, loading, load, told=tells(connection, table))


def _columns(
    mapping: Mapping | None, source: Source, table: TableDefinition, code: str | None
) -> tuple[tuple[MappedColumn, ...], str]:
    """Return the SQL of every column of the table, and that of the currency of a row."""
    if mapping is None:
        return native_columns(table, source.columns, code), "CAST(NULL AS VARCHAR)"
    return with_signs(mapping, code).columns(source.columns), mapping.currency_sql(source.columns)


def _commit(
    connection: DuckDBPyConnection,
    transaction: Transaction,
    loading: Loading,
    load: FileLoad,
    *,
    with_rows: bool = False,
    told: dict[str, str] | None = None,
) -> FileLoad:
    load = replace(load, seconds=round(time.perf_counter() - loading.clock, 3))
    add_events(connection, transaction, load_event(load, loading.now, told or {}), with_rows=with_rows)
    transaction.commit(
        LoadRecord(
            rows_read=load.read,
            accepted=load.accepted,
            duplicates=load.duplicates,
            quarantined=load.quarantined,
            late=load.late,
            # A backfill is old and late by its nature, also for those who look at the figures later.
            quality=json.dumps([{**q.to_dict(), "live": not loading.backfill} for q in load.quality]),
            seconds=load.seconds,
        )
    )
    return load
