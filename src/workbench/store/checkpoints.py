"""Sums of a table's log so far, from which a reader starts instead of from its first entry.

The log keeps every entry, so a checkpoint saves work and holds nothing of its own: without one the log is
read from an earlier one, or from the beginning. They are written when a load is complete, and are no part of
it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from workbench.errors import WorkspaceError
from workbench.store import delta
from workbench.store.staging import sync_files

# An entry takes a reader 0.3 ms, and a load opens every table; a checkpoint of thousands of files, 50 ms.
APART = 20
# Who opens a table meanwhile may read the one before; of older ones enough stay to read an old version.
KEPT = 100
_LOG, _HINT = "_delta_log", "_last_checkpoint"
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
_END = b"PAR1"


def checkpoint(store: Path, versions: Mapping[str, int]) -> None:
    """Write a checkpoint of each table whose newest one lies so many versions back, if it can be written.

    Parameters
    ----------
    store : Path
        The folder of the tables.
    versions : mapping of str to int
        The version of each table that a load changed.
    """
    from deltalake.exceptions import DeltaError

    for name, version in versions.items():
        folder = store / name
        if version - (_hinted(folder) or 0) >= APART:
            # The load is complete: on a full disk the next one tries again.
            with suppress(DeltaError, OSError, WorkspaceError):
                delta.open_table(folder, version).create_checkpoint()
                sync_files(folder, [f"{_LOG}/{_name(version)}", f"{_LOG}/{_HINT}"])
                _thin(folder, version)


def mend(store: Path, tables: Iterable[str]) -> None:
    """Take away checkpoints that a power cut left half written: the log itself is read then."""
    for name in tables:
        folder = store / name / _LOG
        version = _hinted(store / name)
        if version is None or _whole(folder / _name(version)):
            continue
        (folder / _HINT).unlink()
        for found in _checkpoints(folder).values():
            if not _whole(folder / found):
                (folder / found).unlink()


def _thin(folder: Path, newest: int) -> None:
    """Of each hundred versions keep the first checkpoint, and all of the last hundred."""
    first: set[int] = set()
    for version, name in sorted(_checkpoints(folder / _LOG).items()):
        if version < newest - KEPT and version // KEPT in first:
            (folder / _LOG / name).unlink(missing_ok=True)
        first.add(version // KEPT)


def _checkpoints(log: Path) -> dict[int, str]:
    found = (_CHECKPOINT.fullmatch(name) for name in delta.listed(log))
    return {int(match[1]): match[0] for match in found if match}


def _name(version: int) -> str:
    return f"{version:020}.checkpoint.parquet"


def _hinted(folder: Path) -> int | None:
    """Return the version of the checkpoint that readers begin with."""
    try:
        return int(json.loads((folder / _LOG / _HINT).read_bytes())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-len(_END), os.SEEK_END)
            return file.read() == _END
    except OSError:
        return False
