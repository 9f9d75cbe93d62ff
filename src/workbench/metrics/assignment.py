"""Whether the parts of a formula are known for the same slices.

Clicks may carry a segment while the impressions that a platform reports do not: then clicks per impression of
a segment is no click-through rate, however plausible it looks.
"""

from __future__ import annotations

import numpy as np

from workbench.metrics.measures import Arithmetic, Count, Measure, Total, leaves
from workbench.metrics.slices import DIMENSIONS
from workbench.metrics.values import Floats, Values

TOLERANCE = 0.1


def mismatch(formula: Measure, values: Values) -> str:
    """Return why the slices of a formula cannot be trusted; an empty text where they can.

    For each sum of the formula the share that stands in no slice is taken (its dimension is null). Where two
    of these shares differ by more than a tenth, the parts of the formula are not of the same thing. Where all
    of a plain sum stands in no slice, nothing is known of the slices; it is not zero there.
    """
    rows = unassigned(values)
    if not rows.any():
        return ""
    shares = {}
    for leaf in leaves(formula):
        total = values.totals.get(leaf)
        if isinstance(leaf, Count | Total) and total is not None and np.nansum(np.abs(total)) > 0:
            shares[leaf] = float(np.nansum(np.abs(total[rows])) / np.nansum(np.abs(total)))
    known = min(shares.values(), default=1.0)
    alike = max(shares.values(), default=1.0) - known <= TOLERANCE
    trusted = known < 1 if is_plain_sum(formula) else alike
    if trusted or not shares:
        return ""
    worst = max(shares, key=lambda leaf: round(shares[leaf], 9))  # of equals the first, on every engine
    lacking = " and ".join(name for name in values.by if not DIMENSIONS[name].grain)  # a day is never lacking
    return f"{shares[worst]:.0%} of {worst} has no {lacking}: no value by {', '.join(values.by)}"


def without_mismatched(formula: Measure, values: Values, reason: str) -> Floats:
    """Return the values; where there is a reason they are blank, but for what a sum has in no slice."""
    value = values.of(formula)
    if not reason:
        return value
    return np.where(unassigned(values) & is_plain_sum(formula), value, np.nan)


def is_plain_sum(formula: Measure) -> bool:
    """Return whether a formula only adds: each part of it may be known for other slices than the rest.

    Examples
    --------
    >>> from workbench.metrics.terms import clicks, impressions
    >>> is_plain_sum(clicks + impressions), is_plain_sum(clicks - impressions)
    (True, False)
    """
    return formula.additive and not _subtracts(formula)


def _subtracts(formula: Measure) -> bool:
    if not isinstance(formula, Arithmetic):
        return False
    return formula.operator == "-" or _subtracts(formula.left) or _subtracts(formula.right)


def unassigned(values: Values) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which slices are those of rows without a value in some dimension other than time."""
    places = [place for place, name in enumerate(values.by) if not DIMENSIONS[name].grain]
    return np.array([any(key[place] is None for place in places) for key in values.slices], bool)
