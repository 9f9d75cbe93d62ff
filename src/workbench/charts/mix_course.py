"""Media mix over time: what the outcome is made of, and how the parts add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.charts.drawing import DataTable, Drawing, Nothing, coded, opened
from workbench.charts.mix_words import LEVEL, cautious, listed, missing_of, outcome_unit, spoken
from workbench.charts.shapes import (
    MOST_BARS,
    day_axis,
    in_one_line,
    labels,
    spec_of,
    tooltip,
    unit_axis,
    unit_in_words,
    values,
)
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.charts.theme import series as colours
from workbench.mmm.decomposition import Decomposition, Part
from workbench.mmm.report import MixReport
from workbench.result import format_value

_MOST_AREAS = 5
MOST_PERIODS = 400
_WITHOUT, _OTHERS = "Without media", "Other media"
_SOURCES = {
    "baseline": "level",
    "trend": "level",
    "season": "calendar",
    "control": "control",
    "channel": "channel",
}


def mix_decomposition(result: MixReport) -> Drawing | Nothing:
    """Return what the outcome is made of, period by period: what came by itself, and every channel."""
    found = result.decomposition
    if found is None or result.missing:
        return Nothing(title="What the outcome is made of", reason=missing_of(result))
    areas, unit = _areas(found), outcome_unit(found.kind)
    kept = slice(max(0, len(found.dates) - MOST_PERIODS), None)
    rows = [
        row | {"part": name, "place": place}
        for place, (name, figures) in enumerate(areas)
        for row in _line(found, figures, kept)
    ]
    return Drawing(
        finding=cautious(result, _headline(found)),
        subtitle=in_one_line(
            f"{opened(found.outcome)} by what caused it, one area each; line: the outcome itself",
            unit_in_words(unit, found.currency),
        ),
        description="Stacked areas over time. " + _totals_in_words(found),
        spec=_areas_spec(rows, _line(found, found.actual, kept), [name for name, _ in areas], unit),
        table=parts_table(found),
        note="Without media: level, trend, seasons and controls together."
        + (
            f" Drawn are the last {MOST_PERIODS} of {len(found.dates)} periods; the table is of all."
            if len(found.dates) > MOST_PERIODS
            else ""
        ),
    )


def mix_parts(result: MixReport) -> Drawing | Nothing:
    """Return how the parts add up to the whole outcome, one bar each."""
    found = result.decomposition
    if found is None or result.missing:
        return Nothing(title="How the outcome adds up", reason=missing_of(result))
    bars = _steps(found)
    channels = sorted(found.of("channel"), key=lambda part: -part.total.value)
    most = channels[0]
    return Drawing(
        finding=cautious(
            result,
            f"{opened(most.name)} caused most of all media: {spoken(most.share, '%', '')[0]} of "
            f"{coded(found.outcome)} ({spoken(most.share, '%', '')[1]})",
        ),
        subtitle=in_one_line(
            f"{opened(found.outcome)} by what caused it",
            unit_in_words(outcome_unit(found.kind), found.currency),
            f"each bar begins where the last one ends; lines are {LEVEL} intervals",
        ),
        description="Bars that add up. " + _totals_in_words(found),
        spec=_steps_spec(bars, outcome_unit(found.kind)),
        table=parts_table(found),
        note="Without media: level, trend, seasons and controls together; the table has them one by one. "
        "Trend and controls are departures from their own mean: over all days they add up to nothing.",
    )


def parts_table(found: Decomposition) -> DataTable:
    """Return every part with its total and share."""
    rows = [
        _Total(
            part=coded(part.name),
            source=_SOURCES[part.source],
            total=part.total.value,
            interval=spoken(part.total, outcome_unit(found.kind), found.currency)[1],
            share=part.share.value,
        )
        for part in found.parts
    ]
    return tabulate(
        rows,
        [
            text("part", "Part"),
            text("source", "Kind"),
            figure("total", "Caused", outcome_unit(found.kind)),
            text("interval", f"{LEVEL} interval"),
            figure("share", "Share", "%", bars=True),
        ],
        caption="What the outcome is made of",
        currency=found.currency or None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Total:
    part: str
    source: str
    total: float
    interval: str
    share: float


def _line(found: Decomposition, figures: Any, kept: slice) -> list[dict[str, Any]]:
    """Return one row per period of a series."""
    unit, currency = outcome_unit(found.kind), found.currency or None
    days = found.dates[kept].astype("datetime64[D]")
    return [
        {"day": str(day), "value": float(value), "said": format_value(float(value), unit, currency=currency)}
        for day, value in zip(days, figures[kept], strict=True)
    ]


def _headline(found: Decomposition) -> str:
    most = max(found.of("channel"), key=lambda part: part.total.value)
    alone, caused = (format_value(part.share.value, "%") for part in (found.without_media, most))
    return (
        f"{alone} of {coded(found.outcome)} would have come without media; {coded(most.name)} caused {caused}"
    )


def _areas(found: Decomposition) -> list[tuple[str, Any]]:
    """Return name and figures of the areas, from the bottom up."""
    channels = sorted(found.of("channel"), key=lambda part: -part.total.value)
    names = labels([_WITHOUT, _OTHERS, *(coded(part.name) for part in channels[:_MOST_AREAS])])[2:]
    others = [part.mean for part in channels[_MOST_AREAS:]]
    return [
        (_WITHOUT, found.without_media.mean),
        *((name, part.mean) for name, part in zip(names, channels, strict=False)),
        *([(_OTHERS, np.sum(others, axis=0))] if others else []),
    ]


def _areas_spec(
    rows: Sequence[dict[str, Any]], actual: Sequence[dict[str, Any]], names: list[str], unit: str
) -> dict[str, Any]:
    import altair as alt

    shades = [colour("quiet"), *colours(len(names) - 1)]
    told = alt.Color(
        "part:N",
        scale=alt.Scale(domain=names, range=shades),
        legend=alt.Legend(columns=2, columnPadding=8, symbolOpacity=1, labelLimit=130),
    )
    y = alt.Y("value:Q", stack="zero", axis=unit_axis(unit))
    words = tooltip(("part", "title"), ("day", "From"), ("said", "Caused"))
    areas = (
        alt.Chart(values(rows))
        .mark_area(opacity=0.9, line=False)
        .encode(x=day_axis(format="%b %Y"), y=y, color=told, order="place:Q", tooltip=words)
    )
    line = (
        alt.Chart(values(actual))
        .mark_line(color=colour("ink"), strokeWidth=1.2)
        .encode(
            x=day_axis(format="%b %Y"),
            y=alt.Y("value:Q", axis=unit_axis(unit)),
            tooltip=tooltip(("day", "From"), ("said", "Outcome")),
        )
    )
    return spec_of(alt.layer(areas, line).properties(width=640, height=280))


def _steps(found: Decomposition) -> list[dict[str, Any]]:
    """Return one bar per part that begins where the last one ended, and the sum."""
    channels = sorted(found.of("channel"), key=lambda part: -part.total.value)
    parts: list[Part] = [found.without_media, *channels]
    names = labels([_WITHOUT, *(coded(part.name) for part in channels)])[:MOST_BARS]
    unit, end, bars = outcome_unit(found.kind), 0.0, []
    for name, part in zip(names, parts, strict=False):
        start, end = end, end + part.total.value
        figure_, interval = spoken(part.total, unit, found.currency)
        low, high = start + part.total.low, start + part.total.high
        tone = "quiet" if part is found.without_media else "s1"
        bars.append(_bar(name, (start, end), (low, high), (figure_, interval), tone))
    if len(parts) > MOST_BARS:
        start, end = end, float(found.fitted.sum())
        said = format_value(end - start, unit, currency=found.currency or None)
        bars.append(_bar(_OTHERS, (start, end), (None, None), (said, "–"), "s1"))
    whole = format_value(end, unit, currency=found.currency or None)
    return [*bars, _bar("In all", (0.0, end), (None, None), (whole, "–"), "s6")]


def _bar(
    label: str,
    ends: tuple[float, float],
    interval: tuple[float | None, float | None],
    words: tuple[str, str],
    tone: str,
) -> dict[str, Any]:
    return {
        "label": label,
        "start": ends[0],
        "end": ends[1],
        "low": interval[0],
        "high": interval[1],
        "said": words[0],
        "interval": words[1],
        "tone": tone,
    }


def _steps_spec(bars: list[dict[str, Any]], unit: str) -> dict[str, Any]:
    import altair as alt

    tones = sorted({bar["tone"] for bar in bars})
    base = alt.Chart(values(bars)).encode(
        y=alt.Y(
            "label:N",
            sort=[bar["label"] for bar in bars],
            title=None,
            axis=alt.Axis(grid=False, labelLimit=170),
        ),
        tooltip=tooltip(("label", "title"), ("said", "Caused"), ("interval", f"{LEVEL} interval")),
    )
    axis, scale = unit_axis(unit, grid=True), alt.Scale(zero=True, nice=True)
    shades = alt.Scale(domain=tones, range=[colour(tone) for tone in tones])
    bar = base.mark_bar(height=16, cornerRadius=2, opacity=0.9).encode(
        x=alt.X("start:Q", axis=axis, scale=scale),
        x2="end:Q",
        color=alt.Color("tone:N", scale=shades, legend=None),
    )
    line = (
        base.transform_filter("isValid(datum.low) && isValid(datum.high)")
        .mark_rule(color=colour("ink"), strokeWidth=1.6)
        .encode(x=alt.X("low:Q", axis=axis, scale=scale), x2="high:Q")
    )
    return spec_of(alt.layer(bar, line).properties(width=640, height=26 * len(bars)))


def _totals_in_words(found: Decomposition) -> str:
    return listed(
        f"{coded(part.name)} {spoken(part.share, '%', '')[0]}"
        for part in found.parts
        if abs(part.share.value) > 0
    )
