"""The 25 core metrics."""

from __future__ import annotations

from workbench.metrics.conditions import Condition
from workbench.metrics.derived import derived
from workbench.metrics.effects import SPREAD
from workbench.metrics.measures import Stored, count, quantile, total
from workbench.metrics.metric import Metric
from workbench.metrics.own_records import OTHER
from workbench.metrics.terms import (
    clickers,
    clicks,
    conversions,
    converters,
    credited_revenue,
    first_customers,
    goods,
    held,
    held_buyers,
    held_revenue,
    impressions,
    mail_clickers,
    mailed,
    openers,
    ordered_revenue,
    orders,
    spend,
    tested_spend,
    treated,
    treated_buyers,
    treated_revenue,
)

PRICE_PER_HOUR = 0.10  # of one core
LIVE = Condition("lag_minutes", "<=", 30 * 24 * 60.0)
SCHEDULED = Condition("scheduled", "==", True)
ON_TIME = Condition("on_time", "==", True)
COMPLETED = Condition("status", "==", "completed")


def cost_per_query(price_per_hour: float = PRICE_PER_HOUR) -> Metric:
    """Return the metric of what one evaluation of metrics costs.

    Parameters
    ----------
    price_per_hour : float
        What an hour of one core costs, in the workspace's currency.

    Examples
    --------
    >>> print(cost_per_query(0.36).formula)
    total(metric_calculation_completed.seconds) * 0.0001 / count(metric_calculation_completed)
    """
    evaluations = count("metric_calculation_completed")
    seconds = total("seconds", of="metric_calculation_completed")
    return Metric(
        name="cost_per_query",
        title="Cost per query",
        unit="money",
        better="lower",
        healthy=(None, 0.01),
        owner="engineering",
        refresh="daily",
        is_=seconds * (price_per_hour / 3600) / evaluations,
        says="Compute seconds of a metric evaluation at the price of an hour.",
    )


CORE = (
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
        healthy=(0.05, 0.2),
        owner="lifecycle",
        refresh="real-time",
        is_=converters / clickers,
        says="Distinct converting users per distinct clicking user.",
    ),
    Metric(
        name="cac",
        title="Cost per new customer",
        unit="money",
        better="lower",
        healthy=(None, 20),
        owner="cmo",
        refresh="daily",
        is_=spend / first_customers,
        says="Spend per customer whose first ever purchase is credited to a campaign.",
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
        healthy=(50000, None),
        owner="performance",
        refresh="real-time",
        is_=impressions,
        says="Messages delivered, the holdout left out, and impressions that platforms report.",
    ),
    Metric(
        name="budget_utilization",
        title="Budget utilisation",
        unit="%",
        better="neither",
        healthy=(0.75, 1.05),
        owner="cmo",
        refresh="daily",
        is_=spend / derived("budget", "planned"),
        says="Spend per planned budget of the window.",
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
        name="ltv_12m",
        title="Lifetime value, 12 months",
        unit="money",
        better="higher",
        healthy=(300, None),
        owner="rewards",
        refresh="weekly",
        is_=derived("first_year", "revenue") / derived("first_year", "users"),
        interval="mean",
        spread=(derived("first_year", "squares"),),
        says=(
            "Mean revenue of a user in the 12 months after signup, of the users "
            "whose 12 months ended in the window."
        ),
    ),
    Metric(
        name="cac_payback_months",
        title="Payback of a new customer",
        unit="months",
        better="lower",
        healthy=(1, 6),
        owner="rewards",
        refresh="weekly",
        is_=spend
        / first_customers
        / (derived("customer_margin", "margin") / derived("customer_margin", "months")),
        says="Months of mean gross margin per customer that pay for winning one.",
    ),
    Metric(
        name="repeat_purchase_rate",
        title="Repeat purchase rate",
        unit="%",
        better="higher",
        healthy=(0.25, 0.5),
        owner="lifecycle",
        refresh="weekly",
        is_=derived("repeat", "again") / derived("repeat", "customers"),
        credited=derived("repeat_credited", "again") / derived("repeat_credited", "customers"),
        interval="share",
        says="Share of customers who had ordered before within 90 days of their last order.",
    ),
    Metric(
        name="gross_margin",
        title="Gross margin",
        unit="%",
        better="higher",
        healthy=(0.2, 0.4),
        owner="rewards",
        refresh="weekly",
        is_=(ordered_revenue - goods - spend) / ordered_revenue,
        says="What is left of revenue after the cost of goods and spend.",
    ),
    Metric(
        name="cohort_retention",
        title="Cohort retention, days 1-30",
        unit="%",
        better="higher",
        healthy=(0.3, 0.7),
        owner="lifecycle",
        refresh="weekly",
        is_=derived("retention", "retained_30") / derived("retention", "users_30"),
        interval="share",
        says="Share of a signup cohort with an order in days 1-30 after signup.",
    ),
    Metric(
        name="open_rate",
        title="Open rate",
        unit="%",
        better="higher",
        healthy=(0.15, 0.35),
        owner="lifecycle",
        refresh="real-time",
        is_=openers / mailed,
        says="Distinct users who opened per distinct user sent to, by e-mail and push.",
    ),
    Metric(
        name="click_to_open_rate",
        title="Click-to-open rate",
        unit="%",
        better="higher",
        healthy=(0.05, 0.2),
        owner="performance",
        refresh="real-time",
        is_=mail_clickers / openers,
        says="Distinct users who clicked per distinct user who opened, by e-mail and push.",
    ),
    Metric(
        name="frequency",
        title="Frequency",
        unit="x",
        better="neither",
        healthy=(1.5, 3.5),
        owner="performance",
        refresh="daily",
        is_=derived("exposure", "messages") / derived("exposure", "users"),
        interval="mean",
        spread=(derived("exposure", "squares"),),
        says="Messages per user reached, the holdout left out.",
    ),
    Metric(
        name="hours_to_conversion",
        title="Hours to conversion",
        unit="h",
        better="lower",
        healthy=(0.5, 72),
        owner="performance",
        refresh="daily",
        is_=derived("delay", "hours"),
        says="Median hours from a user's first impression of a campaign to its purchase.",
    ),
    Metric(
        name="incrementality",
        title="Incrementality",
        unit="%",
        better="higher",
        healthy=(0.3, 0.6),
        owner="cmo",
        refresh="weekly",
        is_=(treated_buyers - held_buyers * treated / held) / treated_buyers,
        interval="incrementality",
        spread=(*SPREAD, tested_spend),
        says="Share of treated buyers who would not have bought without the campaign, from its holdout.",
    ),
    Metric(
        name="holdout_lift",
        title="Lift over the holdout",
        unit="pp",
        better="higher",
        healthy=(0.005, 0.03),
        owner="data science",
        refresh="weekly",
        is_=treated_buyers / treated - held_buyers / held,
        interval="lift",
        spread=(*SPREAD, tested_spend),
        says="Purchase rate of the treated less that of the holdout.",
    ),
    Metric(
        name="net_incremental_revenue",
        title="Net incremental revenue",
        unit="money",
        better="higher",
        healthy=(0, None),
        owner="cmo",
        refresh="weekly",
        is_=(treated_revenue / treated - held_revenue / held) * treated - tested_spend,
        interval="net revenue",
        spread=(*SPREAD, tested_spend),
        says="Revenue that campaigns with a holdout caused, less their spend.",
    ),
    Metric(
        name="attribution_spread",
        title="Spread of attribution",
        unit="%",
        better="lower",
        healthy=(0.1, 0.3),
        owner="data science",
        refresh="weekly",
        is_=Stored("attribution", "spread"),
        says="Highest less lowest credited revenue over the attribution models, by their mean.",
    ),
    Metric(
        name="data_freshness_p95",
        title="Data freshness, p95",
        unit="min",
        better="lower",
        healthy=(None, 5),
        owner="engineering",
        refresh="real-time",
        is_=quantile("lag_minutes", 0.95, of=OTHER, where=(LIVE,)),
        says=(
            "Minutes between an event and its arrival that 95 % of live events stay below; history "
            "older than 30 days on arrival is left out, and so is what the workbench records of itself."
        ),
    ),
    Metric(
        name="model_auc",
        title="Model quality",
        unit="",
        better="higher",
        healthy=(0.8, 0.95),
        owner="data science",
        refresh="weekly",
        is_=Stored("churn", "auc"),
        says="Newest validated AUC of the churn model.",
    ),
    Metric(
        name="run_success",
        title="Run success",
        unit="%",
        better="higher",
        healthy=(0.995, None),
        owner="engineering",
        refresh="real-time",
        is_=count("runs", where=(SCHEDULED, ON_TIME, COMPLETED)) / count("runs", where=(SCHEDULED,)),
        interval="share",
        says="Share of scheduled runs that finished well and on time.",
    ),
    cost_per_query(),
)
