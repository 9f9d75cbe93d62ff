"""Figures of variants with their standard errors, and how they differ: Welch's t.

Means, ratios, adjusted and stratified figures all become `Arms`; what follows is the same for all of them.

References
----------
Welch (1947), Biometrika 34; Satterthwaite (1946), Biometrics Bulletin 2: the degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincc, stdtrit

from workbench.experiments.inference.estimate import Estimates
from workbench.experiments.inference.sums import Sums
from workbench.metrics.two_proportions import two_sided

Floats = NDArray[np.float64]
METHOD = "Welch's t"
_SMALLEST = float(np.finfo(float).tiny)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """One figure of each variant, the control first; leading axes are cells.

    Parameters
    ----------
    value, error : ndarray, shape (..., variants)
        The figure and its standard error; NaN where it cannot be known. The figures are independent of each
        other but for what they share.
    df : ndarray, shape (..., variants)
        Degrees of freedom of each error.
    shared : ndarray, shape (...) or ()
        Variance that all figures have in common, so that it does not touch their differences.
    """

    value: Floats
    error: Floats
    df: Floats
    shared: Floats


def mean_arms(sums: Sums, column: str) -> Arms:
    """Return the means of a column; their errors need two units of a variant.

    Examples
    --------
    >>> from workbench.experiments.inference.sums import sums_of
    >>> sums = sums_of(list("aaabbb"), {"y": [1, 2, 3, 4, 6, 8]}, variants=("a", "b"))
    >>> found = differences(mean_arms(sums, "y"))
    >>> f"{found.value[0]:.1f} {found.p[0]:.4f} {found.df[0]:.4f}"
    '4.0 0.0548 2.9412'
    """
    return arms_of(sums.n, sums.mean(column), sums.variance(column))


def arms_of(n: Floats, value: Floats, variance: Floats) -> Arms:
    """Return figures that are means over units, from the variance between units."""
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(n > 1, np.sqrt(np.maximum(variance, 0.0) / n), np.nan)
    return Arms(value=value, error=error, df=n - 1, shared=np.zeros(()))


def differences(arms: Arms, *, level: float = 0.95) -> Estimates:
    """Return every variant less the control, shape (..., variants - 1).

    Where neither side varies there is a difference but no interval and no p.
    """
    control, others = slice(None, 1), slice(1, None)
    squares = np.square(arms.error)
    total = squares[..., control] + squares[..., others]
    with np.errstate(divide="ignore", invalid="ignore"):
        pieces = np.where(squares > 0, np.square(squares) / arms.df, 0.0)
        df = np.square(total) / (pieces[..., control] + pieces[..., others])
    value = arms.value[..., others] - arms.value[..., control]
    return student(value, np.sqrt(total), df, level=level)


def own(arms: Arms, *, level: float = 0.95) -> Estimates:
    """Return the figure of every variant with its own interval and no p, shape (..., variants)."""
    shared = np.asarray(arms.shared)[..., None]
    found = student(arms.value, np.sqrt(np.square(arms.error) + shared), arms.df, level=level)
    blank = np.full(found.p.shape, np.nan)
    return Estimates(
        value=found.value, error=found.error, low=found.low, high=found.high, p=blank, df=found.df
    )


def student(value: Floats, error: Floats, df: ArrayLike, *, level: float) -> Estimates:
    """Return figures with Student's interval and p; with infinite `df` the normal distribution's."""
    degrees = np.broadcast_to(np.asarray(df, float), value.shape)
    known = (error > 0) & (degrees > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(known, value / error, np.nan)
        half = np.where(known, t_quantile(degrees, level) * error, np.nan)
    return Estimates(
        value=np.asarray(value, float),
        error=np.asarray(error, float),
        low=value - half,
        high=value + half,
        p=student_p(t, degrees),
        df=np.where(known, degrees, np.nan),
    )


def student_p(t: Floats, df: Floats) -> Floats:
    """Return the two-sided p of Student's t; never zero, for no finite figure has that p.

    Examples
    --------
    >>> f"{student_p(np.array(5.300140), np.array(36671.16)):.4e}"
    '1.1638e-07'
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # In this form neither a large df nor a large t costs digits.
        square = np.square(t)
        p = np.where(np.isinf(df), two_sided(t), betaincc(0.5, df / 2, square / (df + square)))
    return np.asarray(np.where(np.isfinite(t), np.maximum(p, _SMALLEST), p))


def t_quantile(df: ArrayLike, level: float) -> Floats:
    """Return the two-sided critical value of Student's t."""
    return np.asarray(stdtrit(np.asarray(df, float), 0.5 + level / 2))
