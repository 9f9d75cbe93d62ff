"""How runs and loads went: shares of failures with intervals, tables of runs and of the age of the data."""

from __future__ import annotations

from dataclasses import replace

from workbench.charts.drawing import DataTable, Drawing, Nothing, coded, opened
from workbench.charts.shapes import MOST_BARS, dots, labels
from workbench.charts.tables import figure, tabulate, text
from workbench.explore.system_health import NotebookRuns, SystemHealth
from workbench.result import format_value

_ALARM = 0.05


def run_failures(result: SystemHealth) -> Drawing | Nothing:
    """Return the share of runs that failed, by notebook, with its interval."""
    title = "Runs that failed"
    rows = [row for row in result.notebooks if row.failure_share is not None]
    if result.missing or not rows:
        return Nothing(title=title, reason=result.missing or "No run has completed or failed.")
    if not any(row.failed for row in rows):
        return Nothing(title=title, reason="No run failed; the table below has how many there were.")
    rows = sorted(rows, key=lambda row: -(row.failure_share or 0.0))[:MOST_BARS]
    names = labels([coded(row.notebook) for row in rows])
    first = rows[0]
    return Drawing(
        finding=f"{opened(names[0])} failed most: {first.failed} of {first.completed + first.failed} runs",
        subtitle=f"Share of runs that failed by notebook, last {result.days} days; bars are 95% intervals",
        description="A dot with an interval per notebook. "
        + "; ".join(
            f"{name}: {_share(row)} ({_interval(row)})" for name, row in zip(names, rows, strict=True)
        ),
        spec=dots(
            [
                {
                    "label": name,
                    "value": row.failure_share,
                    "low": row.failure_low,
                    "high": row.failure_high,
                    "tone": "bad" if (row.failure_low or 0.0) > _ALARM else "s1",
                    "said": f"{_share(row)}, {row.failed} of {row.completed + row.failed}",
                    "interval": _interval(row),
                }
                for name, row in zip(names, rows, strict=True)
            ],
            unit="%",
        ),
        table=_table(result, ""),
        note=f"Red where surely more than {format_value(_ALARM, '%')} fail. Cancelled runs do not count.",
    )


def run_table(result: SystemHealth) -> DataTable | Nothing:
    """Return runs, failures and durations by notebook, the most failures first."""
    if result.missing or not result.notebooks:
        return Nothing(title="Runs", reason=result.missing or "No run has ended yet.")
    return _table(result, f"Runs of the last {result.days} days")


def table_ages(result: SystemHealth) -> DataTable | Nothing:
    """Return when every table last got rows, the longest ago first."""
    if result.missing or not result.tables:
        return Nothing(title="Age of the data", reason=result.missing or "No file has been loaded yet.")
    return tabulate(
        result.tables,
        [
            text("table_name", "Table"),
            text("last_load", "Last load"),
            figure("hours_behind", "Behind the newest", "h", bars=True),
            figure("loads", "Loads", "count"),
            figure("rows_read", "Rows read", "count"),
            figure("refused", "Refused", "count"),
            figure("refused_share", "Share refused", "%"),
        ],
        caption="When each table last got rows",
    )


def _table(result: SystemHealth, caption: str) -> DataTable:
    return tabulate(
        [replace(row, notebook=coded(row.notebook)) for row in (*result.notebooks, *_total(result))],
        [
            text("notebook", "Notebook"),
            figure("runs", "Runs", "count"),
            figure("failed", "Failed", "count"),
            figure("failure_share", "Share failed", "%"),
            figure("failure_low", "95% from", "%"),
            figure("failure_high", "to", "%"),
            figure("cancelled", "Cancelled", "count"),
            figure("scheduled", "Scheduled", "count"),
            figure("late", "Late or failed", "count"),
            figure("median_seconds", "Median", "s"),
            figure("longest_seconds", "Longest", "s"),
            text("last_status", "Last run"),
        ],
        caption=caption,
    )


def _total(result: SystemHealth) -> tuple[NotebookRuns, ...]:
    return (result.total,) if result.total and len(result.notebooks) > 1 else ()


def _share(row: NotebookRuns) -> str:
    return format_value(row.failure_share, "%")


def _interval(row: NotebookRuns) -> str:
    return f"{format_value(row.failure_low, '%')} to {format_value(row.failure_high, '%')}"
