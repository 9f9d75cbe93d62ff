"""The load log: one row per load, and with it the version of every table, which makes the load visible."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkspaceError
from workbench.events.rollups import ROLLUPS
from workbench.events.tables import LOADS, TABLES
from workbench.store import delta
from workbench.store.checksums import checksum
from workbench.store.schema import arrow_schema
from workbench.store.staging import file_prefix, sync_files

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NOTE = "workbench"
_UNDO = "undo-"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRecord:
    """What one load did.

    Parameters
    ----------
    load_id : str
        What tells the load apart; filled by the transaction.
    operation : str
        init, ingest, write, compact, erase or undo, and undone of an ingest that was taken back; filled by
        the transaction.
    file, mapping, table_name : str
        Where its rows came from and went to; filled by the transaction.
    rows_read, accepted, duplicates, quarantined, late : int
        In rows. accepted + duplicates + quarantined = rows_read.
    quality : str
        The quality figures as JSON.
    seconds : float
        How long it took.
    loaded_at : datetime, optional
        When it became visible; filled at the commit.
    versions : mapping of str to int
        The version of every table after it; filled at the commit.
    """

    load_id: str = ""
    operation: str = "write"
    file: str = ""
    mapping: str | None = None
    table_name: str = ""
    rows_read: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    late: int = 0
    quality: str = "{}"
    seconds: float = 0.0
    loaded_at: datetime | None = None
    versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The state of a workspace: the version of the load log, and what it says of the other tables.

    A table that a load did not know has the version 0, and is not among those `named`.
    """

    version: int
    versions: Mapping[str, int]
    loaded_at: datetime
    named: frozenset[str] = frozenset()


def head(store: Path, version: int | None = None) -> Head:
    """Return the state of a store at one data version, the newest by default.

    Raises
    ------
    WorkspaceError
        If there is no such version.
    """
    folder = store / LOADS.name
    if version is None:
        version = delta.newest_version(folder)
    try:
        note = delta.commit_note(folder, version, _NOTE)
    except FileNotFoundError:
        note = None
    if not note:
        newest = delta.newest_version(folder)
        raise WorkspaceError(f"{store.parent} has no data version {version}; there are 1 to {newest}.")
    versions = {name: int(note["versions"].get(name, 0)) for name in TABLES if name != LOADS.name}
    # What a load that knew no roll-ups left behind is not named, and so not read.
    versions |= {name: int(at) for name, at in note["versions"].items() if name in ROLLUPS}
    return Head(
        version=version,
        versions=versions,
        loaded_at=datetime.fromisoformat(note["loaded_at"]),
        named=frozenset(note["versions"]),
    )


def append_load(
    store: Path, record: LoadRecord, *, after: Head | None, rewritten: delta.Change | None = None
) -> LoadRecord:
    """Commit a load's row, which makes the versions it names the state of the workspace.

    The time is later than that of the row before it even where the clock went back. With the row goes what
    is `rewritten` of the log's own files.
    """
    from pyarrow.json import ParseOptions, read_json
    from pyarrow.parquet import write_table

    now = datetime.now(UTC)
    if after is not None:
        now = max(now, after.loaded_at + timedelta(microseconds=1))
    record = replace(record, loaded_at=now)
    row = {
        **asdict(record),
        "versions": json.dumps(dict(record.versions), sort_keys=True),
        "loaded_at": now.isoformat(),
    }
    options = ParseOptions(explicit_schema=arrow_schema(LOADS))
    # To make a table of Python's values, Arrow would load pandas, which takes longer than a small load.
    made = read_json(BytesIO(json.dumps(row).encode()), parse_options=options)
    folder, name = store / LOADS.name, f"{file_prefix(record.load_id)}load.parquet"
    write_table(made, folder / name, compression="zstd")
    sync_files(folder, [name])
    file = delta.DataFile(
        path=name,
        size=(folder / name).stat().st_size,
        rows=1,
        stats=json.dumps({"numRecords": 1}),
        checksum=checksum(folder / name),
    )
    change = rewritten or delta.Change()
    change = delta.Change(added=(file, *change.added), removed=change.removed)
    delta.commit(folder, change, record.load_id, note(record.versions, now))
    return record


def note(versions: Mapping[str, int], loaded_at: datetime) -> dict[str, Any]:
    """Return what every commit of the load log notes: the state of the workspace from then on."""
    return {_NOTE: {"versions": dict(versions), "loaded_at": loaded_at.isoformat()}}


def find_load(connection: DuckDBPyConnection, load_id: str) -> LoadRecord | None:
    """Return the record of a load, over a connection that has the view ``loads``."""
    rows = (
        connection.sql("SELECT * FROM loads WHERE load_id = ?", params=[load_id]).to_arrow_table().to_pylist()
    )
    return LoadRecord(**{**rows[0], "versions": json.loads(rows[0]["versions"])}) if rows else None


def undo_id(load_id: str) -> str:
    """Return the id of the load that takes another one back.

    Examples
    --------
    >>> undo_id("7f3a"), undone_load("undo-7f3a")
    ('undo-7f3a', '7f3a')
    """
    return _UNDO + load_id


def undone_load(load_id: str) -> str:
    """Return the load that an undo takes back, by the id of the undo."""
    return load_id.removeprefix(_UNDO)


def untaken_id(store: Path, load_id: str) -> str:
    """Return under which id a file is loaded: its own, or another where its load was taken back."""
    made, times = load_id, 1
    while delta.has_load(store / LOADS.name, undo_id(made)):
        times += 1
        made = f"{load_id}-{times}"
    return made
