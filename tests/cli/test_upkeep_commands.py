"""Erasing, compacting and vacuuming by command: what is asked, printed and left behind."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import workbench.cli.data
import workbench.cli.upkeep
from workbench.cli.app import app
from workbench.errors import UsageError, WorkspaceBusy, WorkspaceError
from workbench.reports.record import RunRecord, write_record
from workbench.store import Workspace

assert workbench.cli.data  # their imports add the commands
assert workbench.cli.upkeep
WHO = "ann@example.org"
RECORD = RunRecord(
    id="20240101-000000-aaaaaaaa",
    notebook="executive",
    title="Executive overview",
    parameters={},
    tenant="acme",
    data_version=4,
    status="completed",
)


def run(*arguments: object, answer: str | None = None) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=answer)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace of five loads; one user is in all of them."""
    given = tmp_path_factory.mktemp("given")
    folder = given / "acme"
    assert run("init", folder).exit_code == 0
    for number in range(5):
        users = "".join(
            f'{{"user_id": "{who}", "signup_at": "2024-01-0{number + 1}T00:00:00Z"}}\n'
            for who in (WHO, f"bob-{number}")
        )
        file = given / f"users-{number}.jsonl"
        file.write_text(users)
        done = run("ingest", file, "-w", folder)
        assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def folder(loaded: Path, tmp_path: Path) -> Path:
    return shutil.copytree(loaded, tmp_path / "acme")


def known(folder: Path) -> list[str]:
    found = Workspace.open(folder).tables().query("SELECT user_id FROM users ORDER BY ALL")
    return found["user_id"].to_pylist()


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_user_is_erased_after_a_yes(folder: Path) -> None:
    assert WHO in known(folder)
    done = run("erase", WHO, "--workspace", folder, answer="y\n")
    assert done.exit_code == 0
    assert "users: 1" in done.stdout.splitlines()
    assert "no id stands in any" in done.stderr
    assert "Erase 1 user from every version of workspace 'acme'?" in done.stderr
    assert WHO not in done.output
    assert known(folder) == [f"bob-{number}" for number in range(5)]
    assert WHO.encode() not in bytes_of(folder)


@pytest.mark.parametrize("answer", ["n\n", "\n", None])
def test_without_a_yes_nothing_happens(folder: Path, answer: str | None) -> None:
    before = bytes_of(folder)
    assert run("erase", WHO, "-w", folder, answer=answer).exit_code == 1
    assert bytes_of(folder) == before


def test_several_are_erased_without_asking(folder: Path) -> None:
    done = run("erase", WHO, "bob-1", WHO, "nobody", "-w", folder, "--yes", "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["rows"]["users"] == 2
    assert found["remaining"] == []
    assert found["data_version"] == Workspace.open(folder).tables().version
    again = run("erase", WHO, "-w", folder, "--yes")
    assert again.exit_code == 0
    assert "files deleted: 0" in again.stdout


def test_a_file_that_names_the_user_is_named_and_the_command_fails(folder: Path) -> None:
    (folder / "runs" / "page.html").write_text(f"<td>{WHO}</td>")
    done = run("erase", WHO, "-w", folder, "--yes")
    assert done.exit_code == 1
    assert "still stands in: runs/page.html" in done.stderr


def test_wrong_calls_erase_nothing(folder: Path, tmp_path: Path) -> None:
    assert run("erase", "-w", folder, "--yes").exit_code == 2
    assert isinstance(run("erase", " ", "-w", folder, "--yes").exception, UsageError)
    assert isinstance(run("erase", "a", "-w", tmp_path / "no", "--yes").exception, WorkspaceError)
    with Workspace.open(folder).writer():
        assert isinstance(run("erase", WHO, "-w", folder, "--yes").exception, WorkspaceBusy)
    assert WHO in known(folder)


def test_vacuum_keeps_what_runs_name(folder: Path) -> None:
    small = run("compact", "-w", folder, "--json")
    assert small.exit_code == 0
    assert json.loads(small.stdout)["files_after"] < json.loads(small.stdout)["files_before"]
    assert "many small files" in run("compact", "-w", folder).stdout
    later = replace(RECORD, id="20240102-000000-bbbbbbbb", data_version=99)  # of tables restored since
    for one in (RECORD, later):
        (folder / "runs" / one.id).mkdir()
        write_record(folder / "runs" / one.id, one)
    said = "0 files deleted, none of the versions that runs have read: 4.\n"
    assert run("vacuum", "-w", folder).stdout == said
    done = run("vacuum", "-w", folder, "--grace", 0, "--json")
    assert json.loads(done.stdout)["versions_of_runs"] == [4]
    assert json.loads(done.stdout)["files_deleted"] > 0
    assert len(Workspace.open(folder).tables(4).query("SELECT * FROM users")) == 4
    assert len(known(folder)) == 6
    with pytest.raises(WorkspaceError, match="old versions were vacuumed"):
        Workspace.open(folder).tables(3)
    assert run("erase", WHO, "-w", folder, "--yes").exit_code == 0
    assert run("vacuum", "-w", folder).stdout == "0 files deleted.\n"  # nobody can read that version any more


def test_the_newest_load_is_taken_back_after_a_yes(folder: Path) -> None:
    before = Workspace.open(folder).tables().version
    asked = run("undo", "-w", folder, answer="n\n")
    assert asked.exit_code == 1
    assert "users-4.jsonl into users would be taken back, and with it 2 rows of users" in asked.stderr
    assert "; 1 row of users that it had replaced would come back. Take it back?" in asked.stderr
    assert Workspace.open(folder).tables().version == before
    for one in (RECORD, replace(RECORD, id="20240102-000000-bbbbbbbb", data_version=before)):
        (folder / "runs" / one.id).mkdir()
        write_record(folder / "runs" / one.id, one)
    done = run("undo", "-w", folder, answer="y\n")
    assert "users-4.jsonl into users is taken back, and with it 2 rows of users; 1 row" in done.stdout
    assert done.stderr.endswith("have read it, and stay as they are: 20240102-000000-bbbbbbbb.\n")
    assert known(folder) == [WHO, *(f"bob-{number}" for number in range(4))]
    newest = "SELECT load_id FROM loads WHERE operation = 'ingest' ORDER BY loaded_at DESC LIMIT 1"
    ((load,),) = Workspace.open(folder).tables().listed(newest)
    told = json.loads(run("undo", load, "--workspace", folder, "--json").stdout)
    assert (told["table"], told["rows_left"], told["rows_returned"]) == ("users", {"users": 2}, {"users": 1})
    assert (told["data_version"], told["runs"]) == (before + 2, ["20240102-000000-bbbbbbbb"])
