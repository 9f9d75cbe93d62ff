"""A/B/n tests: how much changed, how it settled, whether users were split as planned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.charts.cards import period
from workbench.charts.drawing import DataTable, Drawing, Nothing, coded
from workbench.charts.experiment_tables import COURSES, comparisons, finite
from workbench.charts.shapes import (
    MOST_BARS,
    day_axis,
    dots,
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
from workbench.experiments.analysis.analysis import Analysis
from workbench.experiments.analysis.daily import DailyEffects, DayPoint
from workbench.experiments.analysis.finding import Finding
from workbench.experiments.analysis.views import ABTest
from workbench.experiments.inference.comparison import shown_p
from workbench.result import format_value, signed

_TONES = {"better": "good", "worse": "bad"}
_MOST_PICTURES = 3


def experiment_effects(result: ABTest) -> Drawing | Nothing:
    """Return the relative change of every metric and variant, with intervals."""
    title = "What changed"
    found = result.analysis
    if result.missing or found is None:
        return Nothing(title=title, reason=result.missing or "Not enough data: nothing was compared.")
    known = [one for one in found.findings if one.comparison.relative.known][:MOST_BARS]
    if not known:
        return Nothing(title=title, reason="Not enough data: no metric has a relative change.")
    names = labels([_name(one, found.findings) for one in known], 44)
    rows = [_effect(one, name) for one, name in zip(known, names, strict=True)]
    level = f"{found.experiment.level:.0%}"
    return Drawing(
        finding=coded(_headline(found.primary)),
        subtitle=f"Change against {coded(found.experiment.control)} by metric, %, with {level} intervals",
        description="One dot with interval per metric and variant: "
        + "; ".join(f"{row['label']} {row['said']} ({row['interval']})" for row in rows)
        + ".",
        spec=dots(rows, unit="%", mark_at=0.0, tooltips=("Change", f"{level} interval")),
        table=comparisons(found.findings),
        note="Intervals are of single comparisons; p in the table is adjusted for the others of its role.",
    )


def experiment_daily(result: ABTest) -> Drawing | Nothing:
    """Return the difference of the primary metric as it was known after each day, with bounds."""
    title, found = "How it settled", result.daily
    if result.missing or found is None or not found.points:
        return Nothing(title=title, reason=result.missing or "Not enough data: no day can be compared.")
    drawn = found.variants[:_MOST_PICTURES]
    days = [point.day for point in found.points]
    level = f"{found.level:.0%}"
    return Drawing(
        finding=coded(found.sentence),
        subtitle=in_one_line(
            f"Difference of {found.label.heading} so far",
            unit_in_words(_unit(found), found.label.currency),
            period(min(days), max(days)),
        ),
        description=f"A line with two bands per variant: {_last(found, drawn)}.",
        spec=_daily_spec(found, drawn),
        table=_days(found),
        note=f"Inner band: {level} interval of a single look. Outer band: bounds that hold on all days at "
        "once, so that looking daily does no harm.",
    )


def experiment_traffic(result: ABTest) -> Drawing | Nothing:
    """Return how many users each variant got, beside the planned split."""
    found = result.analysis
    if result.missing or found is None:
        return Nothing(
            title="Users by variant", reason=result.missing or "Not enough data: nobody was assigned."
        )
    ratio, total = found.ratio, found.users
    parts = list(zip(ratio.variants, ratio.seen, ratio.expected, strict=True))[:MOST_BARS]
    rows = _split(found, parts)
    return Drawing(
        finding=coded(ratio.sentence),
        subtitle="Share of users of each variant, less its planned share, percentage points",
        description="One dot per variant: "
        + "; ".join(f"{row['label']} {row['said']}, {row['interval']}" for row in rows)
        + ".",
        spec=dots(rows, unit="pp", mark_at=0.0, tooltips=("Users", "Planned")),
        table=_traffic(parts, total),
        note=f"{ratio.method}, p {shown_p(ratio.p)}. {found.contamination.sentence}",
    )


def _traffic(parts: Sequence[tuple[str, int, float]], total: int) -> DataTable:
    made = tabulate(
        [
            _Traffic(variant=coded(name), users=seen, expected=expected, share=seen / total)
            for name, seen, expected in parts
        ],
        [
            text("variant", "Variant"),
            figure("users", "Users", "count"),
            figure("expected", "Expected", "count"),
            figure("share", "Share", "%"),
        ],
        caption="Users by variant",
    )
    return _named_whole(made, [name for name, _, _ in parts])


def _split(found: Analysis, parts: Sequence[tuple[str, int, float]]) -> list[dict[str, Any]]:
    """Return a dot per variant: its share of users, less the planned one."""
    total, tone = found.users, {"ok": "s1", "warns": "warn", "blocks": "bad"}[found.ratio.verdict]
    return [
        {
            "label": label,
            "value": seen / total - expected / total,
            "low": None,
            "high": None,
            "said": f"{seen:,} users, {format_value(seen / total, '%')}",
            "interval": f"{format_value(expected / total, '%')} planned",
            "tone": tone,
        }
        for label, (_, seen, expected) in zip(labels([coded(p[0]) for p in parts]), parts, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traffic:
    variant: str
    users: int
    expected: float
    share: float


def _name(one: Finding, all_of_them: Sequence[Finding]) -> str:
    several = len({other.variant for other in all_of_them}) > 1
    return (
        f"{one.comparison.label.heading}, {coded(one.variant)}" if several else one.comparison.label.heading
    )


def _effect(one: Finding, name: str) -> dict[str, Any]:
    lift = one.comparison.relative
    bounded = math.isfinite(lift.low) and math.isfinite(lift.high)
    ends = [_end(end) for end in (lift.low, lift.high)]
    return {
        "label": name,
        "value": lift.value,
        "low": lift.low if bounded else None,
        "high": lift.high if bounded else None,
        "said": f"{signed(100 * lift.value, '.1f')}%",
        "interval": " to ".join(ends),
        "tone": _TONES.get(one.course, "s6"),
    }


def _end(value: float) -> str:
    return f"{signed(100 * value, '.1f')}%" if math.isfinite(value) else "no bound"


def _headline(primary: Sequence[Finding]) -> str:
    told = "; ".join(f"{one.variant} {COURSES[one.course]}" for one in primary)
    return f"{primary[0].comparison.label.heading}: {told}"


def _unit(found: DailyEffects) -> str:
    return "pp" if found.label.unit == "%" else found.label.unit


def _last(found: DailyEffects, variants: Sequence[str]) -> str:
    ends = [(name, found.of(name)[-1]) for name in variants]
    return "; ".join(
        f"{coded(name)} ends at {found.label.difference(point.value)}, bounds "
        f"{found.label.difference(point.bound_low)} to {found.label.difference(point.bound_high)}"
        for name, point in ends
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    day: Any
    variant: str
    users: int
    value: float | None
    low: float | None
    high: float | None
    bound_low: float | None
    bound_high: float | None


def _days(found: DailyEffects) -> DataTable:
    unit = _unit(found)
    made = tabulate(
        [
            _Day(
                day=point.day,
                variant=coded(point.variant),
                users=point.users,
                **{name: finite(getattr(point, name)) for name in _FIGURES},
            )
            for point in found.points
        ],
        [
            text("day", "Day"),
            text("variant", "Variant"),
            figure("users", "Users", "count"),
            figure("value", "Difference", unit),
            figure("low", "Interval from", unit),
            figure("high", "to", unit),
            figure("bound_low", "Bound from", unit),
            figure("bound_high", "to", unit),
        ],
        caption=coded(found.sentence),
        currency=found.label.currency,
    )
    return _named_whole(made, [point.variant for point in found.points])


def _named_whole(made: DataTable, variants: Sequence[str]) -> DataTable:
    """Return a table whose figures name variants as they were defined, not as they are read."""
    named = zip(made.figures, variants, strict=True)
    return replace(made, figures=tuple({**row, "variant": variant} for row, variant in named))


_FIGURES = ("value", "low", "high", "bound_low", "bound_high")


def _daily_spec(found: DailyEffects, variants: Sequence[str]) -> dict[str, Any]:
    import altair as alt

    reach = [
        end
        for point in found.points
        for end in (point.low, point.high, point.bound_low, point.bound_high)
        if math.isfinite(end)
    ]
    scale = alt.Scale(domain=[min(0.0, *reach), max(0.0, *reach)], nice=True) if reach else alt.Scale()
    width = 640 if len(variants) == 1 else 200
    names = labels([coded(name) for name in variants])
    pictures = [
        _settling(found, found.of(variant), scale).properties(
            width=width,
            height=230 if len(variants) == 1 else 150,
            **({"title": name} if len(variants) > 1 else {}),
        )
        for variant, name in zip(variants, names, strict=True)
    ]
    return spec_of(pictures[0] if len(pictures) == 1 else alt.concat(*pictures, columns=3))


def _settling(found: DailyEffects, points: Sequence[DayPoint], scale: Any) -> Any:
    import altair as alt

    unit, label = _unit(found), found.label
    rows = [
        {
            "day": point.day.isoformat(),
            "date": f"{point.day.day} {point.day:%b %Y}",
            **{name: finite(getattr(point, name)) for name in _FIGURES},
            "said": label.difference(point.value),
            "interval": f"{label.difference(point.low)} to {label.difference(point.high)}",
            "bounds": f"{label.difference(point.bound_low)} to {label.difference(point.bound_high)}",
        }
        for point in points
    ]
    words = tooltip(("date", "title"), ("said", "Difference"), ("interval", "Interval"), ("bounds", "Bounds"))
    base = alt.Chart(values(rows)).encode(x=day_axis(), tooltip=words)
    axis = unit_axis(unit)

    def band(low: str, high: str, opacity: float) -> Any:
        kept = base.transform_filter(f"isValid(datum.{low}) && isValid(datum.{high})")
        y = alt.Y(f"{low}:Q", axis=axis, scale=scale)
        return kept.mark_area(color=colour("s1"), opacity=opacity).encode(y=y, y2=f"{high}:Q")

    none = alt.Chart(values([{"at": 0.0}])).mark_rule(color=colour("muted"), strokeDash=[3, 3])
    y = alt.Y("value:Q", axis=axis, scale=scale)
    return alt.layer(
        band("bound_low", "bound_high", 0.12),
        band("low", "high", 0.22),
        none.encode(y=alt.Y("at:Q", axis=axis, scale=scale)),
        base.mark_line(strokeWidth=2.4, color=colour("s1"), point={"size": 22, "color": colour("s1")}).encode(
            y=y
        ),
    )
