"""The scheduler: it waits, runs what falls due, catches up once, and is the only one on its workspace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Protocol

from workbench.errors import WorkbenchError
from workbench.reports.batches import Batch, batch
from workbench.reports.execution import Limits
from workbench.reports.journal import store_ended_runs
from workbench.reports.runs import run
from workbench.reports.schedule import Schedule, ScheduleEntry
from workbench.reports.schedule_record import (
    EntryState,
    Outcome,
    Status,
    keep_outcome,
    only_scheduler,
    read_states,
    schedule_folder,
    write_states,
)

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

_LONGEST_SLEEP = 60.0
_MOST_ATTEMPTS = 3
_MOST_COUNTED = 1000
_CLOCK_ERROR = timedelta(days=1)


class Clock(Protocol):
    """What the time is, and how it passes."""

    def now(self) -> datetime:
        """Return this moment, with its time zone."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return this moment, UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An entry whose time has come.

    Parameters
    ----------
    entry : ScheduleEntry
        What is to be run.
    at : datetime
        Its latest occurrence; earlier ones that were missed, too, are made good by the same run.
    missed : bool
        Whether it fell due while no scheduler was at work.
    occurrences : int
        How many the run stands for, this one included; counted up to 1,000.
    """

    entry: ScheduleEntry
    at: datetime
    missed: bool
    occurrences: int = 1


def perform_entry(workspace: Workspace, entry: ScheduleEntry) -> Batch:
    """Run an entry's batch or notebook now; what is done and unchanged is not repeated."""
    if entry.batch is not None:
        return batch(workspace, entry.batch)
    done = run(workspace, entry.notebook or "", entry.parameters, limits=Limits(seconds=entry.timeout))
    store_ended_runs(workspace)
    return Batch(runs=(done,))


def due_entries(
    schedule: Schedule, states: dict[str, EntryState], moment: datetime, began: datetime
) -> list[Due]:
    """Return the entries whose time has come, the longest due first.

    Parameters
    ----------
    schedule : Schedule
        The entries.
    states : mapping
        How far each came; every entry has a state.
    moment, began : datetime
        The time it is, and the time this scheduler began its work.
    """
    found = []
    for entry in schedule.entries:
        at = entry.cron.latest(moment)
        done = states[entry.name].done
        if at is not None and at > done:
            since = takewhile(at.__ge__, entry.cron.following(done))
            count = sum(1 for _ in islice(since, _MOST_COUNTED))
            found.append(Due(entry=entry, at=at, missed=at < began, occurrences=count))
    return sorted(found, key=lambda due: due.at)


def serve(
    workspace: Workspace,
    schedule: Schedule,
    *,
    clock: Clock | None = None,
    once: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Outcome]:
    """Yield what became of each occurrence, as they come; without an end unless `once` is asked.

    An occurrence is marked as done after its run has ended, whatever became of it. What a kill cut off is
    begun again, three times at most; a batch goes on where it was.

    Parameters
    ----------
    workspace : Workspace
        Whose data is read. Another scheduler at work on it is waited for.
    schedule : Schedule
        What is run when.
    clock : Clock, optional
        By default the machine's.
    once : bool
        Whether to end when nothing is due any more.
    say : callable
        Told what a log should show besides the outcomes.
    """
    clock = clock or SystemClock()
    folder = schedule_folder(workspace)
    with only_scheduler(folder, say):
        began = clock.now()
        states = _known(schedule, read_states(folder), began, say)
        write_states(folder, states)
        while True:
            due = due_entries(schedule, states, clock.now(), began)
            if due:
                yield _perform(workspace, due[0], states, clock)
            elif once:
                return
            else:
                clock.sleep(_pause(schedule, clock.now()))


def run_entry(
    workspace: Workspace,
    schedule: Schedule,
    name: str,
    *,
    clock: Clock | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run one entry now, whether it is due or not, and return what became of it.

    This is what another scheduler calls, such as cron; it waits for a scheduler at work on the workspace.

    Raises
    ------
    UsageError
        If there is no entry of that name.
    """
    entry = schedule.entry(name)
    clock = clock or SystemClock()
    folder = schedule_folder(workspace)
    with only_scheduler(folder, say):
        moment = clock.now()
        states = read_states(folder)
        before = states.get(name)
        if before is None or before.times != entry.times:
            before = EntryState(times=entry.times, done=moment)
        states[name] = replace(before, attempts=0)
        at = entry.cron.latest(moment) or moment
        return _perform(workspace, Due(entry=entry, at=at, missed=False), states, clock)


def _known(
    schedule: Schedule, states: dict[str, EntryState], began: datetime, say: Callable[[str], None]
) -> dict[str, EntryState]:
    """Return a state for every entry: new ones, and those whose times have changed, begin now."""
    known = dict(states)
    for entry in schedule.entries:
        state = states.get(entry.name)
        if state is not None and state.times != entry.times:
            say(f"{entry.name}: its times were {state.times} and are {entry.times}; they count from now.")
        elif state is not None and state.done > began + _CLOCK_ERROR:
            say(
                f"{entry.name}: was last done in the future, at {state.done.isoformat()}; it counts from now."
            )
        elif state is not None:
            continue
        known[entry.name] = EntryState(times=entry.times, done=began)
    return known


def _perform(workspace: Workspace, due: Due, states: dict[str, EntryState], clock: Clock) -> Outcome:
    folder = schedule_folder(workspace)
    name, before = due.entry.name, states[due.entry.name]
    started = clock.now()
    if due.missed and not due.entry.catch_up:
        status, says = _skipped()
    elif before.attempts >= _MOST_ATTEMPTS:
        status, says = "failed", f"it was begun {before.attempts} times and cut off each time."
    else:
        write_states(folder, states | {name: replace(before, attempts=before.attempts + 1)})
        try:
            status, says = _attempt(workspace, due.entry)
            if due.occurrences > 1:
                says += f" It stands for {due.occurrences} times that were due, run once."
        except BaseException:
            # Stopped politely: that is no sign of a run that ends its scheduler.
            write_states(folder, states)
            raise
    outcome = Outcome(
        entry=name,
        due=due.at.isoformat(),
        status=status,
        started=started.isoformat(timespec="seconds"),
        ended=clock.now().isoformat(timespec="seconds"),
        late=max(0.0, round((started - due.at).total_seconds(), 3)),
        says=says,
    )
    keep_outcome(folder, outcome)
    states[name] = EntryState(times=due.entry.times, done=max(before.done, due.at))
    write_states(folder, states)
    return outcome


def _skipped() -> tuple[Status, str]:
    return "skipped", "it fell due while no scheduler was at work, and is not caught up."


def _attempt(workspace: Workspace, entry: ScheduleEntry) -> tuple[Status, str]:
    try:
        done = perform_entry(workspace, entry)
    except WorkbenchError as error:
        return "failed", str(error)
    except Exception as error:  # noqa: BLE001 - the other entries go on, whatever one does
        return "failed", f"{type(error).__name__}: {error}"
    if done.failed:
        return "failed", f"{done.sentence} {done.failed[0].sentence}"
    return "completed", " ".join((done.sentence, *done.notes))


def _pause(schedule: Schedule, moment: datetime) -> float:
    """Return the seconds to wait: never long, since a clock may be set and a machine may sleep."""
    coming = next(schedule.coming(moment, 1), None)
    left = _LONGEST_SLEEP if coming is None else (coming[0] - moment).total_seconds()
    return min(max(left, 0.0), _LONGEST_SLEEP)
