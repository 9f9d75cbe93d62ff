"""What a change caused.

Names are looked up when they are used, so that importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.experiments.analysis import Analysis
    from workbench.experiments.analyzing import analyze, analyze_users
    from workbench.experiments.assignment import assign, assigned
    from workbench.experiments.bandit import allocate
    from workbench.experiments.bandit_reading import creative_shares
    from workbench.experiments.bandit_simulation import simulate_regret
    from workbench.experiments.baseline import Baseline
    from workbench.experiments.comparing import (
        compare_means,
        compare_proportions,
        compare_ratios,
        compare_stratified,
    )
    from workbench.experiments.comparison import Comparison, Label
    from workbench.experiments.daily import daily_effects
    from workbench.experiments.definition import Experiment, Guardrail
    from workbench.experiments.duration import Arrivals, arrivals
    from workbench.experiments.geo.analyzing import analyze_geo
    from workbench.experiments.geo.markets import select_markets
    from workbench.experiments.geo.plan import GeoTest
    from workbench.experiments.geo.reading import geo_panel
    from workbench.experiments.geo.views import geo_report, next_geo_test
    from workbench.experiments.holdout import held_out, holdouts
    from workbench.experiments.holdout_health import check_holdout
    from workbench.experiments.holdout_parts import lift_by
    from workbench.experiments.holdout_weeks import lift_over_time
    from workbench.experiments.kept import kept_experiment, kept_experiments
    from workbench.experiments.parts import effects_by
    from workbench.experiments.plan_views import planned_test, rehearsed_nothing, rehearsed_power
    from workbench.experiments.planned import Design
    from workbench.experiments.planning import design, design_from_tables
    from workbench.experiments.procedure import Procedure
    from workbench.experiments.simulating import simulate_aa, simulate_power
    from workbench.experiments.sums import Sums, sums_of
    from workbench.experiments.uplift_report import uplift_model
    from workbench.experiments.user_metric import own_metric
    from workbench.experiments.users import recorded_users
    from workbench.experiments.views import ABTest, ab_test

_HOMES = {
    "ABTest": "views",
    "Analysis": "analysis",
    "Arrivals": "duration",
    "Baseline": "baseline",
    "Comparison": "comparison",
    "Design": "planned",
    "Experiment": "definition",
    "GeoTest": "geo.plan",
    "Guardrail": "definition",
    "Label": "comparison",
    "Procedure": "procedure",
    "Sums": "sums",
    "ab_test": "views",
    "allocate": "bandit",
    "analyze": "analyzing",
    "analyze_geo": "geo.analyzing",
    "analyze_users": "analyzing",
    "arrivals": "duration",
    "assign": "assignment",
    "assigned": "assignment",
    "check_holdout": "holdout_health",
    "compare_means": "comparing",
    "compare_proportions": "comparing",
    "compare_ratios": "comparing",
    "compare_stratified": "comparing",
    "creative_shares": "bandit_reading",
    "daily_effects": "daily",
    "design": "planning",
    "design_from_tables": "planning",
    "effects_by": "parts",
    "geo_panel": "geo.reading",
    "geo_report": "geo.views",
    "held_out": "holdout",
    "holdouts": "holdout",
    "kept_experiment": "kept",
    "kept_experiments": "kept",
    "lift_by": "holdout_parts",
    "lift_over_time": "holdout_weeks",
    "next_geo_test": "geo.views",
    "own_metric": "user_metric",
    "planned_test": "plan_views",
    "recorded_users": "users",
    "rehearsed_nothing": "plan_views",
    "rehearsed_power": "plan_views",
    "select_markets": "geo.markets",
    "simulate_aa": "simulating",
    "simulate_power": "simulating",
    "simulate_regret": "bandit_simulation",
    "sums_of": "sums",
    "uplift_model": "uplift_report",
}

__all__ = [
    "ABTest",
    "Analysis",
    "Arrivals",
    "Baseline",
    "Comparison",
    "Design",
    "Experiment",
    "GeoTest",
    "Guardrail",
    "Label",
    "Procedure",
    "Sums",
    "ab_test",
    "allocate",
    "analyze",
    "analyze_geo",
    "analyze_users",
    "arrivals",
    "assign",
    "assigned",
    "check_holdout",
    "compare_means",
    "compare_proportions",
    "compare_ratios",
    "compare_stratified",
    "creative_shares",
    "daily_effects",
    "design",
    "design_from_tables",
    "effects_by",
    "geo_panel",
    "geo_report",
    "held_out",
    "holdouts",
    "kept_experiment",
    "kept_experiments",
    "lift_by",
    "lift_over_time",
    "next_geo_test",
    "own_metric",
    "planned_test",
    "recorded_users",
    "rehearsed_nothing",
    "rehearsed_power",
    "select_markets",
    "simulate_aa",
    "simulate_power",
    "simulate_regret",
    "sums_of",
    "uplift_model",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"workbench.experiments.{_HOMES[name]}"), name)
