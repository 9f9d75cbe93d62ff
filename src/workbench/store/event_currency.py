"""The currency of events: money in another than the workspace's is rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.events.definitions import EVENT_TYPES, Kind
from workbench.events.mapping import Mapping
from workbench.events.parsing import literal
from workbench.events.validation import by_type
from workbench.store.ingest_events import STAGED
from workbench.store.ingest_rows import one_currency
from workbench.store.sources import Source, unreadable
from workbench.store.typed_events import CODES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PAID = tuple(
    name for name, one in EVENT_TYPES.items() if any(field.kind is Kind.MONEY for field in one.fields)
)


def settle(
    connection: DuckDBPyConnection, source: Source, mapping: Mapping, known: str | None
) -> tuple[str | None, str]:
    """Return the currency that counts, and the SQL of why a row in another is rejected, else null.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Reads the file once more where the workspace has no currency yet.
    source : Source
        The file.
    mapping : Mapping
        Says where the currency stands; where nothing does, all money is the workspace's.
    known : str or None
        The workspace's currency.

    Raises
    ------
    BadInput
        If the workspace has none yet and the file has several, or the file turns out to be broken.
    """
    if mapping.currency is None and not mapping.currency_by_column:
        return known, "NULL"
    stated = mapping.currency_sql(source.columns)
    made = {column.name: column.sql for column in mapping.columns(source.columns)}
    paid = f"({made['event_type']}) IN ({', '.join(map(literal, _PAID))})"
    if known is None:
        found = _found(connection, source, f"CASE WHEN {paid} THEN {stated} END")
        known = one_currency(found, source, None)
    if known is None:
        return None, "NULL"
    return known, _differs(f"CASE WHEN {paid} THEN {stated} END", known)


def differs_sql(known: str | None) -> str:
    """Return the SQL of why an event in our own form is rejected for its currency, else null."""
    return "NULL" if known is None else _differs(_own_sql(), known)


def settle_own(connection: DuckDBPyConnection, source: Source) -> str | None:
    """Return the currency that staged events in our own form state, for a workspace that has none yet.

    Raises
    ------
    BadInput
        If they state several, or one that is none.
    """
    rows = connection.execute(f"SELECT DISTINCT {_own_sql()} AS code FROM {STAGED} WHERE _sound").fetchall()
    return one_currency(sorted(row[0] for row in rows if row[0] is not None), source, None)


def is_paid(connection: DuckDBPyConnection) -> bool:
    """Return whether a staged event that is accepted may carry money: refused ones state no currency."""
    paid = f"_sound AND event_type IN ({', '.join(map(literal, _PAID))})"
    return bool(connection.execute(f"SELECT 1 FROM {STAGED} WHERE {paid} LIMIT 1").fetchall())


def _own_sql() -> str:
    # Few events carry money, and to look for a few letters is cheap.
    codes = ", ".join(f"nullif(trim(json_extract_string(properties, '$.{name}')), '')" for name in CODES)
    stated = f"CASE WHEN contains(properties, '\"currency') THEN upper(TRY(coalesce({codes}))) END"
    return by_type(dict.fromkeys(_PAID, stated))


def _differs(stated: str, known: str) -> str:
    said = f"'another currency: ' || ({stated}) || {literal(f'; the workspace is in {known}')}"
    return f"CASE WHEN ({stated}) <> {literal(known)} THEN {said} END"


def _found(connection: DuckDBPyConnection, source: Source, code: str) -> list[str]:
    import duckdb

    rows = f"SELECT DISTINCT {code} AS code FROM ({source.text_sql(connection)}) WHERE _problem IS NULL"
    try:
        found = connection.execute(rows).fetchall()
    except duckdb.Error as error:
        raise unreadable(error, source) from error
    return sorted(row[0] for row in found if row[0] is not None)
