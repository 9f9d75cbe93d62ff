"""Experiments as they are kept: what was defined, who is in them, what was decided. Rows are only added."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkspaceBusy
from workbench.events.tables import EXPERIMENT_DECISIONS, EXPERIMENT_DEFINITIONS, EXPERIMENTS, TableDefinition
from workbench.store.loads import LoadRecord
from workbench.store.schema import arrow_schema, literal, quote

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from workbench.store.workspace import Workspace
    from workbench.store.writer import Writer

_GIVEN = "given_rows"


def keep_definition(workspace: Workspace, row: Mapping[str, Any]) -> None:
    """Add one version of a definition.

    Parameters
    ----------
    workspace : Workspace
        Where to.
    row : mapping
        A row of `experiment_definitions`; its version follows the newest one that was read.

    Raises
    ------
    WorkspaceBusy
        If another writer is at work, or gave the experiment this version meanwhile.
    """
    _keep(workspace, EXPERIMENT_DEFINITIONS, row, number="version")


def keep_decision(workspace: Workspace, row: Mapping[str, Any]) -> None:
    """Add one decision.

    Parameters
    ----------
    workspace : Workspace
        Where to.
    row : mapping
        A row of `experiment_decisions`; its number follows the newest one that was read.

    Raises
    ------
    WorkspaceBusy
        If another writer is at work, or added a decision of this number meanwhile.
    """
    _keep(workspace, EXPERIMENT_DECISIONS, row, number="number")


def _keep(workspace: Workspace, definition: TableDefinition, row: Mapping[str, Any], *, number: str) -> None:
    import pyarrow as pa

    with workspace.writer() as writer:
        sql = f"SELECT coalesce(max({quote(number)}), 0) FROM {quote(definition.name)} WHERE name = ?"
        (newest,) = writer.connection.execute(sql, [row["name"]]).fetchall()[0]
        if row[number] != newest + 1:
            raise WorkspaceBusy(
                f"Somebody else changed the experiment {row['name']!r:.80} meanwhile: look at it again first."
            )
        table = pa.Table.from_pylist([dict(row)], schema=arrow_schema(definition))
        _append(writer, definition, table, f"SELECT * FROM {_GIVEN}")


def keep_assignments(
    workspace: Workspace, experiment: str, users: pa.Table, *, at: datetime, campaign: str | None = None
) -> int:
    """Return how many users were added to an experiment; those who are in it stay where they are.

    Parameters
    ----------
    workspace : Workspace
        Where to.
    experiment : str
        Its name.
    users : Table
        The columns ``user_id`` and ``variant``; a user stands in it once.
    at : datetime
        When they were assigned.
    campaign : str, optional
        The campaign's id.

    Raises
    ------
    WorkspaceBusy
        If another writer is at work.
    """
    new = (
        f"SELECT {literal(experiment)} AS experiment, user_id, variant, "
        f"{literal(at.isoformat())}::TIMESTAMPTZ AS assigned_at, "
        f"{'NULL' if campaign is None else literal(campaign)} AS campaign_id FROM {_GIVEN} AS given "
        f"WHERE NOT EXISTS (SELECT 1 FROM {EXPERIMENTS.name} AS known "
        f"WHERE known.experiment = {literal(experiment)} AND known.user_id = given.user_id)"
    )
    with workspace.writer() as writer:
        return _append(writer, EXPERIMENTS, users, new)


def _append(writer: Writer, definition: TableDefinition, rows: pa.Table, select_sql: str) -> int:
    """Return how many rows a SELECT over the given ones added, in one load; none makes none."""
    writer.connection.register(_GIVEN, rows)
    try:
        # What is there already is seen under the lock, so that no id need tell a second try apart.
        with writer.transaction(f"experiment-{uuid.uuid4().hex}", table_name=definition.name) as load:
            written = load.append(definition.name, select_sql)
            if written:
                known = rows.num_rows - written
                load.commit(LoadRecord(rows_read=rows.num_rows, accepted=written, duplicates=known))
        return written
    finally:
        writer.connection.unregister(_GIVEN)
