"""Geo tests in figures: what was found, by every method, from which controls, and what must hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.charts.cards import Alerts
from workbench.charts.drawing import DataTable, Drawing, Nothing, coded, figures_of, opened
from workbench.charts.shapes import dots, labels
from workbench.charts.tables import figure, tabulate, text
from workbench.experiments.analysis.geo_views import GeoReport
from workbench.experiments.geo.analysis import GeoAnalysis
from workbench.experiments.geo.verdict import Check
from workbench.experiments.inference.comparison import shown_p
from workbench.result import format_value, signed

_MOST_CONTROLS = 10
_SHORT = {
    "placebo": "Placebo in space",
    "conformal": "Conformal, in time",
    "augmented": "Ridge augmented",
    "differences": "Difference in differences",
    "regression": "Time-based regression",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    name: str
    value: str
    interval: str
    p: float | None

    @property
    def p_said(self) -> str:
        """Return p, never as zero."""
        return "" if self.p is None else shown_p(self.p)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Estimate:
    name: str
    lift: float | None
    low: float | None
    high: float | None
    p: float | None
    incremental: float | None
    scaled_l2: float | None

    @property
    def p_said(self) -> str:
        """Return p, never as zero."""
        return "" if self.p is None else shown_p(self.p)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weight:
    geo: str
    weight: float


def geo_estimates(result: GeoReport) -> Drawing | Nothing:
    """Return the lift by every method, with the intervals that they offer."""
    found = result.analysis
    if found is None or result.missing:
        return Nothing(title="By every method", reason=result.missing)
    table = [_estimate(row) for row in found.estimates().to_dict("records")]
    known = [row for row in table if row.lift is not None]
    names = labels([_short(row.name) for row in known])
    rows = [
        {
            "label": name,
            "value": row.lift,
            "low": row.low,
            "high": row.high,
            "said": _signed(row.lift),
            "interval": "no interval" if row.low is None else f"{_signed(row.low)} to {_signed(row.high)}",
            "tone": "s1" if place == 0 else "s6",
        }
        for place, (name, row) in enumerate(zip(names, known, strict=True))
    ]
    lifts = [row.lift for row in known if row.lift is not None]
    spread = f"between {_signed(min(lifts))} and {_signed(max(lifts))}" if lifts else "nowhere"
    return Drawing(
        finding=f"By other methods the lift lies {spread}",
        subtitle=f"Lift by method, lines are {found.placebo.level:.0%} intervals; the first decides",
        description="One dot per method: " + "; ".join(f"{r['label']} {r['said']}" for r in rows) + ".",
        spec=dots(rows, unit="%", mark_at=0.0),
        table=_methods(found, table),
        note="Textbook intervals of regression take days as independent and are too narrow.",
    )


def geo_weights(result: GeoReport) -> DataTable | Nothing:
    """Return the controls that stand for the treated geos, and how much each counts."""
    found = result.analysis
    if found is None or result.missing:
        return Nothing(title="Controls", reason=result.missing)
    known = [_Weight(geo=geo, weight=weight) for geo, weight in found.weights().itertuples(index=False)]
    rows = [_Weight(geo=coded(one.geo), weight=one.weight) for one in known]
    made = tabulate(
        rows[:_MOST_CONTROLS],
        [text("geo", "Control"), figure("weight", "Weight", "%", bars=True)],
        caption=f"{len(rows)} of {len(found.found.split.controls)} controls stand for "
        f"{', '.join(map(coded, found.found.split.treated_names))}"
        + (f"; the {_MOST_CONTROLS} that count most" if len(rows) > _MOST_CONTROLS else ""),
    )
    return replace(made, figures=figures_of(known))


def geo_figures(result: GeoReport) -> DataTable | Nothing:
    """Return the figures that decide, with intervals and p."""
    found = result.analysis
    if found is None or result.missing:
        return Nothing(title="Figures", reason=result.missing)
    known = found.to_frame().to_dict("records")
    made = tabulate(
        [_figure(found, row) for row in known],
        [
            text("name", "Figure"),
            text("value", "Value"),
            text("interval", f"{found.placebo.level:.0%} interval"),
            text("p_said", "p"),
        ],
        caption=f"What the test brought, by {found.found.method} and {found.lift.method}",
    )
    figures = (
        {"name": row["figure"], **{name: finite(row[name]) for name in ("value", "low", "high", "p")}}
        for row in known
    )
    return replace(made, figures=tuple(figures))


def geo_checks(result: GeoReport) -> Alerts | Nothing:
    """Return what must hold before the figure is believed, and what to bear in mind."""
    found = result.analysis
    if found is None or result.missing:
        return Nothing(title="Checks", reason=result.missing)
    items = [
        (_level(check), opened(check.name), coded(check.says))
        for check in sorted(found.checks, key=lambda check: (check.passed, not check.blocks))
    ]
    said = {check.says for check in found.checks}
    items += [("warning", "Bear in mind", coded(note)) for note in found.notes if note not in said]
    return Alerts(items=tuple(items), calm="Nothing was checked.")


def _level(check: Check) -> str:
    if check.passed:
        return "info"
    return "critical" if check.blocks else "warning"


def unit_of(found: GeoAnalysis) -> str:
    """Return the unit of the metric."""
    return "money" if found.currency else "count"


def said_of(found: GeoAnalysis, value: float | None) -> str:
    """Return a figure of the metric as it is read."""
    return format_value(value, unit_of(found), currency=found.currency)


def finite(value: Any) -> float | None:
    """Return a figure, or None where it is unknown or has no end."""
    return float(value) if value is not None and math.isfinite(value) else None


def _methods(found: GeoAnalysis, rows: Sequence[_Estimate]) -> DataTable:
    return tabulate(
        rows,
        [
            text("name", "Method"),
            figure("lift", "Lift", "%"),
            figure("low", "from", "%"),
            figure("high", "to", "%"),
            text("p_said", "p"),
            figure("incremental", "In all", unit_of(found)),
            figure("scaled_l2", "Scaled L2", ""),
        ],
        caption="How far the figure depends on the method",
        currency=found.currency,
    )


def _short(method: str) -> str:
    """Return the name of a method as an axis has room for it."""
    for part, name in _SHORT.items():
        if part in method:
            return name
    return opened(method)


def _signed(value: float | None) -> str:
    return "–" if value is None else signed(value)


def _estimate(row: dict[Any, Any]) -> _Estimate:
    return _Estimate(
        name=row["method"],
        lift=finite(row["lift"]),
        low=finite(row["low"]),
        high=finite(row["high"]),
        p=finite(row["p"]),
        incremental=finite(row["incremental"]),
        scaled_l2=finite(row["scaled_l2"]),
    )


def _figure(found: GeoAnalysis, row: dict[Any, Any]) -> _Figure:
    unit = {"lift": "%", "iROAS": "x"}.get(row["figure"], unit_of(found))

    def said(value: float) -> str:
        if math.isinf(value):
            return "no end"
        return format_value(value, unit, currency=found.currency)

    return _Figure(
        name=row["figure"] if row["figure"] == "iROAS" else opened(row["figure"]),
        value=said(row["value"]),
        interval=f"{said(row['low'])} to {said(row['high'])}",
        p=finite(row["p"]),
    )
