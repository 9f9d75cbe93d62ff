"""A note where a load may bring sales that are stored already, under other ids.

A shop's list of orders and the purchases that its site tells have ids of their own, so both are stored and
added up. Where most of what a load brings has the value and the time of another order, it is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.events.sold_again import ENOUGH, FEWEST, Sales
from workbench.events.sold_again import sold_again as alike

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NEW_ORDERS = "_new_orders"
_BEFORE, _AFTER = "INTERVAL 8 DAY", "INTERVAL 15 HOUR"  # orders are held against those of other days, too
_WHOLE = (
    "SELECT min(ordered_at) AS moment, round(sum(order_value), 2) AS worth FROM {rows} GROUP BY order_id"
    " HAVING worth > 0 AND NOT bool_or(is_return)"
)


def sold_again(connection: DuckDBPyConnection, rows: str, *, told: str) -> tuple[str, ...]:
    """Return a note where at least half of the orders that a load adds were sold already, under other ids.

    Asked before the load shows. Of purchases that events tell, only orders that a table listed are others.
    Where one price is paid all day long, an order is like others at any hour: then nothing is said.

    Parameters
    ----------
    connection : DuckDBPyConnection
        In which what is stored is to be seen.
    rows : str
        A table of the orders to be stored.
    told : {"events", "orders"}
        The table that the load fills.
    """
    near = f"BETWEEN (SELECT min(ordered_at) - {_BEFORE} FROM {rows})"
    near += f" AND (SELECT max(ordered_at) + {_AFTER} FROM {rows})"
    purchases = f"SELECT order_id FROM facts WHERE event_type = 'user_purchased' AND timestamp {near}"
    others = "true" if told == "orders" else f"order_id NOT IN ({purchases} AND order_id IS NOT NULL)"
    other = f"ordered_at {near} AND {others} AND order_id NOT IN (SELECT order_id FROM {rows})"
    old = _newest(connection, f"orders WHERE {other}")
    if len(old) < FEWEST:
        return ()
    known = f"SELECT order_id FROM orders WHERE order_id IN (SELECT order_id FROM {rows})"
    until = f"ordered_at <= to_timestamp({int(old.moments.max())}) + {_AFTER}"
    found = alike(_newest(connection, f"{rows} WHERE {until} AND order_id NOT IN ({known})"), old)
    said = f"{found:,} orders have the value and the time of others that were loaded before under other ids"
    return (f"{said}: if they are the same sales, these count twice; load one of the two only",) * bool(found)


def _newest(connection: DuckDBPyConnection, rows: str) -> Sales:
    found = connection.execute(
        f"SELECT epoch(moment) AS moments, worth * 100 AS cents FROM ({_WHOLE.format(rows=rows)})"
        f" ORDER BY moment DESC LIMIT {2 * ENOUGH}"
    ).fetchnumpy()
    return Sales(*(np.rint(found[name]).astype(np.int64) for name in ("moments", "cents")))
