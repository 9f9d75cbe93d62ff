"""Batches: what a file stands for, going on after failures, and kills at any moment."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.reports.admission import most_jobs
from workbench.reports.batch_file import expand, read_batch_file
from workbench.reports.batches import batch
from workbench.reports.record import read_record
from workbench.reports.runs import Run, list_runs
from workbench.store.workspace import Workspace

from .conftest import NASTY, OPEN, Write, add_orders, kernels_below

PROJECT = Path(__file__).resolve().parents[2]


def written(folder: Path, text: str) -> Path:
    path = folder / "batch.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def wanted(workspace: Workspace, path: Path) -> list[dict[str, object]]:
    return [dict(run.parameters) for run in expand(read_batch_file(path), workspace.tables(), path).runs]


def test_rows_matrix_and_campaigns(workspace: Workspace, tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
runs:
  - notebook: executive
    matrix: {window: [7d, 30d], top: [3, 4]}
    parameters: {compare: false}
  - notebook: channels
    rows: [{window: 7d}, {compare: false}]
  - {notebook: campaign, each: campaign, limit: 3, parameters: {window: 7d}}
""",
    )
    assert wanted(workspace, path) == [
        {"compare": False, "window": "7d", "top": 3},
        {"compare": False, "window": "7d", "top": 4},
        {"compare": False, "window": "30d", "top": 3},
        {"compare": False, "window": "30d", "top": 4},
        {"window": "7d"},
        {"compare": False},
        {"window": "7d", "campaign": NASTY[0]},
        {"window": "7d", "campaign": NASTY[1]},
        {"window": "7d", "campaign": NASTY[2]},
    ]


@pytest.mark.parametrize(
    ("where", "count"),
    [("{}", 8), ("{channel: social}", 8), ("{channel: [email, social]}", 8), ("{channel: email}", 0)],
)
def test_filters(workspace: Workspace, tmp_path: Path, where: str, count: int) -> None:
    path = written(tmp_path, f"runs: [{{notebook: campaign, each: campaign, where: {where}}}]")
    assert len(wanted(workspace, path)) == count


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("runs: []", "runs: list should have at least 1 item"),
        ("runs: [{notebok: executive}]", "run 1, notebook: field required"),
        ("runs: [{notebook: executive, each: user}]", "run 1, each: input should be 'campaign'"),
        ("runs: [{notebook: executive, limit: 3}]", "run 1 filters campaigns without 'each: campaign'"),
        ("runs: [{notebook: executive, rows: [{}], matrix: {top: [3]}}]", "more than one of"),
        (
            "runs: [{notebook: executive, matrix: {tpo: [3]}}]",
            "run 1 (executive), value '[3]': no parameter named 'tpo'",
        ),
        ("runs: [{notebook: executive, parameters: {top: 99}}]", "expected a whole number from 3 to 25"),
        ("runs: [{notebook: executive, each: campaign}]", "no parameter named 'campaign'"),
        ("runs: [{notebook: executive}]\nruns: []", "row 2: the key 'runs' stands twice"),
        ("runs: !!python/object/apply:os.system [id]", "tag"),
        ("runs: [{notebook: executive, matrix: &a {top: [3]}}, *a]", "anchors and aliases"),
        ("- 1", "not a mapping"),
        ("runs: 3", "runs: input should be a valid list"),
        ("job: 3\nruns: [{notebook: executive}]", "job: extra inputs are not permitted"),
        ("jobs: 0\nruns: [{notebook: executive}]", "jobs: input should be greater than or equal to 1"),
        ("memory: 0\nruns: [{notebook: executive}]", "memory: input should be greater than or equal to 0.1"),
        ("x" * 70_000, "too large"),
        ("\t", "batch.yaml"),
    ],
)
def test_a_wrong_file_is_refused_whole(workspace: Workspace, tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadInput) as raised:
        batch(workspace, path)
    assert says in str(raised.value)
    assert str(path) in str(raised.value)
    assert not list(workspace.runs_path.iterdir())


def test_unknown_names(workspace: Workspace, tmp_path: Path) -> None:
    path = written(tmp_path, "runs: [{notebook: executiv}]")
    said = f"{path}, run 1: No notebook named 'executiv'. Did you mean 'executive'?"
    with pytest.raises(BadInput, match=re.escape(said)):
        batch(workspace, path)
    with pytest.raises(BadInput, match="No such file"):
        batch(workspace, tmp_path / "none.yaml")


BATCHES = [path for path in sorted((PROJECT / "params").glob("*.yaml")) if "\nruns:" in path.read_text()]


@pytest.mark.parametrize("path", BATCHES, ids=lambda path: path.stem)
def test_the_files_of_the_project_are_right(workspace: Workspace, path: Path) -> None:
    assert expand(read_batch_file(path), workspace.tables(), path).runs


def test_hostile_campaigns_failures_and_repetition(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    write("one", OPEN, "assert campaign != '$(id)', 'as told'\ncampaign", parameters="campaign = None")
    path = written(tmp_path, "runs: [{notebook: one.ipynb, each: campaign}]")
    told: list[tuple[str, int, int]] = []
    seen: set[str] = set()

    def follow(run: Run, count: int, total: int) -> None:
        told.append((run.id, count, total))
        seen.update(record.status for record in list_runs(workspace))

    done = batch(workspace, path, jobs=2, told=follow)
    assert seen >= {"queued", "running", "completed", "failed"}
    assert [run.record.parameters["campaign"] for run in done.runs] == list(NASTY)
    assert [run.record.parameters["campaign"] for run in done.failed] == ["$(id)"]
    assert done.sentence == "7 of 8 runs completed, 1 failed."
    assert sorted(n for _, n, _ in told) == list(range(1, 9))
    assert {p.name for p in workspace.runs_path.iterdir() if p.name[0] != "."} == {r.id for r in done.runs}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["batch.yaml", "one.ipynb", "w"]
    stored = workspace.tables().frame("runs")
    assert sorted(stored["status"]) == ["completed"] * 7 + ["failed"]

    again = batch(workspace, path, jobs=2)
    assert again.sentence == "0 of 8 runs completed, 7 unchanged since an earlier run, 1 failed."


def test_a_workspace_without_campaigns(tmp_path: Path, write: Write) -> None:
    workspace = Workspace.create(tmp_path / "shop")
    add_orders(workspace)
    write("one", OPEN, "sorted(ws.names)", parameters="campaign = None")
    path = written(tmp_path, "runs: [{notebook: one.ipynb}, {notebook: one.ipynb, each: campaign}]")
    done = batch(workspace, path)
    assert done.sentence == "1 of 1 runs completed."
    assert done.notes == ("Small report: the workspace has no such campaigns, so none was run.",)


def kill_and_resume(workspace: Workspace, path: Path, moment: float) -> None:
    """Kill a batch at a moment; what it had completed is left alone, the rest comes through."""
    program = Path(sys.executable).with_name("workbench")
    command = [program, "batch", path, "--workspace", workspace.path, "--jobs", "2"]
    runner = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(moment)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    kept: dict[str, str | None] = {}
    for record in list_runs(workspace):
        assert record.status in {"completed", "failed"}
        folder = workspace.runs_path / record.id
        assert (folder / "receipt.json").exists() == (record.status == "completed")
        if record.status == "completed":
            kept[record.id] = record.started
    done = batch(workspace, path, jobs=2)
    assert not done.failed
    assert {run.id for run in done.runs if run.cached} == set(kept) & {run.id for run in done.runs}
    for id_, started in kept.items():
        again = read_record(workspace.runs_path / id_)
        assert again is not None
        assert again.started == started
    stored = workspace.tables().frame("runs")
    assert not stored.duplicated(["run_id", "started_at"]).any()
    assert set(stored.loc[stored["status"] == "completed", "run_id"]) >= {run.id for run in done.runs}
    assert sorted(p.name for p in workspace.runs_path.iterdir() if p.name[0] == ".") == [".active", ".ended"]


@pytest.mark.parametrize("moment", [1.6, 3.1])
def test_a_killed_batch_is_resumed(workspace: Workspace, write: Write, tmp_path: Path, moment: float) -> None:
    write("one", OPEN, "top", parameters="top = 1")
    path = written(tmp_path, "runs: [{notebook: one.ipynb, matrix: {top: [1, 2, 3, 4]}}]")
    kill_and_resume(workspace, path, moment)


@pytest.mark.slow  # warm kernels, which a single run does not have
def test_what_forks_of_a_killed_batch_left_is_ended(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    leaves = "import os, time\nif os.fork() == 0:\n    os.setsid()\ntime.sleep(600)"
    write("one", leaves, parameters="top = 1")
    path = written(tmp_path, "runs: [{notebook: one.ipynb, matrix: {top: [1, 2]}}]")
    program = Path(sys.executable).with_name("workbench")
    command = [program, "batch", path, "--workspace", workspace.path, "--jobs", "2"]
    runner = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def until(count: int) -> None:
        end = time.monotonic() + 300
        while len(kernels_below(workspace.runs_path)) != count:
            assert time.monotonic() < end
            time.sleep(0.1)

    until(4)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    until(2)  # what took leave of its kernel is still there
    assert [record.status for record in list_runs(workspace)] == ["failed"] * 2
    until(0)


def test_what_a_fork_of_a_completed_run_left_is_ended(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    leaves = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)"
    write("one", leaves, parameters="top = 1")
    path = written(tmp_path, "runs: [{notebook: one.ipynb, matrix: {top: [1, 2]}}]")
    done = batch(workspace, path, jobs=2)
    assert not done.failed
    assert [run.record.measured and run.record.measured["kernel"] for run in done.runs] == ["warm", "warm"]
    assert not kernels_below(workspace.runs_path)


@pytest.mark.slow
def test_a_batch_is_killed_at_twenty_random_moments(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    moments = random.Random(20)  # noqa: S311 - moments, not secrets
    for number in range(20):
        write("one", OPEN, f"top, {number}", parameters="top = 1")
        path = written(tmp_path, "runs: [{notebook: one.ipynb, matrix: {top: [1, 2, 3, 4, 5, 6]}}]")
        kill_and_resume(workspace, path, 0.8 + moments.random() * 5)


def test_jobs_fit_the_machine() -> None:
    assert 1 <= most_jobs() <= 1024
