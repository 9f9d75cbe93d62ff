"""A budget as pictures: now and then by channel, other totals, marginal returns, how sure the gain is."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.charts.budget_shapes import dumbbells, histogram, returns, rising
from workbench.charts.budget_tables import GainRow, return_table, split_table, sweep_table
from workbench.charts.cards import Alerts, Sentence
from workbench.charts.drawing import DataTable, Drawing, Nothing, coded, shown
from workbench.charts.shapes import in_one_line, labels
from workbench.charts.simulator import figure, percent, shown_name
from workbench.charts.tables import figure as column
from workbench.charts.tables import tabulate, text
from workbench.mmm.budget.goal import Goal
from workbench.mmm.budget.plan import Plan
from workbench.mmm.budget.told import amount, chance
from workbench.mmm.budget.totals import NextMoney, Sweep, TotalRow
from workbench.mmm.budget.view import BudgetView
from workbench.mmm.estimate import Estimate
from workbench.result import format_value

_BINS = 30


def budget_split(result: Plan | BudgetView) -> Drawing | Nothing:
    """Return what each channel spends now and in the plan, the largest increase first."""
    plan = result.plan if isinstance(result, BudgetView) else result
    if plan is None:
        return Nothing(title="Proposed budget", reason=_missing(result))
    currency = plan.projection.currency
    rows = sorted(plan.rows, key=lambda row: row.current - row.proposed)
    names = labels([shown_name(row.channel) for row in rows])
    drawn = [
        {
            "label": name,
            "now": row.current,
            "then": row.proposed,
            "now_said": amount(row.current, "money", currency),
            "then_said": amount(row.proposed, "money", currency),
            "change": percent(row.change),
            "tone": "more" if row.proposed >= row.current else "less",
        }
        for name, row in zip(names, rows, strict=True)
    ]
    told = "; ".join(f"{row['label']} {row['now_said']} to {row['then_said']}" for row in drawn)
    return Drawing(
        finding=coded(f"Largest shift: {plan.shift}" if plan.shift else plan.sentence),
        subtitle=in_one_line(f"Money for {plan.projection.span}: hollow is today, filled the plan", currency),
        description=f"Two dots a channel. {told}.",
        spec=dumbbells(drawn),
        table=split_table(rows, currency),
        note=_measured(plan),
    )


def budget_sweep(result: Sweep | BudgetView) -> Drawing | Nothing:
    """Return what each total would bring at its best split, with today's marked."""
    found = result.sweep if isinstance(result, BudgetView) else result
    if found is None or len(found.rows) < 2:
        return Nothing(title="Other totals", reason=_missing(result) or "The bounds allow one total only.")
    rows = [_total(row, found) for row in found.rows]
    today = {
        "total": found.current,
        "outcome": found.outcome_now.value,
        "said": f"Today: {amount(found.current, 'money', found.currency)}",
        "brings": figure(found.outcome_now.value, found.unit, found.currency),
    }
    brings = "revenue" if found.unit == "money" else "conversions"
    return Drawing(
        finding=found.sentence,
        subtitle=in_one_line(
            f"Media {brings} over {found.span} by total budget, each at its best split", found.currency
        ),
        description=f"A rising line with its band, from {rows[0]['brings']} at {rows[0]['said']} to "
        f"{rows[-1]['brings']} at {rows[-1]['said']}. Today's split is a dot at {today['brings']}.",
        spec=rising(rows, today, found.unit),
        table=sweep_table(found, brings),
        note="The band holds 94% of the model's draws; the dot is today's money as it is split today.",
    )


def budget_returns(result: Plan | BudgetView) -> Drawing | Nothing:
    """Return what the next unit of money brings in each channel, now and in the plan."""
    plan = result.plan if isinstance(result, BudgetView) else result
    if plan is None:
        return Nothing(title="The next unit of money", reason=_missing(result))
    shown = plan.projection
    unit = "x" if shown.unit == "money" else ""
    rows = sorted(plan.rows, key=lambda row: -row.marginal_now.value)
    names = labels([shown_name(row.channel) for row in rows])
    drawn = [
        {
            "label": name,
            "now": row.marginal_now.value,
            "then": row.marginal_then.value,
            "low": row.marginal_then.low,
            "high": row.marginal_then.high,
            "now_said": format_value(row.marginal_now.value, unit),
            "then_said": _ranged(row.marginal_then, unit),
        }
        for name, row in zip(names, rows, strict=True)
    ]
    most, least = drawn[0], drawn[-1]
    apart = f"{most['label']} ({most['now_said']}), least in {least['label']} ({least['now_said']})"
    # One of channels that bring the same brings most, too.
    unsure = rows[0].marginal_now.low <= rows[-1].marginal_now.high and len(rows) > 1
    apart += "; their intervals overlap" if unsure else ""
    return Drawing(
        finding=f"Today the next unit of money brings most in {apart}",
        subtitle="What one more unit of money brings: hollow is today, filled the plan with its 94% interval",
        description="; ".join(
            f"{row['label']}: {row['now_said']} today, {row['then_said']} in the plan" for row in drawn
        ),
        spec=returns(drawn, unit, mark_at=1.0 if shown.unit == "money" else None),
        table=return_table(rows, unit),
        note="Channels inside their bounds bring the same by the draws that chose the plan, those at a bound "
        "more or less. Shown are other draws, so figures differ, and a little from the model's report, which "
        "has all.",
    )


def budget_gain(result: Plan | BudgetView) -> Drawing | Nothing:
    """Return how the gain of the plan is spread over the model's draws."""
    plan = result.plan if isinstance(result, BudgetView) else result
    if plan is None or not np.ptp(plan.projection.gains):
        reason = _missing(result) or "The plan is what is spent now."
        return Nothing(title="How sure the gain is", reason=reason)
    shown = plan.projection
    width = float(np.ptp(shown.gains)) / min(_BINS, max(5, len(shown.gains) // 6))
    first, last = np.floor(shown.gains.min() / width), np.ceil(shown.gains.max() / width)
    counts, edges = np.histogram(shown.gains, bins=np.arange(first, last + 1) * width)
    bins = [
        GainRow(low=float(low), high=float(high), share=float(count / len(shown.gains)))
        for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
    ]
    span = _ranged(plan.gain, shown.unit, shown.currency)
    return Drawing(
        finding=f"The plan brings more than today with a probability of {chance(plan.better)}: {span}",
        subtitle=in_one_line(f"Gain over {shown.span}, share of the model's draws", shown.currency),
        description=f"Bars of the gain in {len(shown.gains)} draws; mean and 94% interval {span}.",
        spec=histogram([_bar(one, shown.unit, shown.currency) for one in bins], shown.unit),
        table=tabulate(
            bins,
            [
                column("low", "Gain from", shown.unit),
                column("high", "to", shown.unit),
                column("share", "Share of draws", "%"),
            ],
            caption="Gain by share of draws",
            currency=shown.currency or None,
        ),
        note=_measured(plan),
    )


def _bar(row: GainRow, unit: str, currency: str) -> dict[str, Any]:
    return {
        "low": row.low,
        "high": row.high,
        "share": row.share,
        "floor": 0,
        "tone": "gain" if row.low + row.high > 0 else "loss",
        "said": f"{figure(row.low, unit, currency)} to {figure(row.high, unit, currency)}",
        "draws": format_value(row.share, "%"),
    }


def budget_next(result: NextMoney | BudgetView) -> DataTable | Nothing:
    """Return where additional money goes."""
    found = result.more if isinstance(result, BudgetView) else result
    if found is None:
        reason = _missing(result) or "The upper bounds leave no room for so much more money."
        return Nothing(title="The next money", reason=reason)
    return tabulate(
        found.rows,
        [
            text("channel", "Channel"),
            column("amount", "Gets", "money", bars=True),
            column("share", "Share", "%"),
            text("warning", "Bear in mind"),
        ],
        caption=coded(found.sentence),
        currency=found.currency or None,
    )


def budget_pays(result: Goal | BudgetView) -> Sentence | Nothing:
    """Return the budget beyond which the next unit of money no longer pays."""
    found = result.pays if isinstance(result, BudgetView) else result
    if found is None:
        reason = _missing(result) or "What a conversion is worth was not said, so it is not known what pays."
        return Nothing(title="Where it stops to pay", reason=reason)
    return Sentence(text=found.sentence)


def budget_warnings(result: Plan | BudgetView) -> Alerts | Nothing:
    """Return where the plan leaves what was ever seen, and what the model missed."""
    plan = result.plan if isinstance(result, BudgetView) else result
    if plan is None:
        return Nothing(title="Bear in mind", reason=_missing(result))
    far = [row for row in plan.rows if row.warning]
    missed = plan.projection.warnings[len(far) :]
    items = [("high", "Model", shown(one, 400)) for one in missed]
    items += [("warning", shown_name(row.channel), shown(row.warning, 300)) for row in far]
    items += [("warning", "Kept", shown(one, 400)) for one in filter(None, [plan.kept])]
    calm = "Every channel stays within what was spent over such a time before."
    return Alerts(items=tuple(items), calm=calm)


def _missing(result: object) -> str:
    return result.missing if isinstance(result, BudgetView) else ""


def _measured(plan: Plan) -> str:
    shown = plan.projection
    claimed = figure(plan.chosen_gain, shown.unit, shown.currency)
    return (
        f"The gain is measured on draws that did not choose the plan; those that did would claim {claimed}. "
        "What the model itself has wrong, no draw shows: test the largest shift before it is made in full."
    )


def _ranged(found: Estimate, unit: str, currency: str = "") -> str:
    return f"{figure(found.value, unit, currency)} ({figure(found.low, unit, currency)} to " + (
        f"{figure(found.high, unit, currency)})"
    )


def _total(row: TotalRow, found: Sweep) -> dict[str, Any]:
    return {
        "total": row.total,
        "outcome": row.outcome.value,
        "low": row.outcome.low,
        "high": row.outcome.high,
        "said": amount(row.total, "money", found.currency),
        "brings": _ranged(row.outcome, found.unit, found.currency),
        "next": format_value(row.marginal.value, "x" if found.unit == "money" else ""),
    }
