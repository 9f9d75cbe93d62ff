"""How many events a CPU second loads, with every rule and committed, beside the least work there is.

Run: python benchmarks/ingest.py [EVENTS [CORES]]. 2 % of the events are broken, 1 % are copies; making them
is not measured. Each figure is that of a process of its own: CPU seconds, user and system, of all threads,
after a first small load, and the peak of its memory. Two threads that share one core each count in full, so a
figure of one core is higher than one of two. The load that is printed is that of the whole machine; other
work on it makes every figure lower, so read the ratio to the floor first.

The floor is DuckDB alone, without any rule, copy, quarantine or commit: it reads the file, sorts it once and
writes the two tables as they are laid out in a workspace.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from generate_events import LIVE, NOW

GENERATOR = Path(__file__).with_name("generate_events.py")


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def ours(file: Path, home: Path) -> str:
    """Load a file into a new workspace."""
    from workbench.store import Workspace
    from workbench.store.ingest import ingest

    folder = home / f"workspace-{os.getpid()}-{file.stem}"
    try:
        return ingest(Workspace.create(folder), [file], now=NOW).sentence
    finally:
        shutil.rmtree(folder)


PARTS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"


def floor(file: Path, home: Path) -> str:
    """Read, sort once and write both tables with DuckDB alone."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    keys = ("event_id", "event_type", "timestamp", "user_id", "session_id", "source", "properties", "context")
    if file.suffix == ".jsonl":
        types = {name: "JSON" if name in {"properties", "context"} else "VARCHAR" for name in keys}
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
        rows = f"SELECT * FROM read_json('{file}', format = 'newline_delimited', columns = {{{columns}}})"
    else:
        rows = f"SELECT * FROM '{file}'"
    shown = dict(connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE {rows})").fetchall())
    struct = shown["properties"].startswith("STRUCT")
    named = ("campaign_id", "creative_id", "delivery_channel", "view_type", "is_holdout", "order_id")
    numbers = ("order_value", "view_duration_seconds")
    value = "properties.{}" if struct else "_p.{}"
    facts = ", ".join(f"{value.format(name)} AS {name}" for name in (*named, *numbers))
    shape = json.dumps(dict.fromkeys(named, "VARCHAR") | dict.fromkeys(numbers, "DOUBLE"))
    parsed = "" if struct else f", from_json(properties, '{shape}') AS _p"
    text = "CAST(to_json({0}) AS VARCHAR) AS {0}" if struct else "CAST({0} AS VARCHAR) AS {0}"
    made = (
        f"SELECT event_id, event_type, CAST(timestamp AS TIMESTAMPTZ) AS moment, user_id, session_id, source,"
        f" {text.format('properties')}, {text.format('context')}, {facts},"
        " md5_number(user_id) >> 64 AS user_key FROM (SELECT *" + parsed + f" FROM ({rows}))"
    )
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(
        "CREATE TEMP TABLE staged AS SELECT *, year(moment) * 12 + month(moment) AS month,"
        f" CAST(user_key & 15 AS INTEGER) AS bucket FROM ({made}) ORDER BY month, event_type, moment"
    )
    connection.execute("SET preserve_insertion_order = true")
    target = home / f"floor-{os.getpid()}-{file.stem}"
    target.mkdir()
    parts = connection.execute(
        "SELECT DISTINCT month, bucket FROM staged WHERE bucket IS NOT NULL"
    ).fetchall()
    columns = "event_id, event_type, moment, user_id, session_id, source, properties, context"
    for month, bucket in parts:
        connection.execute(
            f"COPY (SELECT {columns} FROM staged WHERE month = {month} AND bucket = {bucket})"
            f" TO '{target}/{month}-{bucket}.parquet' ({PARTS}, ROW_GROUP_SIZE 30720)"
        )
    columns = (
        f"event_type, moment, CAST(moment AS DATE) AS day, user_key, source, {', '.join((*named, *numbers))}"
    )
    for month in {month for month, _ in parts}:
        connection.execute(
            f"COPY (SELECT {columns} FROM staged WHERE month = {month})"
            f" TO '{target}/facts-{month}.parquet' ({PARTS})"
        )
    connection.close()
    shutil.rmtree(target)
    return ""


def polars_events(file: Path, home: Path) -> str:
    """Parse well-formed lines, ask four questions of the envelope, and write one sorted table."""
    import polars as pl

    frame = pl.scan_ndjson(file, infer_schema_length=1000).with_columns(
        at=pl.col("timestamp").str.to_datetime(time_zone="UTC", strict=False)
    )
    good = frame.filter(
        pl.col("event_id").str.contains("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"),
        pl.col("user_id").is_not_null(),
        pl.col("event_type").is_in([kind for kind, _ in LIVE]),
        pl.col("at").is_between(NOW - timedelta(days=30), NOW + timedelta(minutes=5)),
    )
    good.unique("event_id").sort("event_type", "at").sink_parquet(home / "polars.parquet", compression="zstd")
    return ""


def pydantic_events(file: Path, _: Path) -> str:
    """Validate envelope and properties of each line with models of the same definitions; write nothing."""
    from pydantic import ValidationError

    models = {name: model(name) for name, _ in LIVE}
    good = 0
    with file.open() as stream:
        for line in stream:
            try:
                event = json.loads(line)
                models[event["event_type"]].model_validate(event)
            except (ValueError, KeyError, ValidationError):
                continue
            good += 1
    return f"{good:,} are sound"


def model(name: str) -> Any:
    """Return the pydantic model of an event type."""
    from typing import Annotated, Literal

    from pydantic import BaseModel, Field, StrictBool, StrictStr, create_model

    from workbench.events.definitions import CONTEXT, ENVELOPE, EVENT_TYPES, Kind

    plain: dict[Kind, Any] = {Kind.UUID: UUID, Kind.BOOLEAN: StrictBool, Kind.INSTANT: datetime}
    plain |= {Kind.OBJECT: dict[str, Any], Kind.COUNT: Annotated[int, Field(ge=0)]}
    plain |= {Kind.MONEY: Annotated[float, Field(ge=0)], Kind.SCORE: Annotated[float, Field(ge=0, le=1)]}
    plain |= {Kind.NUMBER: float, Kind.STRING: StrictStr}

    def of(fields: Any) -> Any:
        made = {}
        for field in fields:
            kind = Literal[field.choices] if field.choices else plain[field.kind]
            made[field.name] = (kind, ...) if field.required else (kind | None, None)
        return create_model(f"{name}_fields", __base__=BaseModel, **made)

    envelope = {
        field.name: (plain.get(field.kind, StrictStr), ... if field.required else None) for field in ENVELOPE
    }
    envelope |= {"properties": (of(EVENT_TYPES[name].fields), ...), "context": (of(CONTEXT) | None, None)}
    return create_model(name, **envelope)


WORK = {"ours": ours, "floor": floor, "polars": polars_events, "pydantic": pydantic_events}


def one(work: str, file: Path, cores: int) -> None:
    """Do one piece of work after a small one, and print what it took as JSON."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    home = file.parent
    WORK[work](home / "small.jsonl", home)
    before, start = cpu(), time.perf_counter()
    said = WORK[work](file, home)
    spent, passed = cpu() - before, time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": spent, "wall": passed, "peak": peak, "said": said}))


def measure(name: str, work: str, file: Path, rows: int, cores: int) -> float:
    """Print what a piece of work takes in a process of its own, and return its events per CPU second."""
    command = [sys.executable, __file__, "--one", work, str(file), str(cores)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rate = rows / found["cpu"]
    spent = f"{found['cpu']:.2f} s of CPU in {found['wall']:.2f} s, peak {found['peak']:,.0f} MiB"
    print(f"{name:58} {rate:>9,.0f} events per CPU second")
    print(f"  {spent}; load {os.getloadavg()[0]:.1f}", flush=True)
    if found["said"]:
        print(f"  {found['said']}")
    return rate


CASES = (
    ("JSON lines", "lines.jsonl", "well.jsonl"),
    ("Parquet, properties as JSON text", "text.parquet", "text.parquet"),
    ("Parquet, properties as typed columns", "typed.parquet", "typed.parquet"),
)


def main(events: int, cores: int) -> None:
    print(
        f"{platform.platform()}, {platform.machine()}, {cores} of {os.cpu_count()} cores, {events:,} events"
    )
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        # Made elsewhere, so that this process stays small and starts others quickly.
        subprocess.run([sys.executable, str(GENERATOR), folder, str(events)], check=True)
        rows = json.loads((home / "rows.json").read_text())
        for name, file, plain in CASES:
            own = measure(f"workbench, {name}", "ours", home / file, rows[file], cores)
            least = measure(f"  floor: DuckDB alone, {name}", "floor", home / plain, rows[plain], cores)
            print(f"  {own / least:.0%} of the floor")
        about = "Polars: well-formed lines, rules of the envelope, one table"
        measure(about, "polars", home / "well.jsonl", rows["well.jsonl"], cores)
        about = "pydantic: all rules but personal data, nothing written"
        measure(about, "pydantic", home / "lines.jsonl", rows["lines.jsonl"], cores)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
        asked.add_argument("events", nargs="?", type=int, default=1_000_000)
        asked.add_argument("cores", nargs="?", type=int, default=os.cpu_count() or 1)
        main(**vars(asked.parse_args()))
