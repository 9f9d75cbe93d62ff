"""Response curves of channels side by side, with today's spend and the marks at which more stops to pay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.charts.cards import period
from workbench.charts.drawing import DataTable, Drawing, Nothing, coded, more, opened
from workbench.charts.mix_words import (
    LEVEL,
    cautious,
    likely,
    listed,
    missing_of,
    outcome_unit,
    place_of,
    spoken,
)
from workbench.charts.shapes import (
    in_one_line,
    labels,
    side_by_side,
    spec_of,
    tooltip,
    unit_axis,
    unit_in_words,
    values,
)
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.mmm.findings import joined
from workbench.mmm.report import MixReport
from workbench.mmm.response import ResponseCurve, ResponseCurves
from workbench.result import format_value

_MOST_PICTURES = 6


def mix_curves(result: MixReport) -> Drawing | Nothing:
    """Return every channel's curve, small and side by side, the largest spend first."""
    found = result.curves
    if found is None or result.missing or not found.curves:
        reason = missing_of(result) if found is None else "No channel spent anything in the reference window."
        return Nothing(title="Response curves", reason=result.missing or reason)
    ranked = sorted(found.curves, key=lambda one: -one.saturation.current)
    drawn = ranked[:_MOST_PICTURES]
    names = labels([coded(one.channel) for one in drawn])
    hidden = len(ranked) - len(drawn)
    return Drawing(
        finding=cautious(result, _headline(found)),
        subtitle=in_one_line(
            f"{opened(found.outcome)} a {found.period} by spend a {found.period}",
            unit_in_words("money", found.currency),
            period(found.window.first, found.window.last),
            f"band: {LEVEL} interval",
        ),
        description=f"One curve with a band per channel, at the pattern of spend of {found.window.periods} "
        f"{found.period}s. "
        + listed(f"{name}: {_marks_in_words(one, found)}" for name, one in zip(names, drawn, strict=True)),
        spec=_spec(found, drawn, names),
        table=_table(found),
        note="Dot: today. Dashed: where the next unit of money stops to pay. Dotted: 90% of the most. Grey: "
        "more than in any stretch as long, so a guess."
        f"{f' {more(hidden, "in the table")}.' if hidden else ''}",
    )


def _headline(found: ResponseCurves) -> str:
    over = [
        coded(one.channel) for one in found.curves if one.saturation.chance_beyond >= 0.9 and not one.believed
    ]
    if not over:
        return "No channel is clearly beyond the spend at which more stops to pay"
    are = "is" if len(over) == 1 else "are"
    return f"{opened(joined(over, most=9))} {are} beyond the spend at which more stops to pay"


def _marks_in_words(one: ResponseCurve, found: ResponseCurves) -> str:
    now = format_value(one.saturation.current, "money", currency=found.currency or None)
    return (
        f"today {now}, more stops to pay at {spoken(one.saturation.break_even, 'money', found.currency)[0]}"
    )


def _spec(found: ResponseCurves, drawn: list[ResponseCurve], names: list[str]) -> dict[str, Any]:
    if len(drawn) == 1:
        return spec_of(_picture(found, drawn[0]).properties(width=640, height=230))
    pictures = [
        _picture(found, one).properties(width=200, height=140, title=name)
        for name, one in zip(names, drawn, strict=True)
    ]
    return side_by_side(pictures, columns=2 if len(pictures) in {2, 4} else 3)


def _picture(found: ResponseCurves, one: ResponseCurve) -> Any:
    import altair as alt

    unit, currency = outcome_unit(found.kind), found.currency or None
    rows = [
        {
            "spend": float(spend),
            "outcome": float(outcome),
            "low": float(low),
            "high": float(high),
            "spend_said": format_value(float(spend), "money", currency=currency),
            "said": format_value(float(outcome), unit, currency=currency),
            "interval": " to ".join(format_value(float(end), unit, currency=currency) for end in (low, high)),
        }
        for spend, outcome, low, high in zip(one.spend, one.outcome, one.low, one.high, strict=True)
    ]
    words = tooltip(("spend_said", "Spend"), ("said", "Brings"), ("interval", f"{LEVEL} interval"))
    most = float(one.spend[-1])
    x = alt.X("spend:Q", axis=_few(unit_axis("money")), scale=alt.Scale(domain=[0, most], nice=False))
    axis = unit_axis(unit)
    base = alt.Chart(values(rows)).encode(x=x, tooltip=words)
    today = [{"spend": one.saturation.current, "outcome": one.current.value, **_today(one, found)}]
    dot = alt.Chart(values(today)).mark_point(filled=True, size=80, color=colour("ink"), opacity=1)
    return alt.layer(
        *_guess(one, most),
        base.mark_area(color=colour("s1"), opacity=0.18).encode(y=alt.Y("low:Q", axis=axis), y2="high:Q"),
        base.mark_line(color=colour("s1"), strokeWidth=2.2).encode(y=alt.Y("outcome:Q", axis=axis)),
        *_points(one, most),
        dot.encode(x=x, y=alt.Y("outcome:Q", axis=axis), tooltip=words),
    )


def _today(one: ResponseCurve, found: ResponseCurves) -> dict[str, str]:
    said, interval = spoken(one.current, outcome_unit(found.kind), found.currency)
    spend = format_value(one.saturation.current, "money", currency=found.currency or None)
    return {"spend_said": f"{spend}, today", "said": said, "interval": interval}


def _few(axis: Any) -> Any:
    axis.tickCount = 3
    return axis


def _guess(one: ResponseCurve, most: float) -> list[Any]:
    """Return the range of spend that was never seen, where it is drawn at all."""
    import altair as alt

    if one.seen_high >= most:
        return []
    field = alt.Chart(values([{"from": one.seen_high, "to": most}])).mark_rect(
        color=colour("grid"), opacity=0.7
    )
    return [field.encode(x=alt.X("from:Q"), x2="to:Q")]


def _points(one: ResponseCurve, most: float) -> list[Any]:
    """Return the marks at which more stops to pay and at which 90 % is reached, where they are drawn."""
    import altair as alt

    marks = ((one.saturation.break_even.value, [4, 3]), (one.saturation.full.value, [1, 3]))
    return [
        alt.Chart(values([{"at": place}]))
        .mark_rule(color=colour("s2"), strokeWidth=1.6, strokeDash=dash)
        .encode(x=alt.X("at:Q"))
        for place, dash in marks
        if 0 < place < most
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    channel: str
    current: float
    brings: float
    interval: str
    break_even: str
    full: str
    chance: float
    chance_said: str
    seen_low: float
    seen_high: float
    peak: float


def _table(found: ResponseCurves) -> DataTable:
    unit = outcome_unit(found.kind)
    rows = [
        _Row(
            channel=coded(one.channel),
            current=one.saturation.current,
            brings=one.current.value,
            interval=spoken(one.current, unit, found.currency)[1],
            break_even=place_of(one.saturation.break_even, found.currency),
            full=place_of(one.saturation.full, found.currency),
            chance=one.saturation.chance_beyond,
            chance_said=likely(one.saturation.chance_beyond),
            seen_low=one.seen_low,
            seen_high=one.seen_high,
            peak=one.peak,
        )
        for one in found.curves
    ]
    return tabulate(
        rows,
        [
            text("channel", "Channel"),
            figure("current", f"Spend a {found.period}", "money"),
            figure("brings", "Brings", unit),
            text("interval", f"{LEVEL} interval"),
            text("break_even", "More stops to pay at"),
            text("chance_said", "Probability that today is beyond"),
            text("full", "90% of its most, spent evenly"),
            figure("seen_low", "Least seen", "money"),
            figure("seen_high", "Most seen", "money"),
            figure("peak", f"Most in one {found.period}", "money"),
        ],
        caption="Response curves: the marks",
        currency=found.currency or None,
    )
