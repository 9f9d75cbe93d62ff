"""Rows of touchpoints, each user's together, cut into journeys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.touchpoints import Codes, Touchpoints
from workbench.attribution.windows import JourneySettings

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sequences:
    """Touchpoints, each user's together and in order, and where journeys begin and end.

    Parameters
    ----------
    touchpoints : Touchpoints
        What they were made from.
    settings : JourneySettings
        How they were cut.
    rows : array of int
        The row of the touchpoints that stands in each place.
    user, instant, touch : arrays
        Of each place.
    converts : array of bool
        Whether a conversion stands there.
    value : array
        Its value; 0 for a touch.
    starts, ends : arrays of int, shape (journeys,)
        The first place of each journey, and the place after its last, where a conversion may stand.
    user_starts : array of int, shape (journeys,)
        The first place of the journey's user.
    returning : array of bool, shape (journeys,)
        Whether the user converted before.
    counted : array of bool, shape (journeys,)
        Whether the journey ends in the period that is reported.
    """

    touchpoints: Touchpoints
    settings: JourneySettings
    rows: Integers
    user: NDArray[np.int32]
    instant: Integers
    touch: Codes
    converts: Flags
    value: NDArray[np.float64]
    starts: Integers
    ends: Integers
    user_starts: Integers
    returning: Flags
    counted: Flags

    @property
    def converted(self) -> Flags:
        """Return whether each journey ends in a conversion, shape (journeys,)."""
        return self.converts[self.ends - 1]

    @property
    def touches(self) -> Integers:
        """Return the number of touches of each journey, shape (journeys,)."""
        return self.ends - self.starts - self.converted

    @property
    def begins(self) -> Integers:
        """Return the first place that a journey's conversion may be credited to, shape (journeys,)."""
        return self.starts if self.settings.conversions == "split" else self.user_starts


def sequences(touchpoints: Touchpoints, settings: JourneySettings | None = None) -> Sequences:
    """Return touchpoints cut into journeys."""
    settings = settings or JourneySettings()
    rows = np.arange(len(touchpoints), dtype=np.int64)
    if touchpoints.layout == "time":
        rows = _by_user(touchpoints.user)
    user, instant, touch = touchpoints.user[rows], touchpoints.instant[rows], touchpoints.touch[rows]
    converts = touch < 0
    place = np.cumsum(touchpoints.touch < 0) - 1
    value = np.zeros(len(rows))
    value[converts] = touchpoints.value[place[rows[converts]]]
    other = np.diff(user) != 0
    idle = ~converts[1:] & (np.diff(instant) > settings.gap_micros)
    starts = _starts(other | converts[:-1] | idle, len(rows))
    ends = np.append(starts[1:], len(rows)).astype(np.int64)[: len(starts)]
    # A user's first row starts a journey.
    first = np.concatenate([np.ones(min(len(rows), 1), bool), other])[starts]
    user_starts = np.maximum.accumulate(np.where(first, starts, 0))
    before = np.concatenate([[0], np.cumsum(converts)])
    since = touchpoints.since
    return Sequences(
        touchpoints=touchpoints,
        settings=settings,
        rows=rows,
        user=user,
        instant=instant,
        touch=touch,
        converts=converts,
        value=value,
        starts=starts,
        ends=ends,
        user_starts=user_starts,
        returning=(before[starts] > before[user_starts])
        | (touchpoints.bought[user[starts]] if touchpoints.bought is not None else False),
        counted=np.ones(len(starts), bool) if since is None else instant[ends - 1] >= since,
    )


def _by_user(user: NDArray[np.int32]) -> Integers:
    """Return the rows user by user, each user's in the order in which they came."""
    if len(user) >= 2**31:
        return np.argsort(user, kind="stable").astype(np.int64)
    # Numbers that hold user and row are sorted several times as fast as places are by a key.
    both = (user.astype(np.int64) << 31) + np.arange(len(user))
    both.sort()
    both &= 2**31 - 1
    return both


def _starts(breaks: Flags, size: int) -> Integers:
    """Return the places where something begins: the first, and those after a break."""
    return np.concatenate([np.zeros(min(size, 1), np.int64), np.flatnonzero(breaks) + 1])
