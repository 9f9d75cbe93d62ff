"""What looking several times does: false alarms where nobody corrects for it, and power where one does.

References
----------
Armitage, McPherson, Rowe (1969), JRSS A 132: repeated significance tests. Jennison, Turnbull (2000), Group
Sequential Methods, chapter 19: the recursion over looks.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from workbench.experiments.inference.looks import stopping_chances
from workbench.experiments.inference.spending import design


@lru_cache(maxsize=256)
def false_alarms(looks: int, *, alpha: float = 0.05, sides: int = 2) -> float:
    """Return how often a test finds an effect that is not there, if the first look below alpha ends it.

    Parameters
    ----------
    looks : int
        Looks at equal distances, the last one included.
    alpha : float
        What each of them is held against.
    sides : int
        1 or 2.

    Examples
    --------
    >>> round(false_alarms(5), 3), round(false_alarms(10), 3)
    (0.142, 0.193)
    """
    limits = np.full(looks, -float(ndtri(alpha / sides)))
    return float(stopping_chances(_evenly(looks), limits, 0.0, two_sided=sides == 2).sum())


def power_over_looks(fixed: float, *, tail: float, looks: int) -> float:
    """Return the power with planned looks of the sample that has the power `fixed` with one."""
    drift = float(ndtri(np.clip(fixed, 1e-300, 1 - 1e-16)) - ndtri(tail))
    return _with_looks(drift, tail, looks)


@lru_cache(maxsize=256)
def single_look_power(power: float, *, tail: float, looks: int) -> float:
    """Return the power with one look that a sample needs for a given power with planned looks."""
    drift = brentq(lambda some: _with_looks(some, tail, looks) - power, 0.0, 20.0, xtol=1e-9)
    return float(ndtr(drift + ndtri(tail)))


def _with_looks(drift: float, tail: float, looks: int) -> float:
    return design(_evenly(looks), drift=drift, alpha=2 * tail).power


def _evenly(looks: int) -> list[float]:
    return [(look + 1) / looks for look in range(looks)]
