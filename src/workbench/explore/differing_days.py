"""Whether a share of users changed by more than its days differ. Arrays in, figures out.

Words: users tell how far chance among them can move a share; what days differ by beyond that, as by weather,
offers or a broken page, moves it too, and users know nothing of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr

from workbench.metrics.user_shares import is_share

if TYPE_CHECKING:
    from workbench.explore.figures import Figures
    from workbench.metrics import Row
    from workbench.metrics.measures import Measure

Floats = NDArray[np.float64]
FEWEST = 3
_APART = 4  # days from which on two have nothing to do with each other
_MANY = 28
_SUREST = 1e-300  # below it no quantile of the normal distribution is told


def known_by_days(row: Row, formula: Measure, daily: Figures) -> Row:
    """Return a row whose change, where it is of a share of users, is held against how days differ, too."""
    if not (is_share(formula) and np.isfinite(row.change_p)):
        return row
    sides = [daily.of(key, row.metric) for key in daily.slices]
    above = np.array([side.numerator or 0.0 for side in sides])
    below = np.array([side.denominator or 0.0 for side in sides])
    return replace(row, change_p=change_p(row.value, row.previous, row.change_p, (above, below)))


def change_p(now: float, then: float, p: float, daily: tuple[Floats, Floats]) -> float:
    """Return the p of a change of a share of users whose days differ; NaN where too few days tell how much.

    Parameters
    ----------
    now, then : float
        The share in two windows of equal length.
    p : float
        Of the change, as far as users tell.
    daily : (array, array)
        Users above and below the line by day of the last window.

    References
    ----------
    Kleinman (1973), Journal of the American Statistical Association 68, 46-54: the variance between shares
    is that seen less that of users; Newey and West (1987), Econometrica 55, 703-708: days that hang together.

    Examples
    --------
    >>> users = np.full(30, 1000.0)
    >>> alike, unlike = np.full(30, 100.0), np.tile([70.0, 130.0, 130.0, 70.0, 100.0], 6)
    >>> [round(change_p(0.1, 0.095, 0.001, (above, users)), 3) for above in (alike, unlike)]
    [0.001, 0.09]
    """
    above, below = daily
    days = len(below)
    if days < FEWEST or not above.sum() or not below.sum():
        return np.nan
    if now == then:
        return p
    error = (now - then) / float(ndtri(max(p, _SUREST) / 2))
    share = min(float(above.sum() / below.sum()), 1.0)
    # Who opens today what came yesterday is one day's gain and the other's loss: neighbours tell together.
    rest = above - above.sum() / below.sum() * below
    together = sum(
        (1 - lag / _APART) * float(rest[lag:] @ rest[:-lag]) for lag in range(1, min(_APART, days))
    )
    if days < _MANY:  # of few days chance makes some seem to make up for each other
        together = max(together, 0.0)
    seen = (float(rest @ rest) + 2 * together) * days / (days - 1)
    beyond = max(seen - share * (1 - share) * float(below.sum()), 0.0) / float(above.sum()) ** 2
    of_days = beyond * (now * now + then * then)
    if not of_days:
        return p
    variance = error * error + of_days
    freedom = (days - 1) * (variance / of_days) ** 2
    return float(2 * stdtr(freedom, -abs(now - then) / np.sqrt(variance)))
