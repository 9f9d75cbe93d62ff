"""The Bayesian view: the chance that a variant is best, and what choosing it is expected to cost.

Shares get a Beta posterior each, and chances and losses by integration, for any number of variants. Effects
get a normal posterior under a normal prior that must be proper: under a flat one the chance to win is just
one minus a one-sided p, and looking often makes it win. Neither is safe against looking until it says what
one likes.

References
----------
Gelman et al. (2013), Bayesian Data Analysis, sections 2.4 and 2.5. Stucchio (2015), Bayesian A/B Testing at
VWO: expected loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv, betaln, ndtr, ndtri, xlog1py, xlogy

from workbench.errors import UsageError
from workbench.experiments.inference.quadrature import legendre
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

UNIFORM = (1.0, 1.0)
_EDGES = np.array([0.0, 1e-15, 1e-9, 1e-4, 0.01, 0.1, 0.5])


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """Which variant is best, as far as the data tell.

    Parameters
    ----------
    variants : tuple of str
        The variants.
    mean, low, high : tuple of float
        Posterior means of the shares, and the ends of the central credible intervals.
    chance : tuple of float
        Chance that each has the highest share; they sum to 1.
    loss : tuple of float
        Expected share given up by choosing each instead of the best one.
    level : float
        Of the credible intervals.
    """

    variants: tuple[str, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    chance: tuple[float, ...]
    loss: tuple[float, ...]
    level: float = 0.95

    @property
    def winner(self) -> str:
        """Return the variant with the smallest expected loss."""
        return self.variants[int(np.argmin(self.loss))]

    @property
    def sentence(self) -> str:
        """Return the variant to choose, how sure that is, and what a mistake costs."""
        at = self.variants.index(self.winner)
        return (
            f"{self.winner} is best with a chance of {self.chance[at]:.1%}; choosing it gives up "
            f"{format_value(self.loss[at], 'pp')} on average."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per variant."""
        import pandas as pd

        names = ("mean", "low", "high", "chance", "loss")
        return pd.DataFrame({"variant": self.variants} | {name: getattr(self, name) for name in names})

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


def best_share(
    successes: Sequence[float],
    trials: Sequence[float],
    *,
    variants: Sequence[str] | None = None,
    prior: tuple[float, float] = UNIFORM,
    level: float = 0.95,
) -> Best:
    """Return the chance of each variant to have the highest share, and the loss expected from choosing it.

    Parameters
    ----------
    successes, trials : sequence of float, shape (variants,)
        Users who converted, and users.
    variants : sequence of str, optional
        Their names.
    prior : pair of float
        Parameters of the Beta prior; (1, 1) takes all shares as equally likely.
    level : float
        Of the credible intervals.

    Raises
    ------
    UsageError
        If the counts are not successes among trials.

    Examples
    --------
    >>> found = best_share([120, 150], [1000, 1000], variants=["a", "b"])
    >>> print(found.sentence)
    b is best with a chance of 97.5%; choosing it gives up 0.014 pp on average.
    """
    x, n = np.asarray(successes, float), np.asarray(trials, float)
    if x.shape != n.shape or x.ndim != 1 or len(x) < 2 or not ((x >= 0) & (x <= n) & np.isfinite(n)).all():
        raise UsageError(
            f"Successes {x.tolist()} of trials {n.tolist()} are not counts of two or more variants."
        )
    names = tuple(variants) if variants is not None else tuple(f"variant {i + 1}" for i in range(len(x)))
    if len(names) != len(x) or not min(prior) > 0:
        raise UsageError(
            f"{len(names)} names for {len(x)} variants, and a prior of {prior}, which must be above 0."
        )
    a, b = x + prior[0], n - x + prior[1]
    chance, loss = _chance_and_loss(a, b)
    tail = (1 - level) / 2
    return Best(
        variants=names,
        mean=tuple((a / (a + b)).tolist()),
        low=tuple(betaincinv(a, b, tail).tolist()),
        high=tuple(betaincinv(a, b, 1 - tail).tolist()),
        chance=tuple(chance.tolist()),
        loss=tuple(loss.tolist()),
        level=level,
    )


def _chance_and_loss(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return P(share i is the highest) and E[highest - share i], integrated between posterior quantiles."""
    levels = np.concatenate([_EDGES, 1 - _EDGES[:-1]])
    edges = np.unique(betaincinv(a[:, None], b[:, None], levels))
    nodes, weights = legendre(24)
    half = np.diff(edges) / 2
    # Rounded up to 1, a share would have a density without end where b < 1.
    x = np.minimum((edges[:-1] + half)[:, None] + half[:, None] * nodes, np.nextafter(1, 0))
    weight = half[:, None] * weights
    below = betainc(a[:, None, None], b[:, None, None], x)
    logs = xlogy(a[:, None, None] - 1, x) + xlog1py(b[:, None, None] - 1, -x)
    density = np.exp(logs - betaln(a, b)[:, None, None])
    chance = np.array(
        [(weight * density[i] * np.delete(below, i, axis=0).prod(axis=0)).sum() for i in range(len(a))]
    )
    highest = 1 - (weight * below.prod(axis=0)).sum()  # E[X] is the integral of 1 - F over [0, 1]
    return chance / chance.sum(), np.maximum(highest - a / (a + b), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed of an effect before the test: normal, with a spread.

    Parameters
    ----------
    mean : float
        The effect expected.
    spread : float
        Standard deviation, above 0. The default suits relative changes: two of three tests move a metric by
        less than 10 %.
    """

    mean: float = 0.0
    spread: float = 0.1

    def __post_init__(self) -> None:
        if not (0 < self.spread < np.inf and np.isfinite(self.mean)):
            raise UsageError(
                f"A prior needs a finite mean and spread, the latter above 0, not {self.mean}, {self.spread}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """Beliefs about effects after the test, as arrays of one shape.

    Parameters
    ----------
    mean, error, low, high : ndarray
        Posterior mean, its standard deviation, and the ends of the central credible interval.
    chance : ndarray
        Chance that the effect is above 0 (below 0, if lower figures are better).
    loss, loss_of_control : ndarray
        Effect expected to be given up by choosing the variant, and by keeping the control.
    level : float
        Of the credible interval.
    """

    mean: Floats
    error: Floats
    low: Floats
    high: Floats
    chance: Floats
    loss: Floats
    loss_of_control: Floats
    level: float = 0.95

    @property
    def sentence(self) -> str:
        """Return the chance to win and what a mistake costs; of a single effect."""
        if not np.isfinite(self.mean).all() or self.mean.size != 1:
            return "No belief about one effect: there is none, or there are several."
        return (
            f"The variant is better with a chance of {float(self.chance):.1%}; choosing it gives up "
            f"{format_value(float(self.loss), '%')} on average."
        )


def belief(
    values: ArrayLike,
    errors: ArrayLike,
    *,
    prior: Prior | None = None,
    better: str = "higher",
    level: float = 0.95,
) -> Belief:
    """Return what to believe of effects whose estimates are about normal.

    Parameters
    ----------
    values, errors : array_like
        Effects, e.g. relative changes, and their standard errors.
    prior : Prior, optional
        In the effects' unit; the default is meant for relative changes.
    better : str
        Whether ``"higher"`` or ``"lower"`` figures are better.
    level : float
        Of the credible interval.

    Examples
    --------
    >>> found = belief(0.06, 0.03)
    >>> round(float(found.mean), 4), round(float(found.chance), 4), round(float(found.loss), 5)
    (0.055, 0.9723, 0.0003)
    """
    if better not in ("higher", "lower"):
        raise UsageError(f"Better is {better!r}; it must be 'higher' or 'lower'.")
    start = prior or Prior()
    value, error = np.asarray(values, float), np.asarray(errors, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(error > 0, 1 / error**2, np.nan)
        spread = np.sqrt(1 / (precision + 1 / start.spread**2))
        mean = spread**2 * (value * precision + start.mean / start.spread**2)
    sign = 1.0 if better == "higher" else -1.0
    half = ndtri(0.5 + level / 2) * spread
    return Belief(
        mean=mean,
        error=spread,
        low=mean - half,
        high=mean + half,
        chance=np.asarray(ndtr(sign * mean / spread)),
        loss=expected_loss(sign * mean, spread),
        loss_of_control=expected_loss(-sign * mean, spread),
        level=level,
    )


def expected_loss(mean: ArrayLike, spread: ArrayLike) -> Floats:
    """Return the mean of what a normal effect falls short of 0: E[max(0, -effect)].

    Examples
    --------
    >>> float(expected_loss(0.1, 0.05).round(10))
    0.0004245351
    """
    m, s = np.asarray(mean, float), np.asarray(spread, float)
    z = m / s
    return np.asarray(np.maximum(s * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) - m * ndtr(-z), 0.0))
