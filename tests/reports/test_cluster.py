"""A batch on a real Dask scheduler with two worker processes on this machine, and faults of each part."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree

import pytest

import workbench
from workbench.errors import RunFailed, UsageError
from workbench.reports.batches import batch
from workbench.reports.cluster import cluster
from workbench.reports.record import RunRecord, read_record
from workbench.reports.runs import executed_notebook, list_runs
from workbench.reports.schedule import read_schedule
from workbench.reports.scheduler import run_entry
from workbench.store.workspace import Workspace

from .conftest import OPEN, TOTALS, Write, kernels_below
from .delivering import free_port

PROGRAM = Path(sys.executable).with_name("workbench")
# It ends when the test lets it, and says which kernel runs it.
GATED = "import pathlib, time, os\nwhile not pathlib.Path(gate).exists():\n    time.sleep(0.05)\ntop"
QUIET = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false", "DASK_DISTRIBUTED__ADMIN__LOG_LENGTH": "0"}


@dataclass
class Loopback:
    """A scheduler and worker processes on this machine."""

    port: int
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    scheduler: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"dask://127.0.0.1:{self.port}"

    def listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True
        return False

    def begin(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a part of the cluster."""
        log = (self.folder / f"{words[0]}-{len(self.workers)}.log").open("wb")
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
        return subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | QUIET | environment, cwd=self.folder
        )

    def add_worker(self, **environment: str) -> None:
        at = f"127.0.0.1:{self.port}"
        words = ("worker", at, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
        self.workers.append(self.begin(*words, "--memory-limit", "0", **environment))


@contextmanager
def loopback(folder: Path, workers: int) -> Iterator[Loopback]:
    made = Loopback(port=free_port(), folder=folder)
    words = ("--host", "127.0.0.1", "--port", str(made.port), "--no-dashboard", "--no-show")
    with ExitStack() as ended:
        made.scheduler = made.begin("scheduler", *words)
        ended.callback(lambda: [end(part) for part in (*made.workers, made.scheduler)])
        for _ in range(workers):
            made.add_worker()
        wait_for(made.listens)
        yield made


def end(part: subprocess.Popen[bytes] | None) -> None:
    if part is not None:
        part.kill()
        part.wait()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    with loopback(tmp_path_factory.mktemp("dask"), 2) as made:
        yield made


def wait_for(true: Callable[[], object], seconds: float = 300) -> None:
    end_ = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end_
        time.sleep(0.05)


def written(folder: Path, *runs: str) -> Path:
    path = folder / "batch.yaml"
    path.write_text("runs:\n" + "".join(f"  - {{{one}}}\n" for one in runs))
    return path


@contextmanager
def started(workspace: Workspace, path: Path, on: Loopback) -> Iterator[subprocess.Popen[str]]:
    """Give a batch on a cluster as a process, which ends with the block."""
    words = [PROGRAM, "batch", path, "--workspace", workspace.path, "--on", on.address]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as client:
        try:
            yield client
        finally:
            client.kill()


def kept(workspace: Workspace) -> dict[str, bytes]:
    """Return every file of every run that ended, but for its record, which has times."""
    return {
        str(path.relative_to(workspace.runs_path)): path.read_bytes()
        for path in workspace.runs_path.glob("[!.]*/*")
        if path.name != "record.json"
    }


def busy(workspace: Workspace) -> list[RunRecord]:
    """Return the runs that are in their last cell."""
    records = map(read_record, workspace.runs_path.glob(".active/*/[!.]*"))
    return [one for one in records if one is not None and one.status == "running" and one.progress > 0.7]


def test_bytes_are_those_of_this_machine(
    two_workers: Loopback, workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    write("one", OPEN, TOTALS)
    write("broken", OPEN, "1 / 0")
    path = written(tmp_path, "notebook: one.ipynb", "notebook: broken.ipynb")
    here = Workspace.open(copytree(workspace.path, tmp_path / "here"))
    with started(workspace, path, two_workers) as client:
        said = client.communicate(timeout=300)
    assert said[0] == "1 of 2 runs completed, 1 failed.\n", said[1]
    assert "ZeroDivisionError" in said[1]
    done = batch(here, path, jobs=1)
    assert done.sentence == "1 of 2 runs completed, 1 failed."
    assert kept(workspace) == kept(here)
    assert len([name for name in kept(here) if name.endswith("receipt.json")]) == 1
    # What was done there is not done again here.
    assert batch(workspace, written(tmp_path, "notebook: one.ipynb")).runs[0].cached
    assert not list((workspace.cache_path / "dask").iterdir())


def test_a_worker_killed_half_way(
    two_workers: Loopback, workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    write("slow", GATED, parameters=f"gate = {str(tmp_path / 'gate')!r}\ntop = 1")
    path = written(tmp_path, "notebook: slow.ipynb, matrix: {top: [1, 2]}")
    with started(workspace, path, two_workers) as client:
        wait_for(lambda: len(busy(workspace)) == 2)
        end(two_workers.workers.pop(0))
        two_workers.add_worker()
        # Its run is recorded as ended by that, and waits for the other worker.
        wait_for(lambda: [one for one in list_runs(workspace) if one.attempts or one.status == "failed"])
        (tmp_path / "gate").touch()
        out, err = client.communicate(timeout=300)
    assert out == "2 of 2 runs completed.\n", err
    stored = workspace.tables().frame("runs")
    assert sorted(stored["status"]) == ["completed", "completed", "failed"]
    assert stored.loc[stored["status"] == "completed", "run_id"].is_unique
    [again] = [one for one in list_runs(workspace) if one.attempts]
    assert "the worker was lost while it ran this: tcp://127.0.0.1:" in again.attempts[0].message
    assert [one.status for one in list_runs(workspace)] == ["completed", "completed"]


def test_a_schedule_names_a_cluster(
    two_workers: Loopback, workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    write("whose", "import os\nos.getppid()")
    written(tmp_path, "notebook: whose.ipynb")
    lines = "name: {}, cron: '0 6 * * *', time_zone: UTC, batch: batch.yaml, on: '{}'"
    there = lines.format("there", two_workers.address)
    nowhere = lines.format("nowhere", f"dask://127.0.0.1:{free_port()}")
    (tmp_path / "schedule.yaml").write_text(f"entries: [{{{there}}}, {{{nowhere}}}]")
    plan = read_schedule(tmp_path / "schedule.yaml")
    [refused] = run_entry(workspace, plan, "nowhere")
    assert refused.status == "failed"
    assert "There is no Dask scheduler at 127" in refused.says
    assert list_runs(workspace) == []
    [done] = run_entry(workspace, plan, "there")
    assert (done.status, done.says) == ("completed", "1 of 1 runs completed.")
    [record] = list_runs(workspace)
    shown = executed_notebook(workspace.runs_path / record.id)["cells"][-1]["outputs"][0]["data"]
    assert int("".join(shown["text/plain"])) in {worker.pid for worker in two_workers.workers}


@pytest.mark.slow
def test_the_client_killed(two_workers: Loopback, workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("slow", GATED, parameters=f"gate = {str(tmp_path / 'gate')!r}\ntop = 1")
    path = written(tmp_path, "notebook: slow.ipynb, matrix: {top: [1, 2]}")
    with started(workspace, path, two_workers) as client:
        wait_for(lambda: len(busy(workspace)) == 2)
        client.send_signal(signal.SIGKILL)
    wait_for(lambda: not kernels_below(workspace.runs_path))  # nobody waits for them any more
    assert {one.status for one in list_runs(workspace)} == {"failed"}
    assert not [name for name in kept(workspace) if name.endswith("receipt.json")]
    (tmp_path / "gate").touch()
    with cluster(two_workers.address, workspace) as there:
        assert there.jobs == 2
        assert batch(workspace, path, jobs=there).sentence == "2 of 2 runs completed."


@pytest.mark.slow
def test_time_limits_and_a_polite_end(
    two_workers: Loopback, workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    write("slow", GATED, parameters=f"gate = {str(tmp_path / 'gate')!r}\ntop = 1")
    path = written(tmp_path, "notebook: slow.ipynb")
    with cluster(two_workers.address, workspace, jobs=1) as there:
        done = batch(workspace, path, jobs=there, limits={"timeout": 2})
    [failed] = done.failed
    assert failed.record.error is not None
    assert failed.record.error.kind == "timeout"
    with started(workspace, path, two_workers) as client:
        wait_for(lambda: busy(workspace))
        client.terminate()
        assert "what was running is recorded as cancelled" in client.communicate(timeout=300)[1]
    assert [one.status for one in list_runs(workspace)] == ["cancelled"]
    wait_for(lambda: not kernels_below(workspace.runs_path))


@pytest.mark.slow
def test_a_scheduler_that_ends(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("slow", GATED, parameters=f"gate = {str(tmp_path / 'gate')!r}\ntop = 1")
    path = written(tmp_path, "notebook: slow.ipynb")
    with loopback(tmp_path, 1) as made, cluster(made.address, workspace) as there:

        def follow() -> None:
            wait_for(lambda: busy(workspace))
            end(made.scheduler)

        thread = threading.Thread(target=follow)
        thread.start()
        with pytest.raises(RunFailed, match="connection to the Dask scheduler was lost"):
            batch(workspace, path, jobs=there)
        thread.join()
    assert [one.status for one in list_runs(workspace)] == ["cancelled"]
    wait_for(lambda: not kernels_below(workspace.runs_path))


def test_unfit_clusters_are_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="Write dask://HOST:PORT"), cluster("tcp://x:1", workspace):
        pass
    at = f"dask://127.0.0.1:{free_port()}"
    with pytest.raises(RunFailed, match="There is no Dask scheduler at 127"), cluster(at, workspace):
        pass
    assert not list((workspace.cache_path / "dask").glob("*"))


@pytest.mark.slow
def test_workers_of_another_source_or_without_the_workspace(workspace: Workspace, tmp_path: Path) -> None:
    # Another copy of the package, with one byte more.
    package = Path(workbench.__file__).parent
    copytree(package, tmp_path / "other" / "workbench", ignore=lambda *_: ["__pycache__"])
    with (tmp_path / "other" / "workbench" / "errors.py").open("a") as file:
        file.write("\n")
    with loopback(tmp_path, 0) as made:
        made.add_worker(PYTHONPATH=str(tmp_path / "other"))
        said = r"tcp://\S+ differs in source \(\w+, here \w+\)"
        with pytest.raises(RunFailed, match=said), cluster(made.address, workspace):
            pass
        end(made.workers.pop())
        # A namespace of its own hides the workspace from the next worker.
        alone = ["unshare", "--map-root-user", "--mount"]
        if subprocess.run([*alone, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
            pytest.skip("this machine allows no namespaces")
        words = f"--no-nanny --nthreads 1 --no-dashboard --host 127.0.0.1 127.0.0.1:{made.port}"
        begin = f"exec {sys.executable} -m distributed.cli.dask_worker {words}"
        hidden = ["sh", "-c", f"mount -t tmpfs none {workspace.path} && {begin}"]
        made.workers.append(subprocess.Popen([*alone, *hidden], cwd="/", stderr=subprocess.DEVNULL))
        said = "does not see this workspace at .*: share the folder under one path"
        with pytest.raises(RunFailed, match=said), cluster(made.address, workspace):
            pass
