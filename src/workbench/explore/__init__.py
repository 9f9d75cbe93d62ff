"""Questions that a look at the data answers: trends, comparisons, targets, pacing, funnels, cohorts.

Each view is a function of tables that returns a frozen result with a sentence and a table.

The names stand in `__init__.pyi`, and are looked up when they are used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
