"""Several series per row, each on a lane of its own, so that no interval hides another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.charts.shapes import arrows, linear, spec_of, tooltip, unit_axis, values
from workbench.charts.theme import colour
from workbench.charts.theme import series as colours

_SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
_LANE = 11
_GAP = {1: 14, 2: 9}  # between rows, by the number of lanes
_WIDE_GAP = 14
_PHONE, _LETTER = 280, 6.5  # what labels and the words of a legend have beside each other, and a letter takes
_LABEL = 130
LETTERS = 16  # that a label has room for
_WORDS = (
    ("series", "title"),
    ("label", "Of"),
    ("said", "Value"),
    ("interval", "95% interval"),
    ("share", "Conversions"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What lanes are measured in.

    Parameters
    ----------
    unit : str
        Of the axis.
    words : tuple of (str, str)
        Fields and labels of the tooltip.
    mark_at : float, optional
        Where a hairline stands: a target, or the point of no gain.
    log : bool
        Whether equal steps are equal factors; all figures must then lie above 0.
    ends : tuple of (float, float), optional
        The first and last place of the axis, where intervals are cut by `reach.within_reach`.
    """

    unit: str = "money"
    words: tuple[tuple[str, str], ...] = _WORDS
    mark_at: float | None = None
    log: bool = False
    ends: tuple[float, float] | None = None


_MONEY = Measure()


def lanes(
    points: Sequence[Mapping[str, Any]],
    ticks: Sequence[Mapping[str, Any]],
    *,
    order: Sequence[str],
    series: Sequence[str],
    measure: Measure = _MONEY,
) -> dict[str, Any]:
    """Return a picture of points with intervals, one row per label and one lane in it per series.

    Parameters
    ----------
    points, ticks : sequences of mapping
        `label`, `series`, `value`, `low`, `high` (None where unknown), and the fields of the tooltip (`said`,
        `interval` and `share`). Ticks lie on a band that spans those of their row.
    order, series : sequences of str
        The rows and the lanes, the topmost first.
    measure : Measure
        Unit, tooltip, hairline and scale.
    """
    import altair as alt

    y = alt.Y(
        "label:N",
        sort=list(order),
        title=None,
        scale=alt.Scale(domain=list(order), paddingInner=0.28, paddingOuter=0.14),
        axis=alt.Axis(grid=False, labelLimit=_LABEL, labelFontSize=12.5),
    )
    axis = unit_axis(measure.unit, grid=True, **_steps(points, measure))
    if measure.log:
        axis.tickCount = len(axis.values)  # a logarithmic scale blanks the labels beyond this count
    scale = alt.Scale(type="log", nice=True) if measure.log else linear(measure.ends)
    lane = alt.YOffset("series:N", sort=list(series), scale=alt.Scale(domain=list(series)))
    told = alt.Color(
        "series:N",
        scale=alt.Scale(domain=list(series), range=colours(len(series))),
        legend=alt.Legend(symbolSize=60, symbolOpacity=1, **_columns(series, order)),
    )
    shape = alt.Shape("series:N", scale=alt.Scale(domain=list(series), range=list(_SHAPES[: len(series)])))
    base = alt.Chart(values(points)).encode(y=y, yOffset=lane, color=told, tooltip=tooltip(*measure.words))
    layers = [
        base.mark_rule(strokeWidth=3, opacity=0.4, strokeCap="round")
        .transform_filter("isValid(datum.low) && isValid(datum.high)")
        .encode(x=alt.X("low:Q", axis=axis, scale=scale), x2="high:Q"),
        base.mark_point(filled=True, size=52, opacity=1).encode(
            x=alt.X("value:Q", axis=axis, scale=scale), shape=shape
        ),
    ]
    layers += arrows(base, axis=axis, scale=scale) if measure.ends else []
    if ticks:
        layers = [*_behind(ticks, y=y, axis=axis, scale=scale), *layers]
    if measure.mark_at is not None:
        at = alt.X("at:Q", axis=axis, scale=scale)
        line = alt.Chart(values([{"at": measure.mark_at}]))
        layers.insert(0, line.mark_rule(color=colour("muted"), strokeDash=[3, 3]).encode(x=at))
    height = len(order) * (_LANE * len(series) + _GAP.get(len(series), _WIDE_GAP))
    return spec_of(alt.layer(*layers).properties(width=640, height=height))


def _steps(points: Sequence[Mapping[str, Any]], measure: Measure) -> dict[str, Any]:
    """Return the places 1, 2, 5, 10, ... that a logarithmic axis of these points names."""
    if not measure.log:
        return {}
    ends = [point[name] for point in points for name in ("low", "value", "high") if point[name]]
    low, high = math.floor(math.log10(min(ends))), math.ceil(math.log10(max(ends)))
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    places = [step * 10.0**power for power in range(low, high + 1) for step in steps]
    return {"values": places, "labelOverlap": False, "labelFlush": False}  # the first and last stand close


def _columns(series: Sequence[str], order: Sequence[str]) -> dict[str, Any]:
    """Return how the words of a legend stand: more than two in two columns, if these fit on a phone."""
    if len(series) <= 2:
        return {"columns": 0, "columnPadding": 18}
    wide = sum(max(map(len, series[place::2])) for place in (0, 1)) * _LETTER
    labels = min(_LABEL, max(map(len, order), default=0) * _LETTER)
    return {"columns": 2 if wide + labels <= _PHONE else 1, "columnPadding": 4}


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
