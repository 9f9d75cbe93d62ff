"""How well a model describes its data and foretells new ones: the usual figures, and their limits."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.mmm.curves import in_region
from workbench.mmm.decomposition import expected
from workbench.mmm.estimate import Estimate, estimate
from workbench.mmm.fitted import MixFit
from workbench.mmm.spec import Kind
from workbench.result import format_value, html_table, told
from workbench.stats import hdi

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]
LEVELS = (0.5, 0.8, 0.94)
_UNEVEN = 0.15  # of outcomes inside intervals of half, more than half: below, nobody would do anything
_LAGS = {"week": 8, "day": 14}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """The outcome beside what the model expects, all regions summed.

    Parameters
    ----------
    dates : array of datetime64[D], shape (T,)
        First day of every period.
    actual, fitted : array, shape (T,)
        The outcome, and the posterior mean of its expectation.
    low, high : array, shape (T,)
        94 % predictive interval: where a new outcome of the same period would lie, noise included.
    """

    dates: npt.NDArray[np.datetime64]
    actual: Array
    fitted: Array
    low: Array
    high: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How many outcomes lie inside predictive intervals of one level.

    Parameters
    ----------
    level, seen : float
        The share that should lie inside, and the share that does, over all regions and periods.
    """

    level: float
    seen: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FitFigures:
    """How well a model fits.

    Parameters
    ----------
    outcome, currency : str
        What is explained, and the currency of money.
    kind : {'revenue', 'conversions'}
        What the outcome is.
    r2 : float
        Share of the variation of the outcome, regions summed, that the mean of the draws explains; on data
        that the model has seen.
    bayes_r2 : Estimate
        The same by draw: variance of the expectation over that plus the noise.
    r2_unseen : float or None
        On periods that the model was fitted without; None where none could be kept away.
    mape : float or None
        Mean absolute error in shares of the outcome; None where every outcome is zero.
    zeros : int
        Periods with an outcome of zero, which `mape` leaves out.
    coverage : tuple of Coverage
        The posterior predictive check.
    autocorrelation : tuple of float
        Of what is left, at lags of 1, 2, ... periods.
    band : float
        What autocorrelations of pure noise stay within, in 19 of 20 cases.
    course : Course
        Outcome and expectation over time.
    """

    outcome: str
    currency: str
    kind: Kind
    r2: float
    bayes_r2: Estimate
    r2_unseen: float | None
    mape: float | None
    zeros: int
    coverage: tuple[Coverage, ...]
    autocorrelation: tuple[float, ...]
    band: float
    course: Course

    @property
    def lasting(self) -> bool:
        """Return whether errors go on from one period to the next, more than chance would have it."""
        return bool(self.autocorrelation) and self.autocorrelation[0] > self.band

    @property
    def uneven(self) -> bool:
        """Return whether far more outcomes than half lie inside the intervals of half: a few lie far off."""
        half = next((one.seen for one in self.coverage if one.level == LEVELS[0]), LEVELS[0])
        chance = 1.96 * float(np.sqrt(LEVELS[0] * (1 - LEVELS[0]) / max(len(self.course.dates), 1)))
        return half - LEVELS[0] > max(_UNEVEN, chance)

    @property
    def sentence(self) -> str:
        """Return how far the model can be believed about new periods."""
        unseen = (
            "no periods could be kept away to try it on"
            if self.r2_unseen is None
            else f"{format_value(self.r2_unseen, '%')} in periods that it had not seen"
            if self.r2_unseen >= 0
            else "worse than their mean in periods that it had not seen"
        )
        zeros = f" ({self.zeros:,} without any outcome left out)" if self.zeros else ""
        mape = "" if self.mape is None else format_value(self.mape, "%")
        errors = f" In periods that it has seen{zeros} it errs by {mape} on average." if mape else ""
        last = (
            " What is left goes on from one period to the next: something that moves the outcome is missing, "
            "and intervals are too narrow."
            if self.lasting
            else ""
        )
        half = self.coverage[0].seen if self.coverage else LEVELS[0]
        far = (
            f" {half:.0%} of outcomes lie inside their {LEVELS[0]:.0%} intervals: the noise is not normal, a "
            "few periods lie far off and widen the intervals of all. Find what happened in them, and make it "
            "a control."
            if self.uneven
            else ""
        )
        return (
            f"The model explains {format_value(self.r2, '%')} of the ups and downs of {self.outcome}; "
            f"{unseen}.{errors}{last}{far}"
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per figure."""
        import pandas as pd

        rows: list[tuple[str, float | None]] = [
            ("r2", self.r2),
            ("bayes_r2", self.bayes_r2.value),
            ("r2_unseen", self.r2_unseen),
            ("mape", self.mape),
            *((f"inside_{one.level:.0%}", one.seen) for one in self.coverage),
            *((f"autocorrelation_{lag}", one) for lag, one in enumerate(self.autocorrelation, 1)),
        ]
        return pd.DataFrame(rows, columns=["figure", "value"])

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def fit_figures(fit: MixFit, *, seed: int | None = None) -> FitFigures:
    """Return how well a model describes its outcome.

    A high R2 on seen data says little: seasons and trend alone reach it. What counts is how unseen periods
    are foretold, and whether outcomes lie inside their intervals as often as they should.

    Parameters
    ----------
    fit : MixFit
        The model after its data.
    seed : int, optional
        Of the predictive draws; that of the sampler by default.

    References
    ----------
    Gelman, Goodrich, Gabry, Vehtari (2019), R-squared for Bayesian regression models, The American
    Statistician 73, eq. (3).
    """
    market = fit.market
    rng = np.random.default_rng(fit.spec.sampling.seed if seed is None else seed)
    shape = (len(fit.draws), len(market.dates))
    mean, new, inside = np.zeros(shape), np.zeros(shape), np.zeros(len(LEVELS))
    for region in range(len(market.regions)):
        draws, place = in_region(fit.draws, market, region)
        fitted = expected(draws, place)
        drawn = fitted + rng.normal(size=shape) * draws.noise
        inside += _inside(drawn, place.outcome[0])
        mean += fitted
        new += drawn
    actual, left = market.outcome.sum(axis=0), market.outcome.sum(axis=0) - mean.mean(axis=0)
    noise = np.square(fit.draws.noise).sum(axis=1)
    low, high = hdi(new)
    some = actual != 0
    return FitFigures(
        outcome=fit.spec.outcome,
        currency=fit.spec.currency,
        kind=fit.spec.kind,
        r2=_explained(actual, left),
        bayes_r2=estimate(mean.var(axis=1, ddof=1) / (mean.var(axis=1, ddof=1) + noise)),
        r2_unseen=None if fit.forecast is None else fit.forecast.r2,
        mape=float(np.abs(left[some] / actual[some]).mean()) if some.any() else None,
        zeros=int((~some).sum()),
        coverage=tuple(
            Coverage(level=level, seen=float(seen))
            for level, seen in zip(LEVELS, inside / len(market.regions), strict=True)
        ),
        autocorrelation=autocorrelation(left, _LAGS[market.period]),
        band=1.96 / float(np.sqrt(len(left))),
        course=Course(dates=market.dates, actual=actual, fitted=mean.mean(axis=0), low=low, high=high),
    )


def autocorrelation(left: Array, lags: int) -> tuple[float, ...]:
    """Return how far errors go on: the correlation of a series with itself, 1, 2, ... periods later.

    Examples
    --------
    >>> [round(one, 2) for one in autocorrelation(np.array([1.0, -1.0] * 10), 2)]
    [-0.95, 0.9]
    """
    centred = left - left.mean()
    size = float(centred @ centred)
    if not size > 0:
        return ()
    last = min(lags, len(left) - 1)
    return tuple(float(centred[lag:] @ centred[:-lag]) / size for lag in range(1, last + 1))


def _explained(actual: Array, left: Array) -> float:
    around = float(np.square(actual - actual.mean()).sum())
    return 1 - float(np.square(left).sum()) / around if around > 0 else float("nan")


def _inside(drawn: Array, actual: Array) -> Array:
    """Return the share of outcomes inside central intervals of every level, shape (levels,)."""
    tails = [(1 - level) / 2 for level in LEVELS]
    ends = np.quantile(drawn, [*tails, *(1 - tail for tail in tails)], axis=0)
    low, high = ends[: len(LEVELS)], ends[len(LEVELS) :]
    return np.asarray(((low <= actual) & (actual <= high)).mean(axis=1))
