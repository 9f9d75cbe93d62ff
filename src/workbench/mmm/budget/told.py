"""Estimates of a budget as a sentence has them."""

from __future__ import annotations

from workbench.mmm.estimate import Estimate
from workbench.result import format_value


def amount(value: float, unit: str, currency: str) -> str:
    """Return a figure as a reader sees it, the unit of conversions with it.

    Examples
    --------
    >>> amount(1250.0, "count", ""), amount(-1250.0, "money", "EUR")
    ('1,250 conversions', '−€1,250')
    """
    if unit == "count":
        return f"{format_value(value, 'count')} conversions"
    return format_value(value, unit, currency=currency or None)


def chance(share: float) -> str:
    """Return a share of draws as a probability: some hundred draws cannot say that nothing else can be.

    Examples
    --------
    >>> chance(0.973), chance(1.0), chance(0.995), chance(0.005), chance(0.0)
    ('97%', 'over 99%', 'over 99%', 'under 1%', 'under 1%')
    """
    if share >= 0.995:
        return "over 99%"
    return "under 1%" if share <= 0.005 else f"{100 * share:.0f}%"


def with_interval(found: Estimate, unit: str, currency: str) -> str:
    """Return an estimate with its interval.

    Examples
    --------
    >>> with_interval(Estimate(value=120_000.0, low=-5_000.0, high=240_500.0), "money", "EUR")
    '€120,000 (94% interval −€5,000 to €240,500)'
    """
    low, high = (format_value(one, unit, currency=currency or None) for one in (found.low, found.high))
    interval = f"94% interval {low} to {high}"
    return f"{amount(found.value, unit, currency)} ({interval})"
