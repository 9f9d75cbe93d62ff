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
    """Count customers; what lies between the first and the last order is looked at where it decides only."""
    by = [f"d{place}" for place in range(len(query.by))]
    named = {name: rows[f"dim_{dimension}"] for name, dimension in zip(by, query.by, strict=True)}
    orders = rows.group_by(**named, user_=rows[user], order_=rows.order_id).agg(at_=rows[at].min())
    customers = orders.group_by(*by, "user_").agg(
        orders_=orders.count(), first_=orders.at_.min(), last_=orders.at_.max()
    )
    customers = customers.filter(customers.last_ >= sql.literal(sql.FIRST, "timestamp"))
    since = customers.last_ - sql.interval(SPAN)
    again = (customers.orders_ >= 2) & (customers.first_ > since)
    open_ = (customers.orders_ > 2) & (customers.first_ <= since)
    decided = customers.select(*by, customer_=1, again_=sql.when(again, 1, 0))
    counted = decided.union(_near(orders, customers.filter(open_), by), distinct=False)
    return aggregated(
        counted,
        {name: counted[name] for name in by},
        customers=counted.customer_.count(),
        again=counted.again_.sum(),
    )


def _near(orders: Expression, customers: Expression, by: list[str]) -> Expression:
    """Return of each of some customers whether an order came less than the span before the last one."""
    asked = customers.select(
        **{f"of_{name}": customers[name] for name in by}, of_=customers.user_, last_="last_"
    )
    same = [orders[name].identical_to(asked[f"of_{name}"]) for name in by]
    near = orders.join(asked, [orders.user_ == asked.of_, *same])
    near = near.filter(near.at_ > near.last_ - sql.interval(SPAN))
    near = near.group_by(*by, "user_").agg(orders_=near.count())
    nobody = sql.literal(None, "int8")
    return near.select(*by, customer_=nobody, again_=sql.when(near.orders_ >= 2, 1, 0))


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
