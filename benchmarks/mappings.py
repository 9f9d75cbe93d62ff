"""Rows of a platform export that a mapping types and checks per CPU second, beside a bare cast and pandas."""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import duckdb
import pandas as pd

from workbench.events.mapping import load_mapping

COLUMNS = (
    "date",
    "campaign_id",
    "customer_id",
    "ad_network_type",
    "impressions",
    "clicks",
    "cost_micros",
    "conversions",
)
LIMIT = 400_000


def exported(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """Make a table of text like a report of Google Ads; the seed is the row's number."""
    connection.execute(
        f"""CREATE TABLE export AS SELECT
        CAST(DATE '2020-01-01' + CAST(i % 1500 AS INTEGER) AS VARCHAR) AS date,
        CAST(9935249409 + i % 5000 AS VARCHAR) AS campaign_id, '2121450128' AS customer_id,
        ['SEARCH', 'CONTENT', 'YOUTUBE_WATCH', 'MIXED'][1 + i % 4] AS ad_network_type,
        CAST(hash(i) % 100000 AS VARCHAR) AS impressions, CAST(hash(i + 1) % 1000 AS VARCHAR) AS clicks,
        CAST(hash(i + 2) % 1000000000 AS VARCHAR) AS cost_micros,
        CAST((hash(i + 3) % 1000) / 10.0 AS VARCHAR) AS conversions, i AS _row FROM range({rows}) AS t(i)"""
    )


def main() -> None:
    """Print the median of five interleaved repeats of each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    rows = parser.parse_args().rows
    connection = duckdb.connect(config={"threads": "1"})
    connection.execute("SET TimeZone = 'UTC'")
    exported(connection, rows)
    columns = load_mapping("google_ads").columns(COLUMNS)
    values = ", ".join(f"{column.sql} AS {column.name}" for column in columns)
    reasons = ", ".join(
        f"CASE WHEN {c.failure} THEN {c.reason} END AS _{c.name}" for c in columns if c.failure
    )
    casts = ", ".join(f"TRY_CAST({name} AS DOUBLE) AS {name}" for name in COLUMNS[4:])
    frame = connection.sql("SELECT * FROM export").df()

    def by_pandas() -> None:
        made = {"date": pd.to_datetime(frame["date"], format="%Y-%m-%d", errors="coerce")}
        made |= {name: pd.to_numeric(frame[name], errors="coerce") for name in COLUMNS[4:]}
        made["channel"] = (
            frame["ad_network_type"].str.lower().map({"search": "paid_search", "content": "display"})
        )
        made["bad"] = made["cost_micros"].isna() & frame["cost_micros"].notna()

    typed = f"TRY_CAST(date AS DATE) AS date, campaign_id, {casts}"
    bare = f"CREATE OR REPLACE TABLE made AS SELECT {typed} FROM export"
    ways: dict[str, Callable[[], object]] = {
        "mapping, with reasons": lambda: connection.execute(
            f"CREATE OR REPLACE TABLE made AS SELECT {values}, {reasons} FROM export"
        ).fetchall(),
        "bare casts (peer)": lambda: connection.execute(bare).fetchall(),
        "pandas, no reasons (peer)": by_pandas,
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(6):
        for name, way in ways.items():
            start = time.process_time()
            way()
            if repeat:
                taken[name].append(time.process_time() - start)
    print(f"{platform.processor() or platform.machine()}, DuckDB {duckdb.__version__}, {rows:,} rows")
    ours = statistics.median(taken["mapping, with reasons"])
    for name, times in taken.items():
        middle = statistics.median(times)
        spread = f"min {min(times):.2f}, max {max(times):.2f}"
        print(f"{name:28s} {rows / middle:12,.0f} rows per CPU s ({spread}); ours takes {ours / middle:.1f}x")
    assert rows / ours >= LIMIT


if __name__ == "__main__":
    main()
