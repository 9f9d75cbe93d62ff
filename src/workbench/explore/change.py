"""Whether a series moved between two blocks of days by more than it usually does. Arrays in, figures out.

Words: a *block* is a run of days; a *step* is the difference between two blocks. The noise of a step comes
from the whole history: from how much days differ and hang together (a first-order autoregression of what
weekday and level leave over), and from the steps seen in the past. The larger of the two counts. A step that
one day or two make is none: a public holiday in a week is a day, and the week beside it is as ever.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from workbench.explore.view import listed

Floats = NDArray[np.float64]

EXTRA_DAYS = 42
TOO_DEPENDENT = 0.6
_PAST_STEPS = 6
_WEEKS = 4  # after so many, a weekday on which there was never a row is not expected
_LONGEST = 182
_LOOKED_AT = 0.05  # a p above is no change in any case
_SPECIAL = 3.0  # robust standard deviations of days
_AS_FAR = 0.75
_MOST_SPECIAL = 2  # as at Easter; of a week, what is left are five days


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step between two blocks; None where the data cannot carry the figure, and `reason` says why.

    `alone` is how many days before the last one those lie that made the step, which is none without them.
    """

    current: float | None
    previous: float | None
    change: float | None
    low: float | None
    high: float | None
    p_value: float | None
    reason: str
    alone: tuple[int, ...] = ()

    def bear_in_mind(self, last: date) -> str:
        """Return why nothing can be told, or which days made what is else no change.

        Examples
        --------
        >>> usual = np.random.default_rng(1).normal(100, 3, 69)
        >>> step = step_between(np.r_[usual, 10.0], np.ones(70), days=7, lag=7)
        >>> step.bear_in_mind(date(2024, 5, 9))
        '9 May 2024 stands apart, as holidays do, and alone makes the difference'
        """
        days = [last - timedelta(days=ago) for ago in self.alone]
        s = "s" if len(days) == 1 else ""
        said = f"{listed(f'{day.day} {day:%B %Y}' for day in days)} stand{s} apart, as holidays do"
        return f"{said}, and alone make{s} the difference" if days else self.reason


def step_between(numerators: ArrayLike, denominators: ArrayLike, *, days: int, lag: int) -> Step:
    """Return the step of sum(numerators) / sum(denominators) from an earlier block of days to the last one.

    Parameters
    ----------
    numerators, denominators : array_like, shape (days of history,)
        One pair per day, the oldest first; NaN where a day is unknown; a daily figure has denominators 1.
        A weekday that is unknown in all of four weeks or more is one on which nothing is expected.
    days : int
        The length of a block, a multiple of 7.
    lag : int
        How many days the earlier block lies before the last one, a multiple of 7, at least `days`.

    Notes
    -----
    Where all daily figures are >= 0 the step is measured on the log scale, else as a difference. Where the
    day that adds most to it lies far from what its weekday and block have as a rule, p is the larger of two:
    of the step, and of what is left of it without that day, and one more of the kind, in both blocks.

    References
    ----------
    Priestley (1981), Spectral Analysis and Time Series, section 5.3 (variance of means of dependent days);
    Marriott and Pope (1954), Biometrika 41 (bias of an estimated autocorrelation).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> y = np.concatenate([rng.normal(100, 5, 63), rng.normal(130, 5, 7)])
    >>> step = step_between(y, np.ones(70), days=7, lag=7)
    >>> round(step.change, 2), step.p_value < 0.001
    (0.3, True)
    """
    y, x = (np.asarray(values, float)[-(lag + days + _LONGEST) :] for values in (numerators, denominators))
    if len(y) < lag + days:
        return _unknown(None, None, f"{lag + days} days are needed, {_there(len(y))}")
    y, x = _closed(y, x)
    found = rest = _judged(y, x, days, lag)
    if found.p_value is None or found.p_value >= _LOOKED_AT:
        return found
    gone: list[int] = []
    least = _SPECIAL
    while len(gone) < _MOST_SPECIAL:
        far, place = _far(y, x, days, lag), _largest(y, x, days, lag)
        special = max(place, place - lag, key=lambda one: float(far[one]))
        if far[special] <= least:
            break
        least = max(least, _AS_FAR * float(far[special]))
        gone.append(special)
        y, x = _without(y, place, lag), _without(x, place, lag)
        rest = _judged(y, x, days, lag, left_out=len(gone))
    # Where another day stands as far apart as these did, something began, or ended, within a block.
    if not gone or _far(y, x, days, lag).max() > least:
        return found
    if rest.p_value is None:
        return replace(found, p_value=None, reason=rest.reason)
    alone = tuple(len(y) - 1 - place for place in sorted(gone)) if rest.p_value >= _LOOKED_AT else ()
    return replace(found, p_value=max(found.p_value, rest.p_value), alone=alone)


def _judged(y: Floats, x: Floats, days: int, lag: int, *, left_out: int = 0) -> Step:
    """Return the step of all days, or of all but some that are left out of both blocks."""
    n = len(y)
    new, old = slice(n - days, n), slice(n - days - lag, n - lag)
    both = np.r_[y[new], y[old], x[new], x[old]]
    if np.isnan(both).sum() > 4 * left_out:
        return _unknown(
            _rate(y[new], x[new]), _rate(y[old], x[old]), "days are missing from the blocks compared"
        )
    current, previous = _rate(y[new], x[new]), _rate(y[old], x[old])
    if current is None or previous is None:
        return _unknown(current, previous, "a block has nothing to divide by")
    log = bool(np.nanmin(y) >= 0 and current > 0 and previous > 0)
    step = float(np.log(current / previous)) if log else current - previous
    shown = current / previous - 1 if previous > 0 else None
    reason = _gate(y, new, old)
    if reason:
        return _unknown(current, previous, reason, shown)
    weights = np.zeros(n)
    weights[new] = 1 / np.nansum(y[new]) if log else 1 / np.nansum(x[new])
    weights[old] = -1 / np.nansum(y[old]) if log else -1 / np.nansum(x[old])
    weights[np.isnan(y)] = 0.0
    error, freedom, dependent = _error(y, x, weights, (new, old), log=log)
    if dependent > TOO_DEPENDENT and n < 8 * days:
        reason = "neighbouring days hang together too much for so short a history"
        return _unknown(current, previous, reason, shown)
    if not error > 0:
        return _unknown(current, previous, "the series does not vary", shown)
    half = stdtrit(freedom, 0.975) * error
    ends = np.array([step - half, step + half])
    ends = np.expm1(ends) if log else ends / previous if previous > 0 else np.full(2, np.nan)
    low, high = (float(end) if np.isfinite(end) else None for end in ends)
    p = float(2 * stdtr(freedom, -abs(step) / error))
    return Step(current=current, previous=previous, change=shown, low=low, high=high, p_value=p, reason="")


def _largest(y: Floats, x: Floats, days: int, lag: int) -> int:
    """Return the place of the day of the last block without which, in both, least is left of the step."""
    new, old = slice(len(y) - days, len(y)), slice(len(y) - days - lag, len(y) - lag)
    with np.errstate(divide="ignore", invalid="ignore"):
        later = (np.nansum(y[new]) - y[new]) / (np.nansum(x[new]) - x[new])
        before = (np.nansum(y[old]) - y[old]) / (np.nansum(x[old]) - x[old])
    step = np.nansum(y[new]) / np.nansum(x[new]) - np.nansum(y[old]) / np.nansum(x[old])
    left = np.sign(step) * (later - before)
    return new.start + int(np.argmin(np.where(np.isfinite(left), left, np.inf)))


def _far(y: Floats, x: Floats, days: int, lag: int) -> Floats:
    """Return how far each day of the blocks lies from what its weekday and block have, in usual distances."""
    n = len(y)
    new, old = slice(n - days, n), slice(n - days - lag, n - lag)
    known = np.isfinite(y) & np.isfinite(x)
    residual, _ = _residuals(y, x, known, (new, old))
    usual = 1.4826 * float(np.median(np.abs(residual[known])))
    far = np.zeros(n)
    for block in (new, old):
        far[block] = np.abs(residual[block]) / max(usual, 1e-300)
    return far


def _without(values: Floats, place: int, lag: int) -> Floats:
    rest = values.copy()
    rest[[place, place - lag]] = np.nan
    return rest


def _closed(y: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Return a series with nothing on weekdays of which no day is known: a closed shop lacks no day."""
    never = [place for place in range(7) if not np.isfinite(y[place::7]).any()]
    if len(y) < _WEEKS * 7 or not never:
        return y, x
    shut = np.isin(np.arange(len(y)) % 7, never)
    return np.where(shut, 0.0, y), np.where(shut, 0.0, x)


def _unknown(current: float | None, previous: float | None, reason: str, change: float | None = None) -> Step:
    if change is None and current is not None and previous is not None and previous > 0:
        change = current / previous - 1
    return Step(
        current=current, previous=previous, change=change, low=None, high=None, p_value=None, reason=reason
    )


def _there(days: int) -> str:
    return f"{days} {'is' if days == 1 else 'are'} there"


def _rate(y: Floats, x: Floats) -> float | None:
    known = np.isfinite(y) & np.isfinite(x)
    total = x[known].sum()
    return float(y[known].sum() / total) if known.any() and total > 0 else None


def _gate(y: Floats, new: slice, old: slice) -> str:
    known = int(np.isfinite(y).sum())
    needed = 2 * (new.stop - new.start) + EXTRA_DAYS
    if known < needed:
        return f"{needed} days of history are needed to know the usual movement, {_there(known)}"
    for block in (new, old):
        values = np.abs(y[block][np.isfinite(y[block])])
        if (values > 0).sum() < 5:
            return "fewer than five days with anything in a block"
        if values.max() > 0.6 * values.sum():
            return "one day holds more than half of a block"
    return ""


def _error(
    y: Floats, x: Floats, weights: Floats, blocks: tuple[slice, slice], *, log: bool
) -> tuple[float, float, float]:
    """Return a step's standard error, its degrees of freedom, and the autocorrelation it rests on, if any."""
    n: int = len(y)
    known = np.isfinite(y) & np.isfinite(x)
    residual, used = _residuals(y, x, known, blocks)
    m = int(known.sum())
    variance = float(np.square(residual[known]).sum() / max(m - used, 1))
    pairs = known[1:] & known[:-1]
    raw = float((residual[1:] * residual[:-1])[pairs].sum() / max(np.square(residual[known]).sum(), 1e-300))
    correlation: float = min(max(raw + (3 + 4 * max(raw, 0.0)) / m, 0.0), 0.97)
    gaps = np.abs(np.subtract.outer(np.arange(n), np.arange(n))).astype(float)
    dependent = float(np.sqrt(max(variance * (weights @ np.power(correlation, gaps) @ weights), 0.0)))
    past, steps = _past_steps(y, x, blocks, log=log)
    if past > dependent:
        return past, steps - 1, 0.0
    effective = m * (1 - correlation) / (1 + correlation) - used / 2
    return dependent, max(effective, 3.0), 0.0 if steps else correlation


def _residuals(
    y: Floats, x: Floats, known: NDArray[np.bool_], blocks: tuple[slice, slice]
) -> tuple[Floats, int]:
    """Return what the level of its block and its weekday leave over of each day, and what that cost."""
    residual = np.where(known, y - _level(y, x, blocks) * x, 0.0)
    return _without_weekdays(residual, known, blocks)


def _level(y: Floats, x: Floats, blocks: tuple[slice, slice]) -> Floats:
    """Return the ratio that each day is held against: its block's own, or that of all days outside."""
    outside = np.ones(len(y), bool)
    for block in blocks:
        outside[block] = False
    level = np.full(len(y), _rate(y[outside], x[outside]) or 0.0)
    for block in blocks:
        level[block] = _rate(y[block], x[block]) or 0.0
    return level


def _without_weekdays(
    residual: Floats, known: NDArray[np.bool_], blocks: tuple[slice, slice]
) -> tuple[Floats, int]:
    """Return residuals without weekday means and a straight drift outside the blocks, and what that cost."""
    n = len(residual)
    design = [(np.arange(n) % 7 == weekday).astype(float) for weekday in range(7)]
    for block in blocks:
        inside = np.zeros(n)
        inside[block] = 1.0
        design.append(inside)
    matrix = np.column_stack(design)
    fit, *_ = np.linalg.lstsq(matrix[known], residual[known], rcond=None)
    return np.where(known, residual - matrix @ fit, 0.0), matrix.shape[1]


def _past_steps(y: Floats, x: Floats, blocks: tuple[slice, slice], *, log: bool) -> tuple[float, int]:
    """Return the root mean square of past steps, and how many stand apart; (0, 0) where too few."""
    new, old = blocks
    days, lag = new.stop - new.start, new.start - old.start
    steps = []
    # Ends go back day by day, from the last one whose blocks do not touch the block under test.
    for end in range(new.start, lag + days - 1, -1):
        later, earlier = slice(end - days, end), slice(end - days - lag, end - lag)
        a, b = _rate(y[later], x[later]), _rate(y[earlier], x[earlier])
        if a is None or b is None or (log and not (a > 0 and b > 0)):
            continue
        steps.append(float(np.log(a / b)) if log else a - b)
    apart = len(steps) // days
    if apart < _PAST_STEPS:
        return 0.0, 0
    return float(np.sqrt(np.mean(np.square(steps)))), apart
