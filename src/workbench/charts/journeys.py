"""Funnels and leads: how far people come."""

from __future__ import annotations

from typing import Any

from workbench.charts.drawing import DataTable, Drawing, Nothing, coded, opened
from workbench.charts.shapes import labels, spec_of, tooltip, values
from workbench.charts.tables import figure, tabulate, text
from workbench.charts.theme import colour
from workbench.explore.funnels import Funnel, FunnelComparison
from workbench.explore.leads import LeadReport
from workbench.explore.view import ratio
from workbench.result import format_value


def funnel(result: Funnel) -> Drawing | Nothing:
    """Return a funnel: one bar per stage, the bottleneck in its own colour."""
    if result.missing or not result.stages:
        return Nothing(title="Funnel", reason=result.missing or "No stage has a count.")
    worst = result.bottleneck
    # Where the interval reaches what is usual, or days are too few to tell, a step may be weak by chance.
    most = ratio(worst.rate if worst.high is None else worst.high, worst.benchmark) if worst else None
    weak = worst if worst and worst.times is not None and most is not None and most < 1 else None
    rows = [
        {
            "label": label,
            "value": stage.count,
            "said": format_value(stage.count, "count")
            + (f" · {format_value(stage.rate, '%')} of the stage before" if stage.rate is not None else ""),
            "detail": format_value(stage.overall, "%"),
            "tone": "s2" if stage is weak else "s1",
        }
        for label, stage in zip(labels([s.word for s in result.stages]), result.stages, strict=True)
    ]
    listed = "; ".join(f"{row['label']} {row['said']}" for row in rows)
    counted = "users who came through the stages in order" if "order" in result.counted else result.counted
    return Drawing(
        finding=result.sentence,
        subtitle=f"Funnel by {counted}" + ("; the weakest step stands out" if weak else ""),
        description=f"Bars, one per stage of the funnel: {listed}.",
        spec=funnel_bars(rows),
        table=tabulate(
            result.stages,
            [
                text("label", "Stage"),
                figure("count", "Count", "count"),
                figure("rate", "Of the stage before", "%"),
                figure("benchmark", "Usual", "%"),
                figure("dropped", "Lost", "count"),
                figure("overall", "Of the first", "%"),
            ],
            caption="Funnel" if result.label == "all" else f"Funnel: {coded(result.label)}",
        ),
        note=result.note,
    )


def funnel_bars(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one bar per stage, with its count and step rate written below its name."""
    import altair as alt

    order = [row["label"] for row in rows]
    most = max((row["value"] for row in rows), default=0)
    # A bar of one in ten thousand would not be seen at all.
    rows = [row | {"drawn": max(row["value"], 0.004 * most) if row["value"] else 0} for row in rows]
    tones = sorted({row["tone"] for row in rows})
    base = alt.Chart(values(rows)).encode(
        y=alt.Y("label:N", sort=order, axis=None, scale=alt.Scale(paddingInner=0.5)),
        x=alt.X("drawn:Q", axis=None, scale=alt.Scale(zero=True, nice=False)),
        tooltip=tooltip(("label", "title"), ("said", "Count"), ("detail", "Of the first stage")),
    )
    drawn = base.mark_bar(height=14, cornerRadiusEnd=2, yOffset=9, minBandSize=2).encode(
        color=alt.Color(
            "tone:N", scale=alt.Scale(domain=tones, range=[colour(t) for t in tones]), legend=None
        )
    )
    name = base.mark_text(
        align="left", baseline="middle", dy=-10, fontWeight=600, fontSize=13, color=colour("ink")
    )
    said = base.mark_text(align="right", baseline="middle", dy=-10, fontSize=12.5, color=colour("muted"))
    return spec_of(
        alt.layer(
            drawn,
            name.encode(text="label:N", x=alt.value(0)),
            said.encode(text="said:N", x=alt.value("width")),
        ).properties(width=640, height=48 * len(rows))
    )


def funnel_steps(result: FunnelComparison) -> DataTable | Nothing:
    """Return two funnels step by step."""
    if result.missing or not result.steps:
        return Nothing(title="Two funnels", reason=result.missing or "The funnels have no common step.")
    return tabulate(
        result.steps,
        [
            text("step", "Step"),
            figure("rate_a", coded(result.first.label), "%"),
            figure("rate_b", coded(result.second.label), "%"),
            figure("difference", "Difference", "pp"),
            figure("low", "95% interval from", "pp"),
            figure("high", "to", "pp"),
            figure("p_corrected", "p (corrected)", ""),
        ],
        caption=opened(result.sentence),
    )


def lead_stages(result: LeadReport) -> Drawing | Nothing:
    """Return how many leads came at least to each stage."""
    if result.missing or not result.stages:
        return Nothing(title="Leads", reason=result.missing or "No leads are loaded.")
    rows = [
        {
            "label": label,
            "value": stage.leads,
            "said": format_value(stage.leads, "count")
            + (f" · {format_value(stage.rate, '%')} of the stage before" if stage.rate is not None else ""),
            "detail": format_value(stage.leads / (result.stages[0].leads or 1), "%"),
            "tone": "s1",
        }
        for label, stage in zip(labels([s.stage for s in result.stages]), result.stages, strict=True)
    ]
    return Drawing(
        finding=result.sentence,
        subtitle="Leads that came at least to each stage",
        description="Bars, one per stage: " + "; ".join(f"{r['label']} {r['said']}" for r in rows) + ".",
        spec=funnel_bars(rows),
        table=tabulate(
            result.stages,
            [
                text("stage", "Stage"),
                figure("leads", "Leads", "count"),
                figure("rate", "Of the stage before", "%"),
                figure("low", "95% interval from", "%"),
                figure("high", "to", "%"),
            ],
            caption="Leads by stage",
        ),
    )


def lead_table(result: LeadReport) -> DataTable | Nothing:
    """Return lead quality by channel, all channels last."""
    if result.missing or not result.rows:
        return Nothing(title="Leads by channel", reason=result.missing or "No leads are loaded.")
    return tabulate(
        result.rows,
        [
            text("channel", "Channel"),
            figure("leads", "Leads", "count", adds=True),
            figure("new_per_day", "New per day", ""),
            figure("win_rate", "Win rate", "%"),
            figure("won_value", "Won", "money", adds=True),
            figure("expected_value", "Expected value", "money", adds=True),
            figure("days_to_close", "Days to close", ""),
            figure("cost_per_lead", "Cost per lead", "money"),
            figure("roi", "Return", "x"),
        ],
        caption="Lead quality by channel",
        currency=result.currency,
        totals=[result.total] if result.total and len(result.rows) > 1 else [],
    )


def lead_grades(result: LeadReport) -> DataTable | Nothing:
    """Return the grades of each channel's leads, and how often a grade is won."""
    if result.missing or not result.grades:
        return Nothing(title="Grades", reason=result.missing or "No lead has a grade.")
    return tabulate(
        result.grades,
        [
            text("channel", "Channel"),
            text("grade", "Grade"),
            figure("leads", "Leads", "count"),
            figure("share", "Share of the channel", "%", bars=True),
            figure("win_rate", "Win rate", "%"),
            figure("win_rate_low", "95% interval from", "%"),
            figure("win_rate_high", "to", "%"),
        ],
        caption="Grades by channel",
    )
