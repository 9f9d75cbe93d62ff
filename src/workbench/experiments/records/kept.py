"""The experiments of a workspace, read from its tables: those defined here, and those only loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, UsageError, unknown_name
from workbench.experiments.records.documents import kind_of, plan_of, primary_of
from workbench.experiments.records.keeping import Change, Decision, Kept
from workbench.result import html_table, told
from workbench.source import given

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from workbench.source import Tables

DEFINITIONS, DECISIONS, ASSIGNMENTS = "experiment_definitions", "experiment_decisions", "experiments"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptExperiments:
    """The experiments of a workspace: those that run first, then by name."""

    rows: tuple[Kept, ...]

    @property
    def sentence(self) -> str:
        """Return how many there are, by status."""
        if not self.rows:
            return "There are no experiments yet: define one with `workbench experiment create`."
        counted: dict[str, int] = {}
        for kept in self.rows:
            counted[kept.status] = counted.get(kept.status, 0) + 1
        many = f"{len(self.rows)} experiments" if len(self.rows) > 1 else "1 experiment"
        return f"{many}: {', '.join(f'{count} {status}' for status, count in counted.items())}."

    __repr__ = told

    def to_frame(self, today: date | None = None) -> pd.DataFrame:
        """Return one row per experiment.

        Parameters
        ----------
        today : date, optional
            The day until which the progress of geo tests is told; without it there is no such column.
        """
        import pandas as pd

        columns = ["name", "status", "kind", "primary", "start", "end", "users", "decision"]
        frame = pd.DataFrame([_line(kept) for kept in self.rows], columns=columns)
        if today is not None:
            frame["progress"] = [_share(kept.progress(today)) for kept in self.rows]
        return frame

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def _share(progress: float | None) -> str | None:
    return None if progress is None else f"{progress:.0%}"


def _line(kept: Kept) -> dict[str, Any]:
    plan = kept.plan
    return {
        "name": kept.name,
        "status": kept.status,
        "kind": kind_of(plan) if plan else None,
        "primary": primary_of(plan) if plan else None,
        "start": plan.start if plan else None,
        "end": plan.end if plan else None,
        "users": kept.size,
        "decision": f"{kept.decisions[-1].decision} {kept.decisions[-1].variant}" if kept.decisions else None,
    }


def kept_experiments(tables: Tables) -> KeptExperiments:
    """Return all experiments of a workspace, those that were only loaded as assignments too.

    Parameters
    ----------
    tables : Tables
        A workspace's tables.
    """
    (changes, unreadable), decisions = _changes(tables), _decisions(tables)
    users, everyone = _users(tables)
    made = [
        Kept(
            name=name,
            changes=tuple(changes.get(name, ())),
            decisions=tuple(decisions.get(name, ())),
            users=users.get(name, {}),
            everyone=everyone.get(name),
            unreadable=unreadable.get(name, ""),
        )
        for name in sorted({*changes, *unreadable, *users})
    ]
    order = ("unreadable", "running", "paused", "draft", "undefined", "completed", "cancelled")
    return KeptExperiments(rows=tuple(sorted(made, key=lambda kept: order.index(kept.status))))


def kept_experiment(tables: Tables, name: str) -> Kept:
    """Return one experiment with its history.

    Raises
    ------
    UsageError
        If there is none of this name.
    BadInput
        If what is kept of it cannot be understood.
    """
    found = {kept.name: kept for kept in kept_experiments(tables).rows}
    if name in found:
        return readable(found[name])
    if not found:
        raise UsageError(f"There is no experiment {name!r:.80}: the workspace has none yet.")
    raise unknown_name("experiment", name, found)


def readable(kept: Kept) -> Kept:
    """Return an experiment whose definition can be understood.

    Raises
    ------
    BadInput
        If it cannot.
    """
    if kept.unreadable:
        raise BadInput(
            kept.sentence.rstrip("."),
            fix="Other experiments are not touched by it. Define this one under a new name.",
        )
    return kept


def _rows(tables: Tables, table: str, sql: str) -> list[dict[str, Any]]:
    return tables.query(sql).to_pylist() if table in given(tables).names else []


def _changes(tables: Tables) -> tuple[dict[str, list[Change]], dict[str, str]]:
    """Return the versions of each experiment, and of those that cannot be understood why."""
    found: dict[str, list[Change]] = {}
    unreadable: dict[str, str] = {}
    for row in _rows(tables, DEFINITIONS, f"SELECT * FROM {DEFINITIONS} ORDER BY name, version"):
        try:
            found.setdefault(row["name"], []).append(_change(row))
        except (BadInput, UsageError) as error:
            unreadable[row["name"]] = str(error)
    return {name: changes for name, changes in found.items() if name not in unreadable}, unreadable


def _change(row: Mapping[str, Any]) -> Change:
    file = f"{DEFINITIONS}, {row['name']}, version {row['version']}"
    try:
        document = json.loads(row["definition"])
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadInput("the definition is no JSON object", file=file)
    if document.get("name") != row["name"]:
        raise BadInput("the definition has another name", file=file, value=str(document.get("name"))[:80])
    return Change(
        version=row["version"],
        experiment=plan_of(document | {"status": row["status"]}, file),
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        reason=row["reason"],
    )


def _decisions(tables: Tables) -> dict[str, list[Decision]]:
    found: dict[str, list[Decision]] = {}
    for row in _rows(tables, DECISIONS, f"SELECT * FROM {DECISIONS} ORDER BY name, number"):
        made = Decision(**{**row, "figures": json.loads(row["figures"])})
        found.setdefault(made.name, []).append(made)
    return found


def _users(tables: Tables) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Return the users of each variant, and those of each experiment, who may be in several variants."""
    sql = (
        "SELECT experiment, variant, grouping(variant) AS whole, count(DISTINCT user_id) AS users "
        f"FROM {ASSIGNMENTS} GROUP BY GROUPING SETS ((experiment, variant), (experiment)) "
        "ORDER BY experiment, variant"
    )
    found: dict[str, dict[str, int]] = {}
    everyone: dict[str, int] = {}
    for row in _rows(tables, ASSIGNMENTS, sql):
        if row["whole"]:
            everyone[row["experiment"]] = row["users"]
        else:
            found.setdefault(row["experiment"], {})[row["variant"]] = row["users"]
    return found, everyone
