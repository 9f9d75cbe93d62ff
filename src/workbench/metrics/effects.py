"""What a campaign caused, from its holdout: lift, incrementality and net incremental revenue.

One value and one procedure each, so that an interval excludes no effect exactly when p is below 0.05. Where
each user stands in one pair, lift is the score test of two proportions and its inversion; where users stand
in several campaigns, the variance is taken over users. Fewer than five expected buyers on a side make the
test Fisher's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from workbench.metrics.derived import derived
from workbench.metrics.derived.holdout import PRODUCTS, SUMS, product
from workbench.metrics.intervals import LEVEL, Spread
from workbench.metrics.measures import Derived, Leaf
from workbench.metrics.metric import Method
from workbench.metrics.values import Floats, Values

EXPECTED = 5
BUYERS = 200
_Z = float(ndtri(0.5 + LEVEL / 2))
SPREAD: tuple[Leaf, ...] = tuple(
    derived("holdout", name) for name in ("users", *SUMS, *(product(one, other) for one, other in PRODUCTS))
)


@dataclass(frozen=True, slots=True)
class Arms:
    """Sums over users of one slice: `sums[name]`, and `sums[product(name, other)]`."""

    sums: dict[str, float]

    def __getitem__(self, name: str) -> float:
        return self.sums[name]

    @property
    def apart(self) -> bool:
        """Return whether every user stands in one pair of user and campaign."""
        return self["users"] == self["treated"] + self["holdout"]

    @property
    def expected(self) -> float:
        """Return the smallest number of buyers, or of others, to be expected on a side without an effect."""
        share = (self["treated_buyers"] + self["holdout_buyers"]) / (self["treated"] + self["holdout"])
        return min(self["treated"], self["holdout"]) * min(share, 1 - share)

    def variance(self, weights: dict[str, float]) -> float:
        """Return the variance of a weighted sum over users whose expectation is zero."""
        return sum(
            weights[a] * weights[b] * self[product(a, b)] * (1 if a == b else 2)
            for a, b in PRODUCTS
            if a in weights and b in weights
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


_Row = tuple[float, float, float, float, float, str]


def _one(method: Method, arms: Arms, spend: float) -> _Row:
    n = arms["treated"] + arms["holdout"]
    if not (arms["treated"] > 0 and arms["holdout"] > 0):
        return np.nan, np.nan, np.nan, np.nan, n, "no users were held out"
    if method == "net revenue":
        return (*_net_revenue(arms, spend)[:4], n, _net_revenue_note(arms))
    if arms["treated_buyers"] + arms["holdout_buyers"] == 0:
        return np.nan, np.nan, np.nan, np.nan, n, "nobody bought"
    relative = method == "incrementality"
    if arms.apart:
        return (*_by_score(arms, relative=relative), n, _score_note(arms))
    return (*_by_users(arms, relative=relative), n, _users_note(arms))


def _score_note(arms: Arms) -> str:
    return (
        ""
        if arms.expected >= EXPECTED
        else f"fewer than {EXPECTED} buyers expected on a side: p is Fisher's exact"
    )


def _users_note(arms: Arms) -> str:
    if arms.expected >= EXPECTED:
        return "users stand in several campaigns: the variance is taken over users"
    return f"fewer than {EXPECTED} buyers expected on a side: no p"


def _by_score(arms: Arms, *, relative: bool) -> tuple[float, float, float, float]:
    x, n, y, m = arms["treated_buyers"], arms["treated"], arms["holdout_buyers"], arms["holdout"]
    p = score_p(x, n, y, m) if arms.expected >= EXPECTED else fisher_p(x, n, y, m)
    if not relative:
        low, high = difference_interval(x, n, y, m)
        return low, high, (high - low) / (2 * _Z), p
    low, high = risk_interval(y, m, x, n)  # holdout over treated: what would have been bought anyway
    return 1 - high, 1 - low, (high - low) / (2 * _Z), p


def _by_users(arms: Arms, *, relative: bool) -> tuple[float, float, float, float]:
    a, c = arms["treated"], arms["holdout"]
    one, other = arms["treated_buyers"] / a, arms["holdout_buyers"] / c
    if relative and (one == 0 or other == 0):
        return np.nan, np.nan, np.nan, np.nan
    up, down = (1 / one, 1 / other) if relative else (1.0, 1.0)
    weights = {"treated_buyers": up / a, "treated": -up * one / a}
    weights |= {"holdout_buyers": -down / c, "holdout": down * other / c}
    error = float(np.sqrt(max(arms.variance(weights), 0)))
    estimate = float(np.log(one / other)) if relative else one - other
    p = float(2 * ndtr(-abs(estimate) / error)) if error > 0 and arms.expected >= EXPECTED else np.nan
    low, high = estimate - _Z * error, estimate + _Z * error
    if relative:
        low, high = 1 - float(np.exp(-low)), 1 - float(np.exp(-high))
    return low, high, (high - low) / (2 * _Z), p


def _net_revenue(arms: Arms, spend: float) -> tuple[float, float, float, float]:
    a, c = arms["treated"], arms["holdout"]
    one, other = arms["treated_revenue"] / a, arms["holdout_revenue"] / c
    weights = {"treated_revenue": 1 / a, "treated": -one / a, "holdout_revenue": -1 / c, "holdout": other / c}
    error = a * float(np.sqrt(max(arms.variance(weights), 0)))
    estimate = (one - other) * a - spend
    if not np.isfinite(estimate):
        return np.nan, np.nan, np.nan, np.nan
    p = float(2 * ndtr(-abs(estimate) / error)) if error > 0 and _enough(arms) else np.nan
    return estimate - _Z * error, estimate + _Z * error, error, p


def _enough(arms: Arms) -> bool:
    return min(arms["treated_buyers"], arms["holdout_buyers"]) >= BUYERS


def _net_revenue_note(arms: Arms) -> str:
    if _enough(arms):
        return ""
    return f"fewer than {BUYERS} buyers on a side: revenue is too skewed for p, the interval is rough"


def score_p(x: float, n: float, y: float, m: float) -> float:
    """Return the two-sided p of the score test of two proportions.

    Examples
    --------
    >>> f"{score_p(1226, 349650, 58, 34580):.2e}"
    '1.88e-08'
    """
    pooled = (x + y) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return float(2 * ndtr(-abs(x / n - y / m) / error)) if error > 0 else np.nan


def fisher_p(x: float, n: float, y: float, m: float) -> float:
    """Return the two-sided p of Fisher's exact test."""
    from scipy.stats import fisher_exact

    return float(fisher_exact([[int(x), int(n - x)], [int(y), int(m - y)]]).pvalue)


def difference_interval(x: float, n: float, y: float, m: float) -> tuple[float, float]:
    """Return the interval of x/n - y/m that inverts the score test.

    References
    ----------
    Mee (1984), Biometrics 40; Miettinen and Nurminen (1985), Statistics in Medicine 4, without their n/(n-1).
    """
    estimate = x / n - y / m

    def z(delta: float) -> float:
        q = _restricted(x, n, y, m, delta)
        p = q + delta
        error = np.sqrt(max(p * (1 - p) / n + q * (1 - q) / m, 1e-300))
        return float((estimate - delta) / error)

    return _crossing(z, _Z, -1.0, estimate), _crossing(z, -_Z, estimate, 1.0)


def _restricted(x: float, n: float, y: float, m: float, delta: float) -> float:
    """Return the second proportion that is likeliest when the first exceeds it by `delta`."""
    total = n + m
    a, b = total, (n + 2 * m) * delta - total - x - y
    c = (m * delta - total - 2 * y) * delta + x + y
    d = y * delta * (1 - delta)
    v = b**3 / (3 * a) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    u = np.copysign(np.sqrt(max(b * b / (3 * a) ** 2 - c / (3 * a), 0.0)), v)
    angle = (np.pi + np.arccos(np.clip(v / u**3, -1, 1))) / 3 if u else np.pi / 2
    return float(np.clip(2 * u * np.cos(angle) - b / (3 * a), max(0.0, -delta), min(1.0, 1 - delta)))


def risk_interval(x: float, n: float, y: float, m: float) -> tuple[float, float]:
    """Return the interval of (x/n) / (y/m) that inverts the score test.

    References
    ----------
    Koopman (1984), Biometrics 40.
    """
    if y == 0:
        return np.nan, np.nan

    def z(log_ratio: float) -> float:
        risk = float(np.exp(log_ratio))
        a, b, c = (n + m) * risk, -((y + n) * risk + x + m), x + y
        q = (-b - np.sqrt(max(b * b - 4 * a * c, 0.0))) / (2 * a)
        p = min(q * risk, 1.0)
        error = np.sqrt(max(p * (1 - p) / n + risk * risk * q * (1 - q) / m, 1e-300))
        return float((x / n - risk * y / m) / error)

    middle = float(np.log(max(x, 0.5) / n / (y / m)))
    low = 0.0 if x == 0 else float(np.exp(_crossing(z, _Z, middle - 30, middle)))
    return low, float(np.exp(_crossing(z, -_Z, middle, middle + 30)))


def _crossing(z: Callable[[float], float], target: float, low: float, high: float) -> float:
    """Return where a falling function meets a target, by halving."""
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if z(middle) > target else (low, middle)
    return (low + high) / 2
