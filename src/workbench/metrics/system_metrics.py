"""Core metrics of the workbench itself: how fresh its data is, how well it runs, what it costs."""

from __future__ import annotations

from workbench.metrics.conditions import Condition
from workbench.metrics.measures import count, quantile, total
from workbench.metrics.metric import Metric
from workbench.metrics.own_records import OTHER

PRICE_PER_HOUR = 0.10  # of one core
LIVE = Condition("lag_minutes", "<=", 30 * 24 * 60.0)
SCHEDULED = Condition("scheduled", "==", True)
ON_TIME = Condition("on_time", "==", True)
COMPLETED = Condition("status", "==", "completed")

FRESHNESS = Metric(
    name="data_freshness_p95",
    title="Data freshness, p95",
    unit="min",
    better="lower",
    healthy=(None, 5),
    owner="engineering",
    refresh="real-time",
    is_=quantile("lag_minutes", 0.95, of=OTHER, where=(LIVE,)),
    says=(
        "Minutes between an event and its arrival that 95 % of live events stay within, each rounded up: to "
        "half a minute up to ten minutes, then to two figures, beyond a week to days. History older than 30 "
        "days on arrival is left out, and so is what the workbench records of itself."
    ),
)

RUN_SUCCESS = Metric(
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
)


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
