"""What is measured: the arithmetic of measures, the dictionary of metrics, and `measure`.

Names are looked up when they are used, so that importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.metrics.conditions import Condition
    from workbench.metrics.definitions import METRICS
    from workbench.metrics.measured import Measured, Row
    from workbench.metrics.measures import Measure, count, distinct, leaves, median, quantile, total
    from workbench.metrics.measuring import measure
    from workbench.metrics.metric import Metric
    from workbench.metrics.slices import DIMENSIONS
    from workbench.metrics.window import Window, parse_window
    from workbench.source import Tables

_HOMES = {
    "DIMENSIONS": "slices",
    "METRICS": "definitions",
    "Condition": "conditions",
    "Measure": "measures",
    "Measured": "measured",
    "Metric": "metric",
    "Row": "measured",
    "Tables": "source",
    "Window": "window",
    "count": "measures",
    "distinct": "measures",
    "leaves": "measures",
    "measure": "measuring",
    "median": "measures",
    "parse_window": "window",
    "quantile": "measures",
    "total": "measures",
}

__all__ = [
    "DIMENSIONS",
    "METRICS",
    "Condition",
    "Measure",
    "Measured",
    "Metric",
    "Row",
    "Tables",
    "Window",
    "count",
    "distinct",
    "leaves",
    "measure",
    "median",
    "parse_window",
    "quantile",
    "total",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"workbench.metrics.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
