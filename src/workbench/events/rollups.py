"""Roll-ups: sums of the facts by day, kept beside them so that metrics need not read every event.

A roll-up is no second definition of anything: it holds the same counts and sums, grouped. Whoever keeps it
makes it by `Rollup.made_from`; whoever reads it adds its rows up. Several rows may bear the same keys, as
every load adds rows of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from workbench.catalog import Catalog
from workbench.events.definitions import EVENT_TYPES
from workbench.events.fields import Kind, field
from workbench.events.recorded_tables import FACTS
from workbench.events.tables import TABLES, TableDefinition

COUNT = "events"

# Columns that are told in steps, rounded up: up to which value, in which steps. A lag is told to half
# a minute up to ten minutes, then to two figures, beyond a week to days. Bounds are multiples of steps, to
# keep the order of values; thirty days are one, so that they are the same limit before and after.
STEPS: dict[str, tuple[tuple[float, float], ...]] = {
    "lag_minutes": ((10.0, 0.5), (100.0, 1.0), (1000.0, 10.0), (10_000.0, 100.0), (inf, 1440.0))
}


def stepped_sql(column: str) -> str:
    """Return the SQL of a column's values in their steps; of one without steps, the column.

    Examples
    --------
    >>> stepped_sql("lag_minutes")[:60]
    'CASE WHEN lag_minutes <= 10.0 THEN ceil(lag_minutes / 0.5) *'
    >>> stepped_sql("day")
    'day'
    """
    if column not in STEPS:
        return column
    *bounded, (_, largest) = STEPS[column]
    cases = " ".join(f"WHEN {column} <= {end} THEN ceil({column} / {step}) * {step}" for end, step in bounded)
    return f"CASE {cases} ELSE ceil({column} / {largest}) * {largest} END"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """Facts grouped by some of their columns, the day among them.

    A roll-up whose columns change takes another name, so that what was kept under the old one is never read.

    Parameters
    ----------
    name, says : str
        The name of its table, and what one row is.
    keys : tuple of str
        The columns of the facts by which they are grouped.
    sums : tuple of str
        The columns that are added up. How many facts there are stands in ``events``.
    of : tuple of str
        The event types it holds; empty where it holds all of them.
    """

    name: str
    says: str
    keys: tuple[str, ...]
    sums: tuple[str, ...] = ()
    of: tuple[str, ...] = ()

    @property
    def table(self) -> TableDefinition:
        """Return the table that holds it."""
        return TableDefinition(
            name=self.name,
            says=self.says,
            fields=(
                *(FACTS.field(name) for name in self.keys),
                field(COUNT, Kind.COUNT),
                *(FACTS.field(name) for name in self.sums),
            ),
            day="day",
            order=tuple(name for name in ("event_type", "day") if name in self.keys),
        )

    def made_from(self, facts: str) -> str:
        """Return the SELECT that makes it from facts.

        Examples
        --------
        >>> print(Rollup(name="r", says="", keys=("day",), sums=("value",)).made_from("facts"))
        SELECT day, COUNT(*) AS events, SUM(value) AS value FROM facts GROUP BY ALL
        """
        keys = ", ".join(f"{stepped_sql(name)} AS {name}" if name in STEPS else name for name in self.keys)
        listed = ", ".join(f"'{name}'" for name in self.of)
        where = f" WHERE event_type IN ({listed})" if listed else ""
        return f"SELECT {keys}, COUNT(*) AS {COUNT}{self._summed} FROM {facts}{where} GROUP BY ALL"

    def merged_from(self, rows: str) -> str:
        """Return the SELECT that makes it from rows of its own, or of a finer roll-up.

        Examples
        --------
        >>> print(Rollup(name="r", says="", keys=("day",), sums=()).merged_from("r"))
        SELECT day, SUM(events) AS events FROM r GROUP BY ALL
        """
        keys = ", ".join(self.keys)
        return f"SELECT {keys}, SUM({COUNT}) AS {COUNT}{self._summed} FROM {rows} GROUP BY ALL"

    @property
    def _summed(self) -> str:
        return "".join(f", SUM({name}) AS {name}" for name in self.sums)


# What the workbench records of itself arrives at once, and is not data.
_DATA = tuple(name for name, event_type in EVENT_TYPES.items() if event_type.family != "system")
_CAMPAIGN = ("day", "event_type", "campaign_id", "channel", "is_holdout")

# The coarsest first: a question is answered from the first that covers it, and each is made from the next.
ROLLUPS: Catalog[Rollup] = Catalog(
    "roll-up",
    [
        Rollup(
            name="rollup_campaigns",
            says="Events of one day by type, campaign, channel and holdout: how many, and their sums.",
            keys=_CAMPAIGN,
            sums=("value", "seconds"),
        ),
        Rollup(
            name="rollup_segments",
            says="The same, by segment and kind as well.",
            keys=(*_CAMPAIGN, "segment", "kind"),
            sums=("value", "seconds"),
        ),
        Rollup(
            name="rollup_lags",
            says="Events of one day by campaign, source and how late they arrived, in steps: how many.",
            keys=("day", "campaign_id", "source", "lag_minutes"),
            of=_DATA,
        ),
    ],
)

STORED: Catalog[TableDefinition] = TABLES | [rollup.table for rollup in ROLLUPS.values()]
