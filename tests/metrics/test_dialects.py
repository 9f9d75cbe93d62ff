"""Every metric compiles for the engines that are executed; what a dialect cannot do is said."""

from __future__ import annotations

import pytest

from workbench.errors import UsageError
from workbench.events.tables import TABLES
from workbench.metrics import METRICS, leaves, median
from workbench.metrics.expressions import build
from workbench.metrics.plan import plan
from workbench.metrics.sql import to_sql


def queries(*names: str, by: tuple[str, ...] = ("campaign",)) -> tuple[object, ...]:
    wanted = [leaf for name in names for leaf in (*leaves(METRICS[name].is_), *METRICS[name].spread)]
    return plan(wanted, by=by, loaded=[*TABLES, "campaign_delivered"], daily=True).queries


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "databricks"])
def test_every_metric_compiles(dialect: str) -> None:
    for by in ((), ("campaign",)):
        for query in queries(*METRICS, by=by):
            text = to_sql(lambda query=query: build(query), query, dialect)
            assert text.startswith(("SELECT", "WITH"))
            assert "FILTER" not in text.upper().replace("FILTERED", "")


def test_a_dialect_without_quantiles_says_so() -> None:
    (query,) = plan([median("value", of="user_purchased")], loaded=["facts", "user_purchased"]).queries
    with pytest.raises(UsageError, match="bigquery cannot answer this"):
        to_sql(lambda: build(query), query, "bigquery")
