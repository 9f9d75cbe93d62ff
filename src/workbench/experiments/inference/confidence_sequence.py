"""Intervals that hold at all times at once: whoever looks at will is wrong with a chance of alpha.

The price is width: planned looks keep more power (see `spending`). The sequence is asymptotic: it needs
enough users for a standard error to mean something. It is narrowest near the planned number of users.

References
----------
Waudby-Smith et al. (2024), Annals of Statistics 52 (arXiv 2103.06476), eq. (9) and (155).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import UsageError
from workbench.experiments.inference.estimate import Estimates

Floats = NDArray[np.float64]

METHOD = "asymptotic confidence sequence"
ENOUGH = 100  # users of all variants together below which no look counts


def at_any_time(
    values: ArrayLike,
    errors: ArrayLike,
    users: ArrayLike,
    *,
    planned: float,
    level: float = 0.95,
) -> Estimates:
    """Return the interval and the always-valid p of each look on its own.

    Parameters
    ----------
    values, errors : array_like
        Effects and their standard errors; any shape.
    users : array_like
        Users behind each, all variants together.
    planned : float
        Users at which the interval should be narrowest: those planned, all variants together.
    level : float
        Of all looks together.

    Returns
    -------
    Estimates
        Unbounded with p 1 where there are fewer than 100 users or no standard error above 0.

    Examples
    --------
    >>> found = at_any_time(0.7310, 0.2697, 4000, planned=5000)
    >>> round(float(found.low), 3), round(float(found.high), 3), round(float(found.p), 3)
    (-0.089, 1.551, 0.113)
    """
    alpha = 1 - level
    if not 0 < alpha < 1 or not planned > 0:
        raise UsageError(
            f"A level of {level} and {planned} planned users: the one lies in (0, 1), the other above 0."
        )
    value, error, n = np.broadcast_arrays(
        np.asarray(values, float), np.asarray(errors, float), np.asarray(users, float)
    )
    rate = (-2 * np.log(alpha) + np.log(1 - 2 * np.log(alpha))) / planned
    reached = n * rate + 1
    counts = (n >= ENOUGH) & (error > 0) & np.isfinite(value)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(value) / error
        bound = np.sqrt(2 * reached / (n * rate) * (np.log(reached) / 2 - np.log(alpha)))
        log_evidence = z**2 / 2 * (n * rate) / reached - np.log(reached) / 2
    half = np.where(counts, bound * error, np.inf)
    p = np.where(counts, np.exp(-np.maximum(log_evidence, 0.0)), 1.0)
    p = np.where(half < np.abs(value), np.minimum(p, np.nextafter(alpha, 0.0)), np.maximum(p, alpha))
    return Estimates(
        value=value,
        error=error,
        low=np.where(np.isfinite(value), value - half, np.nan),
        high=np.where(np.isfinite(value), value + half, np.nan),
        p=np.where(np.isfinite(value), p, np.nan),
        df=np.full(value.shape, np.inf),
    )


def running(found: Estimates) -> Estimates:
    """Return what all looks so far say together: intervals that only shrink, p that only fall.

    The looks are the last axis. The interval is the intersection of all so far: no later look takes back
    what an earlier one excluded. It is empty (low above high) with a chance of at most alpha: then the
    effect moved over time, or the standard errors are wrong.

    Examples
    --------
    >>> looks = at_any_time([0.5, 0.9], [0.2, 0.2], [4000, 5000], planned=5000)
    >>> running(looks).p.round(4).tolist()
    [0.1822, 0.0004]
    """
    return Estimates(
        value=found.value,
        error=found.error,
        low=np.fmax.accumulate(found.low, axis=-1),
        high=np.fmin.accumulate(found.high, axis=-1),
        p=np.fmin.accumulate(found.p, axis=-1),
        df=found.df,
    )
