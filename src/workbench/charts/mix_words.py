"""How figures of a media mix model are read: returns in their unit, and a missed gate before all else."""

from __future__ import annotations

import math
from collections.abc import Iterable

from workbench.charts.drawing import coded
from workbench.mmm.budget.told import chance
from workbench.mmm.estimate import Estimate
from workbench.mmm.report import MixReport
from workbench.mmm.results import MixResults
from workbench.mmm.returns import ChannelReturn
from workbench.mmm.spec import Kind
from workbench.result import MISSING, format_value

MOST_CHANNELS = 12
LEVEL = "94%"
CAUTION = "Not to decide on yet: "
_THOUSAND = 1000


def missing_of(report: MixReport) -> str:
    """Return why a report has nothing to show."""
    return report.missing or "Not enough data: no model was fitted."


def cautious(report: MixReport, finding: str) -> str:
    """Return a finding, with a word before it where the model missed a gate."""
    found = report.results
    return finding if found is None or found.gates.passed else f"{CAUTION}{finding}"


def largest(found: MixResults) -> tuple[ChannelReturn, ...]:
    """Return the channels that are drawn: those that spent most, the largest first."""
    return tuple(sorted((one for one in found.channels if one.spend > 0), key=lambda one: -one.spend))[
        :MOST_CHANNELS
    ]


def left_out(found: MixResults, drawn: int) -> str:
    """Return how many channels are not drawn."""
    count = len(found.channels) - drawn
    return f"{count} {'channel is' if count == 1 else 'channels are'} only in the table. " if count else ""


def per_money(found: MixResults) -> str:
    """Return what a return is counted in, such as ``Revenue per €1`` or ``Revenue per unit of spend``."""
    if not found.currency:
        money = "unit of spend" if found.kind == "revenue" else f"{unit_of_return(found.kind):,.0f} of spend"
        return f"{coded(found.outcome)} per {money}"
    money = format_value(unit_of_return(found.kind), "money", currency=found.currency or None)
    return f"{coded(found.outcome)} per {money.replace('.00', '')}"


def unit_of_return(kind: Kind) -> float:
    """Return the money that a return is counted by: conversions are too few per single unit."""
    return 1.0 if kind == "revenue" else float(_THOUSAND)


def scaled(value: Estimate, by: float) -> Estimate:
    """Return an estimate in another unit."""
    return Estimate(value=value.value * by, low=value.low * by, high=value.high * by)


def outcome_unit(kind: Kind) -> str:
    """Return the unit of the outcome."""
    return "money" if kind == "revenue" else "count"


def spoken(value: Estimate, unit: str, currency: str) -> tuple[str, str]:
    """Return a figure and its interval as they are read."""
    if not value.known:
        return MISSING, MISSING
    figure, low, high = (
        "no bound" if math.isinf(one) else format_value(one, unit, currency=currency or None)
        for one in (value.value, value.low, value.high)
    )
    return figure, f"{low} to {high}"


def likely(share: float) -> str:
    """Return a probability as it is read."""
    return chance(share) if math.isfinite(share) else MISSING


def place_of(point: Estimate, currency: str) -> str:
    """Return a saturation point as it is read; not even the first unit may pay."""
    if point.value == 0:
        return "the first unit"
    said, interval = spoken(point, "money", currency)
    return f"{said} ({interval})"


def finite(value: float) -> float | None:
    """Return a figure, or nothing where there is none."""
    return value if math.isfinite(value) else None


def listed(parts: Iterable[str]) -> str:
    """Return parts as one sentence."""
    return f"{'; '.join(parts)}."
