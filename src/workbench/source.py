"""What an analysis asks data of: a set of tables that answers SQL, at one fixed version.

The store's snapshot is one; a database connection is another; a test may bring its own.
Analyses know only this.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from workbench.errors import UsageError

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


def given(tables: Tables) -> Tables:
    """Return the tables, if they can be asked at all.

    Raises
    ------
    UsageError
        If they are something else: the folder of a workspace, a workspace that is not open, a frame.

    Examples
    --------
    >>> given("data/acme")
    Traceback (most recent call last):
        ...
    workbench.errors.UsageError: Figures are asked of the tables of a workspace, not of a str: open it with
    wb.open('data/acme').
    """
    if hasattr(tables, "query") and hasattr(tables, "names"):
        return tables
    folder = repr(str(getattr(tables, "path", tables))) if hasattr(tables, "path") else "FOLDER"
    folder = repr(tables) if isinstance(tables, str) else folder
    raise UsageError(
        f"Figures are asked of the tables of a workspace, not of a {type(tables).__name__}: "
        f"open it with wb.open({folder})."
    )


@runtime_checkable
class Sized(Protocol):
    """Tables that know how many rows they hold, so that a question can be put as suits so many."""

    @property
    def rows(self) -> Mapping[str, int]:
        """Return the rows of each table."""
        ...


@runtime_checkable
class Dated(Protocol):
    """Tables that remember when their files came: every figure is asked with it in mind."""

    @property
    def came(self) -> Mapping[str, date]:
        """Return the day, UTC, on which the newest file of each table came."""
        ...


@runtime_checkable
class Recorder(Protocol):
    """Tables that keep a record of what is computed on them; where they keep it is their own affair."""

    @property
    def keeps_records(self) -> bool:
        """Return whether facts can be asked for, even if nothing but such records is among them."""
        ...

    def recording(
        self, event_type: str, properties: dict[str, object]
    ) -> AbstractContextManager[dict[str, object]]:
        """Return the record of one computation, from here to the end of the block."""
        ...


def recorded(
    tables: object, event_type: str, **properties: object
) -> AbstractContextManager[dict[str, object]]:
    """Return the record of one computation; inside the block, what became of it can be added.

    How long it took and whether it ended well are the recorder's to note. Tables that keep no record are
    left in peace, and the result of the computation is the same with and without.

    Parameters
    ----------
    tables : object
        The tables it is made on.
    event_type : str
        A system event, e.g. ``"metric_calculation_completed"``.
    properties : object
        What is known of it beforehand.

    Examples
    --------
    >>> with recorded(None, "metric_calculation_completed", metrics="ctr") as record:
    ...     record["rows_returned"] = 1
    """
    if isinstance(tables, Recorder):
        return tables.recording(event_type, dict(properties))
    return nullcontext(dict(properties))
