"""Campaigns, channels and creatives side by side: what each brings, how sure that is, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.charts.cards import Alerts
from workbench.charts.drawing import DataTable, Drawing, Nothing, coded, more, opened
from workbench.charts.shapes import MOST_BARS, dots, labels, unit_in_words
from workbench.charts.tables import figure, heading, tabulate, text
from workbench.explore.campaign_row import CampaignRow
from workbench.explore.campaigns import CampaignComparison
from workbench.explore.channels import ChannelComparison, ChannelRow
from workbench.explore.creatives import LOW_ROAS, CreativeRow, Creatives
from workbench.explore.executive import Leaderboard
from workbench.explore.figures import clearly_apart
from workbench.explore.targets import TargetsView
from workbench.result import MISSING, format_value

_RATES = {
    "ctr": "Click-through rate",
    "conversion_rate": "Conversions per click",
    "roas": "Return on ad spend",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """What a picture of dots compares: the field, its unit, who has it, and where the point of no gain is."""

    field: str
    unit: str
    title: str
    name: str = "name"
    also: str = ""
    mark_at: float | None = None


def campaign_table(result: CampaignComparison, top: int = MOST_BARS) -> DataTable | Nothing:
    """Return the campaigns as a table, largest spend first, those beyond `top` as one."""
    if result.missing or not result.rows:
        return Nothing(title="Campaigns", reason=result.missing or "No campaign was active.")
    return tabulate(
        result.rows,
        [
            text("name", "Campaign"),
            text("channel", "Channel"),
            figure("spend", "Spend", "money", bars=True, adds=True),
            figure("revenue", "Credited revenue", "money", adds=True),
            figure("roas", "ROAS", "x"),
            figure("ctr", "CTR", "%"),
            figure("conversions", "Conversions", "count", adds=True),
            figure("cost_per_conversion", "Cost per conversion", "money"),
            figure("leads", "Leads", "count", adds=True),
            text("caution", "Caution"),
        ],
        caption=result.sentence,
        currency=result.currency,
        most=top,
    )


def leaderboard(result: Leaderboard) -> DataTable | Nothing:
    """Return the leading campaigns (or channels, creatives, segments) by one metric."""
    if result.missing or not result.places:
        return Nothing(title="Leaderboard", reason=result.missing or "Nothing can be ranked.")
    return tabulate(
        result.places,
        [
            figure("rank", "Place", "count"),
            text("name", result.by.capitalize()),
            figure("value", result.title, result.unit, bars=True),
            figure("low", "95% interval from", result.unit),
            figure("high", "to", result.unit),
            figure("spend", "Spend", "money"),
            text("caution", "Caution"),
        ],
        caption=result.sentence,
        currency=result.currency,
    )


def campaign_returns(result: CampaignComparison) -> Drawing | Nothing:
    """Return each campaign's return on ad spend with its interval, best first."""
    told = [row for row in result.rows if row.roas is not None]
    # What leads are worth lies in deals: a return of nothing on orders would single such a campaign out.
    known = sorted((r for r in told if r.roas or not r.lives_by_leads), key=lambda r: -(r.roas or 0.0))
    if result.missing or not known:
        reason = result.missing or "No campaign has both spend and revenue, so none has a return."
        return Nothing(title="Return on ad spend by campaign", reason=reason)
    best, worst = result.name_of(known[0].campaign_id), result.name_of(known[-1].campaign_id)
    said = [format_value(row.roas, "x") for row in (known[0], known[-1])]
    finding = f"{best} brings back {said[0]} its spend"
    if len(known) > 1:
        finding += f", {worst} {said[1]}{_doubt(known, 'roas')}"
    what = _Figure(field="roas", unit="x", title="Return on ad spend by campaign", mark_at=1.0)
    drawing = _dots(known, what, finding)
    left = len(told) - len(known)
    if not left or not isinstance(drawing, Drawing):
        return drawing
    without = f"Without {left} that brought leads and no orders: the return lies in deals."
    return replace(drawing, note=f"{drawing.note} {without}".strip())


def advice(result: CampaignComparison) -> Alerts | Nothing:
    """Return what to do about which campaign, most pressing first."""
    if result.missing:
        return Nothing(title="What to do", reason=result.missing)
    order = {"high": 0, "medium": 1, "low": 2}
    lines = sorted(result.advice, key=lambda line: order[line.priority])
    items = tuple((line.priority, line.name, f"{line.action}: {line.reason}") for line in lines)
    return Alerts(items=items, calm="No campaign calls for action.")


def channel_table(result: ChannelComparison) -> DataTable | Nothing:
    """Return the channels as a table, largest spend first."""
    if result.missing or not result.rows:
        return Nothing(title="Channels", reason=result.missing or "No channel was active.")
    return tabulate(
        result.rows,
        [
            text("channel", "Channel"),
            figure("spend", "Spend", "money", bars=True, adds=True),
            figure("revenue", "Credited revenue", "money", adds=True),
            figure("roi", "Return on investment", "x"),
            figure("ctr", "CTR", "%"),
            figure("engagement_rate", "Engagement", "%"),
            figure("leads", "Leads", "count", adds=True),
            figure("cost_per_lead", "Cost per lead", "money"),
            figure("incremental_return", "Incremental return", "x"),
            text("caution", "Caution"),
        ],
        caption=result.sentence,
        currency=result.currency,
    )


def channel_returns(result: ChannelComparison) -> Drawing | Nothing:
    """Return each channel's return on investment with its interval, best first."""
    known = sorted((r for r in result.rows if r.roi is not None), key=lambda r: -(r.roi or 0.0))
    title = "Return on investment by channel"
    if result.missing or not known:
        both = any(row.spend and row.revenue for row in result.rows)
        reason = (
            "What was spent and what was credited are not known of the same channels, so none has a return."
            if both
            else "No channel has both cost and revenue, so none has a return."
        )
        return Nothing(title=title, reason=result.missing or reason)
    finding = f"{opened(known[0].channel)} gains {format_value(known[0].roi, 'x')} per unit of spend"
    if len(known) > 1:
        finding += f", {coded(known[-1].channel)} {format_value(known[-1].roi, 'x')}{_doubt(known, 'roi')}"
    what = _Figure(field="roi", unit="x", title=title, name="channel", mark_at=0.0)
    return _dots(known, what, finding)


def _doubt(known: Sequence[CampaignRow] | Sequence[ChannelRow], field: str) -> str:
    """Return that the first and the last of a chart may differ by chance; empty where they surely do."""
    first, last = known[0], known[-1]
    ends = [tuple(getattr(row, f"{field}{end}") for end in ("", "_low", "_high")) for row in (first, last)]
    surely = clearly_apart(ends[0], ends[1], days=(first.days, last.days), compared=len(known))
    return "" if surely else ", not clearly apart"


def channel_engagement(result: ChannelComparison) -> Drawing | Nothing:
    """Return each channel's engagement rate with its interval, best first."""
    known = sorted(
        (r for r in result.rows if r.engagement_rate is not None), key=lambda r: -(r.engagement_rate or 0.0)
    )
    title = "Engagement rate by channel"
    if result.missing or not known:
        return Nothing(title=title, reason=result.missing or "No channel reports engagement.")
    rate, first = format_value(known[0].engagement_rate, "%"), known[0].channel
    sure = "" if result.sure else ", not clearly ahead of the next"
    finding = (
        f"{opened(first)} engages best: {rate}{sure}"
        if len(known) > 1
        else f"Only {coded(first)} tells its engagement: {rate}"
    )
    what = _Figure(field="engagement_rate", unit="%", title=title, name="channel")
    return _dots(known, what, finding)


def creative_rates(result: Creatives) -> Drawing | Nothing:
    """Return each creative's rate with its interval, in the order of being probably best."""
    title = "Creatives"
    known = [row for row in result.rows if getattr(row, result.rate, None) is not None]
    if result.missing or not known:
        return Nothing(title=title, reason=result.missing or "No creative has enough impressions.")
    rate = _RATES.get(result.rate, result.rate)
    what = _Figure(
        field=result.rate, unit="%", title=f"{rate} by creative", name="headline", also="creative_id"
    )
    return _dots(_without_common_start(known), what, result.sentence)


def _without_common_start(rows: Sequence[CreativeRow]) -> list[CreativeRow]:
    """Return rows whose headlines lack what all begin with: ``Summer sale: `` tells nothing on an axis."""
    starts = {row.headline.partition(": ")[0] for row in rows}
    if len(rows) < 2 or len(starts) > 1 or any(": " not in row.headline for row in rows):
        return list(rows)
    return [replace(row, headline=row.headline.partition(": ")[2]) for row in rows]


def creative_table(result: Creatives) -> DataTable | Nothing:
    """Return the creatives as a table, the probably best first."""
    if result.missing or not result.rows:
        return Nothing(title="Creatives", reason=result.missing or "No creatives are loaded.")
    return tabulate(
        result.rows,
        [
            text("headline", "Headline"),
            text("creative_id", "Creative"),
            figure("impressions", "Impressions", "count", adds=True),
            figure("clicks", "Clicks", "count", adds=True),
            figure("ctr", "CTR", "%"),
            figure("conversion_rate", "Conversions per click", "%"),
            figure("roas", "ROAS", "x"),
            figure("roas_low", "from", "x"),
            figure("roas_high", "to", "x"),
            figure("probability_best", "Probability of being best", "%", bars=True),
            text("caution", "Caution"),
        ],
        caption=(
            "Creatives by their probability of being best; a return on ad spend (with 95% interval) "
            f"below {format_value(LOW_ROAS, 'x')} is low"
        ),
        currency=result.currency,
        most=MOST_BARS,
    )


def targets(result: TargetsView) -> DataTable | Nothing:
    """Return what was aimed at and what was reached."""
    if result.missing or not result.rows:
        return Nothing(title="Targets", reason=result.missing or "No campaign has a target.")
    made = tabulate(
        result.rows,
        [
            text("name", "Campaign"),
            text("metric", "Target"),
            figure("actual", "Actual", "count"),
            figure("target", "Aimed at", "count"),
            figure("achievement", "Achieved", "%", bars=True),
            text("verdict", "Verdict"),
            text("caution", "Caution"),
        ],
        caption=result.sentence,
        currency=result.currency,
    )
    cells = [
        {
            "Actual": format_value(row.actual, row.unit, currency=result.currency),
            "Aimed at": format_value(row.target, row.unit, currency=result.currency),
            "Target": row.title,
            "Verdict": row.judged,
        }
        for row in result.rows
    ]
    heads = [column.label for column in made.columns]
    rows = tuple(
        tuple(said.get(head, cell) for head, cell in zip(heads, row, strict=True))
        for row, said in zip(made.rows, cells, strict=True)
    )
    return replace(made, rows=rows)


def _dots(rows: Sequence[Any], what: _Figure, finding: str) -> Drawing:
    drawn = rows[:MOST_BARS]
    points = _points(drawn, what)
    listed = "; ".join(f"{point['label']} {point['said']}" for point in points)
    left_out = f"{more(len(rows) - len(drawn), 'in the figures')}." if len(rows) > len(drawn) else ""
    twice = [_called(row, what.name, what.also) for row in drawn if row.caution]
    doubt = f"Caution, {', '.join(twice)}: some of it may count twice." if twice else ""
    bars = "bars are 95% intervals" if any(point["low"] is not None for point in points) else "no intervals"
    nameless = what.also and not all(getattr(row, what.name) for row in rows)
    columns = [
        text(what.name, what.name.capitalize()),
        *([text(what.also, heading(what.also.removesuffix("_id")))] if nameless else []),
        figure(what.field, what.title.split(" by ", maxsplit=1)[0], what.unit),
        figure(f"{what.field}_low", "95% interval from", what.unit),
        figure(f"{what.field}_high", "to", what.unit),
    ]
    return Drawing(
        finding=finding,
        subtitle=f"{what.title}, {unit_in_words(what.unit, None)}; {bars}",
        description=f"Dots with intervals, {what.title}: {listed}.",
        spec=dots(points, unit=what.unit, mark_at=what.mark_at),
        table=tabulate(rows, columns, caption=what.title),
        note=f"{doubt} {left_out}".strip(),
    )


def _points(rows: Sequence[Any], what: _Figure) -> list[dict[str, Any]]:
    names = labels([_called(row, what.name, what.also) for row in rows])
    return [
        {
            "label": label,
            "value": getattr(row, what.field),
            "low": getattr(row, f"{what.field}_low", None),
            "high": getattr(row, f"{what.field}_high", None),
            "said": format_value(getattr(row, what.field), what.unit),
            "interval": _interval(row, what.field, what.unit),
            "tone": "s2" if _is_below(row, what) else "s1",
        }
        for label, row in zip(names, rows, strict=True)
    ]


def _is_below(row: Any, what: _Figure) -> bool:
    """Return whether the whole interval lies below the mark: a point below it may be there by chance."""
    high = getattr(row, f"{what.field}_high", None)
    return what.mark_at is not None and high is not None and high < what.mark_at


def _called(row: Any, name: str, also: str) -> str:
    text = str(getattr(row, name) or (getattr(row, also) if also else ""))
    return coded(text) if name == "channel" else text


def _interval(row: Any, field: str, unit: str) -> str:
    low, high = getattr(row, f"{field}_low", None), getattr(row, f"{field}_high", None)
    if low is None or high is None:
        return MISSING
    return f"{format_value(low, unit)} to {format_value(high, unit)}"
