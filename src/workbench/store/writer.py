"""The one writer of a workspace."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import UsageError, WorkspaceError
from workbench.events.rollups import STORED
from workbench.events.tables import LOADS, TABLES
from workbench.store import delta
from workbench.store.checkpoints import mend
from workbench.store.checksums import damage, is_unreadable
from workbench.store.connection import connect, create_view
from workbench.store.loads import Head, LoadRecord, find_load, head
from workbench.store.lock import writer_lock
from workbench.store.recovery import check_named, recover
from workbench.store.staging import sync_files, sync_folder
from workbench.store.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Writer:
    """Writes to a workspace; `Workspace.writer` returns it, locked and recovered.

    Parameters
    ----------
    store : Path
        The folder of the tables.
    connection : DuckDBPyConnection
        Shows the tables as they are now, as views; may read outside files.
    """

    def __init__(self, store: Path, connection: DuckDBPyConnection) -> None:
        self.store, self.connection = store, connection
        self._open: Transaction | None = None
        self._shown: dict[str, int] = {}
        self.head: Head = head(store)
        self.refresh()

    def transaction(
        self,
        load_id: str,
        *,
        operation: str = "write",
        file: str = "",
        mapping: str | None = None,
        table_name: str = "",
    ) -> Transaction:
        """Return a new load, or the `done` one where this id is committed already.

        Parameters
        ----------
        load_id : str
            What tells the load apart, e.g. a hash of its bytes and mapping.
        operation : str
            ingest, write, compact, erase or undo.
        file, mapping, table_name : str, optional
            Where the rows come from and go to, for the load log.
        """
        if self._open is not None:
            raise UsageError(f"The load {self._open.load_id!r} is still open: commit or abort it first.")
        if operation not in LOADS.field("operation").choices:
            raise UsageError(f"No operation named {operation!r}.")
        done = None
        if delta.has_load(self.store / LOADS.name, load_id):
            done = find_load(self.connection, load_id)
        record = LoadRecord(
            load_id=load_id, operation=operation, file=file, mapping=mapping, table_name=table_name
        )
        made = Transaction(
            store=self.store,
            connection=self.connection,
            head=self.head,
            record=record,
            done=done,
            after=self._ended,
        )
        self._open = made if done is None else None
        return made

    def _ended(self) -> None:
        self._open = None
        self.refresh()

    def check_stored(self, error: Exception) -> None:
        """Say which stored file cannot be read, where an error of a query may be of one.

        Raises
        ------
        WorkspaceError
            Naming the first that changed since it was written.
        """
        versions = {**self.head.versions, LOADS.name: self.head.version}
        if is_unreadable(error) and (said := damage(self.store, versions)):
            raise WorkspaceError(said) from error

    def refresh(self) -> None:
        """Show the tables as they are now."""
        self.head = head(self.store)
        current = {**self.head.versions, LOADS.name: self.head.version}
        for name, version in current.items():
            if self._shown.get(name) != version:
                files = delta.data_files(self.store / name, version)
                create_view(self.connection, STORED[name], self.store / name, files)
        self._shown = current


@contextmanager
def open_writer(folder: Path, threads: int | None = None) -> Iterator[Writer]:
    """Hold the lock of a workspace's folder, finish what an earlier writer left, and give a writer.

    Raises
    ------
    WorkspaceBusy
        If another writer is at work.
    """
    with writer_lock(folder / ".lock"):
        mend(folder / "store", STORED)
        recover(folder / "store", folder / "pending")
        check_named(folder / "store")
        _add_tables(folder / "store")
        connection = connect(folder / "cache" / "spill", threads)
        try:
            writer = Writer(folder / "store", connection)
            with _telling_damage(writer):
                yield writer
        finally:
            connection.close()


@contextmanager
def _telling_damage(writer: Writer) -> Iterator[None]:
    """Say which stored file cannot be read, instead of how the database failed at it."""
    import duckdb

    try:
        yield
    except (duckdb.Error, UnicodeDecodeError) as error:
        writer.check_stored(error)
        raise


def _add_tables(store: Path) -> None:
    """Make the tables that an older workspace lacks; one that is killed meanwhile leaves none half made."""
    for name, definition in TABLES.items():
        if (store / name).is_dir():
            continue
        draft = store / f".{name}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        delta.create_table(draft, definition)
        sync_files(draft, [f"_delta_log/{delta.log_entry(draft, 0).name}"])
        draft.rename(store / name)
        sync_folder(store)
