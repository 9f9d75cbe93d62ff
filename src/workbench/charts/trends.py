"""Trends: a metric by day with its 7-day mean; several slices as small pictures on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.charts.cards import period
from workbench.charts.drawing import MOST_ROWS, DataTable, Drawing, Nothing, figures_of, shown
from workbench.charts.shapes import (
    day_axis,
    in_one_line,
    labels,
    spec_of,
    tooltip,
    unit_axis,
    unit_in_words,
    values,
    weeks_axis,
)
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.explore.trends import TrendPoint, Trends
from workbench.result import format_value

if TYPE_CHECKING:
    import altair as alt

MOST_PICTURES = 6
_MOST_BY_SLICE = 200  # rows of the table behind several pictures


def trend(result: Trends) -> Drawing | Nothing:
    """Return a metric over time: days as a quiet line, the 7-day mean as the strong one."""
    if result.missing or not result.points:
        return Nothing(title=f"{result.title} over time", reason=result.missing or "No day has a figure.")
    alive = {point.slice for point in result.points if point.value}
    slices = [name for name in result.slices if name in alive or not alive][:MOST_PICTURES]
    parts = [_drawn([point for point in result.points if point.slice == name], result) for name in slices]
    days = [point.day for point in result.points]
    return Drawing(
        finding=result.finding,
        subtitle=in_one_line(
            f"{result.title} by {result.grain}{f' and {result.by}' if result.by else ''}",
            unit_in_words(result.unit, result.currency),
            period(min(days), max(days)),
        ),
        description=_description(result, slices),
        spec=_single(parts[0], result) if len(slices) == 1 else _several(parts, result),
        table=_table(result, [point for part in parts for point in part]),
        note=_note(result, len(slices), thinned=_thins(result)),
    )


def changes(result: Trends) -> DataTable | Nothing:
    """Return the changes against last week, month and year as a table."""
    if result.missing or not result.changes:
        return Nothing(title=f"Changes of {result.title}", reason=result.missing or "No block is complete.")
    columns = [
        text("slice", (result.by or "slice").capitalize()),
        text("kind", "Against"),
        figure("current", "Now", result.unit),
        figure("previous", "Before", result.unit),
        figure("change", "Change", "%"),
        figure("change_low", "from", "%"),
        figure("change_high", "to", "%"),
        text("reason", "Bear in mind"),
    ]
    rows = [replace(change, slice=result.called(change.slice)) for change in result.changes]
    made = tabulate(rows, columns, caption=result.sentence, currency=result.currency)
    return replace(made, figures=figures_of(result.changes))


def _description(result: Trends, slices: Sequence[str]) -> str:
    lines = []
    for name in slices:
        known = [p for p in result.points if p.slice == name and p.value is not None]
        if known:
            ends = (
                format_value(p.value, result.unit, currency=result.currency) for p in (known[0], known[-1])
            )
            called = shown(result.called(name), 40) if name else ""
            lines.append(f"{called}{': ' if called else ''}from {' to '.join(ends)}")
    return f"Line chart of {result.title} by {result.grain}. {'; '.join(lines)}. {result.sentence}"


def _thins(result: Trends) -> bool:
    """Return whether there are more days than a line of a page's width can tell apart."""
    days = {point.day for point in result.points}
    return (
        result.grain == "day" and len(days) > MOST_ROWS and any(p.rolling is not None for p in result.points)
    )


def _drawn(points: Sequence[TrendPoint], result: Trends) -> list[TrendPoint]:
    """Return the points to draw: of years the 7-day mean alone, every 7th day, up to the last."""
    if not _thins(result):
        return list(points)
    return [replace(point, value=None) for point in points[::-1][::7][::-1]]


def _note(result: Trends, drawn: int, *, thinned: bool) -> str:
    parts = []
    if thinned:
        parts.append("Drawn is the 7-day mean of every 7th day; the figures have all days.")
    elif any(point.rolling is not None for point in result.points):
        parts.append("Strong line: 7-day mean; thin line: single days.")
    if not thinned and any(not point.complete for point in result.points):
        parts.append(f"Hollow {result.grain}s are still incomplete.")
    if len(result.slices) > drawn:
        others = len(result.slices) - drawn
        are = "other is" if others == 1 else "others are"
        parts.append(f"{others} {are} left out or zero throughout.")
    return " ".join([*parts, result.left_out] if result.left_out else parts)


def _rows(points: Sequence[TrendPoint], result: Trends) -> list[dict[str, Any]]:
    def said(value: float | None) -> str:
        return format_value(value, result.unit, currency=result.currency)

    return [
        {
            "day": point.day.isoformat(),
            "date": f"{point.day.day} {point.day:%b %Y}",
            "value": point.value,
            "mean": point.rolling,
            "said": said(point.value),
            "mean_said": said(point.rolling),
            "complete": point.complete,
        }
        for point in points
    ]


def _single(points: Sequence[TrendPoint], result: Trends) -> dict[str, Any]:
    return spec_of(_lines(_rows(points, result), result).properties(width=640, height=230))


def _several(parts: Sequence[Sequence[TrendPoint]], result: Trends) -> dict[str, Any]:
    import altair as alt

    drawn = [(p.rolling if p.value is None else p.value) or 0.0 for part in parts for p in part]
    top, low = max(drawn, default=0.0) or 1.0, min(0.0, *drawn)
    names = labels([result.called(part[0].slice or "(none)") for part in parts])
    pictures = [
        _lines(_rows(part, result), result, alt.Scale(domain=[low, top], nice=True)).properties(
            width=200, height=120, title=name
        )
        for part, name in zip(parts, names, strict=True)
    ]
    return spec_of(alt.concat(*pictures, columns=2 if len(pictures) in {2, 4} else 3))


def _lines(rows: list[dict[str, Any]], result: Trends, scale: alt.Scale | None = None) -> Any:
    import altair as alt

    has_mean = any(row["mean"] is not None for row in rows)
    weekly = result.grain == "week"
    years = {"format": "%b %Y"} if _thins(result) else {}
    axis = weeks_axis(row["day"] for row in rows) if weekly else day_axis(**years)
    has_values = sum(row["value"] is not None for row in rows) > 1
    base = alt.Chart(values(rows)).encode(x=axis)
    flat = not any(row["value"] or row["mean"] for row in rows)
    y_scale = scale or (alt.Scale(domain=[0, 1]) if flat else alt.Scale(zero=True, nice=True))
    y = alt.Y("value:Q", axis=unit_axis(result.unit), scale=y_scale)
    words = tooltip(
        ("date", "title"),
        *([("said", result.grain.capitalize())] if has_values else []),
        *([("mean_said", "7-day mean")] if has_mean else []),
    )
    layers = []
    if has_values or not has_mean:
        layers.append(base.mark_line(strokeWidth=1 if has_mean else 2, color=_quiet(has_mean)).encode(y=y))
    if has_mean:
        strong = base.mark_line(strokeWidth=2.4, color=colour("s1"))
        layers.append(strong.encode(y=alt.Y("mean:Q", axis=unit_axis(result.unit), scale=y_scale)))
    if not has_values and not _thins(result):
        layers.append(base.mark_point(size=60, color=colour("s1")).encode(y=y))
    if any(not row["complete"] and row["value"] is not None for row in rows):
        hollow = base.transform_filter("!datum.complete && isValid(datum.value)")
        ring = hollow.mark_point(filled=False, size=28, color=colour("muted"), opacity=1, strokeWidth=1.2)
        layers.append(ring.encode(y=y))
    # An invisible rule over each day, so that the tooltip is found without hitting a line.
    layers.append(base.mark_rule(opacity=0.001, strokeWidth=9).encode(tooltip=words))
    return alt.layer(*layers)


def _quiet(has_mean: bool) -> str:
    return colour("quiet") if has_mean else colour("s1")


def _table(result: Trends, drawn: Sequence[TrendPoint]) -> DataTable:
    made = tabulate(
        [replace(point, slice=result.called(point.slice)) for point in drawn],
        [
            text("slice", (result.by or "slice").capitalize()),
            text("day", "Day"),
            figure("value", result.title, result.unit),
            figure("rolling", "7-day mean", result.unit),
        ],
        currency=result.currency,
        most=_MOST_BY_SLICE if result.by else MOST_ROWS,
    )
    return replace(
        made,
        caption=f"{result.title}, mean of 7 days; the figures have every day"
        if _thins(result)
        else f"{result.title} by {result.grain}",
        figures=tuple({"metric": result.metric, **row} for row in figures_of(result.points)),
    )
