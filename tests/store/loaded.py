"""One file loaded into a workspace, and what became of its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.store import Workspace
from workbench.store.ingest import ingest


def load(workspace: Workspace, folder: Path, content: str | bytes, name: str = "a.csv", **how: Any) -> Any:
    """Load a file of this content; its rows add up."""
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = ingest(workspace, [file], **how)
    assert result.accepted + result.duplicates + result.quarantined == result.read
    return result


def reasons(workspace: Workspace) -> list[str]:
    """Return why rows were rejected, in their order."""
    rows = workspace.tables().query("SELECT reasons FROM quarantine ORDER BY line").to_pylist()
    return [row["reasons"] for row in rows]
