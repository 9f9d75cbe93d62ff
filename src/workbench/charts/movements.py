"""Which figures left their usual range, and what is claimed of what was sold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from workbench.charts.drawing import MOST_ROWS, DataTable, Drawing, Nothing, figures_of, opened
from workbench.charts.shapes import dots, in_one_line, labels, spec_of, tooltip, unit_axis, values, weeks_axis
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.experiments.inference.comparison import shown_p
from workbench.explore.claims import ClaimedWeek, Claims
from workbench.explore.movements import AGAINST, Movement, Movements
from workbench.result import MISSING, format_value

_MOST = 20
_TITLE = "What left its usual range"
_SOLD, _CLAIMED = "Sold", "Claimed"


def movements(result: Movements) -> Drawing | Nothing:
    """Return the change of every figure with its interval, those that stand out in colour."""
    rows = [row for row in result.rows if row.change is not None and row.p_value is not None][:_MOST]
    if result.missing or not rows:
        return Nothing(title=_TITLE, reason=result.sentence)
    names = labels([row.label for row in rows], 34)
    drawn = [_dot(row, name) for row, name in zip(rows, names, strict=True)]
    return Drawing(
        finding=opened(result.finding),
        subtitle=f"Change against {AGAINST[result.kind]}; bars are 95% intervals of each figure alone",
        description="A dot with an interval per figure. "
        + "; ".join(f"{d['label']}: {d['said']} ({d['interval']})" for d in drawn),
        spec=dots(drawn, unit="%", mark_at=0.0, tooltips=("Change", "95% interval")),
        table=_movement_table(result),
        note="In colour, green for good news and red for bad: more than the figure usually moves, with all "
        "figures counted (Holm). The noise is learnt from each figure's own past."
        + (f" {result.left_out}" if result.left_out else ""),
    )


def movement_table(result: Movements) -> DataTable | Nothing:
    """Return all figures, also those that cannot be judged, with the reason."""
    if result.missing or not result.rows:
        return Nothing(title="Every figure", reason=result.sentence)
    return _movement_table(result, "Every figure that was looked at; sums are means per day")


def _movement_table(result: Movements, caption: str = "") -> DataTable:
    money = result.currency
    made = tabulate(
        [_line(row, money) for row in result.rows],
        [
            text("name", "Figure"),
            text("now", "Now"),
            text("before", "Before"),
            figure("change", "Change", "%"),
            figure("low", "from", "%"),
            figure("high", "to", "%"),
            text("p", "p, all counted"),
            text("reason", "Bear in mind"),
        ],
        caption=caption,
        currency=money,
    )
    return replace(made, figures=figures_of(result.rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One row of the table."""

    name: str
    now: str
    before: str
    change: float | None
    low: float | None
    high: float | None
    p: str
    reason: str


def _line(row: Movement, currency: str | None) -> _Line:
    now, before = (
        MISSING if value is None else format_value(value, _unit(row, value), currency=currency)
        for value in (row.current, row.previous)
    )
    return _Line(
        name=row.name,
        now=now,
        before=before,
        change=row.change,
        low=row.change_low,
        high=row.change_high,
        p=MISSING if row.p_value is None else shown_p(row.p_value),
        reason=row.reason,
    )


def _unit(row: Movement, value: float) -> str:
    """Return the unit of a figure a day: a mean of small counts is no whole number."""
    return "" if row.unit == "count" and abs(value) < 100 else row.unit


def _dot(row: Movement, label: str) -> dict[str, Any]:
    tone = "s6" if not row.stands_out else {True: "good", False: "bad", None: "s1"}[row.good]
    known = row.change_low is not None and row.change_high is not None
    ends = (
        f"{format_value(row.change_low, '%')} to {format_value(row.change_high, '%')}" if known else "unknown"
    )
    return {
        "label": label,
        "value": row.change,
        "low": row.change_low,
        "high": row.change_high,
        "tone": tone,
        "said": format_value(row.change, "%"),
        "interval": ends,
    }


def claimed_weeks(result: Claims) -> Drawing | Nothing:
    """Return what was sold and what is claimed, week by week."""
    if result.missing or not result.weeks:
        return Nothing(title="Sold and claimed", reason=result.missing or "There is no week.")
    weeks = [week for week in result.weeks if week.days == 7] or list(result.weeks)
    money = result.counted == "revenue"
    points: list[dict[str, Any]] = [
        {
            "day": week.week.isoformat(),
            "date": f"Week of {week.week.day} {week.week:%b %Y}",
            "series": series,
            "value": value,
            "said": format_value(value, "money" if money else "count", currency=result.currency),
            "share": format_value(week.share, "%"),
        }
        for week in weeks
        for series, value in zip((_SOLD, _CLAIMED), _sides(week, money=money), strict=True)
    ]
    left = len(result.weeks) - len(weeks)
    return Drawing(
        finding=result.sentence,
        subtitle=in_one_line("Revenue by week: of orders, and as claimed by campaigns", result.currency or "")
        if money
        else "Orders by week, and those that campaigns claim; nobody reports revenue",
        description="Two lines by week. "
        + "; ".join(f"{p['date']}, {p['series'].lower()}: {p['said']}" for p in points[:24]),
        spec=_lines(points, "money" if money else "count"),
        table=_week_table(result),
        note="Both are complete counts and have no interval. "
        + (
            f"{left} week{'s' if left > 1 else ''} of fewer than 7 days"
            f" {'are' if left > 1 else 'is'} in the table alone."
            if left
            else ""
        )
        + (f" {result.left_out}" if result.left_out else ""),
    )


def claim_table(result: Claims) -> DataTable | Nothing:
    """Return every week of both sides."""
    if result.missing or not result.weeks:
        return Nothing(title="Week by week", reason=result.missing or "There is no week.")
    return _week_table(result, "Orders against claims, by week")


def _week_table(result: Claims, caption: str = "") -> DataTable:
    return tabulate(
        result.weeks,
        [
            text("week", "Week of"),
            figure("days", "Days", "count"),
            figure("orders", "Orders", "count"),
            figure("sold", "Sold", "money"),
            figure("conversions", "Claimed orders", "count"),
            figure("claimed", "Claimed", "money"),
            figure("share", "Claimed of sold", "%"),
        ],
        caption=caption,
        currency=result.currency,
        most=MOST_ROWS,
    )


def claiming_channels(result: Claims) -> DataTable | Nothing:
    """Return what each channel claims, the largest first."""
    if result.missing or not result.channels:
        return Nothing(title="Who claims", reason=result.missing or "Nobody claims revenue.")
    return tabulate(
        [row for row in result.channels if row.claimed or row.conversions],
        [
            text("channel", "Channel"),
            figure("claimed", "Claimed", "money", bars=True, adds=True),
            figure("share", "Of all that was sold", "%", adds=True),
            figure("conversions", "Claimed orders", "count", adds=True),
        ],
        caption="Who claims",
        currency=result.currency,
    )


def _sides(week: ClaimedWeek, *, money: bool) -> tuple[float, float]:
    return (week.sold, week.claimed) if money else (float(week.orders), week.conversions)


def _lines(points: list[dict[str, Any]], unit: str) -> dict[str, Any]:
    import altair as alt

    series = [_SOLD, _CLAIMED]
    tones = alt.Scale(domain=series, range=[colour("s1"), colour("s2")])
    chart = alt.Chart(values(points)).encode(
        x=weeks_axis(point["day"] for point in points),
        y=alt.Y("value:Q", axis=unit_axis(unit, grid=True), scale=alt.Scale(zero=True)),
        color=alt.Color("series:N", scale=tones, sort=series, legend=alt.Legend(symbolOpacity=1)),
        shape=alt.Shape("series:N", scale=alt.Scale(domain=series, range=["circle", "square"]), legend=None),
        tooltip=tooltip(("date", "title"), ("series", "Of"), ("said", "Value"), ("share", "Claimed of sold")),
    )
    layers = alt.layer(chart.mark_line(strokeWidth=2), chart.mark_point(filled=True, size=46, opacity=1))
    return spec_of(layers.properties(width=640, height=240))
