"""A fitted model: the question, the data, the posterior, and how well it was sampled."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import wrong_kind
from workbench.mmm.draws import Draws
from workbench.mmm.market import Market
from workbench.mmm.spec import MixSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterHealth:
    """How well one parameter was sampled (Vehtari et al. 2021, rank-normalised).

    Parameters
    ----------
    name : str
        The parameter with its channel or region, such as ``roi[tv]``.
    r_hat : float
        Agreement of the chains; below 1.01 is good.
    bulk, tail : float
        Effective draws for the middle and for the 5 % and 95 % quantiles.
    """

    name: str
    r_hat: float
    bulk: float
    tail: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingHealth:
    """What the sampler says of itself.

    Parameters
    ----------
    parameters : tuple of ParameterHealth
        Every free parameter and every return.
    divergences : int
        Steps that left the path, after tuning.
    draws : int
        Kept, over all chains.
    """

    parameters: tuple[ParameterHealth, ...]
    divergences: int
    draws: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How the model did on the last periods when it was fitted without them.

    Parameters
    ----------
    periods : int
        Periods at the end that were kept away.
    model_error, naive_error : float
        Mean absolute error of the model, and of the value one season earlier (of the last week seen, where no
        season is there), in units of the outcome.
    r2 : float
        Share of the variation in these periods that was foretold; below 0 is worse than their mean.
    covered : float
        Share of periods inside their 94 % predictive interval.
    """

    periods: int
    model_error: float
    naive_error: float
    r2: float
    covered: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixFit:
    """A model after its data.

    Parameters
    ----------
    spec : MixSpec
        What was asked.
    market : Market
        What it was asked of.
    draws : Draws
        The posterior.
    health : SamplingHealth
        How well it was sampled.
    forecast : Forecast or None
        How it did on periods that it had not seen; None where none could be kept away.
    versions : tuple of (str, str)
        Names and versions of the libraries that sampled.
    """

    spec: MixSpec
    market: Market
    draws: Draws
    health: SamplingHealth
    forecast: Forecast | None
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def given(cls, fit: MixFit) -> MixFit:
        """Return the fit, if it is one.

        Raises
        ------
        UsageError
            If it is something else, such as the run that keeps it.
        """
        if not isinstance(fit, cls):
            raise wrong_kind("A fitted model", fit, "a MixFit, such as mix_run(WORKSPACE).fit")
        return fit

    def __repr__(self) -> str:
        return f"MixFit: {self.spec.name!r}, {self.health.draws:,} draws, {self.market!r}"
