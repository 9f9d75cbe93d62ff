"""The core of the dictionary: the leaves that have names, and the metrics over them."""

from __future__ import annotations

from workbench.catalog import Catalog
from workbench.metrics.conditions import Condition
from workbench.metrics.measures import count, distinct, total
from workbench.metrics.metric import Metric

NOT_HOLDOUT = Condition("is_holdout", "is not", True)

clicks = count("campaign_clicked") + total("clicks", of="daily_performance")
messages = count("campaign_delivered", where=(NOT_HOLDOUT,))
impressions = messages + total("impressions", of="daily_performance")
conversions = count("campaign_converted") + total("conversions", of="daily_performance")
spend = total("spend", of="daily_performance")
ordered_revenue = total("order_value", of="orders")
credited_revenue = total("value", of="campaign_converted") + total("revenue", of="daily_performance")
orders = distinct("orders", "order_id", where=(Condition("is_return", "==", False),))

_CORE = [
    Metric(
        name="roas",
        title="Return on ad spend",
        unit="x",
        better="higher",
        healthy=(2.5, None),
        owner="cmo",
        refresh="real-time",
        is_=credited_revenue / spend,
        says="Revenue credited to campaigns per unit of spend.",
    ),
    Metric(
        name="ctr",
        title="Click-through rate",
        unit="%",
        better="higher",
        healthy=(0.015, 0.05),
        owner="performance",
        refresh="real-time",
        is_=clicks / impressions,
        says="Share of impressions that were clicked.",
    ),
    Metric(
        name="conversion_rate",
        title="Conversion rate",
        unit="%",
        better="higher",
        healthy=(0.05, 0.20),
        owner="lifecycle",
        refresh="real-time",
        is_=distinct("campaign_converted") / distinct("campaign_clicked"),
        says="Distinct converting users per distinct clicking user.",
    ),
    Metric(
        name="cpc",
        title="Cost per click",
        unit="money",
        better="lower",
        healthy=(0.5, 2.0),
        owner="performance",
        refresh="hourly",
        is_=spend / clicks,
        says="Spend per click.",
    ),
    Metric(
        name="impressions",
        title="Impressions",
        unit="count",
        better="higher",
        healthy=(50_000, None),
        owner="performance",
        refresh="real-time",
        is_=impressions,
        says="Messages delivered, the holdout left out, and impressions that platforms report.",
    ),
    Metric(
        name="aov",
        title="Average order value",
        unit="money",
        better="higher",
        healthy=(10, 50),
        owner="rewards",
        refresh="daily",
        is_=ordered_revenue / orders,
        credited=credited_revenue / conversions,
        says="Revenue per order.",
    ),
    Metric(
        name="gross_margin",
        title="Gross margin",
        unit="%",
        better="higher",
        healthy=(0.20, 0.40),
        owner="rewards",
        refresh="weekly",
        is_=(ordered_revenue - total("cogs", of="orders") - spend) / ordered_revenue,
        says="What is left of revenue after the cost of goods and spend.",
    ),
]

METRICS: Catalog[Metric] = Catalog("metric", _CORE)
