"""What users did within days of an instant: events by user, found for many users at once.

Users are looked up by some bits of their key, mixed. Which of 64 spans of time hold an event of those bits is
one number: it sifts out most who did nothing in time, without a look at the events.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Moments = tuple[Ints, Ints]  # users and instants
# Stands for the instant of what did not happen.
NEVER = np.iinfo(np.int64).max
_ODD = np.uint64(0x9E3779B97F4A7C15)
_PLACE = 32  # the bits that tell the place of an event
_SHORTEST = 30  # a span of 2 ** 30 microseconds, a quarter of an hour


@dataclass(frozen=True, slots=True)
class Later:
    """Events sorted by slots of users: those of slot s stand from ``starts[s]`` to ``starts[s + 1]``.

    Parameters
    ----------
    users, instants : array
        Who, and when in microseconds.
    rows : array
        The place of each event in what was given.
    starts : array
        Where each slot begins.
    spans : array
        For each slot the spans that hold one of its events, a bit for each.
    begin, shift : int
        When the first span begins, and the binary logarithm of its length.
    """

    users: Ints
    instants: Ints
    rows: Ints
    starts: Ints
    spans: NDArray[np.uint64]
    begin: int
    shift: int

    def within(self, users: Ints, since: Ints, length: int) -> tuple[Ints, Ints]:
        """Return for all that users did from an instant on, for so many microseconds: whose place, which row.

        Examples
        --------
        >>> import numpy as np
        >>> bought = later(np.array([7, 8, 7]), np.array([10, 20, 30]))
        >>> [found.tolist() for found in bought.within(np.array([9, 7]), np.array([0, 11]), 20)]
        [[1], [2]]
        """
        reach = (length >> self.shift) + 1
        first = np.clip((since - self.begin) >> self.shift, -reach - 1, 64) + (reach + 1)
        slots = mixed(users, len(self.spans))
        places = np.flatnonzero(self.spans[slots] & _reached(reach)[first])
        slots = slots[places]
        starts = self.starts[slots]
        counts = self.starts[slots + 1] - starts
        places = np.repeat(places, counts)
        found = np.arange(len(places)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
        wait = self.instants[found] - since[places]
        same = (self.users[found] == users[places]) & (wait >= 0) & (wait < length)
        return places[same], self.rows[found[same]]


def later(users: Ints, instants: Ints) -> Later:
    """Return events to be found by user.

    Parameters
    ----------
    users, instants : array of int, shape (events,)
        Keys, and microseconds.
    """
    size = 1 << min(max(len(users), 256).bit_length(), 24)
    slots = mixed(users, size)
    # Sorted as one number with its place, which is much faster than to sort places by what stands there.
    packed = np.sort(slots << _PLACE | np.arange(len(slots)))
    order = packed & ((1 << _PLACE) - 1)
    counts = np.bincount(slots, minlength=size)
    starts = np.concatenate([[0], np.cumsum(counts)])
    begin, end = (int(instants.min()), int(instants.max())) if len(users) else (0, 0)
    shift = max((end - begin).bit_length() - 6, _SHORTEST)
    spans = np.zeros(size, np.uint64)
    if len(users):
        bits = np.uint64(1) << ((instants[order] - begin) >> shift).astype(np.uint64)
        spans[counts > 0] = np.bitwise_or.reduceat(bits, starts[:-1][counts > 0])
    return Later(users[order], instants[order], order, starts, spans, begin, shift)


def firsts(users: Ints, instants: Ints) -> Moments:
    """Return every user once, sorted, and its first instant.

    Examples
    --------
    >>> import numpy as np
    >>> [column.tolist() for column in firsts(np.array([7, 5, 7]), np.array([30, 20, 10]))]
    [[5, 7], [20, 10]]
    """
    order = np.argsort(users)
    users = users[order]
    starts = np.flatnonzero(np.concatenate([[True], users[1:] != users[:-1]])[: len(users)])
    return users[starts], np.minimum.reduceat(instants[order], starts) if len(users) else instants


def followed(before: Moments, after: Moments) -> tuple[Ints, Ints, Ints]:
    """Return every user once, sorted, its first instant before, and the first after that is not earlier.

    What a user lacks is `NEVER`.

    Examples
    --------
    >>> import numpy as np
    >>> shown = np.array([7, 5, 7]), np.array([30, 20, 10])
    >>> clicked = np.array([5, 7, 7, 9]), np.array([19, 10, 40, 50])
    >>> users, first, then = followed(shown, clicked)
    >>> users.tolist(), first[:2].tolist(), then[1].tolist()
    ([5, 7, 9], [20, 10], 10)
    >>> (first == NEVER).tolist(), (then == NEVER).tolist()
    ([False, False, True], [True, False, True])
    """
    users = np.concatenate([before[0], after[0]])
    order = np.argsort(users)
    users = users[order]
    starts = np.flatnonzero(np.concatenate([[True], users[1:] != users[:-1]])[: len(users)])
    if not len(users):
        return users, users, users
    instants = np.concatenate([before[1], after[1]])[order]
    since = np.minimum.reduceat(np.where(order < len(before[0]), instants, NEVER), starts)
    late = (order >= len(before[0])) & (instants >= np.repeat(since, np.diff(starts, append=len(users))))
    return users[starts], since, np.minimum.reduceat(np.where(late, instants, NEVER), starts)


def mixed(users: Ints, size: int) -> Ints:
    """Return some bits of users' keys, mixed: numbers below `size`, which is a power of two.

    Examples
    --------
    >>> import numpy as np
    >>> mixed(np.arange(4), 16).tolist(), mixed(np.arange(4), 1).tolist()
    ([0, 9, 3, 13], [0, 0, 0, 0])
    """
    whole = users.view(np.uint64) * _ODD
    # Half of it at a time: a shift by 64 bits is none.
    return ((whole >> np.uint64(32)) >> np.uint64(33 - size.bit_length())).astype(np.int64)


@cache
def _reached(reach: int) -> NDArray[np.uint64]:
    """Return, for every first span from long before the events, the spans from there to the last in reach."""
    return np.array(
        [
            sum(1 << span for span in range(max(first, 0), min(first + reach, 63) + 1))
            for first in range(-reach - 1, 65)
        ],
        np.uint64,
    )
