"""What later runs have taken the place of goes, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from typer.testing import CliRunner

import workbench.cli.upkeep
from workbench.cli.app import app
from workbench.reports.lease import GONE, lease, put_in_place, settle
from workbench.reports.record import RunRecord, write_record
from workbench.reports.retention import Pruned, prune_runs, superseded
from workbench.reports.runs import list_runs
from workbench.store.workspace import Workspace

assert workbench.cli.upkeep  # its import adds the command
NOW = datetime.now(UTC)


def record(id_: str, days: float, status: Any = "completed", **parameters: object) -> RunRecord:
    return RunRecord(
        id=id_,
        notebook="roi",
        title="ROI",
        parameters=parameters,
        tenant="small",
        data_version=1,
        status=status,
        started=(NOW - timedelta(days=days)).isoformat(timespec="milliseconds"),
        duration=1.0,
    )


def ids(records: list[RunRecord], **asked: Any) -> list[str]:
    return [one.id for one in superseded(records, **{"keep": 1, "before": NOW} | asked)]


def test_the_newest_of_each_parameter_set_stays() -> None:
    runs = [record("a3", 1), record("b2", 2, top=5), record("a2", 3), record("a1", 4), record("b1", 5, top=5)]
    assert ids(runs) == ["a2", "a1", "b1"]
    assert ids(runs, keep=2) == ["a1"]
    assert ids(runs, keep=3) == []
    assert ids(runs, before=NOW - timedelta(days=3.5)) == ["a1", "b1"]


def test_a_failure_stays_until_it_is_made_good() -> None:
    failed, again = record("f1", 9, "failed"), record("f2", 8, "failed")
    assert ids([again, failed]) == []
    assert ids([record("c", 7), again, failed], keep=5) == ["f2", "f1"]
    waiting = replace(record("q", 0, "queued"), started=None)
    assert ids([waiting, record("r", 1, "running"), record("c", 7)]) == []


def keep_runs(workspace: Workspace, *records: RunRecord) -> None:
    with lease(workspace.runs_path) as home:
        for one in records:
            (home / one.id).mkdir()
            write_record(home / one.id, one)
            put_in_place(home / one.id, workspace.runs_path)


def test_runs_are_pruned_and_stay_in_the_table(workspace: Workspace) -> None:
    keep_runs(workspace, *(record(f"roi-{day}", day) for day in range(1, 7)))
    done = prune_runs(workspace, keep=2, age=timedelta(days=3.5))
    assert (done.removed, done.kept) == (("roi-4", "roi-5", "roi-6"), 3)
    assert done.size > 0
    assert [one.id for one in list_runs(workspace)] == ["roi-1", "roi-2", "roi-3"]
    assert sorted(workspace.tables().frame("runs")["run_id"]) == [f"roi-{day}" for day in range(1, 7)]
    assert not list((workspace.runs_path / ".active").iterdir())
    told = CliRunner().invoke(
        app, ["prune", "--workspace", str(workspace.path), "--keep", "1", "--age", "0", "--json"]
    )
    assert json.loads(told.stdout)["removed"] == ["roi-2", "roi-3"]
    assert prune_runs(workspace, keep=1, age=timedelta()) == Pruned(removed=(), kept=1, size=0)


def test_a_run_whose_removal_was_killed_does_not_come_back(workspace: Workspace) -> None:
    keep_runs(workspace, record("roi-1", 1))
    left = workspace.runs_path / ".active" / "killed"
    left.mkdir(parents=True)
    (left / "lock").touch()
    (workspace.runs_path / "roi-1").rename(left / f"{GONE}roi-1")
    settle(workspace.runs_path)
    assert not list_runs(workspace)
    assert not left.exists()
