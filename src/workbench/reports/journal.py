"""Runs that ended become rows of the workspace's `runs` table, each once, when nobody else is writing."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkspaceError
from workbench.reports.lease import ENDED
from workbench.reports.notebook import sha256, to_bytes
from workbench.reports.record import now

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace


def store_ended_runs(workspace: Workspace) -> int:
    """Write the records that wait in the runs folder to the `runs` table; return how many.

    Where another process is writing, they wait for the next time. A record is removed only after it was
    committed, and a repeated commit changes nothing, so a kill in between neither loses nor doubles a run.
    """
    files = sorted((workspace.runs_path / ENDED).glob("*.json"))
    rows = {file: row for file in files if (row := _row(file)) is not None}
    if not rows:
        return 0
    try:
        _commit(workspace, list(rows.values()))
    except (WorkspaceError, OSError):  # busy, or not writable
        return 0
    for file in files:
        with suppress(OSError):
            file.unlink()
    return len(rows)


def _commit(workspace: Workspace, rows: list[dict[str, Any]]) -> None:
    import duckdb
    from deltalake.exceptions import DeltaError

    try:
        _write(workspace, rows)
    except (duckdb.IOException, DeltaError) as error:  # e.g. no room
        raise WorkspaceError(f"The table of runs cannot be written: {error}") from None


def _write(workspace: Workspace, rows: list[dict[str, Any]]) -> None:
    from workbench.events.tables import RUNS
    from workbench.store.compaction import keep_compact
    from workbench.store.loads import LoadRecord
    from workbench.store.schema import sql_type

    with workspace.writer() as writer:
        load_id = "runs-" + sha256(to_bytes(rows))[:32]
        transaction = writer.transaction(load_id, operation="write", file="runs", table_name=RUNS.name)
        if transaction.done is not None:
            return
        # The database reads the rows: to make a table of Python's values, Arrow would load pandas.
        kinds = {field.name: sql_type(field) for field in RUNS.fields}
        writer.connection.execute(
            "CREATE OR REPLACE TEMP TABLE ended_runs AS SELECT unnest(from_json(?, ?), recursive := true)",
            [json.dumps(rows), json.dumps([kinds])],
        )
        transaction.upsert(RUNS.name, "SELECT * FROM ended_runs")
        transaction.commit(LoadRecord(rows_read=len(rows), accepted=len(rows)))
        writer.connection.execute("DROP TABLE ended_runs")
        keep_compact(writer)


def _row(file: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if record["status"] not in {"completed", "failed", "cancelled"}:
            return None
        return {
            "run_id": str(record["id"]),
            "notebook": str(record["notebook"]),
            "status": str(record["status"]),
            "scheduled": record.get("wanted_by") is not None,
            "on_time": _on_time(record),
            "started_at": _instant(record["started"] or now()).isoformat(),
            "duration_seconds": float(record["duration"] or 0.0),
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _on_time(record: dict[str, Any]) -> bool:
    """Return whether a run ended when it was wanted; one that nobody waited for is never late."""
    wanted, ended = record.get("wanted_by"), record.get("ended")
    if wanted is None:
        return True
    return ended is not None and _instant(ended) <= _instant(wanted)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
