"""Relative differences: a variant's figure over the control's, less one.

References
----------
Fieller (1954), JRSS B 16: the set of ratios that the test of a difference does not reject.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.experiments.inference.estimate import Estimates
from workbench.experiments.inference.means import Arms, Floats, differences, t_quantile

METHOD = "Fieller"
NO_CONTROL = "the control's figure is zero, so there is no relative difference"
_SMALLEST = float(np.finfo(float).tiny)
UNBOUNDED = "the control's figure is too uncertain to bound the relative difference"


def relative(arms: Arms, *, level: float = 0.95) -> Estimates:
    """Return the difference over the size of the control's figure by Fieller's method, 0.05 for 5 %.

    Its p is that of the difference, and it is below 1 - level exactly where the interval leaves out 0. Where
    the control's figure is not itself clear of zero, what is not rejected reaches to infinity, on one side or
    both. Where it is everything but a gap around no effect, which no interval can show, there is no p.

    Parameters
    ----------
    arms : Arms
        Figures of the variants; where the control is below zero, more is still above 0.
    level : float
        The confidence level.

    Returns
    -------
    Estimates
        Shape (..., variants - 1); NaN where the control's figure is zero.

    Examples
    --------
    >>> import numpy as np
    >>> from workbench.experiments.inference.means import Arms
    >>> value, error, df = np.array([[10.0, 11.0], [0.3, 0.4], [np.inf, np.inf]])
    >>> found = relative(Arms(value=value, error=error, df=df, shared=np.zeros(())))
    >>> f"{found.value[0]:.3f} [{found.low[0]:.3f}, {found.high[0]:.3f}]"
    '0.100 [0.002, 0.206]'
    """
    plain = differences(arms, level=level)
    control, value = arms.value[..., :1], arms.value[..., 1:]
    own, others = np.square(arms.error[..., :1]), np.square(arms.error[..., 1:])
    shared = np.asarray(arms.shared)[..., None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = value / control
        ratio = np.where(np.isfinite(ratio), ratio, np.nan)
        low, high = fieller(
            control, value, variances=(own, others), shared=shared, quantile=t_quantile(plain.df, level)
        )
        error = np.sqrt(others + np.square(ratio) * own + np.square(1 - ratio) * shared) / np.abs(control)
    sign = np.where(control < 0, -1.0, 1.0)
    low, high = np.sort(np.stack([sign * (low - 1), sign * (high - 1)]), axis=0)
    return _agreeing(
        Estimates(value=sign * (ratio - 1), error=error, low=low, high=high, p=plain.p, df=plain.df), level
    )


def fieller(
    control: Floats,
    value: Floats,
    *,
    variances: tuple[Floats, Floats],
    quantile: Floats,
    shared: ArrayLike = 0.0,
) -> tuple[Floats, Floats]:
    """Return the ends of all ratios value / control that a test of value - ratio x control does not reject.

    Parameters
    ----------
    control, value : ndarray
        Figures of either side.
    variances : pair of ndarray
        Their own, in that order.
    quantile : ndarray
        Of the test, in standard errors.
    shared : array_like
        Variance that both have in common.

    Examples
    --------
    >>> one = np.array(10.0), np.array(11.0)
    >>> low, high = fieller(*one, variances=(np.array(0.09), np.array(0.16)), quantile=np.array(1.96))
    >>> f"{low:.4f} {high:.4f}"
    '1.0019 1.2057'
    """
    own, others = variances
    square, common = np.square(quantile), np.asarray(shared, float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = value / control
        # (value - r control)^2 <= square (others + r^2 own + (1 - r)^2 shared), as a polynomial in r.
        a = np.square(control) - square * (own + common)
        b = value * control - square * common
        c = np.square(value) - square * (others + common)
        return _ratios_kept(a, b, c, np.where(np.isfinite(ratio), ratio, np.nan))


def _ratios_kept(a: Floats, b: Floats, c: Floats, ratio: Floats) -> tuple[Floats, Floats]:
    """Return the ends of {r: a r^2 - 2 b r + c <= 0}, as far as it hangs together with the ratio."""
    far = b + np.copysign(np.sqrt(np.maximum(b * b - a * c, 0.0)), b)
    # Of two roots one has lost no digits; the other follows from their product.
    one, two = far / a, c / np.where(far == 0, np.nan, far)
    first, second = np.fmin(one, two), np.fmax(one, two)
    # With a < 0 the set is all but a gap between the roots. If the gap holds 0, what lies on its other side
    # needs a control of the other sign, and is not shown.
    gap = (a < 0) & (b * b > a * c) & (first < 0) & (second > 0)
    above, below = gap & (ratio >= second), gap & (ratio <= first) & (second > 1)
    low = np.where(a > 0, first, np.where(above, second, -np.inf))
    high = np.where(a > 0, second, np.where(below, first, np.inf))
    known = np.isfinite(a + b + c + ratio)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _agreeing(found: Estimates, level: float) -> Estimates:
    """Return the estimates so that rounding does not part p and interval, and without a p it cannot show."""
    small, holds = found.p < 1 - level, (found.low <= 0) & (found.high >= 0)
    hidden = small & np.isneginf(found.low) & np.isposinf(found.high)
    push, pull = small & holds & ~hidden, (found.p >= 1 - level) & ~holds
    low = np.where(push & (found.value > 0), _SMALLEST, found.low)
    high = np.where(push & (found.value < 0), -_SMALLEST, found.high)
    return replace(
        found,
        low=np.where(pull, np.minimum(low, 0.0), low),
        high=np.where(pull, np.maximum(high, 0.0), high),
        p=np.where(hidden | np.isnan(found.low), np.nan, found.p),
    )


def unbounded(found: Estimates) -> NDArray[np.bool_]:
    """Return where an end of the interval is infinite."""
    return np.asarray(np.isinf(found.low) | np.isinf(found.high))


def log_ratio(arms: Arms, *, level: float = 0.95) -> Estimates:
    """Return the relative difference on the scale of logarithms, as a check on Fieller's interval.

    It needs positive figures on both sides. Its interval never reaches -100 %, but its p is not that of the
    difference.
    """
    control, others = slice(None, 1), slice(1, None)
    with np.errstate(divide="ignore", invalid="ignore"):
        positive = np.where(arms.value > 0, arms.value, np.nan)
        logs = replace(arms, value=np.log(positive), error=arms.error / positive, shared=np.zeros(()))
        found = differences(logs, level=level)
    ratio = np.exp(found.value)
    value = arms.value[..., others] / arms.value[..., control]
    return Estimates(
        value=np.where(np.isfinite(ratio), value - 1, np.nan),
        error=found.error * ratio,
        low=np.exp(found.low) - 1,
        high=np.exp(found.high) - 1,
        p=found.p,
        df=found.df,
    )
