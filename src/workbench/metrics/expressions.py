"""The expression of a query of any kind."""

from __future__ import annotations

from workbench.metrics import queries
from workbench.metrics.derived import DERIVED
from workbench.metrics.queries import Query
from workbench.metrics.sql import Expression


def build(query: Query) -> Expression:
    """Return the Ibis expression of a query."""
    match query.kind:
        case "sums":
            return queries.sums(query)
        case "distinct":
            return queries.distinct(query)
        case "quantile":
            return queries.quantiles(query)
        case "steps":
            return queries.stepped(query)
        case "stored":
            return queries.stored(query)
        case "derived":
            return DERIVED[query.table].build(query)
