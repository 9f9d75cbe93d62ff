"""The Delta log of one table: which files make up a version, and how files enter and leave.

Only this module and `store.compaction` speak to the Delta library.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from workbench.errors import RESTORE, WorkspaceError
from workbench.events.tables import TableDefinition

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Receipts name versions: the log is never shortened by itself, and files go only when asked to.
_CONFIGURATION = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}
_TRANSACTION_VERSION = 1
_FEW = 64
# So many files of one scale become one, so that there are never many, and no row is written often.
ALIKE = 8
CHECKSUMS = "workbench_checksums"  # under this name a commit notes those of the files it adds
_ENTRY = re.compile(r"\d{20}\.json")
_PLAIN = re.compile(r"(?:[A-Za-z0-9_=-]+/)*[A-Za-z0-9_-]+\.parquet")
# Of a few folders the table that was opened last: who uses it takes it out, so that no two threads share one.
_OPENED: dict[Path, tuple[DeltaTable, tuple[int, ...]]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One Parquet file of a table.

    Parameters
    ----------
    path : str
        Relative to the table's folder, with ``/``.
    size, rows : int
        In bytes, and in rows.
    partition : mapping of str to str
        The folder's values.
    stats : str
        Delta's statistics as JSON.
    checksum : str
        Of its bytes; known of a file that is added, of others the commit knows it that added them.
    """

    path: str
    size: int
    rows: int
    partition: Mapping[str, str | None] = field(default_factory=dict)
    stats: str = ""
    checksum: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The files that enter and leave one table in one commit."""

    added: tuple[DataFile, ...] = ()
    removed: tuple[DataFile, ...] = ()


def scale(rows: int) -> int:
    """Return how large a file of so many rows is: those of one scale differ less than eightfold.

    Examples
    --------
    >>> scale(1), scale(1000), scale(8 * 1000)
    (0, 3, 4)
    """
    return rows.bit_length() // 3


def create_table(folder: Path, definition: TableDefinition) -> None:
    """Write version 0 of an empty table."""
    from deltalake import DeltaTable

    from workbench.store.schema import arrow_schema

    DeltaTable.create(
        folder,
        arrow_schema(definition),
        name=definition.name,
        description=definition.says,
        partition_by=list(definition.partitions),
        configuration=_CONFIGURATION,
    )


def open_table(folder: Path, version: int | None = None) -> DeltaTable:
    """Return the Delta table of a folder.

    Raises
    ------
    WorkspaceError
        If there is none, its log is damaged, or the version does not exist.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return DeltaTable(folder, version=version)
    except (DeltaError, OSError, ValueError) as error:
        check_rights((folder / "_delta_log").glob("*"))
        at = "" if version is None else f" at version {version}"
        said = str(error).partition("\n")[0]  # what may follow is where in the library it happened
        raise WorkspaceError(
            f"The table {folder.name!r} of {folder.parent.parent} cannot be opened{at}: {said}"
        ) from error


def check_rights(paths: Iterable[Path]) -> None:
    """Refuse files that are there and cannot be opened: nothing is wrong with what is in them.

    Raises
    ------
    WorkspaceError
        Naming the first of them, and why.
    """
    for path in paths:
        try:
            path.open("rb").close()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise WorkspaceError(
                f"{path} cannot be opened: {error.strerror}. Put that right; the data need no repair."
            ) from None


def newest_version(folder: Path) -> int:
    """Return the newest version of a table, by the names in its log alone.

    Raises
    ------
    WorkspaceError
        If there is no log, or nothing in it.
    """
    try:
        names = listed(folder / "_delta_log")
    except OSError:
        names = []
    entries = [int(name[:20]) for name in names if _ENTRY.fullmatch(name)]
    if not entries:
        raise WorkspaceError(
            f"The table {folder.name!r} of {folder.parent.parent} cannot be opened: it has no log."
        )
    return max(entries)


def listed(folder: Path) -> list[str]:
    """Return the names in a folder, which may be thousands: as text they take a tenth of the time."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def data_files(folder: Path, version: int) -> tuple[DataFile, ...]:
    """Return the files that make up one version of a table; version 0 has none.

    Raises
    ------
    WorkspaceError
        If the version does not exist or is empty, or a path in the log leads out of the table's folder.
    """
    if version == 0:
        return ()
    entry = log_entry(folder, version)
    try:
        found = entry.stat()
    except FileNotFoundError:
        raise WorkspaceError(f"The table {folder.name!r} has no version {version}.") from None
    if not found.st_size:
        # To the log's reader a commit without content changed nothing: what it added would be gone unseen.
        raise WorkspaceError(
            f"The log of table {folder.name!r} of {folder.parent.parent} is damaged: {entry.name} is empty."
            f" {RESTORE}"
        )
    return _data_files(folder, version, found.st_mtime_ns)


@lru_cache(maxsize=512)
def _data_files(folder: Path, version: int, _written: int) -> tuple[DataFile, ...]:
    table = _taken(folder)
    if table is None or table.version() != version:
        table = open_table(folder, version)
    # As the log's reader gives them: to load another Arrow library takes longer than to read a log.
    listed = table.get_add_actions(flatten=True)
    _keep(folder, table)
    names = [name for name in listed.column_names if name.startswith("partition.")]
    wanted = ["path", "size_bytes", "num_records", *names]
    columns = [listed.column(name).to_pylist() for name in wanted]
    rows = [dict(zip(wanted, row, strict=True)) for row in zip(*columns, strict=True)]
    return tuple(
        DataFile(
            path=_inner_path(folder, row["path"]),
            size=row["size_bytes"],
            rows=row["num_records"] or 0,
            partition={name.removeprefix("partition."): _text(row[name]) for name in names},
        )
        for row in sorted(rows, key=lambda row: str(row["path"]))
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _inner_path(folder: Path, path: str) -> str:
    if _PLAIN.fullmatch(path):  # as nearly all are, of thousands
        return path
    plain = PurePosixPath(unquote(path))
    if plain.is_absolute() or ".." in plain.parts or "://" in path:
        raise WorkspaceError(
            f"The log of table {folder.name!r} names a file outside of its folder: {path!r:.120}."
        )
    return str(plain)


def log_entry(folder: Path, version: int) -> Path:
    """Return the path of one commit of a table's log."""
    return folder / "_delta_log" / f"{version:020}.json"


def commit_note(folder: Path, version: int, name: str) -> Any:
    """Return what a commit notes under `name`, or None.

    Raises
    ------
    WorkspaceError
        If the log is damaged there.
    """
    entry = log_entry(folder, version)
    try:
        actions = [json.loads(line) for line in entry.read_text(encoding="utf-8").split("\n") if line]
    except ValueError as error:
        raise WorkspaceError(
            f"The log of table {folder.name!r} of {folder.parent.parent} is damaged: {entry.name}: {error}."
            f" {RESTORE}"
        ) from error
    return next((action["commitInfo"].get(name) for action in actions if "commitInfo" in action), None)


def has_load(folder: Path, load_id: str) -> bool:
    """Return whether a commit of this load is in the table's log."""
    table = _newest(folder)
    found = table.transaction_version(load_id) is not None
    _keep(folder, table)
    return found


def commit(folder: Path, change: Change, load_id: str, notes: Mapping[str, Any] | None = None) -> int:
    """Return the table's version after the change, which is made once however often this is called."""
    from deltalake.transaction import PostCommitHookProperties

    table = _newest(folder)
    if table.transaction_version(load_id) is None:
        checksums = {file.path: file.checksum for file in change.added if file.checksum}
        table.create_write_transaction(
            [*_adds(change.added), *_removes(change.removed)],
            mode="append",
            schema=table.schema(),
            partition_by=table.metadata().partition_columns,
            commit_properties=properties(load_id, {**(notes or {}), CHECKSUMS: checksums}),
            # Those of the library would come seldom, and not be waited for; see `store.checkpoints`.
            post_commithook_properties=PostCommitHookProperties(create_checkpoint=False),
        )
        table.update_incremental()
    _keep(folder, table)
    return int(table.version())


def _newest(folder: Path) -> DeltaTable:
    """Return the table of a folder as it is now; of one that was opened only what came since is read."""
    from deltalake.exceptions import DeltaError

    table = _taken(folder)
    if table is None:
        return open_table(folder)
    if not log_entry(folder, int(table.version()) + 1).exists():  # to list the log takes longer
        return table
    try:
        table.update_incremental()
    except (DeltaError, OSError, ValueError):
        return open_table(folder)  # which says what is wrong
    return table


def _taken(folder: Path) -> DeltaTable | None:
    """Return the table that was opened last, while the log it read is the one that is there."""
    table, read = _OPENED.pop(folder, (None, ()))
    return table if table is not None and read == _stamp(folder, table) else None


def _keep(folder: Path, table: DeltaTable) -> None:
    if len(_OPENED) >= _FEW:
        _OPENED.clear()
    if stamp := _stamp(folder, table):
        _OPENED[folder] = table, stamp


def _stamp(folder: Path, table: DeltaTable) -> tuple[int, ...]:
    """Return what tells a log from another of the same name: somebody may restore an older copy."""
    try:
        found = log_entry(folder, int(table.version())).stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def properties(load_id: str, notes: Mapping[str, Any] | None = None) -> Any:
    """Return what a commit carries: the load's id, under which it is found again, and notes."""
    from deltalake.transaction import CommitProperties, Transaction

    return CommitProperties(
        custom_metadata=dict(notes) if notes else None,
        app_transactions=[Transaction(load_id, _TRANSACTION_VERSION)],
    )


def _adds(files: Iterable[DataFile]) -> list[Any]:
    from deltalake.transaction import AddAction

    now = time.time_ns() // 1_000_000
    return [AddAction(file.path, file.size, dict(file.partition), now, True, file.stats) for file in files]


def _removes(files: Iterable[DataFile]) -> list[Any]:
    from deltalake.transaction import RemoveAction

    now = time.time_ns() // 1_000_000
    return [RemoveAction(file.path, True, now, file.size, dict(file.partition)) for file in files]
