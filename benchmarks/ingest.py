"""How many events a CPU second loads: read, validated, deduplicated, committed; beside other tools.

Run: python benchmarks/ingest.py [EVENTS [CORES]]. 2 % of the events are broken, 1 % are copies; making them
is not measured. CPU seconds are those of the process, user and system, all threads: two threads that share
one core each count in full, so a figure of one core is higher than one of two. The load that is printed is
that of the whole machine; other work on it makes every figure lower.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LIVE = (
    ("campaign_delivered", 45),
    ("campaign_viewed", 25),
    ("campaign_clicked", 10),
    ("campaign_converted", 4),
    ("user_purchased", 6),
    ("user_engaged", 10),
)


def properties(kind: str, random: Random, campaigns: list[str], creatives: list[str]) -> dict[str, Any]:
    about = {"campaign_id": random.choice(campaigns), "creative_id": random.choice(creatives)}
    order = {"order_id": identity(random), "order_value": round(random.random() * 90, 2)}
    return {
        "campaign_delivered": {
            **about,
            "campaign_type": "DISCOUNT",
            "delivery_channel": random.choice(("email", "push", "sms")),
            "is_holdout": random.random() < 0.1,
            "allocation_method": "random",
        },
        "campaign_viewed": {
            **about,
            "view_duration_seconds": round(random.random() * 30, 2),
            "view_type": "opened",
            "impression_position": 3,
        },
        "campaign_clicked": {**about, "click_type": "cta", "time_to_click_seconds": 12.5},
        "campaign_converted": {
            **about,
            **order,
            "conversion_delay_seconds": 4000.5,
            "attribution_model": "last_touch",
        },
        "user_purchased": {
            **order,
            "order_category": "food",
            "payment_method": "card",
            "promo_code_used": False,
            "is_repeat_purchase": True,
        },
        "user_engaged": {"engagement_type": "app_open", "screen_name": "home"},
    }[kind]


def identity(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def make(events: int, seed: int = 1) -> list[str]:
    """Return the lines."""
    random = Random(seed)
    campaigns = [identity(random) for _ in range(200)]
    creatives = [identity(random) for _ in range(800)]
    kinds, weights = zip(*LIVE, strict=True)
    lines: list[str] = []
    last = identity(random)
    for kind in random.choices(kinds, weights, k=events):
        event = {
            "event_id": identity(random),
            "event_type": kind,
            "timestamp": (NOW - timedelta(seconds=random.random() * 29 * 86_400)).isoformat(
                "T", "milliseconds"
            ),
            "user_id": f"u{random.randrange(events // 10):07}",
            "session_id": f"s{random.randrange(events)}",
            "source": "mobile",
            "properties": properties(kind, random, campaigns, creatives),
            "context": {"app_version": "5.2.1", "platform": "iOS", "region": "EU"},
        }
        lines.append(damaged(event, random.random(), last))
        last = event["event_id"]
    return lines


def damaged(event: dict[str, Any], draw: float, last: str) -> str:
    """Return the event as a line, one in fifty broken and one in a hundred a copy."""
    if draw < 0.01:
        event["event_id"] = last
    elif draw < 0.0105:
        return json.dumps(event)[:-25]
    elif draw < 0.015:
        event["user_id"] = None
    elif draw < 0.02:
        event["event_type"] = "page_view"
    elif draw < 0.025:
        event["properties"].popitem()
        event["properties"].popitem()
    elif draw < 0.03:
        event["timestamp"] = "2100-01-01T00:00:00Z"
    return json.dumps(event)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(name: str, rows: int, work: Callable[[], Any]) -> Any:
    before, start = cpu(), time.perf_counter()
    result = work()
    spent, passed = cpu() - before, time.perf_counter() - start
    figure = f"{rows / spent:>10,.0f} events per CPU second"
    print(f"{name:52} {figure}  ({spent:.2f} s of CPU in {passed:.2f} s; load {os.getloadavg()[0]:.1f})")
    return result


def ours(file: Path, folder: Path) -> Any:
    from workbench.store import Workspace
    from workbench.store.ingest import ingest

    return ingest(Workspace.create(folder), [file], now=NOW)


def polars_plain(file: Path, target: Path) -> None:
    """Parse, filter and write with Polars; one malformed line stops it, so they are left out beforehand."""
    import polars as pl

    frame = pl.scan_ndjson(file, infer_schema_length=1000).with_columns(
        at=pl.col("timestamp").str.to_datetime(time_zone="UTC", strict=False)
    )
    good = frame.filter(
        pl.col("event_id").str.len_chars() == 36,
        pl.col("user_id").is_not_null(),
        pl.col("event_type").is_in([kind for kind, _ in LIVE]),
        pl.col("at") <= NOW,
    )
    good.unique("event_id").sort("event_type", "at").sink_parquet(target, compression="zstd")


def pydantic_rows(lines: list[str]) -> int:
    """Validate the envelope of each line with pydantic, without writing."""
    from typing import Literal

    from pydantic import BaseModel, ValidationError

    class Envelope(BaseModel):
        event_id: UUID
        event_type: Literal[*(kind for kind, _ in LIVE)]  # type: ignore[valid-type]
        timestamp: datetime
        user_id: str
        session_id: str | None = None
        source: Literal["mobile", "admin_portal", "backend"]
        properties: dict[str, Any]
        context: dict[str, Any] | None = None

    good = 0
    for line in lines:
        try:
            Envelope.model_validate_json(line)
        except ValidationError:
            continue
        good += 1
    return good


def columnar(lines: list[str], file: Path) -> int:
    """Write the well-formed events as Parquet, timestamps typed, and return how many."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    events = [json.loads(line) for line in lines if line.endswith("}")]
    table = {name: [event[name] for event in events] for name in ("event_id", "event_type", "user_id")}
    table |= {name: [event[name] for event in events] for name in ("session_id", "source")}
    table["timestamp"] = [datetime.fromisoformat(event["timestamp"]) for event in events]
    for name in ("properties", "context"):
        table[name] = [json.dumps(event[name]) for event in events]
    pq.write_table(pa.table(table), file)
    return len(events)


def main(events: int, cores: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    used = len(os.sched_getaffinity(0))
    print(f"{platform.platform()}, {platform.machine()}, {used} of {os.cpu_count()} cores, {events:,} events")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        lines = make(events)
        file = home / "events.jsonl"
        file.write_text("\n".join(lines) + "\n")
        rows = columnar(lines, home / "events.parquet")
        sample = lines[: min(events, 50_000)]
        well = home / "well.jsonl"
        well.write_text("\n".join(line for line in lines if line.endswith("}")) + "\n")
        del lines
        ours(Path(_small(home, sample)), home / "warm")
        result = measure("workbench, JSON lines", events, lambda: ours(file, home / "json"))
        print(f"  {result.sentence}")
        result = measure("workbench, Parquet", rows, lambda: ours(home / "events.parquet", home / "columns"))
        print(f"  {result.sentence}")
        measure(
            "Polars: parse, four filters, unique, sort, write", events, lambda: polars_plain(well, home / "p")
        )
        measure("pydantic, envelope only, nothing written", len(sample), lambda: pydantic_rows(sample))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MiB, the lines held by this script included")


def _small(home: Path, lines: list[str]) -> Path:
    file = home / "small.jsonl"
    file.write_text("\n".join(lines[:2000]) + "\n")
    return file


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:3]]
    main(*(numbers + [1_000_000, os.cpu_count() or 1][len(numbers) :]))
