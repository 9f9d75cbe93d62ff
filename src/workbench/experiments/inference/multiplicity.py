"""Many questions asked of one experiment: p-values adjusted over metrics and variants.

Holm's adjustment keeps the chance of even one false alarm at alpha (family-wise error); Benjamini and
Hochberg's keeps the share of false alarms among the findings (false discovery rate), also of metrics that
move together; Benjamini and Yekutieli's does so under any dependence. Dunnett's test compares several
variants with one control and knows that they share it. The adjustments are written out: importing
statsmodels takes 1.3 s.

References
----------
Holm (1979), Scandinavian J. of Statistics 6. Benjamini, Hochberg (1995), JRSS B 57. Benjamini, Yekutieli
(2001), Annals of Statistics 29. Dunnett (1955), JASA 50: the joint distribution as an integral over the
control.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, ndtr

from workbench.errors import UsageError
from workbench.experiments.inference.estimate import Estimates
from workbench.experiments.inference.quadrature import legendre
from workbench.experiments.inference.sums import Sums
from workbench.result import html_table, told

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Adjustment = Literal["holm", "benjamini_hochberg", "benjamini_yekutieli"]
NAMES: dict[str, str] = {
    "holm": "Holm",
    "benjamini_hochberg": "Benjamini-Hochberg",
    "benjamini_yekutieli": "Benjamini-Yekutieli",
}


def adjusted(p: ArrayLike, *, adjustment: Adjustment = "holm") -> Floats:
    """Return adjusted p-values; NaN stays NaN and does not count.

    Parameters
    ----------
    p : array_like
        One family of p-values, of any shape.
    adjustment : str
        ``"holm"``, ``"benjamini_hochberg"`` or ``"benjamini_yekutieli"``.

    Examples
    --------
    >>> adjusted([0.01, 0.04, 0.03]).round(6).tolist()
    [0.03, 0.06, 0.06]
    >>> adjusted([0.01, 0.04, 0.03], adjustment="benjamini_hochberg").round(6).tolist()
    [0.03, 0.04, 0.04]
    """
    if adjustment not in NAMES:
        raise UsageError(f"No adjustment named {adjustment!r}; known: {', '.join(NAMES)}.")
    given = np.asarray(p, float)
    flat = given.ravel().copy()
    known = np.flatnonzero(np.isfinite(flat))
    if ((flat[known] < 0) | (flat[known] > 1)).any():
        raise UsageError("A p-value must lie between 0 and 1.")
    order = known[np.argsort(flat[known], kind="stable")]
    rank, count = np.arange(1, len(order) + 1), len(order)
    if adjustment == "holm":
        steps = np.maximum.accumulate(flat[order] * (count - rank + 1))
    else:
        factor = (1 / rank).sum() if adjustment == "benjamini_yekutieli" else 1.0
        steps = np.minimum.accumulate((flat[order] * factor * count / rank)[::-1])[::-1]
    flat[order] = np.minimum(steps, 1.0)
    return flat.reshape(given.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """P-values that were judged together.

    Parameters
    ----------
    members : tuple of (str, str)
        Metric and variant.
    p, adjusted : tuple of float
        Before and after; NaN where nothing was tested.
    adjustment : str
        The procedure.
    alpha : float
        What the adjusted p-values are held against.
    """

    members: tuple[tuple[str, str], ...]
    p: tuple[float, ...]
    adjusted: tuple[float, ...]
    adjustment: Adjustment
    alpha: float

    @property
    def tested(self) -> int:
        """Return how many questions there were."""
        return int(np.isfinite(self.p).sum())

    @property
    def findings(self) -> tuple[tuple[str, str], ...]:
        """Return what remains after the adjustment."""
        return tuple(member for member, p in zip(self.members, self.adjusted, strict=True) if p < self.alpha)

    @property
    def sentence(self) -> str:
        """Return how many findings remain, and what was adjusted for."""
        alone = sum(p < self.alpha for p in self.p)
        named = f": {', '.join(f'{metric} of {variant}' for metric, variant in self.findings)}"
        what = "chance of any false alarm" if self.adjustment == "holm" else "share of false alarms"
        return (
            f"{len(self.findings)} of {self.tested} comparisons hold after {NAMES[self.adjustment]}'s "
            f"adjustment, which keeps the {what} at {self.alpha:.0%} ({alone} before it)"
            f"{named if self.findings else ''}."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per question."""
        import pandas as pd

        return pd.DataFrame(
            {
                "metric": [metric for metric, _ in self.members],
                "variant": [variant for _, variant in self.members],
                "p": self.p,
                "p_adjusted": self.adjusted,
            }
        )

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


def family(
    p: Mapping[tuple[str, str], float], *, adjustment: Adjustment = "holm", alpha: float = 0.05
) -> Family:
    """Return p-values of metrics and variants, adjusted together.

    Parameters
    ----------
    p : mapping of (metric, variant) to float
        All that was asked; leaving out what did not work defeats the adjustment.
    adjustment : str
        See `adjusted`.
    alpha : float
        Promised error.

    Examples
    --------
    >>> asked = {("ctr", "b"): 0.004, ("roas", "b"): 0.03, ("ctr", "c"): 0.6}
    >>> print(family(asked).sentence)
    1 of 3 comparisons hold after Holm's adjustment, which keeps the chance of any false alarm at 5%
    (2 before it): ctr of b.
    """
    values = tuple(float(one) for one in p.values())
    return Family(
        members=tuple(p),
        p=values,
        adjusted=tuple(adjusted(values, adjustment=adjustment).tolist()),
        adjustment=adjustment,
        alpha=alpha,
    )


def dunnett(sums: Sums, column: str, *, level: float = 0.95) -> Estimates:
    """Return each variant's mean minus the control's, with p and intervals for all together.

    Parameters
    ----------
    sums : Sums
        Of one cell; the control comes first. The variants are taken to have one variance, as Dunnett has it.
    column : str
        What is compared.
    level : float
        Of all intervals together.

    Returns
    -------
    Estimates
        Shape (variants - 1,).
    """
    n, means = sums.n, sums.mean(column)
    df = float(n.sum() - len(n))
    scatter = float(sums.product(column, column).sum())
    if df < 1 or not scatter > 0 or (n < 1).any():
        blank = np.full(len(n) - 1, np.nan)
        return Estimates(value=means[1:] - means[0], error=blank, low=blank, high=blank, p=blank, df=blank)
    spread = scatter / df
    return against_control(
        means[1:] - means[0],
        np.sqrt(spread * (1 / n[1:] + 1 / n[0])),
        control_error=float(np.sqrt(spread / n[0])),
        df=df,
        level=level,
    )


def against_control(
    values: ArrayLike,
    errors: ArrayLike,
    *,
    control_error: float,
    df: float = float("inf"),
    level: float = 0.95,
) -> Estimates:
    """Return effects of several variants against one control, adjusted for all of them by Dunnett's method.

    Parameters
    ----------
    values, errors : array_like, shape (variants,)
        Effects and their standard errors, e.g. of adjusted means or of a ratio metric.
    control_error : float
        Standard error of the control's own figure: it is what the effects share.
    df : float
        Degrees of freedom of the standard errors.
    level : float
        Of all intervals together.

    Examples
    --------
    >>> found = against_control([0.3, 0.1], [0.11, 0.11], control_error=0.08)
    >>> found.p.round(4).tolist(), found.low.round(4).tolist()
    ([0.0122, 0.5584], [0.057, -0.143])
    """
    value, error = np.asarray(values, float), np.asarray(errors, float)
    if not (error > control_error).all() or not control_error >= 0:
        raise UsageError(
            "Each effect must be less certain than the control alone, whose error is part of it."
        )
    shared = control_error / error
    p = np.array([_tail(abs(t), shared, df) for t in value / error])
    half = _critical(1 - level, shared, df) * error
    return Estimates(
        value=value,
        error=error,
        low=value - half,
        high=value + half,
        p=p,
        df=np.full(value.shape, df),
    )


def _critical(alpha: float, shared: Floats, df: float) -> float:
    from scipy.optimize import brentq

    def apart(exponent: float) -> float:
        return _tail(float(np.exp(exponent)), shared, df) - alpha

    return float(np.exp(brentq(apart, np.log(1e-3), np.log(1e8), xtol=1e-14, rtol=1e-14)))


def _tail(t: float, shared: Floats, df: float) -> float:
    """Return the chance that the largest of the |t| of variants without effect exceeds t."""
    if np.isinf(df):
        return float(_normal_tail(np.array([t]), shared)[0])
    nodes, weights = legendre(240 if df < 10 else 80)  # few degrees of freedom have long tails
    # The pooled spread over the true one: chi / sqrt(df), integrated over its logarithm.
    low, high = -12 / np.sqrt(2 * df) - 10 / df, 12 / np.sqrt(2 * df)
    x = (low + high) / 2 + (high - low) / 2 * nodes
    density = df * x - df / 2 * np.exp(2 * x) + np.log(2) + df / 2 * np.log(df / 2) - gammaln(df / 2)
    chance = (high - low) / 2 * weights @ (np.exp(density) * _normal_tail(t * np.exp(x), shared))
    return float(np.clip(chance, 0.0, 1.0))


def _normal_tail(t: Floats, shared: Floats) -> Floats:
    """Return that chance for a known spread, as an integral over the control's deviation."""
    nodes, weights = legendre(160)
    z, weight = nodes[:, None] * 9.0, weights * 9.0
    inside = np.zeros((len(z), len(t)))
    for share, variants in zip(*np.unique(shared, return_counts=True), strict=True):
        own = np.sqrt(1 - share**2)
        beyond = ndtr((share * z - t) / own) + ndtr((-t - share * z) / own)
        inside += variants * np.log1p(-np.minimum(beyond, 1 - 1e-16))
    density = np.exp(-(z[:, 0] ** 2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray((weight * density) @ -np.expm1(inside))
