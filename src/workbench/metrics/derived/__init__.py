"""Queries over whole users, orders or campaigns, for what sums of rows cannot say. One small module each."""

from __future__ import annotations

from workbench.catalog import Catalog
from workbench.metrics.derived.activity import ACTIVITY
from workbench.metrics.derived.baskets import BASKETS
from workbench.metrics.derived.budget import BUDGET
from workbench.metrics.derived.consent import CONSENT
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.derived.delay import DELAY
from workbench.metrics.derived.exposure import EXPOSURE
from workbench.metrics.derived.first_purchases import FIRST_PURCHASES
from workbench.metrics.derived.holdout import HOLDOUT, HOLDOUT_COST
from workbench.metrics.derived.lifetime import CUSTOMER_MARGIN, FIRST_YEAR
from workbench.metrics.derived.repeat import REPEAT, REPEAT_CREDITED
from workbench.metrics.derived.retention import RETENTION

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
