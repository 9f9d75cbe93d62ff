"""Which engines can answer, what each of them can do, and how one is opened over a workspace's tables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.catalog import Catalog
from workbench.errors import UsageError

if TYPE_CHECKING:
    from workbench.source import Tables
    from workbench.store.snapshot import Snapshot

DSN_VARIABLE = "WORKBENCH_POSTGRES_DSN"
Capability = Literal["exact", "approximate", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What one SQL dialect can do with our metrics.

    Parameters
    ----------
    name : str
        The name of the engine.
    dialect : str
        Its Ibis dialect.
    executed : bool
        Whether the workbench runs queries on it; otherwise its SQL is only compiled.
    distinct, median, quantile : str
        exact, approximate or refused. Distinct users are counted in two steps, which is exact everywhere.
    says : str
        What to know about it.
    """

    name: str
    dialect: str
    executed: bool
    distinct: Capability = "exact"
    median: Capability = "exact"
    quantile: Capability = "exact"
    says: str = ""


ENGINES: Catalog[Dialect] = Catalog(
    "engine",
    [
        Dialect(name="duckdb", dialect="duckdb", executed=True, says="Embedded; the default."),
        Dialect(
            name="postgres",
            dialect="postgres",
            executed=True,
            says=f"Tables are copied in; the connection is named by {DSN_VARIABLE}.",
        ),
        Dialect(
            name="spark",
            dialect="databricks",
            executed=True,
            says="Needs the extra workbench[spark] and Java 17; reads the same files.",
        ),
        Dialect(
            name="bigquery", dialect="bigquery", executed=False, median="approximate", quantile="approximate"
        ),
        Dialect(name="snowflake", dialect="snowflake", executed=False),
        Dialect(name="trino", dialect="trino", executed=False, median="approximate", quantile="approximate"),
        Dialect(
            name="clickhouse",
            dialect="clickhouse",
            executed=False,
            median="approximate",
            quantile="approximate",
            says="Its plain median samples beyond 8,192 values.",
        ),
    ],
)


def open_engine(name: str, snapshot: Snapshot) -> Tables:
    """Return the tables of a snapshot on another engine.

    Raises
    ------
    UsageError
        If there is no such engine, it is only compiled for, or what it needs is missing.

    Examples
    --------
    >>> open_engine("trino", None)
    Traceback (most recent call last):
        ...
    workbench.errors.UsageError: SQL for trino is compiled, not run here. Run: duckdb, postgres, spark.
    """
    engine = ENGINES[name]
    if not engine.executed:
        runnable = ", ".join(ENGINES.where(executed=True))
        raise UsageError(f"SQL for {name} is compiled, not run here. Run: {runnable}.")
    if name == "postgres":
        from workbench.store.postgres import PostgresTables, copy_to_postgres

        dsn = os.environ.get(DSN_VARIABLE)
        if not dsn:
            raise UsageError(f"Set {DSN_VARIABLE} to the connection string of the Postgres server.")
        copy_to_postgres(snapshot, dsn)
        return PostgresTables(dsn, currency=snapshot.currency, home=snapshot.path)
    if name == "spark":
        from workbench.store.spark import SparkTables

        return SparkTables(snapshot)
    return snapshot
