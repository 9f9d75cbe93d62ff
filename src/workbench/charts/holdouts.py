"""Holdouts: what campaigns caused, where and when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.charts.drawing import Drawing, Nothing, coded
from workbench.charts.holdout_tables import SIDES, effect_table, finite, holdout_sides
from workbench.charts.reach import GOES_ON, within_reach
from workbench.charts.shapes import MOST_BARS, dots, in_one_line, labels, spec_of, tooltip, unit_axis, values
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.experiments.holdout.figures import Effect
from workbench.experiments.holdout.holdout import Holdout, interval_text
from workbench.experiments.holdout.parts import Parts
from workbench.experiments.holdout.weeks import LiftOverTime
from workbench.experiments.inference.comparison import shown_p
from workbench.experiments.inference.estimate import Estimate
from workbench.explore.segments import OURS, named
from workbench.result import format_value

_SIDES = {"with": SIDES["treated"], "without": SIDES["holdout"]}
_MOST_PARTS = 10
_QUICKER = "Key figures of holdouts have intervals by a quicker method, so theirs may differ from these."


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
        note=_notes(_judged(lift), _unfollowed(result.overall)),
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
        sure=[_settled(effect, found, result.level) for effect, found in known],
    )
    seen, ends = within_reach(drawn)
    words = ("Caused", f"{_level(result.level)} interval")
    finding = _paying([point["tone"] for point in drawn])
    if len(known) == 1:
        told = interval_text(known[0][1], "money", currency=result.currency, level=result.level)
        finding = f"{coded(known[0][0].name)}: {drawn[0]['said']} {'after cost ' if paid else ''}({told})"
    return Drawing(
        finding=finding,
        subtitle=in_one_line(
            _measured(shown),
            result.currency or "",
            f"lines are {_level(result.level)} intervals",
        ),
        description=f"One dot with interval per campaign: {_listed(drawn)}.",
        spec=dots(seen, unit="money", mark_at=0.0, tooltips=words, ends=ends),
        table=effect_table(shown, result.currency, "Campaign"),
        note=_notes(
            result.coverage.sentence,
            f"{len(shown) - len(known)} campaigns are not drawn." if len(shown) > len(known) else "",
            _unfollowed(result.overall),
            "In colour: still sure when all are judged at once (Holm)." if len(known) > 1 else "",
            f"{_QUICKER} {GOES_ON if ends else ''}".rstrip(),
        ),
    )


def _measured(effects: Sequence[Effect]) -> str:
    """Return what the dots are of: where spend is known of some campaigns only, not all of one thing."""
    told = [effect for effect in effects if effect.revenue.known]
    paid = sum(effect.net.known for effect in told)
    if paid == len(told):
        return "Revenue caused, less cost"
    return (
        "Revenue caused, less cost where spend is loaded" if paid else "Revenue caused (no spend is loaded)"
    )


def _paying(tones: Sequence[str]) -> str:
    pays, loses = tones.count("good"), tones.count("bad")
    if not pays and not loses:
        return f"Of none of {len(tones)} campaigns is it sure that it pays, or that it does not"
    return f"{pays} of {len(tones)} campaigns surely pay, {loses} surely cost more than they bring"


def lift_parts(result: Parts) -> Drawing | Nothing:
    """Return the lift in each part of the users, with intervals."""
    title = f"Lift by {coded(result.by)}"
    if result.missing or not result.rows:
        return Nothing(title=title, reason=result.missing or f"Not enough data: no {result.by} to compare.")
    rows = result.rows[:_MOST_PARTS]
    sure = [_sure(row.lift, row.p_adjusted, result.level) for row in rows]
    drawn = _points([_part(row.name) for row in rows], [row.lift for row in rows], "pp", None, sure=sure)
    return Drawing(
        finding=_spoken(result),
        subtitle=f"Lift in the share of buyers by {coded(result.by)}, percentage points, "
        f"with {_level(result.level)} intervals",
        description=f"One dot with interval per {coded(result.by)}: {_listed(drawn)}.",
        spec=dots(drawn, unit="pp", mark_at=0.0, tooltips=("Lift", f"{_level(result.level)} interval")),
        table=effect_table(
            [replace(row, name=_part(row.name)) for row in result.rows],
            result.currency,
            coded(result.by).capitalize(),
        ),
        note=_notes(
            "In colour: still sure when all are judged at once (Holm).",
            f"{len(result.rows) - len(rows)} smaller lifts stand in the table."
            if len(result.rows) > len(rows)
            else "",
            result.note,
            f"If all were alike, differences like these would come with p {shown_p(result.p_differ)}."
            if math.isfinite(result.p_differ)
            else "",
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


def _week(name: str, found: Estimate) -> _Week:
    return _Week(
        name=name,
        value=finite(found.value),
        low=finite(found.low),
        high=finite(found.high),
        p=shown_p(found.p),
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
            "value": finite(one.value),
            "low": finite(one.low),
            "high": finite(one.high),
            "said": said(one.value),
            "interval": f"{said(one.low)} to {said(one.high)}",
            "tone": ("good" if one.value > 0 else "bad") if certain else "s6",
        }
        for label, one, certain in zip(labels(names), found, sure or [False] * len(found), strict=True)
    ]


def _sure(found: Estimate, p_adjusted: float, level: float) -> bool:
    """Return whether an effect is there, also when it is one of many."""
    return found.significant if math.isnan(p_adjusted) else p_adjusted < 1 - level


def _settled(effect: Effect, worth: Estimate, level: float) -> bool:
    """Return whether it is sure that a campaign pays, or that it does not and had the time to."""
    return _sure(worth, effect.net_p_adjusted, level) and not (effect.early and worth.value < 0)


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


def _part(name: str) -> str:
    text = named(name) if name in OURS else coded(name)
    return text[:1].upper() + text[1:]


def _spoken(result: Parts) -> str:
    """Return the finding with the parts named as people name them."""
    said = result.sentence
    for row in result.rows:
        said = said.replace(row.name, named(row.name))
    return coded(said)


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


def _unfollowed(overall: Effect | None) -> str:
    """Return whose purchases are not complete, so that the cost stands against a part of what it brings."""
    if overall is None or not overall.unfollowed > 0:
        return ""
    share = format_value(overall.unfollowed, "%")
    return f"The 30 days of {share} of the users are not over: what they buy later is not in it, the cost is."


def _judged(lift: Estimate) -> str:
    if not math.isfinite(lift.low):
        return ""
    return (
        "Judged by the difference, not by whether the lines overlap. "
        f"Chance alone shows as much with p {shown_p(lift.p)} ({lift.method})."
    )


def _listed(points: Sequence[dict[str, Any]]) -> str:
    return "; ".join(f"{point['label']} {point['said']} ({point['interval']})" for point in points)


def _level(level: float) -> str:
    return f"{level * 100:g}%"
