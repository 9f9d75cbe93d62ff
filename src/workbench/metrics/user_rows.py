"""Events as arrays: users and instants by group of events, for what a query would keep in large tables.

The embedded engine streams the user and the instant of every event, beside a number made of the columns that
tell its group; another query says which group has which number. Groups that share one have no answer here.
Dimensions that other tables know are looked up for groups, not for events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.metrics import sql
from workbench.metrics.large import TABLE, looked_up, parts
from workbench.metrics.later import mixed
from workbench.metrics.measures import Distinct
from workbench.metrics.queries import (
    Query,
    aggregated,
    applies,
    in_window,
    meets,
    sliced,
)
from workbench.metrics.slices import DIMENSIONS
from workbench.metrics.sql import Expression
from workbench.metrics.window import Window
from workbench.source import Sized

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.source import Tables

Ints = NDArray[np.int64]
Sieve = Callable[[NDArray[Any], Ints], NDArray[np.bool_]]
# An event that is kept takes 16 bytes. One query reads about a part of the events.
KEPT, PART = 120_000_000, 25_000_000
# Smaller groups cost more by their number than the query does.
SMALLEST, GROUPS = 1000, 4096
# Stands for the user of events that name none.
UNKNOWN = np.iinfo(np.int64).min
_BATCH = 1 << 20
_NUMBER, _EVENTS, _MEETS, _USER, _INSTANT = "number_", "events_", "meets_", "user_", "instant_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which events are read, and the columns that tell their groups, besides the query's dimensions.

    A flag is a column that is true or not: it divides every group, and costs less than another key. Events
    are those of the window, or all until its end; of all, groups are told by keys alone.
    """

    query: Query
    events: Distinct
    keys: tuple[str, ...]
    flag: str = ""
    ever: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Rows sorted by group: those of group g stand from ``starts[g]`` to ``starts[g + 1]``.

    Of rows with a flag, group 2 g are those of g without it, and 2 g + 1 those with it.
    """

    users: Ints
    instants: Ints
    starts: Ints


def groups(asked: Asked, tables: Tables, window: Window, *, smallest: int | None = None) -> pa.Table | None:
    """Return the groups of events: ``d0`` ... and the keys; None where they are too many, or share a number.

    Those that do not meet the query's conditions are among them: `rows` must tell their events from others.
    """
    text = sql.to_sql(lambda: _groups(asked), ("groups of rows", asked), tables.dialect)
    found = tables.query(sql.with_window(text, window))
    if _EVENTS in found.column_names:
        least = found.num_rows * (SMALLEST if smallest is None else smallest)
        if not least <= found.column(_EVENTS).to_numpy().sum() <= KEPT:
            return None
    distinct = len(np.unique(found.column(_NUMBER).to_numpy())) == found.num_rows
    return found if distinct and found.num_rows <= GROUPS else None


def meeting(found: pa.Table) -> NDArray[np.bool_]:
    """Return which groups meet the query's conditions."""
    return np.asarray(found.column(_MEETS).to_numpy() == 1)


def rows(
    asked: Asked,
    found: pa.Table,
    wanted: NDArray[np.bool_],
    *,
    tables: Tables,
    window: Window,
    sieve: Sieve | None = None,
) -> list[Part] | None:
    """Return the rows of the wanted groups, in parts; None where a user or an instant cannot be told.

    A sieve says, from the place of its group among those wanted, and its user, whether a row is kept.
    """
    numbers = found.column(_NUMBER).to_numpy()
    if asked.flag:
        numbers, wanted = np.stack([numbers, numbers + 1], axis=1).ravel(), np.repeat(wanted, 2)
    places = _places(numbers, wanted)
    if places is None:
        return None
    (table, shift), size = places, int(wanted.sum())
    read: list[Part] = []
    for batch in _batches(asked, tables, window):
        told = _told(batch)
        if told is None or _kept(read) > KEPT:
            return None
        codes = table[(batch.column(_NUMBER).to_numpy() >> shift) & np.uint32(len(table) - 1)]
        if sieve is not None:
            some = np.flatnonzero(sieve(codes, told[0]))
            codes, told = codes[some], (told[0][some], told[1][some])
        read.append(parted(codes, *told, size=size))
    return read


def by_user(asked: Asked, tables: Tables, window: Window, *, size: int) -> list[Part] | None:
    """Return rows by mixed bits of their user, as `rows` does by group; the size is a power of two."""
    read: list[Part] = []
    for batch in _batches(asked, tables, window):
        told = _told(batch)
        if told is None or _kept(read) > KEPT:
            return None
        read.append(bucketed(*told, size=size))
    return read


def bucketed(users: Ints, instants: Ints, *, size: int) -> Part:
    """Return rows by mixed bits of their user."""
    return parted(mixed(users, size).astype(np.min_scalar_type(size)), users, instants, size=size)


def _batches(asked: Asked, tables: Tables, window: Window) -> Iterator[pa.RecordBatch]:
    assert isinstance(tables, Sized)  # noqa: S101 - `large` looked
    text = sql.to_sql(lambda: _stream(asked), ("rows of groups", asked), tables.dialect)
    for part in parts(_whole(asked, tables, window), -(-tables.rows[TABLE] // PART)):
        yield from tables.query(sql.with_window(text, part)).to_batches(max_chunksize=_BATCH)


def _kept(read: list[Part]) -> int:
    return sum(len(part.users) for part in read)


def sizes(read: list[Part], size: int) -> Ints:
    """Return how many rows each group has."""
    return sum((np.diff(part.starts) for part in read), np.zeros(size, np.int64))


def _whole(asked: Asked, tables: Tables, window: Window) -> Window:
    """Return the days that may hold the events."""
    if not asked.ever:
        return window
    text = sql.to_sql(
        lambda: sql.unbound(TABLE).select("month").distinct(), "months of events", tables.dialect
    )
    months = [month for month in tables.query(text).column(0).to_pylist() if month]
    return Window(min([window.first, *(date.fromisoformat(f"{month}-01") for month in months)]), window.last)


def of_group(read: list[Part], group: int) -> tuple[Ints, Ints]:
    """Return the users and the instants of one group."""
    bounds = [slice(part.starts[group], part.starts[group + 1]) for part in read]
    if not bounds:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return tuple(  # type: ignore[return-value]
        np.concatenate([getattr(part, name)[own] for part, own in zip(read, bounds, strict=True)])
        for name in ("users", "instants")
    )


def parted(codes: NDArray[Any], users: Ints, instants: Ints, *, size: int) -> Part:
    """Return rows sorted by their code, those of codes up to `size`.

    Examples
    --------
    >>> import numpy as np
    >>> part = parted(np.array([1, 2, 0, 1], np.uint8), np.array([5, 6, 7, 8]), np.arange(4), size=2)
    >>> part.users.tolist(), part.instants.tolist(), part.starts.tolist()
    ([7, 5, 8], [2, 0, 3], [0, 1, 3])
    """
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=size)[:size])])
    order = np.argsort(codes, kind="stable")[: starts[-1]]  # of small numbers, a radix sort
    return Part(users[order], instants[order], starts)


def instants_of(column: pa.Array[Any]) -> Ints:
    """Return instants in microseconds since 1970."""
    values = column.to_numpy(zero_copy_only=False).astype("datetime64[us]", copy=False)
    return np.asarray(values.view(np.int64))


def _told(batch: pa.RecordBatch) -> tuple[Ints, Ints] | None:
    users, instants = batch.column(_USER), batch.column(_INSTANT)
    keys = (users.fill_null(UNKNOWN) if users.null_count else users).to_numpy()
    unclear = instants.null_count or np.count_nonzero(keys == UNKNOWN) > users.null_count
    return None if unclear else (keys, instants_of(instants))


def _places(numbers: NDArray[np.uint32], wanted: NDArray[np.bool_]) -> tuple[NDArray[Any], np.uint32] | None:
    """Return the place of every wanted group by some bits of its number, and where these begin."""
    size = int(wanted.sum())
    codes = np.full(len(numbers), size, np.min_scalar_type(size))
    codes[wanted] = np.arange(size)
    for bits in (16, 20, 24):
        for shift in range(33 - bits):
            own = (numbers >> np.uint32(shift)) & np.uint32((1 << bits) - 1)
            if len(np.unique(own)) == len(own):
                table = np.full(1 << bits, size, codes.dtype)
                table[own] = codes
                return table, np.uint32(shift)
    return None


def _groups(asked: Asked) -> Expression:
    query, late, told = asked.query, looked_up(asked.query), _told_apart(asked)
    # Of all that ever was, the columns that tell groups are read much faster than what would restrict them.
    made = sql.unbound(TABLE) if asked.ever else _source(asked)
    by = {name: made[name] for name in told}
    figures = {} if asked.ever else {_EVENTS: made.count()}
    listed = aggregated(made, by, **figures)
    listed = listed.mutate(**{_NUMBER: _number(listed, told)})
    conditions = [condition for condition in query.where if condition.column in late]
    also = [*(name for name in query.by if name in late), *(condition.column for condition in conditions)]
    listed = sliced(listed, TABLE, replace(query, by=(), where=()), also=also)
    met = sql.literal(True)
    for condition in conditions:
        met = met & meets(listed, condition).fill_null(False)
    places = {
        f"d{place}": listed[f"dim_{name}" if name in late else _column(asked, place)]
        for place, name in enumerate(query.by)
    }
    same = {name: listed[name] for name in (*asked.keys, *figures, _NUMBER)}
    return listed.select(**places, **same, **{_MEETS: sql.when(met, 1, 0)})


def _stream(asked: Asked) -> Expression:
    made = _source(asked)
    number = _number(made, _told_apart(asked))
    number = number | _flag(made, asked) if asked.flag else number
    return made.select(**{_NUMBER: number, _USER: made.user_key, _INSTANT: made.timestamp})


def _source(asked: Asked) -> Expression:
    """Return the events that meet what their own columns tell, with their own dimensions, ``d0`` ..."""
    query, late = asked.query, looked_up(asked.query)
    now = replace(
        query,
        by=tuple(name for name in query.by if name not in late),
        where=tuple(condition for condition in query.where if condition.column not in late),
    )
    made = sliced(in_window(sql.unbound(TABLE), TABLE), TABLE, now)
    made = made.filter(applies(made, asked.events))
    own = {f"d{place}": name for place, name in enumerate(query.by) if name not in late}
    return made.mutate(**{place: made[f"dim_{name}"] for place, name in own.items()})


def _column(asked: Asked, place: int) -> str:
    """Return where a dimension of the events' own stands: in a key, if it is one."""
    own = DIMENSIONS[asked.query.by[place]]
    column = "" if own.grain else own.column(TABLE) or ""
    return column if column in asked.keys else f"d{place}"


def _told_apart(asked: Asked) -> list[str]:
    """Return the columns that tell groups apart, each once."""
    late = looked_up(asked.query)
    own = [_column(asked, place) for place, name in enumerate(asked.query.by) if name not in late]
    return list(dict.fromkeys([*own, *asked.keys, *(column for names in late.values() for column in names)]))


def _number(made: Expression, names: list[str]) -> Expression:
    """Return 30 bits of the columns' hashes, and a zero after them."""
    if not names:
        return sql.literal(0).cast("uint32")
    first, *others = (
        _hash(str(made[name].type()))(made[name]) >> 34 + place for place, name in enumerate(names)
    )
    for other in others:
        first = first ^ other
    return (first << 1).cast("uint32")


def _flag(made: Expression, asked: Asked) -> Expression:
    return made[asked.flag].fill_null(False).cast("uint32")


@cache
def _hash(kind: str) -> Any:
    import ibis

    @ibis.udf.scalar.builtin(name="hash", signature=((kind,), "uint64"))
    def key(_value):  # type: ignore[no-untyped-def]
        ...

    return key
