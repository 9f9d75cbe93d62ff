"""What goes wrong with kernels and runners: nothing is lost, half written, done twice, or called fine."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from workbench.reports.batches import batch
from workbench.reports.execution import Limits
from workbench.reports.output_limit import CUT_STREAM, PRINTED
from workbench.reports.record import read_record
from workbench.reports.runs import list_runs, run
from workbench.store.workspace import Workspace

from .conftest import Write
from .crowded import private_mounts

PROGRAM = Path(sys.executable).with_name("workbench")
CHILDREN = """
import subprocess, threading, time
subprocess.Popen(["sleep", "987654"])
subprocess.Popen(["sleep", "987654"], start_new_session=True)
subprocess.run(["bash", "-c", "setsid nohup sleep 987654 > /dev/null 2>&1 & disown"])
threading.Thread(target=time.sleep, args=[987654]).start()
"""
EATS = "import time\nheld = []\nwhile True:\n    held.append(bytearray(40_000_000)); time.sleep(0.05)"
STOPS_ITSELF = "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"
DIES_ONCE = """
import os, pathlib
mark = pathlib.Path("../../mark")
if not mark.exists():
    mark.touch()
    os.kill(os.getpid(), 9)
"""


def asleep() -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes() == b"sleep\x00987654\x00":
                found.append(process.name)
        except OSError:
            continue
    return found


def outputs(folder: Path) -> list[list[dict[str, Any]]]:
    cells = json.loads((folder / "notebook.ipynb").read_text())["cells"]
    return [cell["outputs"] for cell in cells if cell.get("outputs")]


def test_what_a_notebook_starts_ends_with_it_and_what_it_prints_is_cut(
    workspace: Workspace, write: Write
) -> None:
    done = run(workspace, str(write("wild", CHILDREN, "print('x' * 100_000_000)", "'and then'")))
    assert done.completed
    assert not asleep()
    shown = outputs(done.folder)
    assert shown[-2][0]["text"] == "x" * PRINTED + CUT_STREAM
    assert shown[-1][0]["data"] == {"text/plain": "'and then'"}
    assert (done.folder / "notebook.ipynb").stat().st_size < 3_000_000


def test_a_batch_goes_on_after_every_fault_and_names_it(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    write("eats", EATS)
    write("stops", STOPS_ITSELF)
    write("leaves", "import sys\nsys.exit(0)")
    write("ends", "import os\nos._exit(3)")
    write("good", "1 + 1")
    names = ("eats", "stops", "leaves", "ends", "good")
    lines = [f"  - {{notebook: {name}.ipynb{', timeout: 8' * (name == 'stops')}}}" for name in names]
    (tmp_path / "b.yaml").write_text("\n".join(["memory: 0.4", "timeout: 300", "runs:", *lines]))
    done = batch(workspace, tmp_path / "b.yaml", jobs=2)
    errors = [run.record.error for run in done.runs]
    assert [error and error.kind for error in errors] == ["memory", "timeout", "error", "error", None]
    assert [error and error.message for error in errors[:4]] == [
        "the memory limit was reached",
        "the time limit was reached",
        "SystemExit: the cells after it were not run",
        "the notebook ended its own kernel, with exit code 3: no cell after it was run",
    ]
    assert not any(run.record.attempts for run in done.runs)
    assert done.sentence == "1 of 5 runs completed, 4 failed."


def test_a_kernel_that_died_is_tried_again_and_the_reason_is_kept(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    write("once", DIES_ONCE, "'second'")
    (tmp_path / "b.yaml").write_text("runs: [{notebook: once.ipynb}]")
    (done,) = batch(workspace, tmp_path / "b.yaml").runs
    record = read_record(done.folder)
    assert record is not None
    assert record.status == "completed"
    assert [(one.kind, one.cell) for one in record.attempts] == [("kernel", 4)]
    assert "at attempt 2" in done.sentence
    stored = workspace.tables().frame("runs")
    assert sorted(stored["status"]) == ["completed", "failed"]


def test_two_batches_at_once_do_nothing_twice(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("one", "top", parameters="top = 1")
    file = tmp_path / "b.yaml"
    file.write_text("runs: [{notebook: one.ipynb, matrix: {top: [1, 2, 3]}}]")
    command = [PROGRAM, "batch", file, "--workspace", workspace.path, "--jobs", "1", "--json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [json.loads(one.communicate(timeout=300)[0]) for one in both]
    assert [[run["status"] for run in one["runs"]] for one in told] == [["completed"] * 3] * 2
    performed = [run["id"] for one in told for run in one["runs"] if not run["cached"]]
    assert sorted(performed) == sorted(run["id"] for run in told[0]["runs"])
    assert not list((workspace.runs_path / ".active").iterdir())


def test_runs_that_cannot_be_kept_are_said_so(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("one", "'x' * 300_000")
    (tmp_path / "b.yaml").write_text("runs: [{notebook: one.ipynb}]")
    command = f"{PROGRAM} batch {tmp_path / 'b.yaml'} --workspace {workspace.path}"
    script = f"""
mount -t tmpfs -o size=200k none {workspace.runs_path}
{command}; echo "full $?"; {PROGRAM} runs --workspace {workspace.path}; find {workspace.runs_path} -type f
mount -o remount,ro {workspace.runs_path}
{command}; echo "read-only $?"
"""
    done = subprocess.run(
        [*private_mounts(), "bash", "-c", script], capture_output=True, text=True, check=False, timeout=500
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.split("\n")[:-1] == ["full 3", "read-only 3"]
    first, second = (line for line in done.stderr.split("\n") if "cannot be kept" in line)
    assert f"Runs cannot be kept in {workspace.runs_path}: No space left on device." in first
    assert f"Runs cannot be kept in {workspace.runs_path}: Read-only file system." in second
    assert not list_runs(workspace)


def test_a_stopped_repetition_leaves_the_completed_run(workspace: Workspace, write: Write) -> None:
    path = write("good", "import time; time.sleep(0.2)")
    first = run(workspace, str(path))
    limits = Limits()
    limits.stop.set()
    again = run(workspace, str(path), force=True, limits=limits)
    assert again.record.status == "cancelled"
    kept = read_record(first.folder)
    assert kept is not None
    assert (kept.status, kept.started) == ("completed", first.record.started)


@pytest.mark.slow  # 20 s of processor time: fifty runs, killed half way
def test_fifty_runs_killed_half_way_are_resumed_where_they_were(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    write("one", "top", parameters="top = 1")
    file = tmp_path / "b.yaml"
    file.write_text(f"runs: [{{notebook: one.ipynb, matrix: {{top: {list(range(50))}}}}}]")
    runner = subprocess.Popen(
        [PROGRAM, "batch", file, "--workspace", workspace.path], stderr=subprocess.DEVNULL
    )
    while sum(record.status == "completed" for record in list_runs(workspace)) < 25:
        time.sleep(0.2)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    kept = {r.id: r.started for r in list_runs(workspace) if r.status == "completed"}
    assert 25 <= len(kept) < 50
    done = batch(workspace, file)
    assert not done.failed
    assert {run.id: run.record.started for run in done.runs if run.cached} == kept
    stored = workspace.tables().frame("runs")
    completed = stored.loc[stored["status"] == "completed", "run_id"]
    assert sorted(completed) == sorted(run.id for run in done.runs)
