"""A day added to a year: only the day's rows are counted, and of users what they left open.

Who converts is counted with all that was open, since credit goes back to it. Of who does not, the code of the
last touches and the set of all tell how the journey goes on: new steps are counted, and the journey's end is
moved to where it ends now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.counting import count_added, count_journeys, pays
from workbench.attribution.counting_sorted import path_codes
from workbench.attribution.held import Flags, Held, Open, Rows, Users, held_of, sets_by
from workbench.attribution.journeys import Journeys
from workbench.attribution.sequences import Sequences, sequences
from workbench.attribution.tallies import Integers, Tally, tally, times
from workbench.attribution.touchpoints import Coded, Touchpoints
from workbench.attribution.windows import JourneySettings
from workbench.errors import UsageError


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: the sum is found when first asked for
class Advanced:
    """The statistics of all rows so far, and what is open after them.

    Parameters
    ----------
    layers : tuple of Journeys
        What adds up to the statistics: the oldest and largest first, each of less than half the size of the
        one before. What a day adds is small beside the tables of a year, which are copied when they are read.
    open : Open
        What later rows can still change.
    """

    layers: tuple[Journeys, ...]
    open: Open

    def __repr__(self) -> str:
        """Return what was counted in a line; the figures themselves fill pages."""
        told = reduce(add, (layer.provenance for layer in self.layers))
        return f"<Advanced by {self.layers[0].attribute}: {told.sentence}>"

    @cached_property
    def journeys(self) -> Journeys:
        """Return the statistics of all rows so far."""
        *older, found = self.layers
        for layer in reversed(older):
            found = layer + found
        return found

    def later(self, added: Journeys, open_: Open) -> Advanced:
        """Return this with what later rows add, and what is open after them."""
        layers = [*self.layers, added]
        while len(layers) > 1 and 2 * layers[-1].size >= layers[-2].size:
            newer, older = layers.pop(), layers.pop()
            layers.append(older + newer)
        return Advanced(layers=tuple(layers), open=open_)


def advance(before: Advanced | None, later: Touchpoints, settings: JourneySettings | None = None) -> Advanced:
    """Return the statistics of all rows so far and of later ones, at the cost of the later ones.

    The statistics equal those of all rows counted at once: what the day's users had open is looked at again,
    since journeys go on from there, but only new rows are counted, and the ends of journeys that went on are
    taken away.

    Parameters
    ----------
    before : Advanced, optional
        The result so far; None begins.
    later : Touchpoints
        Rows that are later than all so far.
    settings : JourneySettings, optional
        Those of the first rows.

    Raises
    ------
    UsageError
        If a row is not later than those counted, or the settings are others.
    """
    asked = settings or (before.layers[0].settings if before else JourneySettings())
    if before is None:
        new = _relayed(later)
        begun = Open(names=new.names, order=asked.order)
        held = _after(new, asked)
        return Advanced(layers=(count_journeys(later, asked),), open=begun.later(held, later.provenance.last))
    if (before.layers[0].settings, before.layers[0].attribute) != (asked, later.attribute):
        raise UsageError("Journeys advance with the settings and the attribute that they began with.")
    first, last = later.provenance.first, before.open.last
    if first is None:
        return before
    if last is not None and first <= last:
        raise UsageError("These rows are not later than those counted before: count all of them again.")
    new = _relayed(later)
    open_ = before.open.over(tuple(sorted({*before.open.names, *new.names})))
    again = np.full(new.user_count, asked.gap is not None or later.since is not None)
    again[new.user[new.touch < 0]] = True
    both, known = _joined(open_, _only(new, again))
    added = replace(_added(both, known, asked), provenance=later.provenance)
    held = _after(both, asked)
    if not again.all():
        added, on = _gone_on(added, open_, _only(new, ~again))
        held = held.after(on)
    return before.later(added, open_.later(held, later.provenance.last))


def _gone_on(added: Journeys, open_: Open, new: Touchpoints) -> tuple[Journeys, Held]:
    """Return what was added with the steps of users who only touched, and what is held of these."""
    settings, names, user = added.settings, open_.names, new.user.astype(np.int64)
    before, known = open_.users(new.keys())
    base, order = len(names) + 1, settings.order
    touch = _recoded(new.touch, new.names, names)
    counts = np.bincount(user, minlength=new.user_count)
    position = np.arange(len(user)) - np.repeat(np.cumsum(counts) - counts, counts)
    codes = path_codes(touch, position, base, order)
    early = np.flatnonzero(position < order)  # on whose paths are touches from before
    left = base ** (order - position[early])
    codes[early] += before.codes[user[early]] % left * base ** (position[early] + 1)
    last = codes[np.cumsum(counts) - 1] % base**order
    sets = before.sets | sets_by(user, touch, new.user_count, len(names))
    bucket = new.buckets(settings.buckets).astype(np.int64)
    was = np.flatnonzero(before.codes > 0)
    group = np.concatenate([bucket, bucket[was]])
    whole = added.over(names)
    whole = replace(
        whole,
        steps=times(bucket[user], codes) + whole.steps,
        ends=_moved(group, np.concatenate([last, before.codes[was]]), len(bucket)) + whole.ends,
        sets=_moved(group, np.concatenate([sets, before.sets[was]]), len(bucket)) + whole.sets,
    )
    rows = Rows(new.instant, touch, np.zeros(len(touch)))
    users = Users(before.bought, last, sets, known)
    return whole, Held(keys=new.keys(), users=users, counts=counts, rows=rows)


def _moved(bucket: Integers, ends: Integers, now: int) -> Tally:
    """Return ends without a conversion: so many that there are now, and then those that there were."""
    ones = np.ones((len(bucket), 1))
    ones[now:] = -1.0
    found = tally(np.column_stack([bucket, ends]), ones)
    return Tally(keys=found.keys, sums=np.pad(found.sums, ((0, 0), (2, 0))))


def _added(both: Touchpoints, known: Flags, settings: JourneySettings) -> Journeys:
    """Return what later rows add; many are counted twice by the compiled pass, which is quicker still."""
    if not pays(len(both)):
        return count_added(both, settings, known)
    rows = np.flatnonzero(known)
    earlier = replace(
        both,
        attributes={both.attribute: replace(both.attributes[both.attribute], codes=both.touch[rows])},
        user=both.user[rows],
        instant=both.instant[rows],
        value=both.value[known[both.touch < 0]],
    )
    return count_journeys(both, settings) + -count_journeys(earlier, settings)


def _only(points: Touchpoints, some: Flags) -> Touchpoints:
    """Return the rows of some users."""
    rows = some[points.user]
    codes = points.touch[rows]
    return replace(
        points,
        attributes={points.attribute: Coded(names=points.names, codes=codes)},
        user=(np.cumsum(some, dtype=np.int32) - 1)[points.user[rows]],
        user_count=int(some.sum()),
        user_keys=points.keys()[some],
        instant=points.instant[rows],
        value=points.value[rows[points.touch < 0]],
    )


def _joined(open_: Open, new: Touchpoints) -> tuple[Touchpoints, Flags]:
    """Return what is open of the users of new rows with these rows, and which rows were open before."""
    keys, names = new.keys(), open_.names
    held = open_.of(keys)
    bought, counts = np.zeros(len(keys), bool), np.zeros(len(keys), np.int64)
    known_users = np.searchsorted(keys, held.keys)
    bought[known_users], counts[known_users] = held.users.bought, held.counts
    more = np.bincount(new.user, minlength=len(keys))
    size = counts + more
    known = np.repeat(np.tile([True, False], len(keys)), np.column_stack([counts, more]).reshape(-1))
    touch = np.empty(len(known), np.promote_types(new.touch.dtype, np.min_scalar_type(-len(names))))
    touch[known] = held.rows.touch
    touch[~known] = _recoded(new.touch, new.names, names)
    instant = np.empty(len(known), np.int64)
    instant[known], instant[~known] = held.rows.instant, new.instant
    worth = np.zeros(len(known))
    worth[known] = held.rows.value
    worth[~known & (touch < 0)] = new.value
    both = replace(
        new,
        attributes={new.attribute: Coded(names=names, codes=touch)},
        user=np.repeat(np.arange(len(keys), dtype=np.int32), size),
        instant=instant,
        value=worth[touch < 0],
        user_keys=keys,
        bought=bought,
        layout="user",
    )
    return both, known


def _relayed(points: Touchpoints) -> Touchpoints:
    """Return touchpoints whose users' codes ascend with their keys, each user's rows together."""
    keys, code = np.unique(points.keys()[points.user], return_inverse=True)
    # Numbers of two bytes, which a day's users have room in, are sorted by counting.
    order = np.argsort(code.astype(np.min_scalar_type(len(keys))), kind="stable")
    converts = points.touch < 0
    value = np.zeros(len(points))
    value[converts] = points.value
    return replace(
        points,
        attributes={points.attribute: Coded(names=points.names, codes=points.touch[order])},
        user=code[order].astype(np.int32),
        user_count=len(keys),
        users=None,
        user_keys=keys,
        instant=points.instant[order],
        value=value[order][converts[order]],
        conversion_ids=None,
        layout="user",
    )


def _recoded(codes: NDArray[np.signedinteger], before: tuple[str, ...], after: tuple[str, ...]) -> Integers:
    place = np.array([*(after.index(name) for name in before), -1], np.int64)
    found: Integers = place[codes]
    return found


def _after(both: Touchpoints, settings: JourneySettings) -> Held:
    """Return what is open after all rows of some users."""
    cut = sequences(both, settings)
    kept = _kept(cut, settings)
    places = np.flatnonzero(np.repeat(kept, cut.ends - cut.starts))
    count = both.user_count
    bought = np.zeros(count, bool) if both.bought is None else both.bought.copy()
    gone = cut.converted & ~kept
    bought[cut.user[cut.starts[gone]]] = True
    counts = np.bincount(cut.user[places], minlength=count).astype(np.int64)
    rows = Rows(cut.instant[places], cut.touch[places].astype(np.int64), cut.value[places])
    return held_of(both.keys(), bought, (counts, rows), settings.order, len(both.names))


def _kept(cut: Sequences, settings: JourneySettings) -> Flags:
    """Return which journeys later rows can still change or be credited to."""
    open_: Flags = ~cut.converted & np.append(np.diff(cut.user[cut.starts]) != 0, True)[: len(cut.starts)]
    if settings.conversions == "split" or not len(cut.instant):
        return open_
    horizon = int(cut.instant.max()) - settings.lookbacks[-1].micros
    recent: Flags = cut.instant[cut.ends - 1] >= horizon
    return open_ | recent
