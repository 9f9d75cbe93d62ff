"""Whether the data can be trusted: what was loaded, what was refused and why, and how fresh the events are.

Words: a *load* is one file brought in; of the rows read each was accepted, known already (a duplicate) or
refused; *freshness* is the time from an event to its arrival.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from workbench.events.quality import NOT_MAPPED
from workbench.explore.query import ask
from workbench.explore.view import View, frame_of, lacking, ratio
from workbench.metrics import sql
from workbench.result import format_value
from workbench.source import given

# A value in a column as a reason quotes it, and how a reason goes on after a semicolon of its own.
_VALUE = re.compile(r"(?<=: )'.{0,80}?' (?:is (?=[a-z])|(?=(?:carries|lies|does|could) ))", re.DOTALL)
_GOES_ON = ("expected ", "state ", "the workspace is in ")

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRow:
    """One file that was loaded, by its name and folder, in rows; `refused_share` is of the rows read."""

    file: str
    table_name: str
    mapping: str
    loaded_at: datetime
    rows_read: int
    accepted: int
    duplicates: int
    refused: int
    refused_share: float | None
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonRow:
    """Why rows were refused; a row with two reasons counts under both."""

    table_name: str
    reason: str
    rows: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuality(View):
    """What came in, and what did not, newest load first."""

    loads: tuple[LoadRow, ...]
    reasons: tuple[ReasonRow, ...]
    missing: str = ""

    @property
    def refused(self) -> int:
        """Return how many rows were refused."""
        return sum(load.refused for load in self.loads)

    @property
    def left_out(self) -> int:
        """Return how many of the refused rows are of events that their mapping knowingly leaves out."""
        return sum(row.rows for row in self.reasons if row.reason.startswith(NOT_MAPPED))

    @property
    def sentence(self) -> str:
        """Return the share of rows that was refused, and the most frequent reason."""
        if self.missing:
            return self.missing
        read = sum(load.rows_read for load in self.loads) - self.left_out
        refused = self.refused - self.left_out
        are = "is" if self.left_out == 1 else "are"
        more = f"; {self.left_out:,} more {are} of events that a mapping leaves out" if self.left_out else ""
        if not refused:
            files = f"{len(self.loads)} load{'' if len(self.loads) == 1 else 's'}"
            rows = f"All {read:,} rows of {files} were" if read != 1 else f"The only row of {files} was"
            return f"{rows} accepted or known already{more}."
        worst = next((row.reason for row in self.reasons if not row.reason.startswith(NOT_MAPPED)), "")
        most = f", most for: {worst}" if worst else ""
        share = format_value(ratio(refused, read), "%")
        rows = f"{read:,} row{'' if read == 1 else 's'} {'was' if refused == 1 else 'were'}"
        return f"{refused:,} of {rows} refused ({share}){most}{more}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per load."""
        return frame_of(self.loads, LoadRow)

    def reasons_frame(self) -> pd.DataFrame:
        """Return one row per table and reason."""
        return frame_of(self.reasons, ReasonRow)


def data_quality(tables: Tables) -> DataQuality:
    """Return what every load brought, and why rows were refused.

    Parameters
    ----------
    tables : Tables
        Needs loads; the reasons come from quarantine.
    """
    if "loads" not in given(tables).names:
        return DataQuality(loads=(), reasons=(), missing=lacking(tables, "loads"))
    found = ask(tables, lambda: _of_files(sql.unbound("loads")), "loads")
    loads = tuple(_load(row) for row in sorted(found, key=lambda row: row["loaded_at"], reverse=True))
    reasons = ask(tables, _reasons, "refused") if "quarantine" in tables.names else []
    missing = "" if loads else "Not enough data: no file has been loaded yet."
    return DataQuality(loads=loads, reasons=_counted(reasons), missing=missing)


def _of_files(loads: Any) -> Any:
    return loads.filter(loads.operation == "ingest")


def _reasons() -> Any:
    rows = sql.unbound("quarantine")
    return rows.group_by(["table_name", "reasons"]).aggregate(rows=rows.count())


def _load(row: dict[str, Any]) -> LoadRow:
    return LoadRow(
        file="/".join(PurePath(row["file"]).parts[-2:]),
        table_name=row["table_name"],
        mapping=row["mapping"] or "",
        loaded_at=row["loaded_at"],
        rows_read=row["rows_read"],
        accepted=row["accepted"],
        duplicates=row["duplicates"],
        refused=row["quarantined"],
        refused_share=ratio(row["quarantined"], row["rows_read"]),
        late=row["late"],
    )


def reasons_in(text: str) -> list[str]:
    """Return the reasons of one refused row, without the value that the row had in a column.

    Values differ from row to row, and may hold what parts reasons; `workbench quarantine` shows them.

    Examples
    --------
    >>> reasons_in("negative money: spend; column date: 'not; a day' is not a date; expected 2024-01-31")
    ['negative money: spend', 'column date: not a date, expected 2024-01-31']
    """
    parts = _VALUE.sub("", text).split("; ")
    reasons: list[str] = []
    for part in parts:
        if part.startswith(_GOES_ON) and reasons:
            reasons[-1] += f", {part}"
        else:
            reasons.append(part)
    return list(dict.fromkeys(reasons))


def _counted(rows: list[dict[str, Any]]) -> tuple[ReasonRow, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for reason in reasons_in(row["reasons"]):
            counts[row["table_name"], reason] += row["rows"]
    refused = sum(row["rows"] for row in rows)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        ReasonRow(table_name=table, reason=reason, rows=count, share=ratio(count, refused))
        for (table, reason), count in ordered
    )
