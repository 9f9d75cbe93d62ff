"""Figures weighted back to everybody's strata: post-stratification.

Chance gives one variant more of the heavy buyers than the other. Within strata known before the experiment
that cannot matter; their figures are put together by the strata's shares of everybody, the same for all.

References
----------
Cochran (1977), Sampling Techniques, section 5A.9; Miratrix, Sekhon, Yu (2013), JRSS B 75.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workbench.experiments.inference.means import Arms, Floats, mean_arms
from workbench.experiments.inference.sums import Sums

METHOD = "post-stratified Welch's t"
FEWEST = 2


def stratified_arms(sums: Sums, column: str) -> Arms:
    """Return the means of a column, post-stratified.

    The variance is that given how many units of each stratum each variant got.

    Parameters
    ----------
    sums : Sums
        Its first axis is the strata; see `without_thin`.
    column : str
        What is compared.

    Examples
    --------
    >>> import numpy as np
    >>> from workbench.experiments.inference.sums import Sums
    >>> sums = Sums(
    ...     variants=("a", "b"), columns=("y",), n=np.array([[90.0, 60.0], [10.0, 40.0]]),
    ...     means=np.array([[[1.0], [1.1]], [[5.0], [5.1]]]), products=np.full((2, 2, 1, 1), 20.0),
    ... )
    >>> stratified_arms(sums, "y").value.round(2).tolist(), sums.merged().mean("y").round(2).tolist()
    ([2.0, 2.1], [1.4, 2.7])
    """
    within = mean_arms(sums, column)
    total = sums.n.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(total > 0, total / total.sum(axis=0), 0.0)
        pieces = np.where(weight > 0, np.square(weight * within.error), 0.0)
        spread = np.where(pieces > 0, np.square(pieces) / within.df, 0.0).sum(axis=0)
        df = np.square(pieces.sum(axis=0)) / spread
    value = np.where(weight > 0, weight * within.value, 0.0).sum(axis=0)
    return Arms(
        value=value, error=np.sqrt(pieces.sum(axis=0)), df=df, shared=_between(weight, total, sums, column)
    )


def _between(weight: Floats, total: Floats, sums: Sums, column: str) -> Floats:
    """Return the variance of the strata's own shares, which all variants have in common."""
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = np.where(sums.n > 0, sums.n * sums.mean(column), 0.0).sum(axis=-1, keepdims=True) / total
        pooled = np.where(total > 0, pooled, 0.0)
        centre = (weight * pooled).sum(axis=0)
        between = (weight * np.square(pooled - centre)).sum(axis=0) / total.sum(axis=0)
    return np.asarray(between[..., 0])


def without_thin(sums: Sums, *, fewest: int = FEWEST) -> tuple[Sums, int]:
    """Return the sums with thin strata put together, and how many those were.

    A stratum in which a variant has fewer units than that has no variance. All such are taken as one; if that
    is still too thin, the smallest of the others joins it.

    Parameters
    ----------
    sums : Sums
        Its first axis is the strata.
    fewest : int
        Units of a variant.
    """
    axes = tuple(range(1, sums.n.ndim))
    least, size = sums.n.min(axis=axes), sums.n.sum(axis=axes)
    thin = [int(place) for place in np.flatnonzero(least < fewest)]
    if not thin:
        return sums, 0
    others = [int(place) for place in np.argsort(size) if int(place) not in thin]
    while others and sums.n[thin].sum(axis=0).min() < fewest:
        thin.append(others.pop(0))
    one = _at(sums, thin).merged()
    kept = _at(sums, sorted(others))
    return replace(
        sums,
        n=np.concatenate([kept.n, one.n[None]]),
        means=np.concatenate([kept.means, one.means[None]]),
        products=np.concatenate([kept.products, one.products[None]]),
    ), len(thin)


def _at(sums: Sums, places: list[int]) -> Sums:
    return replace(sums, n=sums.n[places], means=sums.means[places], products=sums.products[places])
