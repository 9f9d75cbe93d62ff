"""How high a cost per unit, and how low what is left of revenue, may truly be where units are few.

Words: a *cost* is spend per unit of what it bought: clicks, conversions, customers, revenue; a *margin* is
what is left of a sum after costs, one less the cost per unit of that sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.metrics.measures import Arithmetic, Count, Derived, Measure, Total, leaves
from workbench.stats import most_per_unit

if TYPE_CHECKING:
    from workbench.metrics.values import Floats, Values


def most(sides: tuple[Measure, Measure], values: Values, value: Floats, error: Floats, n: Floats) -> Floats:
    """Return the upper end of a cost by slice, lower than any where the formula is none.

    Parameters
    ----------
    sides : (Measure, Measure)
        Numerator and denominator.
    values : Values
        The sums.
    value, error, n : array
        The figure, its standard error, and of how many days that is.
    """
    if not all(isinstance(leaf, Total) and leaf.column == "spend" for leaf in leaves(sides[0])):
        return np.full(len(value), -np.inf)
    counted = values.of(sides[1]) if _counts(sides[1]) else np.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(value * most_per_unit(np.square(error / value), n, counted=counted))


def least(sides: tuple[Measure, Measure], value: Floats, error: Floats, n: Floats) -> Floats:
    """Return the lower end of a margin by slice, higher than any where the formula is none."""
    kept = sides[0]
    while isinstance(kept, Arithmetic) and kept.operator == "-":
        kept = kept.left
    if kept is sides[0] or kept != sides[1]:
        return np.full(len(value), np.inf)
    cost = 1 - value
    with np.errstate(divide="ignore", invalid="ignore"):
        end = 1 - cost * most_per_unit(np.square(error / cost), n)
    return np.asarray(np.where(cost > 0, end, np.inf))


def _counts(measure: Measure) -> bool:
    """Return whether a formula is a sum of counts, of which none is money."""
    if isinstance(measure, Arithmetic):
        return measure.operator == "+" and _counts(measure.left) and _counts(measure.right)
    if isinstance(measure, Total):
        return measure.table == "daily_performance" and measure.column not in ("spend", "revenue")
    return isinstance(measure, Count | Derived)
