"""Segments in figures, and how people answer by how often they are reached."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from workbench.charts.drawing import DataTable, Drawing, Nothing, figures_of, opened
from workbench.charts.shapes import MOST_BARS, dots, labels, unit_in_words
from workbench.charts.tables import figure, tabulate, text
from workbench.experiments.inference.comparison import shown_p
from workbench.explore.frequency import FrequencyView
from workbench.explore.segment_comparison import SegmentComparison
from workbench.explore.segments import SegmentsView, named
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


def segment_rates(result: SegmentsView) -> Drawing | Nothing:
    """Return each segment's conversion rate with its interval, best first."""
    title = "Conversion rate by segment"
    known = result.converting
    if result.missing or not known:
        return Nothing(title=title, reason=result.missing or "No segment has anybody who clicked.")
    drawn = known[:MOST_BARS]
    points = [
        _point(name, row.conversion_rate, row.conversion_rate_low, row.conversion_rate_high, "%")
        for name, row in zip(labels([named(row.segment) for row in drawn]), drawn, strict=True)
    ]
    best, worst = (
        points[0],
        {"label": named(known[-1].segment), "said": format_value(known[-1].conversion_rate, "%")},
    )
    first = f"{best['label']} converts best ({best['said']}{result.doubt})"
    several = f"{first}, {worst['label']} worst ({worst['said']}{result.last_doubt})"
    sure = several if len(points) > 1 else f"{best['label']} converts {best['said']}"
    wide = f"Conversion rates go from {worst['said']} to {best['said']}, also because users change segment"
    return Drawing(
        finding=wide if result.caution else opened(sure),
        subtitle="Users who converted for 100 who clicked, %; bars are 95% intervals",
        description=f"Dots with intervals. {_listed(points)}.",
        spec=dots(points, unit="%"),
        table=tabulate(
            known,
            [
                text("segment", "Segment"),
                figure("conversion_rate", "Conversion rate", "%"),
                figure("conversion_rate_low", "95% interval from", "%"),
                figure("conversion_rate_high", "to", "%"),
            ],
            caption=title,
        ),
        note=f"{opened(result.caution) or 'Who is in a segment was not chosen by chance'}.",
    )


def segment_differences(result: SegmentComparison) -> Drawing | Nothing:
    """Return by how much segments differ in a metric, pair by pair, with intervals."""
    title = f"{result.title}: differences between segments"
    known = [pair for pair in result.pairs if pair.difference is not None]
    if result.missing or not known:
        return Nothing(title=title, reason=result.missing or "No difference can be told from the data.")
    unit = "pp" if result.unit == "%" else result.unit
    names = labels([f"{named(pair.first)} − {named(pair.second)}" for pair in known], 60)
    points = [
        _point(name, pair.difference, pair.low, pair.high, unit, result.currency)
        for name, pair in zip(names, known, strict=True)
    ]
    return Drawing(
        finding=result.sentence,
        subtitle=f"{title}, {unit_in_words(unit, result.currency)}; bars are 95% intervals".replace(
            ", ;", ";"
        ),
        description=f"Dots with intervals. {_listed(points)}.",
        spec=dots(points, unit=unit, mark_at=0.0),
        table=_pairs(result, unit, title),
        note="An interval is that of its pair alone; the finding counts only what stays when all pairs are "
        "judged at once (Holm).",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    first: str
    second: str
    first_value: float | None
    second_value: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: str


def _pairs(result: SegmentComparison, unit: str, caption: str) -> DataTable:
    rows = [
        _Pair(
            first=named(pair.first),
            second=named(pair.second),
            first_value=pair.first_value,
            second_value=pair.second_value,
            difference=pair.difference,
            low=pair.low,
            high=pair.high,
            p=MISSING if pair.p_corrected is None else shown_p(pair.p_corrected),
        )
        for pair in result.pairs
    ]
    made = tabulate(
        rows,
        [
            text("first", "Segment"),
            text("second", "Against"),
            figure("first_value", result.title, result.unit),
            figure("second_value", "Of the other", result.unit),
            figure("difference", "Difference", unit),
            figure("low", "95% interval from", unit),
            figure("high", "to", unit),
            text("p", "p, corrected"),
        ],
        caption=caption,
        currency=result.currency,
    )
    return replace(made, figures=figures_of(result.pairs))


def _point(
    label: str,
    value: float | None,
    low: float | None,
    high: float | None,
    unit: str,
    currency: str | None = None,
) -> dict[str, Any]:
    known = low is not None and high is not None
    said, begun, ended = (format_value(one, unit, currency=currency) for one in (value, low, high))
    return {
        "label": label,
        "value": value,
        "low": low,
        "high": high,
        "said": said,
        "interval": f"{begun} to {ended}" if known else MISSING,
        "tone": "s1",
    }


def _listed(points: list[dict[str, Any]]) -> str:
    return "; ".join(f"{point['label']}: {point['said']}" for point in points)


def frequency(result: FrequencyView) -> Drawing | Nothing:
    """Return the share of people who clicked, by how often they were reached."""
    known = [row for row in result.rows if row.clicked is not None]
    if result.missing or not known:
        return Nothing(title="Frequency", reason=result.missing or f"{result.sentence} No click is recorded.")
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
        note="Different people are compared: who answers is also sent more, who leaves is sent no more.",
    )
