"""What is usually aimed at, and for whom it is no aim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from workbench.explore.campaign_row import mostly_leads
from workbench.explore.figures import figures

if TYPE_CHECKING:
    from workbench.metrics import Metric, Window
    from workbench.source import Tables

TARGETS: Mapping[str, float] = MappingProxyType(
    {"roas": 3.5, "incrementality": 0.40, "cac": 15.0, "ltv_12m": 450.0, "engagement_rate": 0.25}
)
# What a customer usually costs is so many euros or dollars; fifteen yen are no aim.
_OF_LIKE_SIZE = frozenset({None, "AUD", "CAD", "CHF", "EUR", "GBP", "NZD", "SGD", "USD"})
_OF_ORDERS = ("roas", "cac")
_BROUGHT = ("leads", "lead_value", "roas")


def is_usual(metric: Metric, currency: str | None) -> bool:
    """Return whether what is usual for a figure is so in a currency, too."""
    return metric.unit != "money" or currency in _OF_LIKE_SIZE


def fitting(
    tables: Tables,
    targets: Mapping[str, float],
    where: Mapping[str, str | Sequence[str]] | None,
    window: Window,
) -> Mapping[str, float]:
    """Return usual targets, without those of orders for campaigns that live by leads."""
    if "campaign" not in (where or {}):
        return targets
    found = figures(tables, _BROUGHT, window=window, where=where)
    leads, deals, returned = (found.of((), name) for name in _BROUGHT)
    if not mostly_leads(leads.value, deals.value, returned.numerator):
        return targets
    return {name: aim for name, aim in targets.items() if name not in _OF_ORDERS}
