"""Signup cohorts: who bought in days 1-30, 31-60 and 61-90 after signup."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.derived.beginning import ended, first_on_record
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.queries import Query, aggregated, sliced
from workbench.metrics.sql import Expression

SPANS = ((1, 30), (31, 60), (61, 90))


def _build(query: Query) -> Expression:
    users = sliced(sql.unbound("users"), "users", query)
    by = [f"d{place}" for place in range(len(query.by))]
    named = {name: users[f"dim_{dimension}"] for name, dimension in zip(by, query.by, strict=True)}
    users = users.select(**named, user_=users.user_id, signed=users.signup_at)
    users = users.cross_join(first_on_record())
    asked = {f"users_{last}": sql.when(_old_enough(users, last), 1, 0) for _, last in SPANS}
    rows = users.select(*by, **asked, **{f"retained_{last}": 0 for _, last in SPANS})
    bought = _retained(users, by)
    bought = bought.mutate(**dict.fromkeys(asked, 0)).select(*rows.columns)
    rows = rows.union(bought, distinct=False)
    return aggregated(
        rows, {name: rows[name] for name in by}, **{name: rows[name].sum() for name in RETENTION.figures}
    )


def _retained(users: Expression, by: list[str]) -> Expression:
    """Return who bought; only orders of users who count, in days that count, are grouped by user."""
    users = users.filter(sql.any_of([_old_enough(users, last) for _, last in SPANS]))
    orders = sql.unbound("orders")
    orders = orders.filter(~orders.is_return).select(buyer=orders.user_id, at_=orders.ordered_at)
    pairs = users.join(orders, users.user_ == orders.buyer)
    pairs = pairs.filter(_within(pairs, SPANS[0][0], SPANS[-1][1]))
    flags = {
        f"retained_{last}": sql.when(_old_enough(pairs, last) & _within(pairs, first, last), 1, 0).max()
        for first, last in SPANS
    }
    return pairs.group_by(*by, "user_").agg(**flags)


def _within(pairs: Expression, first: int, last: int) -> Expression:
    start, end = pairs.signed + sql.interval(first), pairs.signed + sql.interval(last + 1)
    return (pairs.at_ >= start) & (pairs.at_ < end)


def _old_enough(users: Expression, last: int) -> Expression:
    return ended(users.signed, last + 1) & (users.signed >= users.recorded_)


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
