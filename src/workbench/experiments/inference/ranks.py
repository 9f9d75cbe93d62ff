"""Whether users of one variant tend to have higher values than users of another: a test by ranks.

No single user can decide it, however much they bought; so it stands beside a comparison of means as a
check. It answers another question, though: a variant may win more often and still bring less money.

The chance that a random treated user has more than a random control user (half of the ties counted) has its
interval and p from Brunner and Munzel's test, which also holds where the spreads differ. Mann and Whitney's
p, of the sharper claim that nothing at all differs, is given beside it.

References
----------
Mann, Whitney (1947), Annals of Mathematical Statistics 18. Brunner, Munzel (2000), Biometrical J. 42. Ties:
Lehmann (1975), Nonparametrics, section 1.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtr, stdtrit

from workbench.errors import UsageError
from workbench.experiments.inference.estimate import Estimate, unknown

Floats = NDArray[np.float64]

METHOD = "Brunner-Munzel test"
_FEW = 10  # users below which the normal distribution is not trusted


class Superiority(NamedTuple):
    """A chance with its interval; 0.5 is no effect."""

    chance: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """How often a treated user has more than a control user.

    Parameters
    ----------
    more : Estimate
        P(treated > control) - P(treated < control), from -1 to 1; 0 is no effect (Cliff's delta). Its p is of
        Brunner and Munzel's test.
    mann_whitney : float
        Two-sided p of the claim that both have one distribution, with correction for ties and continuity.
    level : float
        Of the interval.
    """

    more: Estimate
    mann_whitney: float
    level: float = 0.95

    @property
    def superiority(self) -> Superiority:
        """Return the chance that a treated user has more, half of the ties counted."""
        return Superiority(*(0.5 + end / 2 for end in (self.more.value, self.more.low, self.more.high)))

    @property
    def sentence(self) -> str:
        """Return the chance with its interval, and whether it differs from a coin."""
        if not self.more.known:
            return f"Ranks cannot be compared: {self.more.note}"
        chance, low, high = self.superiority
        order = "higher" if self.more.value > 0 else "lower"
        told = f"tend to be {order} than" if self.more.significant else "cannot be told apart by ranks from"
        return (
            f"Values of the variant {told} the control's: the higher one of two users is the variant's with "
            f"a chance of {chance:.1%} ({self.level:.0%} interval {low:.1%} to {high:.1%}; ties count half)."
        )


def compare_ranks(values: ArrayLike, counts: ArrayLike, *, level: float = 0.95) -> Ranked:
    """Return the comparison of ranks of a control and a treated group, from values and how often they occur.

    Parameters
    ----------
    values : array_like, shape (values,)
        The distinct values, zeros included.
    counts : array_like, shape (values, 2)
        How many users of the control, and of the treated, have each value.
    level : float
        Of the interval.

    Raises
    ------
    UsageError
        If counts and values do not fit.

    Examples
    --------
    >>> found = compare_ranks([0, 1, 2], [[60, 45], [25, 30], [15, 25]])
    >>> print(found.sentence)  # doctest: +NORMALIZE_WHITESPACE
    Values of the variant tend to be higher than the control's: the higher one of two users is the variant's
    with a chance of 58.4% (95% interval 51.1% to 65.6%; ties count half).
    """
    _, count = sorted_table(values, counts)
    n = count.sum(axis=0)
    if n.min() < _FEW:
        why = f"a group has {n.min():,.0f} users; {_FEW} are needed."
        return Ranked(more=unknown(why, method=METHOD), mann_whitney=float("nan"), level=level)
    # Each user's share of the other group that lies below, ties halved.
    below = (np.cumsum(count, axis=0) - count / 2) / n
    chance = float((count[:, 1] * below[:, 0]).sum() / n[1])
    return Ranked(
        more=_brunner_munzel(count, below, chance, level),
        mann_whitney=_mann_whitney(count, chance),
        level=level,
    )


def sorted_table(values: ArrayLike, counts: ArrayLike) -> tuple[Floats, Floats]:
    """Return distinct values in order and their counts, rows of one value added up.

    Raises
    ------
    UsageError
        If counts and values do not fit, or one is not a number.
    """
    value, count = np.asarray(values, float), np.asarray(counts, float)
    if value.ndim != 1 or count.ndim != 2 or len(count) != len(value):
        raise UsageError(
            f"{value.size} values and counts of shape {count.shape}: give one row of counts per value."
        )
    if not np.isfinite(value).all() or not np.isfinite(count).all() or (count < 0).any():
        raise UsageError("Values must be finite, and counts numbers of 0 or more.")
    if (value[1:] > value[:-1]).all():
        return value, np.asfortranarray(count)  # sums run down the columns
    distinct, place = np.unique(value, return_inverse=True)
    total = np.zeros((len(distinct), count.shape[1]), order="F")
    np.add.at(total, place, count)
    return distinct, total


def _brunner_munzel(count: Floats, below: Floats, chance: float, level: float) -> Estimate:
    n = count.sum(axis=0)
    # Long vectors are multiplied and summed: their product would set threads spinning for next to nothing.
    control = (count[:, 0] * np.square(below[:, 1] - (1 - chance))).sum() / (n[0] - 1) / n[0]
    treated = (count[:, 1] * np.square(below[:, 0] - chance)).sum() / (n[1] - 1) / n[1]
    error = float(np.sqrt(control + treated))
    if not error > 0:
        apart = "all users have one value." if chance == 0.5 else "the groups do not overlap."
        return unknown(apart, method=METHOD)
    df = float((control + treated) ** 2 / (control**2 / (n[0] - 1) + treated**2 / (n[1] - 1)))
    half = float(stdtrit(df, 0.5 + level / 2)) * error
    return Estimate(
        value=2 * chance - 1,
        error=2 * error,
        low=max(-1.0, 2 * (chance - half) - 1),
        high=min(1.0, 2 * (chance + half) - 1),
        p=float(2 * stdtr(df, -abs(chance - 0.5) / error)),
        df=df,
        method=METHOD,
    )


def _mann_whitney(count: Floats, chance: float) -> float:
    n_c, n_t = count.sum(axis=0)
    n, ties = n_c + n_t, count.sum(axis=1)
    variance = n_c * n_t / 12 * (n + 1 - ((ties * ties - 1) * ties).sum() / (n * (n - 1)))
    if not variance > 0:
        return 1.0
    apart = max(abs(chance - 0.5) * n_c * n_t - 0.5, 0.0)
    return float(min(1.0, 2 * ndtr(-apart / np.sqrt(variance))))
