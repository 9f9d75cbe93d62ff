"""How often users were reached."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.conditions import Condition
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.measures import distinct
from workbench.metrics.queries import Query, aggregated, applies, groups, source
from workbench.metrics.sql import Expression

_DELIVERED = distinct("campaign_delivered", where=(Condition("is_holdout", "is not", True),))


def _build(query: Query) -> Expression:
    rows = source(query, table="facts")
    rows = rows.filter(applies(rows, _DELIVERED))
    users = rows.group_by(**groups(rows, _of(query)), user_=rows.user_key).agg(seen=rows.count())
    seen = sql.number(users.seen)
    by = {f"d{place}": users[f"d{place}"] for place in range(len(query.by))}
    return aggregated(users, by, users=users.count(), messages=seen.sum(), squares=(seen * seen).sum())


def _of(query: Query) -> Query:
    return Query(kind="derived", table="facts", leaves=(), by=query.by)


EXPOSURE = DerivedQuery(
    name="exposure",
    says=(
        "Users a message was delivered to, the holdout left out; the messages; and the squares of messages "
        "per user. Impressions that platforms report name no users, so they play no part."
    ),
    table="facts",
    needs=frozenset({"facts"}),
    figures=("users", "messages", "squares"),
    build=_build,
    listed=_DELIVERED,
)
