"""What the bytes of a table's files came to when they were written, to find those that changed since.

A changed bit in a Parquet page can be read as another number without an error. Each commit therefore notes
the checksum of every file it adds. Reads do not look at it: `workbench doctor` and `workbench verify` do, and
so does whatever writes the rows of a file anew, since afterwards a wrong number would have a right checksum.

It finds damage, not intent, and says nothing of the content, which an erasure may take away.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import RESTORE, WorkspaceError
from workbench.store.delta import CHECKSUMS, DataFile, commit_note, data_files

_AT_ONCE = 2**20
# What DuckDB says where the pages of a file do not make sense.
_UNREADABLE = re.compile("failed to read file|tprotocol|parquet|corrupt|zstd|snappy", re.IGNORECASE)


def checksum(path: Path) -> str:
    """Return the checksum of a file's bytes."""
    found = 0
    with path.open("rb") as file:
        while part := file.read(_AT_ONCE):
            found = zlib.crc32(part, found)
    return f"{found:08x}"


@dataclass(frozen=True, slots=True)
class Compared:
    """How the files of tables compare with what was noted of them.

    Parameters
    ----------
    changed : tuple of str
        The paths of those whose bytes are not those that were written.
    unknown : int
        How many an earlier version of the workbench wrote, which noted nothing.
    files : int
        How many there are.
    """

    changed: tuple[str, ...]
    unknown: int
    files: int


def compare(folder: Path, version: int, files: Iterable[DataFile]) -> Compared:
    """Read files of a table, which a version names, and compare them with what was noted of them."""
    paths = {file.path for file in files}
    told = _noted(folder, version, paths)
    found = sorted(path for path, noted in told.items() if checksum(folder / path) != noted)
    return Compared(tuple(found), len(paths) - len(told), len(paths))


def compare_all(store: Path, versions: Mapping[str, int]) -> Compared:
    """Read all files of tables at their versions, and compare them; paths are from the store's folder."""
    each = {
        table: compare(store / table, version, data_files(store / table, version))
        for table, version in sorted(versions.items())
    }
    return Compared(
        tuple(f"{table}/{path}" for table, one in each.items() for path in one.changed),
        sum(one.unknown for one in each.values()),
        sum(one.files for one in each.values()),
    )


def damage(store: Path, versions: Mapping[str, int]) -> str:
    """Return what to say where a file of tables changed since it was written; empty where none did."""
    try:
        changed = compare_all(store, versions).changed
    except OSError:  # a file that cannot be opened is told of by that
        return ""
    table, _, path = changed[0].partition("/") if changed else ("", "", "")
    return _said(store / table, path) if changed else ""


def is_unreadable(error: Exception) -> bool:
    """Return whether an error of a query is one of the files that it read."""
    import duckdb

    of_query = duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException
    if isinstance(error, (*of_query, duckdb.PermissionException)):  # a query may not look outside
        return False
    # What has no kind of its own comes from the depths of reading.
    return type(error) in {duckdb.Error, UnicodeDecodeError} or bool(_UNREADABLE.search(str(error)))


def check(folder: Path, version: int, files: Iterable[DataFile]) -> None:
    """Refuse files whose bytes changed since they were written.

    Raises
    ------
    WorkspaceError
        If there are any.
    """
    if changed := compare(folder, version, files).changed:
        raise WorkspaceError(_said(folder, changed[0]))


def _said(folder: Path, path: str) -> str:
    return (
        f"The workspace {folder.parent.parent} is damaged: files of {folder.name!r} changed on the disk"
        f" since they were written: {path}. {RESTORE}"
    )


def _noted(folder: Path, version: int, paths: set[str]) -> dict[str, str]:
    told: dict[str, str] = {}
    while version and len(told) < len(paths):
        try:
            noted = commit_note(folder, version, CHECKSUMS)
        except FileNotFoundError:
            break
        if noted is None:  # an earlier version of the workbench wrote this
            break
        told |= {path: noted[path] for path in paths & noted.keys()}
        version -= 1
    return told
