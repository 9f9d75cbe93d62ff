"""The commands that run and publish, called as a person or a scheduler calls them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from workbench.cli import main

PROGRAM = Path(sys.executable).with_name("workbench")
Called = subprocess.CompletedProcess[str]
Call = Callable[..., Called]

PARAMETERS = 'workspace = "../data/demo"\ndata_version = None\ntop = 3\nname = "x"'
UNCHANGED = """
import sys
from workbench.cli import main

try:
    main(["batch", "b.yaml", "--workspace", "w"])
except SystemExit:
    pass
print(*sys.modules)
"""
CELLS = ["import workbench as wb\nws = wb.open(workspace, data_version)", "top, name, ws.version"]


@pytest.fixture
def folder(empty_workspace: Path, tmp_path: Path) -> Path:
    """Return a folder with an empty workspace `w`, and the notebooks `small` and `broken`."""
    shutil.copytree(empty_workspace, tmp_path / "w")
    for name, cells in (("small", CELLS), ("broken", ["1 / 0"])):
        notebook = {
            "cells": [
                {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Small"},
                *(
                    {
                        "cell_type": "code",
                        "id": f"c{number}",
                        "metadata": {"tags": ["parameters"]} if number == 0 else {},
                        "source": source,
                        "execution_count": None,
                        "outputs": [],
                    }
                    for number, source in enumerate([PARAMETERS, *cells])
                ),
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(notebook))
    return tmp_path


@pytest.fixture
def call(folder: Path) -> Call:
    def called(*words: str, code: int = 0) -> Called:
        done = subprocess.run(
            [PROGRAM, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return called


@pytest.fixture
def ask(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Return `call` for what reads only: asked in this process, it is spared its start, most of its time."""

    def asked(*words: str, code: int = 0) -> Called:
        monkeypatch.chdir(folder)
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([*words])
        told = capsys.readouterr()
        assert int(left.value.code or 0) == code, told.out + told.err
        assert "Traceback" not in told.err
        return Called(words, code, told.out, told.err)

    return asked


def runs(ask: Call) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(ask("runs", "--workspace", "w", "--json").stdout)
    return listed


def on_a_terminal(folder: Path, program: str) -> tuple[str, str]:
    """Return what a program shows on a terminal, and what it says to another program."""
    looked, terminal = os.openpty()
    command = [sys.executable, "-c", program]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=terminal, text=True)
    os.close(terminal)
    shown = b""
    with suppress(OSError):  # the other end is closed
        while part := os.read(looked, 4096):
            shown += part
    os.close(looked)
    return shown.decode(), running.communicate(timeout=120)[0]


def test_from_a_run_to_a_page(folder: Path, call: Call, ask: Call) -> None:
    (folder / "p.yaml").write_text("notebook: small\nparameters: {top: 4, name: from the file}")
    words = ["run", "small.ipynb", "--params", "p.yaml", "-p", "name=a=b", "--workspace", "w"]
    first = json.loads(call(*words, "--json").stdout)
    assert first["parameters"] == {"top": 4, "name": "a=b"}
    assert (first["status"], first["cached"], first["tenant"]) == ("completed", False, "acme")
    again = call(*words)
    assert "is unchanged since it was run" in again.stderr
    assert again.stdout.strip() == str(folder / "w" / "runs" / first["id"])

    assert call("run", "broken.ipynb", "--workspace", "w", code=1).stderr.endswith(
        "Small failed, error in cell 4 (1 / 0): ZeroDivisionError: division by zero.\n"
    )
    listed = runs(ask)
    assert [(run["notebook"], run["status"]) for run in listed] == [
        ("broken", "failed"),
        ("small", "completed"),
    ]
    assert listed[0]["started"] > listed[1]["started"]
    assert listed[0]["error"]["cell"] == 4
    assert first["id"] in ask("runs", "--workspace", "w").stdout
    found = ask("runs", "--workspace", "w", "--since", "1h", "--status", "failed", "--text", "zero", "--json")
    assert [run["notebook"] for run in json.loads(found.stdout)] == ["broken"]

    verified = json.loads(call("verify", first["id"], "--workspace", "w", "--json").stdout)
    assert verified["same"]
    notebook = folder / "w" / "runs" / first["id"] / "notebook.ipynb"
    as_it_was = notebook.read_bytes()
    notebook.write_text(notebook.read_text().replace("(4, 'a=b'", "(5, 'a=b'"))
    changed = call("verify", first["id"], "--workspace", "w", code=1).stdout
    assert "cell 5 (top, name, ws.version) was changed after the run" in changed
    assert "There is no run 'nope'" in ask("verify", "nope", "--workspace", "w", code=3).stderr

    refused = ask("publish", "--workspace", "w", "--to", "out", code=3).stderr
    assert "was changed after the run" in refused
    notebook.write_bytes(as_it_was)
    index = call("publish", "--workspace", "w", "--to", "out").stdout.strip()
    assert Path(folder / index).is_file()
    assert len(list((folder / "out").glob("small*.html"))) == 1
    (folder / index).unlink()
    assert ask("gallery", "--workspace", "w", "--to", "out").stdout.strip() == index
    assert (
        json.loads(ask("publish", "--workspace", "w", "--json").stdout)["index"] == "reports/acme/index.html"
    )


def test_a_batch_with_a_failure_and_json(folder: Path, call: Call) -> None:
    (folder / "b.yaml").write_text(
        "runs: [{notebook: broken.ipynb}, {notebook: small.ipynb, matrix: {top: [1, 2]}},"
        " {notebook: small.ipynb, rows: [{top: 1}]}]"
    )
    done = call("batch", "b.yaml", "--workspace", "w", "--jobs", "2", "--json", code=1)
    told = json.loads(done.stdout)
    assert told["says"] == "2 of 3 runs completed, 1 failed."
    assert [run["status"] for run in told["runs"]] == ["failed", "completed", "completed"]
    assert "3/3" in done.stderr
    (folder / "b.yaml").write_text("runs: [{notebook: small.ipynb, matrix: {top: [1, 2]}}]")
    shown, said = on_a_terminal(folder, UNCHANGED)
    assert "2/2" in shown  # a bar
    found, loaded = said.splitlines()
    assert found == "0 of 2 runs completed, 2 unchanged since an earlier run."
    # That nothing is to be done is known before the libraries are loaded that take the time.
    assert not {"jupyter_client", "numpy", "pandas", "papermill", "pyarrow", "zmq"} & set(loaded.split())


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "exekutive", "--workspace", "w"], 2, "Did you mean 'executive'?"),
        (["run", "none.ipynb", "--workspace", "w"], 3, "no such notebook"),
        (["run", "small.ipynb"], 2, "--workspace"),
        (["run", "small.ipynb", "--workspace", "nowhere"], 3, "There is no workspace"),
        (["run", "small.ipynb", "-p", "tpo=1", "--workspace", "w"], 3, "Did you mean 'top'?"),
        (["run", "small.ipynb", "-p", "top=x", "--workspace", "w"], 3, "value 'x'"),
        (["run", "small.ipynb", "--params", "none.yaml", "--workspace", "w"], 3, "No such file"),
        (["run", "small.ipynb", "--params", "other.yaml", "--workspace", "w"], 3, "for another notebook"),
        (["run", "small.ipynb", "--params", "wrong.yaml", "--workspace", "w"], 3, "wrong.yaml, value 'two'"),
        (["run", "small.ipynb", "--params", "no.yaml", "--workspace", "w"], 3, "is not a mapping"),
        (["batch", "none.yaml", "--workspace", "w"], 3, "No such file"),
        (["batch", "b.yaml", "--jobs", "0", "--workspace", "w"], 2, "--jobs"),
        (["batch", "b.yaml", "--limit", "memroy=1", "--workspace", "w"], 2, "Did you mean 'memory'?"),
        (["batch", "b.yaml", "--limit", "timeout=soon", "--workspace", "w"], 2, "The limit timeout: input"),
        (["batch", "b.yaml", "--limit", "retries", "--workspace", "w"], 2, "The limit retries: input"),
        (["runs", "--status", "done", "--workspace", "w"], 2, "No status named 'done'"),
        (["runs", "--since", "yesterday", "--workspace", "w"], 2, "'yesterday' is no moment"),
        (["publish", "--workspace", "w", "--to", "small.ipynb"], 3, "the folder cannot be made"),
        (["verify", "x", "--workspace", "nowhere"], 3, "There is no workspace"),
    ],
)
def test_what_is_wrong_is_said_with_its_exit_code(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    says: str,
) -> None:
    (folder / "other.yaml").write_text("notebook: executive\nparameters: {}")
    (folder / "wrong.yaml").write_text("top: two")
    (folder / "no.yaml").write_text("parameters: false")
    (folder / "b.yaml").write_text("runs: [{notebook: small.ipynb}]")
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as left:
        main(words)
    told = capsys.readouterr()
    assert left.value.code == code
    assert says in " ".join(told.err.split())
    assert not told.out
    assert not list((folder / "w" / "runs").iterdir())


def test_doctor(folder: Path, ask: Call) -> None:
    done = subprocess.run(
        [PROGRAM, "doctor", "--workspace", "w", "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)
    checks = {check["name"]: check for check in told["checks"]}
    assert done.returncode == (0 if told["well"] else 1)
    assert {
        "Python",
        "packages",
        "kernel",
        "notebooks",
        "disk",
        "workspace",
        "loads",
        "runs",
    } <= checks.keys()
    assert checks["kernel"]["status"] == checks["workspace"]["status"] == "well"
    assert "acme: 0 rows" in checks["workspace"]["says"]
    assert "bad   workspace" in ask("doctor", "--workspace", "none", code=1).stdout
