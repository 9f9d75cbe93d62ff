"""Who is working in the runs folder, and what is left when a runner is killed.

::

    runs/
      <run id>/                    a run that ended: record, notebook, receipt
      .active/.claims/<run id>     locked while one runner performs that run
      .active/<runner>/lock        held, by the operating system's lock, for as long as the runner lives
      .active/<runner>/<run id>/   a run that is queued or running there
      .work-<runner>-<n>/          a notebook's working directory
      .ended/                      records that the `runs` table of the workspace does not hold yet

A finished run is renamed into place, so it is there whole or not at all. The lock goes with the process:
what a killed runner was doing is found, and said, by whoever looks next.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from workbench.reports.execution import Failure
from workbench.reports.kernel_family import end_strays, work_prefix
from workbench.reports.record import RunRecord, read_record, write_record, write_whole

ACTIVE, CLAIMS, ENDED, GONE = ".active", ".claims", ".ended", ".gone-"
_ABANDONED = 3600.0


@contextmanager
def lease(runs: Path) -> Iterator[Path]:
    """Give a runner's folder, locked for as long as this process holds it."""
    active = runs / ACTIVE
    active.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=active))
    with (new / "lock").open("w") as lock:
        take_lock(lock)
        # A name without the dot is looked at by others; by now it is locked.
        held = new.rename(active / new.name.removeprefix(".new-"))
        try:
            yield held
        finally:
            _clear(runs, held)


@contextmanager
def working_directory(runs: Path, home: Path) -> Iterator[Path]:
    """Give an empty folder, two levels below the workspace, for one notebook."""
    folder = Path(tempfile.mkdtemp(prefix=work_prefix(home.name), dir=runs))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(attempt: Path, runs: Path) -> Path:
    """Move an ended run to where runs are found, in place of one with its id; return its folder."""
    record = read_record(attempt)
    if record is not None:
        ended = runs / ENDED
        ended.mkdir(exist_ok=True)
        name = f"{record.id}-{(record.started or '').translate(str.maketrans('', '', ':+-.'))}.json"
        write_whole(ended / name, json.dumps(record.to_json()).encode())
    target = runs / attempt.name
    if record is not None and record.status == "cancelled" and _completed(target):
        shutil.rmtree(attempt, ignore_errors=True)  # a repetition that was stopped says nothing against it
        return target
    aside = attempt.parent / f".old-{attempt.name}"
    with suppress(FileNotFoundError):
        target.rename(aside)
    attempt.rename(target)
    shutil.rmtree(aside, ignore_errors=True)
    return target


def settle(runs: Path) -> None:
    """End what killed runners left: finished runs are kept, running ones failed, queued ones go."""
    active = runs / ACTIVE
    if not active.is_dir():
        return
    for home in sorted(active.iterdir()):
        if home.name == CLAIMS:
            _settle_claims(home)
            continue
        if home.name.startswith("."):
            with suppress(OSError):
                if time.time() - home.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(home, ignore_errors=True)
            continue
        with suppress(OSError), (home / "lock").open("r+") as lock:
            if not take_lock(lock):
                continue
            end_strays(home.name)
            for attempt in sorted(home.iterdir()):
                _settle_attempt(attempt, runs)
            _clear(runs, home)


def _settle_claims(claims: Path) -> None:
    for claim in claims.iterdir():
        with suppress(OSError), claim.open("r+") as file:
            if take_lock(file):
                claim.unlink()
    with suppress(OSError):
        claims.rmdir()


def _settle_attempt(attempt: Path, runs: Path) -> None:
    if attempt.name.startswith(GONE):
        return
    target = runs / attempt.name.removeprefix(".old-")
    if attempt.name.startswith(".old-"):
        if not target.exists():
            attempt.rename(target)
        return
    record = read_record(attempt)
    if record is None or record.status == "queued" or _completed(target):
        return
    if record.status == "running":
        killed = Failure(kind="killed", message="the process that ran it was ended")
        write_record(attempt, replace(record.ending("failed", killed), ended=None, duration=None))
    put_in_place(attempt, runs)


def _completed(folder: Path) -> bool:
    record = read_record(folder)
    return record is not None and record.status == "completed"


def list_records(runs: Path) -> list[RunRecord]:
    """Return every run of a workspace, the newest first; queued ones come before all."""
    with suppress(OSError):
        settle(runs)
    if not runs.is_dir():
        return []
    folders = [folder for folder in runs.iterdir() if not folder.name.startswith(".")]
    if (runs / ACTIVE).is_dir():
        folders += [f for f in (runs / ACTIVE).glob("[!.]*/[!.]*") if f.is_dir()]
    records: dict[str, RunRecord] = {}
    for record in filter(None, map(read_record, folders)):
        known = records.get(record.id)
        # A run repeated now is shown as running, not as what it was.
        if known is None or (record.started or "~") > (known.started or "~"):
            records[record.id] = record
    return sorted(records.values(), key=lambda r: (r.started or "~", r.id), reverse=True)


def _clear(runs: Path, home: Path) -> None:
    for folder in runs.glob(f"{work_prefix(home.name)}*"):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def take_lock(file: IO[str]) -> bool:
    """Take the lock of an open file; False where another holds it. It ends with the process."""
    try:
        import fcntl
    except ImportError:  # no such locks on Windows: a runner's folder is then never taken for abandoned
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
