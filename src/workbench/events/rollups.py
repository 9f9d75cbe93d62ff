"""Roll-ups: sums of the facts by day, kept beside them so that metrics need not read every event.

A roll-up is no second definition of anything: it holds the same counts and sums, grouped. Whoever keeps it
makes it by `Rollup.made_from`; whoever reads it adds its rows up. Several rows may bear the same keys, as
every load adds rows of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.catalog import Catalog
from workbench.events.fields import Kind, field
from workbench.events.recorded_tables import FACTS
from workbench.events.tables import TABLES, TableDefinition

COUNT = "events"


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
    """

    name: str
    says: str
    keys: tuple[str, ...]
    sums: tuple[str, ...]

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
            order=("event_type", "day"),
        )

    def made_from(self, facts: str) -> str:
        """Return the SELECT that makes it from facts.

        Examples
        --------
        >>> print(Rollup(name="r", says="", keys=("day",), sums=("value",)).made_from("facts"))
        SELECT day, COUNT(*) AS events, SUM(value) AS value FROM facts GROUP BY day
        """
        return self._grouped(facts, "COUNT(*)")

    def merged_from(self, rows: str) -> str:
        """Return the SELECT that makes it from rows of its own, or of a finer roll-up.

        Examples
        --------
        >>> print(Rollup(name="r", says="", keys=("day",), sums=()).merged_from("r"))
        SELECT day, SUM(events) AS events FROM r GROUP BY day
        """
        return self._grouped(rows, f"SUM({COUNT})")

    def _grouped(self, rows: str, count: str) -> str:
        keys = ", ".join(self.keys)
        sums = "".join(f", SUM({name}) AS {name}" for name in self.sums)
        return f"SELECT {keys}, {count} AS {COUNT}{sums} FROM {rows} GROUP BY {keys}"


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
    ],
)

STORED: Catalog[TableDefinition] = TABLES | [rollup.table for rollup in ROLLUPS.values()]
