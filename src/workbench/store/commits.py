"""What the log of a table noted of its files when they were added: what brings one of them back needs it."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote

from workbench.errors import RESTORE, WorkspaceError
from workbench.store.delta import CHECKSUMS, DataFile, log_entry


def as_added(folder: Path, version: int, paths: Collection[str]) -> tuple[DataFile, ...]:
    """Return files of a table with their statistics and checksums, as the newest commits noted them.

    Parameters
    ----------
    folder : Path
        The table's.
    version : int
        From which on the log is read backwards.
    paths : collection of str
        Which files, as a version of the table names them.

    Raises
    ------
    WorkspaceError
        If the log is damaged, or names one of them nowhere.
    """
    found: dict[str, DataFile] = {}
    while version and len(found) < len(paths):
        found = _noted(folder, version, {*paths} - found.keys()) | found
        version -= 1
    if missing := sorted({*paths} - found.keys()):
        raise _damaged(folder, f"no commit adds {missing[0]}")
    return tuple(found[path] for path in sorted(found))


def _noted(folder: Path, version: int, paths: Collection[str]) -> dict[str, DataFile]:
    entry = log_entry(folder, version)
    try:
        actions = [json.loads(line) for line in entry.read_text(encoding="utf-8").split("\n") if line]
        checksums = next((a["commitInfo"].get(CHECKSUMS) or {} for a in actions if "commitInfo" in a), {})
        added = {unquote(action["add"]["path"]): action["add"] for action in actions if "add" in action}
        return {
            path: DataFile(
                path=path,
                size=added[path]["size"],
                rows=json.loads(added[path]["stats"])["numRecords"],
                partition=added[path]["partitionValues"],
                stats=added[path]["stats"],
                checksum=checksums.get(path, ""),
            )
            for path in added.keys() & paths
        }
    except FileNotFoundError:
        raise _damaged(folder, f"{entry.name} is missing") from None
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, f"{entry.name}: {error}") from error


def _damaged(folder: Path, why: str) -> WorkspaceError:
    return WorkspaceError(
        f"The log of table {folder.name!r} of {folder.parent.parent} is damaged: {why}. {RESTORE}"
    )
