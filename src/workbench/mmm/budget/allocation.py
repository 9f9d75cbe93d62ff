"""The best split of a budget over separate curves, whatever their shape.

The budget above all lower bounds is cut into equal parts. Handing them out one channel at a time is a
knapsack that dynamic programming solves exactly, S-shaped curves included, and for all totals at once. Then
money is shifted within two parts of that split until every channel's next unit brings the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.mmm.budget.interpolation import Curves
from workbench.mmm.budget.question import Limits

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
PARTS = 400
_FINE = 64  # steps in which money is shifted; between them slopes are straight lines
_ROUNDS = 60  # of halving: further there are no digits


class Ladder(NamedTuple):
    """The best split of every number of parts.

    Parameters
    ----------
    part : float
        Money of one part.
    value : array, shape (N + 1,)
        Outcome of the best split of 0 to N parts; minus infinity where the bounds take no more.
    parts : array, shape (C, N + 1)
        How many parts the last channel of the first 1, 2, ... C takes.
    """

    part: float
    value: Array
    parts: Places


def ladder(curves: Curves, spend: Array, limits: Limits, *, most: float, parts: int = PARTS) -> Ladder:
    """Return the best splits of all totals up to `most`, in equal parts above the lower bounds.

    Parameters
    ----------
    curves : Curves
        One curve a channel, shape (C, G).
    spend : array, shape (C,)
        Money at multiplier 1.
    limits : Limits
        Least and most of every channel.
    most : float
        The largest total.
    parts : int
        N, the parts of the money above all lower bounds.

    References
    ----------
    Bellman (1957), Dynamic Programming, chapter I: allocation processes.
    """
    part = max(most - float(limits.low.sum()), 0.0) / parts
    amount = limits.low[:, None] + part * np.arange(parts + 1)
    allowed = amount - part < limits.high[:, None] * (1 - 1e-12)
    allowed[:, 0] = True
    outcome = curves.at(np.minimum(amount, limits.high[:, None]) / spend[:, None])
    outcome = np.where(allowed, outcome, -np.inf)
    value, taken = np.full(parts + 1, -np.inf), np.zeros(outcome.shape, np.int64)
    value[0] = 0.0
    given = np.arange(parts + 1)
    left = given[:, None] - given[None, :]  # parts for the earlier channels, by total and by this one's
    for place, gained in enumerate(outcome):
        tried = np.where(left >= 0, value[np.maximum(left, 0)], -np.inf) + gained
        taken[place] = tried.argmax(axis=1)
        value = tried[given, taken[place]]
    return Ladder(part, value, taken)


def split_of(found: Ladder, parts: int, limits: Limits) -> Array:
    """Return the money of every channel in the best split of a number of parts."""
    spend, left = np.empty(len(limits.low)), parts
    for place in reversed(range(len(spend))):
        taken = int(found.parts[place, left])
        spend[place] = min(limits.low[place] + taken * found.part, limits.high[place])
        left -= taken
    return spend


def best_split(curves: Curves, spend: Array, limits: Limits, *, total: float, parts: int = PARTS) -> Array:
    """Return the money of every channel that brings most in all, summing to the total.

    Parameters
    ----------
    curves, spend, limits, parts
        As for `ladder`.
    total : float
        Money to split, between the sums of the bounds.

    Returns
    -------
    array, shape (C,)
        Within its bounds. For concave curves the optimum; else the best in steps of ``total / parts``, made
        better by shifting.
    """
    found = ladder(curves, spend, limits, most=total, parts=parts)
    full = parts if np.isfinite(found.value[parts]) else int(np.flatnonzero(np.isfinite(found.value))[-1])
    start = fitted_to(split_of(found, full, limits), limits, total)
    return shifted(curves, spend, limits, start, reach=2 * found.part)


def fitted_to(split: Array, limits: Limits, total: float) -> Array:
    """Return a split that sums to the total: what is missing or too much is shared by the room there is."""
    low, high = limits
    split = np.clip(split, low, high)
    missing = total - float(split.sum())
    room = high - split if missing > 0 else split - low
    available = float(room.sum())
    if available <= 0:
        return split
    return np.asarray(np.clip(split + room * (missing / available), low, high))


def shifted(curves: Curves, spend: Array, limits: Limits, start: Array, *, reach: float) -> Array:
    """Return the split near another in which every channel's next unit of money brings the same.

    Where curves bend upwards that need not be better: then the split stays as it is.
    """
    low = np.maximum(limits.low, start - reach)
    high = np.minimum(limits.high, start + reach)
    total = float(start.sum())
    money = low[:, None] + (high - low)[:, None] * (np.arange(_FINE + 1) / _FINE)
    worth = np.minimum.accumulate(curves.slope_at(money / spend[:, None]) / spend[:, None], axis=1)
    floor, ceiling = float(worth.min()), float(worth.max())
    for _ in range(_ROUNDS):
        price = (floor + ceiling) / 2
        if _bought(money, worth, price).sum() > total:
            floor = price
        else:
            ceiling = price
    above, below = (_bought(money, worth, price) for price in (floor, ceiling))
    spread = float(above.sum() - below.sum())
    share = min(max((total - float(below.sum())) / spread, 0.0), 1.0) if spread > 0 else 0.0
    found = fitted_to(below + share * (above - below), Limits(low, high), total)
    better = curves.at(found / spend).sum() >= curves.at(start / spend).sum()
    return found if better and abs(found.sum() - total) <= 1e-9 * max(total, 1.0) else start


def _bought(money: Array, worth: Array, price: float) -> Array:
    """Return the money that each channel takes when its next unit has to bring more than the price."""
    rows = np.arange(len(money))
    count = (worth > price).sum(axis=1)
    right = np.clip(count, 1, worth.shape[1] - 1)
    fall = worth[rows, right - 1] - worth[rows, right]
    t = np.where(fall > 0, (worth[rows, right - 1] - price) / np.where(fall > 0, fall, 1.0), 0.0)
    inside = money[rows, right - 1] + np.clip(t, 0, 1) * (money[rows, right] - money[rows, right - 1])
    return np.where(count == 0, money[:, 0], np.where(count == worth.shape[1], money[:, -1], inside))
