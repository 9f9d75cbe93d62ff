"""A day added to a year: what is open of each user is kept, so that only the day's users are looked at again.

Words: what is *open* is what later rows can still change: the touches since a user's last conversion, or,
where conversions reuse touches, all in the longest window. A user is known by 64 well-mixed bits of the id;
they tell all whole numbers apart, and of ten million texts two collide with a chance of 3 in a million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.counting import count_added, count_journeys, pays
from workbench.attribution.journeys import Journeys
from workbench.attribution.sequences import Sequences, sequences
from workbench.attribution.touchpoints import Coded, Touchpoints
from workbench.attribution.windows import JourneySettings
from workbench.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

Keys = NDArray[np.uint64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
_NOBODY = np.zeros(0, np.uint64)


class Rows(NamedTuple):
    """Rows of several users, each user's together and in order; the touch of a conversion is -1."""

    instant: Integers
    touch: Integers
    value: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: where rows begin is found when first asked for
class Held:
    """What is open of some users.

    Parameters
    ----------
    keys : array
        The users, ascending.
    bought : array of bool
        Whether each converted before the rows that are held.
    counts : array of int
        How many rows each has.
    rows : Rows
        Their rows, user by user.
    """

    keys: Keys
    bought: Flags
    counts: Integers
    rows: Rows

    @cached_property
    def ends(self) -> Integers:
        """Return where the rows of each user end."""
        return np.cumsum(self.counts)

    def of(self, keys: Keys) -> Held:
        """Return what is held of those of the named users that are known here."""
        place = np.minimum(np.searchsorted(self.keys, keys), max(len(self.keys) - 1, 0))
        return self.at(place[self.keys[place] == keys] if len(self.keys) else place[:0])

    def at(self, places: NDArray[np.intp]) -> Held:
        """Return what is held of the users in these places, ascending."""
        counts = self.counts[places]
        first = self.ends[places] - counts
        rows = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - first, counts)
        return Held(
            keys=self.keys[places],
            bought=self.bought[places],
            counts=counts,
            rows=Rows(*(column[rows] for column in self.rows)),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Open:
    """What later rows can still change; a frozen value that can be saved as a table.

    Parameters
    ----------
    names : tuple of str
        The touches that codes stand for.
    last : int or None
        The instant of the last row that was counted.
    layers : tuple of Held
        The oldest and largest first; what a later one says of a user replaces what an earlier one says.
    """

    names: tuple[str, ...] = ()
    last: int | None = None
    layers: tuple[Held, ...] = ()

    def of(self, keys: Keys) -> Held:
        """Return what is open of some users, given in ascending order."""
        found: list[Held] = []
        left = keys
        for layer in reversed(self.layers):
            found.append(layer.of(left))
            left = np.setdiff1d(left, found[-1].keys, assume_unique=True)
        return merged(found)

    def to_arrow(self) -> pa.Table:
        """Return one row per open row, and one per user of whom only an earlier conversion is known."""
        import pyarrow as pa

        whole = self.of(np.unique(np.concatenate([_NOBODY, *(layer.keys for layer in self.layers)])))
        lines = np.repeat(np.arange(len(whole.keys)), np.maximum(whole.counts, 1))
        empty = np.repeat(whole.counts == 0, np.maximum(whole.counts, 1))
        columns = {name: np.zeros(len(lines), part.dtype) for name, part in whole.rows._asdict().items()}
        for name, part in whole.rows._asdict().items():
            columns[name][~empty] = part
        names = np.array([*self.names, None], object)
        table = pa.table(
            {
                "user": pa.array(whole.keys[lines]),
                "bought": pa.array(whole.bought[lines]),
                "instant": pa.array(columns["instant"], mask=empty),
                "touch": pa.array(names[columns["touch"]], pa.string()),
                "value": pa.array(columns["value"], mask=empty),
            }
        )
        return table.replace_schema_metadata({"last": str(self.last)})

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Open:
        """Return what was saved."""
        keys, lines = np.unique(table["user"].to_numpy(), return_inverse=True)
        empty = table["instant"].is_null().to_numpy()
        told: list[str | None] = table["touch"].to_pylist()
        names = tuple(sorted({name for name in told if name is not None}))
        code: dict[str | None, int] = {None: -1, **{name: place for place, name in enumerate(names)}}
        touch = np.array([code[name] for name in told], np.int64)
        bought = np.zeros(len(keys), bool)
        bought[lines] = table["bought"].to_numpy()
        last = (table.schema.metadata or {}).get(b"last", b"None").decode()
        rows = Rows(
            table["instant"].drop_null().to_numpy(),
            touch[~empty],
            table["value"].drop_null().to_numpy(),
        )
        held = Held(
            keys=keys, bought=bought, counts=np.bincount(lines[~empty], minlength=len(keys)), rows=rows
        )
        return cls(names=names, last=None if last == "None" else int(last), layers=(held,))


def merged(parts: Sequence[Held]) -> Held:
    """Return what is held of all users of several parts, no user being in two of them."""
    some = [part for part in parts if len(part.keys)]
    if len(some) == 1:
        return some[0]
    keys = np.concatenate([_NOBODY, *(part.keys for part in parts)])
    counts = np.concatenate([np.zeros(0, np.int64), *(part.counts for part in parts)])
    whole = Held(
        keys=keys,
        bought=np.concatenate([np.zeros(0, bool), *(part.bought for part in parts)]),
        counts=counts,
        rows=Rows(
            np.concatenate([np.zeros(0, np.int64), *(part.rows.instant for part in parts)]),
            np.concatenate([np.zeros(0, np.int64), *(part.rows.touch for part in parts)]),
            np.concatenate([np.zeros(0), *(part.rows.value for part in parts)]),
        ),
    )
    return whole.at(np.argsort(keys))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Advanced:
    """The statistics of all rows so far, and what is open after them."""

    journeys: Journeys
    open: Open


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
    asked = settings or (before.journeys.settings if before else JourneySettings())
    if before is None:
        return Advanced(
            journeys=count_journeys(later, asked), open=_after(Open(), _relayed(later), later, asked)
        )
    if before.journeys.settings != asked:
        raise UsageError("Journeys advance with the settings that they began with.")
    first, last = later.provenance.first, before.open.last
    if first is None:
        return before
    if last is not None and first <= last:
        raise UsageError("These rows are not later than those counted before: count all of them again.")
    both, known = _joined(before.open, later)
    added = _added(both, known, asked)
    total = before.journeys + replace(added, provenance=later.provenance)
    return Advanced(journeys=total, open=_after(before.open, both, later, asked))


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


def _joined(open_: Open, later: Touchpoints) -> tuple[Touchpoints, Flags]:
    """Return what is open of the users of later rows with these rows, and which rows were open before."""
    new = _relayed(later)
    keys = new.keys()
    names = tuple(sorted({*open_.names, *new.names}))
    held = open_.of(keys)
    bought, counts = np.zeros(len(keys), bool), np.zeros(len(keys), np.int64)
    known_users = np.searchsorted(keys, held.keys)
    bought[known_users], counts[known_users] = held.bought, held.counts
    more = np.bincount(new.user, minlength=len(keys))
    size = counts + more
    known = np.repeat(np.tile([True, False], len(keys)), np.column_stack([counts, more]).reshape(-1))
    touch = np.empty(len(known), np.promote_types(new.touch.dtype, np.min_scalar_type(-len(names))))
    touch[known] = _recoded(held.rows.touch, open_.names, names)
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
    order = np.argsort(code, kind="stable")
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


def _after(open_: Open, both: Touchpoints, later: Touchpoints, settings: JourneySettings) -> Open:
    """Return what is open after later rows: for their users anew, for all others as before."""
    cut = sequences(both, settings)
    kept = _kept(cut, settings)
    places = np.flatnonzero(np.repeat(kept, cut.ends - cut.starts))
    count = both.user_count
    bought = np.zeros(count, bool) if both.bought is None else both.bought.copy()
    gone = cut.converted & ~kept
    bought[cut.user[cut.starts[gone]]] = True
    held = Held(
        keys=both.keys(),
        bought=bought,
        counts=np.bincount(cut.user[places], minlength=count).astype(np.int64),
        rows=Rows(cut.instant[places], cut.touch[places].astype(np.int64), cut.value[places]),
    )
    names = both.names
    layers = [
        replace(layer, rows=layer.rows._replace(touch=_recoded(layer.rows.touch, open_.names, names)))
        if names != open_.names
        else layer
        for layer in open_.layers
    ]
    return Open(names=names, last=later.provenance.last, layers=_layered([*layers, held]))


def _kept(cut: Sequences, settings: JourneySettings) -> Flags:
    """Return which journeys later rows can still change or be credited to."""
    open_: Flags = ~cut.converted & np.append(np.diff(cut.user[cut.starts]) != 0, True)[: len(cut.starts)]
    if settings.conversions == "split" or not len(cut.instant):
        return open_
    horizon = int(cut.instant.max()) - settings.lookbacks[-1].micros
    recent: Flags = cut.instant[cut.ends - 1] >= horizon
    return open_ | recent


def _layered(layers: list[Held]) -> tuple[Held, ...]:
    """Return layers of which each is less than half of the one before: few of them, seldom written again."""
    while len(layers) > 1 and 2 * _size(layers[-1]) >= _size(layers[-2]):
        newer, older = layers.pop(), layers.pop()
        left = older.at(np.flatnonzero(~np.isin(older.keys, newer.keys, assume_unique=True)))
        layers.append(merged([left, newer]))
    return tuple(layers)


def _size(held: Held) -> int:
    return len(held.keys) + len(held.rows.instant)
