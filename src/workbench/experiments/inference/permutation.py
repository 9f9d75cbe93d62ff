"""A permutation test for skewed revenue of few buyers, where Welch's t finds what is not there.

Almost all users spend nothing. To shuffle users over the two groups is to draw how many buyers fall into one
group (hypergeometric) and which (a random subset): exact, and its cost grows with buyers, not with users. The
statistic is studentised, so that the test also holds where the groups' variances differ.

Effects are tested as factors: if the treatment multiplies what everybody spends by 1 + r, then the spending
of the treated divided by 1 + r is exchangeable with the control's. Zeros stay zeros under a factor; under a
shift, the usual choice, they would not, and the test would be of something that cannot happen. An interval
holds all effects that are not rejected, and p is that of no effect: one procedure, one set of shuffles. A
difference d is tested with the factor that it needs, 1 + d / control mean, and its statistic centred at d;
at d = 0 this is the same test. Of few buyers the largest are seldom seen, so that a difference in money looks
surer than it is: its interval is then drawn out to what the relative change allows of the control's mean.

References
----------
Janssen (1997), Statistics and Probability Letters 36; Chung, Romano (2013), Annals of Statistics 41:
studentised permutation tests. Phipson, Smyth (2010): p is never 0. Wheeler, Torchiano (2016) and Garthwaite
(1996), Biometrics 52: intervals by inverting permutation tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.experiments.inference.estimate import Estimate, alpha_of, unknown
from workbench.experiments.inference.shuffling import Buyers, Shuffles, buyers_of, shuffles
from workbench.experiments.inference.skewness import FEW_BUYERS

Floats = NDArray[np.float64]

METHOD = "studentised permutation test"
_FARTHEST = 1e4  # a factor beyond which an end of the relative interval is called unbounded
_ROUNDING = 1e-10  # of the mean square; below it sums of squares have no digits left
_FINE = 1e-4  # of the search for ends: in standard errors, and in shares of the factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Permuted:
    """What the permutation test found.

    Parameters
    ----------
    difference : Estimate
        Treated mean minus control mean, per user.
    relative : Estimate
        The same over the control mean; an end may be infinite where the control has few buyers.
    buyers : tuple of int
        Users with a value other than 0, control and treated.
    permutations, seed : int
        How often the users were shuffled, and from where: the same seed gives the same p.
    """

    difference: Estimate
    relative: Estimate
    buyers: tuple[int, int]
    permutations: int
    seed: int


def permutation_test(
    values: ArrayLike,
    counts: ArrayLike,
    *,
    users: tuple[int, int],
    level: float = 0.95,
    permutations: int = 10_000,
    seed: int = 0,
) -> Permuted:
    """Return the difference of two means with p and interval from shuffling users over the groups.

    Parameters
    ----------
    values : array_like, shape (values,)
        The distinct values that users have; 0 may be left out.
    counts : array_like, shape (values, 2)
        How many users of the control, and of the treated, have each value.
    users : pair of int
        All users of the control, and of the treated.
    level : float
        Of the intervals.
    permutations : int
        How often to shuffle; p cannot fall below 2 / (permutations + 1). With 10,000, p is never just 0.05.
    seed : int
        Of the shuffling.

    Raises
    ------
    UsageError
        If the counts do not fit the values or the users.

    Examples
    --------
    >>> values, counts = [10.0, 25.0, 80.0], [[40, 60], [30, 55], [10, 21]]
    >>> found = permutation_test(values, counts, users=(1000, 1000))
    >>> round(found.difference.value, 3), found.difference.significant, found.relative.significant
    (1.705, True, True)
    """
    table = buyers_of(values, counts, users)
    buyers = (int(table.counts[:, 0].sum()), int(table.counts[:, 1].sum()))
    why = _why_not(table, permutations, alpha_of(level))
    if why:
        blank = unknown(why, method=METHOD)
        return Permuted(difference=blank, relative=blank, buyers=buyers, permutations=permutations, seed=seed)
    drawn = shuffles(table, permutations, np.random.default_rng(seed))
    difference, relative = _estimates(table, drawn, alpha_of(level))
    return Permuted(
        difference=difference,
        relative=relative,
        buyers=buyers,
        permutations=permutations,
        seed=seed,
    )


def permutation_tails(
    values: ArrayLike, counts: ArrayLike, *, users: tuple[int, int], rng: np.random.Generator
) -> Callable[[int], tuple[int, int]] | None:
    """Return what shuffles so often and counts the tails of p alone, for `sided_p`; None where there is no p.

    Parameters
    ----------
    values, counts, users
        As in `permutation_test`.
    rng : numpy.random.Generator
        Chance.

    Examples
    --------
    >>> counts, users = [[40, 60], [30, 55]], (1000, 1000)
    >>> tails = permutation_tails([10.0, 25.0], counts, users=users, rng=np.random.default_rng(0))
    >>> tails(1000)[0] < 10
    True
    """
    table = buyers_of(values, counts, users)
    if _why_not(table, 1, 2.0):
        return None

    def tails(permutations: int) -> tuple[int, int]:
        drawn = shuffles(table, permutations, rng)
        (c, c2), (t, t2) = table.sums(0), table.sums(1)
        moved, moved2 = drawn.own[0] + drawn.others[0], drawn.own[1] + drawn.others[1]
        apart, error = _statistic((c, t), (c2, t2), table.users)
        shuffled, errors = _statistic((c + t - moved, moved), (c2 + t2 - moved2, moved2), table.users)
        return _tails(apart, error, shuffled, errors)

    return tails


def permutation_p(
    values: ArrayLike,
    counts: ArrayLike,
    *,
    users: tuple[int, int],
    permutations: int = 10_000,
    seed: int = 0,
) -> float:
    """Return only p, and NaN where there is none: what repeated checks of the method need, ten times as fast.

    Parameters
    ----------
    values, counts, users, permutations, seed
        As in `permutation_test`.

    Examples
    --------
    >>> permutation_p([10.0, 25.0], [[40, 60], [30, 55]], users=(1000, 1000)) < 0.01
    True
    """
    table = buyers_of(values, counts, users)
    if _why_not(table, permutations, 1.0):
        return float("nan")
    return _difference_p(table, shuffles(table, permutations, np.random.default_rng(seed)), 0.0)


def _why_not(table: Buyers, permutations: int, alpha: float) -> str:
    if min(table.users) < 2:
        return "A group has fewer than two users."
    if table.counts.sum() < 2:
        return "Fewer than two users have a value other than 0."
    spread = [_variance(*table.sums(group), table.users[group]) for group in (0, 1)]
    size = max(table.sums(group)[1] / table.users[group] for group in (0, 1))
    if not sum(spread) > _ROUNDING * size:
        return "Within each group all users have the same value, but for rounding."
    if alpha / 2 * (permutations + 1) <= 1:
        return f"{permutations} permutations are too few for an interval of {1 - alpha:.1%}."
    return ""


def _variance(total: float | Floats, squares: float | Floats, n: int) -> Floats:
    return np.maximum(np.asarray(squares - np.square(total) / n), 0.0) / (n - 1)


def _statistic(
    totals: tuple[float | Floats, float | Floats],
    squares: tuple[float | Floats, float | Floats],
    users: tuple[int, int],
) -> tuple[Floats, Floats]:
    """Return the difference of the means (treated minus control) and its standard error."""
    apart = np.asarray(totals[1] / users[1] - totals[0] / users[0])
    variances = [_variance(totals[group], squares[group], users[group]) / users[group] for group in (0, 1)]
    return apart, np.sqrt(variances[0] + variances[1])


def _relative_p(table: Buyers, drawn: Shuffles, factor: float) -> float:
    """Return p for the treated values, divided by the factor, being like the control's."""
    (c, c2), (t, t2) = table.sums(0), table.sums(1)
    t, t2 = t / factor, t2 / factor**2
    moved = drawn.own[0] / factor + drawn.others[0]
    moved2 = drawn.own[1] / factor**2 + drawn.others[1]
    apart, error = _statistic((c, t), (c2, t2), table.users)
    shuffled, errors = _statistic((c + t - moved, moved), (c2 + t2 - moved2, moved2), table.users)
    return _two_sided(apart, error, shuffled, errors)


def _difference_p(table: Buyers, drawn: Shuffles, effect: float) -> float:
    """Return p for a difference of the means, by the factor that makes it."""
    (c, c2), (t, t2) = table.sums(0), table.sums(1)
    n_c, n_t = table.users
    base = (c + t - effect * n_t) / (n_c + n_t)
    factor = 1.0 if effect == 0 else 1 + effect / base if base > 0 else np.inf
    if not 1 / _FARTHEST < factor < _FARTHEST:
        return 0.0
    moved = drawn.own[0] + drawn.others[0] * factor
    moved2 = drawn.own[1] + drawn.others[1] * factor**2
    left = c + t / factor - moved / factor
    left2 = c2 + t2 / factor**2 - moved2 / factor**2
    apart, error = _statistic((c, t), (c2, t2), table.users)
    shuffled, errors = _statistic((left, moved), (left2, moved2), table.users)
    centre = (factor - 1) * (c + t / factor) / (n_c + n_t)
    return _two_sided(apart - effect, error, shuffled - centre, errors)


def _two_sided(apart: Floats, error: Floats, shuffled: Floats, errors: Floats) -> float:
    """Return twice the smaller tail, the data themselves counted as one shuffle."""
    return min(1.0, 2 * (1 + min(_tails(apart, error, shuffled, errors))) / (len(shuffled) + 1))


def _tails(apart: Floats, error: Floats, shuffled: Floats, errors: Floats) -> tuple[int, int]:
    """Return how many shuffles are as high as what was seen, and as low."""
    observed = float(apart / error)
    with np.errstate(divide="ignore", invalid="ignore"):
        others = np.nan_to_num(shuffled / errors)
    slack = 1e-9 * max(1.0, abs(observed))  # equal but for rounding
    return int((others >= observed - slack).sum()), int((others <= observed + slack).sum())


def _estimates(table: Buyers, drawn: Shuffles, alpha: float) -> tuple[Estimate, Estimate]:
    """Return the difference and the relative change."""
    (c, c2), (t, t2) = table.sums(0), table.sums(1)
    apart, error = (float(figure) for figure in _statistic((c, t), (c2, t2), table.users))
    p = _difference_p(table, drawn, 0.0)
    if min(table.values.min(), c, t) <= 0:
        low, high = _studentised(table, drawn, alpha, p)
        note = "Values below 0, or a group without any: no factor is tested."
        difference = Estimate(value=apart, error=error, low=low, high=high, p=p, method=METHOD, note=note)
        return difference, unknown("a relative change needs values above 0 in both groups", method=METHOD)
    ratio = (t / table.users[1]) / (c / table.users[0])

    def far(steps: float) -> bool:
        return _difference_p(table, drawn, steps * error) < alpha

    def off(exponent: float) -> bool:
        return _relative_p(table, drawn, float(np.exp(exponent))) < alpha

    ends = [_end(far, apart / error, p < alpha, step=step, limit=100.0) * error for step in (-0.5, 0.5)]
    limit = float(np.log(_FARTHEST))
    changes = [
        float(np.exp(_end(off, np.log(ratio), p < alpha, step=step, limit=limit))) - 1
        for step in (-0.25, 0.25)
    ]
    few = table.counts.sum(axis=0).min() < FEW_BUYERS
    low, high = _drawn_out(ends, changes, c / table.users[0], t / table.users[1]) if few else ends
    note = "" if np.isfinite([low, high]).all() else "So few buyers leave an end of the interval open."
    return (
        Estimate(value=apart, error=error, low=low, high=high, p=p, method=METHOD, note=note),
        Estimate(value=ratio - 1, low=changes[0], high=changes[1], p=p, method=METHOD),
    )


def _drawn_out(
    ends: list[float], changes: list[float], control: float, treated: float
) -> tuple[float, float]:
    """Return the ends of a difference, as far out at least as a relative change of either mean allows."""
    change = np.array(changes)
    with np.errstate(divide="ignore", invalid="ignore"):
        every = np.stack([np.array(ends), change * control, change / (1 + change) * treated])
    every = np.where(np.isfinite(every), every, np.array(ends))
    return float(every[:, 0].min()), float(every[:, 1].max())


def _studentised(table: Buyers, drawn: Shuffles, alpha: float, p: float) -> tuple[float, float]:
    """Return difference - quantiles x error: where there is no factor, the quantiles at no effect must do."""
    (c, c2), (t, t2) = table.sums(0), table.sums(1)
    apart, error = _statistic((c, t), (c2, t2), table.users)
    moved, moved2 = drawn.own[0] + drawn.others[0], drawn.own[1] + drawn.others[1]
    shuffled, errors = _statistic((c + t - moved, moved), (c2 + t2 - moved2, moved2), table.users)
    with np.errstate(divide="ignore", invalid="ignore"):
        ranked = np.sort(np.nan_to_num(shuffled / errors))
    beyond = int(np.ceil(alpha / 2 * (len(ranked) + 1) - 1)) - 1  # with so many farther out, p is below alpha
    low = float(apart - error * ranked[len(ranked) - 1 - beyond])
    high = float(apart - error * ranked[beyond])
    return (low, high) if p < alpha else (min(low, 0.0), max(high, 0.0))  # ties, but for rounding


def _end(
    rejected: Callable[[float], bool], start: float, significant: bool, *, step: float, limit: float
) -> float:
    """Return the last effect that is not rejected on the way from the estimate; infinite if there is none.

    Whether no effect (0) is rejected is known already, and the end agrees with it.
    """
    inside, outside = start, start + step
    towards_none = start * step < 0
    if towards_none:
        inside, outside = (start, 0.0) if significant else (0.0, step)
    if not (towards_none and significant):
        while not rejected(outside):
            inside, outside = outside, outside + step
            if abs(outside) > limit:
                return float(np.copysign(np.inf, step))
    while abs(outside - inside) > _FINE:
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if rejected(middle) else (middle, outside)
    return inside
