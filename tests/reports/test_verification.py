"""A run is compared with its receipt: what is the same is said so, what is not is named."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from workbench.errors import WorkspaceError
from workbench.reports import verification
from workbench.reports.inputs import platform_facts
from workbench.reports.notebook import sha256, to_bytes
from workbench.reports.receipt import receipt_bytes
from workbench.reports.runs import Run, list_runs, run
from workbench.reports.verification import Verified, first_difference, verify
from workbench.store.manifest import withdraw_currency
from workbench.store.workspace import Workspace

from .conftest import OPEN, TOTALS, Write, add_spend, make_workspace, notebook, write_notebook


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    path = write_notebook(folder, "small", OPEN, TOTALS, "top", parameters="top = 3\nsections = []")
    # The receipt sorts names, so what was injected must not depend on how they were given.
    given = {"top": 4, "sections": [{"title": "b", "by": "a"}]}
    assert run(make_workspace(folder / "w"), str(path), given).completed
    return folder / "w"


@pytest.fixture
def workspace(original: Path, tmp_path: Path) -> Workspace:
    return Workspace.open(copytree(original, tmp_path / "w"))


@pytest.fixture
def done(workspace: Workspace) -> Run:
    record = list_runs(workspace)[0]
    return Run(record=record, folder=workspace.runs_path / record.id)


def change(folder: Path, name: str, old: str, new: str) -> None:
    file = folder / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_run_is_verified_on_the_data_it_read(workspace: Workspace, done: Run, write: Write) -> None:
    found = verify(workspace, done.id)
    assert found == Verified(id=done.id, outputs=2)
    assert found.sentence == f"{done.id} is verified: all 2 outputs are the same, byte for byte."
    add_spend(workspace, {"new": 9.0}, "load-2")
    write("small", OPEN, "'another notebook by now'")
    assert verify(workspace, done.id[:12]).same


@pytest.mark.parametrize(
    ("name", "old", "new", "where"),
    [
        ("notebook.ipynb", "'spend': 100.0", "'spend': 900.0", "cell 5 (t = ws.query("),
        ("notebook.ipynb", "Decide nothing", "Decide all", "it was changed after the run"),
        ("notebook.ipynb", '"cells"', "", "cannot be read"),
        ("notebook.ipynb", '"id"', '"no id"', "cannot be read"),
        ("record.json", '"top": 4', '"top": 5', "record.json, parameters: was"),
        ("record.json", '"started": "', '"started": "x', "it cannot be read"),
        ("record.json", '"completed"', '"failed"', "does not say that the run completed"),
        ("record.json", '"title": "Small', '"title": "Large', "record.json, title: was"),
        ("record.json", '"data_version": ', '"data_version": 1', "record.json, data_version: was"),
    ],
)
def test_changed_files_are_found_before_anything_is_run(
    workspace: Workspace, done: Run, name: str, old: str, new: str, where: str
) -> None:
    change(done.folder, name, old, new)
    found = verify(workspace, done.id)
    assert not found.same
    assert where in found.sentence


def test_a_currency_is_of_the_versions_that_knew_it(workspace: Workspace, done: Run) -> None:
    """Months after a run a file may say what the money is in: the run stays what it was."""
    before = done.record.data_version
    workspace.set_currency("EUR", "load-9")
    assert workspace.tables().currency is None  # a load that is under way is not seen
    add_spend(workspace, {"new": 9.0}, "load-9")
    assert [workspace.tables(version).currency for version in (before, None)] == [None, "EUR"]
    withdraw_currency(workspace.path, "load-9", workspace.tables().version)
    assert [workspace.tables(version).currency for version in (before, before + 1)] == [None, "EUR"]
    assert workspace.currency is None


def test_a_currency_that_was_said_afterwards_is_named(workspace: Workspace, done: Run) -> None:
    workspace.set_currency("USD")
    found = verify(workspace, done.id)
    assert "money was in no currency, and is said to be in USD now" in found.sentence
    assert not found.repeated


def test_pages_that_nothing_vouches_for_and_other_versions_are_named(
    workspace: Workspace, done: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (done.folder / "report.html").write_text("<p>Buy.</p>")
    facts = platform_facts()
    newer = facts | {"packages": facts["packages"] | {"duckdb": "99.1"}}
    monkeypatch.setattr(verification, "platform_facts", lambda: newer)
    found = verify(workspace, done.id)
    assert found.same
    assert found.notes[0].startswith("report.html: published.json does not name it.")
    assert found.notes[1:] == (
        f"Other versions than in the run: duckdb was {facts['packages']['duckdb']}, is 99.1.",
    )


def test_a_changed_receipt_is_found(workspace: Workspace, done: Run) -> None:
    change(done.folder, "receipt.json", '"seed": 0', '"seed": 1')
    with pytest.raises(WorkspaceError, match="was changed after it was written"):
        verify(workspace, done.id)


def test_a_forged_run_does_not_come_out_again(workspace: Workspace, done: Run) -> None:
    """Whoever forges notebook and receipt together is found by making the run again."""
    change(done.folder, "notebook.ipynb", "'spend': 100.0", "'spend': 900.0")
    stored = json.loads((done.folder / "notebook.ipynb").read_text())
    receipt: dict[str, Any] = json.loads((done.folder / "receipt.json").read_text())
    del receipt["sha256"]
    for told in receipt["outputs"]:
        cell = next(c for c in stored["cells"] if c["id"] == told["cell"])
        told["sha256"] = sha256(to_bytes(cell["outputs"][told["number"] - 1]))
    receipt["result"]["sha256"] = sha256((done.folder / "notebook.ipynb").read_bytes())
    (done.folder / "receipt.json").write_bytes(receipt_bytes(receipt | {"sha256": sha256(to_bytes(receipt))}))
    found = verify(workspace, done.id)
    assert found.difference is not None
    assert found.difference.where.startswith("cell 5 (t = ws.query(")
    was, is_now = found.difference.what.split(", is now ")
    assert ": 900.0}" in was
    assert ": 100.0}" in is_now


def test_what_changes_by_itself_is_named(workspace: Workspace, write: Write) -> None:
    made = run(workspace, str(write("clock", OPEN, "'steady'", "import time; print(1); time.time_ns()")))
    found = verify(workspace, made.id)
    assert found.difference is not None
    assert found.difference.where == "cell 6 (import time; print(1); time.time_ns()), output 2"
    assert found.difference.what.startswith("text/plain was '")


def test_unknown_and_unfinished_runs(workspace: Workspace, write: Write) -> None:
    with pytest.raises(WorkspaceError, match="There is no run 'nothing'"):
        verify(workspace, "nothing")
    with pytest.raises(WorkspaceError, match="There is no run"):
        verify(workspace, "../../etc")
    broken = run(workspace, str(write("broken", "1 / 0")))
    with pytest.raises(WorkspaceError, match="did not complete"):
        verify(workspace, broken.id)


def test_data_that_is_gone_or_another_is_named(workspace: Workspace, done: Run, tmp_path: Path) -> None:
    other = Workspace.create(tmp_path / "other")
    add_spend(other, {"a": 1.0}, "another load")
    copytree(done.folder, other.runs_path / done.id)
    assert "is not what the run read" in verify(other, done.id).sentence
    empty = Workspace.create(tmp_path / "empty")
    copytree(done.folder, empty.runs_path / done.id)
    gone = verify(empty, done.id)
    assert (gone.same, gone.repeated, gone.to_json()["repeated"]) == (False, False, False)
    assert gone.sentence.startswith(f"{done.id} cannot be made again. The data: version ")
    assert "is gone" in gone.sentence
    assert gone.sentence.endswith("Its files are as its receipt says.")
    file = next(workspace.store_path.rglob("daily_performance/**/*.parquet"))
    whole = file.read_bytes()
    file.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    assert "changed since it was written" in verify(workspace, done.id).sentence


def test_the_first_difference_of_two_notebooks() -> None:
    one, two = notebook("1", "2"), notebook("1", "2")
    assert first_difference(one, two) is None
    two["cells"][3]["source"] = "3"
    assert str(first_difference(one, two)).startswith("cell 4 (2): was '2', is now '3'")
    one["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x"}]
    assert str(first_difference(one, two)) == "cell 3 (1), output 1: it is missing now"
