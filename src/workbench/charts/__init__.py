"""How results look: one theme, one function per result.

Each function takes one result and returns something that shows itself: cards, a table, a sentence, or a
chart with its finding, its description and the figures behind it; and where there is nothing, the reason.

The names stand in `__init__.pyi`. They are looked up when they are used: a page loads the charts it shows.
"""

import lazy_loader

from workbench.charts.given import of_its_kind

_drawing_of, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    globals()[name] = drawing = of_its_kind(_drawing_of(name))
    return drawing
