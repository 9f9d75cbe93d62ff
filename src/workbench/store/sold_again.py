"""A note where a load may bring sales that are stored already, under other ids.

A shop's list of orders and the purchases that its site tells have ids of their own, so both are stored and
added up. Where most of what a load brings has the value and the time of another order, it is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NEW_ORDERS = "_new_orders"
_FEWEST = 3  # of equal value and time: one or two are so by chance
_APART = "INTERVAL 30 MINUTE"
_WHOLE = (
    "SELECT order_id, min(ordered_at) AS moment, round(sum(order_value), 2) AS worth FROM {rows} GROUP BY"
    " order_id HAVING worth > 0 AND NOT bool_or(is_return)"
)


def sold_again(connection: DuckDBPyConnection, rows: str, *, told: str) -> tuple[str, ...]:
    """Return a note where at least half of the orders that a load adds were sold already, under other ids.

    Asked before the load shows. Of purchases that events tell, only orders that a table listed are others.
    Where one price is paid all day long, an order is like others on any day: where nearly as many are like
    those of a day later, nothing is said.

    Parameters
    ----------
    connection : DuckDBPyConnection
        In which what is stored is to be seen.
    rows : str
        A table of the orders to be stored.
    told : {"events", "orders"}
        The table that the load fills.
    """
    known = f"SELECT order_id FROM orders WHERE order_id IN (SELECT order_id FROM {rows})"
    near = f"BETWEEN (SELECT min(ordered_at) - {_APART} FROM {rows})"
    near += f" AND (SELECT max(ordered_at) + {_APART} + INTERVAL 1 DAY FROM {rows})"
    purchases = f"SELECT order_id FROM facts WHERE event_type = 'user_purchased' AND timestamp {near}"
    others = "true" if told == "orders" else f"order_id NOT IN ({purchases} AND order_id IS NOT NULL)"
    new = _WHOLE.format(rows=f"{rows} WHERE order_id NOT IN ({known})")
    other = f"ordered_at {near} AND {others} AND order_id NOT IN (SELECT order_id FROM {rows})"
    old = _WHOLE.format(rows=f"orders WHERE {other}")
    among, alike, by_chance = connection.execute(
        f"WITH new AS ({new}), old AS ({old}), shared AS (SELECT * FROM new WHERE moment BETWEEN"
        f" (SELECT min(moment) - {_APART} FROM old) AND (SELECT max(moment) + {_APART} FROM old)), looked AS"
        f" (SELECT worth, moment + {_APART} AS latest, true AS own FROM shared UNION ALL"
        f" SELECT worth, moment + {_APART} + INTERVAL 1 DAY, false FROM shared), found AS"
        f" (SELECT own, old.moment >= latest - 2 * {_APART} AS alike FROM looked ASOF LEFT JOIN old"
        " ON looked.worth = old.worth AND looked.latest >= old.moment)"
        " SELECT count(*) FILTER (own), count(*) FILTER (own AND alike),"
        " count(*) FILTER (NOT own AND alike) FROM found"
    ).fetchall()[0]
    if alike < _FEWEST or 2 * alike < among or alike < 2 * by_chance:
        return ()
    said = f"{alike:,} orders have the value and the time of others that were loaded before under other ids"
    return (f"{said}: if they are the same sales, these count twice; load one of the two only",)
