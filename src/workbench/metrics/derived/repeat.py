"""Customers who bought again within ninety days."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.queries import Query, aggregated, sliced
from workbench.metrics.slices import DIMENSIONS
from workbench.metrics.sql import Expression

SPAN = 90


def _from_orders(query: Query) -> Expression:
    rows = sql.unbound("orders")
    rows = rows.filter(_in_reach(rows.ordered_at), ~rows.is_return, rows.user_id.notnull())
    return _repeated(sliced(rows, "orders", query), query, user="user_id", at="ordered_at")


def _from_events(query: Query) -> Expression:
    rows = sql.unbound("facts")
    credited = any(
        DIMENSIONS[name].campaign
        for name in (*query.by, *(c.column for c in query.where))
        if name in DIMENSIONS
    )
    types = ["campaign_converted"] if credited else ["campaign_converted", "user_purchased"]
    rows = rows.filter(rows.event_type.isin(types), _in_reach(rows.timestamp), rows.order_id.notnull())
    return _repeated(sliced(rows, "facts", query), query, user="user_key", at="timestamp")


def _in_reach(at: Expression) -> Expression:
    first = sql.literal(sql.FIRST, "timestamp") - sql.interval(SPAN)
    return (at >= first) & (at < sql.literal(sql.AFTER, "timestamp"))


def _repeated(rows: Expression, query: Query, *, user: str, at: str) -> Expression:
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by)}
    orders = rows.group_by(**by, user_=rows[user], order_=rows.order_id).agg(at_=rows[at].min())
    keys = [orders[name] for name in [*by, "user_"]]
    orders = orders.mutate(last_=sql.over(orders.at_.max(), keys))
    near = orders.filter(
        orders.last_ >= sql.literal(sql.FIRST, "timestamp"), orders.at_ > orders.last_ - sql.interval(SPAN)
    )
    customers = near.group_by(**{name: near[name] for name in by}, user_=near.user_).agg(orders_=near.count())
    again = sql.when(customers.orders_ >= 2, 1, 0).sum()
    return aggregated(
        customers, {name: customers[name] for name in by}, customers=customers.count(), again=again
    )


_SAYS = (
    "Customers with an order in the window; of those, the ones whose last order in the window came less than "
    f"{SPAN} days after an earlier order. Looking back rather than ahead, no customer is judged too early."
)

REPEAT = DerivedQuery(
    name="repeat",
    says=f"{_SAYS} Read from orders; returns and guests are left out.",
    table="orders",
    needs=frozenset({"orders"}),
    figures=("customers", "again"),
    build=_from_orders,
    time=False,
    looks_back=SPAN,
    leans="earlier orders are unknown, and fewer customers seem to come back",
)

REPEAT_CREDITED = DerivedQuery(
    name="repeat_credited",
    says=f"{_SAYS} Read from purchase events; by campaign, from the orders credited to it.",
    table="facts",
    needs=frozenset({"facts"}),
    figures=("customers", "again"),
    build=_from_events,
    time=False,
    looks_back=SPAN,
    leans="earlier orders are unknown, and fewer customers seem to come back",
)
