"""The reference pages of event types and tables, written from their definitions."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.events.definitions import CONTEXT, ENVELOPE, EVENT_TYPES, Field
from workbench.events.tables import TABLES, TableDefinition

_HEAD = "| name | kind | null | allowed |\n|---|---|---|---|\n"


def events_page() -> str:
    """Return the page of the event envelope and all event types, as Markdown.

    Examples
    --------
    >>> "## campaign_clicked" in events_page()
    True
    """
    parts = [
        "# Event types\n\nWritten from `events/definitions.py`.\n",
        f"## The envelope\n\n{_fields(ENVELOPE)}\nThe context:\n\n{_fields(CONTEXT)}",
    ]
    parts += [
        f"## {event.name}\n\n{event.says} Family: {event.family}.\n\n{_fields(event.fields)}"
        for event in EVENT_TYPES.values()
    ]
    return "\n".join(parts)


def tables_page() -> str:
    """Return the page of all tables, as Markdown.

    Examples
    --------
    >>> "## daily_performance" in tables_page()
    True
    """
    return "\n".join(
        ["# Tables\n\nWritten from `events/tables.py`.\n", *(_table(table) for table in TABLES.values())]
    )


def _table(table: TableDefinition) -> str:
    facts = [
        f"Key: {', '.join(table.key)}." if table.key else "Every row is its own.",
        f"Folders: {', '.join(table.partitions)}." if table.partitions else "",
        "Loaded from files." if table.loadable else "Written by the workbench.",
    ]
    return f"## {table.name}\n\n{table.says} {' '.join(filter(None, facts))}\n\n{_fields(table.fields)}"


def _fields(fields: Iterable[Field]) -> str:
    return _HEAD + "".join(_row(field) for field in fields)


def _row(field: Field) -> str:
    allowed = ", ".join(field.choices) if len(field.choices) <= 16 else f"{len(field.choices)} names"
    bound = f">= {field.minimum:g}" if field.minimum is not None else ""
    return f"| {field.name} | {field.kind} | {'no' if field.required else 'yes'} | {allowed or bound} |\n"
