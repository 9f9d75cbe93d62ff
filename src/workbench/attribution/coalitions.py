"""The counts behind Shapley values and regression: how often journeys with exactly these channels convert."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain as joined

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.attribution.chain import outcomes_of
from workbench.errors import BadInput, UsageError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_MOST_BITS = 63


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coalitions:
    """The distinct sets of channels of journeys, and what came of each.

    Parameters
    ----------
    names : tuple of str
        The channels.
    ends : array of int, shape (sets,)
        Where each set ends in `members`; it begins where the one before it ends.
    members : array of int
        The channels of all sets, one set after another; within a set ascending and distinct.
    conversions, value : arrays, shape (sets,)
        Conversions of journeys that touched exactly these channels, and their value.
    journeys : array, shape (sets,)
        All such journeys, converting or not.

    Raises
    ------
    BadInput
        If the shapes do not fit, a set is empty, or a count is negative.
    """

    names: tuple[str, ...]
    ends: Integers
    members: Integers
    conversions: Floats
    value: Floats
    journeys: Floats

    def __post_init__(self) -> None:
        size = len(self.ends)
        if [len(self.conversions), len(self.value), len(self.journeys)] != [size] * 3:
            raise BadInput("the sets of channels and their counts do not fit together")
        if size and (self.sizes.min() < 1 or int(self.ends[-1]) != len(self.members)):
            raise BadInput("a set of channels is empty")
        counts = (self.conversions, self.journeys)
        if any(size and not (np.isfinite(some).all() and some.min() >= 0) for some in counts):
            raise BadInput("a count of journeys is negative or not finite")

    @property
    def sizes(self) -> Integers:
        """Return how many channels each set has."""
        return np.diff(self.ends, prepend=0)

    @property
    def rows(self) -> Integers:
        """Return for each member the set it belongs to."""
        return np.repeat(np.arange(len(self.ends)), self.sizes)

    @property
    def sets(self) -> tuple[tuple[int, ...], ...]:
        """Return the sets as tuples of channel numbers."""
        parts = np.split(self.members, self.ends[:-1]) if len(self.ends) else []
        return tuple(tuple(int(channel) for channel in part) for part in parts)

    @property
    def masks(self) -> Integers:
        """Return each set as one number whose bit c says whether channel c is in it.

        Raises
        ------
        UsageError
            If there are more than 63 channels.
        """
        if len(self.names) > _MOST_BITS:
            raise UsageError(f"{len(self.names)} channels do not fit into one mask; use `sets`.")
        bits = np.int64(1) << self.members
        return np.add.reduceat(bits, self.ends - self.sizes) if len(self.ends) else bits

    def over(self, amounts: ArrayLike) -> Floats:
        """Return for each channel the sum of an amount per member, e.g. of a set's conversions shared out."""
        sums = np.zeros(len(self.names))
        np.add.at(sums, self.members, np.asarray(amounts, float))
        return sums


def coalitions_of_sets(
    names: Sequence[str], sets: Iterable[Iterable[int]], outcomes: ArrayLike
) -> Coalitions:
    """Return coalitions from sets of channel numbers, which may be named many times; empty ones are left out.

    Parameters
    ----------
    names : sequence of str
        The channels.
    sets : iterable of iterables of int
        Channel numbers, in any order, repeated or not.
    outcomes : array_like, shape (sets, 3)
        Conversions, value and nulls of each.
    """
    place: dict[tuple[int, ...], int] = {}
    row = [place.setdefault(key, len(place)) for key in (tuple(sorted(set(some))) for some in sets)]
    sums = np.asarray(outcomes, float).reshape(len(row), 3)
    totals = np.zeros((len(place), 3))
    np.add.at(totals, np.array(row, np.int64), sums)
    kept = sorted((key, at) for key, at in place.items() if key)
    totals = totals[[at for _, at in kept]]
    return Coalitions(
        names=tuple(names),
        ends=np.cumsum([len(key) for key, _ in kept], dtype=np.int64),
        members=np.array([channel for key, _ in kept for channel in key], np.int64),
        conversions=totals[:, 0],
        value=totals[:, 1],
        journeys=totals[:, 0] + totals[:, 2],
    )


def coalitions_of_paths(
    paths: Sequence[Sequence[str]],
    conversions: ArrayLike,
    value: ArrayLike | None = None,
    nulls: ArrayLike | None = None,
    *,
    names: Sequence[str] | None = None,
) -> Coalitions:
    """Return the coalitions of a table of paths; paths without a touch are left out.

    Parameters
    ----------
    paths : sequence of sequences of str
        Channels in the order of time.
    conversions, value, nulls : array_like, shape (paths,)
        Conversions, their total value, and journeys without one, of each path.
    names : sequence of str, optional
        The channels and their order; those of the paths, sorted, by default.

    Examples
    --------
    >>> some = coalitions_of_paths([["b", "a", "b"], ["a", "b"], ["a"]], [1, 2, 0], nulls=[0, 1, 4])
    >>> some.sets, some.conversions.tolist(), some.journeys.tolist(), some.masks.tolist()
    (((0,), (0, 1)), [0.0, 3.0], [4.0, 4.0], [1, 3])
    """
    known = tuple(names) if names is not None else tuple(sorted(set(joined.from_iterable(paths))))
    code = {name: place for place, name in enumerate(known)}
    sums = outcomes_of(len(paths), conversions, value, nulls)
    return coalitions_of_sets(known, ([code[name] for name in path] for path in paths), sums)
