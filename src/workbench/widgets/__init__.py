"""What a person can move.

Widgets ask pure functions and draw with `charts`; what they remember is what was chosen, nothing else.
"""

from workbench.widgets.budget_simulator import budget_simulator
from workbench.widgets.experiment_designer import experiment_designer
from workbench.widgets.journeys import journey_browser

__all__ = ["budget_simulator", "experiment_designer", "journey_browser"]


def __dir__() -> list[str]:
    return sorted(__all__)
