"""Metrics by campaign against the scan of their columns, and against pandas and Polars, in one run.

    python benchmarks/metrics.py [ROWS]        10 M rows unless named; pandas and Polars up to 10 M

Every figure is CPU seconds of this process, two threads, the best of three. Limits: additive metrics take at
most three times the CPU of scanning their columns, distinct users six times.
"""

from __future__ import annotations

import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from generate_facts import generate
from workbench.metrics import measure

WINDOW = "2024-01-01:2024-12-31"
ADDITIVE = ("ctr", "roas", "cpc", "impressions", "aov")
DISTINCT = ("conversion_rate", "open_rate", "click_to_open_rate")
WHOLE_USER = ("cac", "frequency", "hours_to_conversion", "incrementality", "data_freshness_p95")
LIMITS = {"additive": 3.0, "distinct": 6.0}
SCANS = {
    "ctr": ("event_type, day, campaign_id, is_holdout", "'campaign_delivered', 'campaign_clicked'"),
    "roas": ("event_type, day, campaign_id, value", "'campaign_converted'"),
    "cpc": ("event_type, day, campaign_id", "'campaign_clicked'"),
    "impressions": ("event_type, day, campaign_id, is_holdout", "'campaign_delivered'"),
    "aov": ("event_type, day, campaign_id, value", "'campaign_converted'"),
    "conversion_rate": ("event_type, day, campaign_id, user_key", "'campaign_converted', 'campaign_clicked'"),
    "open_rate": (
        "event_type, day, campaign_id, user_key, channel, kind, is_holdout",
        "'campaign_delivered', 'campaign_viewed'",
    ),
    "click_to_open_rate": (
        "event_type, day, campaign_id, user_key, channel, kind",
        "'campaign_clicked', 'campaign_viewed'",
    ),
}


class Facts:
    """The generated tables as `measure` reads them."""

    dialect = "duckdb"
    currency = "EUR"
    names = frozenset({"facts", "daily_performance", "campaigns"})
    last_day = date(2024, 12, 31)

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def query(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()


def cpu(work: Callable[[], Any], times: int = 3) -> float:
    """Return the least CPU seconds of several runs."""
    spent = []
    for _ in range(times):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def scan(connection: duckdb.DuckDBPyConnection, name: str, *, pruned: bool) -> float:
    """Return the CPU of reading a metric's columns: every value looked at once, nothing grouped."""
    columns, types = SCANS[name]
    looks = ", ".join(f"max({column.strip()})" for column in columns.split(","))
    condition = f"WHERE event_type IN ({types})" if pruned else ""
    return cpu(lambda: connection.sql(f"SELECT {looks} FROM facts {condition}").fetchall())


def main() -> None:
    """Generate, measure, print."""
    rows = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        connection = generate(Path(name), rows)
        size = sum(path.stat().st_size for path in Path(name).rglob("*.parquet"))
        print(
            f"machine {platform.machine()}, {platform.processor() or 'unnamed'}; DuckDB {duckdb.__version__}"
        )
        print(f"{rows:,} facts, {size / 1e9:.2f} GB, made in {time.perf_counter() - began:.0f} s")
        facts = Facts(connection)
        against_the_scan(facts, connection)
        if rows <= 10_000_000:
            against_frames(facts, connection)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def against_the_scan(facts: Facts, connection: duckdb.DuckDBPyConnection) -> None:
    """Print each metric's CPU and its ratio to the scan of its columns."""
    print(f"{'metric':22s} {'cpu s':>8s} {'scan':>8s} {'ratio':>6s} {'pruned scan':>12s} {'ratio':>6s}")
    for family, metrics in (("additive", ADDITIVE), ("distinct", DISTINCT)):
        for name in metrics:
            spent = cpu(lambda name=name: measure(facts, name, by="campaign", window=WINDOW))
            whole, part = scan(connection, name, pruned=False), scan(connection, name, pruned=True)
            verdict = "ok" if spent <= LIMITS[family] * whole else f"over {LIMITS[family]:g}x"
            ratios = f"{whole:8.2f} {spent / whole:6.1f} {part:12.2f} {spent / part:6.1f}"
            print(f"{name:22s} {spent:8.2f} {ratios} {verdict}")
    for name in WHOLE_USER:
        spent = cpu(lambda name=name: measure(facts, name, by="campaign", window=WINDOW), times=1)
        print(f"{name:22s} {spent:8.2f}")
    spent = cpu(lambda: measure(facts, [*ADDITIVE, *DISTINCT], by="campaign", window=WINDOW))
    print(f"{'all of the first 8':22s} {spent:8.2f}")


def against_frames(facts: Facts, connection: duckdb.DuckDBPyConnection) -> None:
    """Print the same figures in Polars and pandas, data in memory, and check that they agree."""
    import polars as pl

    columns = "event_type, campaign_id, user_key, is_holdout"
    frame = connection.sql(f"SELECT {columns} FROM facts").pl()
    ours = measure(facts, ["conversion_rate"], by="campaign", window=WINDOW)

    def in_polars() -> Any:
        kind = pl.col("event_type")
        return frame.group_by("campaign_id").agg(
            pl.col("user_key").filter(kind == "campaign_converted").n_unique().alias("x"),
            pl.col("user_key").filter(kind == "campaign_clicked").n_unique().alias("n"),
        )

    spent = cpu(in_polars, times=2)
    theirs = {row["campaign_id"]: row["x"] / row["n"] for row in in_polars().to_dicts() if row["n"]}
    assert all(theirs[row.slice[0]] == row.value for row in ours.rows if row.slice[0])
    mine = cpu(lambda: measure(facts, "conversion_rate", by="campaign", window=WINDOW))
    print(f"conversion_rate: workbench {mine:.2f}, polars (already in memory) {spent:.2f} cpu s")
    table = frame.to_pandas()

    def in_pandas() -> Any:
        kept = table[table.event_type.isin(["campaign_converted", "campaign_clicked"])]
        return kept.groupby(["campaign_id", "event_type"], observed=True).user_key.nunique().unstack()

    spent = cpu(in_pandas, times=1)
    print(f"conversion_rate: workbench {mine:.2f}, pandas (already in memory) {spent:.2f} cpu s")


if __name__ == "__main__":
    main()
