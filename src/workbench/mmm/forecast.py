"""How a model does on its last periods when it has not seen them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.mmm.curves import contribution
from workbench.mmm.draws import Draws
from workbench.mmm.fitted import Forecast
from workbench.mmm.market import Market

Array = npt.NDArray[np.float64]
_QUARTER = {"week": 13, "day": 91}
_SEASON = {"week": 52, "day": 364}
_LEAST_LEFT = 26


def kept_away(market: Market) -> int:
    """Return how many of the last periods a forecast is tried on: a quarter, at most a fifth; 0 for none.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> [kept_away(SimpleNamespace(dates=range(weeks), period="week")) for weeks in (104, 52, 20)]
    [13, 10, 0]
    """
    periods = len(market.dates)
    held = min(_QUARTER[market.period], periods // 5)
    return held if periods - held >= _LEAST_LEFT else 0


def expected_outcome(draws: Draws, market: Market) -> Array:
    """Return the outcome that every draw expects, shape (D, R, T)."""
    scaled = (market.control - draws.control_mean) / draws.control_scale
    found = draws.level + np.einsum("drs,ts->drt", draws.season, draws.seasons)
    found = found + np.einsum("drk,rtk->drt", draws.control_effect, scaled)
    for channel in range(len(market.channels)):
        found = found + contribution(draws, market, channel)
    return np.asarray(found)


def has_a_season(market: Market, held: int) -> bool:
    """Return whether a season was seen before the periods that are kept away."""
    return len(market.dates) - held >= _SEASON[market.period]


def forecast_of(draws: Draws, market: Market, *, held: int, seed: int) -> Forecast:
    """Return how draws that have not seen the last periods foretell them, summed over the regions.

    Parameters
    ----------
    draws : Draws
        From a fit without the last `held` periods.
    market : Market
        With them.
    held : int
        Periods at the end.
    seed : int
        Of the noise in the predictive intervals.
    """
    expected = expected_outcome(draws, market)[:, :, -held:]
    noise = np.random.default_rng(seed).normal(size=expected.shape) * draws.noise[:, :, None]
    actual = market.outcome[:, -held:].sum(axis=0)
    low, high = np.quantile((expected + noise).sum(axis=1), (0.03, 0.97), axis=0)
    foretold = expected.sum(axis=1).mean(axis=0)
    total = market.outcome.sum(axis=0)
    variation = float(np.square(actual - actual.mean()).sum())
    return Forecast(
        periods=held,
        model_error=float(np.abs(actual - foretold).mean()),
        naive_error=float(np.abs(actual - _naive(total, held, _SEASON[market.period])).mean()),
        r2=1 - float(np.square(actual - foretold).sum()) / variation if variation > 0 else float("nan"),
        covered=float(((actual >= low) & (actual <= high)).mean()),
    )


def _naive(total: Array, held: int, season: int) -> Array:
    """Return the value one season earlier; without one the last week over again, day by day."""
    start = len(total) - held
    if start >= season:
        return total[start - season : start - season + held]
    week = 7 if season == _SEASON["day"] else 1
    return np.resize(total[start - week : start], held)
