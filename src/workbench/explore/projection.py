"""Where spend will end if it goes on as on recent days, and how sure that is. Days in, figures out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]

RECENT_DAYS = 28
ENOUGH_DAYS = 7
_ALIKE = 1e-18  # of the squares of days' spend: what the rounding of floats leaves over


def projected_spend(
    daily: Mapping[date, float], *, start: date | None, end: date, as_of: date
) -> tuple[float | None, float | None]:
    """Return the spend at the end, and half the width of its 95 % interval.

    The width is None with too few days, and 0 where days are all alike, or none are left.

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
    return projected, _half_width(recent, left)


def _half_width(recent: Floats, left: int) -> float:
    n = len(recent)
    rest = recent - recent.mean()
    power = float(np.square(rest).sum())
    if power <= _ALIKE * float(np.square(recent).sum()):
        return 0.0
    correlation = min(max(float((rest[1:] * rest[:-1]).sum()) / power + 2 / n, 0.0), 0.8)
    variance = power / (n - 1) * (1 + correlation) / (1 - correlation) * left * (1 + left / n)
    return float(stdtrit(n - 1, 0.975) * np.sqrt(variance))
