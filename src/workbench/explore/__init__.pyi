from .campaigns import compare_campaigns as compare_campaigns
from .channels import compare_channels as compare_channels
from .claims import claims as claims
from .cohorts import cohorts as cohorts
from .creatives import creatives as creatives
from .executive import alerts as alerts, leaderboard as leaderboard
from .frequency import frequency as frequency
from .funnels import compare_funnels as compare_funnels, funnel_of as funnel_of
from .heatmaps import heatmap as heatmap
from .kpis import kpi_cards as kpi_cards
from .leads import leads as leads
from .movements import movements as movements
from .pacing import pacing as pacing
from .paths import funnel as funnel, known_funnel as known_funnel
from .quality import data_quality as data_quality
from .reconciliation import reconcile as reconcile
from .segment_comparison import compare_segments as compare_segments
from .segments import segments as segments
from .subject import campaign_named as campaign_named, campaign_of as campaign_of
from .system_health import system_health as system_health
from .targets import target_vs_actual as target_vs_actual
from .trends import trends as trends
