"""Markov attribution, solved exactly: what is lost when a channel's touches lead nowhere.

Words: the *removal effect* of a channel is the share of conversions (or of value) that the chain loses when
every touch of it ends the journey without a conversion. Effects add up to more than 1, since many journeys
need several channels; that they are scaled to the total is a convention.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.chain import Chain
from workbench.errors import NotEnoughData

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
_TOLERANCE = 1e-14
_MOST_STEPS = 2_000
_LEAP = 8
_BLOCK = 4_000_000  # figures held at once while all channels are removed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Removal:
    """What a chain yields, and loses without each channel.

    Parameters
    ----------
    names : tuple of str
        The channels.
    conversion_rate, value_rate : float
        Conversions and value per journey, as the chain says them; they equal those of the data.
    conversions, value : arrays, shape (channels,)
        The removal effect of each channel, as a share of either.
    """

    names: tuple[str, ...]
    conversion_rate: float
    value_rate: float
    conversions: Floats
    value: Floats


def removal_effects(chain: Chain, *, tolerance: float = _TOLERANCE, steps: int = _MOST_STEPS) -> Removal:
    """Return the removal effects of all channels, on conversions and on value, without simulation.

    Order 1 has a closed form: with N the fundamental matrix and x the chance to convert from a state, the
    effect of c is N[start, c] / N[c, c] * x[c] / x[start]. Higher orders iterate X <- M (r + Q X) for all
    channels at once, where M switches off the states that contain the channel; where that takes too long
    (journeys that hardly end), each channel is solved by sparse LU.

    Parameters
    ----------
    chain : Chain
        The counts.
    tolerance : float
        Relative size of what is left out when the iteration stops.
    steps : int
        The most steps before the sparse solver takes over.

    Raises
    ------
    NotEnoughData
        If no journey with a touch converted.

    References
    ----------
    Anderl, Becker, von Wangenheim, Schumann (2016), International Journal of Research in Marketing 33,
    457-474; Kemeny and Snell (1976), Finite Markov Chains, chapter 3.

    Examples
    --------
    >>> from workbench.attribution.chain import chain_of_paths
    >>> paths = [["c1", "c2", "c3"], ["c1"], ["c2", "c3"]]
    >>> found = removal_effects(chain_of_paths(paths, [1, 0, 0], nulls=[0, 1, 1]))
    >>> round(found.conversion_rate, 6), found.conversions.round(6).tolist()
    (0.333333, [0.5, 1.0, 1.0])
    """
    if not chain.conversions.sum() > 0:
        raise NotEnoughData("Not enough data: no journey with a touch converted, so nothing can be credited.")
    inner, rewards = rates(chain)
    if chain.order == 1:
        whole, without = _closed_form(chain, inner.toarray(), rewards)
    else:
        whole, without = _iterated(chain, inner, rewards, tolerance=tolerance, steps=steps)
    with np.errstate(divide="ignore", invalid="ignore"):
        effects = np.where(whole != 0, 1 - without / whole, 0.0)
    present = np.zeros(len(chain.names), bool)
    present[chain.transitions.tocoo().col] = True
    effects = np.where(present[:, None], effects, 0.0)
    # What rounding leaves below zero is zero; with negative values an effect may truly lie outside 0..1.
    effects = np.where(np.abs(effects) < 1e-13, 0.0, effects)
    return Removal(
        names=chain.names,
        conversion_rate=float(whole[0]),
        value_rate=float(whole[1]),
        conversions=effects[:, 0],
        value=effects[:, 1],
    )


def markov_credit(chain: Chain) -> Floats:
    """Return conversions and value credited to each channel: its removal effect, scaled to the totals.

    Returns
    -------
    array, shape (channels, 2)
        Conversions, value. Columns add up to those of the chain. Where value has no positive removal effect
        to share by (all zero, or more returned than bought), value follows the conversions.

    Raises
    ------
    NotEnoughData
        If no journey with a touch converted.

    Examples
    --------
    >>> from workbench.attribution.chain import chain_of_paths
    >>> markov_credit(chain_of_paths([["a", "b"], ["a"]], [1, 1], [10, 30])).round(3).tolist()
    [[1.333, 32.0], [0.667, 8.0]]
    """
    found = removal_effects(chain)
    totals = np.array([chain.conversions.sum(), chain.value.sum()])
    return scaled(np.column_stack([found.conversions, found.value]), totals)


def scaled(effects: Floats, totals: Floats) -> Floats:
    """Return effects on conversions and value, scaled so that each column adds up to its total.

    Parameters
    ----------
    effects : array, shape (..., channels, 2)
        Removal effects, or any other weights.
    totals : array, shape (..., 2)
        Conversions and value.
    """
    sums = effects.sum(axis=-2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = effects / sums
    readable = (sums[..., 1:] > 0) & (effects[..., 1:].min(axis=-2, keepdims=True) >= 0)
    value = np.where(readable, shares[..., 1:], shares[..., :1])
    both = np.concatenate([shares[..., :1], value], axis=-1)
    return np.asarray(np.nan_to_num(both) * totals[..., None, :], float)


def rates(chain: Chain) -> tuple[csr_array, Floats]:
    """Return the chances of moving between states, and conversions and value per visit of each state."""
    from scipy.sparse import coo_array, csr_array

    source, target, counts = chain.moves()
    out = chain.outflow
    once = np.divide(1.0, out, out=np.zeros(len(out)), where=out > 0)
    size = len(out)
    inner = csr_array(coo_array((counts * once[source], (source, target)), shape=(size, size)))
    return inner, np.column_stack([chain.conversions * once, chain.value * once])


def _closed_form(chain: Chain, inner: Floats, rewards: Floats) -> tuple[Floats, Floats]:
    """Return what the chain yields, and what it yields without each channel, for order 1."""
    fundamental = np.linalg.inv(np.eye(len(inner)) - inner)
    yields = fundamental @ rewards
    start, row = chain.start, _rows_by_channel(chain)
    visited = row >= 0
    at = row[visited]
    lost = np.zeros((len(chain.names), 2))
    reached = fundamental[start, at] / fundamental[at, at]
    lost[visited] = reached[:, None] * yields[at]
    return yields[start], yields[start] - lost


def _rows_by_channel(chain: Chain) -> NDArray[np.int64]:
    row = np.full(len(chain.names) + 1, -1, np.int64)
    row[chain.states[:, 0]] = np.arange(len(chain.states))
    return row[1:]


def _iterated(
    chain: Chain, inner: csr_array, rewards: Floats, *, tolerance: float, steps: int
) -> tuple[Floats, Floats]:
    """Return what the chain yields, and what it yields without each channel, for any order."""
    channels, start = len(chain.names), chain.start
    on = kept_states(chain)
    width = max(1, _BLOCK // max(1, 2 * len(chain.states)))
    found = np.empty((channels + 1, 2))
    for first in range(0, channels + 1, width):
        some = slice(first, min(first + width, channels + 1))
        block = _yields(inner, rewards, on[:, some], start, tolerance=tolerance, steps=steps)
        found[some] = block if block is not None else _solved(inner, rewards, on[:, some], start)
    return found[channels], found[:channels]


def kept_states(chain: Chain) -> NDArray[np.bool_]:
    """Return which states are left without each channel (columns), and last with all of them."""
    on = np.ones((len(chain.states), len(chain.names) + 1), bool)
    for lag in range(chain.order):
        touched = np.flatnonzero(chain.states[:, lag])
        on[touched, chain.states[touched, lag] - 1] = False
    return on


def _yields(
    inner: csr_array, rewards: Floats, on: NDArray[np.bool_], start: int, *, tolerance: float, steps: int
) -> Floats | None:
    """Return the yield from the start with some states switched off, by iteration; None where it stalls."""
    width = on.shape[1]
    masks = np.concatenate([on, on], axis=1).astype(float)
    first = masks * np.repeat(rewards, width, axis=1)
    total = summed_steps(inner, first, masks, tolerance=tolerance, steps=steps, start=start)
    return None if total is None else np.asarray(total[start]).reshape(2, width).T


def summed_steps(
    inner: csr_array, first: Floats, masks: Floats, *, tolerance: float, steps: int, start: int | None = None
) -> Floats | None:
    """Return the sum of all steps X <- M Q X, each column by itself; None where it takes too long.

    Steps soon shrink by the same factor, so that what is still to come along the last one can be added at
    once: as much of it as leaves the least to be summed (a step of minimal residual, every eighth).

    Parameters
    ----------
    inner : sparse array, shape (states, states)
        Q.
    first, masks : arrays, shape (states, columns)
        The first step, and M.
    tolerance, steps : float, int
        The size of what may be left out, relative to the sum, and the most steps.
    start : int, optional
        The state whose sum is asked for; all where it is None.

    References
    ----------
    Saad (2003), Iterative Methods for Sparse Linear Systems, section 5.3.2.
    """
    step, total = first, np.zeros_like(first)
    size, slowest = float(np.abs(step).max()), 0.0
    for number in range(1, steps + 1):
        follows = masks * (inner @ step)
        total += step
        before = size
        if number % _LEAP:
            step = follows
            size = float(np.abs(step).max())
            slowest = max(slowest, min(size / before, 1 - 1e-9) if before else 0.0)
        else:
            step = _leapt(step, follows, total)
            size = float(np.abs(step).max())
        whole = float(np.abs(total if start is None else total[start]).max())
        if size <= tolerance * (1 - slowest) * whole:
            return total + step
    return None


def _leapt(step: Floats, follows: Floats, total: Floats) -> Floats:
    """Add to the sum what will follow along a step; return the step from there."""
    change = follows - step
    squared = np.einsum("ij,ij->j", change, change)
    ahead = -np.einsum("ij,ij->j", follows, change) / np.where(squared > 0, squared, 1)
    ahead = np.maximum(ahead, 0)
    total += ahead * step
    return np.asarray(follows + ahead * change, float)


def _solved(inner: csr_array, rewards: Floats, on: NDArray[np.bool_], start: int) -> Floats:
    """Return the same by one sparse LU for each column of `on`."""
    from scipy.sparse import csc_array, eye_array
    from scipy.sparse.linalg import splu

    found = np.empty((on.shape[1], 2))
    for column in range(on.shape[1]):
        kept = np.flatnonzero(on[:, column])
        matrix = csc_array(eye_array(len(kept)) - inner[kept][:, kept])
        found[column] = splu(matrix).solve(rewards[kept])[np.searchsorted(kept, start)]
    return found
