"""Figures that look back: near the beginning of the records they lean to one side, and say so.

A window that begins before the records do is no measure of what came after it: it lacks days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from workbench.metrics.derived import DERIVED
from workbench.metrics.measures import Derived, Leaf, leaves
from workbench.metrics.rollups import offered
from workbench.metrics.window import DAY_COLUMNS, first_day

if TYPE_CHECKING:
    from workbench.metrics.conditions import Condition
    from workbench.metrics.measures import Measure
    from workbench.metrics.window import Window
    from workbench.source import Tables

_RAN = "event_type IN ('campaign_delivered', 'campaign_viewed', 'campaign_clicked', 'campaign_converted')"
_BOUGHT = "event_type IN ('user_purchased', 'campaign_converted')"


def leanings(tables: Tables, answered: Iterable[Leaf], window: Window) -> dict[Leaf, str]:
    """Return, for each leaf that looks back further than the records go, which way it leans.

    Parameters
    ----------
    tables : Tables
        The data.
    answered : iterable of Leaf
        The leaves that have an answer.
    window : Window
        The days it is of. Days that come long enough after the first purchase on record are sound.
    """
    found: dict[Leaf, str] = {}
    begins: dict[str, date | None] = {}
    for leaf in answered:
        query = DERIVED[leaf.query] if isinstance(leaf, Derived) else None
        if query is None or not query.looks_back:
            continue
        if query.table not in begins:
            begins[query.table] = _first_purchase(tables, query.table)
        first = begins[query.table]
        sound = None if first is None else first + timedelta(days=query.looks_back)
        if sound is not None and window.first < sound:
            found[leaf] = f"before {sound}, {query.leans}: purchases are on record since {first} only"
    return found


def misled(formula: Measure, leaning: Mapping[Leaf, str]) -> str:
    """Return why a figure of one window is no measure for that of a later one; empty where it is.

    Parameters
    ----------
    formula : Measure
        The formula of the figure.
    leaning : mapping
        What `leanings` says of the earlier window.
    """
    for leaf in leaves(formula):
        grows = DERIVED[leaf.query].grows if isinstance(leaf, Derived) else ""
        if grows or leaf in leaning:
            return grows or leaning[leaf]
    return ""


def begun_within(tables: Tables, names: Iterable[str], window: Window) -> dict[str, date]:
    """Return the first day on record of those tables whose records begin only after a window does."""
    first = {name: began(tables, name) for name in sorted({*names} & set(DAY_COLUMNS) & tables.names)}
    return {name: day for name, day in first.items() if day is not None and day > window.first}


def campaign_begun(tables: Tables, kept: Iterable[Condition], window: Window) -> date | None:
    """Return the first day of the campaigns that conditions keep, where it comes after that of a window."""
    asked = [one for one in kept if one.column == "campaign" and one.test in ("==", "in")]
    names = [one.value if isinstance(one.value, tuple) else (one.value,) for one in asked]
    ids = ", ".join("'" + str(name).replace("'", "''") + "'" for some in names for name in some)
    if not ids:
        return None
    days = []
    for table in {"daily_performance", "facts"} & tables.names:
        rows, ran = _ran(tables, table)
        text = f"SELECT MIN({DAY_COLUMNS[table]}) AS began FROM {rows} WHERE campaign_id IN ({ids}){ran}"
        days.append(first_day(tables, text))
    first = min((day for day in days if day), default=None)
    return first if first and window.first < first <= window.last else None


def campaigns_begun(
    tables: Tables, kept: Iterable[Condition], window: Window, by: Sequence[str]
) -> dict[str | None, date]:
    """Return the campaigns that began within a window, but not on its first day, and when.

    By other dimensions it is said of None where all of the campaigns that conditions keep did.
    """
    if "campaign" not in by:
        begun = campaign_begun(tables, kept, window)
        return {None: begun} if begun else {}
    first: dict[str | None, date] = {}
    for table in {"daily_performance", "facts"} & tables.names:
        rows, ran = _ran(tables, table)
        found = tables.query(
            f"SELECT campaign_id, CAST(MIN({DAY_COLUMNS[table]}) AS DATE) AS began FROM {rows}"
            f" WHERE campaign_id IS NOT NULL{ran} GROUP BY campaign_id"
        )
        for name, day in zip(*(found.column(place).to_pylist() for place in range(2)), strict=True):
            first[name] = min(day, first.get(name, day))
    return {name: day for name, day in first.items() if window.first < day <= window.last}


def began(tables: Tables, name: str) -> date | None:
    """Return the first day on record of a table."""
    rows = (offered(tables.names) or name) if name == "facts" else name
    return first_day(tables, f"SELECT MIN({DAY_COLUMNS[name]}) AS began FROM {rows}")


def _ran(tables: Tables, table: str) -> tuple[str, str]:
    """Return the rows that tell when campaigns ran, and the SQL of what tells it among events."""
    return (offered(tables.names) or table, f" AND {_RAN}") if table == "facts" else (table, "")


def _first_purchase(tables: Tables, table: str) -> date | None:
    sql = "SELECT MIN(ordered_at) AS began FROM orders"
    if table == "facts":
        sql = f"SELECT MIN(day) AS began FROM {offered(tables.names) or 'facts'} WHERE {_BOUGHT}"
    return first_day(tables, sql)
