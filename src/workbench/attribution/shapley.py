"""Shapley values of two games over channels: the coverage game and the Markov game.

Words: a *game* says what any set of channels earns by itself; the *Shapley value* of a channel is what it
adds, averaged over all orders in which the channels could join.

- *Coverage*: a set earns the conversions of the journeys that touched no other channel. Its Shapley value is
  each conversion shared evenly over the distinct channels of its journey, for any number of channels.
- *Markov*: a set earns what the chain of order 1 yields when touches of all other channels end the journey.
  It is never negative, and adds up to the conversions without scaling.

"Conversions of exactly this set" is not offered: the set of all channels would earn next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.chain import Chain
from workbench.attribution.coalitions import Coalitions
from workbench.attribution.markov import rates
from workbench.errors import NotEnoughData, UsageError

Floats = NDArray[np.float64]
MOST_EXACT = 20
_WORK = 3e9  # about a second or two of sampling
_BLOCK = 100_000  # figures held at once while permutations are sampled
_CHAINS = 64  # solved at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shapley:
    """Shapley values of a game over channels.

    Parameters
    ----------
    names : tuple of str
        The channels.
    game : str
        ``"coverage"``, ``"markov"`` or ``"subset rate"``.
    conversions, value : arrays, shape (channels,)
        Credited conversions and value; they add up to those of the data.
    conversions_error, value_error : arrays or None
        Standard errors of sampling permutations; None where the values are exact.
    permutations : int
        How many were sampled; 0 where the values are exact.
    """

    names: tuple[str, ...]
    game: str
    conversions: Floats
    value: Floats
    conversions_error: Floats | None = None
    value_error: Floats | None = None
    permutations: int = 0

    @property
    def is_exact(self) -> bool:
        """Return whether no permutation was sampled."""
        return self.permutations == 0


def coverage_shapley(coalitions: Coalitions) -> Shapley:
    """Return the Shapley values of the coverage game: linear over the distinct channels of each journey.

    The game is a sum of unanimity games, so a set T of channels adds y(T) / |T| to each of its members and no
    subset has to be listed: 200 channels are as easy as 2.

    References
    ----------
    Shapley (1953), in Contributions to the Theory of Games II; Zhao, Mahboobi, Bagheri (2018),
    arXiv:1804.05327.

    Examples
    --------
    >>> from workbench.attribution.coalitions import coalitions_of_paths
    >>> coverage_shapley(coalitions_of_paths([["a", "b", "a"], ["b"]], [2, 1])).conversions.tolist()
    [1.0, 2.0]
    """
    rows, sizes = coalitions.rows, coalitions.sizes
    each = [(amount / sizes)[rows] for amount in (coalitions.conversions, coalitions.value)]
    return Shapley(
        names=coalitions.names,
        game="coverage",
        conversions=coalitions.over(each[0]),
        value=coalitions.over(each[1]),
    )


def markov_shapley(
    chain: Chain, *, most_exact: int = MOST_EXACT, permutations: int | None = None, seed: int = 0
) -> Shapley:
    """Return the Shapley values of the Markov game.

    Up to `most_exact` channels all sets are solved at once: channels are taken one by one, each either
    eliminated from the equations (it may be touched) or dropped (it may not). Beyond that, permutations are
    sampled in pairs, one the reverse of the other; one factorization gives a permutation's marginal yields.

    Parameters
    ----------
    chain : Chain
        The counts; a higher order is reduced to order 1.
    most_exact : int
        The most channels that are solved exactly; each doubles the time. 20 take about a second.
    permutations : int, optional
        How many to sample otherwise, rounded up to an even number; by default 8,192, fewer from about 70
        channels on and 256 at least, which leaves a standard error of 0.5 to 2 % of a usual credit.
    seed : int
        Of the sampling.

    Raises
    ------
    NotEnoughData
        If no journey with a touch converted.

    References
    ----------
    Castro, Gomez, Tejada (2009), Computers & Operations Research 36, 1726-1730 (sampling);
    Mitchell, Cooper, Frank, Holmes (2022), Journal of Machine Learning Research 23 (antithetic pairs).

    Examples
    --------
    >>> from workbench.attribution.chain import chain_of_paths
    >>> found = markov_shapley(chain_of_paths([["a", "b"], ["a"]], [1, 1]))
    >>> found.conversions.tolist(), found.is_exact
    ([1.5, 0.5], True)
    """
    if not chain.conversions.sum() > 0:
        raise NotEnoughData("Not enough data: no journey with a touch converted, so nothing can be credited.")
    inner, rewards = first_order(chain)
    journeys, channels = chain.journeys, len(chain.names)
    if channels <= most_exact:
        worth = _worth_of_sets(inner, rewards)
        parts = np.column_stack([shapley_of_worth(worth[:, i]) for i in range(2)])
        return Shapley(
            names=chain.names, game="markov", conversions=parts[:, 0] * journeys, value=parts[:, 1] * journeys
        )
    count = permutations or int(np.clip(_WORK / channels**3, 256, 8192))
    orders = paired_permutations(channels, count, seed)
    gains = marginal_yields(inner, rewards, orders) * journeys
    pairs = (gains[::2] + gains[1::2]) / 2
    mean, error = pairs.mean(axis=0), pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))
    return Shapley(
        names=chain.names,
        game="markov",
        conversions=mean[:, 0],
        value=mean[:, 1],
        conversions_error=error[:, 0],
        value_error=error[:, 1],
        permutations=len(orders),
    )


def subset_rate_shapley(coalitions: Coalitions, *, most_exact: int = MOST_EXACT) -> Shapley:
    """Return the Shapley values of the subset-rate game, scaled to the totals. Often misleading.

    A set earns the conversion rate of the journeys that touched no other channel. A channel that comes with
    long journeys can so get negative credit, which is no finding about it: compare, never report alone.

    Raises
    ------
    UsageError
        If there are more than `most_exact` channels.
    NotEnoughData
        If the rates add up to nothing that could be scaled.
    """
    channels = len(coalitions.names)
    if channels > most_exact:
        raise UsageError(f"The subset-rate game takes at most {most_exact} channels, not {channels}.")
    sums = np.zeros((2**channels, 3))
    np.add.at(
        sums,
        coalitions.masks,
        np.column_stack([coalitions.conversions, coalitions.value, coalitions.journeys]),
    )
    for channel in range(channels):  # sums over subsets, one channel at a time
        halves = sums.reshape(-1, 2, 2**channel, 3)
        halves[:, 1] += halves[:, 0]
    worth = np.divide(sums[:, :2], sums[:, 2:], out=np.zeros((len(sums), 2)), where=sums[:, 2:] > 0)
    parts = np.column_stack([shapley_of_worth(worth[:, i]) for i in range(2)])
    whole = parts.sum(axis=0)
    if not whole[0] > 0:
        raise NotEnoughData("Not enough data: no journey with a touch converted, so nothing can be credited.")
    totals = np.array([coalitions.conversions.sum(), coalitions.value.sum()])
    credit = np.nan_to_num(parts / np.where(whole == 0, np.nan, whole)) * totals
    return Shapley(names=coalitions.names, game="subset rate", conversions=credit[:, 0], value=credit[:, 1])


def shapley_of_worth(worth: Floats) -> Floats:
    """Return the Shapley values of a game from the worth of every set.

    Parameters
    ----------
    worth : array, shape (2 ** players, ...)
        The worth of the set whose bits are those of the place; the empty set comes first. Each further
        place is a game of its own.

    Examples
    --------
    >>> import numpy as np
    >>> shapley_of_worth(np.array([0.0, 1.0, 2.0, 6.0])).tolist()
    [2.5, 3.5]
    """
    players = int(np.log2(len(worth)))
    sizes = np.zeros(1, np.int64)
    for _ in range(players):
        sizes = np.concatenate([sizes, sizes + 1])
    chance = np.array(
        [factorial(s) * factorial(players - s - 1) / factorial(players) for s in range(players)]
    )
    games = worth.reshape(len(worth), -1)
    values = np.empty((players, games.shape[1]))
    for player in range(players):
        table = games.reshape(-1, 2, 2**player, games.shape[1])
        weight = chance[sizes.reshape(-1, 2, 2**player)[:, 0]]
        values[player] = np.einsum("ij,ijk->k", weight, table[:, 1] - table[:, 0])
    return values.reshape(players, *worth.shape[1:])


def first_order(chain: Chain) -> tuple[Floats, Floats]:
    """Return the chances of moving between start and channels, and what each visit yields, for order 1.

    Returns
    -------
    inner : array, shape (channels + 1, channels + 1)
        Row and column 0 are the start.
    rewards : array, shape (channels + 1, 2)
        Conversions and value per visit.
    """
    low = chain.lower(1)
    table, yields = rates(low)
    place = low.states[:, 0]
    size = len(chain.names) + 1
    inner, rewards = np.zeros((size, size)), np.zeros((size, 2))
    inner[np.ix_(place, place)] = table.toarray()
    rewards[place] = yields
    return inner, rewards


def _worth_of_sets(inner: Floats, rewards: Floats) -> Floats:
    """Return what the chain yields from its start for every set of channels that may be touched."""
    return np.asarray(_worths(inner[None], rewards[None])[:, 0], float)


def _worths(inner: Floats, rewards: Floats) -> Floats:
    """Return the same for a batch of chains, shape (sets, chains, 2)."""
    table = np.concatenate([inner[:, :, 1:], rewards], axis=2)[None]  # nothing leads back to the start
    for _ in range(inner.shape[1] - 1):
        # Row 1 and column 0 belong to the channel that is decided on.
        through = table[:, :, 1:2, 1:] / (1 - table[:, :, 1:2, :1])
        rest = np.concatenate([table[:, :, :1], table[:, :, 2:]], axis=2)
        dropped = rest[:, :, :, 1:]
        table = np.concatenate([dropped, dropped + rest[:, :, :, :1] * through])
    return np.asarray(table[:, :, 0, :], float)


def markov_shapleys(moves: Floats, ends: Floats) -> Floats:
    """Return the exact Shapley values of the Markov game for a batch of counts; zero without a conversion.

    Parameters
    ----------
    moves : array, shape (chains, states, channels)
        How often each channel follows each state; state 0 is the start.
    ends : array, shape (chains, states, 3)
        Conversions, value and nulls.

    Returns
    -------
    array, shape (chains, channels, 2)
        Conversions and value.
    """
    if len(moves) > _CHAINS:
        cuts = range(_CHAINS, len(moves), _CHAINS)
        blocks = zip(np.split(moves, cuts), np.split(ends, cuts), strict=True)
        return np.concatenate([markov_shapleys(*block) for block in blocks])
    out = moves.sum(axis=2) + ends[:, :, 0] + ends[:, :, 2]
    once = np.divide(1.0, out, out=np.zeros_like(out), where=out > 0)[:, :, None]
    inner = np.concatenate([np.zeros_like(once), moves * once], axis=2)
    worth = _worths(inner, ends[:, :, :2] * once)
    journeys = ends[:, :, [0, 2]].sum(axis=(1, 2))
    sold = ends[:, :, 0].sum(axis=1) > 0
    values = shapley_of_worth(worth.reshape(len(worth), -1)).reshape(-1, *worth.shape[1:])
    return np.asarray(values.transpose(1, 0, 2) * (journeys * sold)[:, None, None], float)


def paired_permutations(channels: int, count: int, seed: int) -> NDArray[np.int64]:
    """Return permutations of the channels; each odd row is the reverse of the row before it."""
    rng = np.random.default_rng(seed)
    half = max(2, (count + 1) // 2)
    orders = rng.permuted(np.tile(np.arange(channels), (half, 1)), axis=1)
    return np.stack([orders, orders[:, ::-1]], axis=1).reshape(2 * half, channels)


def marginal_yields(inner: Floats, rewards: Floats, orders: NDArray[np.int64]) -> Floats:
    """Return what each channel adds to the yield from the start when channels join in the given orders.

    The first channels of an order yield start' (I - Q)^-1 rewards over just their rows and columns. With the
    factors L U of the whole matrix that is the sum of the first products of start' U^-1 and L^-1 rewards: one
    factorization per order, and each product is what one channel adds.

    Returns
    -------
    array, shape (orders, channels, 2)
        Conversions and value per journey, by channel.

    References
    ----------
    Golub, Van Loan (2013), Matrix Computations, 4th edition, sections 3.2 and 4.1 (a matrix dominated by its
    diagonal needs no pivots).
    """
    from scipy.linalg.blas import dtrsv
    from scipy.linalg.lapack import dgetrf

    channels = len(inner) - 1
    stays = np.eye(channels) - inner[1:, 1:]
    # In units of the touches still to come each diagonal exceeds the rest of its row, and stays on it.
    left = np.linalg.solve(stays, np.ones(channels))
    stays, start = stays * left, inner[0, 1:] * left
    gains = np.empty((len(orders), channels, 2))
    width = max(1, _BLOCK // channels**2)
    for first in range(0, len(orders), width):
        some = orders[first : first + width]
        tables = stays[some[:, :, None], some[:, None, :]]
        for place, order in enumerate(some):
            factors, _, _ = dgetrf(tables[place].T, overwrite_a=True)  # of the transpose, as it lies there
            begun = dtrsv(factors, start[order], lower=1, diag=1)
            for kind in range(2):
                ended = dtrsv(factors, rewards[1:, kind][order], trans=1)
                gains[first + place, order, kind] = begun * ended
    return gains
