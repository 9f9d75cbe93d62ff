"""What a worker of a Dask cluster does: it executes one notebook, and says why where it cannot.

It writes nothing but the notebook's own working folder: results travel back, and the client keeps them. So
whatever happens to a worker or to the client, nothing half written is left.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import workbench
from workbench.reports.admission import most_memory
from workbench.reports.execution import Executed, Limits, execute
from workbench.reports.inputs import code_hash, environment_hash

_LOOKS_EVERY = 0.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One notebook that a worker is to execute.

    Parameters
    ----------
    key : str
        The task's key, never used twice.
    topic : str
        Where progress is told.
    place : Path
        A folder of the client in the workspace, as long as it is there.
    facts : mapping
        What the worker must be: see `facts`.
    source, parameters, folder, seed
        As for `execute`.
    limits : mapping
        Fields of `Limits`, but for its event. Where they name no memory, a run may take what is free there.
    """

    key: str
    topic: str
    place: Path
    facts: Mapping[str, str]
    source: Mapping[str, Any]
    parameters: Mapping[str, object]
    folder: Path
    seed: int
    limits: Mapping[str, Any]


class UnfitWorker(Exception):
    """The worker would give other results, or none."""


class LostWorker(Exception):
    """The worker that had begun this run is gone: Dask gave the same task to another one."""


def facts() -> dict[str, str]:
    """Return what results depend on besides their inputs, and a client and its workers must share."""
    return {
        "version": workbench.__version__,
        "source": code_hash(),
        "lock file": environment_hash(),
        "Python": platform.python_version(),
    }


def seen(probe: Path) -> tuple[dict[str, str], str | None]:
    """Return this worker's facts, and what it reads in a file that the client wrote to the workspace."""
    try:
        return facts(), probe.read_text(encoding="utf-8")
    except OSError:
        return facts(), None


def differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    """Return in which facts a worker differs; empty where it does not.

    Examples
    --------
    >>> differences({"version": "1", "Python": "3.12.1"}, {"version": "1", "Python": "3.13.0"})
    'Python (3.13.0, here 3.12.1)'
    """
    return ", ".join(
        f"{name} ({found.get(name, 'none')[:19]}, here {value[:19]})"
        for name, value in wanted.items()
        if found.get(name) != value
    )


def execute_job(job: Job) -> Executed:
    """Execute a notebook on this worker, unless another worker had begun with it.

    Raises
    ------
    LostWorker
        If another had: it died, or is lost to the cluster.
    UnfitWorker
        If this worker is not like the client, or does not see its workspace.
    """
    from distributed import get_worker

    worker = get_worker()
    if wrong := differences(job.facts, facts()):
        raise UnfitWorker(f"{worker.address} differs in {wrong}")
    if not job.folder.is_dir():
        raise UnfitWorker(f"{worker.address} does not see {job.folder}")
    _begin(job, worker.address)
    worker.log_event(job.topic, [job.key, worker.address])
    limits = Limits(**job.limits)
    if limits.memory is None:
        limits = replace(limits, memory=most_memory())
    with _stopped_when_unwanted(worker, job, limits.stop):
        return execute(
            job.source,
            job.parameters,
            folder=job.folder,
            seed=job.seed,
            limits=limits,
            progress=lambda done, total: worker.log_event(job.topic, [job.key, done, total]),
        )


def _begin(job: Job, address: str) -> None:
    """Say that a run begins here; only the first who says so executes it."""
    path = job.place / job.key
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise LostWorker(path.read_text(encoding="utf-8") or "a worker") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(address)


@contextmanager
def _stopped_when_unwanted(worker: Any, job: Job, stop: threading.Event) -> Iterator[None]:
    """Set an event when nobody waits for the task any more: it was cancelled, or the client is gone."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOKS_EVERY):
            task = worker.state.tasks.get(job.key)
            if task is None or task.state != "executing":
                stop.set()
                return

    looker = threading.Thread(target=look, daemon=True, name="still-wanted")
    looker.start()
    try:
        yield
    finally:
        ended.set()
        looker.join()
