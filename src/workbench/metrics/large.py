"""What is counted outside the query: where many events are, in parts of a window."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from workbench.metrics.conditions import Condition
from workbench.metrics.queries import Query
from workbench.metrics.slices import DIMENSIONS
from workbench.metrics.window import Window
from workbench.source import Sized

if TYPE_CHECKING:
    from workbench.source import Tables

TABLE = "facts"
# Fewer events take half a second or so either way. Of more than the most, lists and arrays might not fit into
# memory, while a query can spill to disk.
LEAST, MOST = 5_000_000, 250_000_000


def large(query: Query, tables: Tables) -> bool:
    """Return whether a query may be answered outside SQL: of many events, in the embedded engine."""
    if tables.dialect != "duckdb" or not isinstance(tables, Sized) or query.mixed:
        return False
    return LEAST <= tables.rows.get(TABLE, 0) <= MOST


def looked_up(query: Query, conditions: tuple[Condition, ...] = ()) -> dict[str, list[str]]:
    """Return the dimensions that events look up in other tables, and the columns that each follows from.

    Examples
    --------
    >>> looked_up(Query(kind="derived", table="facts", leaves=(), by=("channel",), loaded=("campaigns",)))
    {'channel': ['campaign_id', 'channel']}
    """
    found = {}
    for name in (*query.by, *(condition.column for condition in (*query.where, *conditions))):
        lookup = DIMENSIONS[name].lookup(TABLE) if name in DIMENSIONS else None
        if lookup and lookup.via in query.loaded:
            own = DIMENSIONS[name].column(TABLE)
            found[name] = [lookup.key, *([own] if own else [])]
    return found


def parts(window: Window, number: int) -> list[Window]:
    """Return a window in so many parts at most, each of whole months but for its ends.

    Examples
    --------
    >>> from datetime import date
    >>> [str(part) for part in parts(Window(date(2024, 1, 5), date(2024, 4, 2)), 2)]
    ['2024-01-05:2024-02-29', '2024-03-01:2024-04-02']
    """
    starts = [window.first]
    while (after := (starts[-1].replace(day=1) + timedelta(days=31)).replace(day=1)) <= window.last:
        starts.append(after)
    each = -(-len(starts) // number)
    begun = starts[::each]
    ends = [start - timedelta(days=1) for start in begun[1:]] + [window.last]
    return [Window(first, last) for first, last in zip(begun, ends, strict=True)]
