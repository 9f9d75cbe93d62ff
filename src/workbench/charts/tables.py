"""Results as tables: a heading people read, figures in their unit, bars behind the one that ranks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import fsum
from typing import Any

from workbench.charts.drawing import (
    MOST_LISTED,
    Column,
    DataTable,
    Nothing,
    coded,
    figures_of,
    shown,
)
from workbench.explore.segments import named
from workbench.result import MISSING, Result, format_value

Unit = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One column asked for: the field it comes from, its heading, its unit, whether bars stand behind it."""

    field: str
    label: str
    unit: Unit | None = None  # None for text
    bars: bool = False
    adds: bool = False  # whether the figures of several rows together are their sum


def text(field: str, label: str) -> Shown:
    """Return a column of text."""
    return Shown(field=field, label=label)


def figure(field: str, label: str, unit: Unit, *, bars: bool = False, adds: bool = False) -> Shown:
    """Return a column of figures; those that add up have their sum where a page does not list all rows."""
    return Shown(field=field, label=label, unit=unit, bars=bars, adds=adds)


def tabulate(
    rows: Sequence[object],
    columns: Iterable[Shown],
    *,
    caption: str = "",
    currency: str | None = None,
    most: int = MOST_LISTED,
    totals: Sequence[object] = (),
) -> DataTable:
    """Return frozen rows as a table; a column in which no row has a figure is left out.

    A page lists the first rows, fifty of what has a name; of a course in time it has room for more. The
    others are one row more where their figures add up, and all are among the figures.

    Parameters
    ----------
    rows : sequence of dataclasses
        What matters most first.
    columns : iterable of Shown
        What to show of them.
    caption, currency : str
        What the table shows, and the code of its money.
    most : int
        How many rows a page lists.
    totals : sequence of dataclasses
        Rows that end the table, whatever a page lists.
    """
    both = (*rows, *totals)
    kept = [c for c in columns if any(_has(getattr(row, c.field)) for row in both)]
    largest = {
        c.field: max((abs(getattr(row, c.field) or 0) for row in rows), default=0) or 1.0
        for c in kept
        if c.bars
    }
    return DataTable(
        caption=caption,
        columns=tuple(Column(label=c.label, number=c.unit is not None, bars=c.bars) for c in kept),
        rows=tuple(_cells(row, kept, currency) for row in rows),
        bars=tuple(
            tuple(_share(getattr(row, c.field), largest[c.field]) for c in kept if c.bars) for row in rows
        )
        if largest
        else (),
        figures=figures_of(both),
        closing=(*_others(rows[most:], kept, currency), *(_cells(row, kept, currency) for row in totals)),
        most=most,
    )


def _cells(row: object, kept: Sequence[Shown], currency: str | None) -> tuple[str, ...]:
    return tuple(cell(_read(row, c), c.unit, currency) for c in kept)


def _others(
    rows: Sequence[object], kept: Sequence[Shown], currency: str | None
) -> tuple[tuple[str, ...], ...]:
    """Return one row for all others with the sums that they have; none where nothing adds up."""
    if not rows or not any(c.adds for c in kept):
        return ()
    named = next((place for place, c in enumerate(kept) if c.unit is None), -1)
    return (
        tuple(
            others(len(rows)) if place == named else _sum_of(rows, c, currency)
            for place, c in enumerate(kept)
        ),
    )


def _sum_of(rows: Sequence[object], column: Shown, currency: str | None) -> str:
    if not column.adds:
        return ""
    known = [value for row in rows if (value := getattr(row, column.field)) is not None]
    return cell(fsum(known) if known else None, column.unit, currency)


def others(count: int) -> str:
    """Return how the row is called that stands for all others.

    Examples
    --------
    >>> others(1), others(1200)
    ('1 other', '1,200 others')
    """
    return f"{count:,} other{'' if count == 1 else 's'}"


def table(result: Result) -> DataTable | Nothing:
    """Return any result as a table, its fields as headings."""
    frame = result.to_frame()
    if frame.empty:
        return Nothing(title="", reason=result.sentence or "There is nothing to list.")
    numbers = [frame[name].dtype.kind in "iuf" for name in frame.columns]
    frame = frame.astype(object).where(frame.notna(), None)
    figures: list[dict[Any, Any]] = frame.to_dict("records")
    return DataTable(
        caption=result.sentence,
        columns=tuple(
            Column(label=heading(name), number=number)
            for name, number in zip(frame.columns, numbers, strict=True)
        ),
        rows=tuple(
            tuple(
                cell(value, "" if number else None, None)
                for value, number in zip(row.values(), numbers, strict=True)
            )
            for row in figures
        ),
        figures=tuple({str(name): _plain(value) for name, value in row.items()} for row in figures),
    )


def heading(name: object) -> str:
    """Return the name of a field as a heading.

    Examples
    --------
    >>> heading("cost_per_lead"), heading("roas")
    ('Cost per lead', 'Roas')
    """
    words = str(name).replace("_", " ")
    return words[:1].upper() + words[1:]


def cell(value: object, unit: Unit | None, currency: str | None) -> str:
    """Return one value as it is read.

    Examples
    --------
    >>> cell(0.0379, "%", None), cell(date(2025, 3, 1), None, None), cell(None, "x", None)
    ('3.79%', '1 Mar 2025', '–')
    """
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit is not None and isinstance(value, int | float):
        return format_value(float(value), unit, currency=currency)
    if isinstance(value, date):
        return f"{value.day} {value:%b %Y}"
    return shown(value) or MISSING


def _read(row: object, column: Shown) -> object:
    value = getattr(row, column.field)
    if column.field == "cohort" and isinstance(value, date):
        return f"{value:%b %Y}"
    if column.field == "segment":
        return named(value)
    return coded(value) if column.field == "channel" else value


def _has(value: object) -> bool:
    return value is not None and value != ""


def _share(value: float | None, largest: float) -> float | None:
    return round(min(1.0, max(0.0, value / largest)), 3) if value is not None else None


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
