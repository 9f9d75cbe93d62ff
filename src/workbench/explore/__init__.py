"""Questions that a look at the data answers: trends, comparisons, targets, pacing, funnels, cohorts.

Each view is a function of tables that returns a frozen result with a sentence and a table.
"""

from workbench.explore.campaigns import compare_campaigns
from workbench.explore.channels import compare_channels
from workbench.explore.claims import claims
from workbench.explore.cohorts import cohorts
from workbench.explore.creatives import creatives
from workbench.explore.executive import alerts, leaderboard
from workbench.explore.frequency import frequency
from workbench.explore.funnels import compare_funnels, funnel_of
from workbench.explore.heatmaps import heatmap
from workbench.explore.kpis import kpi_cards
from workbench.explore.leads import leads
from workbench.explore.movements import movements
from workbench.explore.pacing import pacing
from workbench.explore.paths import funnel, known_funnel
from workbench.explore.quality import data_quality
from workbench.explore.reconciliation import reconcile
from workbench.explore.segment_comparison import compare_segments
from workbench.explore.segments import segments
from workbench.explore.subject import campaign_named, campaign_of
from workbench.explore.system_health import system_health
from workbench.explore.targets import target_vs_actual
from workbench.explore.trends import trends

__all__ = [
    "alerts",
    "campaign_named",
    "campaign_of",
    "claims",
    "cohorts",
    "compare_campaigns",
    "compare_channels",
    "compare_funnels",
    "compare_segments",
    "creatives",
    "data_quality",
    "frequency",
    "funnel",
    "funnel_of",
    "heatmap",
    "known_funnel",
    "kpi_cards",
    "leaderboard",
    "leads",
    "movements",
    "pacing",
    "reconcile",
    "segments",
    "system_health",
    "target_vs_actual",
    "trends",
]


def __dir__() -> list[str]:
    return sorted(__all__)
