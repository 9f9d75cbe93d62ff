from .attribution import (
    credit_beside as credit_beside,
    model_comparison as model_comparison,
    model_spread as model_spread,
)
from .bandits import bandit_regret as bandit_regret, bandit_shares as bandit_shares
from .budget import (
    budget_gain as budget_gain,
    budget_next as budget_next,
    budget_pays as budget_pays,
    budget_returns as budget_returns,
    budget_split as budget_split,
    budget_sweep as budget_sweep,
    budget_warnings as budget_warnings,
)
from .cards import alerts as alerts, kpi_cards as kpi_cards, sentence as sentence
from .cohorts import activation as activation, cohort_value as cohort_value, retention as retention
from .comparisons import (
    advice as advice,
    campaign_returns as campaign_returns,
    campaign_table as campaign_table,
    channel_engagement as channel_engagement,
    channel_returns as channel_returns,
    channel_table as channel_table,
    creative_rates as creative_rates,
    creative_table as creative_table,
    leaderboard as leaderboard,
    targets as targets,
)
from .credit_tables import (
    caveats as caveats,
    credit_table as credit_table,
    model_checks as model_checks,
    model_notes as model_notes,
    returns_by_model as returns_by_model,
)
from .designs import (
    detectable_by_days as detectable_by_days,
    false_alarms as false_alarms,
    peeking_table as peeking_table,
    plan_alternatives as plan_alternatives,
    plan_groups as plan_groups,
    plan_warnings as plan_warnings,
    power_curve as power_curve,
    simulated_power as simulated_power,
)
from .experiment_summary import (
    summary_changes as summary_changes,
    summary_doubts as summary_doubts,
    summary_table as summary_table,
)
from .experiment_tables import (
    experiment_notes as experiment_notes,
    experiment_table as experiment_table,
    experiment_verdict as experiment_verdict,
    experiment_worth as experiment_worth,
)
from .experiments import (
    experiment_daily as experiment_daily,
    experiment_effects as experiment_effects,
    experiment_traffic as experiment_traffic,
)
from .flows import moves as moves
from .geo import geo_course as geo_course, geo_cumulative as geo_cumulative, geo_placebos as geo_placebos
from .geo_design import geo_markets as geo_markets, geo_power as geo_power
from .geo_tables import (
    geo_checks as geo_checks,
    geo_estimates as geo_estimates,
    geo_figures as geo_figures,
    geo_weights as geo_weights,
)
from .holdout_tables import holdout_sides as holdout_sides
from .holdout_trust import (
    holdout_balance as holdout_balance,
    holdout_checks as holdout_checks,
    holdout_errors as holdout_errors,
)
from .holdouts import (
    holdout_campaigns as holdout_campaigns,
    holdout_rates as holdout_rates,
    lift_over_time as lift_over_time,
    lift_parts as lift_parts,
)
from .journeys import (
    funnel as funnel,
    funnel_steps as funnel_steps,
    lead_grades as lead_grades,
    lead_stages as lead_stages,
    lead_table as lead_table,
)
from .mix import (
    mix_learning as mix_learning,
    mix_moved as mix_moved,
    mix_returns as mix_returns,
    mix_shares as mix_shares,
)
from .mix_course import mix_decomposition as mix_decomposition, mix_parts as mix_parts
from .mix_outcome import mix_fit as mix_fit
from .mix_responses import mix_curves as mix_curves
from .mix_tables import (
    mix_advice as mix_advice,
    mix_fit_figures as mix_fit_figures,
    mix_gates as mix_gates,
    mix_reasons as mix_reasons,
    mix_regions as mix_regions,
    mix_table as mix_table,
)
from .movements import (
    claim_table as claim_table,
    claimed_weeks as claimed_weeks,
    claiming_channels as claiming_channels,
    movement_table as movement_table,
    movements as movements,
)
from .plans import heatmap as heatmap, pacing as pacing, pacing_table as pacing_table
from .quality import loads as loads, reasons as reasons
from .returns import method_returns as method_returns, unknown_returns as unknown_returns
from .segments import (
    frequency as frequency,
    segment_differences as segment_differences,
    segment_rates as segment_rates,
    segment_table as segment_table,
)
from .simulator import simulator_block as simulator_block
from .system_health import run_failures as run_failures, run_table as run_table, table_ages as table_ages
from .tables import table as table
from .trends import changes as changes, trend as trend
from .uplift import qini as qini, uplift_by_decile as uplift_by_decile, uplift_deciles as uplift_deciles
from .ways import (
    order_timeline as order_timeline,
    way_buyers as way_buyers,
    way_days as way_days,
    way_lengths as way_lengths,
    way_table as way_table,
)
