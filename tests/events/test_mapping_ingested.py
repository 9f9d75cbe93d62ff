"""Mapped files all the way into a workspace: what is stored is what the platform said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.store.ingest import ingest
from workbench.store.workspace import Workspace


def ga4_file(folder: Path) -> Path:
    parameters = [
        {"key": "transaction_id", "value": {"string_value": "T-1"}},
        {"key": "value", "value": {"double_value": 3.5}},
    ]
    rows = [
        {
            "event_timestamp": 1_704_103_200_000_000 + place,
            "event_name": name,
            "event_params": parameters,
            "user_pseudo_id": "u1",
            "platform": "WEB",
            "geo": {"country": "Germany"},
        }
        for place, name in enumerate(["purchase", "view_item", "scroll"])
    ]
    path = folder / "ga4.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_analytics_events_are_stored_once(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w")
    file = ga4_file(tmp_path)
    done = ingest(workspace, [file], mapping="ga4_events", backfill=True)
    assert (done.read, done.accepted, done.duplicates, done.quarantined) == (3, 2, 0, 1)
    tables = workspace.tables()
    events = tables.query(
        "SELECT event_type, properties FROM events WHERE user_id = 'u1' ORDER BY event_type"
    ).to_pylist()
    assert [event["event_type"] for event in events] == ["user_engaged", "user_purchased"]
    assert json.loads(events[1]["properties"])["order_value"] == 3.5
    reasons = tables.query("SELECT reasons FROM quarantine").to_pylist()
    assert "'scroll' has no event type in this mapping" in reasons[0]["reasons"]
    # The same events in another file are known by the ids made from them.
    again = file.with_name("again.jsonl")
    again.write_text("\n" + file.read_text())
    assert ingest(workspace, [again], mapping="ga4_events", backfill=True).accepted == 0


@pytest.mark.data
def test_the_hours_of_a_day_are_added_up(tmp_path: Path, public_data: Path) -> None:
    workspace = Workspace.create(tmp_path / "w")
    file = public_data / "ads/fivetran_ad_schemas/seeds/snapchat_ad_hourly_report_data.csv"
    done = ingest(workspace, [file])
    assert (done.read, done.accepted, done.quarantined) == (1212, 1212, 0)
    counts = "count(*) AS days, count(DISTINCT (date, creative_id)) AS keys, sum(spend) AS spend"
    (row,) = workspace.tables().query(f"SELECT {counts} FROM daily_performance").to_pylist()
    assert row["days"] == row["keys"] < 1212
    spent = sum(int(line.split(",")[3]) for line in file.read_text("utf-8-sig").splitlines()[1:])
    assert row["spend"] == pytest.approx(spent / 1e6, abs=1e-9)
