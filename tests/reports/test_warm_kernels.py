"""A run in a forked kernel is the run in a plain one, and goes on in a plain one where forking fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.reports.execution import Executed, Limits, execute
from workbench.reports.kernel import warm_kernels
from workbench.reports.notebook import bare
from workbench.reports.receipt import notebook_bytes

from .conftest import notebook

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
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("warm") / "w"


@pytest.fixture(scope="module")
def parent(workspace: Path) -> Iterator[None]:
    with warm_kernels(workspace) as reason:
        assert reason == ""
        yield


@pytest.fixture
def folder(workspace: Path) -> Path:
    made = workspace / "runs" / "work"
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
