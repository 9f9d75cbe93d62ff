"""Parameters, runs, receipts, batches, published reports and their gallery."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.reports.batches import Batch, batch
    from workbench.reports.definitions import NOTEBOOKS
    from workbench.reports.delivery import Delivered, deliver, list_deliveries
    from workbench.reports.exports import Exported, export
    from workbench.reports.health import Health, examine
    from workbench.reports.parameter_kinds import RunParameters
    from workbench.reports.publication import Published, gallery, publish
    from workbench.reports.record import RunRecord
    from workbench.reports.runs import Run, list_runs, run
    from workbench.reports.verification import Verified, verify

# Public name -> its module, loaded when first used.
_SURFACE = {
    "NOTEBOOKS": "definitions",
    "Batch": "batches",
    "Delivered": "delivery",
    "Exported": "exports",
    "Health": "health",
    "Published": "publication",
    "Run": "runs",
    "RunParameters": "parameter_kinds",
    "RunRecord": "record",
    "Verified": "verification",
    "batch": "batches",
    "deliver": "delivery",
    "examine": "health",
    "export": "exports",
    "gallery": "publication",
    "list_deliveries": "delivery",
    "list_runs": "runs",
    "publish": "publication",
    "run": "runs",
    "verify": "verification",
}

__all__ = [
    "NOTEBOOKS",
    "Batch",
    "Delivered",
    "Exported",
    "Health",
    "Published",
    "Run",
    "RunParameters",
    "RunRecord",
    "Verified",
    "batch",
    "deliver",
    "examine",
    "export",
    "gallery",
    "list_deliveries",
    "list_runs",
    "publish",
    "run",
    "verify",
]


def __getattr__(name: str) -> object:
    """Return a public name, loading its module."""
    if name not in _SURFACE:
        raise AttributeError(f"module 'workbench.reports' has no attribute {name!r}")
    return getattr(import_module(f"workbench.reports.{_SURFACE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
