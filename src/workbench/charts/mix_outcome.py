"""Outcome and model over time: how close the one comes to the other, and where new outcomes would lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.charts.drawing import DataTable, Drawing, Nothing, coded, opened
from workbench.charts.mix_course import MOST_PERIODS
from workbench.charts.mix_words import LEVEL, cautious, missing_of, outcome_unit
from workbench.charts.shapes import day_axis, in_one_line, spec_of, tooltip, unit_axis, unit_in_words, values
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.mmm.fit_figures import FitFigures
from workbench.mmm.report import MixReport
from workbench.result import format_value


def mix_fit(result: MixReport) -> Drawing | Nothing:
    """Return the outcome beside what the model expects, with the interval of a new outcome."""
    found = result.figures
    if found is None or result.missing:
        return Nothing(title="Outcome and model", reason=missing_of(result))
    unit, course = outcome_unit(found.kind), found.course
    rows = _rows(found)
    return Drawing(
        finding=cautious(result, _headline(found)),
        subtitle=in_one_line(
            f"{opened(found.outcome)} (dots) and what the model expects (line)",
            unit_in_words(unit, found.currency),
            f"band: where {LEVEL} of new outcomes would lie",
        ),
        description=f"Dots and a line with a band over {len(course.dates)} periods. {coded(found.sentence)}",
        spec=_fit_spec(rows, unit),
        table=_course_table(found, rows),
        note=_coverage(found),
    )


def _headline(found: FitFigures) -> str:
    seen = format_value(found.r2, "%")
    if found.r2_unseen is None:
        return f"The model explains {seen} of the ups and downs; nothing is known of new periods"
    if found.r2_unseen < 0:
        new = "but foretells new periods no better than their mean"
        return f"The model explains {seen} of the ups and downs, {new}"
    return (
        f"The model explains {seen} of the ups and downs and foretells {format_value(found.r2_unseen, '%')}"
    )


def _rows(found: FitFigures) -> list[dict[str, Any]]:
    unit, course = outcome_unit(found.kind), found.course

    def said(value: float) -> str:
        return format_value(value, unit, currency=found.currency or None)

    kept = slice(max(0, len(course.dates) - MOST_PERIODS), None)
    return [
        {
            "day": str(day.astype("datetime64[D]")),
            "actual": float(actual),
            "fitted": float(fitted),
            "low": float(low),
            "high": float(high),
            "said": said(float(actual)),
            "fitted_said": said(float(fitted)),
            "interval": f"{said(float(low))} to {said(float(high))}",
        }
        for day, actual, fitted, low, high in zip(
            course.dates[kept],
            course.actual[kept],
            course.fitted[kept],
            course.low[kept],
            course.high[kept],
            strict=True,
        )
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Period:
    day: str
    actual: float
    fitted: float
    low: float
    high: float


def _fit_spec(rows: list[dict[str, Any]], unit: str) -> dict[str, Any]:
    import altair as alt

    words = tooltip(
        ("day", "From"),
        ("said", "Outcome"),
        ("fitted_said", "Expected"),
        ("interval", "New ones"),
    )
    base = alt.Chart(values(rows)).encode(x=day_axis(format="%b %Y"), tooltip=words)
    axis, scale = unit_axis(unit), alt.Scale(zero=False, nice=True)
    band = base.mark_area(color=colour("s1"), opacity=0.16).encode(
        y=alt.Y("low:Q", axis=axis, scale=scale), y2="high:Q"
    )
    line = base.mark_line(color=colour("s1"), strokeWidth=1.8).encode(
        y=alt.Y("fitted:Q", axis=axis, scale=scale)
    )
    dots = base.mark_point(filled=True, size=16, color=colour("ink"), opacity=0.75).encode(
        y=alt.Y("actual:Q", axis=axis, scale=scale)
    )
    return spec_of(alt.layer(band, line, dots).properties(width=640, height=250))


def _course_table(found: FitFigures, rows: Sequence[dict[str, Any]]) -> DataTable:
    unit = outcome_unit(found.kind)
    return tabulate(
        [_Period(**{name: row[name] for name in ("day", "actual", "fitted", "low", "high")}) for row in rows],
        [
            text("day", "From"),
            figure("actual", "Outcome", unit),
            figure("fitted", "Expected", unit),
            figure("low", "New ones from", unit),
            figure("high", "to", unit),
        ],
        caption="Outcome and model",
        currency=found.currency or None,
    )


def _coverage(found: FitFigures) -> str:
    said = ", ".join(f"{one.seen:.0%} inside {one.level:.0%} intervals" for one in found.coverage)
    return f"Of the outcomes {said}."
