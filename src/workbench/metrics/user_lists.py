"""Users counted from lists: the embedded engine lists the users of each slice, and sorting counts them.

Of many events most users of a campaign are new, so a group-by of user and campaign keeps nearly every row in
a table that no cache holds. A list costs one appended number a row, and 64-bit numbers are sorted much faster
than they are looked up. The counts are exact, and the same as those of the query in two steps, which every
other engine answers and which few events need.

A dimension that is looked up is looked up for whole lists: events are listed by the columns it follows from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.metrics import sql
from workbench.metrics.derived import DERIVED
from workbench.metrics.equal_rows import coded
from workbench.metrics.large import TABLE, large, looked_up, parts
from workbench.metrics.measures import Distinct
from workbench.metrics.queries import Query, aggregated, applies, in_window, meets, sliced
from workbench.metrics.slices import DIMENSIONS
from workbench.metrics.sql import Expression
from workbench.source import Sized

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.metrics.window import Window
    from workbench.source import Tables

# One query lists the users of about a part of the events.
PART = 25_000_000
# Lists of fewer users cost more by their number than the query does.
SHORTEST = 200
_KEY, _USERS = "user_key", "users_"


@dataclass(frozen=True, slots=True)
class _List:
    """Users of some events: their keys, in no order, and how many events name none."""

    keys: NDArray[np.int64]
    unknown: int


def answers(query: Query, tables: Tables) -> bool:
    """Return whether lists answer a query: of users, from as many events as are worth it."""
    return large(query, tables) and _listed(query) is not None


def texts(query: Query, tables: Tables, window: Window) -> list[str]:
    """Return the SQL of a query's lists, one for each part of the window."""
    assert isinstance(tables, Sized)  # noqa: S101 - `answers` looked
    text = sql.to_sql(lambda: lists(query), ("user lists", query), tables.dialect)
    number = -(-tables.rows[TABLE] // PART)
    return [sql.with_window(text, part) for part in parts(window, number)]


def counted(query: Query, tables: Tables, window: Window) -> pa.Table | None:
    """Return what the query's own SQL answers: a row per slice, a column per figure.

    None where the slices are so many that lists are short: the last days, as good as any others, tell.
    """
    found: list[pa.Table] = []
    for text in reversed(texts(query, tables, window)):
        found.append(tables.query(text))
        if len(found) == 1 and found[0].num_rows * SHORTEST > _users(found[0]):
            return None
    return _counted(query, found)


def _users(part: pa.Table) -> int:
    chunks: list[Any] = part.column(_USERS).chunks
    return sum(len(chunk.values) for chunk in chunks)


def _counted(query: Query, found: Sequence[pa.Table]) -> pa.Table:
    import pyarrow as pa

    users = [one for part in found for one in _lists(part.column(_USERS))]
    rows = pa.concat_tables([part.drop_columns([_USERS]) for part in found])
    kept = np.array([bool(len(one.keys) or one.unknown) for one in users], bool)
    rows, users = rows.filter(pa.array(kept)), [one for one, has in zip(users, kept, strict=True) if has]
    names = [f"d{place}" for place in range(len(query.by))]
    first, codes = coded(rows, names)
    several = [_runs(rows.column(flag).to_numpy() == 1, codes) for flag in _flags(query)]
    columns: dict[str, Any] = {name: rows.column(name).take(first) for name in names}
    figures = _distinct if query.kind == "distinct" else _exposed
    columns |= figures(several, users, len(first) if names else 1)
    return pa.table(columns)


def lists(query: Query) -> Expression:
    """Return lists of users, ``users_``, by slice, ``d0`` ..., and whether a leaf counts them: ``l0`` ..."""
    leaves, late = _listed(query) or (), _looked_up(query)
    passes: dict[Distinct, list[int]] = {}
    read = [replace(leaf, where=tuple(c for c in leaf.where if c.column not in late)) for leaf in leaves]
    for place, leaf in enumerate(read):
        kinds = [replace(leaf, of=(kind,)) for kind in leaf.of]
        # Who did the one or the other is in the lists of either, where these are read anyway.
        for one in kinds if all(kind in read for kind in kinds) else (leaf,):
            passes.setdefault(one, []).append(place)
    found = [_pass(query, leaf, places) for leaf, places in passes.items()]
    whole = found[0]
    for other in found[1:]:
        whole = whole.union(other, distinct=False)
    return whole


def _pass(query: Query, leaf: Distinct, places: Sequence[int]) -> Expression:
    """Return the lists of the leaves that differ in nothing but what is looked up."""
    late, leaves = _looked_up(query), _listed(query) or ()
    now = replace(
        query,
        by=tuple(name for name in query.by if name not in late),
        where=tuple(condition for condition in query.where if condition.column not in late),
    )
    also = [condition.column for condition in leaf.where if condition.column in DIMENSIONS]
    rows = sliced(in_window(sql.unbound(TABLE), TABLE), TABLE, now, also=also)
    rows = rows.filter(applies(rows, leaf))
    if query.kind == "distinct":
        rows = rows.filter(rows[_KEY].notnull())
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by) if name not in late}
    by |= {
        name: rows[name] for name in dict.fromkeys(column for columns in late.values() for column in columns)
    }
    listed = aggregated(rows, by, **{_USERS: rows[_KEY].collect(include_null=True)})
    then = replace(
        query,
        by=tuple(name for name in query.by if name in late),
        where=tuple(condition for condition in query.where if condition.column in late),
    )
    conditions = {place: [c for c in leaves[place].where if c.column in late] for place in places}
    listed = sliced(listed, TABLE, then, also=[c.column for some in conditions.values() for c in some])
    return _flagged(listed, query, conditions)


def _flagged(listed: Expression, query: Query, conditions: dict[int, Any]) -> Expression:
    by = {
        f"d{place}": listed[f"dim_{name}" if f"dim_{name}" in listed.columns else f"d{place}"]
        for place, name in enumerate(query.by)
    }
    flags = {}
    for place in range(len(_flags(query))):
        met = sql.literal(place in conditions)
        for condition in conditions.get(place, ()):
            met = met & meets(listed, condition)
        flags[f"l{place}"] = sql.when(met, 1, 0)
    found = listed.select(**by, **flags, **{_USERS: listed[_USERS]})
    return found.filter(sql.any_of([found[name] == 1 for name in flags]))


def _listed(query: Query) -> tuple[Distinct, ...] | None:
    """Return what is listed for a query; None where lists cannot answer it."""
    if query.kind == "derived":
        leaf = DERIVED[query.table].listed
        return None if leaf is None else (leaf,)
    leaves = tuple(leaf for leaf in query.leaves if isinstance(leaf, Distinct) and leaf.column == _KEY)
    fits = query.kind == "distinct" and query.table == TABLE and len(leaves) == len(query.leaves)
    return leaves if fits else None


def _flags(query: Query) -> list[str]:
    return [f"l{place}" for place in range(len(_listed(query) or ()))]


def _looked_up(query: Query) -> dict[str, list[str]]:
    """Return the dimensions that are looked up in other tables, and the columns each follows from."""
    return looked_up(query, tuple(condition for leaf in _listed(query) or () for condition in leaf.where))


def _lists(column: pa.ChunkedArray[Any]) -> Iterator[_List]:
    chunk: Any
    for chunk in column.chunks:
        values, bounds = chunk.values, chunk.offsets.to_numpy().tolist()
        # With a null among them numbers would become floats, which cannot tell large ones apart.
        keys = values.fill_null(0).to_numpy() if values.null_count else values.to_numpy()
        gaps = values.is_null().to_numpy(zero_copy_only=False) if values.null_count else None
        for start, end in pairwise(bounds):
            own, missing = keys[start:end], None if gaps is None else gaps[start:end]
            yield _List(own, 0) if missing is None else _List(own[~missing], int(missing.sum()))


def _runs(chosen: NDArray[np.bool_], codes: NDArray[np.int64]) -> list[tuple[int, list[int]]]:
    """Return the chosen rows of every slice that has one."""
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(codes[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(codes[rows], prepend=-1))
    several = np.split(rows, starts[1:])
    return [(int(codes[some[0]]), some.tolist()) for some in several if len(some)]


def _sorted(users: Sequence[_List]) -> NDArray[np.int64]:
    keys = np.concatenate([one.keys for one in users])
    keys.sort()
    return keys


def _distinct(
    several: Sequence[list[tuple[int, list[int]]]], users: Sequence[_List], size: int
) -> Iterator[tuple[str, pa.Array[Any]]]:
    import pyarrow as pa

    # As in SQL, several sums over no rows at all are unknown, and one count of them is zero.
    unknown = len(several) > 1 and not any(several)
    for place, runs in enumerate(several):
        counts = np.zeros(size, np.int64)
        for code, rows in runs:
            keys = _sorted([users[row] for row in rows])
            counts[code] = 1 + np.count_nonzero(keys[1:] != keys[:-1])
        yield f"l{place}", pa.array(counts, mask=np.full(size, unknown))


def _exposed(
    several: Sequence[list[tuple[int, list[int]]]], users: Sequence[_List], size: int
) -> Iterator[tuple[str, pa.Array[Any]]]:
    import pyarrow as pa

    (runs,) = several
    counts = np.zeros((3, size), np.int64)
    for code, rows in runs:
        keys, unknown = _sorted([users[row] for row in rows]), sum(users[row].unknown for row in rows)
        ends = np.flatnonzero(keys[1:] != keys[:-1]) + 1
        seen = np.diff(ends, prepend=0, append=len(keys)) if len(keys) else np.zeros(0, np.int64)
        seen = np.append(seen, unknown) if unknown else seen
        counts[:, code] = len(seen), seen.sum(), seen @ seen
    empty = np.full(size, not runs)
    for name, column in zip(DERIVED["exposure"].figures, counts, strict=True):
        yield name, pa.array(column, mask=empty if name != "users" else None)
