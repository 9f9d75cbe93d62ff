"""One load: rows that enter, replace and leave tables, and become visible all at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Self

from workbench.errors import UsageError
from workbench.events.rollups import STORED
from workbench.events.tables import FACTS, LOADS, TABLES, TableDefinition
from workbench.store import checksums, recovery, rollups
from workbench.store.connection import files_sql
from workbench.store.delta import Change, DataFile, data_files
from workbench.store.loads import Head, LoadRecord
from workbench.store.schema import quote
from workbench.store.staging import complete, file_prefix, stage, stage_file, stage_sorted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_INCOMING = "_incoming_rows"
_FILE = "_file_path"


class Transaction:
    """One load in the making; `Writer.transaction` returns it.

    As a context manager it withdraws what it staged where `commit` was not reached. A load whose id is
    committed already is `done`: everything asked of it then does nothing.

    Parameters
    ----------
    store : Path
        The folder of the tables.
    connection : DuckDBPyConnection
        Runs the SQL; its views show the tables as they were before this transaction.
    head : Head
        The state it starts from.
    record : LoadRecord
        Its id, operation and origin.
    done : LoadRecord or None
        The record of the load where it is committed already.
    after : callable
        Called when the transaction has ended.
    """

    def __init__(
        self,
        *,
        store: Path,
        connection: DuckDBPyConnection,
        head: Head,
        record: LoadRecord,
        done: LoadRecord | None,
        after: Callable[[], None],
    ) -> None:
        self.done = done
        self.replaced = 0  # stored rows that upserts wrote anew
        self._store, self._connection, self._head = store, connection, head
        self._record, self._after = record, after
        self._pending = store.parent / "pending"
        self._added: dict[str, list[DataFile]] = {}
        self._removed: dict[str, list[DataFile]] = {}
        self._purged: dict[str, list[str]] = {}
        self._days: frozenset[date] = frozenset()  # that facts leave
        self._appended: list[DataFile] = []  # with new facts only
        self._open = done is None
        if self._open:
            recovery.announce(self._pending, record.load_id)

    @property
    def load_id(self) -> str:
        """Return the id under which the load is found again."""
        return self._record.load_id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def append(self, table: str, select_sql: str, *, keyed: bool = False) -> int:
        """Return how many rows of a SELECT were added to a table.

        The SELECT names the table's columns in any order. Partition columns are made here, unless the SELECT
        is `keyed`, which has them; missing optional columns become null, ``load_id`` is filled in. Keys are
        not looked at.
        """
        definition = self._definition(table)
        if not self._open:
            return 0
        return self._stage(definition, self._complete(definition, select_sql, keyed=keyed), keyed=keyed)

    def append_sorted(self, table: str, parts: Mapping[str, str]) -> int:
        """Return how many rows of sorted SELECTs were added to a table.

        Parameters
        ----------
        table : str
            The table.
        parts : mapping of str to str
            Of the folder of a partition the SELECT of its rows, as in `append`, in the order of the table.
        """
        definition = self._definition(table)
        if not self._open:
            return 0
        made: list[DataFile] = []
        folder, prefix = self._folder(definition), file_prefix(self.load_id)
        for part, rows in parts.items():
            made += stage_sorted(
                self._connection, definition, folder, self._complete(definition, rows), f"{part}/{prefix}"
            )
        self._note_added(definition, made)
        return sum(file.rows for file in made)

    def upsert(self, table: str, select_sql: str) -> int:
        """Return how many rows were written; each replaces the row of equal key, nulls being equal.

        Of several given rows with one key the last counts.
        """
        definition = self._definition(table)
        if not definition.key:
            raise UsageError(f"The table {table!r} has no key; append to it.")
        if not self._open:
            return 0
        key = ", ".join(quote(name) for name in definition.key)
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_INCOMING} AS {self._complete(definition, select_sql)}"
        )
        self._connection.execute(
            f"DELETE FROM {_INCOMING} WHERE rowid NOT IN (SELECT max(rowid) FROM {_INCOMING} GROUP BY {key})"
        )
        same = " AND ".join(
            f"new_row.{quote(name)} IS NOT DISTINCT FROM old_row.{quote(name)}" for name in definition.key
        )
        replaced = f"EXISTS (SELECT 1 FROM {_INCOMING} AS new_row WHERE {same})"
        columns = self._own_columns(definition)
        counted = self._matches(definition, replaced)
        touched = [file for file in self.files(table) if file.path in counted]
        self.replaced += sum(counted.values())
        new_rows = f"SELECT {columns} FROM {_INCOMING}"
        if touched:
            self._check(table, touched)
            kept = files_sql(definition, self._folder(definition), touched)
            new_rows = f"SELECT {columns} FROM ({kept}) AS old_row WHERE NOT {replaced} UNION ALL {new_rows}"
        self._stage(definition, new_rows)
        self._drop(definition, touched)
        (rows,) = self._connection.execute(f"SELECT count(*) FROM {_INCOMING}").fetchall()[0]
        self._connection.execute(f"DROP TABLE {_INCOMING}")
        return int(rows)

    def remove(self, table: str, where_sql: str) -> int:
        """Return how many rows were removed: those for which the condition is true."""
        definition = self._definition(table)
        if not self._open:
            return 0
        counted = self._matches(definition, where_sql)
        touched = [file for file in self.files(table) if file.path in counted]
        self.rewrite(table, touched, f"({where_sql}) IS NOT TRUE")
        return sum(counted.values())

    def rewrite(
        self,
        table: str,
        files: Iterable[DataFile],
        keep_sql: str = "true",
        *,
        changed: Mapping[str, str] | None = None,
    ) -> None:
        """Replace some files of a table by sorted new ones with those rows that meet a condition.

        `changed` gives columns, none of them a part of the key, a new value as SQL.
        """
        definition, files = self._definition(table), list(files)
        if not files or not self._open:
            return
        self._check(table, files)
        folder, columns = self._folder(definition), self._own_columns(definition)
        self._note_days(definition, files, keep_sql)
        groups: dict[PurePosixPath, list[DataFile]] = {}
        for file in files:
            groups.setdefault(PurePosixPath(file.path).parent, []).append(file)
        for partition, group in groups.items():
            old_rows = files_sql(definition, folder, group)
            if changed:
                new = ", ".join(f"{value} AS {quote(column)}" for column, value in changed.items())
                old_rows = f"SELECT * REPLACE ({new}) FROM ({old_rows}) AS kept_row"
            rows = f"SELECT {columns} FROM ({old_rows}) AS old_row WHERE {keep_sql}"
            name = f"{file_prefix(self.load_id)}{os.urandom(8).hex()}.parquet"
            self._added.setdefault(table, []).extend(
                stage_file(
                    self._connection, definition, folder, rows, str(partition / name), ordered=len(group) == 1
                )
            )
        self._drop(definition, files)

    def purge(self, table: str, paths: Iterable[str]) -> None:
        """Delete files of a table from the disk once the load is visible, earlier versions or not."""
        if self._open:
            self._purged.setdefault(self._definition(table).name, []).extend(paths)

    def files(self, table: str) -> list[DataFile]:
        """Return the files that make up a table as this transaction would leave it."""
        folder = self._folder(self._definition(table))
        gone = {file.path for file in self._removed.get(table, [])}
        stored = data_files(folder, self._head.versions[table])
        return [file for file in stored if file.path not in gone] + self._added.get(table, [])

    def merge_rollups(self) -> bool:
        """Make every roll-up one file, and those that are not kept yet; return whether there was anything."""
        facts = self.files(FACTS.name)
        prefix = file_prefix(self.load_id)
        return self.change(rollups.merged(self._connection, self._store, self._head.versions, facts, prefix))

    def commit(self, record: LoadRecord | None = None) -> LoadRecord:
        """Make all changes visible at once, and return the load's record.

        Parameters
        ----------
        record : LoadRecord, optional
            The counts; what tells the load apart is filled in.
        """
        if self.done is not None:
            return self.done
        if not self._open:
            raise UsageError(f"The load {self.load_id!r} was withdrawn; begin it again.")
        self._roll_up()
        own = self._record
        filled = replace(
            record or own,
            load_id=own.load_id,
            operation=own.operation,
            file=own.file,
            mapping=own.mapping,
            table_name=own.table_name,
        )
        changes = {
            name: Change(added=tuple(self._added.get(name, ())), removed=tuple(self._removed.get(name, ())))
            for name in STORED
            if self._added.get(name) or self._removed.get(name)
        }
        intent = recovery.Intent(record=filled, changes=changes, purged=self._purged)
        recovery.decide(self._pending, intent)
        self._open = False
        try:
            self.done = recovery.carry_out(self._store, self._pending, intent)
        except Exception as error:
            error.add_note(recovery.DECIDED)
            raise
        self._after()
        return self.done

    def abort(self) -> None:
        """Withdraw what was staged; after a commit this does nothing."""
        if self._open:
            self._open = False
            recovery.withdraw(self._store, self._pending, self.load_id)
            self._after()

    def _note_days(self, definition: TableDefinition, files: list[DataFile], keep_sql: str) -> None:
        """Note the days that facts leave, and those of new facts that change files."""
        if definition is not FACTS or not rollups.kept(self._head.versions):
            return
        own = {file.path for file in self._appended} & {file.path for file in files}
        self._appended = [file for file in self._appended if file.path not in own]
        moved = [file for file in files if file.path in own]
        if moved:
            self._days |= rollups.days_of(self._connection, self._store, moved)
        if keep_sql != "true":
            self._days |= rollups.days_of(self._connection, self._store, files, f"({keep_sql}) IS NOT TRUE")

    def _roll_up(self) -> None:
        touched = rollups.Touched(
            appended=tuple(self._appended),
            days=self._days,
            files=tuple(self.files(FACTS.name)) if self._days else (),
        )
        prefix = file_prefix(self.load_id)
        self.change(rollups.refreshed(self._connection, self._store, self._head.versions, touched, prefix))

    def change(self, changes: Mapping[str, Change]) -> bool:
        """Take over changes of tables whose files are there already; return whether there are any."""
        for name, change in changes.items():
            self._check(name, change.removed)
            self._added[name], self._removed[name] = list(change.added), list(change.removed)
        return bool(changes)

    def _check(self, table: str, files: Iterable[DataFile]) -> None:
        """Refuse to take rows over from stored files that changed."""
        stored = [file for file in files if not file.checksum]  # those of this load have theirs still
        checksums.check(self._store / table, self._head.versions.get(table, 0), stored)

    def _definition(self, table: str) -> TableDefinition:
        definition = TABLES[table]
        if definition is LOADS:
            raise UsageError("The load log is written by every commit; it cannot be changed.")
        return definition

    def _folder(self, definition: TableDefinition) -> Path:
        return self._store / definition.name

    def _complete(self, definition: TableDefinition, select_sql: str, *, keyed: bool = False) -> str:
        return complete(self._connection, definition, select_sql, {"load_id": self.load_id}, keyed=keyed)

    def _own_columns(self, definition: TableDefinition) -> str:
        return ", ".join(quote(name) for name in definition.columns if name not in definition.partitions)

    def _stage(self, definition: TableDefinition, rows_sql: str, *, keyed: bool = False) -> int:
        files = stage(
            self._connection,
            definition,
            self._folder(definition),
            rows_sql,
            file_prefix(self.load_id),
            keyed=keyed,
        )
        self._note_added(definition, files)
        return sum(file.rows for file in files)

    def _note_added(self, definition: TableDefinition, files: Iterable[DataFile]) -> None:
        self._added.setdefault(definition.name, []).extend(files)
        if definition is FACTS:
            self._appended.extend(files)

    def _drop(self, definition: TableDefinition, files: list[DataFile]) -> None:
        gone = {file.path for file in files}
        added = self._added.get(definition.name, [])
        own = {file.path for file in added} & gone
        self._added[definition.name] = [file for file in added if file.path not in own]
        self._removed.setdefault(definition.name, []).extend(file for file in files if file.path not in own)
        for path in own:
            (self._folder(definition) / path).unlink()

    def _matches(self, definition: TableDefinition, where_sql: str) -> dict[str, int]:
        folder = self._folder(definition)
        rows = files_sql(definition, folder, self.files(definition.name), file_column=_FILE)
        found = self._connection.execute(
            f"SELECT {_FILE}, count(*) FROM ({rows}) AS old_row WHERE {where_sql} GROUP BY ALL"
        ).fetchall()
        return {Path(path).relative_to(folder).as_posix(): int(count) for path, count in found}
