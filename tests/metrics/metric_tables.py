"""Tables of a workspace in an in-memory DuckDB, made from the definitions: no store, no files."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from workbench.events.definitions import EVENT_TYPES, Kind
from workbench.events.tables import TABLES
from workbench.metrics.conditions import conditions
from workbench.metrics.measures import Derived
from workbench.metrics.plan import plan
from workbench.metrics.values import fetch
from workbench.metrics.window import Window

ARROW = {
    Kind.NUMBER: pa.float64(),
    Kind.MONEY: pa.float64(),
    Kind.SCORE: pa.float64(),
    Kind.COUNT: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    Kind.DATE: pa.date32(),
}


def schema(name: str) -> pa.Schema:
    return pa.schema(
        [
            (f.name, pa.int64() if f.name == "user_key" else ARROW.get(f.kind, pa.string()))
            for f in TABLES[name].fields
        ]
    )


class Memory:
    """Tables in memory; rows are dictionaries, and columns left out are null."""

    dialect = "duckdb"
    currency = "EUR"

    def __init__(self, **rows: list[dict[str, Any]]) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone='UTC'")
        self.names: frozenset[str] = frozenset()
        self.queries: list[str] = []
        for name, lines in rows.items():
            self.add(name, pa.Table.from_pylist(lines, schema=schema(name)))

    def add(self, name: str, table: pa.Table) -> None:
        self.connection.register("incoming", table)
        self.connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
        self.connection.unregister("incoming")
        if table.num_rows:
            self.names |= {name}

    def fill(self, name: str, select: str) -> None:
        """Add rows by SQL; columns left out are null."""
        rows = self.connection.sql(select).to_arrow_table()
        wanted = schema(name)
        columns = [
            rows.column(f.name).cast(f.type)
            if f.name in rows.column_names
            else pa.nulls(rows.num_rows, f.type)
            for f in wanted
        ]
        self.add(name, pa.table(columns, schema=wanted))

    @property
    def last_day(self) -> date | None:
        days = []
        for name in self.names & {"facts", "daily_performance", "orders"}:
            column = TABLES[name].day
            days += self.connection.execute(f"SELECT MAX(CAST({column} AS DATE)) FROM {name}").fetchall()[0]
        return max((day for day in days if day), default=None)

    def query(self, sql: str) -> pa.Table:
        self.queries.append(sql)
        return self.connection.sql(sql).to_arrow_table()


def event(kind: str, user: int = 1, when: str | datetime = "2024-03-04", **columns: Any) -> dict[str, Any]:
    """Return one row of facts."""
    instant = datetime.fromisoformat(when) if isinstance(when, str) else when
    instant = instant.replace(tzinfo=UTC)
    row = {
        "event_type": kind,
        "day": instant.date(),
        "timestamp": instant,
        "user_key": user,
        "source": "backend",
        "lag_minutes": 1.0,
        "late_arrival": False,
        "load_id": "load",
        "month": f"{instant:%Y-%m}",
    }
    return row | columns


def order(user: str, when: str, value: float, **columns: Any) -> dict[str, Any]:
    """Return one row of orders."""
    row = {
        "order_id": str(uuid.uuid4()),
        "line": 1,
        "user_id": user,
        "ordered_at": datetime.fromisoformat(when).replace(tzinfo=UTC),
        "order_value": value,
        "is_return": value < 0,
    }
    return row | columns


def days(first: str, n: int) -> list[date]:
    start = date.fromisoformat(first)
    return [start + timedelta(days=offset) for offset in range(n)]


def figures(
    tables: Memory, leaves: list[Derived], window: Window, asked: tuple[tuple[str, ...], dict[str, Any]]
) -> dict[Any, list[float]]:
    """Return leaves by slice; what is asked are dimensions and filters."""
    by, where = asked
    known = {"facts", "campaigns", *EVENT_TYPES}
    values = fetch(tables, plan(leaves, by=by, where=conditions(where), loaded=known), by, window)
    return {key: [values.totals[leaf][row] for leaf in leaves] for row, key in enumerate(values.slices)}
