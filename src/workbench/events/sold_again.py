"""Whether two lists of orders tell the same sales under other ids: by what was paid, and when.

A shop's orders and the purchases that its site tells are a few seconds apart, or some whole hours and a few
seconds where one of them writes local times. What two lists of different sales share by chance (one price,
the busy hours of the day, a sale of two hours) they share as well half an hour, a day and a week apart.

References
----------
Amarasingham, Harrison, Hatsopoulos and Geman (2012), Journal of Neurophysiology 107: what coincides beyond
what moves both slowly is seen when one of the two is shifted in time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
ENOUGH = 5_000  # of the newest: more take time and tell no more
FEWEST = 5  # that are alike: fewer are so by chance
_HOUR, _DAY = 3600, 86_400
_NEAR = 600
_LAGS = np.arange(-14 * _HOUR, 14 * _HOUR + 1, _HOUR // 2)
_FAR = np.array([-7, -1, 1, 7]) * _DAY
_OTHER_DAYS = np.array([day for day in range(-7, 8) if day]) * _DAY
_SPAN = np.int64(2**36)  # longer than any time between two orders
_BY_CHANCE = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class Sales:
    """Orders: when each was placed, in seconds since 1970, and what was paid, in hundredths.

    Examples
    --------
    >>> len(Sales(np.array([0, 60]), np.array([999, 1999])))
    2
    """

    moments: Whole
    cents: Whole

    def __len__(self) -> int:
        return len(self.moments)


def sold_again(one: Sales, other: Sales) -> int:
    """Return how many orders of the shorter list are in the other one as well; 0 where that may be chance.

    Orders of one price within ten minutes count once, so that what was billed in one go is no proof. Half of
    the orders at least must be alike, and more than at any other shift of the two lists; where one list has
    days only, days are held against each other. Of long lists only the newest orders are looked at.

    Examples
    --------
    >>> moments = np.arange(40) * 40_000
    >>> shop = Sales(moments, np.arange(40) * 70 + 995)
    >>> sold_again(shop, Sales(moments + 90, shop.cents))
    40
    >>> sold_again(shop, Sales(moments[::-1] + 90, shop.cents))
    0
    """
    by_day = not (one.moments % _DAY).any() or not (other.moments % _DAY).any()
    near, reach = (0, 0) if by_day else (_NEAR, int(_LAGS[-1]))
    sides = _in_common(one, other, by_day=by_day, reach=reach + near)
    shorter, longer = sorted(sides, key=len)
    shorter = shorter[np.diff(shorter, prepend=shorter[:1] - _SPAN) > near]
    if len(shorter) < FEWEST:
        return 0
    lags = np.zeros(1, int) if by_day else _LAGS
    found = [_alike(shorter, longer, lag, near) for lag in lags.tolist()]
    best = int(np.argmax(found))
    shifts = _OTHER_DAYS if by_day else lags[best] + _FAR
    chance = [*found[:best], *found[best + 1 :]]
    chance += [_alike(shorter, longer, shift, near) for shift in shifts.tolist()]
    alike, among = found[best], len(shorter)
    sound = alike >= FEWEST and 2 * alike >= among and _beyond_chance(alike, among, max(chance))
    return alike if sound else 0


def _in_common(one: Sales, other: Sales, *, by_day: bool, reach: int) -> list[Whole]:
    """Return both lists over the time of which both tell: newest orders only, each as a number, sorted."""
    if not len(one) or not len(other):
        return [one.moments[:0], other.moments[:0]]
    times = [side.moments // _DAY * _DAY if by_day else side.moments for side in (one, other)]
    last = min(int(moments.max()) for moments in times) + reach
    first = max(int(moments.min()) for moments in times) - reach
    for moments in times:
        within = moments[moments <= last]
        if len(within) > ENOUGH:
            first = max(first, int(np.partition(within, len(within) - ENOUGH)[len(within) - ENOUGH]))
    prices = np.unique(np.concatenate([one.cents, other.cents]))
    sides = []
    for side, moments in zip((one, other), times, strict=True):
        some = (moments >= first) & (moments <= last)
        rank = np.searchsorted(prices, side.cents[some]).astype(np.int64)
        sides.append(np.sort(rank * _SPAN + moments[some]))
    return sides


def _alike(orders: Whole, others: Whole, shift: int, near: int) -> int:
    """Return how many orders have another of the same price, so much later, within `near` seconds."""
    until = np.searchsorted(others, orders + (shift + near), "right")
    return int((until > np.searchsorted(others, orders + (shift - near), "left")).sum())


def _beyond_chance(alike: int, among: int, chance: int) -> bool:
    from scipy.special import bdtrc

    return bool(bdtrc(alike - 1, among, (chance + 1) / (among + 2)) < _BY_CHANCE)
