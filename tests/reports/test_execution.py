"""One kernel: how it is pinned, and every way in which it may end."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import pytest

from workbench.reports.execution import Executed, Limits, execute
from workbench.reports.notebook import bare

from .conftest import notebook


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "w" / "runs" / "work"
    made.mkdir(parents=True)
    return made


def texts(done: Executed) -> list[str]:
    outputs = [output for cell in done.notebook["cells"] for output in cell.get("outputs", [])]
    return [output.get("text") or output["data"]["text/plain"] for output in outputs]


def go(folder: Path, *code: str, seed: int = 0, limits: Limits | None = None, **values: Any) -> Executed:
    names = "\n".join(f"{name} = None" for name in values)
    values["workspace"] = "../.."
    return execute(bare(notebook(*code, parameters=names)), values, folder=folder, seed=seed, limits=limits)


def test_greeting_a_client_takes_no_random_number(folder: Path) -> None:
    # A busy machine greets more often while it starts: what is drawn then would differ from run to run.
    done = go(folder, "import random", "get_ipython().kernel.banner", "print(random.random())", seed=3)
    assert float(texts(done)[-1]) == random.Random(3).random()  # noqa: S311 - what the kernel draws


def test_a_kernel_is_pinned_private_and_silent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    done = go(
        folder,
        "import os, random, sys, numpy\nprint(os.getcwd(), os.listdir(), os.environ['OMP_NUM_THREADS'])",
        "print({chr(c) for c in range(97, 117)}, hash('x'), random.random(), numpy.random.rand())",
        "print('noise', file=sys.stderr)\nget_ipython().kernel.parent.transport",
        "text",
        text='it\'s\n"{{7*7}}" \u202e $(id) \\',
    )
    assert done.failure is None
    first, second, transport, text = texts(done)
    assert first == "../../runs/work [] 1\n"
    assert second == texts(go(folder, "import random, numpy", done.notebook["cells"][4]["source"]))[0]
    assert transport == "'ipc'"
    assert eval(text) == 'it\'s\n"{{7*7}}" \u202e $(id) \\'  # noqa: S307 - the repr of a text
    assert "noise" not in str(done.notebook["cells"][5]["outputs"])


def test_a_run_shows_what_a_page_without_a_kernel_can_show(folder: Path) -> None:
    shown = "from workbench.widgets import journey_browser\njourney_browser(None, instead='a picture')"
    assert texts(go(folder, shown)) == ["'a picture'"]


def test_seeds_tell_runs_apart(folder: Path) -> None:
    one, two = (texts(go(folder, "import random; random.random()", seed=seed)) for seed in (1, 2))
    assert one != two


def test_a_failing_cell_is_named(folder: Path) -> None:
    done = go(folder, "x = 1\nx", "if x:\n    1 / 0", "print('never')")
    assert done.failure is not None
    assert (done.failure.kind, done.failure.cell, done.failure.line) == ("error", 5, "if x:")
    assert done.failure.message == "ZeroDivisionError: division by zero"
    assert texts(Executed(notebook=done.notebook | {"cells": done.notebook["cells"][:4]}, failure=None)) == [
        "1"
    ]
    assert [cell["id"] for cell in done.notebook["cells"]] == [
        "head",
        "c0",
        "injected-parameters",
        "c1",
        "c2",
        "c3",
    ]


@pytest.mark.parametrize(
    ("code", "seconds", "kind"),
    [
        ("import time; time.sleep(90)", 15.0, "timeout"),  # a busy machine takes long to begin
        ("import os; os.kill(os.getpid(), 9)", 60.0, "kernel"),
        ("import os; os._exit(3)", 60.0, "error"),
    ],
)
def test_a_run_that_never_ends_or_dies_keeps_what_it_had(
    folder: Path, code: str, seconds: float, kind: str
) -> None:
    done = go(folder, "print('before')", code, limits=Limits(seconds=seconds))
    assert done.failure is not None
    assert done.failure.kind == kind
    assert done.failure.cell == 5
    assert texts(done)[0] == "before\n"


def test_a_run_can_be_stopped(folder: Path) -> None:
    limits = Limits()
    threading.Timer(1.5, limits.stop.set).start()
    done = go(folder, "import time; time.sleep(60)", limits=limits)
    assert done.failure is not None
    assert done.failure.kind == "cancelled"
