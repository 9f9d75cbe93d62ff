"""Parameters, runs, receipts, batches, published reports and their gallery."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.reports.parameters import NOTEBOOKS, RunParameters
    from workbench.reports.record import RunRecord
    from workbench.reports.runs import Run, list_runs, run

# Public name -> its module, loaded when first used.
_SURFACE = {
    "NOTEBOOKS": "parameters",
    "Run": "runs",
    "RunParameters": "parameters",
    "RunRecord": "record",
    "list_runs": "runs",
    "run": "runs",
}

__all__ = ["NOTEBOOKS", "Run", "RunParameters", "RunRecord", "list_runs", "run"]


def __getattr__(name: str) -> object:
    """Return a public name, loading its module."""
    if name not in _SURFACE:
        raise AttributeError(f"module 'workbench.reports' has no attribute {name!r}")
    return getattr(import_module(f"workbench.reports.{_SURFACE[name]}"), name)
