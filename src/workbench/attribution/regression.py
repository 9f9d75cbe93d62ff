"""A data-driven model: how much each channel's presence raises the odds that a journey converts.

Words: a logistic regression gives each channel a *coefficient*, what its presence adds to the log-odds. A
conversion is shared among the channels of its journey in proportion to their coefficients, which is the
Shapley value of the log-odds (the game is additive), so credits add up. Coefficients are not negative: a
channel that comes with journeys that fail is given nothing, not less than nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.coalitions import Coalitions
from workbench.attribution.validation import HoldOut, folds_of, judged
from workbench.errors import NotEnoughData

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from workbench.attribution.journeys import Journeys

    Table = csr_array | NDArray[np.float64]

Floats = NDArray[np.float64]
PENALTY = 10.0
_MOST_STEPS = 50
_TOLERANCE = 1e-12
_MOST_EXCHANGES, _SLACK = 30, 1e-12
_DENSE_CELLS = 1_000_000  # up to which a table of channels is quicker as it is than with its zeros left out
_LEVEL_PENALTY = 1e-3  # keeps the mean coefficient finite where all journeys touch equally many channels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regression:
    """A fitted logistic regression of conversion on the channels a journey touched.

    Parameters
    ----------
    names : tuple of str
        The channels.
    intercept : float
        Log-odds of a journey without any channel (there is none in the data).
    coefficients : array, shape (channels,)
        What each channel's presence adds to the log-odds; 0 or more.
    penalty : float
        How strongly coefficients are drawn towards their mean; the stronger, the nearer to equal shares.
    hold_out : HoldOut or None
        How well it predicts journeys of users it has not seen, where that was asked for.
    """

    names: tuple[str, ...]
    intercept: float
    coefficients: Floats
    penalty: float
    hold_out: HoldOut | None = None


def fit_regression(
    coalitions: Coalitions, *, penalty: float = PENALTY, start: Regression | None = None
) -> Regression:
    """Return the regression that fits best under a penalty on how far coefficients lie apart.

    Minimises -log likelihood + penalty / 2 x sum of (coefficient - their mean) squared, coefficients not
    negative, by Newton steps within those bounds; the problem is convex, so the answer does not depend on
    chance.

    Parameters
    ----------
    coalitions : Coalitions
        Journeys by set of channels.
    penalty : float
        In units of journeys; 0 or more.
    start : Regression, optional
        Where to begin, e.g. a fit on nearly the same data.

    Raises
    ------
    NotEnoughData
        If no journey converted, or all did.

    References
    ----------
    Shao and Li (2011), KDD, 258-264 (regression for attribution); Hastie, Tibshirani, Friedman (2009), The
    Elements of Statistical Learning, section 3.4 (ridge).

    Examples
    --------
    >>> from workbench.attribution.coalitions import coalitions_of_paths
    >>> some = coalitions_of_paths([["a"], ["b"], ["a", "b"]], [5, 20, 30], nulls=[95, 80, 70])
    >>> bool(np.diff(fit_regression(some, penalty=1.0).coefficients)[0] > 1)
    True
    """
    good, whole = coalitions.conversions, coalitions.journeys
    if not good.sum() > 0:
        raise NotEnoughData("Not enough data: no journey with a touch converted, so nothing can be credited.")
    if not (whole - good).sum() > 0:
        raise NotEnoughData(
            "Not enough data: every journey converted; a regression has nothing to tell apart."
        )
    table, channels = _with_ones(presence(coalitions)), len(coalitions.names)
    ridge = np.zeros((channels + 1, channels + 1))
    ridge[1:, 1:] = penalty * (np.eye(channels) - 1 / channels) + _LEVEL_PENALTY * np.eye(channels)
    rate = float(good.sum() / whole.sum())
    point = np.concatenate([[np.log(rate / (1 - rate))], np.full(channels, 0.1)])
    if start is not None:
        point = np.concatenate([[start.intercept], start.coefficients])
    cost = _cost(table, good, whole, ridge, point)
    for _ in range(_MOST_STEPS):
        step = _newton(table, good, whole, ridge, point) - point
        length = 1.0
        while (after := _cost(table, good, whole, ridge, point + length * step)) > cost and length > 1e-9:
            length /= 2
        point, gain, cost = point + length * step, cost - after, after
        if gain <= _TOLERANCE * abs(cost):
            break
    return Regression(
        names=coalitions.names,
        intercept=float(point[0]),
        coefficients=np.maximum(point[1:], 0.0),
        penalty=penalty,
    )


def _with_ones(table: csr_array) -> Table:
    from scipy.sparse import csr_array, hstack

    rows, channels = table.shape
    if rows * channels <= _DENSE_CELLS:
        return np.column_stack([np.ones(rows), table.toarray()])
    return csr_array(hstack([csr_array(np.ones((rows, 1))), table]))


def _cost(table: Table, good: Floats, whole: Floats, ridge: Floats, point: Floats) -> float:
    """Return the penalised -log likelihood."""
    odds = table @ point
    return float((whole * np.logaddexp(0, odds) - good * odds).sum() + point @ ridge @ point / 2)


def _newton(table: Table, good: Floats, whole: Floats, ridge: Floats, point: Floats) -> Floats:
    """Return where the quadratic that touches the cost at a point is least, coefficients not negative."""
    from scipy.linalg import cholesky, solve_triangular

    chance = 1 / (1 + np.exp(-(table @ point)))
    weight = np.maximum(whole * chance * (1 - chance), 1e-12)
    products = table.T @ (table * weight[:, None])
    curvature = (products if isinstance(products, np.ndarray) else products.toarray()) + ridge
    curvature[np.diag_indices_from(curvature)] += 1e-9
    slope = table.T @ (whole * chance - good) + ridge @ point
    upper = cholesky(curvature)
    aim = solve_triangular(upper, curvature @ point - slope, trans="T")
    # Whatever the coefficients, the intercept, which is not bound, meets the first row to the end.
    coefficients = nonnegative(upper[1:, 1:], aim[1:], point[1:] > 0)
    intercept = (aim[0] - upper[0, 1:] @ coefficients) / upper[0, 0]
    return np.concatenate([[intercept], coefficients])


def nonnegative(table: Floats, aim: Floats, free: NDArray[np.bool_]) -> Floats:
    """Return what meets an aim best in least squares without a negative; `free` guesses what is not zero.

    All that stand on the wrong side change it at once; where that does not settle, one after another enters.

    References
    ----------
    Kim and Park (2011), SIAM Journal on Scientific Computing 33, 3261-3281 (block principal pivoting).

    Examples
    --------
    >>> nonnegative(np.eye(2), np.array([3.0, -1.0]), np.array([True, True])).tolist()
    [3.0, 0.0]
    """
    from scipy.linalg import cho_factor, cho_solve
    from scipy.optimize import nnls

    product, goal = table.T @ table, table.T @ aim
    slack = _SLACK * max(1.0, float(np.abs(goal).max(initial=0.0)))
    for _ in range(_MOST_EXCHANGES):
        found = np.zeros(len(goal))
        if free.any():
            factor = cho_factor(product[np.ix_(free, free)])
            found[free] = cho_solve(factor, goal[free])
        wrong = np.where(free, found < 0, product @ found - goal < -slack)
        if not wrong.any():
            return found
        free = free ^ wrong
    return np.asarray(nnls(table, aim)[0], float)


def regression_of(journeys: Journeys, *, penalty: float = PENALTY) -> Regression:
    """Return the regression on all journeys, with how well it predicts users it has not seen.

    The penalty is given and not chosen by the data: a choice would make credit jump from one sample to the
    next, which no interval would tell.

    Where there are too few users to judge it on, it is returned without that.

    Raises
    ------
    NotEnoughData
        If no journey converted, or all did.
    """
    fitted = fit_regression(journeys.coalitions(), penalty=penalty)
    try:
        return replace(fitted, hold_out=_hold_out(journeys, penalty))
    except NotEnoughData:
        return fitted


def _hold_out(journeys: Journeys, penalty: float) -> HoldOut:
    chances, good, bad = [], [], []
    for fitting, judging in folds_of(journeys):
        unseen = journeys.coalitions(judging)
        chances.append(predicted(fit_regression(journeys.coalitions(fitting), penalty=penalty), unseen))
        good.append(unseen.conversions)
        bad.append(unseen.journeys - unseen.conversions)
    positives, negatives = np.concatenate(good), np.concatenate(bad)
    rate = float(positives.sum() / (positives.sum() + negatives.sum()))
    return judged(np.concatenate(chances), positives, negatives, plain=rate)


def predicted(fitted: Regression, coalitions: Coalitions) -> Floats:
    """Return the chance to convert of a journey with each set of channels."""
    odds = fitted.intercept + presence(coalitions) @ fitted.coefficients
    return np.asarray(1 / (1 + np.exp(-odds)), float)


def regression_credit(fitted: Regression, coalitions: Coalitions) -> Floats:
    """Return conversions and value credited to each channel, shape (channels, 2); columns add up.

    Where none of a journey's channels has a coefficient, its conversions are shared evenly.
    """
    weights = fitted.coefficients[coalitions.members]
    rows = coalitions.rows
    sums = np.bincount(rows, weights, minlength=len(coalitions.ends))
    even = 1 / coalitions.sizes
    shares = np.where(sums[rows] > 0, weights / np.where(sums > 0, sums, 1)[rows], even[rows])
    return np.column_stack(
        [coalitions.over(shares * some[rows]) for some in (coalitions.conversions, coalitions.value)]
    )


def presence(coalitions: Coalitions) -> csr_array:
    """Return which channels each set has, as a sparse table of ones."""
    from scipy.sparse import csr_array

    pointers = np.concatenate([[0], coalitions.ends])
    return csr_array(
        (np.ones(len(coalitions.members)), coalitions.members, pointers),
        shape=(len(coalitions.ends), len(coalitions.names)),
    )
