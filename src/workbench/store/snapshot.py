"""The tables of a workspace at one version, for any number of readers while one writes."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import RESTORE, UsageError, WorkspaceError
from workbench.events.definitions import EVENT_TYPES
from workbench.events.rollups import ROLLUPS, STORED
from workbench.events.tables import LOADS, TABLES
from workbench.store.checksums import damage, is_unreadable
from workbench.store.connection import confine, connect, create_view
from workbench.store.delta import DataFile, data_files
from workbench.store.loads import head
from workbench.store.manifest import currency_at, read_manifest
from workbench.store.schema import literal, quote

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from duckdb import DuckDBPyRelation

_DATED_TABLES = ("daily_performance", "orders", "leads")


class Snapshot:
    """The tables of one workspace, pinned to a data version; `Workspace.tables` returns it.

    Parameters
    ----------
    folder : Path
        The workspace's folder.
    version : int, optional
        The data version, the newest by default.
    threads : int, optional
        How many threads a query may use; by default as many as there are cores.
    """

    dialect = "duckdb"

    def __init__(
        self,
        folder: Path,
        version: int | None = None,
        *,
        threads: int | None = None,
    ) -> None:
        store = folder / "store"
        state = head(store, version)
        self.path, self.version = folder, state.version
        self.currency = currency_at(read_manifest(folder), self.version)  # a load under way states one before
        self.versions: Mapping[str, int] = {**state.versions, LOADS.name: state.version}
        self._connection = connect(folder / "cache" / "spill", threads)
        self.rows: dict[str, int] = {}
        for name, at in self.versions.items():
            files = data_files(store / name, at)
            _check_files(store / name, files, state.version)
            create_view(self._connection, STORED[name], store / name, files)
            self.rows[name] = sum(file.rows for file in files)
        confine(self._connection, store)

    def __repr__(self) -> str:
        return f"Snapshot({str(self.path)!r}, version={self.version})"

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names of the tables that hold at least one row.

        Facts and events count only where one of them is not the workbench's own: a record of a load tells
        nothing of campaigns, and must not turn what is unknown into a zero.
        """
        only_own = self.rows["facts"] and self._last_fact_day is None
        own = {"events", "facts", *ROLLUPS} if only_own else set()
        return frozenset(name for name, rows in self.rows.items() if rows and name not in own)

    @cached_property
    def last_day(self) -> date | None:
        """Return the last day with data, the workbench's own system events left out; None without data."""
        days = [self._last_fact_day]
        for name in _DATED_TABLES:
            if name in self.names:
                day = quote(TABLES[name].day or "")
                days.append(self._value(f"SELECT CAST(max({day}) AS DATE) AS value FROM {name}"))
        return max((day for day in days if day is not None), default=None)

    @cached_property
    def came(self) -> Mapping[str, date]:
        """Return the day, UTC, on which the newest file of each table came."""
        return dict(
            self.listed(
                f"SELECT table_name, CAST(max(loaded_at) AS DATE) FROM {LOADS.name}"
                " WHERE operation = 'ingest' GROUP BY table_name"
            )
        )

    def query(self, sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> pa.Table:
        """Return the answer to one SELECT over the tables.

        Raises
        ------
        UsageError
            If `sql` is not one SELECT.
        WorkspaceError
            If files of this version are gone, because a user was erased or old versions were vacuumed.
        """
        answer: pa.Table = self._answered(sql, parameters, lambda found: found.to_arrow_table())
        return answer

    def listed(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a small answer as tuples, without the library that tables take.

        Raises
        ------
        UsageError, WorkspaceError
            As `query`.
        """
        rows: list[tuple[Any, ...]] = self._answered(sql, None, lambda found: found.fetchall())
        return rows

    def _answered(
        self,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object] | None,
        read: Callable[[DuckDBPyRelation], Any],
    ) -> Any:
        import duckdb

        cursor = self._connection.cursor()
        try:
            statements = cursor.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise UsageError("A query is one SELECT.")
            return read(cursor.sql(sql, params=parameters))
        except duckdb.IOException as error:
            raise WorkspaceError(
                f"Data version {self.version} of {self.path} cannot be read any more: {error}"
            ) from error
        except (duckdb.Error, UnicodeDecodeError) as error:
            if not is_unreadable(error):
                raise
            said = damage(self.path / "store", self.versions) or (
                f"The workspace {self.path} is damaged: a file cannot be read: {str(error)[:300]}. {RESTORE}"
            )
            raise WorkspaceError(said) from error
        finally:
            cursor.close()

    @property
    def keeps_records(self) -> bool:
        """Return whether there are facts, be they only what the workbench recorded of itself."""
        return bool(self.rows["facts"])

    def recording(
        self, event_type: str, properties: dict[str, object]
    ) -> AbstractContextManager[dict[str, object]]:
        """Return the record of one computation on these tables; it goes to the workspace's journal."""
        from workbench.store.journal import recording

        return recording(self.path, event_type, properties)

    def frame(self, table: str) -> pd.DataFrame:
        """Return one whole table as a pandas frame."""
        definition = STORED[table]
        order = definition.order or ((definition.day,) if definition.day else definition.key)
        rows = f"SELECT * FROM {quote(definition.name)} ORDER BY {', '.join(map(quote, order))}"
        return self.query(rows).to_pandas(date_as_object=False)

    @cached_property
    def _last_fact_day(self) -> date | None:
        if not self.rows["facts"]:
            return None
        own = ", ".join(literal(name) for name, it in EVENT_TYPES.items() if it.family == "system")
        kept = [name for name, rollup in ROLLUPS.items() if self.rows.get(name) and not rollup.of]
        if kept:
            return self._value(f"SELECT max(day) AS value FROM {kept[0]} WHERE event_type NOT IN ({own})")
        for (month,) in self.listed("SELECT DISTINCT month FROM facts ORDER BY month DESC"):
            day = self._value(
                f"SELECT max(day) AS value FROM facts WHERE month = {literal(str(month))} "
                f"AND event_type NOT IN ({own})"
            )
            if day is not None:
                return day
        return None

    def _value(self, sql: str) -> date | None:
        found: date | None = self.listed(sql)[0][0]
        return found


def _check_files(folder: Path, files: Sequence[DataFile], version: int) -> None:
    for file in files:
        try:
            found = (folder / file.path).lstat()
        except FileNotFoundError:
            raise WorkspaceError(
                f"Data version {version} of {folder.parent.parent} cannot be read any more: files of "
                f"{folder.name!r} are gone, because a user was erased or old versions were vacuumed since."
            ) from None
        if not stat.S_ISREG(found.st_mode):
            raise WorkspaceError(f"{folder / file.path} is a link: a workspace's files lie inside of it.")
        if found.st_size != file.size:
            raise WorkspaceError(
                f"The workspace {folder.parent.parent} is damaged: files of {folder.name!r} cannot be read:"
                f" {file.path} has {found.st_size:,} bytes, and had {file.size:,} when it was written."
                f" {RESTORE}"
            )
