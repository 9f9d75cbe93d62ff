"""What there is to measure: the tables that hold rows, and the event types that ever occurred."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from workbench.events.definitions import EVENT_TYPES
from workbench.metrics.measures import Leaf
from workbench.metrics.own_records import readable
from workbench.metrics.rollups import offered

if TYPE_CHECKING:
    from workbench.source import Tables


def loaded(tables: Tables, wanted: Iterable[Leaf]) -> frozenset[str]:
    """Return the tables that hold rows and, of the event types the leaves need, those that ever occurred.

    A workspace that never recorded a conversion has no conversion rate of zero: it has none. Each type is
    looked for in a roll-up, or with a limit of one row, which the order of the facts makes a matter of a few
    pages.
    """
    names = tables.names
    needed = sorted({name for leaf in wanted for name in leaf.needs} & set(EVENT_TYPES))
    if "facts" not in readable(tables) or not needed:
        return names
    if rollup := offered(names):
        found = tables.query(f"SELECT DISTINCT event_type FROM {rollup}").column(0).to_pylist()
        return names | (set(needed) & set(found))
    sql = " UNION ALL ".join(
        f"(SELECT event_type FROM facts WHERE event_type = '{name}' LIMIT 1)" for name in needed
    )
    return names | {str(name) for name in tables.query(sql).column(0).to_pylist()}
