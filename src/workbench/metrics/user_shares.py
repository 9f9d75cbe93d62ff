"""Intervals of shares of users: of those who clicked, how many converted.

Words: *above* and *below* are the two sides of the line. Who is above need not be below: people buy without
having clicked.
"""

from __future__ import annotations

import numpy as np

from workbench.metrics.intervals import LEVEL, Spread, ratio
from workbench.metrics.measures import Distinct, Measure
from workbench.metrics.values import Floats
from workbench.stats import share_interval


def is_share(measure: Measure) -> bool:
    """Return whether a measure is distinct users over distinct users."""
    sides = ratio(measure)
    return sides is not None and all(isinstance(side, Distinct) for side in sides)


def shares(successes: Floats, trials: Floats, either: Floats | None = None) -> Spread:
    """Return Wilson's interval for shares of users.

    Parameters
    ----------
    successes, trials : array
        Users above and below the line.
    either : array, optional
        Users who are above or below it; None where all above are below, too. Who bought without a click is
        one more above the line and none more below it: such a share varies more than one of trials. The
        variance of the ratio over users tells of how many trials it is worth, and the interval is that of so
        many.

    Examples
    --------
    >>> both, apart = (shares(np.array([40.0]), np.array([200.0]), np.array([n])) for n in (200.0, 240.0))
    >>> [f"{found.low[0]:.3f} to {found.high[0]:.3f} of {found.n[0]:.0f}" for found in (both, apart)]
    ['0.150 to 0.261 of 200', '0.141 to 0.276 of 133']

    References
    ----------
    Cochran (1977), Sampling Techniques, section 2.11; Kish (1965), Survey Sampling, section 8.2.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = successes / trials
        effect = _design_effect(successes, trials, trials if either is None else either)
        n = trials / effect
        error = np.sqrt(share * (1 - share) / n)
    low, high = share_interval(successes / effect, n, level=LEVEL)
    odd = "no interval: more above the line than below, so it is no share"
    notes = [odd if above > below > 0 else "" for above, below in zip(successes, trials, strict=True)]
    return Spread(low=low, high=high, error=error, p=np.full(len(low), np.nan), n=n, notes=notes)


def _design_effect(successes: Floats, trials: Floats, either: Floats) -> Floats:
    """Return how many times the variance of a ratio of users is that of a share of as many trials."""
    both = np.clip(successes + trials - either, 0.0, successes)
    share = np.minimum(successes, trials - 0.5) / trials  # one of all would not vary
    effect = (successes - 2 * share * both + share * share * trials) / (successes * (1 - share))
    alone = (both < successes) & (successes <= trials)
    return np.where(alone, np.maximum(effect, 1.0), 1.0)
