"""Segments in figures, and how people answer by how often they are reached."""

from __future__ import annotations

from workbench.charts.drawing import DataTable, Drawing, Nothing
from workbench.charts.shapes import dots
from workbench.charts.tables import figure, tabulate, text
from workbench.explore.frequency import FrequencyView
from workbench.explore.segments import SegmentsView
from workbench.result import MISSING, format_value


def segment_table(result: SegmentsView) -> DataTable | Nothing:
    """Return the segments as a table, the largest first."""
    if result.missing or not result.rows:
        return Nothing(title="Segments", reason=result.missing or "No event carries a segment.")
    return tabulate(
        result.rows,
        [
            text("segment", "Segment"),
            figure("users", "Users", "count", bars=True),
            figure("share", "Share", "%"),
            figure("growth", "Growth", "%"),
            figure("spend_per_user", "Purchases per user", "money"),
            figure("ltv_12m", "Value in 12 months", "money"),
            figure("ctr", "CTR", "%"),
            figure("conversion_rate", "Conversion rate", "%"),
            figure("gross_margin", "Margin", "%"),
        ],
        caption=result.sentence,
        currency=result.currency,
    )


def frequency(result: FrequencyView) -> Drawing | Nothing:
    """Return the share of people who clicked, by how often they were reached."""
    known = [row for row in result.rows if row.clicked is not None]
    if result.missing or not known:
        return Nothing(title="Frequency", reason=result.missing or "No message was delivered.")
    points = [
        {
            "label": row.frequency.replace("x", " times")
            .replace("1 times", "once")
            .replace("times+", "times or more"),
            "value": row.clicked,
            "low": row.clicked_low,
            "high": row.clicked_high,
            "said": format_value(row.clicked, "%"),
            "interval": f"{format_value(row.clicked_low, '%')} to {format_value(row.clicked_high, '%')}"
            if row.clicked_low is not None
            else MISSING,
            "tone": "s1",
        }
        for row in known
    ]
    listed = "; ".join(f"reached {point['label']}: {point['said']}" for point in points)
    return Drawing(
        finding=result.sentence,
        subtitle="Share of people who clicked, by how often they were reached, %; bars are 95% intervals",
        description=f"Dots with intervals. {listed}.",
        spec=dots(points, unit="%"),
        table=tabulate(
            result.rows,
            [
                text("frequency", "Reached"),
                figure("users", "Users", "count", bars=True),
                figure("share", "Share", "%"),
                figure("clicked", "Clicked", "%"),
                figure("converted", "Converted", "%"),
                figure("unsubscribed", "Unsubscribed", "%"),
            ],
            caption="Answers by how often people were reached",
        ),
        note="Different people are compared: those who answer are also sent more.",
    )
