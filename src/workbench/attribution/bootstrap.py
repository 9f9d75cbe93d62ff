"""Intervals for credit: what another sample of users of the same size would have given.

Users are cut into random buckets, and buckets are drawn with replacement. Every figure of a model is a
function of sums over buckets, so a replicate costs a weighted sum and no second look at the data. Rules and
coverage are linear in the weights; Markov models of order 1 with few channels are solved anew for each
replicate, all at once; those of higher order move by the derivative of the credit by each bucket's weight;
for the others the effect of each bucket is measured once, by leaving it out. Replicates add these up (the
delta method).

A credit of fewer than 30 conversions is not well described by resampling what few there are: its interval
is widened to at least the exact Poisson interval of the credited conversions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtr, stdtrit

from workbench.attribution.credit import FEW
from workbench.attribution.markov import scaled

if TYPE_CHECKING:
    from workbench.attribution.journeys import Journeys

Floats = NDArray[np.float64]
REPLICATES = 1000
LEVEL = 0.95
_MOST_BATCHED = 40  # channels up to which each replicate of a Markov model is solved
_BATCH = 4_000_000  # figures held at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bounds:
    """The ends of intervals, shape (channels, 2): conversions and value."""

    low: Floats
    high: Floats


def bucket_weights(buckets: int, replicates: int = REPLICATES, *, seed: int = 0) -> Floats:
    """Return how often each bucket of users is drawn in each replicate, shape (replicates, buckets).

    Examples
    --------
    >>> bucket_weights(64, 3, seed=1).sum(axis=1).tolist()
    [64.0, 64.0, 64.0]
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(buckets, np.full(buckets, 1 / buckets), size=replicates).astype(float)


def bounds(samples: Floats, point: Floats, *, buckets: int, level: float = LEVEL) -> Bounds:
    """Return percentile intervals of credit, expanded for the number of buckets and for few conversions.

    Parameters
    ----------
    samples : array, shape (replicates, channels, 2)
        Credited conversions and value of each replicate.
    point : array, shape (channels, 2)
        Those of the data.
    buckets : int
        From how many buckets the replicates were drawn: the fewer, the wider (Student's t).
    level : float
        The confidence level.

    References
    ----------
    Hesterberg (2015), The American Statistician 69, 371-386, section 4.3 (expanded percentiles); Garwood
    (1936), Biometrika 28, 437-442 (Poisson).
    """
    tail = (1 - level) / 2
    outer = float(ndtr(np.sqrt(buckets / (buckets - 1)) * stdtrit(buckets - 1, tail)))
    low, high = np.quantile(samples, [outer, 1 - outer], axis=0)
    low, high = np.minimum(low, point), np.maximum(high, point)
    return _widened(low, high, point, tail)


def _widened(low: Floats, high: Floats, point: Floats, tail: float) -> Bounds:
    """Return intervals at least as wide as Poisson's where fewer than 30 conversions are credited."""
    credit = np.maximum(point[:, 0], 0)
    few = credit < FEW
    # chdtri is the upper quantile of chi-squared, whose halves are the ends of Poisson's exact interval.
    least = np.where(credit > 0, chdtri(np.maximum(2 * credit, 1e-9), 1 - tail) / 2, 0.0)
    most = chdtri(2 * (credit + 1), tail) / 2
    whole = point.sum(axis=0)
    mean = whole[1] / whole[0] if whole[0] > 0 else 0.0
    each = np.divide(point[:, 1], credit, out=np.full(len(credit), mean), where=credit > 0)
    ends = np.stack([np.column_stack([some, some * each]) for some in (least, most)])
    lowest, highest = np.sort(ends, axis=0)
    return Bounds(
        low=np.where(few[:, None], np.minimum(low, lowest), low),
        high=np.where(few[:, None], np.maximum(high, highest), high),
    )


def by_influence(
    solve: Callable[[Floats], Floats],
    point: Floats,
    buckets: int,
    *,
    groups: int | None = None,
    at_once: bool = False,
) -> Callable[[Floats], Floats]:
    """Return what gives the credit of replicates from the effect of leaving out each bucket.

    Parameters
    ----------
    solve : callable
        Weights of the buckets, shape (buckets,), to credit, shape (channels, 2).
    point : array
        The credit with all weights 1.
    buckets : int
        How many there are.
    groups : int, optional
        Leave out so many groups of buckets instead, where one solution takes long.
    at_once : bool
        Whether `solve` takes many weightings, shape (groups, buckets), to the credit of each.

    References
    ----------
    Efron (1982), The Jackknife, the Bootstrap and Other Resampling Plans, chapter 6.
    """
    group = np.arange(buckets) % min(groups or buckets, buckets)
    sizes = np.bincount(group)

    def credit(weights: Floats) -> Floats:
        kept = (group != np.arange(len(sizes))[:, None]).astype(float)
        without = solve(kept) if at_once else np.stack([solve(some) for some in kept])
        effect = (point - without) / sizes[:, None, None]
        # Buckets of a group vary more, each by itself, than their mean does.
        mean = effect.mean(axis=0)
        effect = mean + (effect - mean) * np.sqrt(sizes)[:, None, None]
        return nothing_below(point, np.tensordot(weights - 1, effect[group], axes=1))

    return credit


def nothing_below(point: Floats, moved: Floats) -> Floats:
    """Return credit that moved; the least it can be is nothing, unless value may be negative."""
    return np.asarray(np.maximum(point + moved, np.where(point.min(axis=0) < 0, -np.inf, 0.0)), float)


def markov_replicates(journeys: Journeys) -> Callable[[Floats], Floats] | None:
    """Return what solves a Markov model of order 1 for many weightings of the buckets at once.

    None where there are too many channels for that to be quick.
    """
    if len(journeys.names) > _MOST_BATCHED:
        return None
    moves, ends = first_order_counts(journeys)
    size = ends.shape[1]

    def credit(weights: Floats) -> Floats:
        width = max(1, _BATCH // size**2)
        parts = [
            _solved(np.tensordot(some, moves, axes=1), np.tensordot(some, ends, axes=1))
            for some in np.split(weights, range(width, len(weights), width))
        ]
        return np.concatenate(parts)

    return credit


def first_order_counts(journeys: Journeys) -> tuple[Floats, Floats]:
    """Return transitions (buckets, states, channels) and ends (buckets, states, 3); state 0 is the start."""
    size, buckets = len(journeys.names) + 1, journeys.settings.buckets
    moves, ends = np.zeros((buckets, size, size - 1)), np.zeros((buckets, size, 3))
    steps, ended = journeys.steps.lower(size**2), journeys.ends.lower(size)
    moves[steps.keys[:, 0], steps.keys[:, 1] // size, steps.keys[:, 1] % size - 1] = steps.sums[:, 0]
    ends[ended.keys[:, 0], ended.keys[:, 1]] = ended.sums
    return moves, ends


def _solved(moves: Floats, ends: Floats) -> Floats:
    """Return the credit of a Markov model of order 1 for a batch of counts."""
    size = moves.shape[1]
    out = moves.sum(axis=2) + ends[:, :, 0] + ends[:, :, 2]
    once = np.divide(1.0, out, out=np.zeros_like(out), where=out > 0)
    inner = np.zeros((len(moves), size, size))
    inner[:, :, 1:] = moves * once[:, :, None]
    fundamental = np.linalg.inv(np.eye(size) - inner)
    yields = fundamental @ (ends[:, :, :2] * once[:, :, None])
    reached = fundamental[:, 0, :] / np.diagonal(fundamental, axis1=1, axis2=2)
    whole = yields[:, :1]
    effects = np.divide(
        reached[:, 1:, None] * yields[:, 1:],
        whole,
        out=np.zeros((len(moves), size - 1, 2)),
        where=whole != 0,
    )
    return scaled(effects, ends[:, :, :2].sum(axis=1))
