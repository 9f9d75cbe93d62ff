"""Writes the events that `ingest.py` loads, as JSON lines and as Parquet in two forms.

Run: python benchmarks/generate_events.py FOLDER EVENTS. 2 % of the events are broken, 1 % are copies.
"""

from __future__ import annotations

import json
import sys
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


def write_files(events: int, home: Path) -> dict[str, int]:
    """Write the events as JSON lines and as Parquet in two forms, and return how many rows each has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = make(events)
    (home / "lines.jsonl").write_text("\n".join(lines) + "\n")
    whole = [line for line in lines if line.endswith("}")]
    (home / "small.jsonl").write_text("\n".join(whole[:2000]) + "\n")
    (home / "well.jsonl").write_text("\n".join(whole) + "\n")
    writers: dict[str, Any] = {}
    for start in range(0, len(whole), 250_000):
        for name, rows in _tables(whole[start : start + 250_000]).items():
            table = pa.Table.from_pylist(rows, schema=writers[name].schema if name in writers else None)
            if name not in writers:
                writers[name] = pq.ParquetWriter(home / name, table.schema)
            writers[name].write_table(table)
    for writer in writers.values():
        writer.close()
    return {"lines.jsonl": events, "well.jsonl": len(whole)} | dict.fromkeys(writers, len(whole))


def _tables(lines: list[str]) -> dict[str, list[dict[str, Any]]]:
    events = [json.loads(line) for line in lines]
    for event in events:
        event["timestamp"] = datetime.fromisoformat(event["timestamp"])
    text = [
        {**event, "properties": json.dumps(event["properties"]), "context": json.dumps(event["context"])}
        for event in events
    ]
    return {"typed.parquet": events, "text.parquet": text}


if __name__ == "__main__" and len(sys.argv) == 3:
    folder = Path(sys.argv[1])
    (folder / "rows.json").write_text(json.dumps(write_files(int(sys.argv[2]), folder)))
