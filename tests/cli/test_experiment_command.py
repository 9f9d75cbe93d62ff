"""The commands of experiments, from a definition to a decision, on a workspace of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import workbench.cli.experiment
from workbench.cli.app import app
from workbench.errors import BadInput, UsageError, WorkbenchError
from workbench.store import Workspace

assert workbench.cli.experiment  # its import adds the commands

_DEFINITION = """
name: new_subject
hypothesis: A question in the subject gets more orders.
primary: orders
variants: {control: 0.5, question: 0.5}
guardrails: [aov]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(Workspace.create(tmp_path / "acme").path)


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    path = tmp_path / "test.yaml"
    path.write_text(_DEFINITION)
    return path


def run(folder: Path, *arguments: object, fails: type[WorkbenchError] | None = None) -> Any:
    done = CliRunner().invoke(app, ["experiment", *map(str, arguments), "--workspace", str(folder)])
    if fails:
        assert isinstance(done.exception, fails), done.output
        return str(done.exception)
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def test_a_life(folder: Path, definition: Path, tmp_path: Path) -> None:
    assert "no experiments yet" in run(folder, "list")
    made = run(folder, "create", definition, "--reason", "Asked for by Ann.", "--json")
    assert (made["status"], made["version"], made["definition"]["split"]) == ("draft", 1, [0.5, 0.5])
    assert made["history"][0]["reason"] == "Asked for by Ann."
    assert made["history"][0]["changed_by"]
    again = CliRunner().invoke(app, ["experiment", "create", str(definition), "-w", str(folder)])
    assert "Nothing changed" in again.stderr
    run(folder, "start", "new_subject")
    users = tmp_path / "users.csv"
    users.write_text(
        "\ufeffname,user_id\n" + "".join(f"n,u{number}\n" for number in range(1000)) + "n,u1\nn,\n"
    )
    done = run(folder, "assign", "new_subject", "--users", users, "--json")
    assert sum(done["users"].values()) == 1000
    assert done["known"] == 0
    listed = run(folder, "list", "--json")
    assert [(one["name"], one["status"], sum(one["users"].values())) for one in listed] == [
        ("new_subject", "running", 1000)
    ]
    definition.write_text(_DEFINITION.replace("0.5, question: 0.5", "0.6, question: 0.4"))
    assert "split cannot change" in run(folder, "create", definition, fails=UsageError)
    run(folder, "pause", "new_subject")
    run(folder, "assign", "new_subject", "--users", users, fails=UsageError)
    ended = run(folder, "complete", "new_subject", "--reason", "Two weeks are over.", "--json")
    assert [change["status"] for change in ended["history"]] == ["draft", "running", "paused", "completed"]
    assert "nothing can follow" in run(folder, "start", "new_subject", fails=UsageError)
    text = run(folder, "show", "new_subject")
    assert "Two weeks are over." in text
    assert "users in 'control'" in text


def test_options_define_one_too(folder: Path, tmp_path: Path) -> None:
    made = run(
        folder, "create", "--name", "b", "--primary", "ctr", "--variants", "old:0.9, new:0.1", "--json"
    )
    assert made["definition"]["variants"] == ["old", "new"]
    assert made["definition"]["split"] == [0.9, 0.1]
    run(folder, "create", fails=UsageError)
    run(folder, "create", "--name", "c", fails=UsageError)
    assert "old:0.9,new:0.1" in run(
        folder, "create", "--name", "c", "--primary", "ctr", "--variants", "a:1,b", fails=UsageError
    )
    assert "Did you mean 'ctr'" in run(folder, "create", "--name", "c", "--primary", "ctrr", fails=UsageError)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: [", "test.yaml"),
        ("name: x\nprimary: ctr\nstatus: running", "begins as a draft"),
        ("name: x\nname: y", "stands twice"),
        ("name: x\nprimary: ctr\nkind: colour", "expected 'message'"),
        ("- a", "not a mapping"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(folder: Path, definition: Path, text: str, told: str) -> None:
    definition.write_text(text)
    assert told in run(folder, "create", definition, fails=BadInput)


def test_a_missing_file_or_name_is_said(folder: Path, tmp_path: Path) -> None:
    assert "No such file" in run(folder, "create", tmp_path / "no.yaml", fails=BadInput)
    assert "There is no experiment 'x'" in run(folder, "show", "x", fails=UsageError)
    run(folder, "create", "--name", "x", "--primary", "ctr")
    assert "No such file" in run(folder, "assign", "x", "--users", tmp_path / "no", fails=BadInput)
    (tmp_path / "long").write_text("u" * 2000)
    assert "not the id" in run(folder, "assign", "x", "--users", tmp_path / "long", fails=BadInput)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in run(folder, "assign", "x", "--users", tmp_path / "bytes", fails=BadInput)
