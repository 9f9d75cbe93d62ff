"""Customers who came, stayed away, and came back between two windows."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.queries import Query, aggregated, sliced
from workbench.metrics.sql import Expression


def _build(query: Query) -> Expression:
    rows = sql.unbound("orders")
    rows = rows.filter(
        rows.ordered_at < sql.literal(sql.AFTER, "timestamp"), ~rows.is_return, rows.user_id.notnull()
    )
    rows = sliced(rows, "orders", query)
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by)}
    first, before = sql.literal(sql.FIRST, "timestamp"), sql.literal(sql.BEFORE, "timestamp")
    users = rows.group_by(**by, user_=rows.user_id).agg(
        now_=sql.when(rows.ordered_at >= first, 1, 0).max(),
        then_=sql.when((rows.ordered_at >= before) & (rows.ordered_at < first), 1, 0).max(),
        once_=sql.when(rows.ordered_at < before, 1, 0).max(),
    )
    active, dormant = users.then_ == 1, (users.then_ == 0) & (users.once_ == 1)
    return aggregated(
        users,
        {name: users[name] for name in by},
        active=sql.when(active, 1, 0).sum(),
        lost=sql.when(active & (users.now_ == 0), 1, 0).sum(),
        dormant=sql.when(dormant, 1, 0).sum(),
        returned=sql.when(dormant & (users.now_ == 1), 1, 0).sum(),
    )


ACTIVITY = DerivedQuery(
    name="activity",
    says=(
        "Active: users with an order in the window before, of equal length; lost: those without one in the "
        "window. Dormant: users with an order earlier, but none in the window before; returned: those with "
        "one in the window."
    ),
    table="orders",
    needs=frozenset({"orders"}),
    figures=("active", "lost", "dormant", "returned"),
    build=_build,
    time=False,
)
