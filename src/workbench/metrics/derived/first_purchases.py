"""Customers whose first ever purchase is credited to a campaign."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.queries import Query, aggregated, in_window_until_last, sliced
from workbench.metrics.sql import Expression


def _build(query: Query) -> Expression:
    history = in_window_until_last(sql.unbound("facts"), "facts")
    bought = history.filter(
        history.event_type.isin(["campaign_converted", "user_purchased"]), history.order_id.notnull()
    )
    began = bought.group_by(first_user=bought.user_key).agg(first_at=bought.timestamp.min())
    first = bought.join(began, (bought.user_key == began.first_user) & (bought.timestamp == began.first_at))
    first = first.select(first_order=first.order_id, first_user=first.user_key)
    credited = history.filter(
        history.event_type == "campaign_converted", *sql.within(history.day, instant=False)
    )
    rows = sliced(credited, "facts", query)
    rows = rows.semi_join(first, (rows.user_key == first.first_user) & (rows.order_id == first.first_order))
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by)}
    customers = rows.group_by(**by, user_=rows.user_key).agg(day_=rows.day.min())
    groups = {name: customers[name] for name in by} | ({"day_": customers.day_} if query.daily else {})
    return aggregated(customers, groups, customers=customers.count())


FIRST_PURCHASES = DerivedQuery(
    name="first_purchases",
    says=(
        "A user's first order is the earliest event user_purchased or campaign_converted with an order id, "
        "in all data up to the end of the window. A customer counts where that order was credited to a "
        "campaign (campaign_converted) in the window; each counts once per slice, on the day of the credit."
    ),
    table="facts",
    needs=frozenset({"facts"}),
    figures=("customers",),
    build=_build,
    daily=True,
    looks_back=90,
    leans="old customers look new, and the cost of a new one too low",
)
