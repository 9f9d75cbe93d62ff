"""The scheduler: what was missed is caught up once, kills at any moment, and two at once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import WorkspaceError
from workbench.reports.record import read_record
from workbench.reports.schedule import Schedule, read_schedule
from workbench.reports.schedule_record import (
    ALERTS,
    HISTORY,
    Outcome,
    at_work,
    keep_outcome,
    read_outcomes,
    schedule_folder,
)
from workbench.reports.scheduler import run_entry, serve
from workbench.store.workspace import Workspace

from .conftest import OPEN, Write

PROGRAM = Path(sys.executable).with_name("workbench")
SUNDAY = datetime(2024, 3, 31, tzinfo=UTC)  # Berlin's clocks leap from 2 to 3 at 1:00 UTC


class Ended(Exception):
    """The test's time is over."""


@dataclass
class Hands:
    """A clock that a test moves: to sleep is to move it."""

    at: datetime
    until: datetime
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        assert 0 <= seconds <= 60
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)
        if self.at > self.until:
            raise Ended


def scheduled(folder: Path, *entries: str, zone: str = "Europe/Berlin") -> Schedule:
    path = folder / "schedule.yaml"
    path.write_text(f"time_zone: {zone}\nentries:\n" + "".join(f"  - {{{one}}}\n" for one in entries))
    return read_schedule(path)


def served(workspace: Workspace, schedule: Schedule, start: datetime, end: datetime) -> list[Outcome]:
    """Return the outcomes of a scheduler that works from `start` to `end`."""
    outcomes: list[Outcome] = []
    with pytest.raises(Ended):
        outcomes.extend(serve(workspace, schedule, clock=Hands(start, end)))
    return outcomes


def short(outcomes: list[Outcome]) -> list[tuple[str, str, str]]:
    return [(one.entry, one.due, one.status) for one in outcomes]


def test_on_time_and_caught_up_once(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("one", "2 + 2")
    path = tmp_path / "b.yaml"
    path.write_text("runs: [{notebook: one.ipynb}]")
    plan = scheduled(
        tmp_path,
        "name: nightly, cron: '30 2 * * *', batch: b.yaml",
        "name: morning, cron: '0 7 * * *', notebook: one.ipynb, catch_up: false",
    )
    # A new schedule owes nothing of the past. The clocks leap over half past two: at three, once.
    assert short(served(workspace, plan, SUNDAY, SUNDAY + timedelta(hours=8))) == [
        ("nightly", "2024-03-31T03:00:00+02:00", "completed"),
        ("morning", "2024-03-31T07:00:00+02:00", "completed"),
    ]
    # Four days nobody was there: the one is made good once, the other not at all.
    later = served(workspace, plan, SUNDAY + timedelta(days=4, hours=8), SUNDAY + timedelta(days=4, hours=12))
    assert short(later) == [
        ("nightly", "2024-04-04T02:30:00+02:00", "completed"),
        ("morning", "2024-04-04T07:00:00+02:00", "skipped"),
    ]
    assert later[0].says.endswith("It stands for 4 times that were due, run once.")
    assert later[0].late == 7.5 * 3600
    assert (
        served(workspace, plan, SUNDAY + timedelta(days=4, hours=13), SUNDAY + timedelta(days=4, hours=20))
        == []
    )
    folder = schedule_folder(workspace)
    assert len(read_outcomes(folder)) == 4
    assert read_outcomes(folder, ALERTS) == []


def test_hours_that_come_twice_and_changed_times(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("one", "2 + 2")
    start = datetime(2024, 10, 26, 23, 40, tzinfo=UTC)  # Berlin's clocks go back from 3 to 2 at 1:00 UTC
    plan = scheduled(
        tmp_path,
        "name: once, cron: '15 2 * * *', notebook: one.ipynb",
        "name: hourly, cron: '30 * * * *', notebook: one.ipynb",
    )
    assert short(served(workspace, plan, start, start + timedelta(hours=2))) == [
        ("once", "2024-10-27T02:15:00+02:00", "completed"),
        ("hourly", "2024-10-27T02:30:00+02:00", "completed"),
        ("hourly", "2024-10-27T02:30:00+01:00", "completed"),
    ]
    changed = scheduled(tmp_path, "name: once, cron: '15 1 * * *', notebook: one.ipynb")
    said: list[str] = []
    clock = Hands(start + timedelta(hours=30), start + timedelta(hours=31))
    assert list(serve(workspace, changed, clock=clock, once=True, say=said.append)) == []
    assert said == [
        "once: its times were 15 2 * * * Europe/Berlin and are 15 1 * * * Europe/Berlin; they count from now."
    ]


def test_a_failure_alerts_and_the_others_go_on(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("one", "2 + 2")
    write("broken", "1 / 0")
    (tmp_path / "b.yaml").write_text("runs: [{notebook: broken.ipynb}, {notebook: one.ipynb}]")
    (tmp_path / "gone.yaml").write_text("runs: [{notebook: one.ipynb}]")
    plan = scheduled(
        tmp_path,
        "name: broken, cron: '0 4 * * *', batch: b.yaml",
        "name: gone, cron: '1 4 * * *', batch: gone.yaml",
        "name: well, cron: '2 4 * * *', notebook: one.ipynb",
    )
    (tmp_path / "gone.yaml").unlink()
    outcomes = served(workspace, plan, SUNDAY, SUNDAY + timedelta(hours=3))
    assert [one.status for one in outcomes] == ["failed", "failed", "completed"]
    assert outcomes[0].sentence.startswith(
        "ALERT: broken, due 2024-03-31T04:00:00+02:00, failed: 1 of 2 runs"
    )
    assert "ZeroDivisionError" in outcomes[0].says
    assert "No such file" in outcomes[1].says
    assert read_outcomes(schedule_folder(workspace), ALERTS) == outcomes[:2]


def test_a_run_that_ends_its_scheduler_is_given_up(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    write("one", "2 + 2")
    plan = scheduled(tmp_path, "name: a, cron: '0 4 * * *', notebook: one.ipynb")
    assert served(workspace, plan, SUNDAY, SUNDAY + timedelta(hours=1)) == []
    state = schedule_folder(workspace) / "state.json"
    written = json.loads(state.read_text())
    state.write_text(json.dumps({"a": written["a"] | {"attempts": 3}}))
    (outcome,) = served(workspace, plan, SUNDAY + timedelta(hours=2), SUNDAY + timedelta(hours=3))
    assert (outcome.status, outcome.says) == ("failed", "it was begun 3 times and cut off each time.")
    assert json.loads(state.read_text())["a"]["attempts"] == 0
    state.write_text(state.read_text()[:20])
    with pytest.raises(WorkspaceError, match="is damaged"):
        next(serve(workspace, plan, once=True))


def test_one_entry_now(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("one", "2 + 2")
    plan = scheduled(tmp_path, "name: a, cron: '0 4 * * *', notebook: one.ipynb")
    clock = Hands(SUNDAY + timedelta(hours=2), SUNDAY + timedelta(hours=2))
    assert [one.status for one in run_entry(workspace, plan, "a", clock=clock)] == ["completed"]
    assert list(serve(workspace, plan, clock=clock, once=True)) == []
    # A person's second call runs it again; cron's does not, nor does it for a time that has not come.
    assert [one.status for one in run_entry(workspace, plan, "a", clock=clock)] == ["completed"]
    assert called(workspace, plan, clock) == [("a", "2024-03-31T04:00:00+02:00", "skipped")]
    clock.at = SUNDAY + timedelta(days=1, hours=1, minutes=59, seconds=30)  # cron's clock is ahead
    assert called(workspace, plan, clock) == [("a", "2024-04-01T04:00:00+02:00", "completed")]
    clock.at += timedelta(minutes=1)
    assert list(serve(workspace, plan, clock=clock, once=True)) == []
    assert called(workspace, plan, clock) == [("a", "2024-04-01T04:00:00+02:00", "skipped")]
    stored = workspace.tables().frame("runs")
    assert stored["scheduled"].tolist() == [False]  # a person asked first; then nothing had changed


def called(workspace: Workspace, plan: Schedule, clock: Hands) -> list[tuple[str, str, str]]:
    """Return what became of an entry that cron calls."""
    return short(run_entry(workspace, plan, "a", due_only=True, clock=clock))


def test_a_run_on_time_and_a_late_one_are_told_apart(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    write("one", "2 + 2")
    plan = scheduled(tmp_path, "name: a, cron: '* * * * *', notebook: one.ipynb")
    assert [one.status for one in run_entry(workspace, plan, "a", due_only=True)] == ["completed"]
    write("one", "2 + 3")
    clock = Hands(datetime.now(UTC) - timedelta(hours=2), datetime.now(UTC))  # it fell due two hours ago
    states = schedule_folder(workspace) / "state.json"
    states.unlink()
    assert [one.status for one in run_entry(workspace, plan, "a", due_only=True, clock=clock)] == [
        "completed"
    ]
    found = wb.measure(workspace.tables(), "run_success").rows[0]
    assert (found.numerator, found.denominator) == (1, 2)


def test_calls_of_a_long_run_do_not_pile_up(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("one", "2 + 2")
    plan = scheduled(tmp_path, "name: a, cron: '0 4 * * *', notebook: one.ipynb")
    clock = Hands(SUNDAY + timedelta(hours=2), SUNDAY + timedelta(hours=2))
    waiting = threading.Event()
    outcomes: list[Outcome] = []

    def call() -> None:
        say = waiting.set
        outcomes.extend(run_entry(workspace, plan, "a", due_only=True, clock=clock, say=lambda _: say()))

    with at_work(schedule_folder(workspace), print):
        first = threading.Thread(target=call)
        first.start()
        assert waiting.wait(300)
        (second,) = run_entry(workspace, plan, "a", due_only=True, clock=clock)
        assert (second.status, second.says) == ("skipped", "another call of it waits already.")
    first.join()
    assert [one.status for one in outcomes] == ["completed"]
    assert read_outcomes(schedule_folder(workspace)) == outcomes


def test_a_scheduler_and_cron_run_each_time_once(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("one", "2 + 2")
    plan = scheduled(tmp_path, "name: a, cron: '0 4 * * *', notebook: one.ipynb")
    clock = Hands(SUNDAY, SUNDAY + timedelta(days=3))
    days = serve(workspace, plan, clock=clock)
    assert short([next(days)]) == [("a", "2024-03-31T04:00:00+02:00", "completed")]
    # The scheduler is at work still; cron calls the same time, and then the next one first.
    assert called(workspace, plan, clock) == [("a", "2024-03-31T04:00:00+02:00", "skipped")]
    clock.at = SUNDAY + timedelta(days=1, hours=2)
    assert called(workspace, plan, clock) == [("a", "2024-04-01T04:00:00+02:00", "completed")]
    assert short([next(days)]) == [("a", "2024-04-02T04:00:00+02:00", "completed")]
    days.close()
    assert len(read_outcomes(schedule_folder(workspace))) == 3


def test_what_failed_for_its_time_is_not_called_well(
    workspace: Workspace, write: Write, tmp_path: Path
) -> None:
    write("one", "1 / 0")
    plan = scheduled(tmp_path, "name: a, cron: '0 4 * * *', notebook: one.ipynb")
    clock = Hands(SUNDAY + timedelta(hours=2), SUNDAY + timedelta(hours=2))
    assert called(workspace, plan, clock) == called(workspace, plan, clock)
    assert len(read_outcomes(schedule_folder(workspace), ALERTS)) == 1


def test_a_clock_that_is_set(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("one", "2 + 2")
    plan = scheduled(tmp_path, "name: a, cron: '0 4 * * *', notebook: one.ipynb")
    clock = Hands(SUNDAY, SUNDAY + timedelta(days=9))
    days = serve(workspace, plan, clock=clock)
    assert short([next(days)]) == [("a", "2024-03-31T04:00:00+02:00", "completed")]
    clock.at -= timedelta(hours=5)  # set back: what was done is not done again
    assert short([next(days)]) == [("a", "2024-04-01T04:00:00+02:00", "completed")]
    clock.at += timedelta(days=2, hours=9)  # set on: what that leapt over is made good by one run
    (late,) = [next(days)]
    assert short([late]) == [("a", "2024-04-03T04:00:00+02:00", "completed")]
    assert late.says.endswith("It stands for 2 times that were due, run once.")
    days.close()


def test_the_history_stays_small(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.reports.schedule_record._LARGEST", 2_000)
    folder = schedule_folder(workspace)
    written = [
        Outcome(entry=f"e{number}", due="d", status="failed", started="s", ended="t", late=0.0, says="x" * 90)
        for number in range(100)
    ]
    for one in written:
        keep_outcome(folder, one)
    sizes = [path.stat().st_size for path in folder.glob("*.jsonl")]
    assert len(sizes) == 4
    assert max(sizes) < 2_500
    for name in (HISTORY, ALERTS):
        kept = read_outcomes(folder, name)
        assert len(kept) > 10
        assert kept == written[-len(kept) :]


def wait_for(true: Callable[[], object], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [PROGRAM, "schedule", "run", "schedule.yaml", "--workspace", "w", *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_kills_two_schedulers_and_a_polite_end(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    write("quick", OPEN, "2 + 2")
    # It ends when the test lets it.
    slow = "import pathlib, time\nwhile not pathlib.Path(gate).exists():\n    time.sleep(0.02)"
    write("slow", slow, parameters=f"gate = {str(tmp_path / 'gate')!r}")
    (tmp_path / "b.yaml").write_text("runs: [{notebook: quick.ipynb}, {notebook: slow.ipynb}]")
    plan = scheduled(tmp_path, "name: both, cron: '0 4 * * *', batch: b.yaml", zone="UTC")
    begun = datetime.now(UTC) - timedelta(days=3)
    assert served(workspace, plan, begun, begun) == []
    runs = workspace.runs_path

    def ended(status: str) -> list[Path]:
        records = [(path, read_record(path)) for path in runs.glob("[!.]*")]
        return [path for path, record in records if record and record.status == status]

    def slow_is_running() -> bool:
        records = [read_record(path) for path in runs.glob(".active/*/slow*")]
        return any(record is not None and record.status == "running" for record in records)

    killed = start(tmp_path)
    wait_for(lambda: ended("completed") and slow_is_running())
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    (quick,) = ended("completed")
    before = (quick / "record.json").read_bytes()

    first = start(tmp_path)
    # It ends what the killed one left, and begins it again.
    wait_for(lambda: ended("failed") and slow_is_running())
    second = start(tmp_path, "--once", "--json")
    assert second.stderr is not None
    said = second.stderr.readline()
    assert f"process {first.pid} on" in said
    assert "waiting until it has ended" in said
    first.terminate()  # politely, in the middle of a run: it is the other's now
    assert "is begun again at the next start" in first.communicate(timeout=300)[1]
    assert first.returncode == 0
    (tmp_path / "gate").touch()
    told = second.communicate(timeout=300)
    assert second.returncode == 0, told
    (outcome,) = [json.loads(line) for line in told[0].splitlines()]
    assert outcome["status"] == "completed"
    assert outcome["says"].startswith("1 of 2 runs completed, 1 unchanged since an earlier run.")
    assert (quick / "record.json").read_bytes() == before  # what was done is not done again
    assert [one.to_json() for one in read_outcomes(schedule_folder(workspace))] == [outcome]
    assert list(islice(serve(workspace, plan, once=True), 1)) == []
