"""Runs on a real workspace in real kernels: kept, not repeated, told apart, and honest after a kill."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from workbench.errors import BadInput
from workbench.reports.inputs import read_inputs
from workbench.reports.journal import store_ended_runs
from workbench.reports.lease import ENDED
from workbench.reports.notebook import find_notebook
from workbench.reports.publication import publish
from workbench.reports.receipt import read_receipt
from workbench.reports.record import write_whole
from workbench.reports.runs import completed_run, list_runs, plan, run
from workbench.reports.verification import verify
from workbench.store.ingest import ingest
from workbench.store.workspace import Workspace

from .conftest import NASTY, OPEN, TOTALS, Write, add_spend, kernels_below

SHOWN = "campaign"


def outputs(folder: Path) -> list[str]:
    cells = json.loads((folder / "notebook.ipynb").read_text())["cells"]
    return [output["data"]["text/plain"] for cell in cells for output in cell.get("outputs", [])]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "record.json"}


def test_what_a_run_measures_is_noted_and_changes_neither_its_id_nor_its_bytes(
    workspace: Workspace, write: Write
) -> None:
    path = write("measuring", OPEN, "wb.measure(ws, ['ctr', 'cpc'], by='campaign').sentence")
    first = run(workspace, str(path))
    assert first.completed
    noted = [json.loads(file.read_text()) for file in (workspace.path / "journal").glob("*.json")]
    assert [note["properties"]["metrics"] for note in noted] == ["ctr, cpc"]
    assert store_ended_runs(workspace) == 1
    assert run(workspace, str(path)).cached
    assert verify(workspace, first.id).same
    # Making it again took seconds too, and its data is what it was.
    assert len(list((workspace.path / "journal").glob("*.json"))) == 2
    assert completed_run(workspace, plan(find_notebook(str(path)), None, read_inputs(workspace)))
    more = workspace.path.parent / "more.csv"
    more.write_text("date,campaign_id,channel,impressions,clicks,spend\n2024-02-01,c,email,10,1,2.5\n")
    ingest(workspace, [more])
    found = wb.measure(workspace.tables(), "cost_per_query").rows[0]
    assert found.denominator == 2
    assert found.value > 0


def test_a_run_is_kept_and_not_repeated(workspace: Workspace, write: Write) -> None:
    path = write("small", OPEN, TOTALS, SHOWN, parameters="campaign = None\ntop = 3")
    hostile = "|".join(NASTY)
    first = run(workspace, str(path), {"campaign": hostile})
    assert first.completed
    assert not first.cached
    spent, shown = outputs(first.folder)
    assert "'spend': 100.0" in spent
    assert ast.literal_eval(shown) == hostile
    assert sorted(p.name for p in first.folder.iterdir()) == ["notebook.ipynb", "receipt.json", "record.json"]
    assert first.folder == workspace.runs_path / first.id
    assert not list(workspace.runs_path.glob(".work*"))
    assert not list((workspace.runs_path / ".active").iterdir())

    receipt = read_receipt(first.folder)
    assert receipt["data"]["tables"] == {"daily_performance": {"rows": len(NASTY), "version": 1}}
    assert receipt["data"]["last_day"] == "2024-01-08"
    assert receipt["parameters"]["values"] == {"campaign": hostile, "top": 3}
    assert str(workspace.path) not in "".join(p.read_text() for p in first.folder.iterdir())

    # Its own row in the `runs` table is no reason to repeat it.
    assert store_ended_runs(workspace) == 1
    assert store_ended_runs(workspace) == 0
    stored = workspace.tables().frame("runs")
    assert stored[["run_id", "notebook", "status"]].to_numpy().tolist() == [[first.id, "small", "completed"]]
    again = run(workspace, str(path), {"campaign": hostile})
    assert again.cached
    assert again.id == first.id

    # Forced, it gives the same bytes, though the workspace has a newer version.
    before = files(first.folder)
    forced = run(workspace, str(path), {"campaign": hostile}, force=True)
    assert not forced.cached
    assert files(forced.folder) == before
    assert [record.status for record in list_runs(workspace)] == ["completed"]


def test_everything_that_matters_changes_the_id(workspace: Workspace, write: Write) -> None:
    path = write("small", OPEN, parameters="top = 3")
    inputs = read_inputs(workspace)
    ids = [
        plan(find_notebook(str(path)), {}, inputs).id,
        plan(find_notebook(str(path)), {"top": 4}, inputs).id,
    ]
    ids.append(plan(find_notebook(str(path)), {}, read_inputs(workspace, seed=1)).id)
    write("small", OPEN, "1", parameters="top = 3")
    ids.append(plan(find_notebook(str(path)), {}, inputs).id)
    add_spend(workspace, {"late": 1.0}, "load-2")
    newer = read_inputs(workspace)
    ids.append(plan(find_notebook(str(path)), {}, newer).id)
    assert len(set(ids)) == len(ids)
    assert read_inputs(workspace, version=inputs.data_version) == inputs
    assert plan(find_notebook(str(path)), {"top": 3}, newer).id == ids[-1]


def test_equal_bytes_in_another_folder(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    path = write("small", OPEN, TOTALS, "str(ws.path), ws", parameters="top = 3")
    copied = tmp_path / "elsewhere" / "copy"
    subprocess.run(["cp", "-r", workspace.path, tmp_path / "elsewhere"], check=False)
    copied.parent.mkdir(exist_ok=True)
    subprocess.run(["cp", "-r", workspace.path, copied], check=True)
    one, two = run(workspace, str(path)), run(Workspace.open(copied), str(path))
    assert one.id == two.id
    assert one.folder != two.folder
    assert files(one.folder) == files(two.folder)


def test_a_run_copied_from_another_workspace_is_none_of_ours(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    done = run(workspace, str(write("small", OPEN)))
    other = Workspace.create(tmp_path / "other", name="other")
    shutil.copytree(workspace.runs_path / done.id, other.runs_path / done.id)
    assert list_runs(other) == []
    assert publish(other, tmp_path / "out").sentence.startswith("0 ")
    assert [record.id for record in list_runs(workspace)] == [done.id]


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644)])
def test_who_may_read_what_a_run_leaves_is_as_the_user_says(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "report.html", b"figures")
    finally:
        os.umask(before)
    (written,) = tmp_path.iterdir()
    assert (written.read_bytes(), stat.S_IMODE(written.stat().st_mode)) == (b"figures", mode)


def test_a_failed_run_keeps_its_record_and_notebook(workspace: Workspace, write: Write) -> None:
    path = write("broken", OPEN, "1 / 0")
    failed = run(workspace, str(path))
    assert not failed.completed
    record = list_runs(workspace)[0]
    assert record.status == "failed"
    assert record.error is not None
    assert (record.error.cell, record.error.line) == (5, "1 / 0")
    assert "in cell 5 (1 / 0): ZeroDivisionError" in failed.sentence
    assert "ZeroDivisionError" in (failed.folder / "notebook.ipynb").read_text()
    assert not (failed.folder / "receipt.json").exists()
    # It is tried again, and its record is replaced when it comes through.
    assert not run(workspace, str(path)).cached
    assert completed_run(workspace, plan(find_notebook(str(path)), {}, read_inputs(workspace))) is None
    assert len(list((workspace.runs_path / ENDED).iterdir())) == 2


def test_wrong_parameters_are_refused_before_anything_is_made(workspace: Workspace, write: Write) -> None:
    path = write("small", OPEN, parameters="top = 3")
    with pytest.raises(BadInput, match="Did you mean 'top'"):
        run(workspace, str(path), {"tpo": 1})
    assert not list(workspace.runs_path.iterdir())


def test_a_killed_runner_leaves_no_completed_run(workspace: Workspace, write: Write) -> None:
    leaves = "import pathlib, subprocess, time\npathlib.Path('../../pid').write_text(str(subprocess.Popen("
    leaves += "['sleep', '600'], start_new_session=True, cwd='/').pid))\ntime.sleep(600)"
    path = write("slow", OPEN, leaves)
    runner = start(workspace, path)
    wait_for(lambda: (workspace.path / "pid").is_file() and (workspace.path / "pid").read_text())
    left = Path("/proc", (workspace.path / "pid").read_text(), "cmdline")
    assert [record.status for record in list_runs(workspace)] == ["running"]
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    assert said(left) == b"sleep\x00600\x00"
    record = list_runs(workspace)[0]
    wait_for(lambda: not said(left))
    assert record.status == "failed"
    assert record.error is not None
    assert record.error.kind == "killed"
    assert not list(workspace.runs_path.glob(".work*"))
    assert not list((workspace.runs_path / ".active").iterdir())
    assert not (workspace.runs_path / record.id / "receipt.json").exists()
    wait_for(lambda: not kernels_below(workspace.path))


def test_a_polite_end_is_recorded_as_cancelled(workspace: Workspace, write: Write) -> None:
    path = write("slow", OPEN, "import time; time.sleep(600)")
    program = Path(sys.executable).with_name("workbench")
    runner = subprocess.Popen(
        [program, "run", path, "--workspace", workspace.path],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    wait_for(lambda: [record.progress for record in list_runs(workspace) if record.progress > 0.5])
    runner.send_signal(signal.SIGTERM)
    runner.communicate(timeout=300)
    assert runner.returncode == 1
    assert [record.status for record in list_runs(workspace)] == ["cancelled"]


def said(command: Path) -> bytes:
    """Return the command of a process; nothing of one that has ended."""
    with suppress(OSError):
        return command.read_bytes()
    return b""


def start(workspace: Workspace, path: Path) -> subprocess.Popen[bytes]:
    code = (
        "import sys; from workbench.store.workspace import Workspace; from workbench.reports.runs import run;"
        "run(Workspace.open(sys.argv[1]), sys.argv[2])"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(workspace.path), str(path)])


def wait_for(found: Any, seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
