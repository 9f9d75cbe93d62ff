"""Orders, counted once however many lines they have."""

from __future__ import annotations

from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.queries import Query, aggregated, source
from workbench.metrics.sql import Expression


def _build(query: Query) -> Expression:
    rows = source(query, table="orders")
    rows = rows.filter(~rows.is_return)
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by)}
    orders = rows.group_by(**by, order_=rows.order_id).agg(day_=rows.ordered_at.min().cast("date"))
    groups = {name: orders[name] for name in by} | ({"day_": orders.day_} if query.daily else {})
    return aggregated(orders, groups, orders=orders.count())


BASKETS = DerivedQuery(
    name="baskets",
    says="Distinct orders with a line that is no return, each on the day of its first line.",
    table="orders",
    needs=frozenset({"orders"}),
    figures=("orders",),
    build=_build,
    daily=True,
)
