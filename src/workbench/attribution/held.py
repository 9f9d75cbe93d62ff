"""What later rows can still change of users' journeys, kept so that a day's rows are enough to go on.

Words: what is *open* is what later rows can still change: the touches since a user's last conversion, or,
where conversions reuse touches, all in the longest window. A user is known by 64 well-mixed bits of the id;
they tell all whole numbers apart, and of ten million texts two collide with a chance of 3 in a million.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.tallies import BITS, Integers, bits_in, bits_of, recode_paths, words_of

if TYPE_CHECKING:
    import pyarrow as pa

Keys = NDArray[np.uint64]
Flags = NDArray[np.bool_]
_NOBODY = np.zeros(0, np.uint64)


class Rows(NamedTuple):
    """Rows of several users, each user's together and in order; the touch of a conversion is -1."""

    instant: Integers
    touch: Integers
    value: NDArray[np.float64]


class Users(NamedTuple):
    """What is known of users, in the order of their keys.

    The code of the last touches and the set of all of the open journey tell how it goes on; where it does not
    convert, its rows are not needed.
    """

    bought: NDArray[Any]  # converted before the rows that are held
    codes: NDArray[Any]
    sets: NDArray[Any]  # words of bits, shape (users, words)
    more: NDArray[Any]  # rows of earlier layers come before those of this one


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: where rows begin is found when first asked for
class Held:
    """What is open of some users.

    Parameters
    ----------
    keys : array
        The users, ascending.
    users : Users
        What is known of each.
    counts : array of int
        How many rows each has.
    rows : Rows
        Their rows, user by user.
    """

    keys: Keys
    users: Users
    counts: Integers
    rows: Rows

    @cached_property
    def ends(self) -> Integers:
        """Return where the rows of each user end."""
        return np.cumsum(self.counts)

    def found(self, keys: Keys) -> tuple[Integers, Flags]:
        """Return the place of each key, and which of them are here."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return place, self.keys[place] == keys

    def of(self, keys: Keys) -> Held:
        """Return what is held of those of the named users that are known here."""
        place, here = self.found(keys)
        return self.at(place[here])

    def at(self, places: NDArray[np.intp]) -> Held:
        """Return what is held of the users in these places."""
        counts = self.counts[places]
        first = self.ends[places] - counts
        rows = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - first, counts)
        return Held(
            keys=self.keys[places],
            users=Users(*(column[places] for column in self.users)),
            counts=counts,
            rows=Rows(*(column[rows] for column in self.rows)),
        )

    def after(self, later: Held) -> Held:
        """Return what is held of the users of both, where what is told later holds."""
        place, both = self.found(later.keys)
        left = np.ones(len(self.keys), bool)
        left[place[both & ~later.users.more]] = False  # all that is to be known of these is in the later one
        rest = self.at(np.flatnonzero(left))
        told = np.ones(len(self.keys), bool)
        told[place[both]] = False
        more = later.users.more.copy()
        more[both] &= self.users.more[place[both]]
        users = (later.users._replace(more=more), Users(*(column[told] for column in self.users)))
        keys = np.concatenate([later.keys, self.keys[told]])
        order = np.argsort(keys)
        owners = np.concatenate([np.repeat(some.keys, some.counts) for some in (rest, later)])
        rows = np.argsort(owners, kind="stable")  # a user's earlier rows first
        keys = keys[order]
        ends = np.searchsorted(owners[rows], keys, side="right")
        return Held(
            keys=keys,
            users=Users(*(np.concatenate(parts)[order] for parts in zip(*users, strict=True))),
            counts=np.diff(ends, prepend=0),
            rows=Rows(*(np.concatenate(parts)[rows] for parts in zip(rest.rows, later.rows, strict=True))),
        )

    def renamed(self, before: tuple[str, ...], after: tuple[str, ...], order: int) -> Held:
        """Return the same over more names."""
        places = np.array([after.index(name) for name in before], np.int64)
        sizes = (len(before) + 1, len(after) + 1)
        bits = np.zeros((len(self.keys), len(after)), bool)
        bits[:, places] = bits_of(self.users.sets, len(before))
        codes = recode_paths(self.users.codes, places, sizes, order)
        users = self.users._replace(codes=codes, sets=words_of(bits))
        return replace(
            self, users=users, rows=self.rows._replace(touch=np.append(places, -1)[self.rows.touch])
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Open:
    """What later rows can still change; a frozen value that can be saved as a table.

    Parameters
    ----------
    names : tuple of str
        The touches that codes stand for.
    order : int
        Of how many touches codes are.
    last : int or None
        The instant of the last row that was counted.
    layers : tuple of Held
        The oldest and largest first; what a later one says of a user replaces what an earlier one says, or
        comes after it.
    """

    names: tuple[str, ...] = ()
    order: int = 1
    last: int | None = None
    layers: tuple[Held, ...] = ()

    def __repr__(self) -> str:
        """Return how much is held in a line; the arrays themselves fill pages."""
        sizes = [f"{len(layer.rows.instant):,} rows of {len(layer.keys):,} users" for layer in self.layers]
        return f"<Open: {', '.join(sizes) or 'nothing'}>"

    def of(self, keys: Keys) -> Held:
        """Return what is open of some users, given in ascending order."""
        found: list[Held] = []
        left = keys
        for layer in reversed(self.layers):
            found.append(layer.of(left))
            done = found[-1].keys[~found[-1].users.more]
            left = np.setdiff1d(left, done, assume_unique=True)
        return reduce(Held.after, reversed(found)) if found else nobody(len(self.names))

    def users(self, keys: Keys) -> tuple[Users, Flags]:
        """Return what is known of users, zeros where nothing is; and who has rows here."""
        found, known = nothing(len(keys), len(self.names)), np.zeros(len(keys), bool)
        for layer in reversed(self.layers):
            left = np.flatnonzero(~known)
            place, here = layer.found(keys[left])
            for column, told in zip(found, layer.users, strict=True):
                column[left[here]] = told[place[here]]
            known[left[here]] = True
        return found, known

    def over(self, names: tuple[str, ...]) -> Open:
        """Return the same over more names."""
        if names == self.names:
            return self
        layers = tuple(layer.renamed(self.names, names, self.order) for layer in self.layers)
        return replace(self, names=names, layers=layers)

    def later(self, held: Held, last: int | None) -> Open:
        """Return this with what is held of the users of later rows.

        Each layer is less than half of the one before: there are few, and they are seldom written again.
        """
        layers = [*self.layers, held]
        while len(layers) > 1 and 2 * _size(layers[-1]) >= _size(layers[-2]):
            newer, older = layers.pop(), layers.pop()
            layers.append(older.after(newer))
        return replace(self, last=last, layers=tuple(layers))

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
                "bought": pa.array(whole.users.bought[lines]),
                "instant": pa.array(columns["instant"], mask=empty),
                "touch": pa.array(names[columns["touch"]], pa.string()),
                "value": pa.array(columns["value"], mask=empty),
            }
        )
        return table.replace_schema_metadata({"last": str(self.last), "order": str(self.order)})

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
        metadata = table.schema.metadata or {}
        last, order = metadata.get(b"last", b"None").decode(), int(metadata.get(b"order", b"1"))
        rows = Rows(
            table["instant"].drop_null().to_numpy(),
            touch[~empty],
            table["value"].drop_null().to_numpy(),
        )
        counts = np.bincount(lines[~empty], minlength=len(keys))
        held = held_of(keys, bought, (counts, rows), order, len(names))
        return cls(names=names, order=order, last=None if last == "None" else int(last), layers=(held,))


def held_of(keys: Keys, bought: Flags, rows: tuple[Integers, Rows], order: int, names: int) -> Held:
    """Return what is held of users of whom so many rows are all there is."""
    counts, told = rows
    ends, owner = np.cumsum(counts), np.repeat(np.arange(len(keys)), counts)
    starts = ends - counts  # of the open journey: after the last conversion, which is the last to be noted
    sold = np.flatnonzero(told.touch < 0)
    starts[owner[sold]] = sold + 1
    codes = np.zeros(len(keys), np.int64)
    for lag in range(order):
        place = ends - 1 - lag
        here = place >= starts
        codes[here] += (told.touch[place[here]] + 1) * (names + 1) ** lag
    open_ = np.arange(len(owner)) >= starts[owner]
    sets = sets_by(owner[open_], told.touch[open_], len(keys), names)
    users = Users(bought, codes, sets, np.zeros(len(keys), bool))
    return Held(keys=keys, users=users, counts=counts, rows=told)


def sets_by(owner: Integers, touch: Integers, owners: int, names: int) -> Integers:
    """Return the set of each owner's touches as words of bits; owners ascend."""
    words = range(max(1, -(-names // BITS)))
    found = np.zeros((owners, len(words)), np.int64)
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    for word in words if len(first) else ():
        found[owner[first], word] = np.bitwise_or.reduceat(bits_in(touch, word), first)
    return found


def nothing(users: int, names: int) -> Users:
    """Return what is known of users of whom nothing is."""
    no = np.zeros(users, bool)
    words = max(1, -(-names // BITS))
    return Users(no, np.zeros(users, np.int64), np.zeros((users, words), np.int64), no.copy())


def nobody(names: int) -> Held:
    """Return what is held of no users."""
    none = np.zeros(0, np.int64)
    return Held(keys=_NOBODY, users=nothing(0, names), counts=none, rows=Rows(none, none, np.zeros(0)))


def _size(held: Held) -> int:
    return len(held.keys) + len(held.rows.instant)
