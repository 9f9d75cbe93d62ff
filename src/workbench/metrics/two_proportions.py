"""Two shares compared: p, and intervals of difference and ratio, all of one test. Arrays in, arrays out.

The interval is what the test does not reject, so it leaves out no effect exactly where p is below 1 - level.
Where fewer than five are expected in a cell, Fisher's exact test must reject too: p is the larger of the two,
and an interval reaches as far as no effect where they do not both reject it.

First the successes and trials of one side (x of n), then those of the side it is compared with (y of m).

References
----------
Mee (1984), Biometrics 40: the difference. Koopman (1984), Biometrics 40: the ratio. Miettinen and Nurminen
(1985), Statistics in Medicine 4, whose factor N / (N - 1) is left out: without it p is that of the pooled z.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from workbench.stats import Interval

Floats = NDArray[np.float64]
FEW = 5
# Tables as likely as the one seen differ by rounding only.
_TIE = 1e-7
_SMALLEST = float(np.finfo(float).tiny)
_STEPS, _CLOSE = 100, 1e-13


def score_p(x: ArrayLike, n: ArrayLike, y: ArrayLike, m: ArrayLike) -> Floats:
    """Return the two-sided p of the score test of two shares, which is the pooled z and Pearson's chi-square.

    It is NaN where both sides have none or all. What is smaller than a float is given as the smallest.

    Examples
    --------
    >>> f"{score_p(1226, 349650, 58, 34580):.2e}"
    '1.88e-08'
    """
    return two_sided(score_z(x, n, y, m))


def two_sided(z: ArrayLike) -> Floats:
    """Return the two-sided p of a standard normal figure; never zero, for no finite figure has that p."""
    z = np.asarray(z, float)
    p = 2 * ndtr(-np.abs(z))
    return np.asarray(np.where(np.isfinite(z), np.maximum(p, _SMALLEST), p))


def score_z(x: ArrayLike, n: ArrayLike, y: ArrayLike, m: ArrayLike) -> Floats:
    """Return the difference of two shares over its standard error if there were none."""
    x, n, y, m = _floats(x, n, y, m)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (x + y) / (n + m)
        error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        return np.where(error > 0, (x / n - y / m) / error, np.nan)


def few_expected(x: ArrayLike, n: ArrayLike, y: ArrayLike, m: ArrayLike) -> NDArray[np.bool_]:
    """Return whether fewer than five are expected, if there is no effect, in one of the four cells."""
    x, n, y, m = _floats(x, n, y, m)
    with np.errstate(divide="ignore", invalid="ignore"):
        rarer = np.minimum(x + y, n + m - x - y)
        return np.asarray(rarer * np.minimum(n, m) / (n + m) < FEW)


def fisher_p(x: ArrayLike, n: ArrayLike, y: ArrayLike, m: ArrayLike) -> Floats:
    """Return the two-sided p of Fisher's exact test: of all tables no likelier than the one seen.

    Examples
    --------
    >>> f"{fisher_p(8, 10, 1, 6):.6f}"
    '0.034965'
    """
    x, n, y, m = (np.rint(array)[..., None] for array in _floats(x, n, y, m))
    # Given sizes and all successes, from `fewest` to `most` of these are on the first side.
    fewest, most = np.maximum(x + y - m, 0), np.minimum(n, x + y)
    k = fewest + np.arange(np.max(most - fewest, initial=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(k < most, np.log((x + y - k) * (n - k) / ((k + 1) * (m - x - y + k + 1))), -np.inf)
        weight = np.concatenate([np.zeros(x.shape), np.cumsum(step, axis=-1)], axis=-1)
        chance = np.exp(weight - weight.max(axis=-1, keepdims=True))
        place = np.clip(x - fewest, 0, k.shape[-1]).astype(int)
        seen = np.take_along_axis(chance, place, axis=-1)
        p = np.where(chance <= seen * (1 + _TIE), chance, 0.0).sum(axis=-1) / chance.sum(axis=-1)
    return np.where(((n > 0) & (m > 0))[..., 0], np.maximum(p, _SMALLEST), np.nan)


def compared_p(x: ArrayLike, n: ArrayLike, y: ArrayLike, m: ArrayLike) -> Floats:
    """Return the two-sided p: of the score test, and no smaller than Fisher's where few are expected."""
    arrays = _floats(x, n, y, m)
    p, few = np.array(score_p(*arrays)), few_expected(*arrays)
    if few.any():
        p[few] = np.fmax(p[few], fisher_p(*(array[few] for array in arrays)))
    return p


def difference_interval(
    x: ArrayLike, n: ArrayLike, y: ArrayLike, m: ArrayLike, *, level: float = 0.95, p: Floats | None = None
) -> Interval:
    """Return the interval of x/n - y/m; NaN where a side has no trials.

    Parameters
    ----------
    x, n, y, m : array_like
        Successes and trials of one side, then of the other.
    level : float
        The confidence level.
    p : ndarray, optional
        That of `compared_p`, where it has been found already.

    Examples
    --------
    >>> low, high = difference_interval(1226, 349650, 58, 34580)
    >>> f"{low:.6f} {high:.6f}"
    '0.001306 0.002262'
    """
    x, n, y, m = _floats(x, n, y, m)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = x / n - y / m

    def z(delta: Floats) -> Floats:
        q = restricted_share(x, n, y, m, delta)
        first = np.clip(q + delta, 0, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.sqrt(np.maximum(first * (1 - first) / n + q * (1 - q) / m, 1e-300))
            return np.asarray((estimate - delta) / error)

    found = _around(z, score_z(x, n, y, m), (-1.0, estimate, 1.0), level)
    return _reaching(found, 0.0, compared_p(x, n, y, m) if p is None else p, level)


def restricted_share(x: ArrayLike, n: ArrayLike, y: ArrayLike, m: ArrayLike, delta: ArrayLike) -> Floats:
    """Return the second share that is likeliest when the first exceeds it by `delta`.

    It is the root of a cubic, found in closed form (Miettinen and Nurminen, appendix) and then polished by
    Newton's steps on the slope of the likelihood: the closed form has no digits left for rare successes.
    """
    x, n, y, m, delta = _floats(x, n, y, m, delta)
    low, high = np.maximum(0.0, -delta), np.minimum(1.0, 1 - delta)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.clip(_cubic_root(x, n, y, m, delta), low, high)
        for _ in range(6):
            p = q + delta
            parts = ((x, p), (-(n - x), 1 - p), (y, q), (-(m - y), 1 - q))
            slope = sum(np.where(part == 0, 0.0, part / at) for part, at in parts)
            bend = sum(np.where(part == 0, 0.0, np.abs(part) / at**2) for part, at in parts)
            step = np.where(np.isfinite(slope) & (bend > 0), slope / bend, 0.0)
            q = np.clip(np.where(np.isfinite(step), q + step, q), low + (q - low) / 8, high - (high - q) / 8)
    return np.asarray(q, float)


def _cubic_root(x: Floats, n: Floats, y: Floats, m: Floats, delta: Floats) -> Floats:
    total = n + m
    a, b = total, (n + 2 * m) * delta - total - x - y
    c = (m * delta - total - 2 * y) * delta + x + y
    d = y * delta * (1 - delta)
    v = b**3 / (3 * a) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    u = np.copysign(np.sqrt(np.maximum(b * b / (3 * a) ** 2 - c / (3 * a), 0.0)), v)
    angle = np.where(u == 0, np.pi / 2, (np.pi + np.arccos(np.clip(v / u**3, -1, 1))) / 3)
    return np.asarray(2 * u * np.cos(angle) - b / (3 * a))


def ratio_interval(
    x: ArrayLike, n: ArrayLike, y: ArrayLike, m: ArrayLike, *, level: float = 0.95, p: Floats | None = None
) -> Interval:
    """Return the interval of (x/n) / (y/m), the risk ratio; NaN where y is zero.

    Parameters are those of `difference_interval`.

    Examples
    --------
    >>> low, high = ratio_interval(1226, 349650, 58, 34580)
    >>> f"{low:.4f} {high:.4f}"
    '1.6081 2.7179'
    """
    x, n, y, m = _floats(x, n, y, m)

    def z(log_ratio: Floats) -> Floats:
        risk = np.exp(log_ratio)
        a, b, c = (n + m) * risk, (y + n) * risk + x + m, x + y
        # Of two roots the smaller, in the form that loses no digits.
        q = 2 * c / (b + np.sqrt(np.maximum(b * b - 4 * a * c, 0.0)))
        first = np.minimum(q * risk, 1.0)
        error = np.sqrt(np.maximum(first * (1 - first) / n + risk * risk * q * (1 - q) / m, 1e-300))
        return np.asarray((x / n - risk * y / m) / error)

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        middle = np.log(np.maximum(x, 0.5) / n / (y / m))
        low, high = _around(z, score_z(x, n, y, m), (middle - 30, middle, middle + 30), level)
        found = Interval(np.where(x == 0, 0.0, np.exp(low)), np.exp(high))
    known = (y > 0) & (n > 0)
    found = Interval(np.where(known, found.low, np.nan), np.where(known, found.high, np.nan))
    return _reaching(found, 1.0, compared_p(x, n, y, m) if p is None else p, level)


def _reaching(found: Interval, nothing: float, p: Floats, level: float) -> Interval:
    """Return the interval, drawn out as far as no effect where a test does not reject it."""
    kept = p >= 1 - level
    low = np.where(kept, np.minimum(found.low, nothing), found.low)
    return Interval(low, np.where(kept, np.maximum(found.high, nothing), found.high))


def _around(
    z: Callable[[Floats], Floats],
    z_nothing: Floats,
    places: tuple[ArrayLike, Floats, ArrayLike],
    level: float,
) -> Interval:
    """Return where a falling function of the effect meets the critical values, around the estimate.

    The side of no effect on which an end lies is known from the test itself and bounds the search: so both
    agree to the last digit.
    """
    least, estimate, most = places
    critical = float(ndtri(0.5 + level / 2))
    least, most = (np.broadcast_to(end, estimate.shape) for end in (least, most))
    low_from = np.where(z_nothing > critical, np.maximum(least, 0.0), least)
    low_to = np.where(np.abs(z_nothing) <= critical, np.minimum(estimate, 0.0), estimate)
    high_from = np.where(np.abs(z_nothing) <= critical, np.maximum(estimate, 0.0), estimate)
    high_to = np.where(z_nothing < -critical, np.minimum(most, 0.0), most)
    low = _crossing(z, critical, low_from, low_to)[1]
    high = _crossing(z, -critical, high_from, high_to)[0]
    return Interval(low, high)


def _crossing(
    z: Callable[[Floats], Floats], target: float, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Return the two places between which a falling function meets a target.

    References
    ----------
    Chandrupatla (1997), Advances in Engineering Software 28: inverse quadratic steps, and halving where they
    cannot be trusted.
    """
    one, two = np.array(high), np.array(low)
    at_one, at_two = z(one) - target, z(two) - target
    share = np.full(one.shape, 0.5)
    for _ in range(_STEPS):
        middle = one + share * (two - one)
        found = z(middle) - target
        same = (found > 0) == (at_one > 0)
        three, at_three = np.where(same, one, two), np.where(same, at_one, at_two)
        two, at_two = np.where(same, two, one), np.where(same, at_two, at_one)
        one, at_one = middle, found
        width = np.abs(two - one)
        if not np.any((width > _CLOSE * np.abs(one)) & (found != 0)):
            break
        share = _share((one, two, three), (at_one, at_two, at_three))
    meets = at_one == 0
    low, high = np.where(at_one > 0, one, two), np.where(at_one > 0, two, one)
    return np.where(meets, one, low), np.where(meets, one, high)


def _share(places: tuple[Floats, ...], found: tuple[Floats, ...]) -> Floats:
    """Return how far to go from the first place to the second."""
    (one, two, three), (f1, f2, f3) = places, found
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        xi, phi = (one - two) / (three - two), (f1 - f2) / (f3 - f2)
        trusted = (phi * phi < xi) & ((1 - phi) ** 2 < 1 - xi)
        step = f1 / (f2 - f1) * f3 / (f2 - f3) + (three - one) / (two - one) * f1 / (f3 - f1) * f2 / (f3 - f2)
        least = np.minimum(_CLOSE * np.abs(one) / np.abs(two - one) / 2, 0.5)
        return np.where(trusted & np.isfinite(step), np.clip(step, least, 1 - least), 0.5)


def _floats(*values: ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.broadcast_arrays(*(np.asarray(value, float) for value in values)))
