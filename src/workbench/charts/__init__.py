"""How results look: one theme, one function per result."""

from workbench.charts.cards import alerts, kpi_cards, sentence
from workbench.charts.tables import table

__all__ = ["alerts", "kpi_cards", "sentence", "table"]
