"""Many small files become few; files that no wanted version needs are deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from workbench.events.rollups import STORED
from workbench.events.tables import LOADS, TABLES
from workbench.store import delta, recovery
from workbench.store.connection import files_sql
from workbench.store.delta import Change, DataFile
from workbench.store.loads import head, note
from workbench.store.staging import stage
from workbench.store.writer import Writer

SMALL_BYTES = 64 * 2**20
FEWEST_FILES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """How many files there were, and are now, in the tables that were rewritten."""

    files_before: int
    files_after: int

    @property
    def sentence(self) -> str:
        """Return one plain sentence."""
        if not self.files_before:
            return "No table has many small files."
        return f"{self.files_before} small files became {self.files_after}."


def compact(writer: Writer, *, small: int = SMALL_BYTES, fewest: int = FEWEST_FILES) -> Compacted:
    """Rewrite, sorted, the small files of every partition that has at least `fewest` of them.

    Parameters
    ----------
    writer : Writer
        The workspace's writer.
    small : int
        Files of fewer bytes are small.
    fewest : int
        A partition with fewer small files is left alone.
    """
    before = after = 0
    with writer.transaction(f"compact-{uuid.uuid4().hex}", operation="compact") as load:
        for table in TABLES:
            if table == LOADS.name:
                continue
            chosen = _small_files(load.files(table), small, fewest)
            if chosen:
                others = len(load.files(table)) - len(chosen)
                load.rewrite(table, chosen)
                before += len(chosen)
                after += len(load.files(table)) - others
        if load.merge_rollups() or before:
            load.commit()
    stored = delta.data_files(writer.store / LOADS.name, writer.head.version)
    if len(stored) >= fewest:
        _compact_loads(writer, stored)
        before, after = before + len(stored), after + 1
    return Compacted(files_before=before, files_after=after)


def _small_files(files: Iterable[DataFile], small: int, fewest: int) -> list[DataFile]:
    groups: dict[PurePosixPath, list[DataFile]] = {}
    for file in files:
        if file.size < small:
            groups.setdefault(PurePosixPath(file.path).parent, []).append(file)
    return [file for group in groups.values() if len(group) >= fewest for file in group]


def _compact_loads(writer: Writer, stored: tuple[DataFile, ...]) -> None:
    load_id, pending = f"compact-{uuid.uuid4().hex}", writer.store.parent / "pending"
    folder, state = writer.store / LOADS.name, writer.head
    recovery.announce(pending, load_id)
    files = stage(
        writer.connection, LOADS, folder, files_sql(LOADS, folder, stored), recovery.file_prefix(load_id)
    )
    notes = note(state.versions, state.loaded_at)
    delta.commit(folder, Change(added=files, removed=stored), load_id, notes)
    recovery.recover(writer.store, pending)
    writer.refresh()


def vacuum(writer: Writer, retain_versions: Iterable[int] = ()) -> int:
    """Return how many files were deleted: those needed neither by the newest data version nor a retained one.

    Parameters
    ----------
    writer : Writer
        The workspace's writer.
    retain_versions : iterable of int
        Data versions that stay readable, such as those that receipts name. Others stop being so: what a
        receipt says of them can be checked by its hashes, not read again.
    """
    states = [head(writer.store, version) for version in {*retain_versions, writer.head.version}]
    deleted = 0
    for table in STORED:
        folder = writer.store / table
        named = {state.version if table == LOADS.name else state.versions.get(table, 0) for state in states}
        needed = {file.path for version in named for file in delta.data_files(folder, version)}
        for path in stored_files(folder):
            if path not in needed:
                (folder / path).unlink()
                deleted += 1
    return deleted


def stored_files(folder: Path) -> list[str]:
    """Return the paths of all Parquet files in a table's folder, whether a version names them or not."""
    found = (path.relative_to(folder) for path in folder.rglob("*.parquet"))
    return sorted(path.as_posix() for path in found if path.parts[0] != "_delta_log")
