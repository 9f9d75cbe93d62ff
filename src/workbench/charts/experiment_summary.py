"""All tests of a workspace: the change that each found, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workbench.charts.cards import Alerts
from workbench.charts.drawing import DataTable, Drawing, Nothing, coded, more, opened, shown
from workbench.charts.experiment_tables import COURSES
from workbench.charts.shapes import MOST_BARS, dots, labels
from workbench.charts.tables import figure, tabulate, text
from workbench.experiments.analysis.summary import ExperimentSummary, SummaryRow
from workbench.result import format_value

_LABEL = 22  # letters that the axis has room for
_MOST_ALIKE = 3  # tests of which each says why it is left out


def summary_changes(result: ExperimentSummary) -> Drawing | Nothing:
    """Return the relative change of the deciding metric in every test, with its interval."""
    title = "What the tests changed"
    rows = [row for row in result.rows if row.relative is not None and row.low is not None][:MOST_BARS]
    if result.missing or not rows:
        return Nothing(title=title, reason=result.missing or "No test has a change that can be drawn yet.")
    names = labels([_called(row) for row in rows], 40, room=_LABEL + 4)
    drawn = [_dot(row, name) for row, name in zip(rows, names, strict=True)]
    rest = len(result.rows) - len(rows)
    return Drawing(
        finding=opened(result.sentence),
        subtitle="Change of the metric that decides, against the control; bars are intervals of each test",
        description="A dot with an interval per test and variant. "
        + "; ".join(f"{d['label']}: {d['said']} ({d['interval']})" for d in drawn),
        spec=dots(drawn, unit="%", mark_at=0.0, tooltips=("Change", "Interval")),
        table=_table(result, ""),
        note="In colour: clear also when all these tests are counted (Benjamini-Hochberg). "
        + (
            f"{more(rest, 'in the table alone')}, still running, or without a ratio to the control."
            if rest
            else ""
        ),
    )


def summary_table(result: ExperimentSummary) -> DataTable | Nothing:
    """Return every test and variant with its effect, p and decision."""
    if result.missing or not result.rows:
        return Nothing(title="All tests", reason=result.missing or "No test has a figure yet.")
    return _table(result, "All tests, the newest first")


def summary_doubts(result: ExperimentSummary) -> Alerts | Nothing:
    """Return the tests that have no figure or are in doubt, and why."""
    if result.missing:
        return Nothing(title="What is left out", reason=result.missing)
    told = [row for row in result.rows if row.blocked or (row.sure and not row.guarded)]
    doubts = dict.fromkeys((row.experiment, row.verdict) for row in told)
    items = tuple(("warning", coded(name), coded(why)) for name, why in doubts)
    cautions = dict.fromkeys((row.experiment, row.caution) for row in result.rows if row.caution)
    items += tuple(("info", coded(name), why) for name, why in cautions)
    items += _left_out(result)
    return Alerts(items=items, calm="Every test has a figure, and none is in doubt.")


def _left_out(result: ExperimentSummary) -> tuple[tuple[str, str, str], ...]:
    """Return why tests are left out; of many for one reason the first few are named."""
    tests: dict[str, list[str]] = {}
    for name, why in result.left_out:
        tests.setdefault(coded(why), []).append(coded(name))
    items: list[tuple[str, str, str]] = []
    for why, names in tests.items():
        if len(names) > _MOST_ALIKE:
            first, rest = ", ".join(names[:_MOST_ALIKE]), len(names) - _MOST_ALIKE
            items.append(("info", f"{len(names):,} tests", f"{why} These are {first} and {rest:,} more."))
        else:
            items += [("info", name, why) for name in names]
    return tuple(items)


def _called(row: SummaryRow) -> str:
    """Return a test and its variant as an axis has room for both: of three variants each is told apart."""
    variant = shown(coded(row.variant), _LABEL // 2)
    return f"{shown(coded(row.experiment), _LABEL - len(variant))}: {variant}"


def _dot(row: SummaryRow, label: str) -> dict[str, Any]:
    tone = {"better": "good", "worse": "bad", "changed": "s1"}.get(row.course, "s6") if row.sure else "s6"
    if tone == "good" and not row.guarded:
        tone = "s1"
    return {
        "label": label,
        "value": row.relative,
        "low": row.low,
        "high": row.high,
        "tone": tone,
        "said": format_value(row.relative, "%"),
        "interval": f"{format_value(row.low, '%')} to {format_value(row.high, '%')}",
    }


def _table(result: ExperimentSummary, caption: str) -> DataTable:
    made = tabulate(
        [replace(row, experiment=coded(row.experiment), variant=coded(row.variant)) for row in result.rows],
        [
            text("experiment", "Test"),
            text("status", "Status"),
            text("first_day", "From"),
            text("last_day", "To"),
            figure("users", "Users", "count"),
            text("metric", "Decides"),
            text("variant", "Variant"),
            text("effect", "Difference, interval and p"),
            figure("p_all", "p, all tests", ""),
            text("course", "Found"),
            text("decision", "Decided"),
        ],
        caption=caption,
    )
    place = [column.label for column in made.columns].index("Found")
    rows = tuple(
        tuple(_found(one) if n == place else cell for n, cell in enumerate(row))
        for one, row in zip(result.rows, made.rows, strict=True)
    )
    return replace(made, rows=rows)


def _found(row: SummaryRow) -> str:
    """Return where the metric went, unless the test, or a guardrail of it, forbids to act on that."""
    if row.blocked:
        return "test in doubt"
    return COURSES[row.course] + ("" if row.guarded or row.course != "better" else ", guardrail not kept")
