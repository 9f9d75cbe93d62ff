"""Events of typed columns, and of lines: the same rows in the same tables, whatever the form."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.events.definitions import EVENT_TYPES, Field, Kind
from workbench.store import Workspace
from workbench.store.ingest import ingest

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SAID = "CASE WHEN event_type = 'data_refresh_completed' AND user_id = 'workbench' THEN 1 ELSE 0 END = 0"


def value(field: Field, number: int) -> Any:
    match field.kind:
        case Kind.UUID:
            return str(UUID(int=number % 5))
        case Kind.CHOICE:
            return field.choices[number % len(field.choices)]
        case Kind.BOOLEAN:
            return number % 2 == 0
        case Kind.SCORE:
            return 0.25
        case Kind.COUNT:
            return number
        case Kind.MONEY | Kind.NUMBER:
            return number + 0.5
        case Kind.INSTANT:
            return "2026-04-30T10:00:00Z"
        case Kind.OBJECT:
            return {"a": [number]}
    return 'say "ä\\" \n'


def events() -> list[dict[str, Any]]:
    """Return events of every type, with and without what is optional, some of them broken."""
    made = []
    for number, (event_type, case) in enumerate((t, c) for t in EVENT_TYPES.values() for c in range(4)):
        fields = [field for field in event_type.fields if case or field.required]
        properties = {field.name: value(field, number) for field in fields}
        if case == 2:
            properties[fields[0].name] = 'broken "\\'
        if case == 3:
            properties |= {"creative_id": "of another type", "weight": 1.5}
        made.append(
            {
                "event_id": str(UUID(int=number + 1)),
                "event_type": event_type.name,
                "timestamp": NOW - timedelta(hours=number),
                "user_id": f"u{number % 7}",
                "source": "backend",
                "properties": properties,
                "context": {"region": "EU", "device": "d"} if case else None,
            }
        )
    return made


def stored(folder: Path, file: Path) -> dict[str, Any]:
    workspace = Workspace.create(folder)
    result = ingest(workspace, [file], now=NOW)
    assert result.accepted + result.duplicates + result.quarantined == result.read
    tables = workspace.tables()
    rows = tables.query(f"SELECT * FROM events WHERE {SAID} ORDER BY event_id").to_pylist()
    facts = tables.query(
        "SELECT * EXCLUDE (load_id) FROM facts WHERE kind IS DISTINCT FROM 'success' OR lag_minutes > 0"
        " ORDER BY timestamp"
    ).to_pylist()
    reasons = tables.query("SELECT line, reasons FROM quarantine ORDER BY line").to_pylist()
    for row in rows:
        row["properties"] = json.loads(row["properties"])
        row["context"] = row["context"] and json.loads(row["context"])
        del row["load_id"]
    return {"events": rows, "facts": facts, "reasons": reasons, "notes": result.files[0].notes}


def test_lines_structs_and_flat_columns_are_the_same(tmp_path: Path) -> None:
    given = events()
    lines = tmp_path / "lines.jsonl"
    lines.write_text(
        "".join(json.dumps({**e, "timestamp": e["timestamp"].isoformat()}) + "\n" for e in given)
    )
    structs, flat = tmp_path / "structs.parquet", tmp_path / "flat.parquet"
    names = dict.fromkeys(name for e in given for name in e["properties"])
    whole = [{**e, "properties": {name: e["properties"].get(name) for name in names}} for e in given]
    pq.write_table(pa.Table.from_pylist(whole), structs)
    apart = [{**e, **e["properties"]} for e in whole]
    pq.write_table(pa.Table.from_pylist(apart).drop_columns(["properties"]), flat)
    first, second, third = (stored(tmp_path / f.stem, f) for f in (lines, structs, flat))
    assert len(first["events"]) + len(first["reasons"]) == len(given)
    assert len(first["reasons"]) > len(EVENT_TYPES) / 2
    assert second == first
    assert third["notes"] == ("columns that belong to no event: weight",)
    for row in first["events"]:
        row["properties"].pop("weight", None)
    assert third["events"] == first["events"]
    assert third["facts"] == first["facts"]
    assert third["reasons"] == first["reasons"]


def test_a_number_that_is_none_is_wrongly_typed(workspace: Workspace, tmp_path: Path) -> None:
    rows = [
        {**e, "properties": {"engagement_type": "search", "session_duration_seconds": seconds}}
        for e, seconds in zip(events()[28:31], (1.0, float("nan"), float("inf")), strict=True)
    ]
    file = tmp_path / "e.parquet"
    pq.write_table(pa.Table.from_pylist([{**row, "event_type": "user_engaged"} for row in rows]), file)
    result = ingest(workspace, [file], now=NOW)
    assert (result.accepted, result.quarantined) == (1, 2)
    found = workspace.tables().query("SELECT DISTINCT reasons FROM quarantine").to_pylist()
    assert found == [{"reasons": "wrongly typed property: session_duration_seconds"}]


def test_files_are_in_the_order_of_their_table(workspace: Workspace, tmp_path: Path) -> None:
    given = events()
    lines = tmp_path / "lines.jsonl"
    lines.write_text(
        "".join(json.dumps({**e, "timestamp": e["timestamp"].isoformat()}) + "\n" for e in given)
    )
    ingest(workspace, [lines], now=NOW)
    connection = duckdb.connect()
    store = workspace.path / "store"
    files = [*store.glob("events/month=*/**/*.parquet"), *store.glob("facts/month=*/*.parquet")]
    assert files
    for file in files:
        order = connection.execute(f"SELECT event_type, timestamp::VARCHAR FROM '{file}'").fetchall()
        assert order == sorted(order), file


def test_events_of_many_months_are_written_in_one_pass(workspace: Workspace, tmp_path: Path) -> None:
    moments = [datetime(2025, month, 3, 10, tzinfo=UTC) for month in range(1, 13) for _ in range(2)]
    given = [{**e, "timestamp": at.isoformat()} for e, at in zip(events()[28:30] * 12, moments, strict=True)]
    for number, event in enumerate(given):
        event["event_id"] = str(UUID(int=1000 + number))
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(json.dumps(event) + "\n" for event in given))
    assert ingest(workspace, [lines], backfill=True, now=NOW).accepted == 24
    found = (
        workspace.tables()
        .query("SELECT month, count(*) AS n FROM facts GROUP BY ALL ORDER BY month")
        .to_pylist()
    )
    assert [row["n"] for row in found] == [2] * 12 + [1]
