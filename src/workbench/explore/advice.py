"""What to do about campaigns that run.

Words: advice is *sure* where it would come to any campaign in at most 5 % of all comparisons by chance: of
twenty campaigns that just return their cost, one has an interval that lies on one side of it. A return of few
orders is never surely low: the next large order may be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.explore.campaign_row import CampaignRow
from workbench.explore.figures import ENOUGH_ORDERS, highest_return, widening
from workbench.explore.view import span
from workbench.metrics.intervals import CLUSTERS
from workbench.result import format_value

SCALE_ROAS = 3.5
OVER = ("draft", "paused", "completed", "archived")

Priority = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One line of advice about one campaign."""

    priority: Priority
    campaign_id: str
    name: str
    action: str
    reason: str


def advice_of(rows: Sequence[CampaignRow]) -> tuple[Advice, ...]:
    """Return what to do about which campaign, the most pressing first."""
    judged = sum(row.roas_low is not None and row.status not in OVER for row in rows)
    advice = [line for row in rows if (line := _advice(row, judged)) is not None]
    return tuple(sorted(advice, key=lambda line: ("high", "medium", "low").index(line.priority)))


def _advice(row: CampaignRow, judged: int) -> Advice | None:
    """Return what to do about a campaign, judged by the ends of intervals rather than by point figures."""

    def line(priority: Priority, action: str, reason: str) -> Advice:
        told = f"{reason}; some of it {row.caution}" if row.caution else reason
        return Advice(
            priority=priority, campaign_id=row.campaign_id, name=row.name, action=action, reason=told
        )

    if not row.spend or row.roas is None or row.status in OVER:
        return None
    if row.lives_by_leads:
        whole = ((row.revenue or 0.0) + (row.lead_value or 0.0)) / row.spend
        reason = f"orders and deals together return {format_value(whole, 'x')} per unit of spend so far"
        return line("medium", "watch", reason) if whole < 1 else None
    deals = (row.lead_value or 0.0) / row.spend
    shown = f"{format_value(row.roas, 'x')} per unit of spend{span(row.roas_low, row.roas_high, 'x')}"
    if not row.roas:
        nothing = "no conversion" if not row.conversions else "no revenue reported for its conversions"
        return line("medium", "watch", f"{nothing} in {row.days} days")
    if row.roas_low is None or row.roas_high is None:
        few = "are too few" if row.days < CLUSTERS else "are all alike, which is not enough"
        return line("low", "wait", f"{row.days} days {few} to judge a return of {shown}")
    wider = widening(row.days, judged)
    low, high = row.roas - wider * (row.roas - row.roas_low), highest_return(row.roas, row.roas_high, wider)
    if high + deals < 1 and (row.conversions or 0) >= ENOUGH_ORDERS:
        return line("high", "pause or rework", f"it surely costs more than it returns: {shown}")
    if low > SCALE_ROAS:
        known = row.incrementality_low is not None and row.incrementality_low > 0
        action = "raise the budget step by step" if known else "measure what it adds, then raise the budget"
        return line("medium", action, f"it is credited with more than was aimed at: {shown}")
    if row.roas + deals < 1:
        return line("medium", "watch", f"it seems to lose money, {_doubt(row, judged)}: {shown}")
    if row.incrementality is None:
        return line("low", "hold out a random share of users", "what it adds beyond itself is not measured")
    return None


def _doubt(row: CampaignRow, judged: int) -> str:
    if (row.roas_high or 0.0) >= 1:
        return "but that is not sure"
    few = (row.conversions or 0) < ENOUGH_ORDERS
    return (
        f"but fewer than {ENOUGH_ORDERS} conversions are no proof"
        if few
        else f"but one of {judged} may by chance"
    )
