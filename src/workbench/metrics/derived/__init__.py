"""Queries over whole users, orders or campaigns, for what sums of rows cannot say. One small module each."""

from __future__ import annotations

from workbench.catalog import Catalog
from workbench.errors import UsageError
from workbench.metrics.derived.activity import ACTIVITY
from workbench.metrics.derived.baskets import BASKETS
from workbench.metrics.derived.budget import BUDGET
from workbench.metrics.derived.consent import CONSENT
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.derived.delay import DELAY
from workbench.metrics.derived.exposure import EXPOSURE
from workbench.metrics.derived.first_purchases import FIRST_PURCHASES
from workbench.metrics.derived.holdout_queries import HOLDOUT, HOLDOUT_COST
from workbench.metrics.derived.lifetime import CUSTOMER_MARGIN, FIRST_YEAR
from workbench.metrics.derived.repeat import REPEAT, REPEAT_CREDITED
from workbench.metrics.derived.retention import RETENTION
from workbench.metrics.measures import Derived

DERIVED: Catalog[DerivedQuery] = Catalog(
    "derived query",
    [
        FIRST_PURCHASES,
        BASKETS,
        REPEAT,
        REPEAT_CREDITED,
        RETENTION,
        FIRST_YEAR,
        CUSTOMER_MARGIN,
        EXPOSURE,
        DELAY,
        HOLDOUT,
        HOLDOUT_COST,
        ACTIVITY,
        CONSENT,
        BUDGET,
    ],
)


def derived(query: str, figure: str) -> Derived:
    """Return one figure of a derived query as a leaf.

    Raises
    ------
    UsageError
        If there is no such query, or it has no such figure.

    Examples
    --------
    >>> leaf = derived("repeat", "customers")
    >>> str(leaf), leaf.table
    ('repeat.customers', 'orders')
    """
    found = DERIVED[query]
    if figure not in found.figures:
        raise UsageError(f"The derived query {query!r} has no figure {figure!r}: {', '.join(found.figures)}.")
    return Derived(query, figure, table=found.table, needs=found.needs)
