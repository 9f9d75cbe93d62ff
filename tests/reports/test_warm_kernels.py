"""A run in a forked kernel is the run in a plain one, and goes on in a plain one where forking fails."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars  # noqa: F401 - gives every process that it starts a setting of its allocator
import pytest

from workbench.reports.batches import batch
from workbench.reports.execution import Executed, Limits, execute
from workbench.reports.kernel import warm_kernels
from workbench.reports.notebook import bare
from workbench.reports.receipt import notebook_bytes
from workbench.reports.record import read_record
from workbench.reports.verification import verify
from workbench.store.workspace import Workspace

from .conftest import TOTALS, Write, notebook

DRAWN = (
    "import os, random, sys, time, numpy\n"
    "print(random.random(), numpy.random.rand(), hash('x'), {chr(c) for c in range(97, 117)})",
    "own = {'JPY_PARENT_PID', 'JPY_SESSION_NAME', 'IPYTHONDIR'}\n"
    "print(time.tzname, os.listdir(), sorted((k, v) for k, v in os.environ.items() if k not in own))",
    "print(sys.path, sys.flags, len(sys.argv), os.path.basename(sys.argv[0]), os.umask(0o22))",
    "import altair as alt\nimport pandas as pd\nalt.renderers.enable('workbench')\n"
    "alt.Chart(pd.DataFrame({'x': [1, 2], 'y': [3, 4]}), title='A line').mark_line().encode(x='x', y='y')",
    "import polars as pl\npl.DataFrame({'x': [1, 2, 2]}).lazy().group_by('x').len().sort('x').collect()",
    "import duckdb\nduckdb.sql('SELECT 1 + 1 AS two').df()",
    "import ibis\nrandom.random(), numpy.random.rand()",
    "def deeper():\n    return deeper()\ntry:\n    deeper()\nexcept RecursionError as error:\n    e = error\n"
    "n, t = 0, e.__traceback__\nwhile t:\n    n, t = n + 1, t.tb_next\nn",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("warm") / "w"


@pytest.fixture(scope="module")
def parent(place: Path) -> Iterator[None]:
    with warm_kernels(place) as reason:
        assert reason == ()
        made = place / "runs" / "work"
        made.mkdir(parents=True)
        assert go(made, "'imported by now'").measured.kernel == "warm"
        yield


@pytest.fixture
def folder(place: Path) -> Path:
    made = place / "runs" / "work"
    made.mkdir(parents=True, exist_ok=True)
    return made


def go(folder: Path, *code: str, limits: Limits | None = None, warm: bool = True, **given: Any) -> Executed:
    return execute(bare(notebook(*code)), {}, folder=folder, limits=limits, warm=warm, **given)


def texts(done: Executed) -> list[str]:
    outputs = [output for cell in done.notebook["cells"] for output in cell.get("outputs", [])]
    return [output.get("text") or output["data"]["text/plain"] for output in outputs]


def test_a_warm_run_gives_the_bytes_of_a_plain_one(parent: None, folder: Path) -> None:
    warm, plain = (go(folder, *DRAWN, warm=warm, seed=3) for warm in (True, False))
    assert warm.measured.why == ""
    assert (warm.measured.kernel, plain.measured.kernel) == ("warm", "plain")
    assert warm.failure is None
    assert texts(warm) == texts(plain)
    assert notebook_bytes(warm.notebook) == notebook_bytes(plain.notebook)


def test_nothing_of_a_run_is_there_in_the_next(parent: None, folder: Path) -> None:
    leave = (
        "import math, os, numpy\nmath.pi = 3\nos.environ['LEFT'] = '1'\nnumpy.seterr(all='raise')\nleft = 1"
    )
    look = "import math, os, numpy as np\nmath.pi, os.getenv('LEFT'), np.geterr()['divide'], 'left' in dir()"
    assert go(folder, leave).measured.kernel == "warm"
    assert texts(go(folder, look)) == ["(3.141592653589793, None, 'warn', False)"]


@pytest.mark.parametrize("warm", [True, False])
def test_what_a_kernel_used_is_measured(parent: None, folder: Path, warm: bool) -> None:
    busy = "import subprocess, sys\nburn = 'import time\\nwhile time.process_time() < 0.6: pass'\n"
    done = go(
        folder,
        busy + "_ = subprocess.run([sys.executable, '-c', burn])\nx = bytearray(200_000_000)",
        warm=warm,
    )
    assert done.measured.kernel == ("warm" if warm else "plain")
    assert done.measured.cpu_seconds is not None
    assert done.measured.cpu_seconds > 0.6
    assert done.measured.peak_bytes is not None
    assert done.measured.peak_bytes > 200_000_000


@pytest.mark.parametrize(
    ("code", "seconds", "kind", "says"),
    [
        ("import time; time.sleep(60)", 3.0, "timeout", "the time limit was reached"),
        ("import os; os.kill(os.getpid(), 9)", 60.0, "kernel", "killed; memory may have run out"),
        ("import os; os.abort()", 60.0, "kernel", "ended by signal 6 (Aborted)"),
        ("import os; os._exit(3)", 60.0, "error", "ended its own kernel, with exit code 3: no cell after it"),
        ("exit()", 60.0, "error", "ended its own kernel, with exit: no cell after it"),
        ("1 / 0", 60.0, "error", "division by zero"),
    ],
)
def test_a_warm_run_that_fails_keeps_what_it_had(
    parent: None, folder: Path, code: str, seconds: float, kind: str, says: str
) -> None:
    done = go(folder, "print('before')", code, "print('never')", limits=Limits(seconds=seconds))
    assert done.measured.kernel == "warm"
    assert done.failure is not None
    assert (done.failure.kind, done.failure.cell) == (kind, 4)
    assert says in done.failure.message
    assert texts(Executed(notebook=done.notebook | {"cells": done.notebook["cells"][4:]}, failure=None)) == []
    assert texts(Executed(notebook=done.notebook | {"cells": done.notebook["cells"][:3]}, failure=None)) == [
        "before\n"
    ]


def test_an_exit_with_nothing_behind_it_is_a_good_end(parent: None, folder: Path) -> None:
    assert go(folder, "print('done')", "exit()").failure is None


def test_a_run_whose_parent_is_killed_is_made_again_in_a_plain_kernel(tmp_path: Path) -> None:
    folder = tmp_path / "w" / "runs" / "work"
    folder.mkdir(parents=True)
    wait = "import os, time\nfirst = not os.path.exists('left')\n"
    wait += "with open('left', 'w') as file:\n    _ = file.write(str(os.getppid()))\ntime.sleep(2)\nfirst"
    with warm_kernels(tmp_path / "w") as reason:
        assert reason == ()
        killer = threading.Thread(target=kill_the_parent_of, args=(folder / "left",))
        killer.start()
        done = go(folder, wait)
        killer.join()
        assert done.failure is None
        assert texts(done) == ["True"], "what the first attempt had left was cleared away"
        assert (done.measured.kernel, done.measured.why) == ("plain", "the warm parent ended during the run")
        again = go(folder, "1 + 1")
        assert (texts(again), again.measured.kernel) == (["2"], "plain")
        assert again.measured.why == "no warm parent is there"
        with warm_kernels(tmp_path / "w"):  # in spite of the socket that was left
            assert go(folder, "1 + 1").measured.kernel == "warm"


def kill_the_parent_of(sign: Path) -> None:
    """Kill, once the sign is there, the process whose number it holds; where no run starts, none comes."""
    end = time.monotonic() + 120
    while not sign.exists() or not sign.read_text():
        assert time.monotonic() < end, "no run has started"
        time.sleep(0.05)
    parent = int(sign.read_text())
    assert "workbench.reports.warm.parent" in Path(f"/proc/{parent}/cmdline").read_text()
    os.kill(parent, signal.SIGKILL)


def test_a_batch_runs_warm_and_is_verified_plain(workspace: Workspace, write: Write) -> None:
    write(
        "small", "import workbench as wb\nws = wb.open(workspace, data_version)", TOTALS, parameters="top = 1"
    )
    plan = write("plan").with_name("plan.yaml")
    plan.write_text("runs: [{notebook: small.ipynb, matrix: {top: [1, 2]}}]")
    done = batch(workspace, plan)
    assert [run.record.measured["kernel"] for run in done.runs] == ["warm", "warm"]
    again = read_record(done.runs[0].folder)
    assert again is not None
    assert again.measured["cpu_seconds"] > 0
    assert verify(workspace, done.runs[0].id).same
    receipt = (done.runs[0].folder / "receipt.json").read_text()
    assert "cpu_seconds" not in receipt
    assert "warm" not in receipt


def test_a_batch_goes_on_when_its_parent_is_killed(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    sign = tmp_path / "sign"
    code = f"import os, pathlib, time\n_ = pathlib.Path({str(sign)!r}).write_text(str(os.getppid()))\n"
    code += "time.sleep(2)"
    write("slow", code, "top", parameters="top = 1")
    plan = write("plan").with_name("plan.yaml")
    plan.write_text("jobs: 2\nruns: [{notebook: slow.ipynb, matrix: {top: [1, 2, 3]}}]")
    killer = threading.Thread(target=kill_the_parent_of, args=(sign,))
    killer.start()
    done = batch(workspace, plan)
    killer.join()
    assert not done.failed
    assert "the warm parent ended during the run" in {run.record.measured["why"] for run in done.runs}
