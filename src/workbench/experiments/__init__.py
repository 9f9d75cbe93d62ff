"""What a change caused.

Names are looked up when they are used, so that importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.experiments.holdout import held_out, holdouts
    from workbench.experiments.holdout_health import check_holdout
    from workbench.experiments.holdout_parts import lift_by
    from workbench.experiments.holdout_weeks import lift_over_time
    from workbench.experiments.uplift_report import uplift_model

_HOMES = {
    "check_holdout": "holdout_health",
    "held_out": "holdout",
    "holdouts": "holdout",
    "lift_by": "holdout_parts",
    "lift_over_time": "holdout_weeks",
    "uplift_model": "uplift_report",
}

__all__ = [
    "check_holdout",
    "held_out",
    "holdouts",
    "lift_by",
    "lift_over_time",
    "uplift_model",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"workbench.experiments.{_HOMES[name]}"), name)
