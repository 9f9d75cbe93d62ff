"""Whether the workbench itself does its work: which runs failed, how long they took, how old the data is.

Words: a *run* is one execution of a notebook that ended; *failed* is one that raised or was ended, not one
that a person cancelled. Days are counted back from the newest record, for nothing here knows what day it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.explore.query import ask
from workbench.explore.shares import share_with_interval
from workbench.explore.view import View, frame_of, lacking, span
from workbench.metrics import sql
from workbench.metrics.window import Window
from workbench.result import format_value
from workbench.source import given

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

_ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookRuns:
    """The runs of one notebook, or of all.

    Parameters
    ----------
    notebook : str
        Its name.
    runs, completed, failed, cancelled : int
        How many ended, and how.
    failure_share, failure_low, failure_high : float or None
        Failed ones as a share of those that nobody cancelled, with Wilson's 95 % interval.
    scheduled, late : int
        Runs that a schedule wanted, and those of them that did not complete in time.
    median_seconds, longest_seconds : float or None
        Of those that completed.
    last_at : datetime
        When the newest began, UTC.
    last_status : str
        How it ended.
    """

    notebook: str
    runs: int
    completed: int
    failed: int
    cancelled: int
    failure_share: float | None
    failure_low: float | None
    failure_high: float | None
    scheduled: int
    late: int
    median_seconds: float | None
    longest_seconds: float | None
    last_at: datetime
    last_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAge:
    """When a table last got rows, and how many hours before the newest record that was."""

    table_name: str
    loads: int
    last_load: datetime
    hours_behind: float
    rows_read: int
    refused: int
    refused_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemHealth(View):
    """How runs and loads went.

    Parameters
    ----------
    notebooks : tuple of NotebookRuns
        Those with the most failures first.
    total : NotebookRuns or None
        Over all notebooks; its median is of all runs.
    tables : tuple of TableAge
        The longest without new rows first.
    days : int
        How many days before the newest run count.
    as_of : datetime or None
        The newest record.
    """

    notebooks: tuple[NotebookRuns, ...]
    total: NotebookRuns | None
    tables: tuple[TableAge, ...]
    days: int
    as_of: datetime | None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return how many runs failed, how sure that is, and where."""
        if self.missing or self.total is None:
            return self.missing or "Not enough data: no run has ended yet."
        total = self.total
        days = f"{self.days} day{'s' if self.days != 1 else ''}"
        runs = f"{total.runs:,} run{'s' if total.runs != 1 else ''} in {days}"
        if not total.failed:
            high = format_value(total.failure_high, "%")
            sure = f"; so few that up to {high} could fail" if (total.failure_high or 0) > 0.05 else ""
            return f"None of {runs} failed{sure}."
        share = format_value(total.failure_share, "%")
        worst = self.notebooks[0]
        # A share of five runs is not one of four: whoever divides must find what is said.
        left_out = (
            f" of the {total.completed + total.failed:,} that nobody cancelled" if total.cancelled else ""
        )
        return (
            f"{total.failed:,} of {runs} failed: {share}{left_out}"
            f"{span(total.failure_low, total.failure_high, '%')}; "
            f"{worst.notebook.replace('_', ' ')} most often, {worst.failed} of {worst.runs}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per notebook."""
        return frame_of(self.notebooks, NotebookRuns)

    def tables_frame(self) -> pd.DataFrame:
        """Return one row per table."""
        return frame_of(self.tables, TableAge)


def system_health(tables: Tables, *, days: int = 30) -> SystemHealth:
    """Return how the runs of the last days went, and how old the data of every table is.

    Parameters
    ----------
    tables : Tables
        Needs runs, loads or both.
    days : int
        How many days before the newest run count.

    Raises
    ------
    UsageError
        If `days` is below 1.
    """
    if days < 1:
        raise UsageError(f"Days are counted from 1, not {days}.")
    newest = ask(tables, _newest_run, "newest run")[0]["at"] if "runs" in given(tables).names else None
    ages = _ages(tables)
    moments = [*([newest] if newest else []), *(row["last_load"] for row in ages)]
    if not moments:
        return SystemHealth(
            notebooks=(),
            total=None,
            tables=(),
            days=days,
            as_of=None,
            missing=lacking(tables, "runs", "loads"),
        )
    rows, total = _runs(tables, newest, days) if newest else ((), None)
    return SystemHealth(
        notebooks=rows,
        total=total,
        tables=tuple(_age(row, max(moments)) for row in sorted(ages, key=lambda row: row["last_load"])),
        days=days,
        as_of=max(moments),
    )


def _runs(tables: Tables, newest: datetime, days: int) -> tuple[tuple[NotebookRuns, ...], NotebookRuns]:
    last = newest.date()
    window = Window(last - timedelta(days=days - 1), last)
    each = ask(tables, lambda: _ended(("notebook",)), "runs by notebook", window=window)
    whole = ask(tables, lambda: _ended(()), "runs", window=window)[0]
    status = {
        row["notebook"]: row["status"] for row in ask(tables, _last_status, "last status", window=window)
    }
    seconds: dict[str, list[float]] = {"all": []}
    for row in ask(tables, _durations, "durations", window=window):
        for name in ("all", str(row["notebook"])):
            seconds.setdefault(name, []).append(float(row["duration_seconds"]))
    rows = [_row(str(row["notebook"]), row, status, seconds) for row in each]
    rows.sort(key=lambda row: (-row.failed, -row.runs, row.notebook))
    latest = max(rows, key=lambda row: row.last_at)
    return tuple(rows), _row("all", whole, {"all": latest.last_status}, seconds)


def _row(
    name: str, row: Mapping[str, Any], status: Mapping[str, str], seconds: Mapping[str, list[float]]
) -> NotebookRuns:
    counts = {kind: int(row[kind] or 0) for kind in (*_ENDED, "scheduled", "late")}
    share = share_with_interval(counts["failed"], counts["completed"] + counts["failed"])
    return NotebookRuns(
        notebook=name,
        runs=sum(counts[kind] for kind in _ENDED),
        **counts,
        failure_share=share[0],
        failure_low=share[1],
        failure_high=share[2],
        median_seconds=median(seconds[name]) if seconds.get(name) else None,
        longest_seconds=max(seconds[name]) if seconds.get(name) else None,
        last_at=row["last_at"],
        last_status=str(status[name]),
    )


def _newest_run() -> Any:
    runs = sql.unbound("runs")
    return runs.aggregate(at=runs.started_at.max())


def _ended(by: tuple[str, ...]) -> Any:
    runs = sql.unbound("runs")
    kept = runs.filter(sql.within(runs.started_at, instant=True))
    done = kept.status == "completed"
    figures = {
        **{kind: sql.when(kept.status == kind, 1, 0).sum() for kind in _ENDED},
        "scheduled": sql.when(kept.scheduled, 1, 0).sum(),
        "late": sql.when(kept.scheduled & ~(kept.on_time & done), 1, 0).sum(),
        "last_at": kept.started_at.max(),
    }
    return kept.group_by(list(by)).agg(**figures) if by else kept.aggregate(**figures)


def _durations() -> Any:
    runs = sql.unbound("runs")
    kept = runs.filter([*sql.within(runs.started_at, instant=True), runs.status == "completed"])
    return kept.select("notebook", "duration_seconds")


def _last_status() -> Any:
    runs = sql.unbound("runs")
    kept = runs.filter(sql.within(runs.started_at, instant=True))
    last = kept.group_by("notebook").agg(at=kept.started_at.max())
    pairs = kept.join(last, [kept.notebook == last.notebook, kept.started_at == last["at"]])
    return pairs.group_by(kept.notebook).agg(status=kept.status.max())


def _ages(tables: Tables) -> list[dict[str, Any]]:
    if "loads" not in tables.names:
        return []
    return ask(tables, _loaded, "loads by table")


def _loaded() -> Any:
    loads = sql.unbound("loads")
    kept = loads.filter(loads.operation == "ingest")
    return kept.group_by("table_name").agg(
        loads=kept.count(),
        last_load=kept.loaded_at.max(),
        rows_read=kept.rows_read.sum(),
        refused=kept.quarantined.sum(),
    )


def _age(row: Mapping[str, Any], newest: datetime) -> TableAge:
    read, refused = int(row["rows_read"]), int(row["refused"])
    return TableAge(
        table_name=str(row["table_name"]),
        loads=int(row["loads"]),
        last_load=row["last_load"],
        hours_behind=round((newest - row["last_load"]).total_seconds() / 3600, 2),
        rows_read=read,
        refused=refused,
        refused_share=refused / read if read else None,
    )
