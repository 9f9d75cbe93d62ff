"""Whether a workspace's schedule is kept, and whether its reports reach people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.errors import WorkbenchError
from workbench.reports.delivery import list_deliveries
from workbench.reports.schedule_owed import read_owed
from workbench.reports.schedule_record import FOLDER, Outcome, read_outcomes, read_states

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at, what was found, and what to do about it.

    Parameters
    ----------
    name : str
        What was looked at.
    status : str
        ``well``, ``note`` or ``bad``.
    says, fix : str
        What was found, and what to do; the latter empty where it is well.
    """

    name: str
    status: Literal["well", "note", "bad"]
    says: str
    fix: str = ""


def schedule_findings(workspace: Workspace) -> list[Finding]:
    """Return what is to be said of a workspace's schedule and deliveries; nothing where it has neither."""
    found = []
    try:
        if (workspace.path / FOLDER).is_dir():
            found.append(_schedule(workspace))
        deliveries = _deliveries(workspace)
    except (WorkbenchError, OSError) as error:
        return [*found, Finding(name="schedule", status="bad", says=str(error), fix="See the file it names.")]
    return [*found, *([deliveries] if deliveries is not None else [])]


def _schedule(workspace: Workspace) -> Finding:
    folder = workspace.path / FOLDER
    last: dict[tuple[str, str], Outcome] = {}
    for outcome in read_outcomes(folder):
        if outcome.status != "skipped":
            last[outcome.entry, outcome.what] = outcome
    known = read_states(folder)
    failed = [one for (entry, _), one in last.items() if one.status == "failed" and entry in known]
    if failed:
        told = "; ".join(
            f"{one.entry} failed{'' if one.what == 'run' else f' ({one.what})'}, due {one.due}"
            for one in failed[-_SHOWN:]
        )
        more = f", and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
        return Finding(
            name="schedule",
            status="bad",
            says=f"{told}{more}.",
            fix="`workbench schedule history --alerts` says why.",
        )
    return Finding(name="schedule", status="well", says=f"{len(known)} entries, none failed last.")


def _deliveries(workspace: Workspace) -> Finding | None:
    folder = workspace.path / FOLDER
    counts = Counter(step.state for step in list_deliveries(workspace))
    owed = len(read_owed(folder)) if folder.is_dir() else 0
    if not counts and not owed:
        return None
    says = [f"{count} {state}" for state, count in sorted(counts.items())]
    says += [f"{owed} wait to be tried again"] if owed else []
    if owed or counts["failed"] or counts["unknown"]:
        return Finding(
            name="deliveries",
            status="note",
            says=f"{', '.join(says)}.",
            fix="`workbench deliver --list` says why.",
        )
    return Finding(name="deliveries", status="well", says=f"{', '.join(says)}.")
