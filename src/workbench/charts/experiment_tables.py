"""A/B/n tests as tables: every metric of every variant, and what a reader must know."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.charts.cards import Alerts, Sentence
from workbench.charts.drawing import DataTable, Nothing, coded
from workbench.charts.tables import figure, tabulate, text
from workbench.experiments.analysis.finding import Finding
from workbench.experiments.analysis.views import ABTest
from workbench.experiments.inference.comparison import shown_p
from workbench.experiments.inference.estimate import Estimate
from workbench.result import MISSING

COURSES = {
    "better": "clearly better",
    "worse": "clearly worse",
    "changed": "changed",
    "open": "no clear difference",
    "unknown": "not comparable",
}


def experiment_verdict(result: ABTest) -> Sentence | Nothing:
    """Return what a test comes to, its variants named as people read them."""
    if result.missing or result.analysis is None:
        return Nothing(title="The verdict", reason=result.missing or "Not enough data: nothing was compared.")
    return Sentence(text=coded(result.sentence))


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


def experiment_worth(result: ABTest) -> DataTable | Nothing:
    """Return what each difference is worth, how likely the variant is better, and how that was found."""
    if result.missing or result.analysis is None:
        return Nothing(
            title="What it is worth", reason=result.missing or "Not enough data: nothing was compared."
        )
    made = tabulate(
        [
            _Worth(
                metric=one.comparison.label.heading,
                variant=coded(one.variant),
                worth=one.worth or MISSING,
                chance=finite(one.chance),
                prior=one.prior or MISSING,
                method=one.difference.method,
            )
            for one in result.analysis.findings
        ],
        [
            text("metric", "Metric"),
            text("variant", "Variant"),
            text("worth", "Worth"),
            figure("chance", "Chance to be better", "%"),
            text("prior", "Prior"),
            text("method", "Method"),
        ],
        caption="What the differences are worth if everybody gets the variant",
    )
    return replace(made, figures=tuple(_money_figures(one) for one in result.analysis.findings))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worth:
    metric: str
    variant: str
    worth: str
    chance: float | None
    prior: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    metric: str
    variant: str
    value: str
    control: str
    difference: str
    relative: float | None
    p: str
    course: str


def comparisons(findings: Sequence[Finding]) -> DataTable:
    """Return findings as a table, one row per metric and variant; its figures are numbers."""
    made = tabulate(
        [_line(one) for one in findings],
        [
            text("metric", "Metric"),
            text("variant", "Variant"),
            text("value", "Its figure"),
            text("control", "Control"),
            text("difference", "Difference and interval"),
            figure("relative", "Change", "%"),
            text("p", "p, adjusted"),
            text("course", "Verdict"),
        ],
        caption="Every metric against the control",
    )
    return replace(made, figures=tuple(_figures(one) for one in findings))


def _figures(one: Finding) -> dict[str, Any]:
    found = one.comparison
    return {
        "metric": one.metric,
        "variant": one.variant,
        "users": found.n,
        "value": finite(found.value.value),
        "users_control": found.n_control,
        "control": finite(found.value_control.value),
        **_with_ends("difference", one.difference),
        **_with_ends("relative", found.relative),
        "p_adjusted": finite(one.p_adjusted),
        "course": _told(one),
    }


def _money_figures(one: Finding) -> dict[str, Any]:
    worth = _with_ends("worth", one.money) if one.money else {"worth": None}
    names = {"metric": one.metric, "variant": one.variant}
    return {
        **names,
        **worth,
        "chance": finite(one.chance),
        "prior": one.prior,
        "method": one.difference.method,
    }


def _with_ends(name: str, found: Estimate) -> dict[str, Any]:
    ends = {f"{name}_low": finite(found.low), f"{name}_high": finite(found.high)}
    return {name: finite(found.value), **ends}


def _line(one: Finding) -> _Line:
    found, label = one.comparison, one.comparison.label
    shown = one.difference
    ends = f" ({label.difference(shown.low)} to {label.difference(shown.high)})" if shown.known else ""
    return _Line(
        metric=label.heading,
        variant=coded(one.variant),
        value=label.shown(found.value.value),
        control=label.shown(found.value_control.value),
        difference=f"{label.difference(shown.value)}{ends}",
        relative=finite(found.relative.value),
        p=shown_p(one.p_adjusted),
        course=_told(one),
    )


def _told(one: Finding) -> str:
    """Return where a metric went; of a guardrail whether it holds."""
    if one.guarded is None:
        return COURSES[one.course]
    return {"ok": "guardrail holds", "violated": "guardrail fails", "cannot tell": "guardrail open"}[
        one.guarded.verdict
    ]


def finite(value: float) -> float | None:
    """Return a figure; None where it is none, or infinite."""
    return float(value) if math.isfinite(value) else None
