"""Geo tests: what happened beside what would have, the effect as it grew, and how far to believe it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from workbench.charts.drawing import MOST_ROWS, DataTable, Drawing, Nothing, coded, figures_of, opened
from workbench.charts.geo_tables import finite, said_of, unit_of
from workbench.charts.shapes import (
    day_axis,
    in_one_line,
    spec_of,
    tooltip,
    unit_axis,
    unit_in_words,
    values,
)
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.experiments.analysis.geo_views import GeoReport
from workbench.experiments.geo.analysis import GeoAnalysis
from workbench.result import format_value, signed

MOST_BEFORE = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    day: date
    part: str
    observed: float | None
    expected: float | None
    expected_low: float | None
    expected_high: float | None
    cumulative: float | None
    cumulative_low: float | None
    cumulative_high: float | None


def geo_course(result: GeoReport) -> Drawing | Nothing:
    """Return what the treated geos sold beside what their controls say, with the test period shaded."""
    found = result.analysis
    if found is None or result.missing:
        return Nothing(title="Observed and expected", reason=result.missing)
    days = _days(found)
    unit = unit_of(found)
    split = found.found.split
    drawn = days[max(0, split.pre - MOST_BEFORE) :]
    rows = [
        {
            "day": row.day.isoformat(),
            "observed": row.observed,
            "expected": row.expected,
            "low": row.expected_low,
            "high": row.expected_high,
            "said": said_of(found, row.observed),
            "expected_said": said_of(found, row.expected),
        }
        for row in drawn
    ]
    return Drawing(
        finding=_against(found),
        subtitle=in_one_line(
            f"{opened(found.test.metric)} of {len(split.treated)} treated geos by period",
            unit_in_words(unit, found.currency),
            f"band: {found.placebo.level:.0%} interval of what was expected",
        ),
        description=f"Two lines over time, observed and expected, shaded from {split.start} to the end. "
        f"Before the test they lie {format_value(found.found.relative_rmse, '%')} apart; in it "
        f"{said_of(found, found.incremental.value)} in all.",
        spec=_course(rows, unit, (days[split.pre].day.isoformat(), days[-1].day.isoformat())),
        table=replace(_days_table(found, drawn), figures=figures_of(days)),
        note=(
            f"Drawn are the last {MOST_BEFORE} of {split.pre} periods before the test; the controls are "
            "fitted to all of them, and the figures have all."
            if split.pre > MOST_BEFORE
            else ""
        ),
    )


def geo_cumulative(result: GeoReport) -> Drawing | Nothing:
    """Return the effect summed up from the first day of the test, with its interval."""
    found = result.analysis
    if found is None or result.missing:
        return Nothing(title="Effect so far", reason=result.missing)
    days = [row for row in _days(found) if row.cumulative is not None]
    unit, total = unit_of(found), found.incremental
    rows = [
        {
            "day": row.day.isoformat(),
            "value": row.cumulative,
            "low": row.cumulative_low,
            "high": row.cumulative_high,
            "said": said_of(found, row.cumulative),
            "interval": f"{said_of(found, row.cumulative_low)} to {said_of(found, row.cumulative_high)}",
        }
        for row in days
    ]
    return Drawing(
        finding=f"{said_of(found, total.value)} more {coded(found.test.metric)} in all "
        f"({said_of(found, total.low)} to {said_of(found, total.high)})",
        subtitle=in_one_line(
            f"Observed less expected {coded(found.test.metric)}, summed up",
            unit_in_words(unit, found.currency),
            f"band: {found.placebo.level:.0%} interval",
        ),
        description="A line with a band from the first day of the test, up to "
        f"{said_of(found, total.value)} at its end.",
        spec=_band(rows, unit),
        table=_days_table(found, days),
        note=f"{opened(found.lift.method)}; the last day carries the interval and p of the whole test.",
    )


def geo_placebos(result: GeoReport) -> Drawing | Nothing:
    """Return how large the effect is beside those found in geos where nothing happened."""
    found = result.analysis
    if found is None or result.missing:
        return Nothing(title="Beside placebo groups", reason=result.missing)
    own = abs(found.placebo.statistic)
    rows = [
        {"x": low, "x2": high, "zero": 0, "count": int(count), "said": f"{low:.2f} to {high:.2f}"}
        for low, high, count in found.placebo_counts().itertuples(index=False)
    ]
    return Drawing(
        finding=found.placebo.sentence.rstrip("."),
        subtitle="Groups of controls by the size of their effect, in misses before the test",
        description=f"Histogram of {len(found.placebo.placebos)} placebo effects, with a line at {own:.2f}: "
        "the effect of the treated geos in the same unit.",
        spec=_histogram(rows, own),
        table=tabulate(
            [_Bar(effect=row["said"], groups=row["count"]) for row in rows],
            [text("effect", "Effect, in misses before"), figure("groups", "Groups", "count", bars=True)],
            caption=found.placebo.sentence,
        ),
        note="" if found.second is None else found.second.sentence,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    effect: str
    groups: int


def _against(found: GeoAnalysis) -> str:
    metric, lift = opened(found.test.metric), found.lift
    if not lift.known:
        return f"{metric} was expected to be zero or less: there is no lift"
    side = "above" if lift.value >= 0 else "below"
    ends = f"{signed(lift.low)} to {signed(lift.high)}"
    return f"{metric} was {abs(lift.value):.1%} {side} what the controls say ({ends})"


def _days(found: GeoAnalysis) -> list[_Day]:
    names = _Day.__slots__
    return [
        _Day(
            day=row["day"],
            part=row["part"],
            **{name: finite(row[name]) for name in names if name not in ("day", "part")},
        )
        for row in found.course.to_frame().to_dict("records")
    ]


def _days_table(found: GeoAnalysis, days: list[_Day]) -> DataTable:
    unit = unit_of(found)
    return tabulate(
        days,
        [
            text("day", "Period"),
            text("part", "Part"),
            figure("observed", "Observed", unit),
            figure("expected", "Expected", unit),
            figure("expected_low", "from", unit),
            figure("expected_high", "to", unit),
            figure("cumulative", "Effect so far", unit),
            figure("cumulative_low", "from", unit),
            figure("cumulative_high", "to", unit),
        ],
        caption=f"{opened(found.test.metric)} of the treated geos",
        most=MOST_ROWS,
        currency=found.currency,
    )


def _course(rows: list[dict[str, Any]], unit: str, test: tuple[str, str]) -> dict[str, Any]:
    import altair as alt

    shade = (
        alt.Chart(values([{"from": test[0], "to": test[1]}]))
        .mark_rect(color=colour("heat0"), opacity=1)
        .encode(x=day_axis("from"), x2="to:T")
    )
    return spec_of(alt.layer(shade, *_lines(rows, unit)).properties(width=640, height=260))


def _lines(rows: list[dict[str, Any]], unit: str) -> list[Any]:
    import altair as alt

    base = alt.Chart(values(rows)).encode(x=day_axis())
    words = tooltip(("day", "title"), ("said", "Observed"), ("expected_said", "Expected"))
    scale = alt.Scale(zero=False, nice=True)
    band = (
        base.mark_area(color=colour("s6"), opacity=0.25)
        .transform_filter("isValid(datum.low) && isValid(datum.high)")
        .encode(y=alt.Y("low:Q", axis=unit_axis(unit), scale=scale), y2="high:Q")
    )
    series = alt.Scale(domain=["Observed", "Expected"], range=[colour("s1"), colour("s6")])
    lines = [
        base.transform_calculate(series=f"'{name.capitalize()}'")
        .mark_line(strokeWidth=2, strokeDash=dash)
        .encode(
            y=alt.Y(f"{name}:Q", axis=unit_axis(unit), scale=scale),
            color=alt.Color("series:N", scale=series, legend=alt.Legend(title=None, orient="top")),
            tooltip=words,
        )
        for name, dash in (("expected", [4, 3]), ("observed", [1, 0]))
    ]
    return [band, *lines]


def _band(rows: list[dict[str, Any]], unit: str) -> dict[str, Any]:
    import altair as alt

    base = alt.Chart(values(rows)).encode(x=day_axis())
    zero = alt.Chart(values([{"at": 0}])).mark_rule(color=colour("muted"), strokeDash=[3, 3])
    band = (
        base.mark_area(color=colour("s1"), opacity=0.2)
        .transform_filter("isValid(datum.low) && isValid(datum.high)")
        .encode(y=alt.Y("low:Q", axis=unit_axis(unit)), y2="high:Q")
    )
    line = base.mark_line(color=colour("s1"), strokeWidth=2, point=True).encode(
        y=alt.Y("value:Q", axis=unit_axis(unit)),
        tooltip=tooltip(("day", "title"), ("said", "So far"), ("interval", "Interval")),
    )
    return spec_of(alt.layer(zero.encode(y="at:Q"), band, line).properties(width=640, height=220))


def _histogram(rows: list[dict[str, Any]], own: float) -> dict[str, Any]:
    import altair as alt

    bars = (
        alt.Chart(values(rows))
        .mark_rect(color=colour("s6"), stroke=colour("surface"), strokeWidth=1)
        .encode(
            x=alt.X("x:Q", axis=unit_axis("", grid=False), scale=alt.Scale(nice=False)),
            x2="x2:Q",
            y=alt.Y("count:Q", axis=unit_axis("count")),
            y2="zero:Q",
            tooltip=tooltip(("said", "Effect"), ("count", "Groups")),
        )
    )
    line = alt.Chart(values([{"at": own, "said": f"{own:.2f}"}])).mark_rule(color=colour("s1"), strokeWidth=3)
    mark = line.encode(x=alt.X("at:Q"), tooltip=tooltip(("said", "The treated geos")))
    return spec_of(alt.layer(bars, mark).properties(width=640, height=200))
