"""How complete the days behind a metric are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.tables import TABLES
from workbench.metrics.measures import Count, Leaf, Total
from workbench.metrics.own_records import NOT_OWN, is_own
from workbench.metrics.rollups import offered
from workbench.metrics.slices import DIMENSIONS, ends

if TYPE_CHECKING:
    from workbench.metrics.values import Values
    from workbench.metrics.window import Window
    from workbench.source import Tables

ENOUGH = 0.9
_DAILY_TABLES = ("facts", "daily_performance", "orders")
_WEEKS = 4
_LISTED = 60
# Where nothing asked for names a type of event: one that is rare, and that most days hold.
_ANY = "user_purchased"


def present(tables: Tables, wanted: Iterable[Leaf], window: Window, values: Values) -> dict[str, float]:
    """Return, for each table that should fill every day, the share of the window's days that hold a row.

    Where rows span about four weeks or more, a weekday on which there is never one is not expected: a shop
    that is closed on Saturdays is complete. What the workbench records of itself makes no day complete: it
    records loads and evaluations on days on which no data came, too.

    Days on which something was counted hold rows; only the others are asked for.
    """
    own = [leaf for leaf in wanted if not is_own(leaf)]
    names = sorted({name for leaf in own for name in read_by(leaf)} & set(_DAILY_TABLES) & tables.names)
    first = next((types[0] for leaf in own if (types := getattr(leaf, "event_types", ()))), _ANY)
    return {
        name: _share(_days(tables, name, window, _counted(values, own, name), first), window)
        for name in names
    }


def least(shares: Mapping[str, float], names: Iterable[str]) -> float:
    """Return the smallest share of some tables; NaN where none of them should fill every day.

    Examples
    --------
    >>> least({"orders": 0.5, "facts": 1.0}, ["facts", "orders", "users"])
    0.5
    """
    return min((shares[name] for name in names if name in shares), default=np.nan)


def read_by(leaf: Leaf) -> frozenset[str]:
    """Return the tables whose days stand behind a leaf: what is asked of users may be what they ordered.

    Examples
    --------
    >>> from workbench.metrics.derived import derived
    >>> sorted(read_by(derived("retention", "retained_30")))
    ['orders', 'users']
    """
    return frozenset({leaf.table}) | (leaf.needs & {"orders"} if leaf.table == "users" else frozenset())


def _counted(values: Values, wanted: Iterable[Leaf], table: str) -> set[int]:
    """Return the places of the days on which a leaf of a table is not zero."""
    known = [
        values.daily[leaf]
        for leaf in wanted
        if leaf.table == table and isinstance(leaf, Count | Total) and leaf in values.daily
    ]
    return {int(place) for daily in known for place in np.flatnonzero((daily != 0).any(axis=0))}


def cut(by: Sequence[str], key: Sequence[object], window: Window) -> str:
    """Return how many days of a week or a month lie in the window; an empty text where all do.

    Examples
    --------
    >>> from workbench.metrics.window import Window
    >>> span = Window(date(2024, 12, 2), date(2024, 12, 31))
    >>> cut(["week"], [date(2024, 12, 30)], span), cut(["month"], [date(2024, 12, 1)], span)
    ('2 of 7 days', '30 of 31 days')
    >>> cut(["week"], [date(2024, 12, 23)], span)
    ''
    """
    for name, first in zip(by, key, strict=True):
        if DIMENSIONS[name].grain in ("week", "month") and isinstance(first, date):
            last = ends(name, first)
            days = (last - first).days + 1
            inside = (min(last, window.last) - max(first, window.first)).days + 1
            if inside < days:
                return f"{inside} of {days} days"
    return ""


def _days(tables: Tables, name: str, window: Window, counted: set[int], first: str) -> set[date]:
    days = [window.first + timedelta(days=place) for place in range(window.days)]
    seen = {days[place] for place in counted}
    if name == "facts" and first and len(days) - len(seen) > _LISTED and not offered(tables.names):
        # One type fills nearly all days as a rule, and is a small part of the events.
        seen |= _filled(tables, name, [day for day in days if day not in seen], f"event_type = '{first}'")
    other = [day for day in days if day not in seen]
    return seen | _filled(tables, name, other, NOT_OWN if name == "facts" else "") if other else seen


def _filled(tables: Tables, name: str, asked: Sequence[date], condition: str) -> set[date]:
    """Return the days that hold a row, from the first to the last of those asked for at most."""
    column, kind = TABLES[name].day, "TIMESTAMP" if name == "orders" else "DATE"
    rows = (offered(tables.names) or name) if name == "facts" else name
    sql = (
        f"SELECT DISTINCT CAST({column} AS DATE) AS day_seen FROM {rows} WHERE {column} >="
        f" CAST('{asked[0]}' AS {kind}) AND {column} < CAST('{asked[-1] + timedelta(days=1)}' AS {kind})"
    )
    if kind == "DATE" and len(asked) <= _LISTED:  # files are passed over by their days
        sql += f" AND {column} IN ({', '.join(f"CAST('{day}' AS DATE)" for day in asked)})"
    sql += f" AND {condition}" if condition else ""
    found = tables.query(sql).column(0).to_pylist()
    return {value.date() if isinstance(value, datetime) else value for value in found if value}


def _share(seen: set[date], window: Window) -> float:
    days = [window.first + timedelta(days=offset) for offset in range(window.days)]
    if seen and (max(seen) - min(seen)).days >= 7 * (_WEEKS - 1):  # with closed days at either end
        open_ = {day.weekday() for day in seen}
        days = [day for day in days if day.weekday() in open_]
    return len(seen) / len(days)
