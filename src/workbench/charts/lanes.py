"""Several series per row, each on a lane of its own, so that no interval hides another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.charts.shapes import spec_of, tooltip, unit_axis, values
from workbench.charts.theme import colour
from workbench.charts.theme import series as colours

_SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
_LANE = 11
_GAP = {1: 14, 2: 9}  # between rows, by the number of lanes
_WIDE_GAP = 14
_WORDS = (
    ("series", "title"),
    ("label", "Of"),
    ("said", "Value"),
    ("interval", "95% interval"),
    ("share", "Conversions"),
)


def lanes(
    points: Sequence[Mapping[str, Any]],
    ticks: Sequence[Mapping[str, Any]],
    *,
    order: Sequence[str],
    series: Sequence[str],
) -> dict[str, Any]:
    """Return a picture of points with intervals, one row per label and one lane in it per series.

    Parameters
    ----------
    points, ticks : sequences of mapping
        `label`, `series`, `value`, `low`, `high` (None where unknown), `said`, `interval` and `share` for
        the tooltip. Ticks lie on a band that spans those of their row.
    order, series : sequences of str
        The rows and the lanes, the topmost first.
    """
    import altair as alt

    y = alt.Y(
        "label:N",
        sort=list(order),
        title=None,
        scale=alt.Scale(domain=list(order), paddingInner=0.28, paddingOuter=0.14),
        axis=alt.Axis(grid=False, labelLimit=130, labelFontSize=12.5),
    )
    axis = unit_axis("money", grid=True)
    scale = alt.Scale(zero=True, nice=True)
    lane = alt.YOffset("series:N", sort=list(series), scale=alt.Scale(domain=list(series)))
    told = alt.Color(
        "series:N",
        scale=alt.Scale(domain=list(series), range=colours(len(series))),
        legend=alt.Legend(
            columns=2 if len(series) > 2 else 0, columnPadding=4, symbolSize=60, symbolOpacity=1
        ),
    )
    shape = alt.Shape("series:N", scale=alt.Scale(domain=list(series), range=list(_SHAPES[: len(series)])))
    base = alt.Chart(values(points)).encode(y=y, yOffset=lane, color=told, tooltip=tooltip(*_WORDS))
    layers = [
        base.mark_rule(strokeWidth=3, opacity=0.4, strokeCap="round")
        .transform_filter("isValid(datum.low) && isValid(datum.high)")
        .encode(x=alt.X("low:Q", axis=axis, scale=scale), x2="high:Q"),
        base.mark_point(filled=True, size=52, opacity=1).encode(
            x=alt.X("value:Q", axis=axis, scale=scale), shape=shape
        ),
    ]
    if ticks:
        layers = [*_behind(ticks, y=y, axis=axis, scale=scale), *layers]
    height = len(order) * (_LANE * len(series) + _GAP.get(len(series), _WIDE_GAP))
    return spec_of(alt.layer(*layers).properties(width=640, height=height))


def _behind(ticks: Sequence[Mapping[str, Any]], *, y: Any, axis: Any, scale: Any) -> list[Any]:
    """Return a band from the lowest to the highest tick of each row, and the ticks."""
    import altair as alt

    known: dict[str, list[float]] = {}
    for tick in ticks:
        known.setdefault(str(tick["label"]), []).append(float(tick["value"]))
    bands = [{"label": label, "low": min(some), "high": max(some)} for label, some in known.items()]
    band = alt.Chart(values(bands)).mark_bar(color=colour("grid"), opacity=1, cornerRadius=2)
    tick = alt.Chart(values(ticks)).mark_tick(color=colour("s6"), thickness=1.6, opacity=1)
    return [
        band.encode(x=alt.X("low:Q", axis=axis, scale=scale), x2="high:Q", y=y),
        tick.encode(x=alt.X("value:Q", axis=axis, scale=scale), y=y, tooltip=tooltip(*_WORDS)),
    ]
