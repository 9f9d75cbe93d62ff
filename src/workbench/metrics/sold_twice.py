"""What a list of orders and the purchases of events tell twice: the same sales, under ids of their own.

A shop's export and what its site tells name orders differently, so both are stored and added up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.sold_again import ENOUGH, FEWEST, Sales, sold_again
from workbench.metrics.completeness import read_by
from workbench.metrics.rollups import offered
from workbench.metrics.slices import DIMENSIONS, days_of
from workbench.metrics.told_twice import TWICE
from workbench.metrics.window import Window, resolve
from workbench.source import given

if TYPE_CHECKING:
    from workbench.metrics.conditions import Condition
    from workbench.metrics.measures import Leaf
    from workbench.metrics.values import Slice
    from workbench.source import Tables

_AROUND = timedelta(days=28)  # few days are judged by those around them
_MORE = 1.5  # where both tell the same, there are twice as many orders as purchases
_BOUGHT = "event_type = 'user_purchased'"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldTwice:
    """Days whose sales are told by events and by a list of orders, and so added up.

    Parameters
    ----------
    days : tuple of date
        Of which both tell.
    purchases, listed : tuple of int
        For each of them, how many orders events tell, and how many more a list does.
    """

    days: tuple[date, ...]
    purchases: tuple[int, ...]
    listed: tuple[int, ...]

    def within(self, first: date, days: int) -> str:
        """Return what is told of these days so many days from a first one; empty where nothing is.

        Examples
        --------
        >>> told = SoldTwice(days=(date(2024, 3, 4),), purchases=(12,), listed=(11,))
        >>> told.within(date(2024, 3, 1), 7)
        'orders of 1 day are told by purchase events (12) and by a list of orders (11) under other ids'
        >>> told.within(date(2024, 3, 1), 3)
        ''
        """
        places = [place for place, day in enumerate(self.days) if 0 <= (day - first).days < days]
        if not places:
            return ""
        of = "1 day" if len(places) == 1 else f"{len(places):,} days"
        told, more = (sum(counts[place] for place in places) for counts in (self.purchases, self.listed))
        return (
            f"orders of {of} are told by purchase events ({told:,})"
            f" and by a list of orders ({more:,}) under other ids"
        )


def sold_twice(tables: Tables, *, window: str | Window | None = None) -> SoldTwice | None:
    """Return the days whose sales are told twice; None where there are none, or nobody can tell.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    window : str or Window, optional
        The days that are looked at; None is all data.
    """
    if not {"facts", "orders"} <= given(tables).names:
        return None
    asked = resolve(window, tables)
    told = _told(tables, asked)
    own = [line for line in told if asked.first <= line[0] <= asked.last]
    if not own or sum(listed for _, _, listed in told) < FEWEST or not _are_the_same(tables, told):
        return None
    days, purchases, listed = zip(*own, strict=True)
    return SoldTwice(days=days, purchases=purchases, listed=listed)


def added_sales(
    tables: Tables, answered: Collection[Leaf], where: tuple[Condition, ...], window: Window
) -> SoldTwice | None:
    """Return what is sold twice behind figures of orders; nothing is asked where only events can meet."""
    if not any(_of_orders(leaf) for leaf in answered) or _of_events(condition.column for condition in where):
        return None
    return sold_twice(tables, window=window)


def caution_of_sales(
    told: SoldTwice, formula: tuple[Leaf, ...], by: tuple[str, ...], key: Slice, window: Window
) -> str:
    """Return what to bear in mind of a figure of orders: the days whose sales may count twice."""
    if not any(_of_orders(leaf) for leaf in formula) or _of_events(by):
        return ""
    first, length = days_of(by, key, (window.first, window.last))
    said = told.within(window.first + timedelta(days=first), length)
    return f"{said}: {TWICE}" if said else ""


def _of_orders(leaf: Leaf) -> bool:
    return "orders" in read_by(leaf)


def _of_events(columns: Iterable[str]) -> bool:
    """Return whether orders are told apart by something that only their purchase events know."""
    found = [DIMENSIONS[name].lookup("orders") for name in columns if name in DIMENSIONS]
    return any(lookup is not None and lookup.via == "facts" for lookup in found)


def _told(tables: Tables, asked: Window) -> list[tuple[date, int, int]]:
    """Return the days around a window on which orders are half as many again as purchases, with both counts.

    Where a list tells orders that events tell too, under the same ids, they are the same orders.
    """
    first, last = asked.first - _AROUND, asked.last + _AROUND
    rolled = offered(tables.names)
    bought = (
        f"SELECT day AS day_, {'SUM(events)' if rolled else 'COUNT(*)'} AS told FROM {rolled or 'facts'}"
        f" WHERE {_BOUGHT} AND day >= DATE '{first}' AND day <= DATE '{last}' GROUP BY day"
    )
    purchases = {row["day_"]: int(row["told"]) for row in tables.query(bought).to_pylist()}
    if not purchases:
        return []
    ordered = tables.query(
        f"SELECT CAST(ordered_at AS DATE) AS day_, COUNT(*) AS sold FROM orders WHERE {_between(first, last)}"
        " AND line <= 1 AND order_value > 0 GROUP BY CAST(ordered_at AS DATE) ORDER BY 1"
    ).to_pylist()
    return [
        (row["day_"], told, row["sold"] - told)
        for row in ordered
        if (told := purchases.get(row["day_"], 0)) and row["sold"] >= _MORE * told
    ]


def _are_the_same(tables: Tables, told: list[tuple[date, int, int]]) -> bool:
    """Return whether the orders of the newest of these days are sold once by events and once by a list."""
    places = range(len(told) - 1, -1, -1)
    counted = np.cumsum([min(told[place][1:]) for place in places])
    first = told[places[min(int(np.searchsorted(counted, ENOUGH)), len(told) - 1)]][0]
    last = told[-1][0]
    near = timedelta(days=1)
    known = (
        f"SELECT DISTINCT order_id FROM facts WHERE {_BOUGHT}"
        f" AND day >= DATE '{first - near}' AND day <= DATE '{last + near}'"
    )
    rows = tables.query(
        "SELECT MIN(ordered_at) AS moment, CAST(ROUND(SUM(order_value) * 100) AS BIGINT) AS cents,"
        " COUNT(known.order_id) AS told"
        f" FROM orders LEFT JOIN ({known}) AS known ON orders.order_id = known.order_id"
        f" WHERE {_between(first, last)} GROUP BY orders.order_id"
        " HAVING SUM(order_value) > 0 AND MAX(CASE WHEN is_return THEN 1 ELSE 0 END) = 0"
    )
    moments = rows.column("moment").to_numpy().astype("datetime64[s]").astype(np.int64)
    cents, by_events = (rows.column(name).to_numpy() for name in ("cents", "told"))
    one, other = (Sales(moments[some], cents[some]) for some in (by_events > 0, by_events == 0))
    return sold_again(one, other) > 0


def _between(first: date, last: date) -> str:
    return (
        f"ordered_at >= CAST('{first}' AS TIMESTAMP)"
        f" AND ordered_at < CAST('{last + timedelta(days=1)}' AS TIMESTAMP)"
    )
