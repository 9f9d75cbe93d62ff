"""The data commands: what they print, where, and how they leave."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import workbench.cli.data
from workbench.cli.app import app
from workbench.errors import BadInput, UsageError, WorkspaceError

assert workbench.cli.data  # its import adds the commands
HEADER = "date,campaign_id,channel,clicks,spend\n"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = run("init", tmp_path / "acme", "--name", "acme", "--currency", "EUR")
    assert made.exit_code == 0
    assert made.stdout.strip() == str(tmp_path / "acme")
    return tmp_path / "acme"


def write(path: Path, *rows: str) -> Path:
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def test_a_load_prints_counts_that_add_up(folder: Path, tmp_path: Path) -> None:
    good, bad = "2024-01-01,a,email,1,2", "2024-01-01,b,email,1,-2"
    file = write(tmp_path / "a.csv", good, good, bad)
    done = run("ingest", file, "--workspace", folder, "--json")
    assert done.exit_code == 0
    counts = json.loads(done.stdout)
    assert (counts["read"], counts["accepted"], counts["duplicates"], counts["quarantined"]) == (3, 1, 1, 1)
    assert counts["files"][0]["table"] == "daily_performance"
    assert "1 of 3 rows accepted" in done.stderr
    again = run("ingest", file, "--workspace", folder)
    assert again.exit_code == 1
    assert again.stdout.splitlines() == ["read: 3", "accepted: 0", "duplicates: 2", "quarantined: 1"]
    assert "already loaded" in again.stderr


def test_a_load_says_why_rows_were_rejected(folder: Path, tmp_path: Path) -> None:
    rows = ["2024-01-01,a,email,1,2", "2024-01-02,a,\x1bx,1,2", *["2024-01-03,a,email,1,-2"] * 2]
    file = write(tmp_path / "a.csv", *rows)
    said = run("ingest", file, "--workspace", folder).stderr.splitlines()
    at = said.index("  rejected for: negative money: spend (first in line 4)")
    assert said[at + 1].startswith("  rejected for: value not allowed: channel, expected one of")
    assert said[at + 1].endswith("(first in line 3)")
    assert said[at + 2] == "  Every rejected row with its reasons: workbench quarantine"
    assert "rejected" not in run("ingest", file, "--workspace", folder).stderr
    good = write(tmp_path / "b.csv", "2024-01-05,a,email,1,2")
    assert "rejected" not in run("ingest", good, "--workspace", folder).stderr


def test_a_load_says_what_to_do_about_what_was_rejected(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes((HEADER + '2024-01-01,a,email,1,"1,5"\n2024-01-01,ä,email,1,2\n').encode("latin-1"))
    said = run("ingest", file, "--workspace", folder).stderr
    assert "  Save the file as UTF-8" in said
    assert "  What parts decimals and thousands is said in a mapping of your own" in said
    assert "--backfill" not in said
    assert "How days are written" not in said


def test_nothing_accepted_is_a_failure(folder: Path, tmp_path: Path) -> None:
    assert run("ingest", write(tmp_path / "a.csv", ",,,,"), "-w", folder).exit_code == 1


def test_a_refused_file_among_others(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    good = write(tmp_path / "good.csv", "2024-01-01,a,email,1,2")
    done = run("ingest", tmp_path / "empty.csv", good, "-w", folder, "--json")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["accepted"] == 1
    assert "the file is empty" in done.stderr
    assert isinstance(run("ingest", tmp_path / "empty.csv", "-w", folder).exception, BadInput)


def test_wrong_calls(folder: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "2024-01-01,a,email,1,2")
    assert isinstance(run("ingest", file, "-w", tmp_path / "none").exception, WorkspaceError)
    assert isinstance(run("ingest", file, "-w", folder, "--mapping", "gogle_ads").exception, UsageError)
    assert run("ingest", "-w", folder).exit_code == 2
    assert isinstance(run("ingest", "", "-w", folder).exception, UsageError)  # not all that lies here
    assert isinstance(run("init", folder).exception, WorkspaceError)
    assert isinstance(run("init", tmp_path / "other", "--currency", "euro").exception, UsageError)
    assert not (tmp_path / "other").exists()


def test_the_quarantine_is_safe_to_look_at(folder: Path, tmp_path: Path) -> None:
    rows = ['=HYPERLINK("x"),a,email,1,2', "2024-01-01,\x1b[31mred\u202e,pigeon,1,2"]
    run("ingest", write(tmp_path / "a.csv", *rows), "-w", folder)
    shown = run("quarantine", "--workspace", folder)
    assert shown.exit_code == 0
    found = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert [row["line"] for row in found] == ["2", "3"]
    assert found[0]["raw"].startswith("'=HYPERLINK")
    assert "\x1b" not in shown.stdout
    assert "\u202e" not in shown.stdout
    assert "value not allowed: channel" in found[1]["reasons"]
    exact = json.loads(run("quarantine", "--workspace", folder, "--json").stdout)
    assert [row["raw"] for row in exact] == rows
    assert {"file", "line", "reasons", "raw"} <= exact[0].keys()
    assert "2 rejected rows." in shown.stderr
    for form in ((), ("--json",)):
        cut = run("quarantine", "--workspace", folder, "--limit", "1", *form)
        assert "The newest 1 of 2 rejected rows" in cut.stderr


def test_quality_says_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    assert run("quality", "-w", folder).exit_code == 0
    run("ingest", write(tmp_path / "a.csv", "2024-01-01,a,email,1,2", ",b,email,1,2"), "-w", folder)
    shown = run("quality", "--workspace", folder)
    (row,) = csv.DictReader(io.StringIO(shown.stdout))
    assert (row["table"], row["pass_rate"]) == ("daily_performance", "0.5")
    assert "critical: many rows were quarantined" in shown.stderr
    found = json.loads(run("quality", "--workspace", folder, "--json").stdout)
    assert found["sources"][0]["quarantined"] == 1
    assert found["alerts"][0].startswith("daily_performance: critical")


def test_clicks_counted_twice_are_told(folder: Path, tmp_path: Path) -> None:
    campaign = "00000000-0000-0000-0000-000000000001"
    click = {
        "event_id": "00000000-0000-0000-0000-000000000002",
        "event_type": "campaign_clicked",
        "timestamp": "2024-01-01T10:00:00Z",
        "user_id": "u",
        "source": "mobile",
        "properties": {
            "campaign_id": campaign,
            "creative_id": campaign,
            "click_type": "cta",
            "time_to_click_seconds": 1,
        },
    }
    (tmp_path / "e.jsonl").write_text(json.dumps(click))
    write(tmp_path / "a.csv", f"2024-01-01,{campaign},email,1,2")
    done = run("ingest", tmp_path / "e.jsonl", tmp_path / "a.csv", "-w", folder, "--backfill")
    assert done.exit_code == 0
    assert "both tracked and reported by a platform" in run("quality", "-w", folder).stderr
