"""Where means are too lopsided for a t test: one rule, for tests of variants and for holdouts.

What a t test needs is that the *difference* is about normal. On equal sides the skewness of one mean cancels
that of the other, however few users bring most of it; on unequal ones that of the smaller side is left.

References
----------
Kohavi, Deng, Longbotham, Xu (2014), KDD, section 3.5: the mean of n users needs n of 355 times the squared
skewness of a user or more, so its own skewness is at most the root of 1 / 355.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_SKEW = 355**-0.5
FEW_BUYERS = 200
FEW_ADJUSTED = 50
WORTH_ADJUSTING = 0.1
ENOUGH_CONVERTED = 50
EVEN = 1.25  # the larger group over the smaller one, up to which their skewness cancels


def needs_permutation(skew: float, *, buyers: float, reduction: float = 0.0) -> bool:
    """Return whether a difference of means is too skewed, or rests on too few, for a t test.

    Fewer buyers do where the time before, which shuffling leaves out, explains a tenth of the variance: with
    60 to 190 of them on either side, adjusted means find too much in 4 to 5 % of tests, and an effect in
    70 % where shuffling finds it in 53 %. Where few of many users buy, it explains next to nothing.

    Parameters
    ----------
    skew : float
        Skewness of the difference, as `skewness_of_difference` has it.
    buyers : float
        Users with a value other than 0, of the side that has fewer; 200 are measured, on e-mail campaigns
        with a tenth held out.
    reduction : float
        The share of the variance that the time before explains; NaN where nobody knows.

    Examples
    --------
    >>> needs_permutation(0.06, buyers=900), needs_permutation(0.04, buyers=900)
    (True, False)
    >>> needs_permutation(0.0, buyers=150), needs_permutation(0.0, buyers=150, reduction=0.3)
    (True, False)
    """
    few = FEW_ADJUSTED if reduction >= WORTH_ADJUSTING else FEW_BUYERS
    return bool(abs(skew) > MOST_SKEW or buyers < few)


def fewer_than_few(n: ArrayLike, mean: ArrayLike, squares: ArrayLike) -> NDArray[np.bool_]:
    """Return where as many users as carry a column evenly may be too few for the delta method.

    Parameters
    ----------
    n, mean, squares : array_like
        Users, the column's mean, and the sum of its squares.

    Examples
    --------
    >>> bool(fewer_than_few(1000, 0.1, 100)), bool(fewer_than_few(1000, 0.5, 500))
    (True, False)
    """
    total = np.asarray(n, float) * np.asarray(mean, float)
    return np.asarray(np.square(total) < FEW_BUYERS * np.asarray(squares, float))


def shares_alike_normal(share: ArrayLike, n: ArrayLike) -> bool:
    """Return whether so many users converted, and did not, that means of variants differ about normally.

    Parameters
    ----------
    share, n : array_like, shape (variants,)
        Who converted, and users; the control first.

    Examples
    --------
    >>> shares_alike_normal([0.1, 0.11], [1000, 1000]), shares_alike_normal([0.01, 0.01], [1000, 1000])
    (True, False)
    """
    rate, size = np.asarray(share, float), np.asarray(n, float)
    with np.errstate(invalid="ignore"):
        if not (np.minimum(rate, 1 - rate) * size >= ENOUGH_CONVERTED).all():
            return False
    spread = rate * (1 - rate)
    third = float((spread * (1 - 2 * rate)) @ size / size.sum())
    skews = (
        skewness_of_difference(third, (spread[at], spread[0]), sizes=(size[at], size[0]))
        for at in range(1, len(size))
    )
    return all(abs(skew) <= MOST_SKEW for skew in skews)


def skewness_of_difference(
    third: ArrayLike,
    variances: tuple[ArrayLike, ArrayLike],
    *,
    sizes: tuple[ArrayLike, ArrayLike],
    weights: ArrayLike = 1.0,
) -> float:
    """Return the skewness of a difference of two means, or of a weighted sum of such differences.

    The third moment is that of both sides together. Of each side alone it would hang on its largest few
    values: sides of one and the same law, 5,000 users each of whom 1 in 20 buys, differ in it by more than
    the rule allows in four of five tests; and a holdout that has missed the large spenders looks even.

    Parameters
    ----------
    third : array_like, shape () or (strata,)
        Third central moment of the values.
    variances : pair of array_like
        Their variances, on either side.
    sizes : pair of array_like
        Users of either side; the first one's mean is taken less the second one's.
    weights : array_like
        Of the differences of strata.

    Returns
    -------
    float
        0 where nothing varies.

    Examples
    --------
    >>> round(skewness_of_difference(8.0, (1.0, 1.0), sizes=(900, 100)), 3)
    -0.675
    >>> skewness_of_difference(8.0, (1.0, 1.0), sizes=(500, 500))
    0.0
    """
    n, m = (np.asarray(size, float) for size in sizes)
    weight, one, other = np.asarray(weights, float), *(np.asarray(spread, float) for spread in variances)
    spread = float((weight**2 * (one / n + other / m)).sum())
    moment = float((weight**3 * np.asarray(third, float) * (1 / n**2 - 1 / m**2)).sum())
    return moment / spread**1.5 if spread > 0 else 0.0


def central_moments(values: ArrayLike, counts: ArrayLike, users: float) -> tuple[float, float]:
    """Return variance and third central moment of a column from its values and their counts.

    The users left are zeros.

    Examples
    --------
    >>> variance, third = central_moments([1.0], [100], 1000)
    >>> round(variance, 4), round(third, 4)
    (0.09, 0.072)
    """
    value, count = np.asarray(values, float), np.asarray(counts, float)
    rest = users - count.sum()
    mean = (value * count).sum() / users
    apart = value - mean
    square = apart * apart * count  # numpy's powers take ten times as long
    second = square.sum() + rest * mean**2
    third = (square * apart).sum() - rest * mean**3
    return float(second / users), float(third / users)


def skewness_between(values: ArrayLike, counts: ArrayLike, users: tuple[float, float]) -> float:
    """Return the skewness of the second side's mean less the first one's, from values and their counts.

    Parameters
    ----------
    values : array_like, shape (values,)
        Distinct values; 0 may be left out.
    counts : array_like, shape (values, 2)
        How many users of either side have each.
    users : pair of float
        All users of either side.

    Examples
    --------
    >>> round(skewness_between([50.0, 900.0], [[20, 180], [1, 9]], (500, 4500)), 2)
    -0.77
    """
    count = np.asarray(counts, float).reshape(-1, 2)
    # Both sides about their own mean: an effect is no skewness.
    found = [central_moments(values, count[:, side], users[side]) for side in (0, 1)]
    third = sum(one[1] * size for one, size in zip(found, users, strict=True)) / sum(users)
    return skewness_of_difference(third, (found[1][0], found[0][0]), sizes=(users[1], users[0]))
