"""The budget simulator of a report: what it shows at first, and the curves it computes with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from workbench.charts import mime
from workbench.charts.drawing import coded, shown, shown_as
from workbench.mmm.budget.plan import Plan
from workbench.mmm.budget.projection import ChannelPlan, Projection
from workbench.mmm.budget.question import BudgetQuestion, told_of_held
from workbench.mmm.budget.scenario import Scenario, scenario, to_page
from workbench.mmm.budget.table import ResponseTable
from workbench.mmm.budget.told import amount, chance
from workbench.mmm.estimate import Estimate
from workbench.result import format_value, html_table

TITLE = "Budget simulator"
UNCHANGED = "no change"
_NAME = 60  # letters of a channel's name on a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """A split of the budget that a reader of a report can change.

    Parameters
    ----------
    start : Scenario
        What it begins with.
    """

    start: Scenario

    @property
    def sentence(self) -> str:
        """Return what the first split is expected to bring."""
        return self.start.projection.sentence

    def to_json(self) -> dict[str, Any]:
        """Return all that a page needs, as plain data."""
        start, found = self.start, self.start.projection
        page = to_page(start)
        page["channels"] = [shown_name(name) for name in start.table.channels]
        return {
            "title": TITLE,
            "says": _says(start),
            "figures": figures(found),
            "rows": [
                _row(row, start.limits.low[place], start.limits.high[place], found)
                for place, row in enumerate(found.rows)
            ],
            "warnings": warnings(found),
            "missed": shown(" ".join(start.table.missed), 600),
            "refused": bool(start.refused),
            "page": page,
        }

    def _repr_html_(self) -> str:
        frame = self.start.projection.to_frame()[["channel", "current", "proposed", "change"]]
        return html_table(frame, caption=self.sentence)

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        rows = self.start.projection.to_frame().to_dict("records")
        plain = [{str(name): value for name, value in row.items()} for row in rows]
        return shown_as(mime.SIMULATOR, self.to_json(), self.sentence, self._repr_html_(), plain)


def simulator_block(table: ResponseTable, plan: Plan | BudgetQuestion | None = None) -> Simulator:
    """Return the simulator as a report shows it: it works without a kernel and without a network.

    Parameters
    ----------
    table : ResponseTable
        The model's curves; of more draws than a page carries some are left out.
    plan : Plan or BudgetQuestion, optional
        The plan shown at first, or bounds and locks only.
    """
    return Simulator(start=scenario(table, plan))


def figures(found: Projection) -> list[dict[str, Any]]:
    """Return the figures above the sliders: name, label, text, range and raw value."""

    def said(value: float) -> str:
        return figure(value, found.unit, found.currency)

    def told(name: str, label: str, one: Estimate) -> dict[str, Any]:
        span = f"{said(one.low)} to {said(one.high)}"
        return {"name": name, "label": label, "said": said(one.value), "range": span, "raw": one.value}

    brought = "Media revenue" if found.unit == "money" else "Conversions from media"
    money = amount(found.proposed, "money", found.currency)
    return [
        {"name": "proposed", "label": "Budget", "said": money, "range": "", "raw": found.proposed},
        told("current", f"{brought} today", found.outcome_now),
        told("outcome", f"{brought} then", found.outcome_then),
        told("gain", "Difference", found.gain),
        {
            "name": "better",
            "label": "Probability of more",
            "said": chance(found.better) if found.gains.any() else UNCHANGED,
            "range": "",
            "raw": found.better,
        },
    ]


def figure(value: float, unit: str, currency: str) -> str:
    """Return a figure of the outcome without its unit in words.

    Examples
    --------
    >>> figure(-1250.4, "count", ""), figure(1250.4, "money", "EUR")
    ('−1,250', '€1,250')
    """
    return format_value(value, unit, currency=currency or None)


def percent(change: float) -> str:
    """Return a change as it stands beside a slider.

    Examples
    --------
    >>> percent(0.253), percent(-0.5), percent(0.0)
    ('+25%', '−50%', '0%')
    """
    text = f"{100 * change:.0f}%".replace("-0%", "0%").replace("-", "−")
    return f"+{text}" if change > 0 else text


def warnings(found: Projection) -> list[str]:
    """Return where a split leaves what was ever seen, channel by channel."""
    return [f"{shown_name(row.channel)}: {shown(row.warning, 300)}" for row in found.rows if row.warning]


def marginal(value: float, unit: str) -> str:
    """Return what the next unit of money brings."""
    return format_value(value, "x" if unit == "money" else "")


def next_label(currency: str) -> str:
    """Return what the marginal return is called.

    Examples
    --------
    >>> next_label("EUR"), next_label("CHF"), next_label("")
    ('Next €1', 'Next 1 CHF', 'Next 1')
    """
    return f"Next {re.sub(r'\.0+', '', format_value(1, 'money', currency=currency or None))}"


def shown_name(channel: str) -> str:
    """Return a channel's name as it stands on a page."""
    return coded(shown(channel, _NAME)) or "(no name)"


def _says(start: Scenario) -> str:
    table = start.table
    days = f"{table.first.day} {table.first:%B %Y} to {table.last.day} {table.last:%B %Y}"
    return (
        f"Money for {table.span}, spread over time and regions as from {days}. Ranges hold 94% of the "
        f"model's draws. {next_label(table.currency)} is what one more unit of money in a channel brings."
        + kept(start)
    )


def kept(start: Scenario) -> str:
    """Return which channels are locked at first because no data speak for moving them, in words."""
    said = told_of_held(tuple(shown_name(name) for name in start.held))
    return f" Locked at first: {said}" if said else ""


def _row(row: ChannelPlan, low: float, high: float, found: Projection) -> dict[str, Any]:
    return {
        "channel": shown_name(row.channel),
        "current": amount(row.current, "money", found.currency),
        "proposed": amount(row.proposed, "money", found.currency),
        "change": percent(row.change),
        "next": marginal(row.marginal_then.value, found.unit),
        "next_label": next_label(found.currency),
        "low": round(low / row.current, 6),
        "high": round(high / row.current, 6),
        "times": round(row.proposed / row.current, 6),
    }
