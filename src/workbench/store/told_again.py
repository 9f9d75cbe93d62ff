"""Notes of what a load of platform figures may count twice: what a file or two reports tell again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.events.mapping import Mapping
from workbench.events.tables import TableDefinition
from workbench.store.ingest_rows import KEPT_ROWS, STAGED_ROWS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PER_DAY = "daily_performance"
_PARTS = ("creative_id", "segment", "region")
_SPENT = "round(coalesce(sum(spend), 0), 2) AS spent, coalesce(sum(impressions), 0) AS shown"


def told_again(
    connection: DuckDBPyConnection, table: TableDefinition, mapping: Mapping | None
) -> tuple[str, ...]:
    """Return notes of rows of figures per day that tell again what other rows tell, and are added to them.

    Asked once `KEPT_ROWS` is filled, and before the load shows.
    """
    if table.name != _PER_DAY:
        return ()
    within = _within(connection) if mapping is not None and mapping.combine == "sum" else ()
    return within + (
        _in_parts(connection) or _under_other_names(connection) or _on_other_channels(connection)
    )


def _within(connection: DuckDBPyConnection) -> tuple[str, ...]:
    """Return a note where lines with money in them stand in the file again, letter by letter."""
    lines = f"SELECT count(*) - 1 AS more FROM {STAGED_ROWS} WHERE _reasons IS NULL AND spend > 0"
    (more,) = connection.execute(
        f"SELECT coalesce(sum(more), 0) FROM ({lines} GROUP BY hash(_raw), _raw HAVING count(*) > 1)"
    ).fetchall()[0]
    what = "1 row with spend is" if more == 1 else f"{more:,} rows with spend are"
    said = f"{what} in the file again, letter by letter, and added up: if the file holds days twice,"
    return (f"{said} their figures count twice",) if more else ()


def _in_parts(connection: DuckDBPyConnection) -> tuple[str, ...]:
    """Return a note where campaigns are told by parts here and as a whole by stored rows, or reversely."""
    own = "date, campaign_id, channel, platform"
    parts = ", ".join(f"{name} IS NOT NULL" for name in _PARTS)
    days = f"SELECT {own}, list_distinct(list([{parts}])) AS kinds FROM"
    new, old = f"{days} {KEPT_ROWS} GROUP BY ALL", f"{days} {_PER_DAY} WHERE {_near()} GROUP BY ALL"
    same = " AND ".join(f"new.{name} IS NOT DISTINCT FROM old.{name}" for name in own.split(", "))
    found = connection.execute(
        f"SELECT list_distinct(flatten(list(new.kinds))), list_distinct(flatten(list(old.kinds))),"
        f" count(DISTINCT new.date) FROM ({new}) AS new JOIN ({old}) AS old ON {same}"
        " WHERE NOT list_has_any(new.kinds, old.kinds)"
    ).fetchall()[0]
    if not found[2]:
        return ()
    here, stored = (
        sorted({_PARTS[n] for kind in kinds for n, by in enumerate(kind) if by}) for kinds in found[:2]
    )
    days = "1 day" if found[2] == 1 else f"{found[2]:,} days"
    said = f"campaigns of {days} are told {_by(here)} here, and {_by(stored)} in what was loaded before"
    return (f"{said}: if both reports tell the same, their figures count twice",)


def _by(parts: list[str]) -> str:
    return f"by {' and '.join(parts)}" if parts else "as a whole"


def _under_other_names(connection: DuckDBPyConnection) -> tuple[str, ...]:
    """Return a note where a platform's whole day is the same as the stored one, with no key the same."""
    keys = f"list(DISTINCT hash(campaign_id, channel, {', '.join(_PARTS)})) AS keys"
    days = f"SELECT date, platform, {_SPENT}, {keys} FROM"
    new = f"{days} {KEPT_ROWS} GROUP BY ALL"
    old = f"{days} {_PER_DAY} WHERE {_near()} GROUP BY ALL"
    (found,) = connection.execute(
        f"SELECT count(*) FROM ({new}) AS new JOIN ({old}) AS old USING (date, platform, spent, shown)"
        " WHERE spent > 0 AND shown > 0 AND NOT list_has_any(new.keys, old.keys)"
    ).fetchall()[0]
    days = "1 day" if found == 1 else f"{found:,} days"
    said = f"all spend and impressions of {days} are those of stored rows of other campaigns or channels"
    return (f"{said}: if only the names or ids differ, their figures count twice",) if found else ()


def _on_other_channels(connection: DuckDBPyConnection) -> tuple[str, ...]:
    """Return a note where a campaign's whole day is the same as the stored one, on other channels.

    A report without the column that tells channels apart places all of a campaign on one. Rows that are told
    alike are not among the kept ones, so what a file tells again with a correction has the stored keys.
    """
    own = "date, platform, campaign_id"
    keys = f"list(DISTINCT hash(channel, {', '.join(_PARTS)})) FILTER (spend > 0 OR impressions > 0) AS keys"
    days = f"SELECT {own}, {_SPENT}, {keys} FROM"
    new = f"{days} {KEPT_ROWS} GROUP BY ALL"
    old = f"{days} {_PER_DAY} WHERE {_near()} GROUP BY ALL"
    (found,) = connection.execute(
        f"SELECT count(DISTINCT date) FROM ({new}) AS new JOIN ({old}) AS old USING ({own}, spent, shown)"
        " WHERE spent > 0 AND shown > 0 AND list_sort(new.keys) <> list_sort(old.keys)"
    ).fetchall()[0]
    days = "1 day" if found == 1 else f"{found:,} days"
    said = f"all spend and impressions of campaigns on {days} are those of stored rows on other channels"
    more = " or creatives: if both reports tell the same, their figures count twice"
    return (said + more,) if found else ()


def _near() -> str:
    return f"date IN (SELECT date FROM {KEPT_ROWS})"
