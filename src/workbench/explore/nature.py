"""How the days of a metric make up a block of days, and how the figure of a block is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.metrics import METRICS
from workbench.metrics.intervals import ratio
from workbench.metrics.measures import Arithmetic, Derived, Measure
from workbench.result import format_value

if TYPE_CHECKING:
    from workbench.metrics import Metric

Nature = Literal["sum", "ratio", "mean"]


def mean_said(value: float | None, metric: str, *, currency: str | None = None) -> str:
    """Return the figure of a block of days as it is read: a sum is a mean per day.

    Examples
    --------
    >>> mean_said(45.0, "spend", currency="EUR"), mean_said(0.4, "leads"), mean_said(0.02, "ctr")
    ('€45.00 a day', '0.4 a day', '2%')
    """
    unit, a_day = METRICS[metric].unit, nature(METRICS[metric]) == "sum" or METRICS[metric].unit == "count"
    # A mean of small counts is no whole number.
    small = unit == "count" and value is not None and abs(value) < 100
    text = format_value(value, "" if small else unit, currency=currency)
    return f"{text} a day" if a_day and value is not None else text


def nature(metric: Metric) -> Nature:
    """Return how the days of a metric make up a block: by their sum, a ratio of sums, or their mean.

    Examples
    --------
    >>> [nature(METRICS[name]) for name in ("orders", "aov", "hours_to_conversion", "payback_days")]
    ['sum', 'ratio', 'mean', 'mean']
    """
    sides = ratio(metric.is_)
    if sides is not None:
        return "mean" if any(map(_divides, sides)) else "ratio"
    counted = isinstance(metric.is_, Derived) and metric.interval != "median"
    return "sum" if counted or metric.is_.additive else "mean"


def _divides(measure: Measure) -> bool:
    if not isinstance(measure, Arithmetic):
        return False
    return measure.operator == "/" or _divides(measure.left) or _divides(measure.right)
