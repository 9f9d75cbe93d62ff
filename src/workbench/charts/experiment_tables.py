"""A/B/n tests as tables: every metric of every variant, and what a reader must know."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.charts.cards import Alerts
from workbench.charts.drawing import DataTable, Nothing, coded
from workbench.charts.tables import figure, tabulate, text
from workbench.experiments.analysis.finding import Finding
from workbench.experiments.analysis.views import ABTest
from workbench.experiments.inference.comparison import shown_p
from workbench.result import MISSING

COURSES = {
    "better": "clearly better",
    "worse": "clearly worse",
    "changed": "changed",
    "open": "no clear difference",
    "unknown": "not comparable",
}


def experiment_table(result: ABTest) -> DataTable | Nothing:
    """Return every metric of every variant with its difference, p and verdict."""
    if result.missing or result.analysis is None:
        return Nothing(title="All metrics", reason=result.missing or "Not enough data: nothing was compared.")
    return comparisons(result.analysis.findings)


def experiment_notes(result: ABTest) -> Alerts | Nothing:
    """Return what a reader must know of the test."""
    if result.missing or result.analysis is None:
        return Nothing(
            title="Bear in mind", reason=result.missing or "Not enough data: nothing was compared."
        )
    items = tuple(("info", coded(result.name), coded(note)) for note in result.analysis.notes)
    return Alerts(items=items, calm="Nothing is known against these figures.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    metric: str
    role: str
    variant: str
    value: str
    control: str
    difference: str
    interval: str
    relative: float | None
    p: str
    course: str
    chance: float | None
    worth: str
    method: str


def comparisons(findings: Sequence[Finding]) -> DataTable:
    """Return findings as a table, one row per metric and variant."""
    return tabulate(
        [_line(one) for one in findings],
        [
            text("metric", "Metric"),
            text("role", "Role"),
            text("variant", "Variant"),
            text("value", "Its figure"),
            text("control", "Control"),
            text("difference", "Difference"),
            text("interval", "Interval"),
            figure("relative", "Change", "%"),
            text("p", "p, adjusted"),
            text("course", "Verdict"),
            figure("chance", "Chance to be better", "%"),
            text("worth", "Worth"),
            text("method", "Method"),
        ],
        caption="Every metric against the control",
    )


def _line(one: Finding) -> _Line:
    found, label = one.comparison, one.comparison.label
    shown = one.difference
    told = COURSES[one.course]
    if one.guarded is not None:
        told = {"ok": "holds", "violated": "fails", "cannot tell": "open"}[one.guarded.verdict]
    ends = f"{label.difference(shown.low)} to {label.difference(shown.high)}" if shown.known else MISSING
    return _Line(
        metric=label.heading,
        role=one.role,
        variant=coded(one.variant),
        value=label.shown(found.value.value),
        control=label.shown(found.value_control.value),
        difference=label.difference(shown.value),
        interval=ends,
        relative=finite(found.relative.value),
        p=shown_p(one.p_adjusted),
        course=told,
        chance=finite(one.chance),
        worth=one.worth,
        method=shown.method,
    )


def finite(value: float) -> float | None:
    """Return a figure; None where it is none, or infinite."""
    return float(value) if math.isfinite(value) else None
