"""Placebo groups in pairs with the treated geos: both are told by the same controls, so that they compare."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from workbench.experiments.geo.panel import Floats, Rows
from workbench.experiments.geo.synthetic_control import Weighting, gap_of, prepared, without
from workbench.experiments.inference.estimate import alpha_of


def pairs_of(
    values: Floats, *, pre: int, treated: Rows, sets: Sequence[Rows], donors: Rows, weighting: Weighting
) -> Floats:
    """Return observed less expected of placebo groups and of the treated geos, told by the same controls.

    A group of controls has fewer controls left than the treated geos have. More controls fit the pre-period
    better without predicting better, so that the treated geos would look extreme: with 6 of 24 geos treated a
    test at 5 % finds an effect in 12 % of tests of nothing. So both of a pair do without the group's geos.

    Parameters
    ----------
    values : ndarray, shape (geos, periods)
        The panel.
    pre : int
        Periods before the treatment.
    treated : ndarray of int
        Rows of the treated geos.
    sets : sequence of ndarray of int
        Rows of the placebo groups.
    donors : ndarray of int
        Rows of all controls.
    weighting : callable
        How controls are weighted.

    Returns
    -------
    ndarray, shape (2, sets, periods)
        Of the placebo groups, and of the treated geos beside each.

    References
    ----------
    Lei and Sudijono (2025), Inference for synthetic controls via refined placebo tests (leave-two-out).
    """
    ready = prepared(values, pre)
    pairs = np.empty((2, len(sets), values.shape[1]))
    for place, rows in enumerate(sets):
        left = without(donors, rows)
        pairs[0, place] = gap_of(ready, rows, left, weighting)
        pairs[1, place] = gap_of(ready, treated, left, weighting)
    return pairs


def kept_between(lows: Floats, highs: Floats, *, value: float, level: float) -> tuple[float, float, float]:
    """Return p of 0, and the ends of the interval, where placebo groups keep the values between two ends.

    p is the share of groups that keep 0 or what lies beyond it, seen from the value; the treated geos count
    as a group that keeps all. The interval holds the values whose p is not below 1 - level.

    Examples
    --------
    >>> import numpy as np
    >>> lows, highs = 3.0 - np.arange(1.0, 20.0), 3.0 + np.arange(1.0, 20.0)
    >>> kept_between(lows, highs, value=3.0, level=0.85)
    (0.9, -15.0, 21.0)
    """
    possible = np.arange(1, len(lows) + 2) / (len(lows) + 1)
    keep = lows <= 0 if value > 0 else highs >= 0 if value < 0 else np.ones(len(lows), bool)
    p = float(possible[int(keep.sum())])
    needed = int(
        np.searchsorted(possible, alpha_of(level))
    )  # values that so many groups keep are not rejected
    if not needed:
        return p, -math.inf, math.inf
    return p, min(float(np.sort(lows)[needed - 1]), value), max(float(np.sort(highs)[-needed]), value)
