"""Intervals for metrics by slice: shares of users by Wilson's score, formulas of sums by their days.

Which one a metric gets follows from its formula. Distinct users over distinct users is a share, as
`user_shares` tells. A formula whose leaves are all sums varies from day to day: it is linearised at the
totals, and its days are the clusters. Where neither holds there is no interval, and the reason says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from workbench.metrics import costs
from workbench.metrics.measures import Arithmetic, Constant, Count, Leaf, Measure
from workbench.metrics.slices import DIMENSIONS
from workbench.metrics.values import Floats, Values
from workbench.stats import skewed_widths

CLUSTERS = 8
LEVEL = 0.95
_ROUNDING = 1e-9  # of a sum: what floats leave of parts that make up for each other
_NOISE = 1e-12  # of a figure: what floats leave of days that are alike


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
        What was counted: users of a share or a mean, days of a formula of sums; of a share of which some are
        above the line alone, the fewer users of a whole that tell as much.
    notes : list of str
        One per slice: why there is no interval, or what to bear in mind.
    behind : array, optional
        Of how many days the error is, where that is not n.
    """

    low: Floats
    high: Floats
    error: Floats
    p: Floats
    n: Floats
    notes: list[str]
    behind: Floats | None = None

    @property
    def units(self) -> Floats:
        """Return of how many days or users the error is."""
        return self.n if self.behind is None else self.behind


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


def ratios(sums: tuple[Floats, Floats], products: tuple[Floats, Floats, Floats], n: Floats) -> Spread:
    """Return Student's interval of a ratio of two sums over users, linearised at the totals.

    Parameters
    ----------
    sums : (array, array)
        Of the numerator y and the denominator x.
    products : (array, array, array)
        The sums over users of y * y, y * x and x * x.
    n : array
        Users.

    Examples
    --------
    >>> y, x = np.array([3.0, 5.0, 4.0, 8.0]), np.array([1.0, 2.0, 2.0, 3.0])
    >>> y2, yx, x2, n = (np.array([value]) for value in (y @ y, y @ x, x @ x, 4.0))
    >>> found = ratios((y.sum(keepdims=True), x.sum(keepdims=True)), (y2, yx, x2), n)
    >>> f"{found.low[0]:.3f} to {found.high[0]:.3f}"
    '1.937 to 3.063'

    References
    ----------
    Cochran (1977), Sampling Techniques, section 2.11.
    """
    (top, bottom), (squares, mixed, bottom_squares) = sums, products
    with np.errstate(divide="ignore", invalid="ignore"):
        value = top / bottom
        residual = np.maximum(squares - 2 * value * mixed + value * value * bottom_squares, 0)
        error = np.where(n > 1, np.sqrt(residual * n / (n - 1)) / np.abs(bottom), np.nan)
    half = stdtrit(np.maximum(n - 1, 1), 0.5 + LEVEL / 2) * error
    notes = ["no interval: fewer than two users" if users < 2 else "" for users in n]
    return Spread(
        low=value - half, high=value + half, error=error, p=np.full(len(n), np.nan), n=n, notes=notes
    )


def medians(value: Floats, bounds: tuple[Floats, Floats], n: Floats) -> Spread:
    """Return the interval of a median between two order statistics, which are NaN where there are too few.

    References
    ----------
    Conover (1999), Practical Nonparametric Statistics, section 3.2.
    """
    low, high = bounds
    error = np.where(np.isfinite(value), (high - low) / (2 * ndtri(0.5 + LEVEL / 2)), np.nan)
    notes = ["" if known else "no interval: fewer than six values" for known in np.isfinite(low)]
    return Spread(low=low, high=high, error=error, p=np.full(len(low), np.nan), n=n, notes=notes)


def quotients(top: tuple[Floats, Spread], bottom: tuple[Floats, Spread], zero: str) -> Spread:
    """Return the interval of one estimate over another, taken as independent: on the scale of logarithms.

    Parameters
    ----------
    top, bottom : (array, Spread)
        The estimates.
    zero : str
        What to say where the interval of the denominator reaches zero, so that the quotient has no bound.
    """
    (above, found), (below, other) = top, bottom
    with np.errstate(divide="ignore", invalid="ignore"):
        value = above / below
        relative = np.sqrt(np.square(found.error / above) + np.square(other.error / below))
        bounded = (other.low > 0) | (other.high < 0)
        degrees = np.maximum(np.minimum(found.n, other.n) - 1, 1)
        width = stdtrit(degrees, 0.5 + LEVEL / 2)
        factor = np.where(bounded, np.exp(width * relative), np.nan)
        # What is above the line may reach further up than down, as a cost per customer does of few.
        further = np.hypot(np.log(found.high / above), width * other.error / below)
        upper = np.fmax(np.exp(further), factor)
    ends = np.array([value / factor, value * np.where(bounded, upper, np.nan)])
    notes = [
        one or two or ("" if known else f"no interval: {zero}")
        for one, two, known in zip(found.notes, other.notes, bounded, strict=True)
    ]
    return replace(
        found, low=ends.min(axis=0), high=ends.max(axis=0), error=np.abs(value) * relative, notes=notes
    )


def linearised(measure: Measure, values: Values) -> Spread:
    """Return the interval of a formula of sums, linearised at the totals, with days as clusters.

    Days on which a slice has nothing at all are not part of a ratio: the campaign did not run. This is
    `workbench.stats.ratio_interval` by slice. A sum is of all days: those on which a small shop sells nothing
    tell how its sales vary. Where all days are alike there is no interval, and an end that the formula cannot
    reach is drawn in to what it can. A cost per unit of what may be few is bounded by `costs.most`.

    References
    ----------
    Cochran (1977), Sampling Techniques, section 6.3; Wolter (2007), Introduction to Variance Estimation, ch.
    6; Hall (1992), Journal of the Royal Statistical Society B 54 (the skewness of days).
    """
    daily = values.by_day(measure)
    if daily is None:
        return nothing(len(values.slices), _no_days(values))
    residual = tangent(measure, values, daily)
    active = np.any([sums != 0 for sums in daily.values()], axis=0)
    # What days add to a ratio makes up for each other; what they add to a sum adds up.
    adds_up = np.abs(residual.sum(axis=1)) > _ROUNDING * np.abs(residual).sum(axis=1)
    active = np.where(adds_up[:, None], values.own_days, active)
    n = active.sum(axis=1).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.where(active, residual, 0.0).sum(axis=1) / n
        residual = np.where(active, residual - centre[:, None], 0.0)
        error = np.sqrt(n / (n - 1) * np.square(residual).sum(axis=1))
    value = values.of(measure)
    # Days that are all alike, as days without a single sale, do not make a figure certain.
    varies = error > _NOISE * np.abs(value)
    error = np.where((n >= CLUSTERS) & varies, error, np.nan)
    below, above = skewed_widths(np.square(residual).sum(axis=1), (residual**3).sum(axis=1), n, level=LEVEL)
    few = f"no interval: fewer than {CLUSTERS} days"
    notes = [
        few if days < CLUSTERS else "" if differ else "no interval: all days are alike"
        for days, differ in zip(n, varies, strict=True)
    ]
    least, most = _least(measure, daily), 1.0 if _is_part(measure) else np.inf
    low, high = value - below * error, value + above * error
    if sides := ratio(measure):
        low = np.minimum(low, costs.least(sides, value, error, n))
        high = np.maximum(high, costs.most(sides, values, value, error, n))
    low, high = np.maximum(low, least), np.minimum(high, most)
    return Spread(low=low, high=high, error=error, p=np.full(len(n), np.nan), n=n, notes=notes)


def _least(measure: Measure, daily: Mapping[Leaf, Floats]) -> Floats:
    """Return for every slice what a formula cannot fall below, where none of its sums was ever negative.

    A return on spend is at least nothing, and a gain per unit of spend at least the loss of all of it.
    """
    never = np.all([sums.min(axis=1, initial=0.0) >= 0 for sums in daily.values()], axis=0)
    return np.where(never, _bound(measure), -np.inf)


def _bound(measure: Measure) -> float:
    """Return what a formula of sums that are not negative cannot fall below."""
    if isinstance(measure, Constant):
        return measure.value
    if not isinstance(measure, Arithmetic):
        return 0.0
    if measure.operator == "-":
        return -np.inf
    gained = measure.left
    if measure.operator == "/" and isinstance(gained, Arithmetic) and gained.operator == "-":
        return -1.0 if gained.right == measure.right and _bound(gained.left) >= 0 else -np.inf
    return 0.0 if min(_bound(measure.left), _bound(measure.right)) >= 0 else -np.inf


def _is_part(measure: Measure) -> bool:
    """Return whether a formula is a number of rows over that of more rows: it is at most all of them."""
    part, whole = ratio(measure) or (measure, measure)
    if part is whole or not (isinstance(part, Count) and isinstance(whole, Count)):
        return False
    return set(part.of) <= set(whole.of) and set(part.where) >= set(whole.where)


def _no_days(values: Values) -> str:
    if any(DIMENSIONS[name].grain in ("day", "week") for name in values.by):
        return f"no interval: a slice of fewer than {CLUSTERS} days"
    return "no interval: it is no sum of days, which would tell how it varies"


def tangent(measure: Measure, values: Values, daily: Mapping[Leaf, Floats]) -> Floats:
    """Return what each day adds to a measure, to first order: shape (slices, days).

    Missing parts of a sum count as nothing, as they do in the value itself.
    """
    shape = (len(values.slices), values.days)
    if isinstance(measure, Leaf):
        return daily.get(measure, np.zeros(shape))
    if not isinstance(measure, Arithmetic):
        return np.zeros(shape)
    d_left, d_right = (tangent(side, values, daily) for side in (measure.left, measure.right))
    if measure.operator == "+":
        return d_left + d_right
    if measure.operator == "-":
        return d_left - d_right
    left, right = (values.of(side)[:, None] for side in (measure.left, measure.right))
    if measure.operator == "*":
        return np.asarray(left * d_right + right * d_left)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((d_left - left / right * d_right) / np.where(right == 0, np.nan, right))


def change_p(
    now: Floats, then: Floats, found: tuple[Floats, Floats], before: tuple[Floats, Floats]
) -> Floats:
    """Return the two-sided p of a change between two independent windows, by Student's distribution.

    Parameters
    ----------
    now, then : array
        The figures.
    found, before : (array, array)
        Of each window the standard error, and of how many days or users it is.

    References
    ----------
    Welch (1947), Biometrika 34, 28-35.
    """
    (error_now, n_now), (error_then, n_then) = found, before
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.square(error_now), np.square(error_then)
        error = np.sqrt(parts[0] + parts[1])
        t = np.abs(now - then) / np.where(error > 0, error, np.nan)
        spent = [
            np.square(part) / np.maximum(n - 1, 1) for part, n in zip(parts, (n_now, n_then), strict=True)
        ]
        degrees = np.square(error) ** 2 / (spent[0] + spent[1])
    return np.asarray(np.where(np.isfinite(degrees), 2 * stdtr(degrees, -t), 2 * ndtr(-t)), float)


def without_bounds(spread: Spread, reason: str) -> Spread:
    """Return the spread of what happened: it has no interval, for a reason, but its changes have an error."""
    blank = nothing(len(spread.n), reason)
    return Spread(
        low=blank.low,
        high=blank.high,
        error=spread.error,
        p=blank.p,
        n=blank.n,
        notes=blank.notes,
        behind=spread.n,
    )
