"""What the workbench records of itself: it lies on other days than the data, and fills no day of the data."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import TYPE_CHECKING

from workbench.events.definitions import EVENT_TYPES
from workbench.metrics.measures import Days, Leaf
from workbench.metrics.window import Window, parse_window
from workbench.source import Recorder

if TYPE_CHECKING:
    from workbench.source import Tables

SYSTEM = tuple(EVENT_TYPES.where(family="system"))
OTHER = tuple(name for name in EVENT_TYPES if name not in SYSTEM)
_LIST = ", ".join(f"'{name}'" for name in SYSTEM)
NOT_OWN = f"event_type NOT IN ({_LIST})"
_DAYS = {
    "facts": f"SELECT MIN(day) AS first_day, MAX(day) AS last_day FROM facts WHERE event_type IN ({_LIST})",
    "runs": "SELECT CAST(MIN(started_at) AS DATE) AS first_day, CAST(MAX(started_at) AS DATE) AS last_day"
    " FROM runs",
}


def is_own(leaf: Leaf) -> bool:
    """Return whether a leaf is read from records of the workbench itself.

    Examples
    --------
    >>> from workbench.metrics.measures import count
    >>> is_own(count("metric_calculation_completed")), is_own(count("runs")), is_own(count("orders"))
    (True, True, False)
    """
    types: Collection[str] = getattr(leaf, "event_types", ())
    return leaf.table == "runs" or (bool(types) and set(types) <= set(SYSTEM))


def readable(tables: Tables) -> frozenset[str]:
    """Return the tables that can be asked: those with data, and facts that hold nothing but own records."""
    own = {"facts"} if isinstance(tables, Recorder) and tables.keeps_records else set()
    return tables.names | own


def own_window(window: str | Window | None, tables: Tables, wanted: Iterable[Leaf]) -> Window | None:
    """Return the window over the workbench's own records, where nothing else is asked for and there are any.

    The data may be of last year while the workbench runs today, so "30d" ends on the last day it recorded.
    """
    leaves = [leaf for leaf in wanted if not isinstance(leaf, Days)]
    if not leaves or not all(map(is_own, leaves)):
        return None
    days = _days(tables, {leaf.table for leaf in leaves})
    return parse_window(window, max(days), min(days)) if days else None


def _days(tables: Tables, names: set[str]) -> list[date]:
    rows = [tables.query(_DAYS[name]).to_pylist()[0] for name in sorted(names & readable(tables))]
    return [day for row in rows for day in row.values() if day is not None]
