"""What campaigns caused, from their holdouts: lift, incrementality and net incremental revenue.

One value and one procedure each, so that an interval excludes no effect exactly when p is below 0.05. Of one
campaign, lift is the score test of two proportions and its inversion. Of several, every campaign is compared
with its own holdout and the differences are added up; the variance is taken over users, because one may stand
in several campaigns. Where fewer than five buyers are expected on a side of one campaign, Fisher's test must
agree (`two_proportions`).

References
----------
Cochran (1977), Sampling Techniques, sections 5.3 and 5.9: estimates of strata add up, and so do their
variances where the strata are independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from workbench.metrics.derived import derived
from workbench.metrics.derived.holdout import COVERED, EXPECTED, FEWEST, PRODUCTS, SUMS
from workbench.metrics.intervals import LEVEL, Spread
from workbench.metrics.measures import Derived, Leaf
from workbench.metrics.metric import Method
from workbench.metrics.two_proportions import compared_p, difference_interval, ratio_interval
from workbench.metrics.values import Floats, Values

MIN_EXPECTED = 5
BUYERS = 200
_Z = float(ndtri(0.5 + LEVEL / 2))
SPREAD: tuple[Leaf, ...] = tuple(derived("holdout", name) for name in (*SUMS, *EXPECTED, *PRODUCTS, *COVERED))


@dataclass(frozen=True, slots=True)
class Arms:
    """The figures of `derived.holdout` in one slice."""

    sums: dict[str, float]

    def __getitem__(self, name: str) -> float:
        return self.sums[name]

    @property
    def single(self) -> bool:
        """Return whether one campaign is all that is compared: its users stand in one pair each."""
        return self["compared"] == 1

    @property
    def enough(self) -> bool:
        """Return whether five buyers, and five others, are to be expected on each side without an effect."""
        held, buyers = self["chance_buyers"], self["treated_buyers"] + self["holdout_buyers"]
        sides = (held, self["holdout"] - held, buyers - held, self["treated"] - buyers + held)
        return min(sides) >= MIN_EXPECTED

    def error(self, what: str, treated: float, expected: float) -> float:
        """Return the standard error of a treated sum less an expected one, each times a factor."""
        tt, th, hh = (self[f"{what}_{sides}"] for sides in ("tt", "th", "hh"))
        variance = treated * treated * tt - 2 * treated * expected * th + expected * expected * hh
        return float(np.sqrt(max(variance, 0.0)))

    @property
    def cover(self) -> str:
        """Return which part of the treated is compared; an empty text where it is all of them."""
        if self["compared"] == self["campaigns"]:
            return ""
        share = self["treated"] / self["reached"]
        return (
            f"of {self['compared']:.0f} of {self['campaigns']:.0f} campaigns, with {share:.0%} of the "
            f"treated users: the others held out nobody, or fewer than {FEWEST} users"
        )


def effect(method: Method, values: Values, spend: Floats) -> Spread:
    """Return interval and p of an effect for every slice."""
    arrays = {leaf.figure: values.of(leaf) for leaf in SPREAD if isinstance(leaf, Derived)}
    rows = [
        _one(method, Arms({k: float(v[i]) for k, v in arrays.items()}), float(spend[i]))
        for i in range(len(spend))
    ]
    low, high, error, p, n, notes = zip(*rows, strict=True) if rows else ((),) * 6
    floats = [np.array(column, float) for column in (low, high, error, p, n)]
    return Spread(low=floats[0], high=floats[1], error=floats[2], p=floats[3], n=floats[4], notes=list(notes))


def blank_untreated(values: Values) -> None:
    """Blank what the treated brought where all were held out: it is unknown, not zero."""
    sides = [derived("holdout", name) for name in ("treated", "holdout")]
    revenue = derived("holdout", "treated_revenue")
    if values.totals.keys() >= {*sides, revenue}:
        treated, held = (values.totals[side] for side in sides)
        nobody = (treated == 0) & (held > 0)
        if nobody.any():
            values.totals[revenue] = np.where(nobody, np.nan, values.totals[revenue])
            values.reasons[revenue] = "nobody was treated"


_Row = tuple[float, float, float, float, float, str]


def _one(method: Method, arms: Arms, spend: float) -> _Row:
    n = arms["treated"] + arms["holdout"]
    if not (arms["treated"] > 0 and arms["holdout"] > 0):
        few = f"no campaign held out {FEWEST} users or more" if arms["campaigns"] > 1 else ""
        why = "all users were held out" if arms["holdout"] > 0 else "no users were held out"
        return np.nan, np.nan, np.nan, np.nan, n, few or why
    if method == "net revenue":
        return (*_net_revenue(arms, spend), n, _joined(arms.cover, _net_revenue_note(arms)))
    if arms["treated_buyers"] + arms["holdout_buyers"] == 0:
        return np.nan, np.nan, np.nan, np.nan, n, "nobody bought"
    relative = method == "incrementality"
    if arms.single:
        return (*_by_score(arms, relative=relative), n, _joined(arms.cover, _score_note(arms)))
    return (*_by_users(arms, relative=relative), n, _joined(arms.cover, _users_note(arms)))


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _score_note(arms: Arms) -> str:
    if arms.enough:
        return ""
    return f"fewer than {MIN_EXPECTED} buyers expected on a side: Fisher's exact test must agree"


def _users_note(arms: Arms) -> str:
    if arms.enough:
        return "each campaign against its own holdout; the variance is taken over users"
    return f"fewer than {MIN_EXPECTED} buyers expected on a side: no p"


def _by_score(arms: Arms, *, relative: bool) -> tuple[float, float, float, float]:
    x, n, y, m = arms["treated_buyers"], arms["treated"], arms["holdout_buyers"], arms["holdout"]
    p = float(compared_p(x, n, y, m))
    if not relative:
        low, high = map(float, difference_interval(x, n, y, m, level=LEVEL))
        return low, high, (high - low) / (2 * _Z), p
    # Holdout over treated: what would have been bought anyway.
    low, high = map(float, ratio_interval(y, m, x, n, level=LEVEL))
    return 1 - high, 1 - low, (high - low) / (2 * _Z), p


def _by_users(arms: Arms, *, relative: bool) -> tuple[float, float, float, float]:
    one, other, n = arms["treated_buyers"], arms["expected_buyers"], arms["treated"]
    if relative and (one == 0 or other == 0):
        return np.nan, np.nan, np.nan, np.nan
    estimate = float(np.log(one / other)) if relative else (one - other) / n
    error = arms.error("buyers", 1 / one, 1 / other) if relative else arms.error("buyers", 1 / n, 1 / n)
    p = float(2 * ndtr(-abs(estimate) / error)) if error > 0 and arms.enough else np.nan
    low, high = estimate - _Z * error, estimate + _Z * error
    if relative:
        low, high = 1 - float(np.exp(-low)), 1 - float(np.exp(-high))
    return low, high, (high - low) / (2 * _Z), p


def _net_revenue(arms: Arms, spend: float) -> tuple[float, float, float, float]:
    estimate = arms["treated_revenue"] - arms["expected_revenue"] - spend
    if not np.isfinite(estimate) or _few_users(arms):
        return np.nan, np.nan, np.nan, np.nan
    error = arms.error("revenue", 1.0, 1.0)
    low, high = estimate - _Z * error, estimate + _Z * error
    if not (
        error > 0 and _buyers(arms)
    ):  # an interval that is rough is no ground for a verdict or a comparison
        return low, high, np.nan, np.nan
    return low, high, error, float(2 * ndtr(-abs(estimate) / error))


def _few_users(arms: Arms) -> bool:
    """Return whether a side has so few users that how much they differ cannot be seen."""
    return min(arms["treated"], arms["holdout"]) < FEWEST


def _buyers(arms: Arms) -> bool:
    return min(arms["treated_buyers"], arms["holdout_buyers"]) >= BUYERS


def _net_revenue_note(arms: Arms) -> str:
    if _few_users(arms):
        return f"no interval: fewer than {FEWEST} users on a side"
    if _buyers(arms):
        return ""
    return f"fewer than {BUYERS} buyers on a side: revenue is too skewed for p, the interval is rough"
