"""Media mix runs on disk: whole or not at all, whatever kills the process that writes them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import WorkspaceError
from workbench.store import Workspace
from workbench.store.mix_runs import (
    DIED,
    begin,
    read_arrays,
    read_document,
    stored_run,
    stored_runs,
    write_arrays,
    write_document,
    write_record,
)

WRITER = """
import sys, time
import numpy as np
from workbench.store import Workspace
from workbench.store.mix_runs import begin, write_arrays, write_record
with begin(Workspace.open(sys.argv[1]), sys.argv[2], {"status": "draft"}) as run:
    write_record(run.folder, run.document | {"status": "running"})
    write_arrays(run.folder, "draws.npz", {"a": np.arange(3)})
    print(run.document["id"], flush=True)
    time.sleep(600)
"""
FULL = """
import resource, sys
import numpy as np
from workbench.errors import WorkspaceError
from workbench.store import Workspace
from workbench.store.mix_runs import begin, clear, write_arrays, write_record
with begin(Workspace.open(sys.argv[1]), "big", {"status": "running"}) as run:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        write_arrays(run.folder, "draws.npz", {"a": np.zeros(1_000_000)})
    except WorkspaceError as error:
        print(error)
        write_record(run.folder, run.document | {"status": "failed", "error": str(error)})
"""


def test_who_may_read_a_run_is_as_the_umask_says(workspace: Workspace) -> None:
    before = os.umask(0o027)
    try:
        with begin(workspace, "own", {"status": "draft"}) as run:
            write_document(run.folder, "fit.json", {"a": 1})
            write_arrays(run.folder, "draws.npz", {"a": np.zeros(3)})
    finally:
        os.umask(before)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (run.folder, *run.folder.iterdir())}
    expected = dict.fromkeys(("lock", "run.json", "fit.json", "draws.npz"), "0o640")
    assert modes == {"own": "0o750"} | expected


def test_what_was_written_is_read_bit_by_bit(workspace: Workspace) -> None:
    odd = np.array([0.1, -0.0, np.nan, np.inf, 5e-324])
    with begin(workspace, "Größe / ../x", {"status": "draft"}) as run:
        assert run.folder.parent == workspace.path / "mix"
        array = write_arrays(run.folder, "draws.npz", {"odd": odd, "days": np.array(["2024-01-01"], "M8[D]")})
        text = write_document(run.folder, "fit.json", {"a": "é"})
        write_record(run.folder, run.document | {"status": "completed"})
    found = read_arrays(run.folder, "draws.npz", array)
    assert found["odd"].tobytes() == odd.tobytes()
    assert read_document(run.folder, "fit.json", text) == {"a": "é"}
    assert [one.document["status"] for one in stored_runs(workspace)] == ["completed"]
    assert stored_run(workspace, run.document["id"][:3]).folder == run.folder
    with pytest.raises(WorkspaceError, match="was changed"):
        read_document(run.folder, "fit.json", array)
    with pytest.raises(WorkspaceError, match="cannot be read"):
        read_document(run.folder, "gone.json", array)


def test_nothing_in_a_file_is_executed(workspace: Workspace) -> None:
    with begin(workspace, "one", {"status": "draft"}) as run, pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(run.folder, "draws.npz", {"a": np.array([object()])})
    assert not list(run.folder.glob("*.npz"))
    assert not list(run.folder.glob(".draws*"))


def test_names_that_are_taken_get_a_number(workspace: Workspace) -> None:
    with (
        begin(workspace, "tv", {"status": "draft"}) as one,
        begin(workspace, "tv", {"status": "draft"}) as two,
    ):
        assert [one.document["id"], two.document["id"]] == ["tv", "tv-2"]
        assert [run.document["status"] for run in stored_runs(workspace)] == ["draft", "draft"]
    with pytest.raises(WorkspaceError, match="There is no media mix run 'radio'"):
        stored_run(workspace, "radio")
    with pytest.raises(WorkspaceError, match="There is no media mix run '\\.\\./mix'"):
        stored_run(workspace, "../mix")
    assert stored_run(workspace, "tv").document["id"] == "tv"
    with pytest.raises(WorkspaceError, match="2 media mix runs"):
        stored_run(workspace, "t")


def test_a_run_whose_process_was_killed_is_seen_as_failed(workspace: Workspace) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(workspace.path), "tv"], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    names = [writer.stdout.readline().strip() for writer in writers if writer.stdout]
    assert sorted(names) == ["tv", "tv-2"]
    assert [run.document["status"] for run in stored_runs(workspace)] == ["running", "running"]
    writers[0].send_signal(signal.SIGKILL)
    writers[0].wait()
    status = {run.document["id"]: run.document["status"] for run in stored_runs(workspace)}
    assert status == {names[0]: "failed", names[1]: "running"}
    record = json.loads((workspace.path / "mix" / names[0] / "run.json").read_text())
    assert (record["status"], record["error"]) == ("failed", DIED)
    assert sorted(path.name for path in (workspace.path / "mix" / names[0]).iterdir()) == ["lock", "run.json"]
    writers[1].kill()
    writers[1].wait()
    assert stored_run(workspace, names[1]).document["status"] == "failed"


def test_a_full_disk_leaves_one_clear_error_and_no_part(workspace: Workspace) -> None:
    told = subprocess.run(
        [sys.executable, "-c", FULL, str(workspace.path)], capture_output=True, text=True, check=True
    )
    assert "cannot be written" in told.stdout
    assert "Make room" in told.stdout
    run = stored_run(workspace, "big")
    assert run.document["status"] == "failed"
    assert sorted(path.name for path in run.folder.iterdir()) == ["lock", "run.json"]


def test_a_record_that_cannot_be_read_is_passed_over(workspace: Workspace) -> None:
    for name, text in {"torn": '{"status": "comp', "odd": "[1]", "none": ""}.items():
        (workspace.path / "mix" / name).mkdir(parents=True)
        (workspace.path / "mix" / name / "run.json").write_text(text)
    assert stored_runs(workspace) == []
    with pytest.raises(WorkspaceError, match="cannot be read"):
        stored_run(workspace, "torn")


def test_a_run_without_its_lock_has_died(workspace: Workspace) -> None:
    with begin(workspace, "tv", {"status": "running"}) as run:
        assert stored_run(workspace, "tv").document["status"] == "running"
        (run.folder / "lock").unlink()
        assert stored_run(workspace, "tv").document["status"] == "failed"


def test_a_link_out_of_the_workspace_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace.create(tmp_path / "other")
    with begin(other, "secret", {"status": "draft"}) as run, begin(workspace, "own", {"status": "draft"}):
        (workspace.path / "mix" / "secret").symlink_to(run.folder)
        assert [one.document["id"] for one in stored_runs(workspace)] == ["own"]
        with pytest.raises(WorkspaceError, match="cannot be read"):
            stored_run(workspace, "secret")
    for path in (workspace.path / "mix").iterdir():
        path.unlink() if path.is_symlink() else shutil.rmtree(path)
    (workspace.path / "mix").rmdir()
    (workspace.path / "mix").symlink_to(tmp_path)
    with pytest.raises(WorkspaceError, match="is a link"):
        stored_runs(workspace)


def test_a_record_of_which_a_figure_was_changed_is_not_read(workspace: Workspace) -> None:
    """A currency, a belief or a verdict on a gate that is another one by a byte would look right."""
    with begin(workspace, "weekly", {"status": "draft", "spec": {"median": 2.5}, "id": ""}) as run:
        write_record(run.folder, run.document | {"status": "completed"})
    path = workspace.path / "mix" / "weekly" / "run.json"
    whole = path.read_text()
    assert stored_run(workspace, "weekly").document["spec"] == {"median": 2.5}
    assert "record_sha256" not in stored_run(workspace, "weekly").document
    for before, after in (("2.5", "2.6"), ("2.5", "NaN"), ("weekly", "weeklx")):
        path.write_text(whole.replace(before, after, 1))
        with pytest.raises(WorkspaceError, match="cannot be read"):
            stored_run(workspace, "weekly")
