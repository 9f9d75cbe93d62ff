"""How far misses carry over from period to period, and what that does to the rank of a stretch."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from workbench.errors import NotEnoughData
from workbench.experiments.geo.panel import Floats

HIGHEST = 0.9  # autocorrelation up to which ranks can be told from their chance
_RUNS = 5_000
_STEPS = 10  # of the autocorrelation: tables for 0.1, 0.2 ...


def autocorrelation(missed: Floats) -> float:
    """Return the correlation of each period's miss with the next one's; 0 where nothing varies.

    Parameters
    ----------
    missed : ndarray, shape (periods,)
        What the controls miss, in any unit.

    Examples
    --------
    >>> import numpy as np
    >>> autocorrelation(np.array([1.0, 2.0, 3.0, 4.0]))
    0.25
    """
    apart = missed - missed.mean()
    spread = float(apart @ apart)
    return float(apart[1:] @ apart[:-1]) / spread if spread > 0 else 0.0


def likely_carry(missed: Floats) -> float:
    """Return the autocorrelation to reckon with: without its bias, one standard error up, in tenths.

    Few periods show less of it than there is, by (1 + 4 r) / periods; its standard error is
    sqrt((1 - r^2) / periods).

    Parameters
    ----------
    missed : ndarray, shape (periods,)
        What the controls miss before the test.

    Raises
    ------
    NotEnoughData
        If it is above 0.9: so few independent periods say nothing.

    References
    ----------
    Marriott, Pope (1954), Biometrika 41: the bias. Bartlett (1946): the standard error.

    Examples
    --------
    >>> import numpy as np
    >>> likely_carry(np.array([1.0, -1.0] * 20))
    0.0
    """
    periods, found = len(missed), autocorrelation(missed)
    likely = found + (1 + 4 * found) / periods + math.sqrt(max(1 - found**2, 0.0) / periods)
    tenths = math.ceil(max(likely, 0.0) * _STEPS - 1e-9) / _STEPS
    if tenths > HIGHEST:
        raise NotEnoughData(
            "What the controls miss carries over too far from period to period for conformal inference: its "
            f"autocorrelation before the test is {found:.2f}, and up to {likely:.2f} with its error of "
            f"{periods} periods; p holds its promise up to {HIGHEST:g}."
        )
    return tenths


def rank_p(share: float, *, periods: int, length: int, carry: float) -> float:
    """Return p of the last stretch, from the share of stretches that are at least as far off.

    The share itself is p where stretches can change places. Where misses carry over, the last stretch ranks
    high more often than that: then p is how often it ranks as high in 5,000 drawn series that carry over as
    much, or the share where that is larger.

    Parameters
    ----------
    share : float
        Of all cyclic stretches, the last one included.
    periods : int
        Of the whole series.
    length : int
        Of a stretch.
    carry : float
        Autocorrelation from period to period, between 0 and 1.

    Examples
    --------
    >>> rank_p(0.04, periods=75, length=15, carry=0.0)
    0.04
    >>> 0.05 < rank_p(0.04, periods=75, length=15, carry=0.8) < 0.08
    True
    """
    if carry <= 0:
        return share
    return max(share, float(_chances(periods, length, carry)[round(share * periods)]))


@cache
def _chances(periods: int, length: int, carry: float) -> Floats:
    """Return how often at most 0, 1, ... stretches of a series are at least as far off as its last one."""
    drawn = np.random.default_rng(0).normal(size=(periods, _RUNS))
    drawn[1:] *= math.sqrt(1 - carry**2)
    for period in range(1, periods):
        drawn[period] += carry * drawn[period - 1]
    drawn -= drawn.mean(axis=0)
    total = np.cumsum(np.concatenate([np.zeros((1, _RUNS)), drawn, drawn[:length]]), axis=0)
    sums = np.abs(total[length : length + periods] - total[:periods])
    ranks = (sums >= sums[periods - length] * (1 - 1e-12)).sum(axis=0)
    counted: Floats = np.cumsum(np.bincount(ranks, minlength=periods + 1)) / _RUNS
    return counted
