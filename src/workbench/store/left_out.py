"""A note where a report is loaded again and lacks rows that it told before: these stay, and still count.

A campaign that a platform reports no more, or rows of a day that it took back, are no rows of the new file,
so nothing takes their place. A report of some campaigns only is right all the same, so they are not removed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from workbench.events.tables import TableDefinition
from workbench.result import format_value
from workbench.store.ingest_rows import STAGED_ROWS
from workbench.store.schema import literal, quote, user_bucket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from duckdb import DuckDBPyConnection

TELLS = "campaigns"  # the property of a load's event
_PER_DAY = "daily_performance"
_MOST, _NAMED = 1_000, 3
_LACKED = "_lacked_rows"
_KINDS = "creative_id IS NULL, segment IS NULL, region IS NULL"
_OWN = f"campaign_id, channel, platform, {_KINDS}"
_FIGURES = "(spend > 0 OR impressions > 0 OR clicks > 0 OR conversions > 0 OR revenue > 0 OR leads > 0)"
_DO = (
    "right where the file is a part of the report; if the platform reports them no more, take this load and"
    " the one that told them back with `workbench undo`, and load this file again"
)


def tells(connection: DuckDBPyConnection, table: TableDefinition) -> dict[str, str]:
    """Return which campaigns a report tells, for the event of its load; nothing of a report of very many.

    Another account's campaigns are in no load together with its own.
    """
    if table.name != _PER_DAY:
        return {}
    found = connection.execute(
        f"SELECT DISTINCT campaign_id FROM {STAGED_ROWS} WHERE _reasons IS NULL ORDER BY 1 LIMIT {_MOST + 1}"
    ).fetchall()
    return {TELLS: json.dumps([name for (name,) in found])} if 0 < len(found) <= _MOST else {}


def left_out(connection: DuckDBPyConnection, table: TableDefinition, currency: str | None) -> tuple[str, ...]:
    """Return a note of stored rows that a report told before, of days that it tells again without them.

    Asked before the load shows. A row is missed where the file tells some of the stored rows again, and
    tells the row's campaign on its channel by the same parts; that of a campaign of which the file tells
    nothing where an earlier file told it together with campaigns of this one.
    """
    if table.name != _PER_DAY or not _lacked(connection, table):
        return ()
    (some,) = connection.execute(f"SELECT count(*) FROM {_LACKED} WHERE not_told").fetchall()[0]
    together = _told_together(connection) if some else []
    listed = ", ".join(map(literal, together)) or "NULL"
    rows = connection.execute(
        f"WITH again AS (SELECT DISTINCT hash({_OWN}) AS own, hash({_KINDS}) AS kinds FROM {_PER_DAY} AS old"
        f" WHERE {_told(table)} AND {_FIGURES})"
        f" SELECT campaign_id, count(*), coalesce(sum(spend), 0), min(date), max(date) FROM {_LACKED}"
        f" WHERE hash({_OWN}) IN (SELECT own FROM again) OR not_told AND campaign_id IN ({listed})"
        f" AND hash({_KINDS}) IN (SELECT kinds FROM again) GROUP BY campaign_id ORDER BY 3 DESC, 1"
    ).fetchall()
    return _said(rows, currency) if rows else ()


def _lacked(connection: DuckDBPyConnection, table: TableDefinition) -> int:
    """Keep the stored rows of the file's days and platforms that it lacks, and return how many there are."""
    sound = f"{STAGED_ROWS} WHERE _reasons IS NULL"
    first, last = connection.execute(f"SELECT min(date), max(date) FROM {sound}").fetchall()[0]
    if first is None:
        return 0
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_LACKED} AS SELECT {', '.join(map(quote, table.key))}, spend,"
        f" campaign_id NOT IN (SELECT campaign_id FROM {sound}) AS not_told FROM {_PER_DAY} AS old"
        f" WHERE date BETWEEN DATE '{first}' AND DATE '{last}' AND {_FIGURES}"
        f" AND (date, coalesce(platform, '')) IN (SELECT (date, coalesce(platform, '')) FROM {sound})"
        f" AND NOT {_told(table)}"
    )
    (rows,) = connection.execute(f"SELECT count(*) FROM {_LACKED}").fetchall()[0]
    return int(rows)


def _told(table: TableDefinition) -> str:
    """Return the SQL that is true of stored rows which the file tells again, rightly or not."""
    same = " AND ".join(f"told.{quote(name)} IS NOT DISTINCT FROM old.{quote(name)}" for name in table.key)
    return f"EXISTS (SELECT 1 FROM {STAGED_ROWS} AS told WHERE {same})"


def _told_together(connection: DuckDBPyConnection) -> list[str]:
    """Return the campaigns that an earlier file told together with campaigns of this one."""
    sets = connection.execute(
        "SELECT DISTINCT json_extract_string(properties, '$.campaigns') FROM events"
        f" WHERE bucket = {user_bucket(literal('workbench'))} AND event_type = 'data_refresh_completed'"
        " AND contains(properties, '\"campaigns\"')"
    ).fetchall()
    here = connection.execute(f"SELECT DISTINCT campaign_id FROM {STAGED_ROWS} WHERE _reasons IS NULL")
    own = {name for (name,) in here.fetchall()}
    earlier = [set(json.loads(told)) for (told,) in sets if told]
    return sorted(set().union(*(names for names in earlier if names & own)) - own)


def _said(rows: Sequence[tuple[str, int, float, date, date]], currency: str | None) -> tuple[str, ...]:
    count, spent = sum(row[1] for row in rows), sum(row[2] for row in rows)
    first, last = min(row[3] for row in rows), max(row[4] for row in rows)
    what = "1 stored row" if count == 1 else f"{count:,} stored rows"
    are = "is" if count == 1 else "are"
    days = f"on {first}" if first == last else f"from {first} to {last}"
    names = ", ".join(row[0] for row in rows[:_NAMED])
    more = f" and {len(rows) - _NAMED:,} more campaigns" if len(rows) > _NAMED else ""
    money = f" (spend {format_value(spent, 'money', currency=currency)})" if spent else ""
    still = "counts" if count == 1 else "count"
    return (
        f"{what} of days in this file {are} not in it and still {still}{money}: {names}{more}, {days}; {_DO}",
    )
