"""Runs a mapping's SQL on a real DuckDB, over text columns only, as a loader does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from workbench.events.mapping import Mapping
from workbench.events.parsing import identifier, literal

Rows = list[dict[str, Any]]


@pytest.fixture(scope="session")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a connection that may not reach out for extensions."""
    settings = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "1"}
    with duckdb.connect(config=settings) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


class Loaded:
    """The rows that a mapping makes of a relation, and why some of them failed."""

    def __init__(
        self, duck: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str], m: Mapping
    ) -> None:
        self.duck, self.columns = duck, list(columns)
        self.unmapped = m.unmapped(self.columns)
        made = m.columns(self.columns)
        values = ", ".join(f"{column.sql} AS {identifier(column.name)}" for column in made)
        reasons = ", ".join(
            f"CASE WHEN {c.failure} THEN {literal(c.name)} || ': ' || {c.reason} END"
            for c in made
            if c.failure
        )
        currency = m.currency_sql(self.columns)
        why = f"nullif(concat_ws('; ', {reasons or 'NULL'}), '')"
        self.sql = f"SELECT {values}, {currency} AS _currency, {why} AS _why FROM ({relation})"
        duck.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS {self.sql}")
        self.types = {row[0]: row[1] for row in duck.execute("DESCRIBE mapped").fetchall()}

    def one(self, expression: str, where: str = "_why IS NULL") -> Any:
        """Return one figure over the rows that did not fail."""
        return self.duck.execute(f"SELECT {expression} FROM mapped WHERE {where}").fetchall()[0][0]

    @property
    def rows(self) -> Rows:
        """Return all rows, instants as ISO text in UTC."""
        shown = ", ".join(
            f"strftime({identifier(n)}, '%Y-%m-%dT%H:%M:%SZ') AS {identifier(n)}"
            if t == "TIMESTAMP WITH TIME ZONE"
            else identifier(n)
            for n, t in self.types.items()
        )
        found = self.duck.execute(f"SELECT {shown} FROM mapped").fetchall()
        return [dict(zip(self.types, row, strict=True)) for row in found]

    @property
    def failures(self) -> list[str]:
        """Return the reasons of the rows that failed."""
        found = self.duck.execute("SELECT _why FROM mapped WHERE _why IS NOT NULL").fetchall()
        return [row[0] for row in found]


@pytest.fixture
def load_rows(duck: duckdb.DuckDBPyConnection) -> Callable[..., Loaded]:
    """Return a function from a mapping and rows of text to what becomes of them."""

    def load(mapping: Mapping, columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Loaded:
        arrays = [pa.array([row[i] for row in rows], pa.string()) for i in range(len(columns))]
        numbers = pa.array(range(1, len(rows) + 1), pa.int64())
        table = pa.Table.from_arrays([*arrays, numbers], names=[*columns, "_row"])
        duck.register("given", table)
        return Loaded(duck, "SELECT * FROM given", columns, mapping)

    return load


@pytest.fixture
def load_file(duck: duckdb.DuckDBPyConnection) -> Callable[..., Loaded]:
    """Return a function from a mapping and a CSV or Parquet file to what becomes of its rows."""

    def load(mapping: Mapping, file: Path) -> Loaded:
        name = literal(str(file))
        source = (
            f"read_parquet({name})"
            if file.suffix == ".parquet"
            else f"read_csv({name}, all_varchar = true, header = true, null_padding = true)"
        )
        found = duck.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        relation = f"SELECT *, row_number() OVER () AS _row FROM {source}"
        return Loaded(duck, relation, [column[0] for column in found], mapping)

    return load
