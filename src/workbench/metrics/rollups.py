"""Daily roll-ups: the same leaves, answered from sums kept by day.

A roll-up is no second definition. Where a workspace offers the table ``rollup_daily``, the planner reads
counts and sums of events from it if its columns cover the question, and from the events otherwise. It holds
nothing that does not merge: distinct users and quantiles always come from the events.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from workbench.catalog import Catalog
from workbench.events.definitions import Field, Kind
from workbench.events.tables import FACTS, TableDefinition
from workbench.metrics.conditions import Condition
from workbench.metrics.measures import Count, Leaf, Total
from workbench.metrics.slices import DIMENSIONS

DAILY = "rollup_daily"
KEYS = ("day", "event_type", "campaign_id", "channel", "segment", "kind", "is_holdout")
SUMS = ("value", "seconds")

ROLLUPS: Catalog[TableDefinition] = Catalog(
    "roll-up",
    [
        TableDefinition(
            name=DAILY,
            says="Events of one day by type, campaign, channel, segment and kind: how many, and their sums.",
            fields=(
                *(FACTS.field(name) for name in KEYS),
                Field("events", Kind.COUNT),
                *(FACTS.field(name) for name in SUMS),
            ),
            key=KEYS,
            day="day",
        )
    ],
)


def daily_sql(day: date | None = None) -> str:
    """Return the SELECT that makes the roll-up from facts: of all days, or of one that changed.

    Examples
    --------
    >>> print(daily_sql(date(2024, 3, 1)))  # doctest: +ELLIPSIS
    SELECT day, event_type, ... FROM facts WHERE day = CAST('2024-03-01' AS DATE) GROUP BY day, ...
    """
    keys = ", ".join(KEYS)
    sums = ", ".join(f"SUM({name}) AS {name}" for name in SUMS)
    only = f" WHERE day = CAST('{day.isoformat()}' AS DATE)" if day else ""
    return f"SELECT {keys}, COUNT(*) AS events, {sums} FROM facts{only} GROUP BY {keys}"


def covers(leaves: Iterable[Leaf], by: Iterable[str], where: Iterable[Condition]) -> bool:
    """Return whether the roll-up answers these leaves of facts, so sliced and filtered."""
    several = list(leaves)
    named = [*by, *(c.column for c in where), *(c.column for leaf in several for c in _conditions(leaf))]
    return all(map(_sums, several)) and all(map(_known, named))


def _conditions(leaf: Leaf) -> tuple[Condition, ...]:
    return leaf.where if isinstance(leaf, Count | Total) else ()


def _sums(leaf: Leaf) -> bool:
    return isinstance(leaf, Count) or (isinstance(leaf, Total) and leaf.column in SUMS and not leaf.times)


def _known(name: str) -> bool:
    if name not in DIMENSIONS:
        return name in KEYS
    own = DIMENSIONS[name].column("facts")
    found = DIMENSIONS[name].lookup("facts")
    return (own is None or own in KEYS) and (own is not None or (found is not None and found.key in KEYS))
