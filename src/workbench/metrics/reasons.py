"""Why a figure has no value in a slice."""

from __future__ import annotations

import numpy as np

from workbench.metrics.measures import Arithmetic, Leaf, Measure, Total, leaves
from workbench.metrics.values import Values

NOT_REPORTED = "not reported"


def why(formula: Measure, values: Values, place: int) -> str:
    """Return which parts of a formula are unknown in a slice, and why; empty where all are known."""
    return "; ".join(dict.fromkeys(_why(formula, values, place)))


def left_out(formula: Measure, values: Values) -> str:
    """Return which tables a figure is without, as their rows are not known that way; empty for none."""
    reasons = [values.missing.get(leaf, "") for leaf in leaves(formula)]
    unknown = dict.fromkeys(reason for reason in reasons if "cannot be sliced" in reason)
    return "; ".join(f"{reason}, so it is left out" for reason in unknown)


def _why(measure: Measure, values: Values, place: int) -> list[str]:
    if isinstance(measure, Arithmetic):
        left, right = (_why(side, values, place) for side in (measure.left, measure.right))
        if measure.operator == "+" and not (left and right):
            return []  # what is known of either part is what there is
        return left + right
    if not isinstance(measure, Leaf) or not np.isnan(values.of(measure)[place]):
        return []
    return [values.missing.get(measure) or values.reasons.get(measure) or _unknown(measure)]


def _unknown(leaf: Leaf) -> str:
    return f"{leaf.column.replace('_', ' ')} {NOT_REPORTED}" if isinstance(leaf, Total) else NOT_REPORTED
