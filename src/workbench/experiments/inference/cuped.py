"""Figures adjusted for what was known before the experiment: CUPED with any number of covariates.

Everybody is kept. One coefficient per covariate is taken over all variants, as a regression would, from the
sums alone. What is adjusted is the figure of each variant at the covariates' mean over everybody, so a
relative difference is over the control's *adjusted* figure. What the covariates' mean itself owes to chance
is shared by all variants, and counts in each figure's own interval and in Fieller's.

References
----------
Deng, Xu, Kohavi, Walker (2013), WSDM, sections 3.2 and 3.3; Jin, Ba (2023), Technometrics 65, for ratios.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.experiments.inference.estimate import Estimates
from workbench.experiments.inference.means import Arms, arms_of, differences, mean_arms
from workbench.experiments.inference.ratios import linearised, ratio_arms
from workbench.experiments.inference.sums import Floats, Sums

METHOD = "CUPED"
BALANCE = 0.001
UNITS_PER_COVARIATE = 50
_INDEPENDENT = 1e-10
Column = str | tuple[str, str]


def filled(before: ArrayLike, *, name: str = "before") -> dict[str, Floats]:
    """Return the two columns that stand for a covariate which some units lack, so that nobody is left out.

    The missing are given the mean of the others, and an indicator of their own takes up how they differ.

    Parameters
    ----------
    before : array_like, shape (units,)
        The covariate; NaN where there was no time before, as for new users.
    name : str
        The columns' names are this, and this with ``_missing``.

    Examples
    --------
    >>> {name: column.tolist() for name, column in filled([1.0, float("nan"), 3.0], name="spent").items()}
    {'spent': [1.0, 2.0, 3.0], 'spent_missing': [0.0, 1.0, 0.0]}
    """
    values = np.asarray(before, float)
    missing = np.isnan(values)
    mean = values[~missing].mean() if not missing.all() else 0.0
    return {name: np.where(missing, mean, values), f"{name}_missing": missing.astype(float)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """Figures adjusted for covariates, and what that changed.

    Parameters
    ----------
    arms, raw : Arms
        With and without the adjustment.
    reduction : ndarray, shape (..., variants - 1)
        The share of the difference's variance that the covariates took away.
    flipped : ndarray of bool, shape (..., variants - 1)
        Where the adjustment turned the sign of the difference.
    balance : ndarray, shape (..., variants - 1, covariates)
        The p of every covariate's own difference, which no experiment can have caused.
    adjusted : ndarray of bool, shape (...)
        Where there was something to adjust by: units enough, and a covariate that varies.
    """

    arms: Arms
    raw: Arms
    reduction: Floats
    flipped: NDArray[np.bool_]
    balance: Floats
    adjusted: NDArray[np.bool_]

    @property
    def unbalanced(self) -> NDArray[np.bool_]:
        """Return where a covariate differs more than one experiment in a thousand lets it."""
        return np.asarray((self.balance < BALANCE).any(axis=-1))


def adjusted(sums: Sums, figure: Column, covariates: Sequence[Column]) -> Adjusted:
    """Return the means of a column, or the ratios of a pair, adjusted for covariates.

    Parameters
    ----------
    sums : Sums
        With all columns named.
    figure : str or (str, str)
        What is compared: a column, or numerator and denominator.
    covariates : sequence of str or (str, str)
        What was known before; a pair is taken as one ratio, two columns of a ratio's past as two covariates.

    Examples
    --------
    >>> from workbench.experiments.inference.sums import sums_of
    >>> rng = np.random.default_rng(7)
    >>> before = rng.normal(10, 3, 400)
    >>> after = before + rng.normal(0, 1, 400)
    >>> sums = sums_of(["a", "b"] * 200, {"y": after, "x": before}, variants=("a", "b"))
    >>> f"{adjusted(sums, 'y', ['x']).reduction[0]:.2f}"
    '0.89'
    """
    raw = mean_arms(sums, figure) if isinstance(figure, str) else ratio_arms(sums, *figure)
    line = linearised(sums, [figure, *covariates])
    whole = _whole(sums, [figure, *covariates])
    theta, good = _theta(whole)
    good = np.array(good & (whole.n[..., 0] >= UNITS_PER_COVARIATE * len(covariates)))
    theta = np.where(np.expand_dims(good, -1), theta, 0.0)
    apart = line.means[..., 1:] - whole.means[..., :1, 1:]
    weights = np.concatenate([np.ones((*theta.shape[:-1], 1)), -theta], axis=-1)[..., None, :]
    value = raw.value - np.where(theta[..., None, :] != 0, apart * theta[..., None, :], 0.0).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.einsum("...i,...ij,...j->...", weights, line.products, weights) / (line.n - 1)
        shared = np.einsum("...i,...ij,...j->...", theta, whole.products[..., 0, 1:, 1:], theta)
        shared = shared / np.square(whole.n[..., 0])
    arms = arms_of(sums.n, value, variance)
    error = np.where(good[..., None], arms.error, raw.error)
    arms = replace(arms, error=error, shared=np.where(good, shared, 0.0))
    before, after = differences(raw), differences(arms)
    with np.errstate(divide="ignore", invalid="ignore"):
        reduction = 1 - np.square(after.error / before.error)
    return Adjusted(
        arms=arms,
        raw=raw,
        reduction=np.where(good[..., None], reduction, np.nan),
        flipped=np.sign(before.value) * np.sign(after.value) < 0,
        balance=_balance(line),
        adjusted=good,
    )


def _whole(sums: Sums, columns: Sequence[Column]) -> Sums:
    """Return the sums over all variants, linearised at the ratios of everybody."""
    everybody = replace(
        sums,
        variants=("all",),
        n=sums.n[..., :, None],
        means=sums.means[..., :, None, :],
        products=sums.products[..., :, None, :, :],
    )
    return linearised(everybody.merged(axis=sums.n.ndim - 1), columns)


def _theta(whole: Sums) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the coefficients of a regression, and where there are any.

    Covariates are put on one scale first; of those that say the same, the shortest coefficients are taken.
    """
    products = whole.products[..., 0, :, :]
    known = np.asarray(np.isfinite(products).all(axis=(-1, -2)))
    products = np.where(known[..., None, None], products, 0.0)
    scale = np.sqrt(np.maximum(np.diagonal(products[..., 1:, 1:], axis1=-2, axis2=-1), 0.0))
    # Of a constant, rounding may leave a little that is no variance.
    constant = scale <= 1e-9 * np.abs(whole.means[..., 0, 1:]) * np.sqrt(whole.n)
    unit = np.where(constant | (scale == 0), 0.0, 1 / np.where(scale == 0, 1.0, scale))
    correlation = products[..., 1:, 1:] * unit[..., :, None] * unit[..., None, :]
    with_figure = products[..., 1:, 0] * unit
    solved = np.linalg.pinv(correlation, rcond=_INDEPENDENT, hermitian=True) @ with_figure[..., None]
    return solved[..., 0] * unit, np.asarray(known & (unit > 0).any(axis=-1))


def _balance(line: Sums) -> Floats:
    """Return the p of each covariate's own difference."""
    found: list[Floats] = [differences(mean_arms(line, column)).p for column in line.columns[1:]]
    return np.stack(found, axis=-1)


def covariate_differences(
    sums: Sums, covariates: Sequence[Column], *, level: float = 0.95
) -> list[Estimates]:
    """Return every covariate's own difference between variants and control, in the covariate's unit."""
    line = linearised(sums, list(covariates))
    return [differences(mean_arms(line, column), level=level) for column in line.columns]
