"""Journeys counted with NumPy alone: rows are sorted by user, then everything is sums over columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from workbench.attribution.grids import Grid
from workbench.attribution.journeys import HOURS, LONGEST
from workbench.attribution.rules import Rule
from workbench.attribution.sequences import Flags, Sequences, sequences
from workbench.attribution.tallies import BITS, Floats, Integers, Tally, bits_in, tally, times
from workbench.attribution.touchpoints import Touchpoints
from workbench.attribution.windows import JourneySettings

_PAIRS = 2_000_000  # of a conversion and a touch before it, looked at together
_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """The sums of one pass, as `Journeys` has them."""

    credit: Floats
    unattributed: Floats
    totals: Floats
    steps: Tally | Grid
    ends: Tally
    sets: Tally
    lengths: Floats
    lags: Floats
    spans: Floats


class Figures(NamedTuple):
    """Arrays that a pass adds to."""

    credit: Floats
    unattributed: Floats
    totals: Floats
    lengths: Floats
    lags: Floats
    spans: Floats


def empty_figures(names: int, settings: JourneySettings, places: int | None = None) -> Figures:
    """Return zeros in the shapes of `Journeys`, or with so many places where those have windows."""
    buckets, windows, rules = settings.buckets, places or len(settings.lookbacks), len(settings.rules)
    return Figures(
        credit=np.zeros((buckets, windows, rules, names, 2)),
        unattributed=np.zeros((buckets, windows, 2)),
        totals=np.zeros((buckets, 2)),
        lengths=np.zeros((windows, 2, LONGEST + 1, 2)),
        lags=np.zeros((windows, 2, HOURS + 1)),
        spans=np.zeros((windows, 2, 2)),
    )


def count_sorted(touchpoints: Touchpoints, settings: JourneySettings, known: Flags | None = None) -> Counted:
    """Return the sums over all journeys, or what is to be added where `known` rows were counted before.

    Each user's known rows come before all others.
    """
    found = sequences(touchpoints, settings)
    if known is not None:
        known = known[found.rows]
        found = replace(found, counted=found.counted & ~known[found.ends - 1])
    bucket = touchpoints.buckets(settings.buckets).astype(np.int64)[found.user]
    figures = empty_figures(len(touchpoints.names), settings)
    for some in pairs(found):
        _credit(some, bucket, found, figures, settings, direct=direct_code(touchpoints.names, settings))
    steps, ends, sets = path_tallies(found, bucket, len(touchpoints.names), settings, known=known)
    return Counted(**figures._asdict(), steps=steps, ends=ends, sets=sets)


def direct_code(names: Sequence[str], settings: JourneySettings) -> int:
    """Return the code of the direct touch; -1 where there is none."""
    return names.index(settings.direct) if settings.direct in names else -1


def path_tallies(
    found: Sequences,
    bucket: Integers,
    names: int,
    settings: JourneySettings,
    *,
    known: Flags | None = None,
) -> tuple[Tally, Tally, Tally]:
    """Return steps, ends and sets of the journeys that are counted, as `Journeys` has them.

    Where a journey goes on after `known` places, their steps are not counted again, and that it ended there
    without a conversion is taken away.
    """
    states = (names + 1) ** settings.order
    counted = found.counted & (found.touches > 0)
    starts, last = found.starts[counted], found.ends[counted] - 1
    walks = _walks(found, starts, found.touches[counted], names + 1)
    group, converted = bucket[starts], found.converts[last]
    outcomes = np.column_stack([converted, found.value[last], ~converted]).astype(float)
    ended, sets, new = walks.codes[walks.ends - 1], walks.sets(names), np.ones(len(walks.at), bool)
    if known is not None:
        earlier, journeys, new = _before(walks, found, known)
        group = np.concatenate([group, group[journeys]])
        outcomes = np.concatenate([outcomes, np.tile([0.0, 0.0, -1.0], (len(journeys), 1))])
        ended = np.concatenate([ended, earlier.codes[earlier.ends - 1]])
        sets = np.concatenate([sets, earlier.sets(names)])
    return (
        times(bucket[walks.at[new]], walks.codes[new]),
        tally(np.column_stack([group, ended % states]), outcomes),
        tally(np.column_stack([group, sets]), outcomes),
    )


class Walks(NamedTuple):
    """The touches of journeys, one journey after the other."""

    at: Integers  # the place of each touch
    touch: Integers
    codes: Integers  # of each touch with those before it
    ends: Integers  # of each journey: where its touches end

    def sets(self, names: int) -> Integers:
        """Return the set of each journey's touches as words of bits."""
        first = np.append(0, self.ends[:-1])[: len(self.ends)]
        words = range(max(1, -(-names // BITS)))
        if not len(first):
            return np.zeros((0, len(words)), np.int64)
        return np.column_stack([np.bitwise_or.reduceat(bits_in(self.touch, word), first) for word in words])


def _walks(found: Sequences, starts: Integers, size: Integers, base: int) -> Walks:
    """Return the touches of journeys that start in some places and have so many touches."""
    ends = np.cumsum(size)
    position = np.arange(size.sum()) - np.repeat(ends - size, size)
    at = np.repeat(starts, size) + position
    touch = found.touch[at].astype(np.int64)
    return Walks(at, touch, path_codes(touch, position, base, found.settings.order), ends)


def path_codes(touch: Integers, position: Integers, base: int, order: int) -> Integers:
    """Return the code of each touch with up to `order` before it, from its position on its path."""
    codes = touch + 1
    for lag in range(1, order + 1):
        # Places stand one after another within a journey, so what came before is a shift away.
        codes[lag:] += np.where(position[lag:] >= lag, touch[:-lag] + 1, 0) * base**lag
    return codes


def _before(walks: Walks, found: Sequences, known: Flags) -> tuple[Walks, Integers, Flags]:
    """Return what journeys were before they went on, which of them did, and which touches are new."""
    old, journeys = known[walks.at], np.arange(len(walks.ends))
    owner = np.repeat(journeys, np.diff(walks.ends, prepend=0))
    since = found.touchpoints.since
    if since is not None:  # what ended before the period was not counted: all of it is new
        recent = old & (found.instant[walks.at] >= since)
        old &= (np.bincount(owner[recent], minlength=len(journeys)) > 0)[owner]
    size = np.bincount(owner[old], minlength=len(journeys))
    before = Walks(walks.at[old], walks.touch[old], walks.codes[old], np.cumsum(size[size > 0]))
    return before, np.flatnonzero(size), ~old


class Pairs(NamedTuple):
    """Conversions, and each touch that one of their windows may hold, oldest first."""

    places: Integers  # of the conversions
    journeys: Integers
    counts: Integers  # touches of each conversion
    touches: Integers  # places of the touches, conversion by conversion


def pairs(found: Sequences) -> Iterator[Pairs]:
    """Yield conversions with the touches before them, so many at a time that they fit into memory."""
    journeys = np.flatnonzero(found.counted & found.converted)
    places = found.ends[journeys] - 1
    touch_places = np.flatnonzero(~found.converts)
    before = np.concatenate([[0], np.cumsum(~found.converts)])
    low, high = before[found.begins[journeys]], before[places]
    total = np.cumsum(high - low)
    first = 0
    while first < len(journeys):
        done = total[first - 1] if first else 0
        after = max(int(np.searchsorted(total, done + _PAIRS, side="right")), first + 1)
        size = (high - low)[first:after]
        start = np.cumsum(size) - size
        inside = np.arange(size.sum()) - np.repeat(start, size) + np.repeat(low[first:after], size)
        some = slice(first, after)
        yield Pairs(places[some], journeys[some], size, touch_places[inside])
        first = after


def _credit(
    some: Pairs,
    bucket: Integers,
    found: Sequences,
    figures: Figures,
    settings: JourneySettings,
    *,
    direct: int,
) -> None:
    """Add the credit of some conversions in all windows by all rules."""
    group, value = bucket[some.places], found.value[some.places]
    returning = found.returning[some.journeys].astype(np.int64)
    np.add.at(figures.totals, group, np.column_stack([np.ones(len(group)), value]))
    owner = np.repeat(np.arange(len(group)), some.counts)
    ages = found.instant[some.places][owner] - found.instant[some.touches]
    touch = found.touch[some.touches].astype(np.int64)
    for window, lookback in enumerate(settings.lookbacks):
        inside = ages <= lookback.micros
        path = Paths.of(owner[inside], ages[inside], touch[inside], direct)
        without = np.bincount(path.owner, minlength=len(group)) == 0
        lost = np.column_stack([np.ones(without.sum()), value[without]])
        np.add.at(figures.unattributed[:, window], group[without], lost)
        kind, worth = returning[path.owners], value[path.owners]
        lag = path.age[path.first]
        both = np.column_stack([np.ones(len(worth)), worth])
        np.add.at(figures.lengths[window], (kind, np.minimum(path.size, LONGEST)), both)
        np.add.at(figures.lags[window], (kind, np.minimum(lag // _HOUR, HOURS)), 1.0)
        np.add.at(figures.spans[window], kind, np.column_stack([path.size, lag]).astype(float))
        where = group[path.owner] * len(figures.credit[0, 0, 0]) + path.touch
        for place, rule in enumerate(settings.rules):
            shares = path.shares(rule, settings.half_life_micros)
            for figure, amount in enumerate((shares, path.amounts(shares, worth))):
                added = np.bincount(where, amount, minlength=figures.credit[:, 0, 0, :, 0].size)
                figures.credit[:, window, place, :, figure] += added.reshape(len(figures.credit), -1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paths:
    """The touches in a window of several conversions, oldest first, one conversion after another."""

    owner: Integers
    owners: Integers
    age: Integers
    touch: Integers
    first: Integers
    last: Integers
    size: Integers
    direct: int

    @classmethod
    def of(cls, owner: Integers, age: Integers, touch: Integers, direct: int) -> Paths:
        """Return paths from the conversion, the age and the code of each touch."""
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        size = np.diff(np.append(first, len(owner)))
        last = first + size - 1
        return cls(
            owner=owner,
            owners=owner[first],
            age=age,
            touch=touch,
            first=first,
            last=last,
            size=size,
            direct=direct,
        )

    def shares(self, rule: Rule, half_life: int) -> Floats:
        """Return each touch's share of its conversion; the last share is what the others leave."""
        if not len(self.first):
            return np.zeros(0)
        found = np.zeros(len(self.owner))
        if rule.skips_direct:
            place = np.where(self.touch != self.direct, np.arange(len(found)), -1)
            latest = np.maximum.reduceat(place, self.first)
            found[np.where(latest >= 0, latest, self.last)] = 1.0
            return found
        if rule.decays:
            found = 2.0 ** (-(self.age - np.repeat(self.age[self.last], self.size)) / half_life)
            found /= np.repeat(np.add.reduceat(found, self.first), self.size)
        elif rule.first is None:
            found = np.repeat(1 / self.size, self.size)
        else:
            found = self._by_place(*rule.shape)
        found[self.last] = 0.0
        found[self.last] = 1.0 - np.add.reduceat(found, self.first)
        return found

    def _by_place(self, first: float, last: float) -> Floats:
        middle = (1.0 - first - last) / np.maximum(self.size - 2, 1)
        found = np.repeat(middle, self.size)
        found[self.first] = np.where(self.size == 2, first / (first + last), first)
        return found

    def amounts(self, shares: Floats, worth: Floats) -> Floats:
        """Return each touch's part of a conversion's worth; the parts add up to it."""
        if not len(self.first):
            return np.zeros(0)
        found = shares * np.repeat(worth, self.size)
        whole = shares[self.last] == 1.0
        rest = found.copy()
        rest[self.last] = 0.0
        found[self.last] = np.where(whole, worth, worth - np.add.reduceat(rest, self.first))
        return found
