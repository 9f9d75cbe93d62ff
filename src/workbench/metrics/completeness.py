"""How complete the days behind a metric are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from workbench.events.tables import TABLES
from workbench.metrics.measures import Leaf
from workbench.metrics.own_records import NOT_OWN, is_own
from workbench.metrics.rollups import offered

if TYPE_CHECKING:
    from workbench.metrics.window import Window
    from workbench.source import Tables

ENOUGH = 0.9
_DAILY_TABLES = ("facts", "daily_performance", "orders")
_WEEKS = 4


def present(tables: Tables, wanted: Iterable[Leaf], window: Window) -> dict[str, float]:
    """Return, for each table that should fill every day, the share of the window's days that hold a row.

    In a window of four weeks or more, a weekday on which there is never a row is not expected: a shop that is
    closed on Saturdays is complete. What the workbench records of itself makes no day complete: it records
    loads and evaluations on days on which no data came, too.
    """
    read = {leaf.table for leaf in wanted if not is_own(leaf)}
    names = sorted(read & set(_DAILY_TABLES) & tables.names)
    return {name: _share(_days(tables, name, window), window) for name in names}


def _days(tables: Tables, name: str, window: Window) -> set[date]:
    column = TABLES[name].day
    rows = (offered(tables.names) or name) if name == "facts" else name
    first, after = (f"CAST('{day}' AS {_type(name)})" for day in (window.first, window.after))
    sql = (
        f"SELECT DISTINCT CAST({column} AS DATE) AS day_seen FROM {rows} "
        f"WHERE {column} >= {first} AND {column} < {after}"
    )
    sql += f" AND {NOT_OWN}" if name == "facts" else ""
    found = tables.query(sql).column(0).to_pylist()
    return {value.date() if isinstance(value, datetime) else value for value in found if value is not None}


def _type(name: str) -> str:
    return "TIMESTAMP" if name == "orders" else "DATE"


def _share(seen: set[date], window: Window) -> float:
    days = [window.first + timedelta(days=offset) for offset in range(window.days)]
    if window.days >= 7 * _WEEKS:
        open_ = {day.weekday() for day in seen}
        days = [day for day in days if day.weekday() in open_] if open_ else days
    return len(seen) / len(days)
