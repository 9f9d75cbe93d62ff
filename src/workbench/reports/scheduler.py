"""The scheduler: it waits, runs what falls due, catches up once, delivers, and is the only one at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.reports.batches import Batch, batch
from workbench.reports.cluster import jobs_on
from workbench.reports.execution import Limits
from workbench.reports.journal import store_ended_runs
from workbench.reports.publication import publish
from workbench.reports.runs import run
from workbench.reports.schedule import Schedule, ScheduleEntry
from workbench.reports.schedule_due import Clock, Due, SystemClock, due_entries, known_states
from workbench.reports.schedule_owed import owe_alert, owe_reports, read_owed, settle
from workbench.reports.schedule_record import (
    EntryState,
    Outcome,
    Status,
    at_work,
    at_work_in_turn,
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
_EARLY = timedelta(minutes=1)  # another scheduler's clock may be ahead
_Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """What became of an entry's runs, and those that completed."""

    status: Status
    says: str
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """Whose schedule is worked on, by which clock, and who is told."""

    workspace: Workspace
    schedule: Schedule
    clock: Clock
    say: _Say

    def keep(self, outcome: Outcome) -> None:
        """Record an outcome; an alert of it is owed first, so that a kill in between loses none."""
        owe_alert(self.workspace, self.schedule.alerts, outcome, self.clock.now())
        keep_outcome(schedule_folder(self.workspace), outcome)


def perform_entry(workspace: Workspace, entry: ScheduleEntry, *, wanted_by: str | None = None) -> Batch:
    """Run an entry's batch or notebook now; what is done and unchanged is not repeated."""
    if entry.batch is not None:
        with jobs_on(entry.on, workspace) as there:
            return batch(workspace, entry.batch, jobs=there, wanted_by=wanted_by)
    limits = Limits(seconds=entry.timeout, wanted_by=wanted_by)
    done = run(workspace, entry.notebook or "", entry.parameters, limits=limits)
    store_ended_runs(workspace)
    return Batch(runs=(done,))


def serve(
    workspace: Workspace,
    schedule: Schedule,
    *,
    clock: Clock | None = None,
    once: bool = False,
    say: _Say = lambda _: None,
) -> Iterator[Outcome]:
    """Yield what became of each occurrence and each delivery, as they come; endless unless `once` is asked.

    An occurrence is marked as done after its run has ended, whatever became of it. What a kill cut off is
    begun again, three times at most; a batch goes on where it was. Reports and alerts are owed from then on,
    until they are delivered or given up.

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
    work = _Work(workspace=workspace, schedule=schedule, clock=clock or SystemClock(), say=say)
    folder = schedule_folder(workspace)
    with only_scheduler(folder, say):
        began = work.clock.now()
        while True:
            with at_work(folder, say):
                more, outcome = _step(work, began)
            if outcome is not None:
                yield outcome
            if not more and once:
                return
            if not more:
                work.clock.sleep(_pause(work))


def run_entry(
    workspace: Workspace,
    schedule: Schedule,
    name: str,
    *,
    due_only: bool = False,
    clock: Clock | None = None,
    say: _Say = lambda _: None,
) -> list[Outcome]:
    """Run one entry now and deliver what it made; return what became of it, and of deliveries.

    It waits for whoever runs an entry of the workspace. What that one did of this entry in the meantime is
    not done again; where a call of this entry waits already, this one does nothing.

    Parameters
    ----------
    workspace, schedule
        As for `serve`.
    name : str
        The entry.
    due_only : bool
        Whether to leave alone what was run for its time already: so cron and other schedulers call it.
    clock, say
        As for `serve`.

    Raises
    ------
    UsageError
        If there is no entry of that name.
    """
    entry = schedule.entry(name)
    work = _Work(workspace=workspace, schedule=schedule, clock=clock or SystemClock(), say=say)
    folder, asked = schedule_folder(workspace), work.clock.now()
    seen = read_states(folder).get(name)
    with at_work_in_turn(folder, name, say) as mine:
        moment = work.clock.now()
        early = _EARLY if due_only else timedelta(0)
        due = Due(
            entry=entry, at=entry.cron.latest(moment + early) or moment, missed=False, asked=not due_only
        )
        if not mine:
            skipped = _Attempt(status="skipped", says="another call of it waits already.")
            return [_outcome(due, moment, moment, skipped)]
        states = read_states(folder)
        before = states.get(name)
        if before is not None and before.times != entry.times:
            before = None
        wanted = due.at if due_only else entry.cron.latest(asked) or asked
        if before is not None and before.done >= wanted and (due_only or before != seen):
            return [_outcome(due, moment, moment, _done_before(before)), *_settle_due(work)]
        states[name] = replace(before or EntryState(times=entry.times, done=moment), attempts=0)
        return [_perform(work, due, states), *_settle_due(work)]


def _done_before(before: EntryState) -> _Attempt:
    if before.failed:
        return _Attempt(status="failed", says="it was run for this time before, and failed.")
    return _Attempt(status="skipped", says="it was run for this time before.")


def _step(work: _Work, began: datetime) -> tuple[bool, Outcome | None]:
    """Do one thing that is to be done; return whether there was one, and what became of it."""
    folder = schedule_folder(work.workspace)
    before = read_states(folder)
    states = known_states(work.schedule, before, work.clock.now(), work.say)
    if states != before:
        write_states(folder, states)
    for owed in read_owed(folder):
        if owed.is_due(work.clock.now()):
            return True, settle(work.workspace, owed, work.clock, keep=work.keep, say=work.say)
    due = due_entries(work.schedule, states, work.clock.now(), began)
    return (True, _perform(work, due[0], states)) if due else (False, None)


def _settle_due(work: _Work) -> list[Outcome]:
    """Deliver what is owed and due, also what that adds; return what became of it."""
    folder, found = schedule_folder(work.workspace), list[Outcome]()
    while due := [owed for owed in read_owed(folder) if owed.is_due(work.clock.now())]:
        done = settle(work.workspace, due[0], work.clock, keep=work.keep, say=work.say)
        found += [done] if done is not None else []
    return found


def _perform(work: _Work, due: Due, states: dict[str, EntryState]) -> Outcome:
    folder = schedule_folder(work.workspace)
    name, before = due.entry.name, states[due.entry.name]
    started = work.clock.now()
    if due.missed and not due.entry.catch_up:
        says = "it fell due while no scheduler was at work, and is not caught up."
        done = _Attempt(status="skipped", says=says)
    elif before.attempts >= _MOST_ATTEMPTS:
        says = f"it was begun {before.attempts} times and cut off each time."
        done = _Attempt(status="failed", says=says)
    else:
        write_states(folder, states | {name: replace(before, attempts=before.attempts + 1)})
        try:
            done = _attempt(work.workspace, due)
        except BaseException:
            # Stopped politely: that is no sign of a run that ends its scheduler.
            write_states(folder, states)
            raise
    outcome = _outcome(due, started, work.clock.now(), done)
    owe_reports(folder, due, done.runs, work.clock.now())
    work.keep(outcome)
    states[name] = EntryState(
        times=due.entry.times, done=max(before.done, due.at), failed=done.status == "failed"
    )
    write_states(folder, states)
    return outcome


def _outcome(due: Due, started: datetime, ended: datetime, done: _Attempt) -> Outcome:
    return Outcome(
        entry=due.entry.name,
        due=due.at.isoformat(),
        status=done.status,
        started=started.isoformat(timespec="seconds"),
        ended=ended.isoformat(timespec="seconds"),
        late=max(0.0, round((started - due.at).total_seconds(), 3)),
        says=done.says,
    )


def _attempt(workspace: Workspace, due: Due) -> _Attempt:
    says: list[str] = []
    try:
        done = perform_entry(workspace, due.entry, wanted_by=due.wanted_by)
        says += [done.sentence]
        if due.entry.publish is not None:
            says += [publish(workspace, due.entry.publish).sentence]
    except WorkbenchError as error:
        return _Attempt(status="failed", says=" ".join([*says, str(error)]))
    except Exception as error:  # noqa: BLE001 - the other entries go on, whatever one does
        return _Attempt(status="failed", says=" ".join([*says, f"{type(error).__name__}: {error}"]))
    if done.failed:
        says += [done.failed[0].sentence]
    if due.occurrences > 1:
        says += [f"It stands for {due.occurrences} times that were due, run once."]
    runs = tuple(one.id for one in done.runs if one.completed)
    return _Attempt(
        status="failed" if done.failed else "completed", says=" ".join([*says, *done.notes]), runs=runs
    )


def _pause(work: _Work) -> float:
    """Return the seconds to wait: never long, since a clock may be set and a machine may sleep."""
    moment = work.clock.now()
    coming = next(work.schedule.coming(moment, 1), None)
    times = [owed.at for owed in read_owed(schedule_folder(work.workspace))]
    times += [coming[0]] if coming is not None else []
    left = min(((at - moment).total_seconds() for at in times), default=_LONGEST_SLEEP)
    return min(max(left, 0.0), _LONGEST_SLEEP)
