"""Where spend will end if it goes on as on recent days, and how sure that is. Days in, figures out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Floats = NDArray[np.float64]

RECENT_DAYS = 28
ENOUGH_DAYS = 7
_USUAL_STEP, _AS_MANY = 0.1, 2  # of a level from four weeks to the next; as if so many had been seen
_ALIKE = 1e-18  # of the squares of days' spend: what the rounding of floats leaves over
_CORRELATIONS: Floats = np.linspace(0.0, 0.9, 19)  # of a day with the one before, all as likely beforehand
_OUTSIDE = 0.05


def projected_spend(
    daily: Mapping[date, float], *, start: date | None, end: date, as_of: date
) -> tuple[float | None, float | None]:
    """Return the spend at the end, and half the width of its 95 % interval.

    The width is None with too few days, and 0 where days are all alike, or none are left. It knows that days
    hang together, and that a few do not show by how much; and, beyond four weeks, that the level moves.

    Parameters
    ----------
    daily : mapping
        Day -> spend up to `as_of`; a day that is not there had none.
    start, end : date
        Of the campaign; without a start its first day of spend counts.
    as_of : date
        The last day that counts.

    Examples
    --------
    >>> april = {date(2024, 4, day): 10.0 for day in range(1, 15)}
    >>> projected_spend(april, start=None, end=date(2024, 4, 30), as_of=date(2024, 4, 14))
    (300.0, 0.0)

    References
    ----------
    Zellner and Tiao (1964), Journal of the American Statistical Association 59, 763-778.
    """
    left, spent = (end - as_of).days, float(sum(daily.values()))
    if left <= 0:
        return spent, 0.0
    if not daily:
        return None, None
    begin = max(start or min(daily), min(daily))
    span_days = min((as_of - begin).days + 1, RECENT_DAYS)
    # Whole weeks where there is at least one, so that every weekday counts the same.
    span_days = span_days // 7 * 7 or span_days
    recent = np.array([daily.get(as_of - timedelta(days=back), 0.0) for back in range(span_days)])
    projected = spent + left * float(recent.mean())
    if span_days < ENOUGH_DAYS:
        return projected, None
    half = _half_width(recent, left)
    if not half or left <= RECENT_DAYS:
        return projected, half
    known = np.array([daily.get(begin + timedelta(days=day), 0.0) for day in range((as_of - begin).days + 1)])
    return projected, float(
        np.hypot(half, stdtrit(np.inf, 0.975) * (projected - spent) * _drift(known, left))
    )


def _drift(known: Floats, left: int) -> float:
    """Return the relative error of a level that goes on moving as it did from one four weeks to the next.

    What is left beyond four weeks follows a random walk; its step is that of the past, and of a usual one.
    """
    blocks = known[len(known) % RECENT_DAYS :].reshape(-1, RECENT_DAYS).mean(axis=1)
    steps = np.diff(np.log(blocks[blocks > 0]))
    step = (np.square(steps).sum() + _AS_MANY * _USUAL_STEP**2) / (len(steps) + _AS_MANY)
    return float(np.sqrt(step * (left - RECENT_DAYS) / RECENT_DAYS / 3))


def _half_width(recent: Floats, left: int) -> float:
    """Return what a mixture of Student's distributions, one per correlation, exceeds in 5 % of all cases.

    A week or two do not show how far days hang together: each correlation counts by how likely it makes them.
    """
    from scipy.optimize import brentq

    n = len(recent)
    rest = recent - recent.mean()
    power = float(np.square(rest).sum())
    if power <= _ALIKE * float(np.square(recent).sum()):
        return 0.0
    squares, chance = _unexplained(rest / np.sqrt(power))
    scale = np.sqrt(power * squares / (n - 1) * _variance(_CORRELATIONS, n, left))

    def beyond(half: float) -> float:
        return float((chance * 2 * stdtr(n - 1, -half / scale)).sum()) - _OUTSIDE

    return float(brentq(beyond, 0.0, stdtrit(n - 1, 1 - _OUTSIDE / 4) * scale.max(), rtol=1e-9))


def _unexplained(rest: Floats) -> tuple[Floats, Floats]:
    """Return the squares that each correlation leaves, in units of a day's variance, and its probability."""
    n, before = len(rest), _CORRELATIONS[:, None]
    own = np.sqrt(1 - np.square(before))
    shocks = np.concatenate(
        [np.repeat(rest[:1], len(before))[:, None], (rest[1:] - before * rest[:-1]) / own], 1
    )
    mean = np.concatenate([np.ones_like(before), np.repeat((1 - before) / own, n - 1, axis=1)], 1)
    told = np.square(mean).sum(axis=1)
    squares = np.square(shocks - (shocks * mean).sum(axis=1, keepdims=True) / told[:, None] * mean).sum(
        axis=1
    )
    squares = np.maximum(squares, _ALIKE)
    log = -((n - 1) * np.log(own[:, 0]) + (np.log(told) + (n - 1) * np.log(squares)) / 2)
    chance = np.exp(log - log.max())
    return squares, chance / chance.sum()


def _variance(correlation: Floats, n: int, left: int) -> Floats:
    """Return the variance of the sum of days to come less that expected from the n before, by a day's."""
    gone, share = 1 - correlation, left / n

    def alone(days: int) -> Floats:
        lost = 2 * correlation * (1 - correlation**days) / np.square(gone)
        return np.asarray(days * (1 + correlation) / gone - lost)

    both = correlation * (1 - correlation**n) * (1 - correlation**left) / np.square(gone)
    return np.asarray(alone(left) + share**2 * alone(n) - 2 * share * both)
