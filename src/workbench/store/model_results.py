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
    from workbench.store.writer import Writer

_GIVEN = "given_results"


def keep_results(workspace: Workspace, rows: Sequence[dict[str, Any]]) -> int:
    """Return how many figures were stored: none where the newest ones are the same already.

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
    with workspace.writer() as writer:
        newest = _newest(writer)
        if all(newest.get(_key(row)) == _told(row) for row in rows):
            return 0
        # With the version: figures that return to what they were once are another load than that one.
        said = json.dumps([writer.head.version, *map(_told, rows)], sort_keys=True)
        load_id = f"model-{hashlib.sha256(said.encode()).hexdigest()[:32]}"
        with writer.transaction(load_id, file=str(rows[0]["model"]), table_name=name) as transaction:
            table = pa.Table.from_pylist(list(rows), schema=arrow_schema(MODEL_RESULTS))
            writer.connection.register(_GIVEN, table)
            written = transaction.upsert(name, f"SELECT * FROM {_GIVEN}")
            transaction.commit(LoadRecord(rows_read=written, accepted=written))
            writer.connection.unregister(_GIVEN)
    return written


def _newest(writer: Writer) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return what the newest figure of each model, name and slice says."""
    found = writer.connection.execute(
        "SELECT model, figure, slice, value, low, high FROM model_results "
        "QUALIFY row_number() OVER (PARTITION BY model, figure, slice ORDER BY computed_at DESC) = 1"
    )
    names = [column[0] for column in found.description]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return {_key(row): _told(row) for row in rows}


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["model"], row["figure"], row["slice"]


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a figure says: to nine digits, since sums in another order differ in the last ones."""
    return {
        name: f"{value:.9g}" if isinstance(value, float) else value
        for name, value in row.items()
        if name != "computed_at"
    }
