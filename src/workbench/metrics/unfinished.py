"""Days that were not over when their data came: what is there is a part of the day.

A file that is loaded in the afternoon holds the morning. Its last day looks like a fall in everything, and a
window that ends on it is short of some hours.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import TYPE_CHECKING

from workbench.metrics.own_records import NOT_OWN
from workbench.metrics.rollups import offered
from workbench.metrics.window import DAY_COLUMNS, Window
from workbench.source import Dated, given

if TYPE_CHECKING:
    from workbench.source import Tables

NOT_OVER = "was not over when its data came"
NOT_ALL = "not all that this figure is made of is on record yet: later days are left out"
_DAILY = ("facts", "daily_performance", "orders")
GIVEN_UP = 56  # days: as many as the two longest blocks that are compared
_LOADED_AS = {"events": "facts"}


def unfinished(tables: Tables, window: Window) -> dict[str, date]:
    """Return, by table, the first day of a window that was not over in UTC when its newest file came.

    Parameters
    ----------
    tables : Tables
        The data; without a log of loads nothing is known, so nothing is returned.
    window : Window
        The days that are asked about.

    Returns
    -------
    dict
        ``facts``, ``orders`` ... -> day; tables of which the window holds whole days only are not in it.
    """
    if "loads" not in given(tables).names:
        return {}
    newest = tables.came if isinstance(tables, Dated) else _came(tables)
    came = {_LOADED_AS.get(name, name): day for name, day in newest.items()}
    if "facts" in came:  # orders of which no file came are those that events tell of
        came.setdefault("orders", came["facts"])
    last = tables.last_day
    doubtful = {
        name: day
        for name, day in came.items()
        if name in DAY_COLUMNS and name in tables.names
        if last is not None and day <= min(last, window.last)
    }
    begun = {name: max(day, window.first) for name, day in doubtful.items()}
    return {name: day for name, day in begun.items() if last_day_of(tables, name) >= day}


def finished(tables: Tables, window: Window, names: Collection[str] = tuple(DAY_COLUMNS)) -> Window:
    """Return the part of a window of which tables hold whole days; all of it where nothing is whole."""
    begun = unfinished(tables, window)
    first = min((day for name, day in begun.items() if name in names), default=None)
    if first is None or first <= window.first:
        return window
    return Window(window.first, first - timedelta(days=1))


def on_record(tables: Tables, window: Window, names: Collection[str]) -> Window:
    """Return the part of a window up to the last day of which all of these tables have rows.

    Platforms report days later than a shop records orders: revenue over the spend of fewer days would look
    like a rise. A table that ended weeks ago is not waited for: what it told is told otherwise now.
    """
    daily = [name for name in names if name in _DAILY and name in tables.names]
    if daily in ([], ["facts"], ["orders"]):  # a shop without an order for days has sold nothing
        return window
    last = min(last_day_of(tables, name) for name in daily)
    if not window.first <= last < window.last or (window.last - last).days > GIVEN_UP:
        return window
    return Window(window.first, last)


def last_whole_day(tables: Tables, name: str, last: date) -> date:
    """Return the last day of a table, or the day before the one that was not over when its file came."""
    begun = unfinished(tables, Window.ending(last, 2)).get(name)
    return begun - timedelta(days=1) if begun else last


def _came(tables: Tables) -> dict[str, date]:
    """Return the day on which the newest file of each table came."""
    rows = tables.query(
        "SELECT table_name, CAST(MAX(loaded_at) AS DATE) AS came FROM loads"
        " WHERE operation = 'ingest' GROUP BY table_name"
    ).to_pylist()
    return {row["table_name"]: row["came"] for row in rows}


def last_day_of(tables: Tables, name: str) -> date:
    """Return the last day of a table with rows."""
    rows, told = (offered(tables.names) or name, f" WHERE {NOT_OWN}") if name == "facts" else (name, "")
    query = f"SELECT CAST(MAX({DAY_COLUMNS[name]}) AS DATE) AS ends FROM {rows}{told}"
    found: date | None = tables.query(query).column(0)[0].as_py()
    return found or date.min
