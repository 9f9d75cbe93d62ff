"""Figures of how far leads have come: they go on changing long after the day on which a lead arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.metrics.measures import Count, Total, leaves

if TYPE_CHECKING:
    from workbench.metrics.measures import Measure

YOUNGER = "the newest leads have had least time to come as far"


def counts_stages(formula: Measure) -> bool:
    """Return whether a formula counts leads by their stage: those of other days had more time, or less.

    Examples
    --------
    >>> from workbench.metrics.terms import converted_leads, leads, spend
    >>> counts_stages(converted_leads / leads), counts_stages(spend / leads)
    (True, False)
    """
    rows = (leaf for leaf in leaves(formula) if isinstance(leaf, Count | Total) and leaf.table == "leads")
    return any(condition.column == "stage" for leaf in rows for condition in leaf.where)
