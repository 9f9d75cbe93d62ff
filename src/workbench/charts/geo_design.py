"""The next geo test: where to run it, and what it would find."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from workbench.charts.drawing import MOST_ROWS, DataTable, Drawing, Nothing, coded
from workbench.charts.shapes import in_one_line, spec_of, tooltip, unit_axis, values
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import SERIES, colour
from workbench.experiments.analysis.geo_views import NextTest
from workbench.experiments.geo.power import PowerCurve
from workbench.result import format_value

_LISTED = 10
_COLUMNS = figure("periods", "Periods", "count"), figure("lift", "Lift", "%"), figure("power", "Power", "%")
_LATER = (
    " All are counted here; what the choice above promises rests on the later half alone, which it did not "
    "see, so the two figures differ."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Set:
    rank: int
    treated: str
    periods: int
    lift: float | None
    chosen_by: float | None
    later_rank: int
    share: float
    budget: float | None
    scaled_l2: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    periods: int
    lift: float
    power: float


def geo_markets(result: NextTest) -> DataTable | Nothing:
    """Return the groups of geos in which the next test would find the smallest lift."""
    found = result.markets
    if found is None or result.missing:
        return Nothing(title="Where to run the next test", reason=result.missing)
    rows = [
        _Set(
            rank=own.rank,
            treated=", ".join(map(coded, own.treated)),
            periods=own.periods,
            lift=_finite(own.lift),
            chosen_by=_finite(own.chosen_by),
            later_rank=own.later_rank,
            share=own.share,
            budget=_finite(own.budget),
            scaled_l2=_finite(own.scaled_l2),
        )
        for own in found.sets[:_LISTED]
    ]
    return tabulate(
        rows,
        [
            figure("rank", "Rank", "count"),
            text("treated", "Treated geos"),
            figure("periods", "Periods", "count"),
            figure("lift", "Smallest lift found", "%"),
            figure("chosen_by", "Same, when chosen", "%"),
            figure("later_rank", "Rank later", "count"),
            figure("share", "Share of all", "%"),
            figure("budget", "Budget", "money"),
            figure("scaled_l2", "Scaled L2", ""),
        ],
        caption=f"The {len(rows)} best of {found.considered} choices, and the lift that each finds in "
        f"{found.power:.0%} of tests",
        currency=found.currency,
    )


def geo_power(result: NextTest | PowerCurve) -> Drawing | Nothing:
    """Return how often a lift would be found, for each length of the test."""
    missing = result.missing if isinstance(result, NextTest) else ""
    found = result.power if isinstance(result, NextTest) else result
    if found is None or missing:
        return Nothing(title="Power", reason=missing or "Nothing was rehearsed.")
    lengths = found.periods[: len(SERIES)]
    points = [
        _Point(periods=length, lift=lift, power=float(power))
        for place, length in enumerate(lengths)
        for lift, power in zip(found.lifts, found.powers[:, place], strict=True)
    ]
    rows = [
        {
            "x": point.lift,
            "y": point.power,
            "series": f"{point.periods} periods",
            "lift": format_value(point.lift, "%"),
            "power": format_value(point.power, "%"),
        }
        for point in points
    ]
    where = ", ".join(map(coded, found.treated))
    return Drawing(
        finding=coded(found.sentence).rstrip("."),
        subtitle=in_one_line(
            f"Share of {2 * found.windows} rehearsals in which a lift was found, by its size", where
        ),
        description=f"Rising curves, one per length: {coded(found.sentence)}",
        spec=_curves(rows, [f"{length} periods" for length in lengths], found.power),
        table=tabulate(
            points,
            _COLUMNS,
            caption=f"Power in {where}",
            most=MOST_ROWS,
        ),
        note="Rehearsals are windows of the past, each as it went and turned round; they overlap."
        + (_LATER if isinstance(result, NextTest) else ""),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _curves(rows: list[dict[str, Any]], series: list[str], power: float) -> dict[str, Any]:
    import altair as alt

    scale = alt.Scale(domain=series, range=[colour(token) for token in SERIES[: len(series)]])
    lines = (
        alt.Chart(values(rows))
        .mark_line(strokeWidth=2, interpolate="monotone")
        .encode(
            x=alt.X("x:Q", axis=unit_axis("%", grid=True)),
            y=alt.Y("y:Q", axis=unit_axis("%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("series:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
            tooltip=tooltip(("series", "title"), ("lift", "Lift"), ("power", "Power")),
        )
    )
    aim = alt.Chart(values([{"at": power}])).mark_rule(color=colour("muted"), strokeDash=[3, 3])
    return spec_of(alt.layer(aim.encode(y="at:Q"), lines).properties(width=640, height=240))
