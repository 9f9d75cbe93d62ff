"""What is noted of a load besides its counts: what the file leaves open, and what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.events.mapping import Mapping
from workbench.events.mistakes import named
from workbench.events.tables import TableDefinition
from workbench.result import format_value
from workbench.store.ingest_rows import KEPT_ROWS
from workbench.store.schema import quote
from workbench.store.sources import Source
from workbench.store.typed_events import unknown_columns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def unused(mapping: Mapping | None, source: Source) -> tuple[str, ...]:
    """Return a note where a mapping leaves columns of the file out unsaid."""
    if mapping is None:
        return ()
    found = mapping.unmapped(source.columns)
    if not found:
        return ()
    return (f"columns that the mapping {mapping.name} does not use: {named(found)}",)


def unstated(mapping: Mapping | None, source: Source) -> tuple[str, ...]:
    """Return a note where the file lacks the columns of currencies of a mapping; our own form needs none."""
    if mapping is None or mapping.name.startswith("generic_"):
        return ()
    unfound = mapping.unfound_currency(source.columns)
    said = f"no column {' or '.join(unfound)[:200]} says the currency: all amounts count as the workspace's"
    return (said,) if unfound else ()


def unkept(mapping: Mapping | None, source: Source) -> tuple[str, ...]:
    """Return a note where columns of events in our own form belong to none."""
    found = unknown_columns(source) if mapping is None and source.shape != "lines" else ()
    return (f"columns that belong to no event: {named(found)}",) if found else ()


def unshown(connection: DuckDBPyConnection, table: TableDefinition, rows: str) -> tuple[str, ...]:
    """Return a note where rows to be stored tell clicks and no impressions, on channels that have both."""
    if table.name != "daily_performance":
        return ()
    (blank,) = connection.execute(
        f"SELECT count(*) FROM {rows} WHERE impressions IS NULL AND clicks > 0"
        f" AND channel IN (SELECT channel FROM {rows} WHERE impressions > 0)"
    ).fetchall()[0]
    tell = "1 row tells" if blank == 1 else f"{blank:,} rows tell"
    said = f"{tell} clicks and no impressions, as others of the channel do: rates of clicks come out too high"
    return (said,) if blank else ()


def elsewhere(connection: DuckDBPyConnection, mapping: Mapping | None, rows: str) -> tuple[str, ...]:
    """Return a note where channels of a file in somebody's own words are none of ours, and count as other."""
    if mapping is None or mapping.name != "generic_daily_performance":
        return ()
    found = connection.execute(
        f"SELECT DISTINCT original_channel FROM {rows} WHERE channel = 'other'"
        " AND lower(original_channel) <> 'other' ORDER BY 1"
    ).fetchall()
    said = f"channels that are none of ours count as other: {named(row[0] for row in found)}"
    return (f"{said}; a mapping of your own can say which they are",) if found else ()


def spent_anew(
    connection: DuckDBPyConnection, table: TableDefinition, replaced: int, currency: str | None
) -> str:
    """Return what was spent by stored rows that were replaced, and by the new ones; empty where it is equal.

    A correction moves spend a little: where it moves far, rows of another account had the same names.
    """
    if table.name != "daily_performance" or not replaced:
        return ""
    same = " AND ".join(f"new.{quote(name)} IS NOT DISTINCT FROM old.{quote(name)}" for name in table.key)
    before, now = connection.execute(
        "SELECT coalesce(sum(old.spend), 0), coalesce(sum(new.spend), 0)"
        f" FROM {KEPT_ROWS} AS new JOIN {quote(table.name)} AS old ON {same}"
    ).fetchall()[0]
    said = [format_value(spent, "money", currency=currency) for spent in (before, now)]
    return f" (spend {said[0]} before, {said[1]} now)" if round(before - now, 2) else ""


def overwritten(table: TableDefinition, rows: int, by_place: bool, spent: str = "") -> tuple[str, ...]:
    """Return a note where rows were stored already with other values: what two files share counts once.

    Lines of orders that are known by their place only may have taken the place of others; `spent` is what
    `spent_anew` says.

    Examples
    --------
    >>> from workbench.events.tables import TABLES
    >>> overwritten(TABLES["creatives"], 2, by_place=False)
    ('2 stored rows were replaced by new values for the same creative_id',)
    """
    what = "1 stored row was" if rows == 1 else f"{rows:,} stored rows were"
    parted = ", told by the place in the file: load orders whole, in one file" if by_place else ""
    said = f"{what} replaced by new values for the same {', '.join(table.key)}{spent}{parted}"
    return (said,) if rows else ()
