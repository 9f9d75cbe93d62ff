"""Panels from the tables of a workspace: sales by market and day, or a metric of the dictionary by region."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.geo.panel import Gaps, Panel, panel_of
from workbench.metrics import sql
from workbench.metrics.measures import Leaf
from workbench.metrics.measuring import chosen, measure
from workbench.metrics.window import Window, resolve

if TYPE_CHECKING:
    from workbench.metrics.metric import Metric
    from workbench.source import Tables

MARKETS = "geo_performance"
FIGURES = ("orders", "revenue")
