"""How results look: one theme, one function per result.

Each function takes one result and returns something that shows itself: cards, a table, a sentence, or a
chart with its finding, its description and the figures behind it; and where there is nothing, the reason.
"""

from workbench.charts.attribution import credit_beside, model_comparison, model_spread
from workbench.charts.bandits import bandit_regret, bandit_shares
from workbench.charts.budget import (
    budget_gain,
    budget_next,
    budget_pays,
    budget_returns,
    budget_split,
    budget_sweep,
    budget_warnings,
)
from workbench.charts.cards import alerts, kpi_cards, sentence
from workbench.charts.cohorts import activation, cohort_value, retention
from workbench.charts.comparisons import (
    advice,
    campaign_returns,
    campaign_table,
    channel_engagement,
    channel_returns,
    channel_table,
    creative_rates,
    creative_table,
    leaderboard,
    targets,
)
from workbench.charts.credit_tables import caveats, credit_table, model_checks, model_notes, returns_by_model
from workbench.charts.designs import (
    detectable_by_days,
    false_alarms,
    peeking_table,
    plan_alternatives,
    plan_groups,
    plan_warnings,
    power_curve,
    simulated_power,
)
from workbench.charts.experiment_summary import summary_changes, summary_doubts, summary_table
from workbench.charts.experiment_tables import (
    experiment_notes,
    experiment_table,
    experiment_verdict,
    experiment_worth,
)
from workbench.charts.experiments import experiment_daily, experiment_effects, experiment_traffic
from workbench.charts.flows import moves
from workbench.charts.geo import geo_course, geo_cumulative, geo_placebos
from workbench.charts.geo_design import geo_markets, geo_power
from workbench.charts.geo_tables import geo_checks, geo_estimates, geo_figures, geo_weights
from workbench.charts.given import of_its_kind
from workbench.charts.holdout_tables import holdout_sides
from workbench.charts.holdout_trust import holdout_balance, holdout_checks, holdout_errors
from workbench.charts.holdouts import (
    holdout_campaigns,
    holdout_rates,
    lift_over_time,
    lift_parts,
)
from workbench.charts.journeys import funnel, funnel_steps, lead_grades, lead_stages, lead_table
from workbench.charts.mix import mix_learning, mix_moved, mix_returns, mix_shares
from workbench.charts.mix_course import mix_decomposition, mix_parts
from workbench.charts.mix_outcome import mix_fit
from workbench.charts.mix_responses import mix_curves
from workbench.charts.mix_tables import (
    mix_advice,
    mix_fit_figures,
    mix_gates,
    mix_reasons,
    mix_regions,
    mix_table,
)
from workbench.charts.movements import (
    claim_table,
    claimed_weeks,
    claiming_channels,
    movement_table,
    movements,
)
from workbench.charts.plans import heatmap, pacing, pacing_table
from workbench.charts.quality import loads, reasons
from workbench.charts.returns import method_returns, unknown_returns
from workbench.charts.segments import frequency, segment_differences, segment_rates, segment_table
from workbench.charts.simulator import simulator_block
from workbench.charts.system_health import run_failures, run_table, table_ages
from workbench.charts.tables import table
from workbench.charts.trends import changes, trend
from workbench.charts.uplift import qini, uplift_by_decile, uplift_deciles
from workbench.charts.ways import order_timeline, way_buyers, way_days, way_lengths, way_table

__all__ = [
    "activation",
    "advice",
    "alerts",
    "bandit_regret",
    "bandit_shares",
    "budget_gain",
    "budget_next",
    "budget_pays",
    "budget_returns",
    "budget_split",
    "budget_sweep",
    "budget_warnings",
    "campaign_returns",
    "campaign_table",
    "caveats",
    "changes",
    "channel_engagement",
    "channel_returns",
    "channel_table",
    "claim_table",
    "claimed_weeks",
    "claiming_channels",
    "cohort_value",
    "creative_rates",
    "creative_table",
    "credit_beside",
    "credit_table",
    "detectable_by_days",
    "experiment_daily",
    "experiment_effects",
    "experiment_notes",
    "experiment_table",
    "experiment_traffic",
    "experiment_verdict",
    "experiment_worth",
    "false_alarms",
    "frequency",
    "funnel",
    "funnel_steps",
    "geo_checks",
    "geo_course",
    "geo_cumulative",
    "geo_estimates",
    "geo_figures",
    "geo_markets",
    "geo_placebos",
    "geo_power",
    "geo_weights",
    "heatmap",
    "holdout_balance",
    "holdout_campaigns",
    "holdout_checks",
    "holdout_errors",
    "holdout_rates",
    "holdout_sides",
    "kpi_cards",
    "lead_grades",
    "lead_stages",
    "lead_table",
    "leaderboard",
    "lift_over_time",
    "lift_parts",
    "loads",
    "method_returns",
    "mix_advice",
    "mix_curves",
    "mix_decomposition",
    "mix_fit",
    "mix_fit_figures",
    "mix_gates",
    "mix_learning",
    "mix_moved",
    "mix_parts",
    "mix_reasons",
    "mix_regions",
    "mix_returns",
    "mix_shares",
    "mix_table",
    "model_checks",
    "model_comparison",
    "model_notes",
    "model_spread",
    "movement_table",
    "movements",
    "moves",
    "order_timeline",
    "pacing",
    "pacing_table",
    "peeking_table",
    "plan_alternatives",
    "plan_groups",
    "plan_warnings",
    "power_curve",
    "qini",
    "reasons",
    "retention",
    "returns_by_model",
    "run_failures",
    "run_table",
    "segment_differences",
    "segment_rates",
    "segment_table",
    "sentence",
    "simulated_power",
    "simulator_block",
    "summary_changes",
    "summary_doubts",
    "summary_table",
    "table",
    "table_ages",
    "targets",
    "trend",
    "unknown_returns",
    "uplift_by_decile",
    "uplift_deciles",
    "way_buyers",
    "way_days",
    "way_lengths",
    "way_table",
]

for _name in __all__:
    globals()[_name] = of_its_kind(globals()[_name])


def __dir__() -> list[str]:
    return sorted(__all__)
