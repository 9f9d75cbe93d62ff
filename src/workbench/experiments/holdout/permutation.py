"""Reassigning who was held out: what the studentised difference looks like when nothing was caused.

With a small holdout and skewed revenue, Student's t finds too many gains: a holdout without a big spender
looks poor, and sure of it. Each permuted difference is divided by its own standard error, which keeps the
test valid also where the two sides differ in spread. Only buyers are drawn: how many of them fall to the
holdout is hypergeometric, and which ones is a random choice.

References
----------
Janssen (1997), Statistics and Probability Letters 36; Chung and Romano (2013), Annals of Statistics 41.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.experiments.holdout.pairs import Floats, Pairs
from workbench.experiments.inference.shuffling import Buyers, shuffles
from workbench.experiments.inference.skewness import skewness_of_difference

_DRAWN = 80_000_000  # buyers, over all draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """Users and sums of the two sides of each campaign, and the values that are not zero.

    Parameters
    ----------
    treated, held : ndarray, shape (campaigns,)
        Users.
    treated_sum, held_sum, treated_squares, held_squares : ndarray, shape (campaigns,)
        Sums of values, and of their squares.
    cubes : ndarray, shape (campaigns,)
        Third central moments of the values, about the mean of either side.
    values : tuple of ndarray
        Of each campaign, the values of users that are not zero.
    """

    treated: Floats
    held: Floats
    treated_sum: Floats
    held_sum: Floats
    treated_squares: Floats
    held_squares: Floats
    cubes: Floats
    values: tuple[Floats, ...]

    @property
    def weight(self) -> Floats:
        """Return treated per held out."""
        return self.treated / self.held

    @property
    def totals(self) -> tuple[float, float]:
        """Return the sum of the treated, and what it would have been without the campaigns."""
        return float(self.treated_sum.sum()), float((self.weight * self.held_sum).sum())

    @property
    def skewness(self) -> float:
        """Return the skewness of the total difference: near 0 where sides are balanced or large."""
        treated, held = self.variances
        spreads = treated / self.treated, held / (self.held * self.weight**2)
        sizes = self.treated, self.held
        return skewness_of_difference(self.cubes, spreads, sizes=sizes, weights=self.treated)

    @property
    def variances(self) -> tuple[Floats, Floats]:
        """Return the variances of the treated sum and of the expected sum, by campaign."""
        return _variances(self, self.treated_sum, self.held_sum, self.treated_squares, self.held_squares)

    @classmethod
    def of(cls, pairs: Pairs, values: Floats) -> Strata:
        """Return the strata of a figure of each pair; each campaign needs both sides."""
        count = len(pairs.campaigns)

        def total(column: Floats, *, held: bool) -> Floats:
            side = pairs.held == held
            found: Floats = np.bincount(pairs.campaign[side], column[side], minlength=count).astype(float)
            return found

        ones = np.ones(len(pairs))
        n, m = total(ones, held=False), total(ones, held=True)
        s, h = total(values, held=False), total(values, held=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.where(pairs.held, (h / m)[pairs.campaign], (s / n)[pairs.campaign])
        third = (values - means) ** 3
        bought = values != 0
        return cls(
            treated=n,
            held=m,
            treated_sum=s,
            held_sum=h,
            treated_squares=total(values * values, held=False),
            held_squares=total(values * values, held=True),
            cubes=(total(third, held=False) + total(third, held=True)) / (n + m),
            values=tuple(values[bought & (pairs.campaign == place)] for place in range(count)),
        )


def reassigned(strata: Strata, *, seed: int = 0, times: int | None = None) -> Floats:
    """Return studentised differences under random holdouts, sorted; 0 where nothing differs.

    Parameters
    ----------
    strata : Strata
        The holdout of each campaign is drawn by itself.
    seed : int
        Of the draws.
    times : int, optional
        How many; 9,999 by default, fewer where there are very many buyers, at least 1,999.
    """
    if times is None:
        times = int(np.clip(_DRAWN / max(1, sum(map(len, strata.values))), 1999, 9999))
    rng = np.random.default_rng(seed)
    estimate, variance = np.zeros(times), np.zeros(times)
    for place, values in enumerate(strata.values):
        one, other = _drawn(strata, place, values, times, rng)
        estimate += one
        variance += other
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(variance > 0, estimate / np.sqrt(variance), 0.0)
    found.sort()
    return found


def _drawn(
    strata: Strata, place: int, values: Floats, times: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return the difference and its variance of one campaign under random holdouts."""
    n, m, buyers = strata.treated[place], strata.held[place], len(values)
    if not buyers:
        return np.zeros(times), np.zeros(times)
    counts = np.column_stack([np.ones(buyers, np.int64), np.zeros(buyers, np.int64)])
    drawn = shuffles(Buyers(values=values, counts=counts, users=(int(n), int(m))), times, rng)
    held, squares = (one + other for one, other in zip(drawn.own, drawn.others, strict=True))
    total, all_squares = values.sum(), (values * values).sum()
    one = Strata(
        treated=np.array(n),
        held=np.array(m),
        treated_sum=total - held,
        held_sum=held,
        treated_squares=all_squares - squares,
        held_squares=squares,
        cubes=np.array(0.0),
        values=(),
    )
    tt, hh = one.variances
    return one.treated_sum - one.weight * held, tt + hh


def _variances(
    strata: Strata, treated: Floats, held: Floats, treated_squares: Floats, held_squares: Floats
) -> tuple[Floats, Floats]:
    n, m = strata.treated, strata.held
    with np.errstate(divide="ignore", invalid="ignore"):
        one = np.maximum(treated_squares - treated * treated / n, 0.0) * n / (n - 1)
        other = np.maximum(held_squares - held * held / m, 0.0) * m / (m - 1)
        # A side of one user shows no spread of its own: the other side's stands in for it.
        spread = np.where(n > 1, one / n, other / m), np.where(m > 1, other / m, one / n)
    return spread[0] * n, spread[1] * m * (n / m) ** 2
