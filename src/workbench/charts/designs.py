"""The plan of a test: its power, what each week finds, what looking early does, and what to know."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from workbench.charts.cards import Alerts
from workbench.charts.drawing import DataTable, Drawing, Nothing
from workbench.charts.shapes import in_one_line, spec_of, tooltip, unit_axis, values
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.experiments.power.planned import Design
from workbench.experiments.power.simulating import FalseAlarms, SimulatedPower
from workbench.result import format_value, signed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    group: str
    share: float
    users: int


def plan_groups(result: Design) -> DataTable | Nothing:
    """Return the users that each group needs."""
    if result.missing or not result.sizes:
        return Nothing(title="Users", reason=result.missing or "There is no group.")
    rows = [
        _Group(group=f"Variant {place}" if place else "Control", share=share, users=users)
        for place, (share, users) in enumerate(zip(result.procedure.split, result.sizes, strict=True))
    ]
    columns = [text("group", "Group"), figure("share", "Share", "%"), figure("users", "Users", "count")]
    return tabulate(rows, columns, caption=f"{result.total:,} users in all")


def power_curve(result: Design) -> Drawing | Nothing:
    """Return how likely the planned users find a change, by its size."""
    if result.missing or not result.powers:
        return Nothing(title="Power", reason=result.missing or "There is no change to find.")
    relative = all(math.isfinite(point.relative) for point in result.powers)
    rows = [
        {
            "x": point.relative if relative else point.effect,
            "y": point.power,
            "change": _change(result, point.effect, point.relative),
            "power": format_value(point.power, "%"),
        }
        for point in result.powers
    ]
    mark = {"x": result.relative if relative else result.effect, "y": result.power}
    low = next((point for point in result.powers if point.power >= 0.5), result.powers[-1])
    planned = _change(result, result.effect, result.relative)
    return Drawing(
        finding=f"{result.total:,} users {_promise(result)} in {format_value(result.power, '%')} of tests",
        subtitle=in_one_line(
            "Probability of finding a change, by its size", f"alpha {result.procedure.alpha:g}"
        ),
        description=f"Rising curve of power by the size of the change. Even chances at "
        f"{_change(result, low.effect, low.relative)}; {format_value(result.power, '%')} at {planned}.",
        spec=spec_of(_curve(rows, "%" if relative else result.unit, mark)),
        table=_power_table(result),
        note="" if result.procedure.margin == 0 else "Changes within the margin of what is not worse.",
    )


def detectable_by_days(result: Design) -> Drawing | Nothing:
    """Return the smallest change that is found after each week."""
    title = "What is found after each week"
    points = [point for point in result.durations if math.isfinite(point.effect)]
    if result.missing or not points:
        reason = result.missing or "How many users come a day is not known."
        return Nothing(title=title, reason=reason)
    relative = all(math.isfinite(point.relative) for point in points)
    rows = [
        {
            "x": point.days / 7,
            "y": abs(point.relative if relative else point.effect),
            "change": _change(result, point.effect, point.relative),
            "users": format_value(point.users, "count"),
            "weeks": f"{point.days // 7} week{'' if point.days == 7 else 's'}",
        }
        for point in points
    ]
    last, planned = points[-1], _planned(result)
    found = _change(result, last.effect, last.relative)
    found = found.replace("+", "") if result.procedure.margin > 0 else found
    weeks = "within ten years it is not found" if result.days is None else f"take {result.days // 7} weeks"
    aim = f"a margin of {planned}" if result.procedure.margin > 0 else f"a change of {planned}"
    finding = f"For {aim}, {weeks}; {last.days // 7} are enough for {found}"
    return Drawing(
        finding=finding,
        subtitle=in_one_line(
            "Smallest change found, by weeks",
            f"power {format_value(result.power, '%')}",
            f"alpha {result.procedure.alpha:g}",
        ),
        description=f"Falling line, one point a week. {finding}.",
        spec=spec_of(_weeks(rows, "%" if relative else result.unit, abs(_aim(result, relative=relative)))),
        table=_weeks_table(result),
        note="Users who come back are counted once. Dashed: the planned change.",
    )


def peeking_table(result: Design) -> DataTable | Nothing:
    """Return what looking several times does without correction, and what planned looks cost."""
    if result.missing or not result.peeking:
        return Nothing(title="Looking early", reason=result.missing or "Nothing is looked at.")
    most, up_to = result.peeking[-1], "up to " if len(result.procedure.split) > 2 else ""
    return tabulate(
        result.peeking,
        [
            figure("looks", "Looks", "count"),
            figure("false_alarms", "False alarms if the first clear look decides", "%", bars=True),
            figure("inflation", "Users needed with planned looks", "x"),
        ],
        caption=f"Whoever stops at the first of {most.looks} looks that seems clear is wrong in "
        f"{up_to}{most.false_alarms:.0%} of tests without an effect",
    )


def plan_alternatives(result: Design) -> DataTable | Nothing:
    """Return what other changes and powers would need."""
    if result.missing or not result.alternatives:
        return Nothing(title="Alternatives", reason=result.missing or "There is no other change to look for.")
    return tabulate(
        result.alternatives,
        [
            figure("relative", "Change", "%"),
            figure("effect", "Absolute", "pp" if result.unit == "%" else result.unit),
            figure("power", "Found in", "%"),
            figure("users", "Users in all", "count", bars=True),
            figure("days", "Days to plan", "count"),
        ],
        caption="What a smaller or larger change would need",
        currency=result.currency,
    )


def plan_warnings(result: Design) -> Alerts | Nothing:
    """Return what to know before the test begins."""
    if result.missing:
        return Nothing(title="Bear in mind", reason=result.missing)
    items = tuple(("warning", "Plan", text) for text in result.warnings)
    return Alerts(items=items, calm="Nothing speaks against this plan.")


def false_alarms(result: FalseAlarms) -> Drawing | Nothing:
    """Return the p-values of tests of nothing, by tenths; even bars are as they should be."""
    if result.missing or not sum(result.bins):
        return Nothing(title="Tests of nothing", reason=result.missing or "No test could be made.")
    total, count = sum(result.bins), len(result.bins)
    rows = [
        {
            "p": f"{place / count:.1f} to {(place + 1) / count:.1f}",
            "up_to": f"{(place + 1) / count:.1f}",
            "share": tests / total,
            "said": format_value(tests / total, "%"),
            "tests": f"{tests:,}",
        }
        for place, tests in enumerate(result.bins)
    ]
    lowest, highest = min(result.bins) / total, max(result.bins) / total
    return Drawing(
        finding=result.sentence,
        subtitle="Share of tests by their p-value: up to 0.1, 0.2 ...; the line is what should be",
        description=f"{count} bars of p-values, {lowest:.1%} to {highest:.1%} high. {result.sentence}",
        spec=spec_of(_bars(rows, 1 / count)),
        table=tabulate(
            [_Bin(p=str(row["p"]), tests=tests) for row, tests in zip(rows, result.bins, strict=True)],
            [text("p", "p-value"), figure("tests", "Tests", "count")],
            caption="p-values of tests without an effect",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bin:
    p: str
    tests: int


def simulated_power(result: SimulatedPower) -> DataTable | Nothing:
    """Return the power on one's own users, beside what the formula says."""
    if result.missing or not result.rows:
        return Nothing(title="Power on your users", reason=result.missing or "No change was tried.")
    return tabulate(
        result.rows,
        [
            figure("lift", "Change", "%"),
            figure("power", "Found in", "%", bars=True),
            figure("low", "95% interval from", "%"),
            figure("high", "to", "%"),
            figure("calculated", "By the formula", "%"),
        ],
        caption=result.sentence,
    )


def _promise(result: Design) -> str:
    if result.procedure.margin > 0:
        return f"show that nothing is worse by more than {_planned(result)}"
    return f"find a change of {_planned(result)}"


def _planned(result: Design) -> str:
    """Return the change that is looked for; of a guardrail its margin."""
    margin, level = result.procedure.margin, abs(result.baseline.value)
    if margin > 0:
        return _change(result, margin, margin / level if level else math.nan).replace("+", "")
    return _change(result, result.effect, result.relative)


def _change(result: Design, effect: float, relative: float) -> str:
    said = result.shown_change(effect)
    said = f"+{said}" if effect > 0 else said
    return f"{signed(100 * relative, '.3g')}% ({said})" if math.isfinite(relative) else said


def _aim(result: Design, *, relative: bool) -> float:
    if result.procedure.margin > 0:
        return result.procedure.margin / (abs(result.baseline.value) if relative else 1.0)
    return result.relative if relative else result.effect


def _curve(rows: list[dict[str, Any]], unit: str, mark: dict[str, float]) -> Any:
    import altair as alt

    y = alt.Y("y:Q", axis=unit_axis("%"), scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart(values(rows)).encode(x=alt.X("x:Q", axis=unit_axis(unit)), y=y)
    words = tooltip(("change", "title"), ("power", "Found in"))
    dashed: dict[str, Any] = {"color": colour("muted"), "strokeDash": [3, 3]}
    planned = alt.Chart(values([mark]))
    return alt.layer(
        planned.mark_rule(**dashed).encode(y="y:Q"),
        planned.mark_rule(**dashed).encode(x="x:Q"),
        base.mark_line(strokeWidth=2.4, color=colour("s1")),
        planned.mark_point(filled=True, size=90, opacity=1, color=colour("s1")).encode(x="x:Q", y="y:Q"),
        base.mark_point(size=120, opacity=0).encode(tooltip=words),
    ).properties(width=640, height=230)


def _weeks(rows: list[dict[str, Any]], unit: str, aim: float) -> Any:
    import altair as alt

    y = alt.Y("y:Q", axis=unit_axis(unit), scale=alt.Scale(zero=True, nice=True))
    axis = alt.Axis(title=None, format="d", tickMinStep=1, labelExpr="'week ' + datum.label")
    x = alt.X("x:Q", axis=axis, scale=alt.Scale(zero=False, nice=False))
    base = alt.Chart(values(rows)).encode(x=x, y=y)
    words = tooltip(("weeks", "title"), ("change", "Smallest change found"), ("users", "Users until then"))
    line = alt.Chart(values([{"y": aim}])).mark_rule(color=colour("muted"), strokeDash=[3, 3])
    return alt.layer(
        line.encode(y="y:Q"),
        base.mark_line(strokeWidth=2.4, color=colour("s1")),
        base.mark_point(filled=True, size=70, opacity=1, color=colour("s1")).encode(tooltip=words),
    ).properties(width=640, height=230)


def _bars(rows: list[dict[str, Any]], level: float) -> Any:
    import altair as alt

    order = [row["up_to"] for row in rows]
    x = alt.X("up_to:N", sort=order, axis=alt.Axis(title=None, labelAngle=0, labelOverlap="greedy"))
    words = tooltip(("p", "title"), ("said", "Share"), ("tests", "Tests"))
    bars = alt.Chart(values(rows)).mark_bar(color=colour("s1"))
    line = alt.Chart(values([{"y": level}])).mark_rule(color=colour("muted"), strokeDash=[3, 3])
    y = alt.Y("share:Q", axis=unit_axis("%"), scale=alt.Scale(zero=True))
    return alt.layer(bars.encode(x=x, y=y, tooltip=words), line.encode(y="y:Q")).properties(
        width=640, height=180
    )


def _power_table(result: Design) -> DataTable:
    return tabulate(
        result.powers,
        [
            figure("relative", "Change", "%"),
            figure("effect", "Absolute", "pp" if result.unit == "%" else result.unit),
            figure("power", "Found in", "%"),
        ],
        caption="Power by the size of the change",
        currency=result.currency,
    )


def _weeks_table(result: Design) -> DataTable:
    return tabulate(
        result.durations,
        [
            figure("days", "Days", "count"),
            figure("users", "Users until then", "count"),
            figure("relative", "Smallest change found", "%"),
            figure("effect", "Absolute", "pp" if result.unit == "%" else result.unit),
        ],
        caption="What is found after each week",
        currency=result.currency,
    )
