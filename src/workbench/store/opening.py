"""How a notebook opens a workspace: read-only, at one version."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from workbench.store.snapshot import Snapshot


def open_tables(path: str | PathLike[str], version: int | None = None) -> Snapshot:
    """Return the tables of the workspace at `path`, pinned to a data version, the newest by default.

    Raises
    ------
    WorkspaceError
        If there is no workspace, or no such version of it.
    """
    from workbench.store.workspace import Workspace

    # Runs pin this: the sums of one thread are added in one order, so that they repeat to the last bit.
    threads = os.environ.get("WORKBENCH_THREADS")
    return Workspace.open(path).tables(version, threads=int(threads) if threads else None)
