"""Mapped files all the way into a workspace: what is stored is what the platform said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.store.ingest import ingest
from workbench.store.review import review
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
    assert [row["reasons"] for row in reasons] == ["not mapped: scroll"]
    # The same events in another file are known by the ids made from them.
    again = file.with_name("again.jsonl")
    again.write_text("\n" + file.read_text())
    assert ingest(workspace, [again], mapping="ga4_events", backfill=True).accepted == 0


def test_what_a_mapping_leaves_out_is_counted_and_raises_no_alert(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w")
    lines = ga4_file(tmp_path).read_text().splitlines()
    views = [
        json.dumps(json.loads(lines[2]) | {"event_name": name, "user_pseudo_id": f"u{place}"})
        for place, name in enumerate(["page_view"] * 30 + ["scroll"] * 10)
    ]
    usual = tmp_path / "usual.jsonl"
    usual.write_text("\n".join([*lines[:2], *views]))
    (load,) = ingest(workspace, [usual], mapping="ga4_events", backfill=True).files
    assert (load.read, load.accepted, load.duplicates, load.quarantined) == (42, 2, 0, 40)
    whole = next(figures for figures in load.quality if figures.source == "all")
    assert (whole.unmapped, whole.pass_rate, whole.completeness, whole.compliance) == (40, 1, 1, 1)
    assert load.alerts == ()
    assert load.notes == ("40 rows of events that the mapping leaves out: page_view 30, scroll 10",)
    assert not any("pass_rate" in alert for alert in review(workspace.tables()).alerts)
    kept = workspace.tables().query("SELECT count(*) AS n FROM quarantine WHERE reasons LIKE 'not mapped: %'")
    assert kept.to_pylist() == [{"n": 40}]


def test_an_event_that_no_list_names_still_raises_the_alert(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w")
    lines = ga4_file(tmp_path).read_text().splitlines()
    new = json.dumps(json.loads(lines[2]) | {"event_name": "not mapped: scroll"})
    odd = tmp_path / "odd.jsonl"
    odd.write_text("\n".join([*lines, new]))
    (load,) = ingest(workspace, [odd], mapping="ga4_events", backfill=True).files
    whole = next(figures for figures in load.quality if figures.source == "all")
    assert (load.quarantined, whole.unmapped, whole.pass_rate) == (2, 1, pytest.approx(2 / 3))
    assert {alert.figure for alert in load.alerts} >= {"pass_rate"}


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
