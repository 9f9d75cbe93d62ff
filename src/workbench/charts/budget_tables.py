"""The tables behind a budget's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.charts.drawing import DataTable
from workbench.charts.tables import figure as column
from workbench.charts.tables import tabulate, text
from workbench.mmm.budget.projection import ChannelPlan
from workbench.mmm.budget.told import amount
from workbench.mmm.budget.totals import Sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRow:
    """A channel's money today and in the plan, and the most that was ever spent."""

    channel: str
    current: float
    proposed: float
    change: float
    peak: float
    sustained: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """A total, what it brings, and what the next unit brings there."""

    total: float
    outcome: float
    low: float
    high: float
    marginal: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRow:
    """What the next unit of money brings in a channel, today and in the plan."""

    channel: str
    now: float
    then: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GainRow:
    """The share of draws whose gain lies between two figures."""

    low: float
    high: float
    share: float


def split_table(rows: Sequence[ChannelPlan], currency: str) -> DataTable:
    """Return channels with their money today and in the plan."""
    return tabulate(
        [
            SplitRow(
                channel=row.channel,
                current=row.current,
                proposed=row.proposed,
                change=row.change,
                peak=row.peak,
                sustained=row.sustained,
            )
            for row in rows
        ],
        [
            text("channel", "Channel"),
            column("current", "Today", "money"),
            column("proposed", "Proposed", "money"),
            column("change", "Change", "%"),
            column("peak", "Most in a period", "x"),
            column("sustained", "Most over such a time", "x"),
        ],
        caption="Today and the plan, by channel",
        currency=currency or None,
    )


def sweep_table(found: Sweep, brings: str) -> DataTable:
    """Return totals, what they bring, and what the next unit brings there."""
    first, last = found.rows[0], found.rows[-1]
    return tabulate(
        [
            SweepRow(
                total=row.total,
                outcome=row.outcome.value,
                low=row.outcome.low,
                high=row.outcome.high,
                marginal=row.marginal.value,
            )
            for row in found.rows
        ],
        [
            column("total", "Total", "money"),
            column("outcome", brings.capitalize(), found.unit),
            column("low", "94% interval from", found.unit),
            column("high", "to", found.unit),
            column("marginal", "Next unit brings", "x" if found.unit == "money" else ""),
        ],
        caption=f"Totals from {amount(first.total, 'money', found.currency)} to "
        f"{amount(last.total, 'money', found.currency)}",
        currency=found.currency or None,
    )


def return_table(rows: Sequence[ChannelPlan], unit: str) -> DataTable:
    """Return what the next unit of money brings in every channel, today and in the plan."""
    return tabulate(
        [
            ReturnRow(
                channel=row.channel,
                now=row.marginal_now.value,
                then=row.marginal_then.value,
                low=row.marginal_then.low,
                high=row.marginal_then.high,
            )
            for row in rows
        ],
        [
            text("channel", "Channel"),
            column("now", "Today", unit),
            column("then", "In the plan", unit),
            column("low", "94% interval from", unit),
            column("high", "to", unit),
        ],
        caption="What the next unit of money brings",
    )
