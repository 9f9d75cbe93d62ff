"""`workbench measure` and `workbench metrics`: figures, and what they mean."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.app import app
from workbench.result import signed

if TYPE_CHECKING:
    from workbench.metrics.measured import Measured, Row
    from workbench.metrics.metric import Metric

_Workspace = Annotated[Path, typer.Option("--workspace", "-w", help="The workspace's folder.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_FIGURES = ("value", "low", "high", "numerator", "denominator", "n", "p")
_CHANGES = ("previous", "change", "change_p")


@app.command()
def measure(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Metrics; `workbench metrics` lists them.")
    ],
    workspace: _Workspace,
    by: Annotated[str, typer.Option(help="Dimensions, joined by commas.")] = "",
    window: Annotated[str | None, typer.Option(help="30d, or FROM:TO; all data without it.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Add the previous equal window.")] = False,
    engine: Annotated[str, typer.Option(help="What answers: duckdb, postgres or spark.")] = "duckdb",
    as_json: _Json = False,
) -> None:
    """Measure metrics of a workspace, by any dimensions and window."""
    from workbench.metrics import measure as measured
    from workbench.metrics.measuring import chosen
    from workbench.metrics.slices import DIMENSIONS
    from workbench.store import Workspace
    from workbench.store.dialects import open_engine

    chosen(names)  # a wrong name is said before anything is opened
    snapshot = Workspace.open(workspace).tables()
    result = measured(open_engine(engine, snapshot), names, by=by, window=window, compare=compare)
    if compare and any(DIMENSIONS[name].grain for name in result.by):
        typer.echo("Slices of time are not compared with the window before: leave out --compare.", err=True)
    if as_json:
        typer.echo(json.dumps(as_document(result, snapshot.version, compare=compare), indent=1))
    else:
        typer.echo(as_text(result, compare=compare))


@app.command()
def metrics(as_json: _Json = False) -> None:
    """List the dictionary: every metric and its formula."""
    from workbench.metrics import METRICS

    if as_json:
        typer.echo(json.dumps([_definition(metric) for metric in METRICS.values()], indent=1))
        return
    wide = max(map(len, METRICS))
    for metric in METRICS.values():
        typer.echo(f"{metric.name:<{wide}}  {metric.says}")


def as_document(result: Measured, version: int, *, compare: bool = False) -> dict[str, Any]:
    """Return a result as JSON takes it: NaN is null, days are text."""
    figures = (*_FIGURES, *_CHANGES) if compare else _FIGURES
    return {
        "window": {
            "first": str(result.window.first),
            "last": str(result.window.last),
            "days": result.window.days,
        },
        "data_version": version,
        "currency": result.currency,
        "by": list(result.by),
        "sentence": result.sentence,
        "rows": [_line(result, row, figures) for row in result.rows],
    }


def _line(result: Measured, row: Row, figures: tuple[str, ...]) -> dict[str, Any]:
    line: dict[str, Any] = {"metric": row.metric}
    line |= {name: _plain(value) for name, value in zip(result.by, row.slice, strict=True)}
    line |= {name: _plain(getattr(row, name)) for name in figures}
    line["unit"] = result.metric(row.metric).unit
    return line | {
        "share": _plain(row.share),
        "incomplete": row.incomplete,
        "partial": row.partial or None,
        "basis": row.basis or None,
        "note": row.note,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_text(result: Measured, *, compare: bool = False) -> str:
    """Return a result as a table of plain text."""
    from workbench.result import format_value

    head = [
        *result.by,
        "metric",
        "value",
        "95% interval",
        *(["previous", "change"] if compare else []),
        "note",
    ]
    lines = []
    for row in result.rows:
        unit = result.metric(row.metric).unit
        value, low, high, previous = (
            format_value(figure, unit, currency=result.currency)
            for figure in (row.value, row.low, row.high, row.previous)
        )
        interval = f"{low} to {high}" if math.isfinite(row.low) else ""
        change = [previous, signed(row.change) if math.isfinite(row.change) else ""] if compare else []
        lines.append([*map(_shown, row.slice), row.metric, value, interval, *change])
    notes, of_all = _notes(result.rows)
    table = _table(head, [[*line, note] for line, note in zip(lines, notes, strict=True)])
    return "\n".join([f"{result.window.first} to {result.window.last}", table, *of_all])


def _notes(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Return the notes of rows, and apart from them the cautions that all figures of several share."""
    from workbench.metrics.measured import said

    told = [row.caution.split("; ") for row in rows if math.isfinite(row.value)]
    shared = [part for part in told[0] if part and all(part in one for one in told)] if len(told) > 1 else []
    notes = ["; ".join(part for part in said(row).split("; ") if part not in shared) for row in rows]
    return notes, [f"All figures: {'; '.join(shared)}."] if shared else []


def _shown(value: object) -> str:
    text = "–" if value is None else str(value)
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:61])
    return shown if len(text) <= 60 else f"{shown[:59]}…"


def printed_table(head: list[str], lines: list[list[str]]) -> str:
    """Return rows of text as a table; what cannot be printed in a name is a question mark."""
    return _table(head, [[_shown(cell) for cell in line] for line in lines])


def _table(head: list[str], lines: list[list[str]]) -> str:
    widths = [max(len(line[place]) for line in [head, *lines]) for place in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *lines]
    )


def _definition(metric: Metric) -> dict[str, Any]:
    fields = ("name", "title", "unit", "better", "healthy", "owner", "refresh", "formula", "says", "family")
    return {field: getattr(metric, field) for field in fields}
