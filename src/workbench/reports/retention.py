"""Which runs stay: the newest of each notebook and parameter set, and all that are young; others may go."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from workbench.reports.claims import claimed
from workbench.reports.journal import store_ended_runs
from workbench.reports.lease import GONE, lease, list_records
from workbench.reports.record import RunRecord

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

_ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """Which runs were removed.

    Parameters
    ----------
    removed : tuple of str
        Their ids, the newest first.
    kept : int
        How many runs stayed.
    size : int
        Bytes that their files took.
    """

    removed: tuple[str, ...]
    kept: int
    size: int

    @property
    def sentence(self) -> str:
        """Return how many runs went and stayed."""
        went = f"{len(self.removed)} run{'s' * (len(self.removed) != 1)}"
        return f"{went} removed ({self.size / 1e6:,.1f} MB), {self.kept} kept; all stay in the table of runs."

    def to_json(self) -> dict[str, Any]:
        """Return what was done as JSON values."""
        return {"removed": list(self.removed), "kept": self.kept, "bytes": self.size, "says": self.sentence}


def superseded(records: Iterable[RunRecord], *, keep: int, before: datetime) -> list[RunRecord]:
    """Return the runs that are not needed any more.

    Parameters
    ----------
    records : iterable of RunRecord
        The newest first.
    keep : int
        How many completed runs of each notebook and parameter set stay, however old. Failed and cancelled
        ones stay while no later run of theirs has completed.
    before : datetime
        Runs that were started then or later stay, too.

    Returns
    -------
    list of RunRecord
        In the order they were given.
    """
    newer: Counter[bytes] = Counter()
    found = []
    for record in records:
        needed = newer[record.report] < (keep if record.status == "completed" else 1)
        newer[record.report] += record.status == "completed"
        young = record.started is None or datetime.fromisoformat(record.started) >= before
        if record.status in _ENDED and not needed and not young:
            found.append(record)
    return found


def prune_runs(workspace: Workspace, *, keep: int, age: timedelta) -> Pruned:
    """Remove the files of runs that later ones have taken the place of; return which.

    The rows of the `runs` table stay, so what was run and how it ended is known for good. A receipt goes with
    its run, which then can be neither verified nor published.

    Parameters
    ----------
    workspace : Workspace
        Whose runs are looked at.
    keep : int
        How many completed runs of each notebook and parameter set stay.
    age : timedelta
        Younger runs stay.
    """
    store_ended_runs(workspace)
    runs = workspace.runs_path
    records = list_records(runs)
    removed, size = [], 0
    with lease(runs) as home:
        for record in superseded(records, keep=keep, before=datetime.now(UTC) - age):
            folder = runs / record.id
            with claimed(runs, record.id, Event(), wait=False) as held:
                if held and folder.is_dir():
                    size += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                    _remove(folder, home)
                    removed.append(record.id)
    return Pruned(removed=tuple(removed), kept=len(records) - len(removed), size=size)


def _remove(folder: Path, home: Path) -> None:
    """Take a run away whole: what a kill leaves of it is not found any more."""
    gone = folder.rename(home / f"{GONE}{folder.name}")
    shutil.rmtree(gone, ignore_errors=True)
