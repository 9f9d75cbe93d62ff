"""What a change caused.

Names are looked up when they are used, so that importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.experiments.analysis.analysis import Analysis
    from workbench.experiments.analysis.analyzing import analyze, analyze_users
    from workbench.experiments.analysis.daily import daily_effects
    from workbench.experiments.analysis.geo_views import geo_report, next_geo_test
    from workbench.experiments.analysis.parts import effects_by
    from workbench.experiments.analysis.summary import summarize_tests
    from workbench.experiments.analysis.views import ABTest, ab_test
    from workbench.experiments.bandit.bandit import allocate
    from workbench.experiments.bandit.reading import creative_shares
    from workbench.experiments.bandit.simulation import simulate_regret
    from workbench.experiments.definition import Experiment, Guardrail
    from workbench.experiments.geo.analyzing import analyze_geo
    from workbench.experiments.geo.markets import select_markets
    from workbench.experiments.geo.plan import GeoTest
    from workbench.experiments.geo.reading import geo_panel
    from workbench.experiments.holdout.health import check_holdout
    from workbench.experiments.holdout.holdout import held_out, holdouts
    from workbench.experiments.holdout.parts import lift_by
    from workbench.experiments.holdout.weeks import lift_over_time
    from workbench.experiments.inference.comparing import (
        compare_means,
        compare_proportions,
        compare_ratios,
        compare_stratified,
    )
    from workbench.experiments.inference.comparison import Comparison, Label
    from workbench.experiments.inference.sums import Sums, sums_of
    from workbench.experiments.power.baseline import Baseline
    from workbench.experiments.power.duration import Arrivals, arrivals
    from workbench.experiments.power.plan_views import planned_test, rehearsed_nothing, rehearsed_power
    from workbench.experiments.power.planned import Design
    from workbench.experiments.power.planning import design, design_from_tables
    from workbench.experiments.power.procedure import Procedure
    from workbench.experiments.power.simulating import simulate_aa, simulate_power
    from workbench.experiments.records.kept import kept_experiment, kept_experiments
    from workbench.experiments.uplift.report import uplift_model, uplift_results
    from workbench.experiments.users.assignment import assign, assigned
    from workbench.experiments.users.metric import own_metric
    from workbench.experiments.users.users import recorded_users

_HOMES = {
    "ABTest": "analysis.views",
    "Analysis": "analysis.analysis",
    "Arrivals": "power.duration",
    "Baseline": "power.baseline",
    "Comparison": "inference.comparison",
    "Design": "power.planned",
    "Experiment": "definition",
    "GeoTest": "geo.plan",
    "Guardrail": "definition",
    "Label": "inference.comparison",
    "Procedure": "power.procedure",
    "Sums": "inference.sums",
    "ab_test": "analysis.views",
    "allocate": "bandit.bandit",
    "analyze": "analysis.analyzing",
    "analyze_geo": "geo.analyzing",
    "analyze_users": "analysis.analyzing",
    "arrivals": "power.duration",
    "assign": "users.assignment",
    "assigned": "users.assignment",
    "check_holdout": "holdout.health",
    "compare_means": "inference.comparing",
    "compare_proportions": "inference.comparing",
    "compare_ratios": "inference.comparing",
    "compare_stratified": "inference.comparing",
    "creative_shares": "bandit.reading",
    "daily_effects": "analysis.daily",
    "design": "power.planning",
    "design_from_tables": "power.planning",
    "effects_by": "analysis.parts",
    "geo_panel": "geo.reading",
    "geo_report": "analysis.geo_views",
    "held_out": "holdout.holdout",
    "holdouts": "holdout.holdout",
    "kept_experiment": "records.kept",
    "kept_experiments": "records.kept",
    "lift_by": "holdout.parts",
    "lift_over_time": "holdout.weeks",
    "next_geo_test": "analysis.geo_views",
    "own_metric": "users.metric",
    "planned_test": "power.plan_views",
    "recorded_users": "users.users",
    "rehearsed_nothing": "power.plan_views",
    "rehearsed_power": "power.plan_views",
    "select_markets": "geo.markets",
    "simulate_aa": "power.simulating",
    "simulate_power": "power.simulating",
    "simulate_regret": "bandit.simulation",
    "summarize_tests": "analysis.summary",
    "sums_of": "inference.sums",
    "uplift_model": "uplift.report",
    "uplift_results": "uplift.report",
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
    "summarize_tests",
    "sums_of",
    "uplift_model",
    "uplift_results",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"workbench.experiments.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
