"""Ways to an order: the most frequent ones, how long they are, and one of them touch by touch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from workbench.attribution.buying import Ways
from workbench.attribution.timeline import Timeline, TimelineTouch
from workbench.attribution.windows import within
from workbench.charts.attribution import model_name
from workbench.charts.drawing import Column, DataTable, Drawing, Nothing, coded, opened, shown
from workbench.charts.shapes import in_one_line, labels, spec_of, tooltip, unit_axis, values
from workbench.charts.tables import figure, heading, tabulate, text
from workbench.charts.theme import HEAT, colour
from workbench.result import format_value

_MOST_TOUCHES = 14
_LONGEST = 10  # touches from which ways are drawn together
_SHORT = {"shapley": "Shapley"}  # there is one of them only
_LATEST = 30  # days likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    path: str
    conversions: int
    share: float
    journeys: int
    rate: float
    rate_low: float
    rate_high: float
    mean_value: float | None


def way_table(result: Ways) -> DataTable | Nothing:
    """Return the most frequent ways to an order, with their conversion rate and mean value."""
    found = result.paths
    if result.missing or found is None or not found.rows:
        return Nothing(title="Ways to an order", reason=result.missing or "No order had a touch before it.")
    rows = [
        _Way(
            path=" → ".join(coded(name) for name in row.path),
            conversions=row.conversions,
            share=row.conversions / found.conversions,
            journeys=row.journeys,
            rate=row.rate,
            rate_low=row.rate_low,
            rate_high=row.rate_high,
            mean_value=row.mean_value,
        )
        for row in found.rows
    ]
    return tabulate(
        rows,
        [
            text("path", "Way"),
            figure("conversions", "Orders", "count", bars=True, adds=True),
            figure("share", "Of all with a touch", "%", adds=True),
            figure("journeys", "Journeys", "count", adds=True),
            figure("rate", "Ended in an order", "%"),
            figure("rate_low", "95% interval from", "%"),
            figure("rate_high", "to", "%"),
            figure("mean_value", "Mean value", "money"),
        ],
        caption=opened(found.sentence),
        currency=found.currency,
    )


def way_lengths(result: Ways) -> Drawing | Nothing:
    """Return how many touches lie before an order, of new and of returning buyers."""
    found = result.lengths
    if result.missing or found is None or not found.by_touches:
        return Nothing(title="Touches before an order", reason=result.missing or "No order had a touch.")
    counts = [(touches, new, returning) for touches, new, returning, _ in found.by_touches if touches]
    bars = _bars(counts, most=_LONGEST, first=1)
    every = found.rows[0]
    single = sum(new + returning for touches, new, returning in counts if touches == 1)
    return _histogram(
        bars,
        finding=f"{format_value(single / (every.conversions or 1), '%')} of orders with a touch have one, "
        f"{every.mean_touches or 0.0:.1f} on average",
        subtitle=f"Orders by touches {within(found.window)}",
        unit="Touches",
    )


def way_days(result: Ways) -> Drawing | Nothing:
    """Return how many days pass from the first touch to an order, of new and of returning buyers."""
    found = result.lengths
    if result.missing or found is None or not found.by_days:
        return Nothing(title="Days to an order", reason=result.missing or "No order had a touch before it.")
    every = found.rows[0]
    return _histogram(
        _bars(found.by_days, most=_LATEST, first=0),
        finding=f"{format_value(every.within_a_day, '%')} of orders with a touch come within a day of the "
        f"first one, {format_value(every.within_a_week, '%')} within a week",
        subtitle=f"Orders by whole days since the first touch {within(found.window)}",
        unit="Days",
    )


def way_buyers(result: Ways) -> DataTable | Nothing:
    """Return how long the ways of new and of returning buyers are."""
    found = result.lengths
    if result.missing or found is None:
        return Nothing(title="New and returning buyers", reason=result.missing or "Nobody bought.")
    return tabulate(
        [replace(row, buyers=row.buyers.capitalize()) for row in found.rows],
        [
            text("buyers", "Buyers"),
            figure("conversions", "Orders with a touch", "count"),
            figure("mean_touches", "Touches, mean", ""),
            figure("median_touches", "median", ""),
            figure("mean_days", "Days, mean", ""),
            figure("median_days", "median", ""),
            figure("within_a_day", "Within a day", "%"),
            figure("within_a_week", "Within a week", "%"),
        ],
        caption="New buyers have no order before this one in the data",
    )


def order_timeline(result: Ways) -> Drawing | Nothing:
    """Return one order and what lay before it: every touch in its time, and its credit by each model."""
    order = result.order.rows[0] if result.order and result.order.rows else None
    if result.missing or order is None or not order.touches:
        reason = result.missing or result.order_missing or "No order had a touch before it."
        return Nothing(title="One order, touch by touch", reason=reason)
    value = format_value(order.value, "money", currency=result.currency)
    took = _duration(order.duration or timedelta(), words=True)
    buyer = "returning" if order.returning else "new"
    names = labels([f"{place} {coded(t.touch)}" for place, t in enumerate(order.touches, 1)], 22)
    drawn = list(zip(names, order.touches, strict=True))[-_MOST_TOUCHES:]
    listed = "; ".join(f"{label} {_duration(touch.age)} before" for label, touch in drawn)
    left_out = len(order.touches) - len(drawn)
    return Drawing(
        finding=f"A {buyer} buyer's order of {value} took {len(order.touches)} "
        f"touch{'es' if len(order.touches) > 1 else ''} and {took}",
        subtitle=in_one_line(
            f"Order {shown(order.conversion_id, 60)}", f"{order.at.day} {order.at:%B %Y, %H:%M} UTC"
        ),
        description=f"Points in time, one row per touch, and the credit of each by model: {listed}.",
        spec=_timeline(drawn),
        table=_touch_table(order),
        note=(f"The {left_out} earliest touches are in the figures only. " if left_out else "")
        + "Markov, Shapley and regression say totals of channels; shares of one order are fitted to them.",
    )


def _duration(span: timedelta, *, words: bool = False) -> str:
    seconds = span.total_seconds()
    units = ((86_400, "d", "day"), (3_600, "h", "hour"), (60, "min", "minute"), (1, "s", "second"))
    size, unit, word = next((one for one in units if seconds >= one[0]), units[-1])
    said = f"{seconds / size:.3g}" if size > 1 else f"{seconds:.0f}"
    return f"{said} {word}{'' if said == '1' else 's'}" if words else f"{said} {unit}"


def _bars(counts: Sequence[tuple[int, int, int]], *, most: int, first: int) -> list[dict[str, Any]]:
    """Return a bar per number for new and for returning buyers; the last holds all that is larger."""
    sums = {place: [0, 0] for place in range(first, most + 1)}
    for place, *several in counts:
        for kind, count in enumerate(several):
            sums[min(place, most)][kind] += count
    last = max((place for place, some in sums.items() if any(some)), default=first)
    return [
        {
            "at": f"{place}+" if place == most else str(place),
            "buyers": buyers,
            "count": sums[place][kind],
            "said": f"{sums[place][kind]:,}",
        }
        for place in range(first, last + 1)
        for kind, buyers in enumerate(("New buyers", "Returning buyers"))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    at: str
    new: int
    returning: int


def _histogram(bars: list[dict[str, Any]], *, finding: str, subtitle: str, unit: str) -> Drawing:
    pairs = list(zip(bars[::2], bars[1::2], strict=True))
    rows = [_Bar(at=new["at"], new=new["count"], returning=old["count"]) for new, old in pairs]
    listed = "; ".join(f"{row.at}: {row.new + row.returning:,}" for row in rows)
    return Drawing(
        finding=finding,
        subtitle=subtitle,
        description=f"Stacked bars by {unit.lower()}: {listed}.",
        spec=_stacked(bars, unit),
        table=tabulate(
            rows,
            [
                text("at", unit),
                figure("new", "New buyers", "count"),
                figure("returning", "Returning", "count"),
            ],
            caption=subtitle,
        ),
    )


def _stacked(bars: list[dict[str, Any]], unit: str) -> dict[str, Any]:
    import altair as alt

    order = list(dict.fromkeys(bar["at"] for bar in bars))
    kinds = ["New buyers", "Returning buyers"]
    chart = (
        alt.Chart(values([{**bar, "place": kinds.index(bar["buyers"])} for bar in bars]))
        .mark_bar(cornerRadius=1)
        .encode(
            x=alt.X(
                "at:O",
                sort=order,
                scale=alt.Scale(paddingInner=0.18),
                axis=alt.Axis(title=unit, labelAngle=0, labelOverlap="greedy", domain=True),
            ),
            y=alt.Y("count:Q", axis=unit_axis("count"), stack="zero"),
            color=alt.Color("buyers:N", scale=alt.Scale(domain=kinds, range=[colour("s2"), colour("s1")])),
            order=alt.Order("place:Q", sort="descending"),
            tooltip=tooltip(("at", "title"), ("buyers", "Of"), ("said", "Orders")),
        )
    )
    return spec_of(chart.properties(width=640, height=210))


def _timeline(drawn: Sequence[tuple[str, TimelineTouch]]) -> dict[str, Any]:
    import altair as alt

    longest = max(touch.age.total_seconds() for _, touch in drawn)
    size, unit = (86_400, "d") if longest >= 2 * 86_400 else (3_600, "h") if longest >= 7_200 else (60, "min")
    rows: list[dict[str, Any]] = [
        {
            "label": label,
            "age": round(touch.age.total_seconds() / size, 3),
            "order": 0,
            "at": f"{touch.at.day} {touch.at:%b %Y, %H:%M} UTC",
            "before": _duration(touch.age),
            "gap": _duration(touch.gap),
        }
        for label, touch in drawn
    ]
    order = [row["label"] for row in rows]
    y = alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=130, domain=False))
    axis = alt.Axis(
        title=None, grid=True, tickCount=4, labelExpr=f"datum.value == 0 ? 'order' : datum.label + ' {unit}'"
    )
    scale = alt.Scale(reverse=True, zero=True, nice=True)
    base = alt.Chart(values(rows)).encode(
        y=y,
        tooltip=tooltip(
            ("label", "title"), ("at", "When"), ("before", "Before the order"), ("gap", "To the next")
        ),
    )
    to_order = base.mark_rule(color=colour("rule"), strokeWidth=2).encode(
        x=alt.X("age:Q", axis=axis, scale=scale), x2="order:Q"
    )
    when = base.mark_point(filled=True, size=95, opacity=1, color=colour("s1")).encode(
        x=alt.X("age:Q", axis=axis, scale=scale)
    )
    height = 30 * len(rows)
    first = alt.layer(to_order, when).properties(width=300, height=height, title="Time before the order")
    second = _tiles(drawn).properties(width=300, height=height, title="Credit by model, %")
    return spec_of(alt.concat(first, second, columns=2))


def _tiles(drawn: Sequence[tuple[str, TimelineTouch]]) -> Any:
    import altair as alt

    models = list(drawn[0][1].credit)
    rows = [
        {
            "label": label,
            "model": _SHORT.get(model) or model_name(model),
            "shade": min(len(HEAT) - 1, int(len(HEAT) * credit)),
            "short": f"{100 * credit:.0f}",
            "said": format_value(credit, "%"),
        }
        for label, touch in drawn
        for model, credit in _shown_credit(touch.credit, models).items()
    ]
    base = alt.Chart(values(rows)).encode(
        x=alt.X(
            "model:N",
            sort=[_SHORT.get(model) or model_name(model) for model in models],
            axis=alt.Axis(
                title=None, orient="top", labelAngle=-90, domain=False, labelPadding=4, labelLimit=110
            ),
        ),
        y=alt.Y("label:N", sort=[label for label, _ in drawn], title=None, axis=alt.Axis(labelLimit=130)),
        tooltip=tooltip(("model", "title"), ("label", "Touch"), ("said", "Credit")),
    )
    shades = alt.Scale(domain=list(range(len(HEAT))), range=[colour(name) for name in HEAT])
    tiles = base.mark_rect(cornerRadius=2, stroke=colour("surface"), strokeWidth=2).encode(
        color=alt.Color("shade:O", legend=None, scale=shades)
    )
    figures = base.mark_text(fontSize=11).encode(
        text="short:N",
        color=alt.condition("datum.shade > 2", alt.value(colour("surface")), alt.value(colour("ink"))),
    )
    return alt.layer(tiles, figures)


def _shown_credit(credit: Mapping[str, float], models: Sequence[str]) -> dict[str, float]:
    return {model: max(credit.get(model, 0.0), 0.0) for model in models}


def _touch_table(order: Timeline) -> DataTable:
    models = list(order.touches[0].credit)
    details = list(order.touches[0].details)
    heads = ["Touch", *(heading(name) for name in details), "When", "Before the order", "To the next"]
    return DataTable(
        caption="Touches before the order, with the credit of each by model",
        columns=(
            *(Column(label=head) for head in heads),
            *(Column(label=model_name(model), number=True) for model in models),
        ),
        rows=tuple(
            (
                f"{place} {coded(touch.touch)}",
                *(coded(touch.details[name]) for name in details),
                f"{touch.at.day} {touch.at:%b %Y, %H:%M}",
                _duration(touch.age),
                _duration(touch.gap),
                *(format_value(touch.credit[model], "%") for model in models),
            )
            for place, touch in enumerate(order.touches, 1)
        ),
        figures=tuple(
            {
                "order": order.conversion_id,
                "touch": touch.touch,
                "at": touch.at.isoformat(),
                "seconds_before": touch.age.total_seconds(),
                "model": model,
                "credit": credit,
            }
            for touch in order.touches
            for model, credit in touch.credit.items()
        ),
    )
