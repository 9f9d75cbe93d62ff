"""Intervals for metrics by slice: shares of users by Wilson's score, ratios of sums by their days.

Which one a metric gets follows from its formula: distinct users over distinct users is a share; a ratio whose two
sides are sums varies from day to day, and its days are the clusters. Where neither holds there is no interval, and
the reason says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from workbench.metrics.measures import Arithmetic, Constant, Distinct, Measure
from workbench.metrics.metric import Metric
from workbench.metrics.values import Floats, Values
from workbench.stats import share_interval

CLUSTERS = 8
LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What is uncertain about a metric, by slice.

    Parameters
    ----------
    low, high : array
        The 95 % interval; NaN where the data cannot carry one.
    error : array
        The standard error, for comparisons; NaN where unknown.
    p : array
        Against no effect; NaN for metrics that are not effects.
    n : array
        What was counted: users of a share, days of a ratio.
    notes : list of str
        One per slice, why there is no interval; empty where there is one or none is meant.
    """

    low: Floats
    high: Floats
    error: Floats
    p: Floats
    n: Floats
    notes: list[str]


def nothing(size: int, note: str = "") -> Spread:
    """Return no interval, with the reason."""
    unknown = np.full(size, np.nan)
    return Spread(low=unknown, high=unknown, error=unknown, p=unknown, n=unknown, notes=[note] * size)


def ratio(measure: Measure) -> tuple[Measure, Measure] | None:
    """Return numerator and denominator of a measure; None where it is no ratio.

    Examples
    --------
    >>> from workbench.metrics.measures import count
    >>> top, bottom = ratio(100 * (count("campaign_clicked") / count("campaign_viewed")))
    >>> print(top, "|", bottom)
    100 * count(campaign_clicked) | count(campaign_viewed)
    """
    if not isinstance(measure, Arithmetic):
        return None
    if measure.operator == "/" and not isinstance(measure.right, Constant):
        return measure.left, measure.right
    if measure.operator == "*" and isinstance(measure.left, Constant):
        inner = ratio(measure.right)
        return (measure.left * inner[0], inner[1]) if inner else None
    return None


def spread(metric: Metric, formula: Measure, values: Values) -> Spread:
    """Return the interval of a metric for every slice."""
    size = len(values.slices)
    sides = ratio(formula)
    if metric.interval == "none":
        return nothing(size)
    if sides is None:
        return _sum(formula, values)
    if metric.interval == "share" or all(isinstance(side, Distinct) for side in sides):
        return shares(values.of(sides[0]), values.of(sides[1]))
    top, bottom = (values.by_day(side) for side in sides)
    if top is None or bottom is None:
        return nothing(size, _reason(sides, values))
    return ratios(top, bottom)


def _reason(sides: tuple[Measure, Measure], values: Values) -> str:
    if all(side.additive for side in sides):
        return (
            "no interval: slices of a day hold a single day"
            if not values.daily
            else "no interval: not known by day"
        )
    return "no interval: one side is not a sum over days"


def shares(successes: Floats, trials: Floats) -> Spread:
    """Return Wilson's interval for shares of users."""
    low, high = share_interval(successes, trials, level=LEVEL)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = successes / trials
        error = np.sqrt(share * (1 - share) / trials)
    notes = [
        "no interval: more above than below the line, so it is no share" if s > t > 0 else ""
        for s, t in zip(successes, trials, strict=True)
    ]
    return Spread(low=low, high=high, error=error, p=np.full(len(low), np.nan), n=trials, notes=notes)


def ratios(numerators: Floats, denominators: Floats) -> Spread:
    """Return the interval of ratios of sums, linearised at the totals, with days as clusters.

    Parameters
    ----------
    numerators, denominators : array, shape (slices, days)
        Days on which a slice has neither are not part of it: the campaign did not run.

    References
    ----------
    Cochran (1977), Sampling Techniques, section 6.3; the same as `workbench.stats.ratio_interval` by slice.
    """
    top, bottom = np.nan_to_num(numerators), np.nan_to_num(denominators)
    active = (top != 0) | (bottom != 0)
    n, total = active.sum(axis=1).astype(float), bottom.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = top.sum(axis=1) / np.where(total == 0, np.nan, total)
        residual = np.where(active, top - value[:, None] * bottom, 0.0)
        error = np.sqrt(n / (n - 1) * np.square(residual).sum(axis=1)) / np.abs(total)
    error = np.where(n >= CLUSTERS, error, np.nan)
    half = stdtrit(np.maximum(n - 1, 1), 0.5 + LEVEL / 2) * error
    few = f"no interval: fewer than {CLUSTERS} days"
    notes = [few if days < CLUSTERS and np.isfinite(v) else "" for days, v in zip(n, value, strict=True)]
    return Spread(
        low=value - half, high=value + half, error=error, p=np.full(len(n), np.nan), n=n, notes=notes
    )


def _sum(formula: Measure, values: Values) -> Spread:
    """Return the error of a sum over days, for comparisons; a sum itself is what happened and has no interval."""
    empty, daily = nothing(len(values.slices)), values.by_day(formula)
    if daily is None or values.days < CLUSTERS:
        return empty
    error = np.nanstd(daily, axis=1, ddof=1) * np.sqrt(values.days)
    return Spread(low=empty.low, high=empty.high, error=error, p=empty.p, n=empty.n, notes=empty.notes)


def change_p(now: Floats, then: Floats, error_now: Floats, error_then: Floats) -> Floats:
    """Return the two-sided p of a change between two windows, taken as independent, by the normal distribution."""
    error = np.sqrt(np.square(error_now) + np.square(error_then))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(now - then) / np.where(error > 0, error, np.nan)
    return np.asarray(2 * ndtr(-z), float)


def finite(values: Floats) -> NDArray[np.bool_]:
    """Return which values are numbers."""
    return np.isfinite(values)
