"""What an analysis asks data of: a set of tables that answers SQL, at one fixed version.

The store's snapshot is one; a database connection is another; a test may bring its own.
Analyses know only this.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class Tables(Protocol):
    """The tables of one workspace at one version."""

    @property
    def dialect(self) -> str:
        """Return the SQL dialect by its Ibis name: ``"duckdb"``, ``"postgres"``, ``"databricks"``."""
        ...

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the tables that hold at least one row."""
        ...

    @property
    def last_day(self) -> date | None:
        """Return the last day with data: windows such as "30d" end on it. None where there is no data."""
        ...

    @property
    def currency(self) -> str | None:
        """Return the ISO 4217 code of all money, where it is known."""
        ...

    def query(self, sql: str) -> pa.Table:
        """Return the answer to one SELECT over the tables, whose names are those of `events.tables`."""
        ...
