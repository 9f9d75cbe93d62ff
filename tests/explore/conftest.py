"""Real tables for the tests of views: a DuckDB database with the tables of a workspace, filled by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from workbench.events.definitions import Kind
from workbench.events.tables import TABLES, TableDefinition

_TYPES = {
    Kind.NUMBER: pa.float64(),
    Kind.MONEY: pa.float64(),
    Kind.SCORE: pa.float64(),
    Kind.COUNT: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    Kind.DATE: pa.date32(),
}
Rows = Sequence[dict[str, Any]]


def _schema(table: TableDefinition) -> pa.Schema:
    kinds = {field.name: _TYPES.get(field.kind, pa.string()) for field in table.fields}
    if table.name == "facts":
        kinds["user_key"] = pa.int64()
    return pa.schema(list(kinds.items()))


class Base:
    """Tables in a DuckDB database of this process."""

    dialect = "duckdb"

    def __init__(self, last_day: date | None = None, currency: str | None = "EUR", **rows: Rows) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET threads = 1")  # sums of floats depend on how rows are shared out
        self.currency = currency
        self.names = frozenset(name for name, some in rows.items() if len(some))
        for table in TABLES.values():
            schema = _schema(table)
            data = pa.Table.from_pylist(
                [{name: row.get(name) for name in schema.names} for row in rows.get(table.name, ())],
                schema=schema,
            )
            self.connection.register("loading", data)
            self.connection.execute(f'CREATE TABLE "{table.name}" AS SELECT * FROM loading')
            self.connection.unregister("loading")
        self.last_day = last_day or self._last_day()

    def _last_day(self) -> date | None:
        days = []
        for name in ("facts", "daily_performance", "orders", "leads"):
            column = TABLES[name].day
            found = self.connection.execute(f"SELECT CAST(MAX({column}) AS DATE) FROM {name}").fetchall()
            days += [row[0] for row in found if row[0] is not None]
        return max(days, default=None)

    def query(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()


def event(event_type: str, user: int, at: datetime, **more: Any) -> dict[str, Any]:
    """Return one row of facts."""
    return {
        "event_type": event_type,
        "day": at.date(),
        "timestamp": at,
        "user_key": user,
        "source": "mobile",
        "lag_minutes": 1.0,
        "late_arrival": False,
        "load_id": "l",
        "month": f"{at:%Y-%m}",
        **more,
    }


@pytest.fixture(scope="session")
def base() -> Callable[..., Base]:
    """Return the way to make tables from rows."""
    return Base


@pytest.fixture(scope="session")
def fact() -> Callable[..., dict[str, Any]]:
    """Return the way to write one row of facts."""
    return event


_FACTS = """
    SELECT event_type, CAST(timestamp AS DATE) AS day, timestamp,
        CAST(md5_number_lower(user_id) >> 1 AS BIGINT) AS user_key, source,
        properties->>'$.campaign_id' AS campaign_id, properties->>'$.creative_id' AS creative_id,
        properties->>'$.delivery_channel' AS channel,
        coalesce(properties->>'$.segment_type', context->>'$.user_segment') AS segment,
        context->>'$.region' AS region, context->>'$.platform' AS platform,
        coalesce(properties->>'$.view_type', properties->>'$.click_type', properties->>'$.engagement_type',
            properties->>'$.reason', properties->>'$.unsubscribe_type') AS kind,
        CAST(properties->>'$.is_holdout' AS BOOLEAN) AS is_holdout, properties->>'$.order_id' AS order_id,
        CAST(properties->>'$.order_value' AS DOUBLE) AS value, CAST(NULL AS DOUBLE) AS seconds,
        1.0::DOUBLE AS lag_minutes, false AS late_arrival, 'l' AS load_id,
        strftime(timestamp, '%Y-%m') AS month
    FROM loading
"""


@pytest.fixture(scope="session")
def market() -> Any:
    """Return a small simulated market, whose truth is known."""
    from workbench.events.simulation import MarketSpec, simulate

    return simulate(MarketSpec.small())


def tables_of(market: Any) -> Base:
    """Return the tables of a simulated market."""
    tables = Base(currency=market.spec.currency)
    for name, frame in {**market.tables, "facts": market.events}.items():
        tables.connection.register("loading", frame.to_arrow())
        source = _FACTS if name == "facts" else "SELECT * FROM loading"
        tables.connection.execute(f"CREATE OR REPLACE TABLE {name} AS {source}")
        tables.connection.unregister("loading")
    tables.names = frozenset({*market.tables, "facts"})
    tables.last_day = tables._last_day()
    return tables


@pytest.fixture(scope="session")
def market_tables(market: Any) -> Base:
    """Return the tables of the small market."""
    return tables_of(market)
