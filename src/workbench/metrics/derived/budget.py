"""What campaigns may cost within a window."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.queries import Query, aggregated, sliced
from workbench.metrics.sql import Expression

_DAY = 86_400


def _build(query: Query) -> Expression:
    rows = sliced(sql.unbound("campaigns"), "campaigns", query)
    first, last = sql.literal(sql.FIRST, "date"), sql.literal(sql.LAST, "date")
    inside = _days(sql.later(rows.start_date, first), sql.earlier(rows.end_date, last))
    dated = rows.start_date.notnull() & rows.end_date.notnull() & (rows.end_date >= rows.start_date)
    overlaps = sql.when(inside > 0, inside, 0.0) / _days(rows.start_date, rows.end_date)
    over = (rows.start_date > last) | (rows.end_date < first)
    undated = sql.when(over.fill_null(False), 0.0, 1.0)
    planned = rows.budget * sql.when(dated, overlaps, undated)
    return aggregated(
        rows, {f"d{i}": rows[f"dim_{name}"] for i, name in enumerate(query.by)}, planned=planned.sum()
    )


def _days(first: Expression, last: Expression) -> Expression:
    return (sql.seconds(last.cast("timestamp")) - sql.seconds(first.cast("timestamp"))) / _DAY + 1


BUDGET = DerivedQuery(
    name="budget",
    says=(
        "Budgets of campaigns, each by the share of its days that lies in the window; of a campaign without"
        " a first or last day the whole, unless it lies outside."
    ),
    table="campaigns",
    needs=frozenset({"campaigns"}),
    figures=("planned",),
    build=_build,
    time=False,
)
