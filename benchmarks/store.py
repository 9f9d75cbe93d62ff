"""A year of events in a workspace: fill it, find copies, open it, erase a person, load every night.

    python benchmarks/store.py [EVENTS] [--keep FOLDER]      10 M events unless named, about two minutes

A folder that is kept is filled once: 100 M events take 7 GB and a quarter of an hour, and are
not written anew beside the erasing. CPU seconds are those
of all threads, wall seconds are said to be such.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from generate_store import YEAR, events_sql, fill, spread, users_of
from workbench.events.tables import EVENTS, FACTS
from workbench.metrics import measure
from workbench.store import Workspace
from workbench.store.compaction import compact
from workbench.store.connection import files_sql
from workbench.store.deduplication import find_copies
from workbench.store.delta import data_files
from workbench.store.erasure import erase
from workbench.store.ingest import ingest
from workbench.store.ingest_events import STAGED

INCOMING = 1_000_000
NIGHTS, EVENTS_A_NIGHT = 36, 2_000
MOST_DEDUPE, MOST_RATIO, MOST_GROWTH = 0.7, 0.6, 2.0
MOST_BESIDE = 20_000_000
OPTIONS = "COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2"
METRICS = ["ctr", "conversion_rate"]
OPENING = f"""
import sys, time
began = time.perf_counter(), time.process_time()
import workbench as wb
tables = wb.open(sys.argv[1])
opened = time.perf_counter(), time.process_time()
wb.measure(tables, {METRICS}, window="30d")
first = time.perf_counter(), time.process_time()
print(*(f"{{b - a:.2f}}" for a, b in ((began[0], opened[0]), (began[1], opened[1]), (opened[0], first[0]),
                                      (opened[1], first[1]))))
"""


def cpu_seconds[T](work: Callable[[], T]) -> tuple[float, T]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    answer = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, answer


def filled(folder: Path, events: int) -> Workspace:
    workspace = Workspace.open(folder) if folder.exists() else Workspace.create(folder)
    kept = workspace.tables().rows["events"]
    if kept < events * 0.99:
        spent, _ = cpu_seconds(lambda: fill(workspace, events))
        print(f"append and commit: {spent:.1f} CPU s, {2 * (events - kept) / spent:,.0f} rows a CPU second")
    size = sum(path.stat().st_size for path in workspace.store_path.rglob("*.parquet"))
    print(f"{workspace.tables().rows['events']:,} events with their facts, {size / 1e9:.2f} GB")
    return workspace


def copies(workspace: Workspace, events: int) -> bool:
    """Find the copies among a million events that arrive the day after; one in a hundred is one."""
    last, known = events // 12 * 12, INCOMING // 100
    rows = spread(last - known, last - known + INCOMING, f"{YEAR + 1}-01-01", f"{YEAR + 1}-01-02")
    with workspace.writer() as writer:
        writer.connection.execute(
            f"CREATE TEMP TABLE {STAGED} AS SELECT row_number() OVER () AS _row, true AS _sound, *"
            f" FROM ({events_sql(rows, users_of(events))})"
        )
        now = datetime(YEAR + 1, 1, 2, tzinfo=UTC)
        folder = workspace.store_path / EVENTS.name
        stored = folder, data_files(folder, writer.head.versions[EVENTS.name])
        spent, found = min(
            (cpu_seconds(lambda: find_copies(writer.connection, now, stored)) for _ in range(3)),
            key=lambda tried: tried[0],
        )
    print(
        f"copies of {INCOMING:,} events among 31 days of stored ones ({events // 12:,}): "
        f"{spent:.2f} CPU s (limit {MOST_DEDUPE}); found {found.rows:,}"
    )
    return spent <= MOST_DEDUPE


def opening(workspace: Workspace) -> None:
    """Open the workspace and answer two metrics in a process of its own."""
    command = [sys.executable, "-c", OPENING, str(workspace.path)]
    tries = sorted(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3)
    )
    wall, spent, first_wall, first = tries[1].split()
    print(f"open, the package imported: {wall} wall s, {spent} CPU s", end="; ")
    print(f"first two metrics of 30 days: {first_wall} wall s, {first} CPU s")


def erasing(workspace: Workspace, folder: Path, *, beside: bool) -> bool:
    """Erase one person; beside it, write both tables anew without the person."""
    tables = workspace.tables()
    who = f"u{tables.version:08}"
    with workspace.writer() as writer:
        spent, erased = cpu_seconds(lambda: erase(writer, who))
    print(f"erase a person, with the search of all bytes: {spent:.1f} CPU s; {erased.sentence}")
    if not beside:
        return not erased.remaining
    whole = 0.0
    tables = workspace.tables()
    for definition, other in ((EVENTS, "user_id <> ''"), (FACTS, "user_key <> 7")):
        stored = workspace.store_path / definition.name
        rows = files_sql(definition, stored, data_files(stored, tables.versions[definition.name]))
        target = folder / "plain.parquet"
        made = f"COPY (SELECT * FROM ({rows}) WHERE {other}) TO '{target}' ({OPTIONS})"
        part, _ = cpu_seconds(lambda made=made: duckdb.connect().execute(made))
        print(f"  write all {definition.name} anew: {part:.1f} CPU s")
        whole += part
        target.unlink()
    print(f"  ratio {spent / whole:.2f} (limit {MOST_RATIO})")
    return spent / whole <= MOST_RATIO and not erased.remaining


def nights(folder: Path) -> bool:
    """Load a small file every night, and hold the last nights against the first."""
    workspace, spent = Workspace.create(folder / "nights"), []
    for night in range(NIGHTS):
        day = date(YEAR, 1, 1) + timedelta(night)
        rows = spread(night * EVENTS_A_NIGHT, (night + 1) * EVENTS_A_NIGHT, str(day), str(day + timedelta(1)))
        file = folder / f"{night}.parquet"
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"COPY ({events_sql(rows, 40_000)}) TO '{file}'")
        now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(1)
        seconds, loaded = cpu_seconds(lambda file=file, now=now: ingest(workspace, [file], now=now))
        assert loaded.files[0].accepted == EVENTS_A_NIGHT
        spent.append(seconds)
    growth = sum(spent[-8:]) / sum(spent[1:9])
    print(
        f"load {EVENTS_A_NIGHT:,} events, {NIGHTS} nights: {sum(spent[1:9]) / 8:.2f} CPU s at first, "
        f"{sum(spent[-8:]) / 8:.2f} in the end, ratio {growth:.2f} (limit {MOST_GROWTH})"
    )
    before = _measured(workspace)
    with workspace.writer() as writer:
        compact(writer)
    print(f"  as it is: {before}; compacted: {_measured(workspace)}")
    return growth <= MOST_GROWTH


def _measured(workspace: Workspace) -> str:
    tables = workspace.tables()
    spent = min(cpu_seconds(lambda: measure(tables, METRICS, by="campaign"))[0] for _ in range(3))
    files = [
        len(data_files(workspace.store_path / name, tables.versions[name])) for name in ("events", "facts")
    ]
    return f"{files[0]} files of events, {files[1]} of facts, metrics in {spent:.2f} CPU s"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("events", type=lambda text: int(float(text)), nargs="?", default=10_000_000)
    parser.add_argument("--keep", type=Path, help="where the filled workspace stays, or is")
    asked = parser.parse_args()
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, DuckDB {duckdb.__version__}")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=asked.keep.parent if asked.keep else None) as scratch:
        folder = Path(scratch)
        workspace = filled(asked.keep or folder / "year", asked.events)
        kept = [copies(workspace, asked.events)]
        opening(workspace)
        kept.append(erasing(workspace, folder, beside=asked.events <= MOST_BESIDE))
        kept.append(nights(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{time.perf_counter() - began:.0f} wall s in all, peak memory {peak:.1f} GB")
    return int(not all(kept))


if __name__ == "__main__":
    sys.exit(main())
