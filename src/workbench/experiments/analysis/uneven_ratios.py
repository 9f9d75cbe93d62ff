"""Ratios that rest on few or very uneven users: tested by permutation where the delta method misleads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.experiments.inference.comparison import Comparison
from workbench.experiments.inference.permutation_ratio import permutation_ratio
from workbench.experiments.inference.shuffling import MOST_BUYERS, shuffles_for
from workbench.experiments.inference.skewness import (
    EVEN,
    FEW_BUYERS,
    fewer_than_few,
    needs_permutation,
    skewness_between,
)
from workbench.experiments.inference.sums import Sums
from workbench.experiments.users.metric import UserMetric
from workbench.experiments.users.users import Users

Pairs = dict[str, tuple[Any, Any]]


def with_uneven(
    metric: UserMetric,
    both: tuple[Sequence[Comparison], Sequence[Comparison]],
    sums: Sums,
    users: Users,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[Comparison, ...]:
    """Return comparisons of ratios, by permutation where few or uneven users carry them.

    Single users are asked for only where the sums leave it open: where groups differ in size, or where fewer
    than 200 users, counted by how evenly they carry the denominator, stand behind one.

    Parameters
    ----------
    metric : UserMetric
        A ratio.
    both : pair of sequences of Comparison
        From sums alone: with the time before, and without.
    sums : Sums
        Of all columns, the control first.
    users : Users
        Asked for pairs of numerator and denominator.
    level, seed : float, int
        Of the intervals, and of the shuffling.
    """
    found, plain = both
    if not any(_open(one, sums, metric.columns.of) for one in found):
        return tuple(found)
    pairs = users.pairs(metric.columns.value, metric.columns.of)
    return tuple(
        _judged(one, raw, pairs, level=level, seed=seed) if _open(one, sums, metric.columns.of) else one
        for one, raw in zip(found, plain, strict=True)
    )


def _open(one: Comparison, sums: Sums, column: str) -> bool:
    """Return whether the sums leave open that the delta method holds."""
    if min(one.n, one.n_control) < 2 or not math.isfinite(one.p):
        return False
    if max(one.n, one.n_control) > EVEN * min(one.n, one.n_control):
        return True
    places = [sums.variants.index(name) for name in (one.control, one.variant)]
    n, mean = sums.n[places], sums.mean(column)[places]
    squares = sums.product(column, column)[places] + n * mean**2
    return bool(fewer_than_few(n, mean, squares).any())


def _judged(one: Comparison, plain: Comparison, pairs: Pairs, *, level: float, seed: int) -> Comparison:
    sides = [
        pairs.get(name, (np.zeros((0, 2)), np.zeros(0, np.int64))) for name in (one.control, one.variant)
    ]
    sides = [(values[some], users[some]) for values, users in sides for some in [(values != 0).any(axis=1)]]
    sizes = (one.n_control, one.n)
    carriers = min(float(users[values[:, 1] != 0].sum()) for values, users in sides)
    counts = np.zeros((sum(len(users) for _, users in sides), 2), np.int64)
    counts[: len(sides[0][1]), 0], counts[len(sides[0][1]) :, 1] = sides[0][1], sides[1][1]
    apart = [values[:, 0] - _ratio(values, users) * values[:, 1] for values, users in sides]
    if not needs_permutation(skewness_between(np.concatenate(apart), counts, sizes), buyers=carriers):
        return one
    crowd = int(counts.sum())
    if crowd > MOST_BUYERS:
        note = "few users carry most of it, and the groups are unequal: its p may be too small"
        return replace(one, notes=(*one.notes, note))
    difference, relative = permutation_ratio(
        np.concatenate([values for values, _ in sides]),
        counts,
        users=sizes,
        level=level,
        permutations=shuffles_for(crowd),
        seed=seed,
    )
    if not difference.known:
        return one
    cause = "few users carry most of it, and the groups are unequal"
    if carriers < FEW_BUYERS:
        cause = f"only {carriers:,.0f} users of one group have any of what it is divided by"
    left = "; what users did before the test is left out of it" if math.isfinite(one.reduction) else ""
    return replace(
        one,
        value=replace(plain.value, note="not adjusted"),
        value_control=replace(plain.value_control, note="not adjusted"),
        difference=difference,
        relative=relative,
        reduction=math.nan,
        notes=(f"{cause}, so chance was measured by shuffling the users between the groups{left}",),
    )


def _ratio(values: Any, users: Any) -> float:
    below = float(values[:, 1] @ users)
    return float(values[:, 0] @ users) / below if below else 0.0
