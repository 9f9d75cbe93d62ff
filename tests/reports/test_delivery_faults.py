"""Servers that answer by drips or leave in the middle, files that change, and many deliveries."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from workbench.reports.delivery import Delivered, deliver, list_deliveries
from workbench.reports.delivery_faults import NotSent
from workbench.reports.delivery_journal import FOLDER, tidy
from workbench.reports.delivery_plan import check_plan, read_plan
from workbench.reports.delivery_reports import chosen_reports
from workbench.reports.publication import publish
from workbench.reports.runs import run
from workbench.store.workspace import Workspace

from .conftest import OPEN, make_workspace, write_notebook
from .delivering import Mailbox, drip, leave_in_the_middle, mail_server, speaking_server


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a workspace with one published report; tests work on copies."""
    folder = tmp_path_factory.mktemp("faults")
    workspace = make_workspace(folder / "w")
    assert run(workspace, str(write_notebook(folder, "small", OPEN))).completed
    publish(workspace, folder / "out")
    return workspace.path


@pytest.fixture
def workspace(original: Path, tmp_path: Path) -> Workspace:
    return Workspace.open(copytree(original, tmp_path / "w"))


def mailed(port: int, **more: Any) -> dict[str, Any]:
    server = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "wb@example.com",
        "timeout": 2,
    }
    target = {"kind": "email", "to": ["ana@example.com"], "formats": ["html", "csv"]}
    return {"mail": server, "targets": [target], "attempts": 1} | more


def send(workspace: Workspace, document: dict[str, Any]) -> Delivered:
    return deliver(workspace, check_plan(document), environment={}, sleep=lambda _: None)


def test_an_answer_by_drips_is_none(workspace: Workspace) -> None:
    begun = time.monotonic()
    with speaking_server(drip) as port:
        hook = {"kind": "webhook", "url": f"http://127.0.0.1:{port}/", "timeout": 0.5}
        by_mail, by_hook = send(workspace, mailed(port)), send(workspace, {"targets": [hook], "attempts": 1})
    assert time.monotonic() - begun < 120  # it drips on and on
    assert "the server did not answer in time" in by_mail.outcomes[0].sentence
    assert by_mail.outcomes[0].passing
    # The figures were handed over before; the receiver may have them.
    assert by_hook.outcomes[0].status == "unknown"
    assert "no answer came in time" in by_hook.outcomes[0].sentence


def test_a_server_that_leaves_in_the_middle_of_a_message(workspace: Workspace, mailbox: Mailbox) -> None:
    with speaking_server(leave_in_the_middle) as port:
        (outcome,) = send(workspace, mailed(port)).outcomes
    # Whether its last byte had left this machine by then is chance: if so, nobody can know.
    assert outcome.status in {"failed", "unknown"}
    assert outcome.passing == (outcome.status == "failed")
    with mail_server(mailbox) as port:
        (after,) = send(workspace, mailed(port)).outcomes
    assert after.status == ("sent" if outcome.status == "failed" else "unknown")
    assert len(mailbox.messages) == (outcome.status == "failed")


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.mark.parametrize("form", ["html", "json", "csv"])
def test_a_file_that_changes_before_it_is_sent_stays(workspace: Workspace, form: str, tmp_path: Path) -> None:
    [report], _ = chosen_reports(workspace, (), tmp_path)
    file = report.files[form]
    assert file.read() == file.path.read_bytes()
    file.path.write_bytes(file.path.read_bytes() + b" ")
    with pytest.raises(NotSent, match="is not what was published"):
        file.read()
    file.path.unlink()
    with pytest.raises(NotSent, match="cannot be read"):
        file.read()


def test_a_changed_table_is_not_delivered(workspace: Workspace, tmp_path: Path) -> None:
    [path] = workspace.runs_path.glob("small-*/report.csv")
    path.write_text("campaign,spend\n1,2\n")
    done = send(
        workspace, {"targets": [{"kind": "folder", "path": str(tmp_path / "to"), "formats": ["csv"]}]}
    )
    assert done.outcomes == ()
    assert "report.csv" in done.notes[0]
    assert "is not what was published" in done.notes[0]


def test_many_deliveries_become_one_file_and_are_still_known(workspace: Workspace, tmp_path: Path) -> None:
    folders = [{"kind": "folder", "path": str(tmp_path / f"to-{n}"), "formats": ["html"]} for n in range(5)]
    sent = send(workspace, {"targets": folders}).outcomes
    assert [one.status for one in sent] == ["sent"] * 5
    place = workspace.path / FOLDER
    steps = list_deliveries(workspace)
    later = datetime.now(UTC) + timedelta(days=40)
    assert tidy(workspace.path, most=5, moment=later) == 0  # not many
    assert tidy(workspace.path, most=1) == 0  # not old
    assert tidy(workspace.path, most=1, moment=later) == 5
    assert [path.name for path in place.iterdir()] == ["earlier.lines"]
    assert list_deliveries(workspace) == steps
    assert [one.status for one in send(workspace, {"targets": folders}).outcomes] == ["kept"] * 5
    # What failed is never tidied away, nor what a kill cut off in the middle of a line.
    first = sent[0].step.id
    (place / f"{first}.jsonl").write_text(json.dumps({"id": first}) + '\n{"id": ')
    (place / "earlier.lines").write_bytes((place / "earlier.lines").read_bytes() + b'{"id": "cut')
    assert tidy(workspace.path, most=0, moment=later) == 0
    assert [one.status for one in send(workspace, {"targets": folders[1:]}).outcomes] == ["kept"] * 4


def test_paths_of_a_plan_start_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plans").mkdir()
    document = mailed(25, targets=[{"kind": "folder", "path": "to"}], published="../out")
    document["alerts"] = [{"kind": "folder", "path": "/alerts"}]
    document["mail"]["authority"] = "ca.pem"
    (tmp_path / "plans" / "p.yaml").write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)
    plan = read_plan(Path("plans/p.yaml"))
    assert plan.mail is not None
    assert plan.mail.authority == str(tmp_path / "plans" / "ca.pem")
    assert plan.targets[0].model_dump()["path"] == str(tmp_path / "plans" / "to")
    assert plan.alerts[0].model_dump()["path"] == "/alerts"
    assert plan.published is not None
    assert Path(plan.published).resolve() == tmp_path / "out"
