"""Many runs, a few at a time: it goes on after a failure, and what is done already is not repeated."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from workbench.reports.batch_file import expand, read_batch_file
from workbench.reports.execution import Limits
from workbench.reports.inputs import read_inputs
from workbench.reports.journal import store_ended_runs
from workbench.reports.lease import lease, settle
from workbench.reports.record import write_record
from workbench.reports.runs import PlannedRun, Run, completed_run, perform, plan, queued_record

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

_GIB_PER_KERNEL = 1.5
_TRANSIENT = frozenset({"kernel"})
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


def most_jobs() -> int:
    """Return how many kernels this machine runs at once: one per core, and 1.5 GiB of memory for each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") / 2**30
        return max(1, min(cores, int(gib / _GIB_PER_KERNEL)))
    return cores


def batch(
    workspace: Workspace,
    file: str | Path,
    *,
    jobs: int | None = None,
    force: bool = False,
    told: Told | None = None,
    wanted_by: str | None = None,
) -> Batch:
    """Return the runs that a batch file asks for, after all have ended.

    Parameters
    ----------
    workspace : Workspace
        Whose data is read, all at one version.
    file : path
        The batch file. It is checked whole before anything runs.
    jobs : int, optional
        How many run at once.
    force : bool
        Whether to repeat completed runs.
    told : callable, optional
        Called after each run with it, how many have ended, and how many there are.
    wanted_by : str, optional
        Until when a schedule wants the runs, ISO 8601.
    """
    path = Path(file)
    asked = read_batch_file(path)
    inputs = read_inputs(workspace)
    wanted = expand(asked, workspace.tables(inputs.data_version), path)
    planned = {
        run.id: run for run in (plan(w.notebook, w.parameters, inputs, source=w.source) for w in wanted.runs)
    }
    settle(workspace.runs_path)
    limits = Limits(seconds=asked.timeout, wanted_by=wanted_by)
    done: dict[str, Run] = {}
    for run in _ended_runs(workspace, planned, jobs or most_jobs(), force=force, limits=limits):
        done[run.id] = run
        if told is not None:
            told(run, len(done), len(planned))
    store_ended_runs(workspace)
    return Batch(runs=tuple(done[id_] for id_ in planned if id_ in done), notes=wanted.notes)


def _ended_runs(
    workspace: Workspace,
    planned: Mapping[str, PlannedRun],
    jobs: int,
    *,
    force: bool,
    limits: Limits,
) -> Iterator[Run]:
    """Yield runs as they end: first those that need not be repeated, then the others, `jobs` at a time."""
    missing: list[PlannedRun] = []
    for run in planned.values():
        before = None if force else completed_run(workspace, run)
        if before is None:
            missing.append(run)
        else:
            yield before
    if not missing:
        return
    with lease(workspace.runs_path) as home:
        for run in missing:
            (home / run.id).mkdir()
            write_record(home / run.id, queued_record(workspace, run))
        yield from _in_parallel(
            lambda run: _perform(workspace, run, home, limits), missing, jobs, limits.stop
        )


def _perform(workspace: Workspace, planned: PlannedRun, home: Path, limits: Limits) -> Run:
    """Perform a run; once more where its kernel died, which may have been want of memory."""
    run = perform(workspace, planned, home, limits=limits)
    error = run.record.error
    if error is not None and error.kind in _TRANSIENT and not limits.stop.is_set():
        return perform(workspace, planned, home, limits=limits)
    return run


def _in_parallel(
    work: Callable[[PlannedRun], Run], missing: list[PlannedRun], jobs: int, stop: Event
) -> Iterator[Run]:
    """Yield results as they come. When the caller stops early, what runs is ended and recorded so."""
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="run") as pool:
        pending: set[Future[Run]] = {pool.submit(work, run) for run in missing}
        try:
            while pending:
                ended, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ended)
        except BaseException:
            stop.set()
            for future in pending:
                future.cancel()
            raise
