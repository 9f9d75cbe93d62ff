"""Treated against held out, campaign by campaign: the sums behind a difference, its variance and its skew.

Each campaign is a stratum: what its treated would have done anyway is what its own holdout did, times treated
per held out. The differences of campaigns add up.

References
----------
Cochran (1977), Sampling Techniques, section 5.9: estimates of strata add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import stdtr, stdtrit

from workbench.experiments.holdout.pairs import Floats, Integers, Pairs
from workbench.experiments.holdout.permutation import Strata, reassigned
from workbench.experiments.inference.estimate import Estimate, alpha_of, unknown

_MANY = 1e12  # scipy's t knows no infinite degrees of freedom
_EQUAL = 1e-9  # equal assignments may differ in the last digits


class Surprise(Protocol):
    """What chance makes of a difference over its standard error."""

    @property
    def name(self) -> str:
        """Return the procedure, in the field's words."""
        ...

    @property
    def df(self) -> float:
        """Return degrees of freedom; infinite where there are none."""
        ...

    @property
    def ends(self) -> tuple[float, float]:
        """Return the critical values."""
        ...

    def p(self, t: float) -> float:
        """Return the two-sided p: below 1 - level exactly beyond a critical value."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """Student's t."""

    df: float
    level: float

    @property
    def name(self) -> str:
        """Return the procedure."""
        return "normal, variance over users" if np.isinf(self.df) else "Welch's t"

    @property
    def ends(self) -> tuple[float, float]:
        """Return the critical values."""
        high = float(stdtrit(min(self.df, _MANY), 0.5 + self.level / 2))
        return -high, high

    def p(self, t: float) -> float:
        """Return the two-sided p."""
        return float(2 * stdtr(min(self.df, _MANY), -abs(t)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassigned:
    """Studentised differences under random holdouts, sorted."""

    draws: Floats
    level: float

    @property
    def name(self) -> str:
        """Return the procedure."""
        return "studentised permutation"

    @property
    def df(self) -> float:
        """Return that there are no degrees of freedom."""
        return np.inf

    @property
    def ends(self) -> tuple[float, float]:
        """Return the critical values."""
        times = len(self.draws)
        place = int(np.ceil(alpha_of(self.level) * (times + 1) / 2 - 1)) - 1
        if place < 0:  # so few draws that nothing can surprise
            return -np.inf, np.inf
        return float(self.draws[place]) - _EQUAL, float(self.draws[-1 - place]) + _EQUAL

    def p(self, t: float) -> float:
        """Return the two-sided p; the assignment that happened counts among the draws."""
        above = len(self.draws) - int(np.searchsorted(self.draws, t - _EQUAL, side="left"))
        below = int(np.searchsorted(self.draws, t + _EQUAL, side="right"))
        return min(1.0, 2 * (1 + min(above, below)) / (len(self.draws) + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A sum over the treated, what it would have been without the campaign, and what chance does to both.

    Parameters
    ----------
    treated, expected : float
        The two sums.
    tt, th, hh : float
        Variance of the one, covariance of both, variance of the other.
    surprise : Surprise
        What chance makes of the difference over its standard error.
    """

    treated: float
    expected: float
    tt: float
    th: float
    hh: float
    surprise: Surprise

    @property
    def difference(self) -> float:
        """Return what the campaigns caused."""
        return self.treated - self.expected

    @property
    def error(self) -> float:
        """Return the standard error of the difference."""
        return float(np.sqrt(max(self.tt - 2 * self.th + self.hh, 0.0)))

    def p_of(self, value: float = 0.0) -> float:
        """Return the two-sided p of the campaigns having caused this much."""
        return self.surprise.p((self.difference - value) / self.error) if self.error > 0 else np.nan


def by_normal(pairs: Pairs, values: Floats, *, level: float = 0.95) -> Contrast:
    """Return the contrast of a figure of each pair, with the critical values of Student's t.

    Of one campaign the variance and the degrees of freedom are Welch's. Of several the variance is taken over
    users, because one user may stand in several campaigns, and t is normal.
    """
    strata = Strata.of(pairs, values)
    treated, expected = strata.totals
    if len(pairs.campaigns) == 1:
        tt, hh = (float(part[0]) for part in strata.variances)
        n, m = strata.treated[0], strata.held[0]
        known = min(n, m) > 1 and tt + hh > 0
        th, df = 0.0, float((tt + hh) ** 2 / (tt**2 / (n - 1) + hh**2 / (m - 1))) if known else np.nan
    else:
        (tt, th, hh), df = _over_users(pairs, values, strata), np.inf
    surprise = Student(df=df, level=level)
    return Contrast(treated=treated, expected=expected, tt=tt, th=th, hh=hh, surprise=surprise)


def by_permutation(
    pairs: Pairs, values: Floats, *, level: float = 0.95, seed: int = 0, times: int | None = None
) -> Contrast:
    """Return the contrast with critical values from reassigning the holdout, each campaign by itself."""
    strata = Strata.of(pairs, values)
    treated, expected = strata.totals
    tt, hh = (float(part.sum()) for part in strata.variances)
    surprise = Reassigned(draws=reassigned(strata, seed=seed, times=times), level=level)
    return Contrast(treated=treated, expected=expected, tt=tt, th=0.0, hh=hh, surprise=surprise)


def _over_users(pairs: Pairs, values: Floats, strata: Strata) -> tuple[float, float, float]:
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(
            pairs.held,
            (strata.held_sum / strata.held)[pairs.campaign],
            (strata.treated_sum / strata.treated)[pairs.campaign],
        )
    apart = values - means
    user: Integers = np.unique(pairs.user, return_inverse=True)[1]
    t = np.bincount(user, np.where(pairs.held, 0.0, apart))
    h = np.bincount(user, np.where(pairs.held, strata.weight[pairs.campaign] * apart, 0.0))
    return float(t @ t), float(t @ h), float(h @ h)


def estimate_of(found: Contrast, *, less: float = 0.0, note: str = "") -> Estimate:
    """Return what the campaigns caused in total, less a fixed amount such as their cost."""
    low, high = found.surprise.ends
    return Estimate(
        value=found.difference - less,
        low=found.difference - high * found.error - less,
        high=found.difference - low * found.error - less,
        p=found.p_of(less),
        error=found.error,
        df=found.surprise.df,
        method=found.surprise.name,
        note=note,
    )


def ratio_of(found: Contrast, *, note: str = "") -> Estimate:
    """Return what was done over what would have been done, less 1, by Fieller's method.

    The interval holds every ratio r for which the sum less r times the expected sum is no surprise. It leaves
    out 0 exactly where that of the difference does; its upper end is infinite where the expected sum is too
    uncertain. Sums of what people buy are not below 0, and neither is r.

    References
    ----------
    Fieller (1954), Journal of the Royal Statistical Society B 16, 175-185.
    """
    if found.expected <= 0:
        return unknown(
            note or "the holdout bought nothing, so there is nothing to relate it to", method="Fieller"
        )
    low, high = _bounds(found)
    return Estimate(
        value=found.treated / found.expected - 1,
        low=low - 1,
        high=high - 1,
        p=found.p_of(),
        df=found.surprise.df,
        method=f"Fieller, {found.surprise.name}",
        note=note,
    )


def share_of(ratio: Estimate, *, note: str = "") -> Estimate:
    """Return which share of what was done the campaign caused, from the lift over what would have been.

    Examples
    --------
    >>> found = share_of(Estimate(value=1.0, low=0.25, high=float("inf"), p=0.01))
    >>> found.value, found.low, found.high
    (0.5, 0.2, 1.0)
    """

    def share(lift: float) -> float:
        if np.isneginf(lift) or lift <= -1:
            return -np.inf
        return 1.0 if np.isposinf(lift) else float(lift / (1 + lift))

    if not ratio.known:
        return ratio
    return Estimate(
        value=share(ratio.value),
        low=share(ratio.low),
        high=share(ratio.high),
        p=ratio.p,
        df=ratio.df,
        method=ratio.method,
        note=note or ratio.note,
    )


def _bounds(found: Contrast) -> tuple[float, float]:
    """Return the ratios r from 0 at which (treated - r expected) meets the critical values.

    From 0 on, the studentised figure falls with r: from the treated sum over its error to less than 0. So
    there is at most one place for each critical value, and an end is infinite only above.
    """
    ratio = found.treated / found.expected
    least, most = found.surprise.ends
    low = [root for root in _roots(found, most) if 0 <= root <= ratio]
    high = [root for root in _roots(found, least) if root >= ratio]
    return max(low, default=0.0), min(high, default=np.inf)


def _roots(found: Contrast, critical: float) -> list[float]:
    """Return where (treated - r expected) is as far from 0 as the critical value, on either side."""
    if not np.isfinite(critical):
        return []
    a, e, c2 = found.treated, found.expected, critical * critical
    square, linear, constant = e * e - c2 * found.hh, a * e - c2 * found.th, a * a - c2 * found.tt
    inside = linear * linear - square * constant
    if inside < 0:
        return []
    if square == 0:
        return [constant / (2 * linear)] if linear else []
    return [float((linear + sign * np.sqrt(inside)) / square) for sign in (-1, 1)]
