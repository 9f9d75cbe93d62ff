"""Shares of units (conversion, retention) against the control's: the score test and what it does not reject.

References
----------
`workbench.metrics.two_proportions` has the tests and their inversion.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.errors import UsageError
from workbench.experiments.inference.effect_size import cohens_h
from workbench.experiments.inference.estimate import Estimates
from workbench.experiments.inference.means import Floats
from workbench.experiments.inference.sums import Sums
from workbench.metrics.two_proportions import (
    compared_p,
    difference_interval,
    few_expected,
    ratio_interval,
    score_z,
)
from workbench.stats import share_interval

METHOD = "score test (pooled z)"
EXACT = "Fisher's exact test and the score test"
_ROUNDING = 1e-6


def differences(sums: Sums, column: str, *, level: float = 0.95) -> Estimates:
    """Return every variant's share less the control's, shape (..., variants - 1).

    Examples
    --------
    >>> from workbench.experiments.inference.sums import Sums
    >>> share, n = np.array([0.05, 0.06]), np.array([2000.0, 2000.0])
    >>> products = (n * share * (1 - share))[:, None, None]
    >>> sums = Sums(variants=("a", "b"), columns=("y",), n=n, means=share[:, None], products=products)
    >>> found = differences(sums, "y")
    >>> f"{found.value[0]:.3f} [{found.low[0]:.5f}, {found.high[0]:.5f}], p {found.p[0]:.4f}"
    '0.010 [-0.00416, 0.02428], p 0.1654'
    """
    table = _tables(sums, column)
    x, n, y, m = table
    p = compared_p(*table)
    interval = difference_interval(*table, level=level, p=p)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = x / n, y / m
        error = np.sqrt(one * (1 - one) / n + other * (1 - other) / m)
    return _estimates(one - other, error, interval.low, interval.high, p)


def relatives(sums: Sums, column: str, *, level: float = 0.95) -> Estimates:
    """Return every variant's share over the control's, less one; NaN where the control's is zero."""
    table = _tables(sums, column)
    x, n, y, m = table
    p = compared_p(*table)
    interval = ratio_interval(*table, level=level, p=p)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((y > 0) & (n > 0), (x / n) / (y / m), np.nan)
        error = ratio * np.sqrt(1 / x - 1 / n + 1 / y - 1 / m)
    known = np.where(np.isfinite(ratio), p, np.nan)
    return _estimates(ratio - 1, error, interval.low - 1, interval.high - 1, known)


def own(sums: Sums, column: str, *, level: float = 0.95) -> Estimates:
    """Return every variant's share with Wilson's interval and no p, shape (..., variants)."""
    x, n = counts(sums, column), sums.n
    interval = share_interval(x, n, level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(n > 0, x / n, np.nan)
        error = np.sqrt(share * (1 - share) / n)
    # Of no users or of all, rounding may leave the share just outside.
    low, high = np.minimum(interval.low, share), np.maximum(interval.high, share)
    return _estimates(share, error, low, high, np.full(share.shape, np.nan))


def sizes(sums: Sums, column: str, *, level: float = 0.95) -> Estimates:
    """Return Cohen's h of every variant against the control, shape (..., variants - 1)."""
    return cohens_h(*_tables(sums, column), level=level)


def scores(sums: Sums, column: str) -> Floats:
    """Return the pooled z of every variant against the control; its square is Pearson's chi-square."""
    return score_z(*_tables(sums, column))


def few(sums: Sums, column: str) -> NDArray[np.bool_]:
    """Return where fewer than five are expected in a cell, so that Fisher's exact test must reject too."""
    return few_expected(*_tables(sums, column))


def counts(sums: Sums, column: str) -> Floats:
    """Return how many units of each variant have a 1.

    Raises
    ------
    UsageError
        If the column has other values than 0 and 1.
    """
    x = np.where(sums.n > 0, sums.n * sums.mean(column), 0.0)
    whole = np.rint(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(sums.n > 0, whole * (1 - whole / sums.n), 0.0)
    seen = np.where(
        (sums.n > 0) & np.isfinite(sums.product(column, column)), sums.product(column, column), expected
    )
    off = (np.abs(x - whole) > _ROUNDING * np.maximum(x, 1)) | (whole < 0) | (whole > sums.n)
    if (off | (np.abs(seen - expected) > _ROUNDING * np.maximum(expected, 1))).any():
        raise UsageError(
            f"{column} is no share: it has other values than 0 and 1. Compare its means instead."
        )
    return np.asarray(whole)


def _tables(sums: Sums, column: str) -> tuple[Floats, Floats, Floats, Floats]:
    x, n = counts(sums, column), sums.n
    return tuple(np.broadcast_arrays(x[..., 1:], n[..., 1:], x[..., :1], n[..., :1]))  # type: ignore[return-value]


def _estimates(value: Floats, error: Floats, low: Floats, high: Floats, p: Floats) -> Estimates:
    return Estimates(value=value, error=error, low=low, high=high, p=p, df=np.full(value.shape, np.inf))
