"""How a Markov model's credit moves with the weight of each bucket of users, from one solution.

With X what a chain yields from each state, z how often a journey visits it and O how often it was left, a
step from s to t that is counted once more moves the yield by z[s] / O[s] * (X[t] - Y[s]), where Y[s] is what
follows s. So the effect of each bucket is a weighted sum of its own counts, and nothing is solved again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.bootstrap import nothing_below
from workbench.attribution.grids import Grid
from workbench.attribution.markov import kept_states, rates, summed_steps

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from workbench.attribution.chain import Chain
    from workbench.attribution.journeys import Journeys
    from workbench.attribution.tallies import Tally

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_TOLERANCE = 1e-10
_MOST_STEPS = 2_000
_BLOCK = 4_000_000  # figures held at once


class _Counts(NamedTuple):
    """The steps and ends of each bucket, by place among the chain's moves and states."""

    source: Integers
    target: Integers
    steps: csr_array | Floats  # shape (buckets, moves)
    ends: tuple[csr_array, csr_array, csr_array]  # conversions, value, nulls; shape (buckets, states)


def by_derivative(journeys: Journeys, chain: Chain, point: Floats) -> Callable[[Floats], Floats] | None:
    """Return what gives a Markov model's credit of replicates from the derivative by each bucket's weight.

    None where journeys hardly end, so that iteration would take too long.

    Parameters
    ----------
    journeys : Journeys
        The statistics.
    chain : Chain
        Their chain, of any order.
    point : array, shape (channels, 2)
        Its credit.

    References
    ----------
    Efron (1982), The Jackknife, the Bootstrap and Other Resampling Plans, chapter 6:
    the infinitesimal jackknife.
    """
    effect = derivatives(journeys, chain, point)
    if effect is None:
        return None

    def credit(weights: Floats) -> Floats:
        return nothing_below(point, np.tensordot(weights - 1, effect, axes=1))

    return credit


def derivatives(journeys: Journeys, chain: Chain, point: Floats) -> Floats | None:
    """Return the derivative of a Markov model's credit by the weight of each bucket; None where it stalls.

    Returns
    -------
    array, shape (buckets, channels, 2)
        They add up to the credit: doubling all users doubles it.
    """
    counts = _counts(journeys, chain)
    on = kept_states(chain)
    inner, rewards = rates(chain)
    width = max(1, _BLOCK // max(1, 4 * (len(chain.states) + len(counts.source))))
    yields, moved = [], []
    for first in range(0, on.shape[1], width):
        found = _moved(counts, chain, inner, rewards, on[:, first : first + width])
        if found is None:
            return None
        yields.append(found[0])
        moved.append(found[1])
    return _of_credit(np.concatenate(yields), np.concatenate(moved, axis=1), counts, point)


def _counts(journeys: Journeys, chain: Chain) -> _Counts:
    base = len(chain.names) + 1
    source, target, _ = chain.moves()
    keys = chain.keys
    paths = keys[source] * base + keys[target] % base
    buckets = journeys.settings.buckets
    whole = base ** (chain.order + 1)
    low = journeys.steps.lower(whole)
    steps: csr_array | Floats = (
        low.columns(paths) if isinstance(low, Grid) else _table(low, low.sums[:, 0], paths, whole, buckets)
    )
    conversions, value, nulls = (
        _table(journeys.ends, sums, keys, base**chain.order, buckets) for sums in journeys.ends.sums.T
    )
    return _Counts(source, target, steps, (conversions, value, nulls))


def _table(tally: Tally, sums: Floats, keys: Integers, whole: int, buckets: int) -> csr_array:
    """Return sums by bucket and place of the key; a key's older touches are forgotten."""
    from scipy.sparse import csr_array

    codes = tally.keys[:, 1] % whole
    if whole <= 4 * len(codes) + 1000:
        at = np.zeros(whole, np.int64)
        at[keys] = np.arange(len(keys))
        place = at[codes]
    else:
        order = np.argsort(keys)
        place = order[np.searchsorted(keys, codes, sorter=order)]
    starts = np.searchsorted(tally.keys[:, 0], np.arange(buckets + 1))
    return csr_array((sums, place, starts), shape=(buckets, len(keys)))


def _moved(
    counts: _Counts, chain: Chain, inner: csr_array, rewards: Floats, on: NDArray[np.bool_]
) -> tuple[Floats, Floats] | None:
    """Return yields from the start, shape (columns, 2), and their derivatives, (buckets, columns, 2)."""
    masks, width = on.astype(float), on.shape[1]
    both = np.concatenate([masks, masks], axis=1)
    yields = summed_steps(
        inner, both * np.repeat(rewards, width, axis=1), both, tolerance=_TOLERANCE, steps=_MOST_STEPS
    )
    begin = np.zeros_like(masks)
    begin[chain.start] = masks[chain.start]
    visits = summed_steps(inner.T.tocsr(), begin, masks, tolerance=_TOLERANCE, steps=_MOST_STEPS)
    if yields is None or visits is None:
        return None
    out = chain.outflow
    once = np.divide(1.0, out, out=np.zeros(len(out)), where=out > 0)
    follows = np.repeat(rewards, width, axis=1) + inner @ yields
    weight = np.concatenate([visits, visits], axis=1) * once[:, None]
    conversions, value, nulls = counts.ends
    moved = counts.steps @ (weight[counts.source] * (yields[counts.target] - follows[counts.source]))
    moved -= (conversions + nulls) @ (weight * follows)
    moved[:, :width] += conversions @ weight[:, :width]
    moved[:, width:] += value @ weight[:, :width]
    return yields[chain.start].reshape(2, width).T, moved.reshape(-1, 2, width).transpose(0, 2, 1)


def _of_credit(yields: Floats, moved: Floats, counts: _Counts, point: Floats) -> Floats:
    """Return the derivatives of credit from those of yields; the last yield is that of all channels."""
    whole, without = yields[-1], yields[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        effects = np.nan_to_num(1 - without / whole)
        slopes = np.nan_to_num((without * moved[:, -1:] / whole - moved[:, :-1]) / whole)
        absent = (np.abs(effects) < _TOLERANCE) & (point == 0)
        effects, slopes = np.where(absent, 0.0, effects), np.where(absent, 0.0, slopes)
        summed = effects.sum(axis=0)
        shares = effects / summed
        slopes = (slopes - shares * slopes.sum(axis=1, keepdims=True)) / summed
    if not (summed[1] > 0 and effects[:, 1].min() >= 0):
        shares, slopes = shares[:, [0, 0]], slopes[:, :, [0, 0]]
    totals = np.column_stack([some.sum(axis=1) for some in counts.ends[:2]])
    return np.asarray(np.nan_to_num(slopes * totals.sum(axis=0) + shares * totals[:, None, :]), float)
