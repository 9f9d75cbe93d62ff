"""The shapes of a budget's pictures."""

from __future__ import annotations

from typing import Any

from workbench.charts.shapes import ROW_HEIGHT, spec_of, tooltip, unit_axis, values
from workbench.charts.theme import colour

_DASHED: dict[str, Any] = {"strokeDash": [3, 3]}


def dumbbells(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return two dots a row with a line between: `now` hollow, `then` filled, coloured by `tone`."""
    import altair as alt

    scale = alt.Scale(domain=["more", "less"], range=[colour("s1"), colour("s2")])
    words = tooltip(("label", "title"), ("now_said", "Today"), ("then_said", "Plan"), ("change", "Change"))
    base = alt.Chart(values(rows)).encode(y=_by_name(rows), tooltip=words)
    axis = unit_axis("money", grid=True)
    tone = alt.Color("tone:N", scale=scale, legend=None)
    x = alt.X("now:Q", axis=axis, scale=alt.Scale(zero=True, nice=True))
    return spec_of(
        alt.layer(
            base.mark_rule(strokeWidth=3, opacity=0.45).encode(x=x, x2="then:Q", color=tone),
            base.mark_point(filled=True, size=80, opacity=1, fill=colour("surface"), strokeWidth=1.6).encode(
                x=x, stroke=alt.value(colour("muted"))
            ),
            base.mark_point(filled=True, size=110, opacity=1).encode(
                x=alt.X("then:Q", axis=axis), color=tone
            ),
        ).properties(width=640, height=max(2, len(rows)) * ROW_HEIGHT)
    )


def rising(rows: list[dict[str, Any]], today: dict[str, Any], unit: str) -> dict[str, Any]:
    """Return a curve of `outcome` by `total` with its band, and a dot for today."""
    import altair as alt

    x = alt.X("total:Q", axis=unit_axis("money"), scale=alt.Scale(zero=False, nice=False))
    scale = alt.Scale(zero=True, nice=True)
    base = alt.Chart(values(rows)).encode(x=x)
    mark = alt.Chart(values([today])).encode(x=x)
    words = tooltip(("said", "title"), ("brings", "Brings"), ("next", "Next unit"))
    here = tooltip(("said", "title"), ("brings", "Brings"))
    y = alt.Y("outcome:Q", axis=unit_axis(unit), scale=scale)
    return spec_of(
        alt.layer(
            base.mark_area(opacity=0.18, color=colour("s1")).encode(
                y=alt.Y("low:Q", axis=unit_axis(unit), scale=scale), y2="high:Q"
            ),
            mark.mark_rule(color=colour("muted"), **_DASHED),
            base.mark_line(strokeWidth=2.4, color=colour("s1")).encode(y=y),
            base.mark_point(size=160, opacity=0).encode(y=y, tooltip=words),
            mark.mark_point(filled=True, size=90, opacity=1, color=colour("s2")).encode(y=y, tooltip=here),
        ).properties(width=640, height=260)
    )


def returns(rows: list[dict[str, Any]], unit: str, *, mark_at: float | None) -> dict[str, Any]:
    """Return the return of the next unit by row: `now` hollow, `then` filled with `low` to `high`."""
    import altair as alt

    words = tooltip(("label", "title"), ("now_said", "Today"), ("then_said", "In the plan"))
    base = alt.Chart(values(rows)).encode(y=_by_name(rows), tooltip=words)
    axis = unit_axis(unit, grid=True)
    x = alt.X("then:Q", axis=axis, scale=alt.Scale(zero=True, nice=True))
    layers = [
        base.mark_rule(strokeWidth=5, opacity=0.32, strokeCap="round", color=colour("s1")).encode(
            x=alt.X("low:Q", axis=axis), x2="high:Q"
        ),
        base.mark_point(filled=True, size=90, opacity=1, color=colour("s1")).encode(x=x),
        base.mark_point(filled=True, size=70, opacity=1, fill=colour("surface"), strokeWidth=1.6).encode(
            x=alt.X("now:Q", axis=axis), stroke=alt.value(colour("muted"))
        ),
    ]
    if mark_at is not None:
        line = alt.Chart(values([{"at": mark_at}])).mark_rule(color=colour("muted"), **_DASHED)
        layers.insert(0, line.encode(x=alt.X("at:Q")))
    return spec_of(alt.layer(*layers).properties(width=640, height=max(2, len(rows)) * ROW_HEIGHT))


def histogram(rows: list[dict[str, Any]], unit: str) -> dict[str, Any]:
    """Return bars from `low` to `high`, `share` high: gains in one colour, losses in another."""
    import altair as alt

    scale = alt.Scale(domain=["gain", "loss"], range=[colour("s1"), colour("s2")])
    base = alt.Chart(values(rows))
    bars = base.mark_bar(stroke=colour("surface"), strokeWidth=1).encode(
        x=alt.X("low:Q", axis=unit_axis(unit), scale=alt.Scale(zero=True, nice=True)),
        x2="high:Q",
        y=alt.Y("share:Q", axis=unit_axis("%"), scale=alt.Scale(zero=True)),
        y2="floor:Q",
        color=alt.Color("tone:N", scale=scale, legend=None),
        tooltip=tooltip(("said", "title"), ("draws", "Share of draws")),
    )
    line = alt.Chart(values([{"at": 0}])).mark_rule(color=colour("muted"), **_DASHED).encode(x="at:Q")
    return spec_of(alt.layer(bars, line).properties(width=640, height=200))


def _by_name(rows: list[dict[str, Any]]) -> Any:
    import altair as alt

    order = [row["label"] for row in rows]
    return alt.Y("label:N", sort=order, title=None, axis=alt.Axis(grid=False, labelLimit=170))
