"""What a schedule owes after a run reaches people: each once, later where it cannot be now, never lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import WorkspaceError
from workbench.reports.delivery import list_deliveries
from workbench.reports.record import read_record
from workbench.reports.schedule import read_schedule
from workbench.reports.schedule_health import schedule_findings
from workbench.reports.schedule_owed import read_owed
from workbench.reports.schedule_record import ALERTS, Outcome, read_outcomes, schedule_folder
from workbench.reports.scheduler import run_entry, serve
from workbench.store.workspace import Workspace

from .conftest import OPEN, Write
from .delivering import Hooks, Mailbox, free_port, hook_server, mail_server
from .test_scheduler import SUNDAY, Hands, served, wait_for

ANA = "Ana <ana@example.com>"
PROGRAM = Path(sys.executable).with_name("workbench")


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def port(mailbox: Mailbox) -> Iterator[int]:
    with mail_server(mailbox) as port:
        yield port


def planned(folder: Path, port: int, cron: str = "0 4 * * *", **more: Any) -> None:
    """Write a schedule of two notebooks, one of which breaks, and the plan of its deliveries."""
    server = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "wb@example.com", "timeout": 5}
    plan = {
        "mail": server,
        "attempts": 1,
        "targets": [{"kind": "email", "to": [ANA], "formats": ["html"]}, {"kind": "digest", "to": [ANA]}],
        "alerts": [{"kind": "email", "to": ["ops@example.com"]}, {"kind": "folder", "path": "alerts"}],
    }
    (folder / "delivery.yaml").write_text(json.dumps(plan | more))
    (folder / "b.yaml").write_text("runs: [{notebook: good.ipynb}, {notebook: bad.ipynb}]")
    entry = {"name": "set <b>", "cron": cron, "batch": "b.yaml", "deliver": "delivery.yaml"}
    document = {"time_zone": "UTC", "alerts": "delivery.yaml", "entries": [entry | {"publish": "out"}]}
    (folder / "schedule.yaml").write_text(json.dumps(document))


def notebooks(write: Write) -> None:
    write("good", OPEN, "2 + 2")
    write("bad", "1 / 0")


def short(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(one.what, one.status) for one in outcomes]


def test_reports_and_alerts_of_a_batch_go_out_once(
    workspace: Workspace, write: Write, tmp_path: Path, mailbox: Mailbox, port: int
) -> None:
    notebooks(write)
    planned(tmp_path, port)
    plan = read_schedule(tmp_path / "schedule.yaml")
    outcomes = served(workspace, plan, SUNDAY, SUNDAY + timedelta(hours=5))
    assert short(outcomes) == [("run", "failed"), ("delivery", "completed"), ("alert", "completed")]
    assert outcomes[1].says.startswith("Deliveries: 2 sent.")
    subjects = sorted(str(message["Subject"]) for message in mailbox.messages)
    assert [subject.partition(" – ")[0] for subject in subjects] == [
        "ALERT: set <b>",
        "Reports: 1 report",
        "Small report",
    ]
    alert = next(m for m in mailbox.messages if str(m["Subject"]).startswith("ALERT"))
    assert alert["To"] == "ops@example.com"
    text, html = (alert.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert "ZeroDivisionError" in text.get_content()
    assert "set &lt;b&gt;" in html.get_content()
    [file] = (tmp_path / "alerts").iterdir()
    told = json.loads(file.read_text())
    assert (told["kind"], told["entry"], told["what"]) == ("alert", "set <b>", "run")
    assert (tmp_path / "out" / "index.html").is_file()
    assert read_owed(schedule_folder(workspace)) == []
    # The next day nothing has changed: the failure is told again, the report is not sent again.
    day = timedelta(days=1)
    later = served(workspace, plan, SUNDAY + timedelta(hours=5), SUNDAY + day + timedelta(hours=5))
    assert short(later) == [("run", "failed"), ("delivery", "completed"), ("alert", "completed")]
    assert later[1].says.startswith("Deliveries: 2 had been sent before.")
    assert len(mailbox.messages) == 4
    stored = workspace.tables().frame("runs")
    assert stored["scheduled"].all()
    assert not stored["on_time"].any()  # they ended by the machine's clock, years after this one


def test_a_server_that_is_away_is_tried_for_a_day_and_then_reported(
    workspace: Workspace, write: Write, tmp_path: Path, mailbox: Mailbox
) -> None:
    notebooks(write)
    (tmp_path / "bad.ipynb").write_text((tmp_path / "good.ipynb").read_text())
    away = free_port()
    planned(tmp_path, away, "0 4 * * SUN")
    plan, said, folder = read_schedule(tmp_path / "schedule.yaml"), list[str](), schedule_folder(workspace)
    clock = Hands(SUNDAY + timedelta(hours=5), SUNDAY + timedelta(days=9))

    def call() -> list[tuple[str, str]]:
        return short(run_entry(workspace, plan, "set <b>", due_only=True, clock=clock, say=said.append))

    def until_it_is_tried_again() -> list[tuple[str, str]]:
        (owed,) = read_owed(folder)
        clock.at = owed.at - timedelta(seconds=1)
        assert call() == [("run", "skipped")]
        clock.at = owed.at
        return call()

    assert call() == [("run", "completed")]
    with mail_server(mailbox, port=away):
        assert until_it_is_tried_again() == [("run", "skipped"), ("delivery", "completed")]
    assert len(mailbox.messages) == 3  # both reports, and the digest
    (tmp_path / "w" / "deliveries").rename(tmp_path / "aside")  # as if nothing had been sent
    (folder / "state.json").unlink()
    begun = clock.at
    assert call() == [("run", "completed")]
    waits = [read_owed(folder)[0].at - clock.at]
    while True:
        before = clock.at
        tried = until_it_is_tried_again()
        waits.append(clock.at - before)
        if len(tried) > 1:
            break
    assert [wait.total_seconds() / 60 for wait in waits[1:7]] == [5, 10, 20, 40, 60, 60]
    assert timedelta(days=1) <= clock.at - begun < timedelta(days=1, hours=1)
    assert tried == [("run", "skipped"), ("delivery", "failed")]
    given_up = read_outcomes(folder)[-1]
    assert "the connection failed" in given_up.says
    assert "When it is mended: workbench deliver --plan" in given_up.says
    assert "What failed is tried again at" in said[-1]
    (alert,) = read_owed(folder)  # by the same server; in a folder it stands already
    assert alert.alert is not None
    assert (alert.alert.what, len(list((tmp_path / "alerts").iterdir()))) == ("delivery", 1)


def test_what_fails_for_good_is_reported_at_once_and_the_rest_goes_on(
    workspace: Workspace, write: Write, tmp_path: Path, mailbox: Mailbox, port: int
) -> None:
    notebooks(write)
    mailbox.recipient = ["550 no such user", "450 come back", "250 OK", "550 no such user", "250 OK"]
    to = ["gone@example.com", "busy@example.com", ANA]
    planned(tmp_path, port, targets=[{"kind": "digest", "to": to}], alerts=[{"kind": "folder", "path": "a"}])
    plan = read_schedule(tmp_path / "schedule.yaml")
    outcomes = served(workspace, plan, SUNDAY, SUNDAY + timedelta(hours=5))
    by = [one for one in outcomes if one.what == "delivery"]
    assert [one.status for one in by] == ["failed", "completed"]
    assert "550 no such user" in by[0].says
    assert "450" not in by[0].says
    assert len(mailbox.messages) == 2
    assert len(list((tmp_path / "a").iterdir())) == 2  # one for the run, one for the delivery


def test_an_alert_by_webhook_and_one_that_reaches_nobody(
    workspace: Workspace, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebooks(write)
    hooks = Hooks()
    hook = {"kind": "webhook", "url_variable": "HOOK"}
    planned(tmp_path, 9, targets=[{"kind": "folder", "path": "to"}], alerts=[hook])
    plan = read_schedule(tmp_path / "schedule.yaml")
    clock = Hands(SUNDAY + timedelta(hours=5), SUNDAY + timedelta(hours=5))
    outcomes = run_entry(workspace, plan, "set <b>", due_only=True, clock=clock)
    assert short(outcomes) == [("run", "failed"), ("delivery", "completed"), ("alert", "failed")]
    assert "has no HOOK" in outcomes[-1].says
    assert read_owed(schedule_folder(workspace)) == []  # that it could not be told is no alert in turn
    assert [one.what for one in read_outcomes(schedule_folder(workspace), ALERTS)] == ["run", "alert"]
    with hook_server(hooks) as port:
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{port}/s3cret")
        clock.at += timedelta(days=1)
        assert short(run_entry(workspace, plan, "set <b>", due_only=True, clock=clock))[-1] == (
            "alert",
            "completed",
        )
    [(_, headers, content)] = hooks.got
    assert (content["entry"], content["workspace"], content["kind"]) == ("set <b>", "small", "alert")
    assert "Idempotency-Key" in headers
    [step] = [step for step in list_deliveries(workspace) if step.channel == "webhook"]
    assert step.target == f"127.0.0.1:{port}"


def test_killed_while_it_delivers(
    workspace: Workspace, write: Write, tmp_path: Path, mailbox: Mailbox, port: int
) -> None:
    notebooks(write)
    mailbox.data = ["hold"]
    folder = [{"kind": "folder", "path": "a"}]
    planned(tmp_path, port, targets=[{"kind": "digest", "to": [ANA]}], alerts=folder)
    words = [PROGRAM, "schedule", "run", "schedule.yaml", "--workspace", "w", "--entry", "set <b>"]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        wait_for(lambda: mailbox.holding.is_set() or process.poll() is not None, 240)
        os.kill(process.pid, signal.SIGKILL)
        assert mailbox.holding.is_set(), process.communicate()
    [good] = [r for p in workspace.runs_path.glob("good-*") if (r := read_record(p)) is not None]
    assert sorted(one.what for one in read_owed(schedule_folder(workspace))) == ["alert", "delivery"]
    plan = read_schedule(tmp_path / "schedule.yaml")
    clock = Hands(datetime.now(UTC), datetime.now(UTC))
    outcomes = list(serve(workspace, plan, clock=clock, once=True))
    assert sorted(short(outcomes)) == [("alert", "completed")] * 2 + [("delivery", "failed")]
    assert "may have arrived" in next(one.says for one in outcomes if one.status == "failed")
    assert mailbox.messages == []  # nobody knows whether it went, so it is not sent again by itself
    assert read_record(workspace.runs_path / good.id) == good


def test_damaged_files_are_named(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    notebooks(write)
    planned(tmp_path, 9)
    place = schedule_folder(workspace) / "owed"
    place.mkdir()
    (place / "x.json").write_text("{}")
    with pytest.raises(WorkspaceError, match=r"x\.json is damaged"):
        next(serve(workspace, read_schedule(tmp_path / "schedule.yaml"), once=True))


def test_the_doctor_tells_of_the_schedule(
    workspace: Workspace, write: Write, tmp_path: Path, mailbox: Mailbox, port: int
) -> None:
    assert schedule_findings(workspace) == []
    notebooks(write)
    planned(tmp_path, free_port())
    plan = read_schedule(tmp_path / "schedule.yaml")
    clock = Hands(SUNDAY + timedelta(hours=5), SUNDAY + timedelta(hours=5))
    run_entry(workspace, plan, "set <b>", due_only=True, clock=clock)
    schedule, deliveries = schedule_findings(workspace)
    assert (schedule.status, deliveries.status) == ("bad", "note")
    assert "set <b> failed" in schedule.says
    assert "2 wait to be tried again" in deliveries.says
    planned(tmp_path, port)
    (tmp_path / "bad.ipynb").write_text((tmp_path / "good.ipynb").read_text())
    clock.at += timedelta(days=1)
    run_entry(workspace, plan, "set <b>", due_only=True, clock=clock)
    assert [one.status for one in schedule_findings(workspace)] == ["well", "well"]
