"""Why a figure has no value in a slice."""

from __future__ import annotations

import numpy as np

from workbench.metrics.intervals import ratio
from workbench.metrics.measures import Arithmetic, Leaf, Measure, Total, leaves
from workbench.metrics.values import Floats, Values

NOT_REPORTED = "not reported"


def why(formula: Measure, values: Values, place: int) -> str:
    """Return which parts of a formula are unknown in a slice, and why; empty where all are known."""
    return "; ".join(dict.fromkeys(_why(formula, values, place)))


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


def one_sided(formula: Measure, values: Values) -> list[str]:
    """Return, by slice, which source tells one side of a ratio only; empty texts where none does.

    Where impressions are added up from events and from a platform's report, and clicks come from one of them
    only, the impressions of the other would count as so many that nobody clicked.
    """
    nothing = [""] * len(values.slices)
    sides = ratio(formula)
    if sides is None:
        return nothing
    top, bottom = (_by_table(side, values) for side in sides)
    if len(top) < 2 or set(top) != set(bottom):
        return nothing
    for more, less in ((top, bottom), (bottom, top)):
        whole = np.all([np.nan_to_num(known) != 0 for known, _ in more.values()], axis=0)
        for table, (known, name) in less.items():
            said = f"{name} {NOT_REPORTED} beside {more[table][1]}"
            flags = whole & np.isnan(known)
            nothing = [said if flag else text for flag, text in zip(flags, nothing, strict=True)]
    return nothing


def _by_table(measure: Measure, values: Values) -> dict[str, tuple[Floats, str]]:
    """Return what each table tells of a plain sum; nothing where it is none."""
    if not all(isinstance(leaf, Leaf) for leaf in leaves(measure)) or not measure.additive:
        return {}
    found: dict[str, tuple[Floats, str]] = {}
    for leaf in leaves(measure):
        if leaf.table in found:
            return {}
        name = leaf.column if isinstance(leaf, Total) else " ".join(getattr(leaf, "event_types", ()))
        found[leaf.table] = (values.of(leaf), name.replace("_", " "))
    return found
