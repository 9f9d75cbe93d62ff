"""Which interval a metric gets, or why it gets none: no figure is without either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from workbench.metrics import effects, intervals, user_means, user_shares
from workbench.metrics.derived import derived
from workbench.metrics.intervals import Spread
from workbench.metrics.measures import Arithmetic, Leaf, Measure, Quantile, Stored, Total, leaves
from workbench.metrics.metric import Metric
from workbench.metrics.values import Values, is_plan

SUM = "no interval: a sum of what was recorded, nothing is sampled"
PLAN = "no interval: a plan, nothing is sampled"
OVER_PLAN = "no interval: what was recorded over what was planned, nothing is sampled"
WEIGHTED = "no interval: open deals count by a stated probability, whose error is unknown"
TOGETHER = "no interval: events arrive together and are no sample of independent ones"
UNSTORED = "no interval: the model stored none"


def spread(metric: Metric, formula: Measure, values: Values) -> Spread:
    """Return the uncertainty of a metric for every slice, by the method that its formula allows."""
    if metric.interval in ("lift", "incrementality", "net revenue"):
        return effects.effect(metric.interval, values, values.of(derived("holdout_cost", "spend")))
    if metric.interval == "share" or user_shares.is_share(formula):
        top, bottom = _sides(formula)
        either = values.of(metric.spread[0]) if metric.spread else None
        return user_shares.shares(values.of(top), values.of(bottom), either)
    special = _SPECIAL.get(metric.interval)
    if special is not None:
        return special(metric, formula, values)
    if isinstance(formula, Stored):
        return _stored(formula, values)
    found, reason = intervals.linearised(formula, values), no_interval(formula)
    return intervals.without_bounds(found, reason) if reason else found


def no_interval(formula: Measure) -> str:
    """Return why a formula has no interval by its nature; an empty text where it can have one.

    Examples
    --------
    >>> from workbench.metrics.terms import clicks, impressions
    >>> no_interval(clicks), no_interval(clicks / impressions)
    ('no interval: a sum of what was recorded, nothing is sampled', '')
    """
    if isinstance(formula, Quantile):
        return TOGETHER
    parts = leaves(formula)
    if all(map(is_plan, parts)):
        return PLAN
    sides = intervals.ratio(formula)
    over_plan = sides is not None and all(map(is_plan, leaves(sides[1])))
    whole = sides[0] if sides is not None and over_plan else formula
    if not _is_sum(whole):
        return ""
    if any(isinstance(leaf, Total) and leaf.times for leaf in parts):
        return WEIGHTED
    return OVER_PLAN if over_plan else SUM


def _is_sum(measure: Measure) -> bool:
    if isinstance(measure, Arithmetic):
        return measure.operator in ("+", "-") and _is_sum(measure.left) and _is_sum(measure.right)
    # Of the figures of derived queries those that stand alone are counts of users, customers or orders.
    return isinstance(measure, Leaf) and not isinstance(measure, Quantile | Stored)


def _sides(formula: Measure) -> tuple[Measure, Measure]:
    sides = intervals.ratio(formula)
    assert sides  # noqa: S101 - shares, means and paybacks are ratios
    return sides


def _stored(formula: Stored, values: Values) -> Spread:
    if formula not in values.bounds:
        return intervals.nothing(len(values.slices), UNSTORED)
    low, high = values.bounds[formula]
    notes = ["" if known else UNSTORED for known in np.isfinite(low)]
    return replace(intervals.nothing(len(low)), low=low, high=high, notes=notes)


def _mean(metric: Metric, formula: Measure, values: Values) -> Spread:
    top, bottom = _sides(formula)
    squares, *more = (values.of(leaf) for leaf in metric.spread)
    if not more:  # counts, which have no long tail
        return user_means.means((values.of(top), squares), values.of(bottom))
    cubes, below = more
    least = np.where(below > 0, -np.inf, 0.0)
    return user_means.means((values.of(top), squares, cubes), values.of(bottom), least)


def _per_user(metric: Metric, formula: Measure, values: Values) -> Spread:
    top, bottom = (values.of(side) for side in _sides(formula))
    n, squares, products, bottom_squares = (values.of(leaf) for leaf in metric.spread)
    return intervals.ratios((top, bottom), (squares, products, bottom_squares), n)


def _median(metric: Metric, formula: Measure, values: Values) -> Spread:
    low, high, n = (values.of(leaf) for leaf in metric.spread)
    return intervals.medians(values.of(formula), (low, high), n)


def _payback(metric: Metric, formula: Measure, values: Values) -> Spread:
    cost, margin = _sides(formula)
    return intervals.quotients(
        (values.of(cost), intervals.linearised(cost, values)),
        (values.of(margin), _per_user(metric, margin, values)),
        "the margin of a customer is not told apart from zero",
    )


_SPECIAL: dict[str, Callable[[Metric, Measure, Values], Spread]] = {
    "mean": _mean,
    "per user": _per_user,
    "median": _median,
    "payback": _payback,
}
