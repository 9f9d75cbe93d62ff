"""The currency of the events of a mapped file: money in another than the workspace's is rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import BadInput
from workbench.events.definitions import EVENT_TYPES, Kind
from workbench.events.mapping import Mapping
from workbench.events.parsing import literal
from workbench.store.ingest_rows import one_currency
from workbench.store.sources import Source

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
    said = f"'another currency: ' || ({stated}) || {literal(f'; the workspace is in {known}')}"
    return known, f"CASE WHEN {paid} AND ({stated}) <> {literal(known)} THEN {said} END"


def _found(connection: DuckDBPyConnection, source: Source, code: str) -> list[str]:
    import duckdb

    rows = f"SELECT DISTINCT {code} AS code FROM ({source.text_sql(connection)}) WHERE _problem IS NULL"
    try:
        found = connection.execute(rows).fetchall()
    except duckdb.Error as error:
        if source.failures:
            raise source.failures[0] from None
        said = str(error).splitlines()[0][:300]
        raise BadInput(f"the file cannot be read: {said}", file=source.path) from error
    return sorted(row[0] for row in found if row[0] is not None)
