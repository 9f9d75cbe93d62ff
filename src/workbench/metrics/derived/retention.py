"""Signup cohorts: who bought in days 1-30, 31-60 and 61-90 after signup."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.derived.beginning import first_on_record
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.queries import Query, aggregated, sliced
from workbench.metrics.sql import Expression

SPANS = ((1, 30), (31, 60), (61, 90))


def _build(query: Query) -> Expression:
    users = sliced(sql.unbound("users"), "users", query)
    by = {f"d{place}": users[f"dim_{name}"] for place, name in enumerate(query.by)}
    users = users.select(**by, user_=users.user_id, signed=users.signup_at)
    orders = sql.unbound("orders")
    orders = orders.filter(~orders.is_return).select(buyer=orders.user_id, at_=orders.ordered_at)
    pairs = users.join(orders, users.user_ == orders.buyer)
    flags = {f"retained_{last}": _bought(pairs, first, last).max() for first, last in SPANS}
    bought = pairs.group_by(buyer_=pairs.user_).agg(**flags)
    rows = users.left_join(bought, users.user_ == bought.buyer_)
    rows = rows.cross_join(first_on_record())
    figures = {}
    for _, last in SPANS:
        old = _old_enough(rows, last)
        figures[f"users_{last}"] = sql.when(old, 1, 0).sum()
        figures[f"retained_{last}"] = sql.when(old & (rows[f"retained_{last}"] == 1), 1, 0).sum()
    return aggregated(rows, {name: rows[name] for name in by}, **figures)


def _bought(pairs: Expression, first: int, last: int) -> Expression:
    start, end = pairs.signed + sql.interval(first), pairs.signed + sql.interval(last + 1)
    return sql.when((pairs.at_ >= start) & (pairs.at_ < end), 1, 0)


def _old_enough(rows: Expression, last: int) -> Expression:
    end = rows.signed + sql.interval(last + 1)
    ended = (end > sql.literal(sql.FIRST, "timestamp")) & (end <= sql.literal(sql.AFTER, "timestamp"))
    return ended & (rows.signed >= rows.recorded_)


RETENTION = DerivedQuery(
    name="retention",
    says=(
        "Users whose days 1-30 (31-60, 61-90) after signup ended in the window, so that every user is old "
        "enough; of those, the ones with an order in these days. Day 1 begins 24 hours after signup; "
        "returns do not count. Who signed up before the first order on record is left out: what they "
        "bought then is unknown."
    ),
    table="users",
    needs=frozenset({"users", "orders"}),
    figures=tuple(f"{what}_{last}" for _, last in SPANS for what in ("users", "retained")),
    build=_build,
    time=False,
)
