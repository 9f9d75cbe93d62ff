"""The counts behind a Markov model of any order: how often each touch follows the touches before it.

Words: a *state* is the last k channels of a journey, oldest first, 0 where it has not begun; a journey starts
in the state of zeros, moves with each touch, and ends in a conversion or without one (a *null*).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain as joined
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import BadInput, UsageError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_LARGEST_KEY = 2**62


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """The counts of a Markov chain over journeys that have at least one touch.

    Parameters
    ----------
    names : tuple of str
        The channels (or campaigns, or any attribute of a touch); code c + 1 in a state means ``names[c]``.
    order : int
        How many touches a state remembers, 1 or more.
    states : array of int, shape (states, order)
        Distinct, oldest touch first, 0 before the start; the state of zeros is where journeys start.
    transitions : sparse array, shape (states, channels)
        How often each channel follows each state.
    conversions, value, nulls : arrays, shape (states,)
        Conversions, their value, and journeys without one, by the state in which they end.

    Raises
    ------
    BadInput
        If shapes do not fit, or a count is negative or not finite.
    """

    names: tuple[str, ...]
    order: int
    states: Integers
    transitions: csr_array
    conversions: Floats
    value: Floats
    nulls: Floats

    def __post_init__(self) -> None:
        _check_order(len(self.names), self.order)
        size = len(self.states)
        shapes = [self.conversions.shape, self.value.shape, self.nulls.shape]
        if self.states.shape != (size, self.order) or shapes != [(size,)] * 3:
            raise BadInput("the states of a chain and their counts do not fit together")
        if self.transitions.shape != (size, len(self.names)):
            raise BadInput("the transitions of a chain do not fit its states and channels")
        counts = (self.transitions.data, self.conversions, self.nulls)
        if any(len(some) and not (np.isfinite(some).all() and some.min() >= 0) for some in counts):
            raise BadInput("a count of journeys is negative or not finite")
        if not np.isfinite(self.value).all():
            raise BadInput("a conversion's value is not finite")

    @property
    def journeys(self) -> float:
        """Return the number of journeys, converting or not."""
        return float(self.conversions.sum() + self.nulls.sum())

    @property
    def outflow(self) -> Floats:
        """Return how often each state was left, by a touch or by the end of the journey."""
        return np.asarray(self.transitions.sum(axis=1), float).ravel() + self.conversions + self.nulls

    @property
    def start(self) -> int:
        """Return the row of the state in which journeys start; -1 where there is no journey."""
        found = np.flatnonzero(~self.states.any(axis=1))
        return int(found[0]) if len(found) else -1

    @property
    def keys(self) -> Integers:
        """Return each state as one number: its codes as digits, the oldest first."""
        return _keys(self.states, len(self.names))

    def moves(self) -> tuple[Integers, Integers, Floats]:
        """Return the transitions as rows of states: from, to, and how often."""
        table = self.transitions.tocoo()
        source, channel = table.row.astype(np.int64), table.col.astype(np.int64)
        keys = self.keys
        size = len(self.names) + 1
        target = (keys[source] % size ** (self.order - 1)) * size + channel + 1
        order = np.argsort(keys)
        place = np.searchsorted(keys, target, sorter=order)
        target_row = order[np.minimum(place, len(keys) - 1)] if len(keys) else place
        if len(keys) and not np.array_equal(keys[target_row], target):
            raise BadInput("a touch leads to a state that the chain does not have")
        return source, target_row.astype(np.int64), np.asarray(table.data, float)

    def lower(self, order: int) -> Chain:
        """Return the chain of a lower order: the oldest touches of each state are forgotten.

        Raises
        ------
        UsageError
            If `order` is not between 1 and this chain's order.

        Examples
        --------
        >>> two = chain_of_paths([["a", "b"], ["b"]], [1, 0], nulls=[0, 1], order=2)
        >>> len(two.states), len(two.lower(1).states)
        (4, 3)
        """
        if not 1 <= order <= self.order:
            raise UsageError(f"A chain of order {self.order} has no lower order {order}.")
        if order == self.order:
            return self
        kept = self.states[:, self.order - order :]
        table = self.transitions.tocoo()
        return chain_of_steps(
            self.names,
            before=kept[table.row],
            after=table.col.astype(np.int64),
            steps=table.data,
            ends=kept,
            outcomes=np.column_stack([self.conversions, self.value, self.nulls]),
        )


def chain_of_steps(
    names: Sequence[str],
    *,
    before: Integers,
    after: Integers,
    steps: ArrayLike,
    ends: Integers,
    outcomes: ArrayLike,
) -> Chain:
    """Return a chain from steps and ends, which may name the same state many times.

    Parameters
    ----------
    names : sequence of str
        The channels.
    before : array of int, shape (steps, order)
        The state before each step.
    after : array of int, shape (steps,)
        The channel of the step, 0 for ``names[0]``.
    steps : array_like, shape (steps,)
        How often.
    ends : array of int, shape (ends, order)
        States in which journeys end.
    outcomes : array_like, shape (ends, 3)
        Conversions, value and nulls of each end.

    Examples
    --------
    >>> import numpy as np
    >>> one = chain_of_steps(["a"], before=np.array([[0], [0]]), after=np.array([0, 0]), steps=[1, 2],
    ...     ends=np.array([[1]]), outcomes=[[2, 9.5, 1]])
    >>> one.states.tolist(), one.journeys
    ([[0], [1]], 3.0)
    """
    from scipy.sparse import coo_array, csr_array

    order = before.shape[1]
    _check_order(len(names), order)
    rows = np.concatenate([before, ends]).astype(np.int64)
    _, first, place = np.unique(_keys(rows, len(names)), return_index=True, return_inverse=True)
    size = len(first)
    shape = (size, len(names))
    counts = np.asarray(steps, float)
    table = csr_array(coo_array((counts, (place[: len(before)], np.asarray(after))), shape=shape))
    table.sum_duplicates()
    table.eliminate_zeros()
    sums = np.asarray(outcomes, float).reshape(len(ends), 3)
    ended = np.zeros((size, 3))
    np.add.at(ended, place[len(before) :], sums)
    return Chain(
        names=tuple(names),
        order=order,
        states=rows[first],
        transitions=table,
        conversions=ended[:, 0],
        value=ended[:, 1],
        nulls=ended[:, 2],
    )


def chain_of_paths(
    paths: Sequence[Sequence[str]],
    conversions: ArrayLike,
    value: ArrayLike | None = None,
    nulls: ArrayLike | None = None,
    *,
    order: int = 1,
    names: Sequence[str] | None = None,
) -> Chain:
    """Return the chain of a table of paths.

    Parameters
    ----------
    paths : sequence of sequences of str
        Channels in the order of time. A path without a touch is no journey of the chain: whoever calls counts
        its conversions as unattributed.
    conversions, value, nulls : array_like, shape (paths,)
        Conversions (fractions are kept), their total value, and journeys without one, of each path.
    order : int
        How many touches a state remembers.
    names : sequence of str, optional
        The channels and their order; those of the paths, sorted, by default.

    Raises
    ------
    BadInput
        If the columns differ in length, or a count is negative.
    UsageError
        If the order is not 1 or more, or too high for so many channels.

    Examples
    --------
    >>> chain = chain_of_paths([["search", "email"], ["email"]], [3, 1], [90, 20], [5, 11])
    >>> chain.names, chain.journeys, float(chain.conversions.sum())
    (('email', 'search'), 20.0, 4.0)
    """
    known = tuple(names) if names is not None else tuple(sorted(set(joined.from_iterable(paths))))
    _check_order(len(known), order)
    sums = outcomes_of(len(paths), conversions, value, nulls)
    lengths = np.array([len(path) for path in paths], np.int64)
    code = {name: place + 1 for place, name in enumerate(known)}
    flat = np.array([code[name] for name in joined.from_iterable(paths)], np.int64)
    first = np.cumsum(lengths) - lengths
    position = np.arange(len(flat)) - np.repeat(first, lengths)
    before = _lagged(flat, np.arange(len(flat)), position, order)
    kept = np.flatnonzero(lengths)
    last = (first + lengths)[kept]
    ends = _lagged(flat, last, lengths[kept], order)
    return chain_of_steps(
        known,
        before=before,
        after=flat - 1,
        steps=np.repeat(sums[:, 0] + sums[:, 2], lengths),
        ends=ends,
        outcomes=sums[kept],
    )


def outcomes_of(
    size: int, conversions: ArrayLike, value: ArrayLike | None, nulls: ArrayLike | None
) -> Floats:
    """Return conversions, value and nulls as three columns, zero where they are not given.

    Raises
    ------
    BadInput
        If a column has another length.
    """
    columns = [np.zeros(size) if some is None else np.asarray(some, float) for some in (value, nulls)]
    found = [np.asarray(conversions, float), *columns]
    if any(column.shape != (size,) for column in found):
        raise BadInput("conversions, value and nulls need one figure for each path")
    return np.column_stack(found)


def _lagged(flat: Integers, at: Integers, position: Integers, order: int) -> Integers:
    """Return the `order` codes before each place, 0 where the journey had not begun."""
    columns = [
        np.where(position >= lag, flat[np.maximum(at - lag, 0)] if len(flat) else 0, 0)
        for lag in range(order, 0, -1)
    ]
    return np.column_stack(columns).astype(np.int64)


def _keys(states: Integers, channels: int) -> Integers:
    digits = (channels + 1) ** np.arange(states.shape[1] - 1, -1, -1, dtype=np.int64)
    return np.asarray(states @ digits, np.int64)


def _check_order(channels: int, order: int) -> None:
    if order < 1:
        raise UsageError(f"The order of a Markov model is 1 or more, not {order}.")
    if (channels + 1) ** order > _LARGEST_KEY:
        raise UsageError(f"Order {order} is too high for {channels} channels; take a lower one.")
