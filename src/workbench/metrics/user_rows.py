"""Events as arrays: users and instants by group of events, for what a query would keep in large tables.

The embedded engine streams the user and the instant of every event, beside a number made of the columns that
tell its group; another query says which group has which number. Groups that share one have no answer here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.metrics import numbered, sql
from workbench.metrics.large import TABLE, parts
from workbench.metrics.later import mixed
from workbench.metrics.numbered import EVENTS, INSTANT, MEETS, NUMBER, USER, Asked
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
    text = sql.to_sql(lambda: numbered.groups(asked), ("groups of rows", asked), tables.dialect)
    found = tables.query(sql.with_window(text, window))
    least = found.num_rows * (SMALLEST if smallest is None else smallest)
    return _told_apart(found) if least <= found.column(EVENTS).to_numpy().sum() <= KEPT else None


def known(asked: Asked, tables: Tables) -> pa.Table | None:
    """Return the groups of a query without dimensions, told by their keys alone; None as of `groups`."""
    text = sql.to_sql(lambda: numbered.known(asked.keys), ("known groups", asked.keys), tables.dialect)
    return _told_apart(tables.query(text))


def _told_apart(found: pa.Table) -> pa.Table | None:
    distinct = len(np.unique(found.column(NUMBER).to_numpy())) == found.num_rows
    return found if distinct and found.num_rows <= GROUPS else None


def meeting(found: pa.Table) -> NDArray[np.bool_]:
    """Return which groups meet the query's conditions."""
    return np.asarray(found.column(MEETS).to_numpy() == 1)


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
    numbers = found.column(NUMBER).to_numpy()
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
        codes = table[(batch.column(NUMBER).to_numpy() >> shift) & np.uint32(len(table) - 1)]
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
    text = sql.to_sql(lambda: numbered.stream(asked), ("rows of groups", asked), tables.dialect)
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
    users, instants = batch.column(USER), batch.column(INSTANT)
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
