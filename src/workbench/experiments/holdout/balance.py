"""Whether treated and held out users were alike before: one difference per trait, one test of all.

References
----------
Hansen and Bowers (2008), Statistical Science 23: covariate balance in stratified experiments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from workbench.experiments.holdout.pairs import Floats, Pairs

ALPHA = 0.001
_MOST_VALUES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """One trait of users before the campaign, on both sides.

    Parameters
    ----------
    name : str
        What it is.
    treated, held : float
        Its mean, campaigns weighted alike on both sides.
    difference : float
        Treated less held, in standard deviations.
    """

    name: str
    treated: float
    held: float
    difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Whether the sides were alike.

    Parameters
    ----------
    traits : tuple of Trait
        By the size of their difference.
    p : float
        Chance of differences this large if the holdout was drawn at random, over all traits at once.
    df : int
        Traits that the test counts.
    """

    traits: tuple[Trait, ...]
    p: float
    df: int

    @property
    def balanced(self) -> bool:
        """Return whether chance explains the differences (p of 0.001 or more)."""
        return not self.p < ALPHA


def balance(pairs: Pairs) -> Balance:
    """Return how alike treated and held out users were, campaign by campaign.

    The differences of campaigns are pooled with the weights that make them most certain; what random holdouts
    would make of them gives one chi-square of all traits.
    """
    pairs = pairs.comparable()
    names, x = _columns(pairs) if len(pairs) else ([], np.zeros((0, 0)))
    if not names or not pairs.held.any() or pairs.held.all():
        return Balance(traits=(), p=float("nan"), df=0)
    count = len(pairs.campaigns)
    held = pairs.held.astype(float)
    n, m = (np.bincount(pairs.campaign, side, minlength=count) for side in (1 - held, held))
    good = (n > 0) & (m > 0)
    weight = np.where(good, n * m / np.maximum(n + m, 1), 0.0)
    weight = weight / weight.sum()
    means = [_means(x, pairs.campaign, side, count) for side in (1 - held, held)]
    apart = weight @ (means[0] - means[1])
    overall = _means(x, pairs.campaign, np.ones(len(x)), count)
    centred = x - overall[pairs.campaign]
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(good & (n + m > 1), (1 / n + 1 / m) / (n + m - 1), 0.0)
    covariance = (centred * (weight**2 * scale)[pairs.campaign][:, None]).T @ centred
    spread = np.sqrt((centred**2).mean(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(spread > 0, apart / spread, 0.0)
    statistic, df = _chi_square(apart, covariance)
    traits = [
        Trait(name=name, treated=float(t), held=float(h), difference=float(d))
        for name, t, h, d in zip(names, weight @ means[0], weight @ means[1], relative, strict=True)
    ]
    traits.sort(key=lambda trait: -abs(trait.difference))
    return Balance(traits=tuple(traits), p=float(chdtrc(df, statistic)) if df else float("nan"), df=df)


def _columns(pairs: Pairs) -> tuple[list[str], Floats]:
    """Return the traits as columns of numbers: what was bought before, how long known, and who."""
    columns = {
        "bought in the 30 days before": (pairs.before_orders > 0).astype(float),
        "orders in the 30 days before": pairs.before_orders,
        "revenue in the 30 days before": pairs.before_revenue,
        "days since first seen": pairs.known,
    }
    for trait, coded in pairs.traits.items():
        sizes = np.bincount(coded.codes[coded.codes >= 0], minlength=len(coded.names))
        for place in np.argsort(-sizes, kind="stable")[:_MOST_VALUES]:
            columns[f"{trait} {coded.names[place]}"] = (coded.codes == place).astype(float)
    kept = {name: column for name, column in columns.items() if np.isfinite(column).all() and np.ptp(column)}
    return list(kept), np.column_stack(list(kept.values())) if kept else np.zeros((len(pairs), 0))


def _means(
    x: Floats, campaign: np.ndarray[tuple[int], np.dtype[np.int64]], side: Floats, count: int
) -> Floats:
    sums = np.column_stack([np.bincount(campaign, column * side, minlength=count) for column in x.T])
    sizes = np.bincount(campaign, side, minlength=count)
    found: Floats = sums / np.maximum(sizes, 1)[:, None]
    return found


def _chi_square(apart: Floats, covariance: Floats) -> tuple[float, int]:
    """Return d' V^-1 d and the rank of V; columns that say the same count once."""
    scale = np.sqrt(np.diag(covariance))
    used = scale > 0
    if not used.any():
        return 0.0, 0
    d = apart[used] / scale[used]
    values, vectors = np.linalg.eigh(covariance[np.ix_(used, used)] / np.outer(scale[used], scale[used]))
    kept = values > 1e-8 * values.max()
    turned = vectors[:, kept].T @ d
    return float((turned**2 / values[kept]).sum()), int(kept.sum())
