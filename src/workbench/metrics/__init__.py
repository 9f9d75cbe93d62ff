"""What is measured: the arithmetic of measures, the dictionary of metrics, and `measure`.

The names stand in `__init__.pyi`, and are looked up when they are used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
