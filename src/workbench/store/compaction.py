"""Many small files become few; files that no wanted version needs are deleted."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from workbench.events.rollups import ROLLUPS, STORED
from workbench.events.tables import FACTS, LOADS, TABLES
from workbench.store import delta, recovery
from workbench.store.checksums import check
from workbench.store.connection import files_sql
from workbench.store.delta import Change, DataFile
from workbench.store.loads import head, note
from workbench.store.staging import file_prefix, stage
from workbench.store.writer import Writer

SMALL_BYTES = 64 * 2**20
FEWEST_FILES = 4
# From how many files on those of a month that ended are merged, but for one of more times the rows of all
# smaller ones. In the last such month late events come; in earlier ones hardly anything does.
_LAST_ENDED, _LONG_ENDED = (FEWEST_FILES, 2), (2, delta.ALIKE)
# Files of more rows than that are few, and cost more to merge than they cost readers.
_LITTLE_ROWS = 100_000
# About so many rows are rewritten after one load.
ROWS_AT_ONCE = 4_000_000
# A notebook or a report that opened the workspace yesterday may still be at work.
GRACE = timedelta(days=1)


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

    def chosen(files: Iterable[DataFile]) -> list[DataFile]:
        partitions = _grouped((file for file in files if file.size < small), _partition)
        return [file for group in partitions if len(group) >= fewest for file in group]

    names = [name for name in TABLES if name != LOADS.name]
    done = _rewrite(writer, {name: chosen(_files(writer, name)) for name in names}, rollups=True)
    return _with_loads(writer, done, chosen(_files(writer, LOADS.name)))


def keep_compact(writer: Writer) -> Compacted:
    """Rewrite what many small loads have left, where there is much of it: what follows every load.

    Eight small files of one partition and of about one size become one. So a partition never has many
    files, and a row is rewritten only as often as its file has grown eightfold. Of a month that another has
    followed four become one, and of earlier months two: few rows come any more, and of years of months each
    would keep a dozen files. In one call no more is rewritten than takes some seconds; the rest waits for
    the next. Roll-ups that an earlier version of the workbench did not keep are made.
    """
    alike = [(name, group) for name in TABLES for group in _mergeable(_files(writer, name))]
    if max((len(group) for _, group in alike), default=0) < delta.ALIKE:
        alike = []  # a merge is a version of its own: what is due soon waits for what is due
    chosen: dict[str, list[DataFile]] = {}
    rows = 0
    for name, group in sorted(alike, key=lambda found: -len(found[1])):
        if rows < ROWS_AT_ONCE:
            chosen.setdefault(name, []).extend(group)
            rows += sum(file.rows for file in group)
    loads = chosen.pop(LOADS.name, [])
    unmade = bool(set(ROLLUPS) - set(writer.head.versions)) and bool(_files(writer, FACTS.name))
    none = Compacted(files_before=0, files_after=0)
    done = _rewrite(writer, chosen, rollups=unmade) if chosen or unmade else none
    return _with_loads(writer, done, loads)


def _mergeable(files: Iterable[DataFile]) -> list[list[DataFile]]:
    """Return the groups of files of a table each of which should be one file, once there is one of eight.

    Of a table by months, whose buckets grow alike but not in step, half as many go along.
    """
    small = [file for file in files if file.size < SMALL_BYTES]
    months = sorted({_month(file) for file in small})

    def has_ended(file: DataFile) -> bool:
        return _month(file) < months[-1] and file.rows < _LITTLE_ROWS

    found: list[list[DataFile]] = []
    for group in _grouped(small, lambda file: (_partition(file), has_ended(file))):
        if has_ended(group[0]):
            fewest, times = _LAST_ENDED if _month(group[0]) == months[-2] else _LONG_ENDED
            found += (run for run in _runs(group, times) if len(run) >= fewest)
        else:
            sizes = _grouped(group, lambda file: delta.scale(file.rows))
            fewest = FEWEST_FILES if months[-1] else delta.ALIKE
            found += (one for one in sizes if len(one) >= fewest)
    return found


def _month(file: DataFile) -> str:
    return file.partition.get("month") or ""


def _runs(files: Iterable[DataFile], times: int) -> list[list[DataFile]]:
    """Return files in the order of their rows, parted before each of more `times` the rows of its run."""
    runs: list[list[DataFile]] = [[]]
    rows = 0
    for file in sorted(files, key=lambda file: file.rows):
        if runs[-1] and file.rows > times * rows:
            runs.append([])
            rows = 0
        runs[-1].append(file)
        rows += file.rows
    return runs


def _files(writer: Writer, table: str) -> tuple[DataFile, ...]:
    version = writer.head.version if table == LOADS.name else writer.head.versions[table]
    return delta.data_files(writer.store / table, version)


def _partition(file: DataFile) -> PurePosixPath:
    return PurePosixPath(file.path).parent


def _grouped(files: Iterable[DataFile], key: Callable[[DataFile], Hashable]) -> list[list[DataFile]]:
    groups: dict[Hashable, list[DataFile]] = {}
    for file in files:
        groups.setdefault(key(file), []).append(file)
    return list(groups.values())


def _rewrite(writer: Writer, chosen: Mapping[str, list[DataFile]], *, rollups: bool = False) -> Compacted:
    before = after = 0
    with writer.transaction(f"compact-{uuid.uuid4().hex}", operation="compact") as load:
        for table, files in chosen.items():
            others = len(load.files(table)) - len(files)
            load.rewrite(table, files)
            before += len(files)
            after += len(load.files(table)) - others
        if (rollups and load.merge_rollups()) or before:
            load.commit()
    return Compacted(files_before=before, files_after=after)


def _with_loads(writer: Writer, done: Compacted, loads: Sequence[DataFile]) -> Compacted:
    if not loads:
        return done
    load_id, pending = f"compact-{uuid.uuid4().hex}", writer.store.parent / "pending"
    folder, state = writer.store / LOADS.name, writer.head
    check(folder, state.version, loads)
    recovery.announce(pending, load_id)
    files = stage(writer.connection, LOADS, folder, files_sql(LOADS, folder, loads), file_prefix(load_id))
    notes = note(state.versions, state.loaded_at)
    delta.commit(folder, Change(added=files, removed=tuple(loads)), load_id, notes)
    recovery.recover(writer.store, pending)
    writer.refresh()
    return Compacted(files_before=done.files_before + len(loads), files_after=done.files_after + 1)


def vacuum(
    writer: Writer,
    retain_versions: Iterable[int] = (),
    *,
    grace: timedelta = GRACE,
    now: datetime | None = None,
) -> int:
    """Return how many files were deleted: those that no version needs which is the newest, or retained.

    Parameters
    ----------
    writer : Writer
        The workspace's writer.
    retain_versions : iterable of int
        Data versions that stay readable, such as those that receipts name. Others stop being so: what a
        receipt says of them can be checked by its hashes, not read again.
    grace : timedelta
        Versions that were the newest so lately are retained, too: somebody may be reading them.
    now : datetime, optional
        The present by default.
    """
    newest, since = writer.head, (now or datetime.now(UTC)) - grace
    states = {newest.version: newest}
    while newest.loaded_at > since and newest.version > 1:
        newest = head(writer.store, newest.version - 1)
        states[newest.version] = newest
    states |= {version: head(writer.store, version) for version in {*retain_versions} - {*states}}
    deleted = 0
    for table in STORED:
        folder = writer.store / table
        named = {at if table == LOADS.name else states[at].versions.get(table, 0) for at in states}
        needed = {file.path for version in named for file in delta.data_files(folder, version)}
        for path in stored_files(folder):
            if path not in needed:
                (folder / path).unlink()
                deleted += 1
    return deleted


def readable(writer: Writer, versions: Iterable[int]) -> set[int]:
    """Return those of data versions all of whose files are on the disk: an erasure took some away."""

    def whole(version: int) -> bool:
        at = {**head(writer.store, version).versions, LOADS.name: version}
        tables = ((writer.store / table, number) for table, number in at.items())
        return all(
            (folder / file.path).exists() for folder, n in tables for file in delta.data_files(folder, n)
        )

    return {version for version in versions if whole(version)}


def stored_files(folder: Path) -> list[str]:
    """Return the paths of all Parquet files in a table's folder, whether a version names them or not."""
    found = (path.relative_to(folder) for path in folder.rglob("*.parquet"))
    return sorted(path.as_posix() for path in found if path.parts[0] != "_delta_log")
