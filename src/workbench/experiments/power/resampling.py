"""Many simulated experiments at once: users drawn or assigned at random, of which only the sums are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.experiments.inference.sums import Floats, Sums
from workbench.experiments.power.user_values import UserValues

_AT_ONCE = 4_000_000  # numbers in memory
_ALIKE = 8  # from so many users on, those alike are drawn together


def assigned(
    values: UserValues, split: Sequence[float], runs: int, generator: np.random.Generator
) -> Iterator[Sums]:
    """Yield the sums of groups into which the same users were put at random, in batches of runs.

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
    single = np.repeat(features[~alike], whole[~alike], axis=0)
    everything = whole @ features
    size = max(1, _AT_ONCE // max(len(single), int(alike.sum()), 1))
    for start in range(0, runs, size):
        count = min(size, runs - start)
        groups = _together(whole[alike], features[alike], split, count, generator)
        for place, mask in enumerate(_one_by_one(len(single), split, count, generator)):
            groups[place] += mask @ single
        yield _sums([everything - sum(groups), *groups], middle, values.columns)


def drawn(
    populations: Sequence[UserValues],
    sizes: Sequence[float],
    runs: int,
    generator: np.random.Generator,
) -> Iterator[Sums]:
    """Yield the sums of groups whose users were drawn from populations, in batches of runs.

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
        groups = [
            generator.poisson(rate, (count, len(rate))) @ features
            for rate, features in zip(rates, made, strict=True)
        ]
        yield _sums(groups, middle, populations[0].columns)


def _features(values: UserValues, middle: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the centre, and of each distinct value 1, its distance from it, and products of distances."""
    centre = values.users @ values.rows / values.users.sum() if middle is None else middle
    apart = values.rows - centre
    one, other = np.triu_indices(apart.shape[1])
    ones = np.ones((len(apart), 1))
    return centre, np.concatenate([ones, apart, apart[:, one] * apart[:, other]], axis=1)


def _together(
    users: NDArray[np.int64],
    features: Floats,
    split: Sequence[float],
    runs: int,
    generator: np.random.Generator,
) -> list[Floats]:
    """Return the sums of those who are alike in every group but the control."""
    left, share, found = np.broadcast_to(users, (runs, len(users))), 1.0, []
    for part in split[:0:-1]:
        taken = generator.binomial(left, min(part / share, 1.0))
        found.append(taken @ features)
        left, share = left - taken, share - part
    return found[::-1]


def _one_by_one(
    users: int, split: Sequence[float], runs: int, generator: np.random.Generator
) -> Iterator[Floats]:
    """Yield who is in every group but the control, as zeros and ones."""
    chance = generator.random((runs, users), dtype=np.float32)
    ends = np.cumsum(split)
    for place in range(1, len(split)):
        inside = chance >= np.float32(ends[place - 1])
        if place < len(split) - 1:
            inside &= chance < np.float32(ends[place])
        yield inside.astype(float)


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
