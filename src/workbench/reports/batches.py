"""Many runs, a few at a time: it goes on after a failure, and what is done already is not repeated."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from workbench.reports.admission import USUAL_NEED, Room, most_jobs, most_memory
from workbench.reports.batch_file import BatchFile, expand, limited, read_batch_file
from workbench.reports.claims import claimed
from workbench.reports.cluster import Cluster
from workbench.reports.execution import Failure, Limits, execute
from workbench.reports.inputs import read_inputs
from workbench.reports.journal import store_ended_runs
from workbench.reports.kernel import warm_kernels
from workbench.reports.lease import lease, settle
from workbench.reports.record import write_record
from workbench.reports.runs import (
    Executor,
    PlannedRun,
    Run,
    completed_run,
    kept,
    perform,
    plan,
    queued_record,
)

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

_TRANSIENT = frozenset({"kernel", "system"})
_LONGEST_PAUSE = 30.0
Told = Callable[[Run, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What became of a batch.

    Parameters
    ----------
    runs : tuple of Run
        In the order of the file, each once.
    notes : tuple of str
        What else there is to say, e.g. that there were no campaigns.
    """

    runs: tuple[Run, ...]
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Run, ...]:
        """Return the runs that did not complete."""
        return tuple(run for run in self.runs if not run.completed)

    @property
    def sentence(self) -> str:
        """Return how many runs completed, were unchanged, and failed."""
        cached = sum(run.cached for run in self.runs)
        done = sum(run.completed for run in self.runs) - cached
        parts = [f"{done} of {len(self.runs)} runs completed"]
        parts += [f"{cached} unchanged since an earlier run"] if cached else []
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        return ", ".join(parts) + "."

    def to_json(self) -> dict[str, Any]:
        """Return the batch as JSON values."""
        return {
            "notes": list(self.notes),
            "runs": [run.to_json() for run in self.runs],
            "says": self.sentence,
        }


def batch(
    workspace: Workspace,
    file: str | Path,
    *,
    jobs: int | Cluster | None = None,
    force: bool = False,
    told: Told | None = None,
    wanted_by: str | None = None,
    limits: Mapping[str, object] | None = None,
) -> Batch:
    """Return the runs that a batch file asks for, after all have ended.

    Where another batch performs one of them at the same time, its result is shared.

    Parameters
    ----------
    workspace : Workspace
        Whose data is read, all at one version.
    file : path
        The batch file. It is checked whole before anything runs.
    jobs : int, optional
        How many run at once: by default what the file says, else what fits the machine. Or the cluster
        where they run.
    force : bool
        Whether to repeat completed runs.
    told : callable, optional
        Called after each run with it, how many have ended, and how many there are.
    wanted_by : str, optional
        Until when a schedule wants the runs, ISO 8601.
    limits : mapping, optional
        What each run may take in place of what the file says: `timeout` in seconds, `memory` in GB, and
        `retries`, how often it is tried again after its kernel died or could not be started.

    Raises
    ------
    BadInput
        If the file is wrong; nothing is run then.
    UsageError
        If a limit is wrong.
    WorkspaceError
        If runs cannot be kept, e.g. because the disk is full.
    """
    path = Path(file)
    asked = limited(read_batch_file(path), limits or {})
    inputs = read_inputs(workspace)
    tables = workspace.tables(inputs.data_version) if any(entry.each for entry in asked.runs) else None
    wanted = expand(asked, tables, path)
    planned: dict[str, PlannedRun] = {}
    for one in wanted.runs:
        run = plan(one.notebook, one.parameters, inputs, source=one.source)
        longest = max(one.timeout, planned[run.id].timeout or 0) if run.id in planned else one.timeout
        planned[run.id] = replace(run, timeout=longest)
    terms = _terms(asked, jobs, force=force, wanted_by=wanted_by)
    done: dict[str, Run] = {}
    with kept(workspace):
        settle(workspace.runs_path)
        for run_ in _ended_runs(workspace, planned, terms):
            done[run_.id] = run_
            if told is not None:
                told(run_, len(done), len(planned))
    store_ended_runs(workspace)
    return Batch(runs=tuple(done[id_] for id_ in planned if id_ in done), notes=wanted.notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """How the runs of one batch are performed."""

    jobs: int
    force: bool
    retries: int
    limits: Limits
    room: Room
    executor: Executor = execute


def _terms(asked: BatchFile, jobs: int | Cluster | None, *, force: bool, wanted_by: str | None) -> _Terms:
    if isinstance(jobs, Cluster):
        return _terms_there(asked, jobs, force=force, wanted_by=wanted_by)
    memory = int(asked.memory * 1e9) if asked.memory else most_memory()
    limits = Limits(seconds=asked.timeout, memory=memory, wanted_by=wanted_by)
    need = memory if asked.memory and memory else USUAL_NEED
    jobs = jobs or asked.jobs or most_jobs(need)
    return _Terms(jobs=jobs, force=force, retries=asked.retries, limits=limits, room=Room(need))


def _terms_there(asked: BatchFile, there: Cluster, *, force: bool, wanted_by: str | None) -> _Terms:
    """Return the terms of a batch on a cluster: how much memory is free here tells nothing of its workers."""
    memory = int(asked.memory * 1e9) if asked.memory else None
    return _Terms(
        jobs=there.jobs,
        force=force,
        retries=asked.retries,
        limits=Limits(seconds=asked.timeout, memory=memory, wanted_by=wanted_by),
        room=Room(0),
        executor=there.execute,
    )


def _ended_runs(workspace: Workspace, planned: Mapping[str, PlannedRun], terms: _Terms) -> Iterator[Run]:
    """Yield runs as they end: first those that need not be repeated, then the others, some at a time."""
    missing: list[PlannedRun] = []
    for run in planned.values():
        before = None if terms.force else completed_run(workspace, run)
        if before is None:
            missing.append(run)
        else:
            yield before
    if not missing:
        return
    with lease(workspace.runs_path) as home, _warmed(workspace, missing, terms):
        for run in missing:
            (home / run.id).mkdir()
            write_record(home / run.id, queued_record(workspace, run))
        # What another batch is performing comes last: its result is taken, or the run is done here after all.
        for waiting in (False, True):
            busy = {run.id: run for run in missing}
            work = partial(_perform, workspace, home, terms, wait=waiting)
            for ended in _in_parallel(work, missing, terms.jobs, terms.limits.stop):
                if ended is not None:
                    del busy[ended.id]
                    yield ended
            missing = list(busy.values())


def _warmed(workspace: Workspace, missing: list[PlannedRun], terms: _Terms) -> AbstractContextManager[object]:
    """Return what keeps a warm parent for the runs; for a single one it would not pay."""
    here = terms.executor is execute and len(missing) > 1
    return warm_kernels(workspace.path, [run.notebook.source for run in missing]) if here else nullcontext()


def _perform(
    workspace: Workspace, home: Path, terms: _Terms, planned: PlannedRun, *, wait: bool
) -> Run | None:
    """Perform a run, again where its kernel died; None where another performs it and is not waited for."""
    limits = replace(terms.limits, seconds=planned.timeout or terms.limits.seconds)
    with claimed(workspace.runs_path, planned.id, limits.stop, wait=wait) as held:
        if not held:
            return None
        if not terms.force and (before := completed_run(workspace, planned)) is not None:
            shutil.rmtree(home / planned.id, ignore_errors=True)
            return before
        with terms.room.taken(limits.stop):
            return _tried(workspace, planned, home, limits, terms)


def _tried(workspace: Workspace, planned: PlannedRun, home: Path, limits: Limits, terms: _Terms) -> Run:
    """Perform a run, and again after a fault that may pass: want of memory, of processes, of files."""
    attempts: tuple[Failure, ...] = ()
    while True:
        run = perform(workspace, planned, home, limits=limits, attempts=attempts, executor=terms.executor)
        error = run.record.error
        if error is None or error.kind not in _TRANSIENT or len(attempts) >= terms.retries:
            return run
        if limits.stop.wait(min(2.0 ** len(attempts), _LONGEST_PAUSE)):
            return run
        attempts += (error,)


def _in_parallel[Ended](
    work: Callable[[PlannedRun], Ended], missing: list[PlannedRun], jobs: int, stop: Event
) -> Iterator[Ended]:
    """Yield results as they come. When the caller stops early, what runs is ended and recorded so."""
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="run") as pool:
        pending: set[Future[Ended]] = {pool.submit(work, run) for run in missing}
        try:
            while pending:
                ended, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ended)
        except BaseException:
            stop.set()
            for future in pending:
                future.cancel()
            raise
