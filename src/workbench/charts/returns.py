"""What channels return, method by method."""

from __future__ import annotations

from typing import Any

from workbench.charts.cards import Alerts
from workbench.charts.drawing import Column, DataTable, Drawing, Nothing, coded, figures_of, opened
from workbench.charts.lanes import LETTERS, Measure, lanes
from workbench.charts.reach import GOES_ON, within_reach
from workbench.charts.shapes import labels
from workbench.insights.returns import METHODS, MethodReturn, ReturnsByMethod, said
from workbench.result import MISSING, format_value

_MOST = 8
_TITLE = "Returns by method"
_WORDS = (("label", "title"), ("series", "Method"), ("said", "Return"), ("interval", "Interval"))


def method_returns(result: ReturnsByMethod) -> Drawing | Nothing:
    """Return revenue per unit of spend by channel, one lane per method, with intervals."""
    if result.missing or not result.rows:
        return Nothing(title=_TITLE, reason=result.sentence)
    drawn = result.channels[:_MOST]
    names = dict(zip(drawn, labels([coded(name) for name in drawn], room=LETTERS), strict=True))
    series = [name for name in METHODS if any(row.method == name for row in result.rows)]
    points = [_point(row, names[row.channel]) for row in result.rows if row.channel in names]
    seen, ends = within_reach(points, also=(0.0, 1.0))
    rest = len(result.channels) - len(drawn)
    some = any(point["low"] is not None for point in points)
    lines = "lines are 95% intervals (media mix: 94%)" if some else "no intervals"
    return Drawing(
        finding=opened(result.sentence),
        subtitle=f"Revenue per unit of spend by channel and method; {lines}",
        description="Points with intervals, a lane per method. "
        + "; ".join(f"{p['label']}, {p['series'].lower()}: {p['said']} ({p['interval']})" for p in points),
        spec=lanes(
            seen,
            [],
            order=list(names.values()),
            series=series,
            measure=Measure(unit="x", words=_WORDS, mark_at=1.0, ends=ends),
        ),
        table=returns_table(result),
        note="The hairline stands at 1, where the money comes back. Credit is not effect: what is credited "
        "may have come anyway. Revenue is no profit."
        + (f" {rest} more {'channel is' if rest == 1 else 'channels are'} in the table." if rest else "")
        + (f" {GOES_ON}" if ends else ""),
    )


def returns_table(result: ReturnsByMethod, caption: str = "") -> DataTable:
    """Return channels down, methods across."""
    series = [name for name in METHODS if any(row.method == name for row in result.rows)]
    found = {(row.channel, row.method): row for row in result.rows}
    return DataTable(
        caption=caption,
        columns=(Column(label="Channel"), *(Column(label=name, number=True) for name in series)),
        rows=tuple(
            (coded(name), *(said(row) if (row := found.get((name, one))) else MISSING for one in series))
            for name in result.channels
        ),
        figures=figures_of(result.rows),
    )


def unknown_returns(result: ReturnsByMethod) -> Alerts | Nothing:
    """Return which methods say nothing, and why."""
    if result.missing:
        return Nothing(title="What is not known", reason=result.missing)
    items = tuple(("info", method, reason) for method, reason in result.unknown)
    return Alerts(items=items, calm="Every method has data.")


def _point(row: MethodReturn, label: str) -> dict[str, Any]:
    known = row.low is not None and row.high is not None
    ends = f"{format_value(row.low, 'x')} to {format_value(row.high, 'x')}" if known else "no interval"
    return {
        "label": label,
        "series": row.method,
        "value": row.value,
        "low": row.low,
        "high": row.high,
        "said": format_value(row.value, "x"),
        "interval": ends,
    }
