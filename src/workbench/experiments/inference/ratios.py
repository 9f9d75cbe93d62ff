"""Ratios of two sums over units (orders per session), linearised at the totals: the delta method.

A unit is what was assigned. What lies below it (sessions, impressions) is not independent: taking it so finds
effects that are not there in a quarter of the tests.

References
----------
Deng, Knoblich, Lu (2018), KDD, section 3.1; Cochran (1977), Sampling Techniques, section 2.11.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.experiments.inference.means import Arms, arms_of
from workbench.experiments.inference.sums import Floats, Sums

METHOD = "Welch's t by the delta method"


def ratio_arms(sums: Sums, numerator: str, denominator: str) -> Arms:
    """Return sum(numerator) / sum(denominator) of every variant; none where the denominator is zero.

    Examples
    --------
    >>> from workbench.experiments.inference.sums import sums_of
    >>> columns = {"orders": [1, 0, 3, 2, 1, 2], "sessions": [2, 1, 3, 2, 2, 2]}
    >>> arms = ratio_arms(sums_of(list("aaabbb"), columns, variants=("a", "b")), "orders", "sessions")
    >>> arms.value.round(4).tolist(), arms.error.round(4).tolist()
    ([0.6667, 0.8333], [0.2546, 0.1667])
    """
    line = linearised(sums, [(numerator, denominator)])
    return arms_of(sums.n, line.mean(line.columns[0]), line.variance(line.columns[0]))


def linearised(sums: Sums, columns: Sequence[str | tuple[str, str]]) -> Sums:
    """Return the sums with a pair replaced by its ratio, linearised: (y - R z) / mean(z), by variant.

    The mean of such a column is the ratio R itself, and its products are those of the linear terms.
    """
    places = [(name, name) if isinstance(name, str) else name for name in columns]
    shape = (*sums.n.shape, len(places), len(sums.columns))
    weights, means = np.zeros(shape), np.empty(shape[:-1])
    for row, (top, bottom) in enumerate(places):
        if top == bottom:
            weights[..., row, sums.columns.index(top)] = 1.0
            means[..., row] = sums.mean(top)
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            below = np.where(sums.mean(bottom) == 0, np.nan, sums.mean(bottom))
            ratio = sums.mean(top) / below
        weights[..., row, sums.columns.index(top)] += 1 / below
        weights[..., row, sums.columns.index(bottom)] -= ratio / below
        means[..., row] = ratio
    products = weights @ sums.products @ np.swapaxes(weights, -1, -2)
    names = tuple(name if isinstance(name, str) else "/".join(name) for name in columns)
    return Sums(variants=sums.variants, columns=names, n=sums.n, means=means, products=_symmetric(products))


def _symmetric(products: Floats) -> Floats:
    return np.asarray((products + np.swapaxes(products, -1, -2)) / 2)
