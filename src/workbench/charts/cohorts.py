"""Cohorts: who comes back, and what a customer brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from workbench.charts.drawing import DataTable, Drawing, Nothing, figures_of, shown
from workbench.charts.shapes import heat, in_one_line, spec_of, tooltip, unit_axis, values
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import HEAT, colour
from workbench.explore.cohorts import CohortCell, Cohorts
from workbench.result import format_value

MOST_CELLS = 1200
_MOST_COHORTS = 24  # whose cells have room for their figures
_LISTED_CELLS, _LISTED = 200, 24  # rows on a page


def retention(result: Cohorts) -> Drawing | Nothing:
    """Return the share of each cohort that ordered, by age."""
    whole = [c for c in result.cells if c.retention is not None and c.age > 0]
    cells = _newest(whole)
    if result.missing or not cells:
        return Nothing(title="Retention", reason=result.missing or "No cohort is old enough.")
    top = max(cell.retention or 0.0 for cell in cells) or 1.0
    rows = [
        {
            "cohort": _name(cell),
            "age": cell.age,
            "days": f"days {30 * cell.age - 29}–{30 * cell.age}",
            "said": format_value(cell.retention, "%"),
            "interval": f"{format_value(cell.low, '%')} to {format_value(cell.high, '%')}",
            "users": format_value(cell.users, "count"),
            "shade": min(len(HEAT) - 1, int(len(HEAT) * (cell.retention or 0.0) / top)),
            "short": f"{100 * (cell.retention or 0.0):.0f}",
        }
        for cell in cells
    ]
    return Drawing(
        finding=result.sentence,
        subtitle=f"Share of each monthly cohort (by {result.basis}) with an order, by 30-day window, %",
        description=f"Shaded cells, one row per cohort and one column per 30 days. {result.sentence}",
        spec=_shaded(rows),
        table=replace(_retention_table(result, cells), figures=figures_of(whole)),
        note=f"Drawn are the {_MOST_COHORTS} newest cohorts; the figures have all."
        if len(cells) < len(whole)
        else "",
    )


def _newest(cells: Sequence[CohortCell]) -> list[CohortCell]:
    """Return the cells of the newest cohorts that a picture can hold."""
    names = set(list(dict.fromkeys(map(_name, cells)))[-_MOST_COHORTS:])
    return [cell for cell in cells if _name(cell) in names]


def _retention_table(result: Cohorts, cells: Sequence[CohortCell]) -> DataTable:
    return tabulate(
        cells,
        [
            text("cohort", "Cohort"),
            text("slice", (result.by or "slice").capitalize()),
            figure("age", "Window", "count"),
            figure("users", "Users", "count"),
            figure("active", "Ordered", "count"),
            figure("retention", "Retention", "%"),
            figure("low", "95% interval from", "%"),
            figure("high", "to", "%"),
            figure("revenue_per_user", "Revenue per user", "money"),
            figure("cumulative_per_user", "Up to this window", "money"),
        ],
        caption="Retention by cohort and 30-day window",
        currency=result.currency,
        most=_LISTED_CELLS,
    )


def _shaded(rows: list[dict[str, Any]]) -> dict[str, Any]:
    import altair as alt

    cohorts = list(dict.fromkeys(row["cohort"] for row in rows))
    base = alt.Chart(values(rows)).encode(
        x=alt.X("age:O", axis=alt.Axis(orient="top", title=None, domain=False, labelAngle=0)),
        y=alt.Y("cohort:O", sort=cohorts, axis=alt.Axis(title=None)),
        tooltip=tooltip(
            ("cohort", "title"),
            ("days", "Window"),
            ("said", "Retention"),
            ("interval", "95% interval"),
            ("users", "Users"),
        ),
    )
    tiles = base.mark_rect(cornerRadius=2, stroke=colour("surface"), strokeWidth=2).encode(
        color=alt.Color("shade:O", legend=None, scale=heat())
    )
    figures = base.mark_text(fontSize=11).encode(
        text="short:N",
        color=alt.condition("datum.shade > 2", alt.value(colour("surface")), alt.value(colour("ink"))),
    )
    return spec_of(alt.layer(tiles, figures).properties(width=640, height=26 * len(cohorts) + 4))


def cohort_value(result: Cohorts) -> Drawing | Nothing:
    """Return what a user of each cohort has brought up to each age; the oldest cohort stands out."""
    cells = list(result.cells)[:MOST_CELLS]
    if result.missing or not cells:
        return Nothing(title="Value", reason=result.missing or "No cohort is old enough.")
    oldest = min(_name(cell) for cell in cells if cell.cohort == min(c.cohort for c in cells))
    last = [cell for cell in cells if _name(cell) == oldest][-1]
    value = format_value(last.cumulative_per_user, "money", currency=result.currency)
    rows = [
        {
            "cohort": _name(cell),
            "age": cell.age,
            "value": cell.cumulative_per_user,
            "said": format_value(cell.cumulative_per_user, "money", currency=result.currency),
            "days": f"{30 * cell.age} days",
            "oldest": _name(cell) == oldest,
        }
        for cell in cells
    ]
    finding = f"Users of {oldest} have brought {value} each within {30 * last.age} days"
    return Drawing(
        finding=finding,
        subtitle=in_one_line(
            f"Revenue per user up to each 30-day window (strong: {oldest})", result.currency or ""
        ),
        description=f"Line chart, one line per monthly cohort. {finding}.",
        spec=_lines(rows),
        table=tabulate(
            cells,
            [
                text("cohort", "Cohort"),
                text("slice", (result.by or "slice").capitalize()),
                figure("age", "Window", "count"),
                figure("users", "Users", "count"),
                figure("revenue_per_user", "Revenue per user", "money"),
                figure("cumulative_per_user", "Up to this window", "money"),
            ],
            caption="Revenue per user by cohort and 30-day window",
            most=_LISTED_CELLS,
            currency=result.currency,
        ),
    )


def activation(result: Cohorts) -> DataTable | Nothing:
    """Return the share of each cohort whose first order came within 30, 60 and 90 days."""
    if result.missing or not result.activation:
        reason = result.missing or f"Cohorts by {result.basis} have no time before the first order."
        return Nothing(title="First orders", reason=reason)
    newest = sorted(
        result.activation, key=lambda cell: (-cell.cohort.toordinal(), cell.slice, cell.within_days)
    )
    return tabulate(
        newest,
        [
            text("cohort", "Cohort"),
            text("slice", (result.by or "slice").capitalize()),
            figure("within_days", "Within days", "count"),
            figure("users", "Users", "count"),
            figure("activation", "Ordered", "%", bars=True),
            figure("low", "95% interval from", "%"),
            figure("high", "to", "%"),
        ],
        caption="First orders of the newest cohorts",
        most=_LISTED,
    )


def _name(cell: CohortCell) -> str:
    return shown(f"{cell.cohort:%b %Y} {cell.slice}", 40)


def _lines(rows: list[dict[str, Any]]) -> dict[str, Any]:
    import altair as alt

    base = alt.Chart(values(rows)).encode(
        x=alt.X("age:Q", axis=alt.Axis(title=None, tickMinStep=1, format="d")),
        y=alt.Y("value:Q", axis=unit_axis("money")),
        detail="cohort:N",
        tooltip=tooltip(("cohort", "title"), ("days", "Within"), ("said", "Revenue per user")),
    )
    quiet = base.mark_line(strokeWidth=1.2, color=colour("quiet")).transform_filter("!datum.oldest")
    strong = base.mark_line(strokeWidth=2.6, color=colour("s1")).transform_filter("datum.oldest")
    return spec_of(
        alt.layer(quiet, strong, base.mark_point(size=60, opacity=0)).properties(width=640, height=230)
    )
