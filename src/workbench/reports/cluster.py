"""Runs on an existing Dask cluster: its workers execute the notebooks, and everything else happens here.

The client plans, holds the lease, keeps records and results, and tries again. So runs, ids, receipts and
bytes are those of this machine, and a batch that was begun here is resumed there, or the other way round.
The workspace lies in a folder that client and workers share under one path, such as NFS or a mounted bucket.
"""

from __future__ import annotations

import logging
import re
import shutil
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import RunFailed, UsageError
from workbench.reports.cluster_worker import (
    Job,
    LostWorker,
    UnfitWorker,
    differences,
    execute_job,
    facts,
    seen,
)
from workbench.reports.execution import Executed, Failure, Limits, Progress
from workbench.reports.notebook import canonical

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

_ADDRESS = re.compile(r"dask://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")
_CONNECT, _FETCH, _FIRST_WORKER, _NO_WORKER = 15.0, 60.0, 60.0, 60.0  # seconds
_LOOKS_EVERY, _WATCHES_EVERY = 0.2, 2.0
_FOLDER = "dask"
_SHOWN = 3
_GO_ON = "The same command goes on where it was."
_NO_SCHEDULER = f"The connection to the Dask scheduler was lost. {_GO_ON}"


class Cluster:
    """A connection to a Dask cluster whose workers are fit to run notebooks of a workspace; see `cluster`.

    Parameters
    ----------
    client : distributed.Client
        The connection.
    place : Path
        A folder of this connection in the workspace.
    jobs : int
        How many notebooks run at once.
    """

    def __init__(self, client: Any, place: Path, jobs: int) -> None:
        self.jobs = jobs
        self._client, self._place = client, place
        self._topic = f"workbench-{place.name}"
        self._progress: dict[str, tuple[int, int]] = {}
        self._places: dict[str, str] = {}  # which worker executes a task
        self._gone: dict[str, str] = {}
        self._lost = ""
        client.subscribe_topic(self._topic, self._follow)

    def execute(
        self,
        source: Mapping[str, Any],
        parameters: Mapping[str, object],
        *,
        folder: Path,
        seed: int = 0,
        limits: Limits | None = None,
        progress: Progress | None = None,
    ) -> Executed:
        """Return the notebook as a worker executed it; parameters as for `execution.execute`.

        Raises
        ------
        RunFailed
            If the scheduler, or every worker, is gone, or a worker is unfit.
        """
        limits = limits or Limits()
        key = f"workbench-{uuid.uuid4().hex}"
        job = Job(
            key=key,
            topic=self._topic,
            place=self._place,
            facts=facts(),
            source=source,
            parameters=parameters,
            folder=folder,
            seed=seed,
            limits={one.name: getattr(limits, one.name) for one in fields(limits) if one.name != "stop"},
        )
        future = self._client.submit(execute_job, job, key=key, pure=False, retries=0)
        try:
            failure = self._awaited(future, key, limits.stop, progress)
            if failure is None:
                return future.result(timeout=_FETCH)  # type: ignore[no-any-return]
        except TimeoutError:
            raise RunFailed(_NO_SCHEDULER) from None
        finally:
            future.cancel()
            for told in (self._progress, self._places, self._gone):
                told.pop(key, None)
        return Executed(notebook=canonical(dict(source), folder.resolve().parents[1]), failure=failure)

    def _awaited(
        self, future: Any, key: str, stop: threading.Event, progress: Progress | None
    ) -> Failure | None:
        """Wait for a task; return why it gave no result, if so."""
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())
        while not ended.wait(_LOOKS_EVERY):
            if stop.is_set():
                return Failure(kind="cancelled", message="the run was stopped")
            if self._lost:
                raise RunFailed(self._lost)
            if key in self._gone:
                return _failure(LostWorker(self._gone[key]))
            self._tell(key, progress)
        self._tell(key, progress)
        if future.status == "finished":
            return None
        if future.status != "error":  # Dask drops what it waits for when the scheduler is gone
            raise RunFailed(_NO_SCHEDULER)
        return _failure(future.exception(timeout=_CONNECT))

    def watch(self, ended: threading.Event) -> None:
        """Look after the cluster until an event, and note it where nobody is left who could do anything."""
        alone = 0.0
        while not ended.wait(_WATCHES_EVERY):
            if self._client.status != "running":
                self._lost = _NO_SCHEDULER
                return
            begun = dict(self._places)  # before workers are asked for: each was one of them
            with suppress(OSError, TimeoutError):
                workers = self._client.nthreads()
                alone = 0.0 if workers else alone + _WATCHES_EVERY
                # Dask gives the task to another worker when one is free; it has ended now.
                self._gone.update({key: worker for key, worker in begun.items() if worker not in workers})
            if alone >= _NO_WORKER:
                self._lost = f"The Dask cluster has had no worker for {_NO_WORKER:.0f} s. {_GO_ON}"
                return

    def _follow(self, event: tuple[float, Any]) -> None:
        key, *told = event[1]
        if len(told) == 1:
            self._places[key] = told[0]
        else:
            self._progress[key] = (told[0], told[1])

    def _tell(self, key: str, progress: Progress | None) -> None:
        told = self._progress.pop(key, None)
        if told is not None and progress is not None:
            progress(*told)


@contextmanager
def cluster(address: str, workspace: Workspace, *, jobs: int | None = None) -> Iterator[Cluster]:
    """Give a connection to a Dask cluster whose workers were checked.

    Parameters
    ----------
    address : str
        ``dask://HOST:PORT`` of its scheduler. Encryption is what Dask's own configuration says.
    workspace : Workspace
        Whose notebooks will run; every worker must see its folder under the same path.
    jobs : int, optional
        How many run at once: by default one for each thread of a worker.

    Raises
    ------
    RunFailed
        If there is no such scheduler, it has no workers, or one of them is unfit; it says in what.
    UsageError
        If the address is none, or Dask is not installed.
    """
    client = _connected(check_address(address).removeprefix("dask://"))
    place = workspace.cache_path / _FOLDER / uuid.uuid4().hex
    ended = threading.Event()
    try:
        place.mkdir(parents=True)
        threads = _first_workers(client)
        _check_workers(client, place)
        found = Cluster(client, place, jobs or sum(threads.values()))
        watcher = threading.Thread(target=found.watch, args=(ended,), daemon=True, name="cluster")
        watcher.start()
        yield found
    finally:
        ended.set()
        shutil.rmtree(place, ignore_errors=True)
        client.close(timeout=_CONNECT)


@contextmanager
def jobs_on(
    address: str | None, workspace: Workspace, *, jobs: int | None = None
) -> Iterator[int | Cluster | None]:
    """Give what a batch's `jobs` is to be: a checked cluster where an address is given, else `jobs`."""
    if address is None:
        yield jobs
        return
    with cluster(address, workspace, jobs=jobs) as found:
        yield found


def check_address(address: str) -> str:
    """Return the address of a cluster.

    Raises
    ------
    UsageError
        If it is none.

    Examples
    --------
    >>> check_address("dask://scheduler.example:8786")
    'dask://scheduler.example:8786'
    """
    if not _ADDRESS.fullmatch(address):
        raise UsageError(f"{address[:100]!r} is no address of a cluster. Write dask://HOST:PORT.")
    return address


def _connected(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("A Dask cluster needs an extra: pip install 'workbench[dask]'") from None
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what is lost is said once, by this module
    host, _, port = address.rpartition(":")
    try:
        # Dask tries for as long as it may, also where nobody listens.
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT).close()
        connect: Any = Client  # typed in part
        return connect(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, OverflowError, TimeoutError, ValueError) as error:
        why = str(error).partition("\n")[0][:200] or type(error).__name__
        raise RunFailed(f"There is no Dask scheduler at {address}: {why}.") from None


def _first_workers(client: Any) -> dict[str, int]:
    try:
        client.wait_for_workers(1, timeout=_FIRST_WORKER)
    except TimeoutError:
        raise RunFailed(f"The Dask cluster has no workers, after {_FIRST_WORKER:.0f} s.") from None
    return dict(client.nthreads())


def _check_workers(client: Any, place: Path) -> None:
    """Refuse a cluster on which results could differ from those of this machine, or would not come about."""
    probe, secret, here = place / "probe", uuid.uuid4().hex, facts()
    probe.write_text(secret, encoding="utf-8")
    # A function of the standard library first: without the workbench a worker cannot read one of ours.
    versions = client.run(metadata.version, "workbench", on_error="return")
    wrong = {
        worker: f"has no workbench ({type(found).__name__})"
        for worker, found in versions.items()
        if isinstance(found, Exception)
    }
    fit = [worker for worker in versions if worker not in wrong]
    for worker, found in client.run(seen, probe, workers=fit, on_error="return").items() if fit else ():
        if isinstance(found, Exception):
            wrong[worker] = f"cannot run the workbench ({type(found).__name__}: {str(found)[:200]})"
        elif differs := differences(here, found[0]):
            wrong[worker] = f"differs in {differs}: install the same there"
        elif found[1] != secret:
            wrong[worker] = (
                f"does not see this workspace at {place.parents[2]}: share the folder under one path"
            )
    if wrong:
        told = "; ".join(f"{worker} {why}" for worker, why in sorted(wrong.items())[:_SHOWN])
        more = f"; {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise RunFailed(f"The Dask cluster cannot run this batch. {told}{more}.")


def _failure(error: BaseException | None) -> Failure:
    """Return what a task's error says of the run.

    Raises
    ------
    RunFailed
        If other runs would fail in the same way.
    """
    from distributed import KilledWorker

    if isinstance(error, UnfitWorker):
        raise RunFailed(f"A worker of the Dask cluster is unfit: {error}.")
    if isinstance(error, LostWorker | KilledWorker):
        where = str(error) if isinstance(error, LostWorker) else "a worker"
        return Failure(kind="kernel", message=f"the worker was lost while it ran this: {where}")
    return Failure(
        kind="system", message=f"a worker could not run it: {type(error).__name__}: {error}"[:2000]
    )
