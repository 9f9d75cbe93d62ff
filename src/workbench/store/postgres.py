"""The tables on a Postgres server: copied there in one transaction, read through a read-only connection."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError, WorkbenchError
from workbench.events.definitions import EVENT_TYPES
from workbench.events.tables import TABLES, TableDefinition
from workbench.store.journal import recording
from workbench.store.schema import literal, quote, sql_type

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.store.snapshot import Snapshot

SCHEMA = "workbench"
_DATED_TABLES = ("daily_performance", "orders", "leads")
_TYPES = {"VARCHAR": "text", "DOUBLE": "double precision", "TIMESTAMP WITH TIME ZONE": "timestamptz"}


@contextmanager
def _connection(dsn: str, schema: str) -> Iterator[Any]:
    try:
        import psycopg
    except ImportError:
        raise UsageError("Postgres needs an extra: pip install 'workbench[postgres]'") from None
    try:
        with psycopg.connect(dsn, options=f"-c search_path={schema} -c TimeZone=UTC") as connection:
            yield connection
    except psycopg.Error as error:
        raise WorkbenchError(f"Postgres: {error}") from error


def copy_to_postgres(snapshot: Snapshot, dsn: str, *, schema: str = SCHEMA) -> None:
    """Copy all tables of a snapshot into a schema, in place of those that an earlier copy left there."""
    with _connection(dsn, schema) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
        for definition in TABLES.values():
            columns = ", ".join(
                f"{quote(field.name)} {_TYPES.get(sql_type(field), sql_type(field))}"
                for field in definition.fields
            )
            cursor.execute(f"DROP TABLE IF EXISTS {quote(definition.name)}")
            cursor.execute(f"CREATE TABLE {quote(definition.name)} ({columns})")
            if definition.name in snapshot.names:
                _copy_rows(snapshot, definition, cursor)
        cursor.execute(f"COMMENT ON SCHEMA {quote(schema)} IS 'data version {snapshot.version}'")
    with _connection(dsn, schema) as connection, connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _copy_rows(snapshot: Snapshot, definition: TableDefinition, cursor: Any) -> None:
    from pyarrow import csv

    # A text of Postgres cannot hold a NUL character.
    columns = ", ".join(
        f"replace({quote(field.name)}, chr(0), '') AS {quote(field.name)}"
        if sql_type(field) == "VARCHAR"
        else quote(field.name)
        for field in definition.fields
    )
    rows = snapshot.query(f"SELECT {columns} FROM {quote(definition.name)}")
    style = csv.WriteOptions(include_header=False, quoting_style="all_valid")
    with cursor.copy(f"COPY {quote(definition.name)} FROM STDIN (FORMAT csv)") as copy:
        for batch in rows.to_batches(max_chunksize=50_000):
            text = io.BytesIO()
            csv.write_csv(batch, text, style)
            copy.write(text.getvalue())


class PostgresTables:
    """The tables of a workspace on a Postgres server.

    Parameters
    ----------
    dsn : str
        The connection string.
    schema : str
        Where the tables are.
    currency : str, optional
        ISO 4217 code of all money.
    home : Path, optional
        The workspace they are a copy of, in whose journal evaluations are noted.
    """

    dialect = "postgres"
    keeps_records = False  # facts are copied only where there is more among them

    def __init__(
        self, dsn: str, *, schema: str = SCHEMA, currency: str | None = None, home: Path | None = None
    ) -> None:
        self._dsn, self._schema, self.currency, self._home = dsn, schema, currency, home

    def recording(
        self, event_type: str, properties: dict[str, object]
    ) -> AbstractContextManager[dict[str, object]]:
        """Return the record of one computation; the server's seconds are unknown, so elapsed ones count."""
        if self._home is None:
            return nullcontext(properties)
        return recording(self._home, event_type, properties, clock=time.perf_counter)

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names of the tables that hold at least one row."""
        found = self.query(
            f"SELECT table_name FROM information_schema.tables WHERE table_schema = {literal(self._schema)}"
        )
        present = [str(name) for name in found["table_name"].to_pylist() if name in TABLES]
        return frozenset(name for name in present if self._filled(name))

    @cached_property
    def last_day(self) -> date | None:
        """Return the last day with data, the workbench's own system events left out; None without data."""
        own = ", ".join(literal(name) for name, it in EVENT_TYPES.items() if it.family == "system")
        asked = {
            name: f"SELECT max({quote(TABLES[name].day or '')}) AS day FROM {name}" for name in _DATED_TABLES
        }
        asked["facts"] = f"SELECT max(day) AS day FROM facts WHERE event_type NOT IN ({own})"
        parts = [
            f"SELECT CAST(day AS date) AS day FROM ({sql}) t"
            for name, sql in asked.items()
            if name in self.names
        ]
        if not parts:
            return None
        found: date | None = self.query(f"SELECT max(day) AS day FROM ({' UNION ALL '.join(parts)}) d")[
            "day"
        ][0].as_py()
        return found

    def _filled(self, name: str) -> bool:
        return bool(self.query(f"SELECT EXISTS (SELECT 1 FROM {quote(name)}) AS filled")["filled"][0].as_py())

    def query(self, sql: str) -> pa.Table:
        """Return the answer to one SELECT."""
        with _connection(self._dsn, self._schema) as connection:
            connection.read_only = True
            with connection.cursor() as cursor:
                # Preparing takes exactly one statement.
                cursor.execute(sql, prepare=True)
                return _arrow(cursor)


def _arrow(cursor: Any) -> pa.Table:
    import pyarrow as pa

    types: dict[int, pa.DataType] = {
        16: pa.bool_(),
        20: pa.int64(),
        21: pa.int64(),
        23: pa.int64(),
        700: pa.float64(),
        701: pa.float64(),
        1082: pa.date32(),
        1114: pa.timestamp("us"),
        1184: pa.timestamp("us", tz="UTC"),
        1700: pa.float64(),  # sums of whole numbers are NUMERIC in Postgres
    }
    schema = pa.schema(
        [(column.name, types.get(column.type_code, pa.string())) for column in cursor.description]
    )
    columns = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(schema)
    arrays = [
        pa.array(_plain(values, kind), kind) for values, kind in zip(columns, schema.types, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _plain(values: Sequence[Any], kind: pa.DataType) -> list[Any]:
    import pyarrow as pa

    if pa.types.is_floating(kind):
        return [None if value is None else float(value) for value in values]
    if pa.types.is_string(kind):
        return [None if value is None else str(value) for value in values]
    return list(values)
