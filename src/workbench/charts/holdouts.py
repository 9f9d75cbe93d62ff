"""Holdouts: what campaigns caused, where and when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.charts.drawing import DataTable, Drawing, Nothing, coded
from workbench.charts.shapes import MOST_BARS, dots, in_one_line, labels, spec_of, tooltip, unit_axis, values
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.experiments.holdout.figures import Effect
from workbench.experiments.holdout.holdout import Holdout, interval_text
from workbench.experiments.holdout.parts import Parts
from workbench.experiments.holdout.weeks import LiftOverTime
from workbench.experiments.inference.comparison import shown_p
from workbench.experiments.inference.estimate import Estimate
from workbench.result import format_value

_SIDES = {"with": "Sent the campaign", "without": "Held out"}


def holdout_rates(result: Holdout) -> Drawing | Nothing:
    """Return the share of users who bought, with the campaigns and without, with intervals."""
    title = "With and without"
    if result.missing or not result.rates or result.overall is None:
        return Nothing(title=title, reason=result.missing or "Not enough data: one side is empty.")
    lift = result.overall.lift
    rows = [
        {
            "label": _SIDES[rate.side],
            "value": rate.value,
            "low": rate.low,
            "high": rate.high,
            "said": format_value(rate.value, "%"),
            "interval": f"{format_value(rate.low, '%')} to {format_value(rate.high, '%')}",
            "tone": "s1" if rate.side == "with" else "s6",
        }
        for rate in result.rates
    ]
    said = "; ".join(f"{row['label']}: {row['said']} ({row['interval']})" for row in rows)
    return Drawing(
        finding=_found(lift, result.level),
        subtitle=f"Share of users who bought within 30 days, with {_level(result.level)} intervals",
        description=f"Two dots with intervals. {said}.",
        spec=dots(rows, unit="%", height=44, tooltips=("Bought", f"{_level(result.level)} interval")),
        table=holdout_sides(result),  # type: ignore[arg-type]
        note=_judged(lift),
    )


def holdout_sides(result: Holdout) -> DataTable | Nothing:
    """Return what happened with the campaigns, in the holdout, and in a holdout of the same size."""
    if result.missing or not result.sides:
        return Nothing(
            title="With and without", reason=result.missing or "Not enough data: nothing to compare."
        )
    return tabulate(
        result.sides,
        [
            text("side", "Side"),
            figure("users", "Users", "count"),
            figure("impressions", "Messages", "count"),
            figure("clicks", "Clicks", "count"),
            figure("conversions", "Buyers", "count"),
            figure("revenue", "Revenue", "money"),
            figure("cost", "Cost", "money"),
            figure("net_revenue", "Net revenue", "money"),
            figure("roas", "ROAS", "x"),
        ],
        caption="Users count once per campaign; the last row is the holdout, scaled to as many users",
        currency=result.currency,
    )


def holdout_campaigns(result: Holdout) -> Drawing | Nothing:
    """Return what each campaign brought after its cost, with intervals."""
    title = "Campaign by campaign"
    shown = result.campaigns or ((result.overall,) if result.overall else ())
    paid = all(effect.net.known or not effect.revenue.known for effect in shown)
    rows = [(effect, effect.worth) for effect in shown]
    known = [(effect, found) for effect, found in rows if math.isfinite(found.low)][:MOST_BARS]
    if result.missing or not known:
        return Nothing(
            title=title, reason=result.missing or "Not enough data: no campaign has enough buyers."
        )
    drawn = _points(
        [effect.name for effect, _ in known],
        [found for _, found in known],
        "money",
        result.currency,
        sure=[_sure(found, effect.net_p_adjusted, result.level) for effect, found in known],
    )
    pays, loses = (sum(point["tone"] == tone for point in drawn) for tone in ("good", "bad"))
    finding = f"{pays} of {len(known)} campaigns surely pay, {loses} surely cost more than they bring"
    if len(known) == 1:
        ends = interval_text(known[0][1], "money", currency=result.currency, level=result.level)
        finding = f"{coded(known[0][0].name)}: {drawn[0]['said']} {'after cost ' if paid else ''}({ends})"
    return Drawing(
        finding=finding,
        subtitle=in_one_line(
            "Revenue caused, less cost" if paid else "Revenue caused (no spend is loaded)",
            result.currency or "",
            f"lines are {_level(result.level)} intervals",
        ),
        description=f"One dot with interval per campaign: {_listed(drawn)}.",
        spec=dots(drawn, unit="money", mark_at=0.0, tooltips=("Caused", f"{_level(result.level)} interval")),
        table=_effects(shown, result.currency, "Campaign"),
        note=_notes(
            result.coverage.sentence,
            f"{len(shown) - len(known)} campaigns are not drawn." if len(shown) > len(known) else "",
            "In colour: sure also as one of so many (Holm)." if len(known) > 1 else "",
        ),
    )


def lift_parts(result: Parts) -> Drawing | Nothing:
    """Return the lift in each part of the users, with intervals."""
    title = f"Lift by {coded(result.by)}"
    if result.missing or not result.rows:
        return Nothing(title=title, reason=result.missing or f"Not enough data: no {result.by} to compare.")
    rows = result.rows[:MOST_BARS]
    sure = [_sure(row.lift, row.p_adjusted, result.level) for row in rows]
    drawn = _points([coded(row.name) for row in rows], [row.lift for row in rows], "pp", None, sure=sure)
    return Drawing(
        finding=coded(result.sentence),
        subtitle=f"Lift in the share of buyers by {coded(result.by)}, percentage points, "
        f"with {_level(result.level)} intervals",
        description=f"One dot with interval per {coded(result.by)}: {_listed(drawn)}.",
        spec=dots(drawn, unit="pp", mark_at=0.0, tooltips=("Lift", f"{_level(result.level)} interval")),
        table=_effects(result.rows, result.currency, coded(result.by).capitalize()),
        note=_notes(
            "Intervals are of single rows; in colour: sure also as one of so many (Holm).",
            f"{len(result.rows) - len(rows)} more stand in the table."
            if len(result.rows) > len(rows)
            else "",
            result.note,
            f"p that all are alike: {shown_p(result.p_differ)}." if math.isfinite(result.p_differ) else "",
        ),
    )


def lift_over_time(result: LiftOverTime) -> Drawing | Nothing:
    """Return the lift in each week after the first delivery, with intervals."""
    if result.missing or not result.rows:
        return Nothing(title="Does the lift fade?", reason=result.missing or "Not enough data: no weeks.")
    points = _points(
        [f"Week {row.week}" for row in result.rows], [row.lift for row in result.rows], "pp", None
    )
    trend = result.trend
    note = f"{result.left_out:,} pairs were not followed for four weeks and are left out."
    if trend.known:
        note = (
            f"The lift changes by {format_value(trend.value, 'pp')} a week "
            f"({interval_text(trend, 'pp', level=result.level)}, p {shown_p(trend.p)}). {note}"
        )
    return Drawing(
        finding=result.sentence,
        subtitle=f"Share of users who bought in each week after the first delivery, treated less held out, "
        f"percentage points, with {_level(result.level)} intervals",
        description=f"One dot with interval per week: {_listed(points)}.",
        spec=_weeks(points),
        table=tabulate(
            [_week(f"Week {row.week}", row.lift) for row in result.rows],
            [
                text("name", "Week"),
                figure("value", "Lift", "pp"),
                figure("low", "from", "pp"),
                figure("high", "to", "pp"),
                text("p", "p"),
            ],
            caption=result.sentence,
        ),
        note=note,
    )


def _notes(*parts: str) -> str:
    """Return the sentences that say something."""
    return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Week:
    name: str
    value: float | None
    low: float | None
    high: float | None
    p: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    name: str
    treated: int
    held: int
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    p: str
    incrementality: float | None
    net: float | None
    net_low: float | None
    net_high: float | None
    iroas: float | None
    note: str


def _week(name: str, found: Estimate) -> _Week:
    return _Week(
        name=name,
        value=_finite(found.value),
        low=_finite(found.low),
        high=_finite(found.high),
        p=shown_p(found.p),
    )


def _row(effect: Effect) -> _Row:
    money = effect.worth
    p = effect.lift.p if math.isnan(effect.p_adjusted) else effect.p_adjusted
    return _Row(
        name=coded(effect.name),
        treated=effect.treated,
        held=effect.held,
        lift=_finite(effect.lift.value),
        lift_low=_finite(effect.lift.low),
        lift_high=_finite(effect.lift.high),
        p=shown_p(p),
        incrementality=_finite(effect.incrementality.value),
        net=_finite(money.value),
        net_low=_finite(money.low),
        net_high=_finite(money.high),
        iroas=_finite(effect.iroas.value),
        note=effect.note or money.note or effect.lift.note,
    )


def _effects(effects: Sequence[Effect], currency: str | None, first: str) -> DataTable:
    paid = any(effect.net.known for effect in effects)
    money = "Revenue caused, less cost" if paid else "Revenue caused"
    return tabulate(
        [_row(effect) for effect in effects],
        [
            text("name", first),
            figure("treated", "Treated", "count"),
            figure("held", "Held out", "count"),
            figure("lift", "Lift in buyers", "pp"),
            figure("lift_low", "from", "pp"),
            figure("lift_high", "to", "pp"),
            text("p", "p" if len(effects) == 1 else "p, adjusted"),
            figure("incrementality", "Incrementality", "%"),
            figure("net", money, "money"),
            figure("net_low", "from", "money"),
            figure("net_high", "to", "money"),
            figure("iroas", "iROAS", "x"),
            text("note", "Bear in mind"),
        ],
        caption="Each against its own holdout, buyers and revenue of 30 days",
        currency=currency,
    )


def _points(
    names: Sequence[str],
    found: Sequence[Estimate],
    unit: str,
    currency: str | None,
    *,
    sure: Sequence[bool] | None = None,
) -> list[dict[str, Any]]:
    def said(value: float) -> str:
        return format_value(value, unit, currency=currency)

    return [
        {
            "label": label,
            "value": _finite(one.value),
            "low": _finite(one.low),
            "high": _finite(one.high),
            "said": said(one.value),
            "interval": f"{said(one.low)} to {said(one.high)}",
            "tone": ("good" if one.value > 0 else "bad") if certain else "s6",
        }
        for label, one, certain in zip(labels(names), found, sure or [False] * len(found), strict=True)
    ]


def _sure(found: Estimate, p_adjusted: float, level: float) -> bool:
    """Return whether an effect is there, also when it is one of many."""
    return found.significant if math.isnan(p_adjusted) else p_adjusted < 1 - level


def _weeks(points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    import altair as alt

    known = [point for point in points if point["value"] is not None]
    base = alt.Chart(values(known)).encode(
        x=alt.X("label:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, grid=False)),
        tooltip=tooltip(("label", "title"), ("said", "Lift"), ("interval", "Interval")),
    )
    axis, line = unit_axis("pp", grid=True), colour("s1")
    layers = [
        alt.Chart(values([{"at": 0}]))
        .mark_rule(color=colour("muted"), strokeDash=[3, 3])
        .encode(y=alt.Y("at:Q")),
        base.mark_rule(strokeWidth=5, opacity=0.32, strokeCap="round", color=line).encode(
            y=alt.Y("low:Q", axis=axis), y2="high:Q"
        ),
        base.mark_line(color=line, strokeWidth=1.5).encode(y=alt.Y("value:Q", axis=axis)),
        base.mark_point(filled=True, size=90, opacity=1, color=line).encode(y=alt.Y("value:Q", axis=axis)),
    ]
    return spec_of(alt.layer(*layers).properties(width=640, height=230))


def _found(lift: Estimate, level: float) -> str:
    if not math.isfinite(lift.low):
        return f"Whether more users bought cannot be said: {lift.note}"
    if not lift.significant:
        ends = interval_text(lift, "pp", level=level)
        return f"No clear difference in buyers with and without: {format_value(lift.value, 'pp')} ({ends})"
    more = "more" if lift.value > 0 else "fewer"
    return (
        f"{format_value(abs(lift.value), 'pp')} {more} of the users bought because of the campaigns "
        f"({interval_text(lift, 'pp', level=level)})"
    )


def _judged(lift: Estimate) -> str:
    if not math.isfinite(lift.low):
        return ""
    return f"Judged by the difference, not by whether the lines overlap: {lift.method}, p {shown_p(lift.p)}."


def _listed(points: Sequence[dict[str, Any]]) -> str:
    return "; ".join(f"{point['label']} {point['said']} ({point['interval']})" for point in points)


def _level(level: float) -> str:
    return f"{level * 100:g}%"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
