"""Figures of model runs, kept beside the data so that metrics read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.events.tables import MODEL_RESULTS
from workbench.store.loads import LoadRecord
from workbench.store.schema import arrow_schema

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

_GIVEN = "given_results"


def keep_results(workspace: Workspace, rows: Sequence[dict[str, Any]]) -> int:
    """Return how many figures were stored: none where the same ones, of whatever moment, are there already.

    Parameters
    ----------
    workspace : Workspace
        Where to.
    rows : sequence of dict
        Rows of `model_results`, of one model run.

    Raises
    ------
    WorkspaceBusy
        If another writer is at work.
    """
    import pyarrow as pa

    if not rows:
        return 0
    name = MODEL_RESULTS.name
    said = json.dumps([_told(row) for row in rows], sort_keys=True)
    load_id = f"model-{hashlib.sha256(said.encode()).hexdigest()[:32]}"
    with (
        workspace.writer() as writer,
        writer.transaction(load_id, file=str(rows[0]["model"]), table_name=name) as transaction,
    ):
        if transaction.done is not None:
            return 0
        table = pa.Table.from_pylist(list(rows), schema=arrow_schema(MODEL_RESULTS))
        writer.connection.register(_GIVEN, table)
        written = transaction.upsert(name, f"SELECT * FROM {_GIVEN}")
        transaction.commit(LoadRecord(rows_read=written, accepted=written))
        writer.connection.unregister(_GIVEN)
    return written


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a figure says: to nine digits, since sums in another order differ in the last ones."""
    return {
        name: f"{value:.9g}" if isinstance(value, float) else value
        for name, value in row.items()
        if name != "computed_at"
    }
