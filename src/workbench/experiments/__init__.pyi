from .analysis.analysis import Analysis as Analysis
from .analysis.analyzing import analyze as analyze, analyze_users as analyze_users
from .analysis.daily import daily_effects as daily_effects
from .analysis.geo_views import geo_report as geo_report, next_geo_test as next_geo_test
from .analysis.parts import effects_by as effects_by
from .analysis.summary import summarize_tests as summarize_tests
from .analysis.views import ABTest as ABTest, ab_test as ab_test
from .bandit.bandit import allocate as allocate
from .bandit.reading import creative_shares as creative_shares
from .bandit.simulation import simulate_regret as simulate_regret
from .definition import Experiment as Experiment, Guardrail as Guardrail
from .geo.analyzing import analyze_geo as analyze_geo
from .geo.markets import select_markets as select_markets
from .geo.plan import GeoTest as GeoTest
from .geo.reading import geo_panel as geo_panel
from .holdout.health import check_holdout as check_holdout
from .holdout.holdout import held_out as held_out, holdouts as holdouts
from .holdout.parts import lift_by as lift_by
from .holdout.weeks import lift_over_time as lift_over_time
from .inference.comparing import (
    compare_means as compare_means,
    compare_proportions as compare_proportions,
    compare_ratios as compare_ratios,
    compare_stratified as compare_stratified,
)
from .inference.comparison import Comparison as Comparison, Label as Label
from .inference.sums import Sums as Sums, sums_of as sums_of
from .power.baseline import Baseline as Baseline
from .power.duration import Arrivals as Arrivals, arrivals as arrivals
from .power.plan_views import (
    planned_test as planned_test,
    rehearsed_nothing as rehearsed_nothing,
    rehearsed_power as rehearsed_power,
)
from .power.planned import Design as Design
from .power.planning import design as design, design_from_tables as design_from_tables
from .power.procedure import Procedure as Procedure
from .power.simulating import simulate_aa as simulate_aa, simulate_power as simulate_power
from .records.kept import kept_experiment as kept_experiment, kept_experiments as kept_experiments
from .uplift.report import uplift_model as uplift_model, uplift_results as uplift_results
from .users.assignment import assign as assign, assigned as assigned
from .users.metric import own_metric as own_metric
from .users.users import recorded_users as recorded_users
