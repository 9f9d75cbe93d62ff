"""Small pure statistics: intervals for shares, ratios and means. Arrays in, arrays out.

Words: a *share* is successes over trials; a *ratio* is a sum over a sum; a *cluster* is what was sampled as a
whole (a day, a user), so that dependence inside it does not make an interval too narrow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, betaln, gammaincinv, ndtri, stdtrit

Floats = NDArray[np.float64]
_STRAIGHT = 1e-6  # a skewness below which the transformation is the identity, and its formula mostly rounding
_HIDDEN = 1.5  # times the skewness seen: of a long tail, what is seen is its beginning


class Interval(NamedTuple):
    """The two ends of an interval; NaN where the data cannot carry one."""

    low: Floats
    high: Floats


def share_interval(successes: ArrayLike, trials: ArrayLike, *, level: float = 0.95) -> Interval:
    """Return Wilson's score interval for independent trials.

    Parameters
    ----------
    successes, trials : array_like
        Counts, broadcast against each other; no trials, or more successes than trials, gives NaN.
    level : float
        The confidence level.

    References
    ----------
    Wilson (1927), JASA 22; Brown, Cai, DasGupta (2001), Statistical Science 16, eq. (4).

    Examples
    --------
    >>> low, high = share_interval(14562, 384230)
    >>> f"{low:.6f} {high:.6f}"
    '0.037300 0.038508'
    """
    x, n = np.asarray(successes, float), np.asarray(trials, float)
    z = ndtri(0.5 + level / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where((n > 0) & (x <= n) & (x >= 0), x / n, np.nan)
        centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1))


def exact_share_interval(successes: ArrayLike, trials: ArrayLike, *, level: float = 0.95) -> Interval:
    """Return Clopper and Pearson's interval, which never covers less than its level.

    Examples
    --------
    >>> low, high = exact_share_interval(0, 10)
    >>> f"{low:.4f} {high:.4f}"
    '0.0000 0.3085'
    """
    x, n = np.asarray(successes, float), np.asarray(trials, float)
    tail = (1 - level) / 2
    good = (n > 0) & (x >= 0) & (x <= n)
    low = np.where(x == 0, 0.0, betaincinv(np.maximum(x, 1e-300), n - x + 1, tail))
    high = np.where(x == n, 1.0, betaincinv(x + 1, np.maximum(n - x, 1e-300), 1 - tail))
    return Interval(np.where(good, low, np.nan), np.where(good, high, np.nan))


def ratio_interval(
    numerators: ArrayLike, denominators: ArrayLike, *, level: float = 0.95, clusters: int = 8
) -> Interval:
    """Return the interval of sum(numerators) / sum(denominators), one entry per cluster (day, user).

    The ratio is linearised at the totals; its residuals by cluster give the variance, Student's t the width,
    and their skewness how far the end in the direction of their tail lies out (`skewed_widths`). Clusters are
    taken as independent; within one anything may depend on anything.

    Parameters
    ----------
    numerators, denominators : array_like, shape (clusters,)
        One pair per cluster; zeros count, as days without a sale are part of the truth.
    level : float
        The confidence level.
    clusters : int
        With fewer clusters the result is NaN: the variance itself would be too uncertain.

    References
    ----------
    Cochran (1977), Sampling Techniques, section 6.3.

    Examples
    --------
    >>> low, high = ratio_interval([2, 3, 4, 3, 2, 4, 3, 3], [10, 10, 10, 10, 10, 10, 10, 10])
    >>> f"{low:.3f} {high:.3f}"
    '0.237 0.363'
    """
    y, x = np.asarray(numerators, float), np.asarray(denominators, float)
    n, total = len(y), x.sum()
    if n < clusters or not np.isfinite(total) or total == 0 or not np.isfinite(y).all():
        return Interval(np.float64(np.nan), np.float64(np.nan))  # type: ignore[arg-type]
    ratio = y.sum() / total
    residual = (y - ratio * x) / total
    residual -= residual.mean()
    error = np.sqrt(n / (n - 1) * np.square(residual).sum())
    below, above = skewed_widths(np.square(residual).sum(), (residual**3).sum(), n, level=level)
    return Interval(ratio - below * error, ratio + above * error)


def skewed_widths(squares: ArrayLike, cubes: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Interval:
    """Return how many standard errors the ends of an interval of a sum lie below and above it.

    Student's t takes the parts of a sum as symmetrical. A few large sales among days without any are not: who
    has not seen the next large one finds too low a mean, and is too sure of it. The end in the direction of
    the tail is moved out by Hall's transformation; none is moved in. The skewness of what was seen is taken
    half as large again, as that of a few lognormal sales is that much lower than the true one, or more. Where
    the transformation folds back, and would give less for more skewness, the most that it gives stands.

    Parameters
    ----------
    squares, cubes : array_like
        The sums of the squares and of the cubes of deviations from the mean.
    n : array_like
        How many deviations there are.
    level : float
        The confidence level.

    References
    ----------
    Hall (1992), Journal of the Royal Statistical Society B 54, 221-228.

    Examples
    --------
    >>> sales = np.array([0, 0, 9, 0, 0, 0, 0, 0, 0, 0]) - 0.9
    >>> below, above = skewed_widths((sales**2).sum(), (sales**3).sum(), 10)
    >>> f"{below:.2f} {above:.2f}"
    '2.26 9.35'
    """
    m = np.asarray(n, float)
    student = stdtrit(np.maximum(m - 1, 1), 0.5 + level / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = _HIDDEN * np.asarray(cubes, float) / np.asarray(squares, float) ** 1.5  # over the root of n
        # With t for Student's quantile (1 + y) / (1 + y ** 3), y ** 3 = skew * t - 1, is largest at y = 1/2.
        skew = np.clip(skew, -9 / (8 * student), 9 / (8 * student))
        straight = ~(np.abs(skew) > _STRAIGHT)
        skew = np.where(straight, 1.0, skew)
        ends = [3 / skew * (np.cbrt(1 + skew * (end - skew / 6)) - 1) for end in (student, -student)]
    below, above = (np.where(straight, student, np.maximum(student, np.abs(end))) for end in ends)
    return Interval(below, above)


def most_per_unit(
    relative_variance: ArrayLike, n: ArrayLike, *, counted: ArrayLike = np.inf, level: float = 0.95
) -> Floats:
    """Return how many times its estimate a cost per unit may be: the upper end of what is divided by a sum.

    A cost per conversion is the inverse of conversions per cost, so its upper end comes from the lower end of
    a sum, which is that of a gamma distribution of the same relative variance. For counts that vary from day
    to day as Poisson's do it is Garwood's exact end, with the variance of the days where they vary more.

    Parameters
    ----------
    relative_variance : array_like
        The square of the standard error by that of the estimate.
    n : array_like
        The number of clusters that the variance comes from; few make it uncertain, and the end higher.
    counted : array_like
        The sum divided by, where it is a count: it varies at least as much as Poisson's.
    level : float
        The confidence level.

    References
    ----------
    Garwood (1936), Biometrika 28, 437-442; Fay and Feuer (1997), Statistics in Medicine 16, 791-801.

    Examples
    --------
    >>> [f"{most_per_unit(0.0, 30, counted=conversions):.2f}" for conversions in (1, 4, 100)]
    ['39.50', '3.67', '1.23']
    """
    m, spread = np.asarray(n, float), np.asarray(relative_variance, float)
    doubt = np.square(stdtrit(np.maximum(m - 1, 1), 0.5 + level / 2) / ndtri(0.5 + level / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        units = np.minimum(1 / (spread * doubt), counted)
        factor = units / gammaincinv(units, (1 - level) / 2)
    return np.asarray(np.where(units > 0, factor, np.nan))


def beta_of_shares(successes: ArrayLike, trials: ArrayLike, *, steps: int = 200) -> tuple[Floats, Floats]:
    """Return the two parameters of the Beta distribution that the true shares most likely come from.

    The likelihood is the beta-binomial's, the mean the pooled share. The sum of the parameters is at most
    the mean number of trials: what the others suggest never outweighs what a typical share shows by itself.

    Parameters
    ----------
    successes, trials : array_like, shape (..., shares)
        Counts; every leading place is a set of shares of its own.
    steps : int
        How many sums of the parameters are tried.

    References
    ----------
    Griffiths (1973), Biometrics 29, 637-648.

    Examples
    --------
    >>> a, b = beta_of_shares([10, 12, 11], [1000, 1000, 1000])
    >>> print(f"{a / (a + b):.3f}")
    0.011
    """
    x, n = np.asarray(successes, float), np.asarray(trials, float)
    mean = (x.sum(axis=-1) + 0.5) / (n.sum(axis=-1) + 1)
    weakest = 0.5 / np.minimum(mean, 1 - mean)  # less would pile the distribution up at its ends
    strongest = np.maximum(n.mean(axis=-1), weakest)
    strengths = np.exp(np.linspace(np.log(weakest), np.log(strongest), steps, axis=-1))
    a, b = (side[..., None] for side in (mean[..., None] * strengths, (1 - mean)[..., None] * strengths))
    fits = (betaln(a + x[..., None, :], b + (n - x)[..., None, :]) - betaln(a, b)).sum(axis=-1)
    best = np.take_along_axis(strengths, fits.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    return np.asarray(mean * best), np.asarray((1 - mean) * best)


def hdi(values: ArrayLike, mass: float = 0.94, axis: int = 0) -> Interval:
    """Return the shortest interval that holds a share of the draws: the highest density interval of one mode.

    Parameters
    ----------
    values : array_like
        Draws along `axis`; NaN among them gives NaN, infinite ones stand at the end.
    mass : float
        The share that the interval holds.
    axis : int
        The axis of draws, which disappears.

    References
    ----------
    Kruschke (2015), Doing Bayesian Data Analysis, section 25.2.3.

    Examples
    --------
    >>> low, high = hdi([1, 2, 3, 4, 5, 6, 7, 8, 9, 40], mass=0.8)
    >>> f"{low:.0f} {high:.0f}"
    '1 9'
    """
    ordered = np.sort(np.moveaxis(np.asarray(values, float), axis, 0), axis=0)
    count = len(ordered)
    inside = min(int(mass * count), count - 1)
    low, high = ordered[: count - inside], ordered[inside:]
    with np.errstate(invalid="ignore"):
        width = high - low
    place = np.argmin(np.where(np.isnan(width), np.inf, width), axis=0)[None]
    unknown = np.isnan(ordered[-1])
    ends = [np.where(unknown, np.nan, np.take_along_axis(side, place, axis=0)[0]) for side in (low, high)]
    return Interval(*ends)
