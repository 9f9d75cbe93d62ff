"""Marketing analytics workbench: open a workspace, measure, look, decide.

>>> import workbench as wb
>>> str(wb.METRICS["ctr"].is_)  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.attribution.attributing import attribute
    from workbench.events.simulation import MarketSpec, simulate
    from workbench.events.tables import TABLES
    from workbench.experiments.analysis.analyzing import analyze
    from workbench.experiments.definition import Experiment
    from workbench.experiments.power.planning import design
    from workbench.metrics import METRICS, Metric, measure
    from workbench.mmm.spec import MixSpec
    from workbench.reports.mix_fitting import fit_mix
    from workbench.reports.mix_runs import mix_run, mix_runs
    from workbench.store import Workspace
    from workbench.store.opening import open_tables as open  # noqa: A004 - reads as wb.open

__version__ = "0.1.0"

# Public name -> where it lives. Loaded when first used, so that `import workbench` costs nothing.
_SURFACE = {
    "Experiment": ("workbench.experiments.definition", "Experiment"),
    "METRICS": ("workbench.metrics", "METRICS"),
    "Metric": ("workbench.metrics", "Metric"),
    "MarketSpec": ("workbench.events.simulation", "MarketSpec"),
    "MixSpec": ("workbench.mmm.spec", "MixSpec"),
    "TABLES": ("workbench.events.tables", "TABLES"),
    "Workspace": ("workbench.store", "Workspace"),
    "analyze": ("workbench.experiments.analysis.analyzing", "analyze"),
    "attribute": ("workbench.attribution.attributing", "attribute"),
    "design": ("workbench.experiments.power.planning", "design"),
    "fit_mix": ("workbench.reports.mix_fitting", "fit_mix"),
    "measure": ("workbench.metrics", "measure"),
    "mix_run": ("workbench.reports.mix_runs", "mix_run"),
    "mix_runs": ("workbench.reports.mix_runs", "mix_runs"),
    "open": ("workbench.store.opening", "open_tables"),
    "simulate": ("workbench.events.simulation", "simulate"),
}

# Rooms that are found as wb.charts, too, without an import of their own.
_ROOMS = ("attribution", "charts", "experiments", "explore", "insights", "metrics", "mmm", "widgets")

__all__ = [
    "METRICS",
    "TABLES",
    "Experiment",
    "MarketSpec",
    "Metric",
    "MixSpec",
    "Workspace",
    "analyze",
    "attribute",
    "design",
    "fit_mix",
    "measure",
    "mix_run",
    "mix_runs",
    "open",
    "simulate",
]


def __getattr__(name: str) -> object:
    """Return a public name or a room, loading it."""
    if name in _ROOMS:
        return import_module(f"workbench.{name}")
    if name not in _SURFACE:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    module, attribute = _SURFACE[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS, "__version__"])
