"""Commit events, open a snapshot, and erase a user beside rewriting the whole table."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from workbench.events.tables import EVENTS
from workbench.store import Workspace
from workbench.store.connection import files_sql
from workbench.store.delta import data_files
from workbench.store.erasure import erase

ROWS_PER_LOAD = 1_000_000
EVENT_ROWS = """
SELECT CAST(uuid() AS VARCHAR) AS event_id,
       ['campaign_delivered', 'campaign_viewed', 'campaign_clicked', 'user_engaged'][1 + i % 4] AS event_type,
       TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(CAST(hash(i) % 31536000 AS BIGINT)) AS "timestamp",
       'user-' || (hash(i, 7) % {users}) AS user_id, 'mobile' AS "source",
       '{{"campaign_id": "' || uuid() || '", "n": ' || i || '}}' AS properties,
       now() AS ingested_at, false AS late_arrival
FROM range({first}, {last}) AS r(i)
"""


def cpu_seconds(work: Callable[[], object]) -> tuple[float, object]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    answer = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, answer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=2_000_000)
    rows = parser.parse_args().rows
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, DuckDB {duckdb.__version__}"
    )
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.create(Path(folder) / "bench")
        users = rows // 50
        spent = 0.0
        with workspace.writer() as writer:
            for first in range(0, rows, ROWS_PER_LOAD):
                last = min(first + ROWS_PER_LOAD, rows)
                made = EVENT_ROWS.format(users=users, first=first, last=last)
                writer.connection.execute(f"CREATE OR REPLACE TEMP TABLE given AS {made}")
                with writer.transaction(str(first)) as load:
                    used, _ = cpu_seconds(
                        lambda: (load.append("events", "SELECT * FROM given"), load.commit())
                    )
                spent += used
        print(f"append and commit {rows:,} events: {spent:.2f} CPU s, {rows / spent:,.0f} a CPU second")

        before = time.perf_counter()
        workspace.tables()
        print(f"open a snapshot: {1000 * (time.perf_counter() - before):.0f} ms")

        version = workspace.tables().versions["events"]
        stored = data_files(workspace.store_path / "events", version)
        everything = files_sql(EVENTS, workspace.store_path / "events", stored)
        plain = Path(folder) / "plain.parquet"
        copy = (
            f"COPY (SELECT * FROM ({everything}) WHERE user_id <> 'user-7') TO '{plain}' (COMPRESSION zstd)"
        )
        whole, _ = cpu_seconds(lambda: duckdb.connect().execute(copy))
        with workspace.writer() as writer:
            part, erased = cpu_seconds(lambda: erase(writer, "user-7"))
        print(f"erase a user: {part:.2f} CPU s with the search of all bytes")
        print(f"rewrite the table without the user: {whole:.2f} CPU s")
        print(f"  {erased.sentence}")
        ratio = part / whole
        print(f"  ratio {ratio:.2f} (limit 0.33)")
        return int(ratio > 0.33 or bool(erased.remaining))


if __name__ == "__main__":
    sys.exit(main())
