"""How a model does on its last periods when it has not seen them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.mmm.curves import blocks, contribution, taken
from workbench.mmm.draws import Draws
from workbench.mmm.fitted import Forecast
from workbench.mmm.market import Market
from workbench.mmm.window import Window, latest, whole

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


def expected_outcome(draws: Draws, market: Market, *, window: Window | None = None) -> Array:
    """Return the outcome that every draw expects in a window, by default in all periods, shape (D, R, T)."""
    frame = window or whole(market)
    cut = frame.positions
    scaled = (market.control[:, cut] - draws.control_mean) / draws.control_scale
    found = draws.level_over(len(market.dates))[:, :, cut]
    found = found + np.einsum("drs,ts->drt", draws.season, draws.seasons[cut])
    found = found + np.einsum("drk,rtk->drt", draws.control_effect, scaled)
    for channel in range(len(market.channels)):
        found = found + contribution(draws, market, channel, window=frame)
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
    rng, frame = np.random.default_rng(seed), latest(market, held)
    expected, noisy = np.empty((2, len(draws), held))
    for block in blocks(draws, len(market.regions) * held):
        few = taken(draws, block)
        known = expected_outcome(few, market, window=frame)
        noise = rng.normal(size=known.shape) * few.noise[:, :, None]
        expected[block], noisy[block] = known.sum(axis=1), (known + noise).sum(axis=1)
    actual = market.outcome[:, -held:].sum(axis=0)
    low, high = np.quantile(noisy, (0.03, 0.97), axis=0)
    foretold = expected.mean(axis=0)
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
