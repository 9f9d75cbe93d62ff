"""All commands: importing a module of this room adds its commands to the app."""

from __future__ import annotations

from workbench.cli import (
    attribute,
    data,
    deliver,
    demo,
    experiment,
    experiment_analysis,
    experiment_bandit,
    experiment_design,
    experiment_geo,
    experiment_holdout,
    experiment_uplift,
    export,
    measure,
    mix,
    mix_budget,
    reference,
    runs,
    schedule,
    upkeep,
)
from workbench.cli.app import app

__all__ = [
    "app",
    "attribute",
    "data",
    "deliver",
    "demo",
    "experiment",
    "experiment_analysis",
    "experiment_bandit",
    "experiment_design",
    "experiment_geo",
    "experiment_holdout",
    "experiment_uplift",
    "export",
    "measure",
    "mix",
    "mix_budget",
    "reference",
    "runs",
    "schedule",
    "upkeep",
]
