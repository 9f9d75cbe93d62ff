"""Spend against plan, and the hours in which people engage."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Any

from workbench.charts.drawing import MOST_LISTED, MOST_ROWS, DataTable, Drawing, Nothing
from workbench.charts.shapes import day_axis, heat, in_one_line, labels, spec_of, tooltip, unit_axis, values
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.explore.heatmaps import BANDS, WEEKDAYS, Heatmap
from workbench.explore.pacing import Pacing
from workbench.result import format_value

MOST_PICTURES = 6
_MOST_POINTS = 150  # of a line in a small picture


def pacing(result: Pacing, campaign_id: str | None = None) -> Drawing | Nothing:
    """Return cumulative spend against plan, one small picture per campaign with a budget, or of one only."""
    if campaign_id is not None:
        only = tuple(row for row in result.rows if row.campaign_id == campaign_id)
        result = replace(result, rows=only, total=only[0] if only else None)
    planned = [row for row in result.rows if row.budget is not None][:MOST_PICTURES]
    if result.missing or not planned:
        unplanned = "No running campaign has a budget and dates, so there is no plan."
        return _no_pacing(result) or Nothing(title="Budget pacing", reason=unplanned)
    names = labels([row.name or row.campaign_id for row in planned])
    listed = "; ".join(
        f"{name}: {format_value(row.spent, 'money', currency=result.currency)} of "
        f"{format_value(row.budget, 'money', currency=result.currency)}, {row.verdict}"
        for name, row in zip(names, planned, strict=True)
    )
    day = f"{result.as_of.day} {result.as_of:%B %Y}" if result.as_of else ""
    return Drawing(
        finding=result.sentence,
        subtitle=in_one_line(f"Spend so far (strong) and plan (dashed) up to {day}", result.currency or ""),
        description=f"Line charts of spend against plan. {listed}.",
        spec=_pictures([row.campaign_id for row in planned], names, result),
        table=pacing_rows(result),
        note=_left_out(len(result.rows), len(planned)),
    )


def _left_out(campaigns: int, drawn: int) -> str:
    if campaigns <= drawn:
        return ""
    where = "table has" if campaigns <= MOST_LISTED else "figures have"
    return f"The largest budgets are drawn; the {where} all."


def pacing_table(result: Pacing) -> DataTable | Nothing:
    """Return spend against plan as a table, the total last."""
    return _no_pacing(result) or pacing_rows(result, "All running campaigns")


def _no_pacing(result: Pacing) -> Nothing | None:
    """Return why neither a picture nor a table can be made, in the words of both."""
    if result.missing or not result.rows:
        return Nothing(title="Budget pacing", reason=result.missing or "No campaign is running.")
    return None


def pacing_rows(result: Pacing, caption: str = "Spend against plan") -> DataTable:
    """Return the campaigns with the largest budgets, the others as one, and the total."""
    if len(result.rows) > MOST_LISTED:
        caption = (
            f"{caption}, the {MOST_LISTED} largest budgets of {len(result.rows):,}; the figures have all"
        )
    return tabulate(
        result.rows,
        [
            text("name", "Campaign"),
            figure("spent", "Spent", "money", adds=True),
            figure("planned", "Planned by now", "money", adds=True),
            figure("budget", "Budget", "money", adds=True),
            figure("pace", "Pace", "%", bars=True),
            figure("projected", "Will end near", "money", adds=True),
            text("end", "Ends"),
            text("verdict", "Verdict"),
        ],
        caption=caption,
        currency=result.currency,
        totals=[result.total] if result.total else [],
    )


def _pictures(campaigns: list[str], names: list[str], result: Pacing) -> dict[str, Any]:
    import altair as alt

    pictures = []
    for campaign, name in zip(campaigns, names, strict=True):
        points = [point for point in result.points if point.campaign_id == campaign]
        every = ceil(len(points) / _MOST_POINTS) or 1
        rows = [
            {
                "day": point.day.isoformat(),
                "date": f"{point.day.day} {point.day:%b %Y}",
                "spent": point.spent,
                "planned": point.planned,
                "spent_said": format_value(point.spent, "money", currency=result.currency),
                "planned_said": format_value(point.planned, "money", currency=result.currency),
            }
            for point in points[::-1][::every][::-1]  # the last day is one of them
        ]
        pictures.append(_against_plan(rows).properties(width=200, height=110, title=name))
    if len(pictures) == 1:
        return spec_of(pictures[0].properties(width=640, height=200))
    return spec_of(alt.concat(*pictures, columns=2 if len(pictures) in {2, 4} else 3))


def _against_plan(rows: list[dict[str, Any]]) -> Any:
    import altair as alt

    base = alt.Chart(values(rows)).encode(x=day_axis(labelSeparation=10))
    words = tooltip(("date", "title"), ("spent_said", "Spent"), ("planned_said", "Planned"))
    return alt.layer(
        base.mark_line(strokeDash=[4, 3], strokeWidth=1.4, color=colour("muted")).encode(
            y=alt.Y("planned:Q", axis=unit_axis("money"))
        ),
        base.mark_line(strokeWidth=2.4, color=colour("s1")).encode(
            y=alt.Y("spent:Q", axis=unit_axis("money"))
        ),
        base.mark_rule(opacity=0.001, strokeWidth=9).encode(tooltip=words),
    )


def heatmap(result: Heatmap) -> Drawing | Nothing:
    """Return engagement by weekday and hour: the stronger the colour, the more."""
    whole = [cell for cell in result.cells if cell.segment in {"", "all"}] or list(result.cells)
    if result.missing or not whole:
        return Nothing(title="Best times", reason=result.missing or "No engagement has a time of day.")
    rows = [
        {
            "day": WEEKDAYS[cell.weekday][:3],
            "hour": cell.hour,
            "when": f"{WEEKDAYS[cell.weekday]} {cell.hour:02d}:00",
            "said": format_value(cell.level, ""),
            "share": format_value(cell.share_of_peak, "%"),
            "shade": BANDS.index(cell.band) if cell.band in BANDS else 0,
        }
        for cell in whole
    ]
    return Drawing(
        finding=result.sentence,
        subtitle=f"Engagements per hour, {result.time_zone}; the stronger the colour, the more",
        description=f"Shaded cells, one row per weekday and one column per hour. {result.sentence}",
        spec=_hours(rows),
        table=tabulate(
            whole,
            [
                text("segment", "Segment"),
                figure("weekday", "Weekday (0 is Monday)", "count"),
                figure("hour", "Hour", "count"),
                figure("engagements", "Engagements", "count"),
                figure("level", "Per hour", ""),
                figure("share_of_peak", "Share of the peak", "%"),
            ],
            caption="Engagement by weekday and hour",
            most=MOST_ROWS,
        ),
        note="" if result.enough else f"Mostly chance: {result.reason}.",
    )


def _hours(rows: list[dict[str, Any]]) -> dict[str, Any]:
    import altair as alt

    chart = (
        alt.Chart(values(rows))
        .mark_rect(stroke=colour("surface"), strokeWidth=1.5)
        .encode(
            x=alt.X("hour:O", axis=alt.Axis(title=None, domain=False, labelAngle=0, labelOverlap=True)),
            y=alt.Y("day:O", sort=[day[:3] for day in WEEKDAYS], axis=alt.Axis(title=None)),
            color=alt.Color("shade:O", legend=None, scale=heat()),
            tooltip=tooltip(("when", "title"), ("said", "Per hour"), ("share", "Of the peak")),
        )
        .properties(width=640, height=196)
    )
    return spec_of(chart)
