"""What a person can move.

Widgets ask pure functions and draw with `charts`; what they remember is what was chosen, nothing else.
"""

from workbench.widgets.journeys import journey_browser

__all__ = ["journey_browser"]
