"""The dictionary: every metric of the workbench, in one catalog."""

from __future__ import annotations

from workbench.catalog import Catalog
from workbench.metrics.campaign_metrics import CAMPAIGNS, TARGETS
from workbench.metrics.core_metrics import CORE
from workbench.metrics.customer_metrics import CUSTOMERS
from workbench.metrics.lead_metrics import LEADS, OUTREACH
from workbench.metrics.metric import Metric

METRICS: Catalog[Metric] = Catalog("metric", [*CORE, *CAMPAIGNS, *TARGETS, *LEADS, *OUTREACH, *CUSTOMERS])
