"""Many simulated experiments at once: users drawn or assigned at random, as sums and as counts of values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.experiments.inference.sums import Floats, Sums
from workbench.experiments.power.user_values import UserValues

Marks = NDArray[np.bool_]
_AT_ONCE = 2_000_000  # numbers in memory
_ALIKE = 8  # from so many users on, those alike are drawn together


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A batch of simulated experiments.

    Parameters
    ----------
    sums : Sums
        Of each experiment, the control first.
    rows : tuple of ndarray, shape (distinct, columns)
        The distinct values in each group.
    counts : tuple of ndarray, shape (experiments, distinct)
        How many users of each group have them.
    """

    sums: Sums
    rows: tuple[Floats, ...]
    counts: tuple[Floats, ...]


def assigned(
    values: UserValues, split: Sequence[float], runs: int, generator: np.random.Generator
) -> Iterator[Drawn]:
    """Yield groups into which the same users were put at random, in batches of runs.

    Every user is assigned on her own, as a hash does it, so that groups vary a little in size.

    Parameters
    ----------
    values : UserValues
        The users.
    split : sequence of float
        Shares of the groups, control first.
    runs : int
        How often they are assigned.
    generator : numpy.random.Generator
        Chance.
    """
    middle, features = _features(values)
    whole = np.rint(values.users).astype(np.int64)
    alike = whole >= _ALIKE
    order = np.concatenate([np.flatnonzero(alike), np.repeat(np.flatnonzero(~alike), whole[~alike])])
    together, singles = int(alike.sum()), int(whole[~alike].sum())
    everybody = np.concatenate([whole[alike], np.ones(singles)]).astype(float)
    size = max(1, _AT_ONCE // max(len(order), 1))
    for start in range(0, runs, size):
        count = min(size, runs - start)
        groups = [np.empty((count, len(order))) for _ in split[1:]]
        for group, taken in zip(groups, _together(whole[alike], split, count, generator), strict=True):
            group[:, :together] = taken
        for group, mask in zip(groups, _one_by_one(singles, split, count, generator), strict=True):
            group[:, together:] = mask
        counts = (everybody - sum(groups), *groups)
        sums = _sums([group @ features[order] for group in counts], middle, values.columns)
        yield Drawn(sums=sums, rows=(values.rows[order],) * len(split), counts=counts)


def drawn(
    populations: Sequence[UserValues],
    sizes: Sequence[float],
    runs: int,
    generator: np.random.Generator,
) -> Iterator[Drawn]:
    """Yield groups whose users were drawn from populations, in batches of runs.

    Each value comes as often as a Poisson number says, so that groups vary a little in size.

    Parameters
    ----------
    populations : sequence of UserValues
        Of the control first; all of the same columns.
    sizes : sequence of float
        Users in each group, on average.
    runs : int
        How often they are drawn.
    generator : numpy.random.Generator
        Chance.
    """
    middle = _features(populations[0])[0]
    made = [_features(values, middle)[1] for values in populations]
    rates = [
        size * values.users / values.users.sum() for values, size in zip(populations, sizes, strict=True)
    ]
    size = max(1, _AT_ONCE // max(map(len, made)))
    for start in range(0, runs, size):
        count = min(size, runs - start)
        counts = tuple(generator.poisson(rate, (count, len(rate))).astype(float) for rate in rates)
        groups = [own @ features for own, features in zip(counts, made, strict=True)]
        sums = _sums(groups, middle, populations[0].columns)
        yield Drawn(sums=sums, rows=tuple(values.rows for values in populations), counts=counts)


def _features(values: UserValues, middle: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the centre, and of each distinct value 1, its distance from it, and products of distances."""
    centre = values.users @ values.rows / values.users.sum() if middle is None else middle
    apart = values.rows - centre
    one, other = np.triu_indices(apart.shape[1])
    ones = np.ones((len(apart), 1))
    return centre, np.concatenate([ones, apart, apart[:, one] * apart[:, other]], axis=1)


def _together(
    users: NDArray[np.int64], split: Sequence[float], runs: int, generator: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Return how many of those who are alike are in every group but the control."""
    left, share, found = np.broadcast_to(users, (runs, len(users))), 1.0, []
    for part in split[:0:-1]:
        taken = generator.binomial(left, min(part / share, 1.0))
        found.append(taken)
        left, share = left - taken, share - part
    return found[::-1]


def _one_by_one(
    users: int, split: Sequence[float], runs: int, generator: np.random.Generator
) -> Iterator[Marks]:
    """Yield who is in every group but the control."""
    chance = generator.random((runs, users), dtype=np.float32)
    ends = np.cumsum(split)
    for place in range(1, len(split)):
        inside = chance >= np.float32(ends[place - 1])
        if place < len(split) - 1:
            inside &= chance < np.float32(ends[place])
        yield inside


def _sums(groups: Sequence[Floats], middle: Floats, columns: tuple[str, ...]) -> Sums:
    totals = np.stack(groups, axis=1)
    width = len(columns)
    n = totals[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = totals[..., 1 : width + 1] / n[..., None]
    one, other = np.triu_indices(width)
    products = np.empty((*n.shape, width, width))
    about = totals[..., width + 1 :] - n[..., None] * apart[..., one] * apart[..., other]
    products[..., one, other] = products[..., other, one] = about
    variants = tuple(f"group {place}" for place in range(len(groups)))
    return Sums(variants=variants, columns=columns, n=n, means=middle + apart, products=products)
