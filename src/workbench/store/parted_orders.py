"""Orders of which a file holds a part only: what stands in another file must not take its place.

A row of an order whose file numbers no lines is known by its place among the order's rows. The rows of an
order that two files share then have the same places, and the later file would replace what the earlier told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.events.mapping import Mapping
from workbench.events.places import Columns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Of an order without lines a return in a file of its own has the key of the sale, whose place it would take.
_RETURNED_ALONE = """
UPDATE {rows} AS new_row SET _reasons = CASE WHEN is_return
THEN 'a return under the order_id and line of a stored sale; expected a line of its own'
ELSE 'a sale under the order_id and line of a stored return; expected a line of its own' END
WHERE _reasons IS NULL AND EXISTS (SELECT 1 FROM orders AS old_row WHERE old_row.order_id = new_row.order_id
AND old_row.line = new_row.line AND old_row.is_return <> new_row.is_return) AND order_id NOT IN
(SELECT order_id FROM {rows} WHERE _reasons IS NULL GROUP BY order_id
HAVING bool_or(is_return) AND NOT bool_and(is_return))"""

# Of an order that a cut parts, the amount and its currency stand on the first of its rows, in the other file.
_BEGUN_ELSEWHERE = """
UPDATE {rows} AS new_row SET _reasons = 'the amount of this order stands in another file, which is'
|| ' loaded; expected all rows of an order in one file' WHERE _reasons IS NULL AND _currency IS NULL
AND order_value = 0 AND EXISTS (SELECT 1 FROM {rows} WHERE _currency IS NOT NULL) AND EXISTS
(SELECT 1 FROM orders AS old_row WHERE old_row.order_id = new_row.order_id AND old_row.line = new_row.line
AND old_row.order_value > 0)"""

# Where the row with the amount is rejected, what is left would count as an order that is worth nothing.
_AMOUNT_REJECTED = """
UPDATE {rows} SET _reasons = 'the row with the amount of this order is rejected: this one alone would count'
|| ' as an order worth nothing' WHERE _reasons IS NULL AND order_id IN (SELECT order_id FROM {rows}
GROUP BY order_id HAVING bool_or(_reasons IS NOT NULL)
AND max(abs(order_value)) FILTER (_reasons IS NULL) = 0)"""

# A correction tells of the same items again, or of the same amounts under other names: a part that continues
# an order does neither. Where orders stand whole in a file, only its first and its last one may be parts.
_ORDERS = """SELECT order_id, list(DISTINCT category) AS items, count(category) = count(*) AS named,
list(order_value ORDER BY line) AS amounts FROM"""
_OTHER_ITEMS = f"""
UPDATE {{rows}} SET _reasons = 'other items of this order are stored from another file, and without line'
|| ' numbers these would take their place; expected all lines of an order in one file'
WHERE _reasons IS NULL AND order_id IN (SELECT order_id
FROM ({_ORDERS} {{rows}} WHERE _reasons IS NULL GROUP BY order_id) AS new_order
JOIN ({_ORDERS} orders WHERE order_id IN (SELECT order_id FROM {{rows}}) GROUP BY order_id) AS old_order
USING (order_id) WHERE new_order.named AND old_order.named
AND NOT list_has_any(new_order.items, old_order.items) AND new_order.amounts <> old_order.amounts)
AND order_id IN (SELECT order_id FROM (SELECT order_id, row_number() OVER (ORDER BY _row) AS place,
count(*) OVER () AS last FROM {{rows}}) GROUP BY order_id
HAVING min(place) = 1 OR max(place) = any_value(last) OR max(place) - min(place) >= count(*))"""


def refuse_parts(connection: DuckDBPyConnection, rows: str, *, by_place: bool) -> None:
    """Give a reason to staged rows of orders that would take the place of what another file told.

    Parameters
    ----------
    connection : DuckDBPyConnection
        In which the rows are staged, and the stored orders are to be seen.
    rows : str
        The table of the staged rows.
    by_place : bool
        Whether lines are known by their place in the file, see `lines_by_place`.
    """
    connection.execute(_RETURNED_ALONE.format(rows=rows))
    for part in (_BEGUN_ELSEWHERE, _AMOUNT_REJECTED):
        connection.execute(part.format(rows=rows))
    shared = f"SELECT 1 FROM orders WHERE order_id IN (SELECT order_id FROM {rows}) LIMIT 1"
    if by_place and connection.execute(shared).fetchall():
        connection.execute(_OTHER_ITEMS.format(rows=rows))


def lines_by_place(mapping: Mapping | None, columns: Sequence[str]) -> bool:
    """Return whether the lines of orders are known by their place in a file of these columns.

    Examples
    --------
    >>> from workbench.events.mapping import load_mapping
    >>> orders = load_mapping("generic_orders")
    >>> lines_by_place(orders, ["order_id", "order_value"]), lines_by_place(orders, ["order_id", "line"])
    (True, False)
    """
    line = None if mapping is None else mapping.targets.get("line")
    if line is None:
        return False
    find = Columns(columns)
    ways = (way for way in line.either or (line,) if all(find(place) is not None for place in way.places))
    return any(way.ordinal is not None for way in list(ways)[:1])
