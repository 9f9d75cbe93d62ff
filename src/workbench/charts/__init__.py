"""How results look: one theme, one function per result.

Each function takes one result and returns something that shows itself: cards, a table, a sentence, or a
chart with its finding, its description and the figures behind it; and where there is nothing, the reason.
"""

from workbench.charts.cards import alerts, kpi_cards, sentence
from workbench.charts.comparisons import (
    advice,
    campaign_returns,
    channel_engagement,
    channel_returns,
    channel_table,
    creative_rates,
    creative_table,
    leaderboard,
    targets,
)
from workbench.charts.journeys import funnel, funnel_steps, lead_grades, lead_stages, lead_table, retention
from workbench.charts.plans import heatmap, pacing, pacing_table
from workbench.charts.tables import table
from workbench.charts.trends import changes, trend

__all__ = [
    "advice",
    "alerts",
    "campaign_returns",
    "changes",
    "channel_engagement",
    "channel_returns",
    "channel_table",
    "creative_rates",
    "creative_table",
    "funnel",
    "funnel_steps",
    "heatmap",
    "kpi_cards",
    "lead_grades",
    "lead_stages",
    "lead_table",
    "leaderboard",
    "pacing",
    "pacing_table",
    "retention",
    "sentence",
    "table",
    "targets",
    "trend",
]
