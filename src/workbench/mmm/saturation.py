"""Where more money stops to pay: the spend at which the next unit returns too little, and the curve's end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.mmm.curves import carried, shape, shape_slope, spend_of, thinned
from workbench.mmm.draws import Draws
from workbench.mmm.estimate import Estimate, estimate
from workbench.mmm.market import Market
from workbench.mmm.spec import Kind
from workbench.mmm.window import Window

Array = npt.NDArray[np.float64]
FULL = 0.9
_GRID = np.geomspace(1e-3, 1e3, 31)
_HALVINGS = 18
_FIGURES = 2_000_000
_FEWEST = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """Where a channel's curve bends, in money per period at the window's pattern of weeks and regions.

    Parameters
    ----------
    current : float
        Mean spend per period in the window.
    break_even : Estimate
        Spend at which the next unit of money returns `threshold`: less is worth more, more is worth less. 0
        where even the first unit returns less, infinite where a thousand times the spend still returns more.
    threshold : float
        The marginal return meant: 1 for revenue; for conversions what all media return on average.
    full : Estimate
        Spend that, spent evenly, brings 90 % of the most that the channel could ever bring.
    chance_beyond : float
        Probability that today's spend is beyond `break_even`.
    """

    current: float
    break_even: Estimate
    threshold: float
    full: Estimate
    chance_beyond: float


def paying(kind: Kind, market: Market, totals: Array) -> Array:
    """Return the marginal return at which more money stops to pay, by draw, shape (D,).

    Parameters
    ----------
    kind : {'revenue', 'conversions'}
        Revenue pays when it is more than its cost: 1. What a conversion is worth is not known, so there the
        mark is what all media return on average.
    market : Market
        Whose spend is meant.
    totals : array, shape (D, C)
        Contributions over all periods and regions.
    """
    if kind == "revenue":
        return np.ones(len(totals))
    return np.asarray(totals.sum(axis=1)) / max(float(market.spend.sum()), 1e-300)


def few_enough(draws: Draws, size: int) -> Draws:
    """Return draws, evenly taken and at least 250, for work on `size` figures per draw."""
    return thinned(draws, max(_FEWEST, _FIGURES // max(1, size)))


def saturation_points(
    draws: Draws,
    market: Market,
    *,
    window: Window,
    threshold: Array,
) -> tuple[Saturation | None, ...]:
    """Return where every channel's curve bends; None for a channel without spend in the window.

    Large markets are answered from fewer draws, evenly taken, at least 250.

    Parameters
    ----------
    draws : Draws
        The posterior.
    market, window : Market, Window
        Whose pattern of spend is scaled.
    threshold : array, shape (D,)
        The marginal return at which more money stops to pay, by draw.
    """
    few = few_enough(draws, len(market.regions) * window.periods)
    kept = threshold[np.linspace(0, len(draws) - 1, len(few)).round().astype(int)]
    return tuple(_of_channel(few, market, channel, window, kept) for channel in range(len(market.channels)))


def _of_channel(
    draws: Draws, market: Market, channel: int, window: Window, threshold: Array
) -> Saturation | None:
    money = float(spend_of(market, window=window)[channel])
    if not money > 0:
        return None
    x = carried(draws, market, channel, window=window)
    half, slope = (part[:, channel, None, None] for part in (draws.half, draws.slope))
    effect = draws.effect[:, :, channel, None]
    even = _evenly(draws, market, channel, window)
    top = (effect * (even > 0)).sum(axis=(1, 2))

    def beyond(times: Array) -> Array:
        rise = shape_slope(draws.saturation, times[:, None, None] * x, half, slope)
        change = np.multiply(rise, x, out=np.zeros_like(x), where=x > 0)
        return np.asarray((effect * change).sum(axis=(1, 2)) / money - threshold)

    def missing(times: Array) -> Array:
        level = shape(draws.saturation, times[:, None, None] * even, half, slope)
        return np.asarray(FULL * top - (effect * level).sum(axis=(1, 2)))

    each = money / window.periods
    pays = last_crossing(beyond, len(draws)) * each
    return Saturation(
        current=each,
        break_even=estimate(pays, centre="median"),
        threshold=float(threshold.mean()),
        full=estimate(last_crossing(missing, len(draws)) * each, centre="median"),
        chance_beyond=float((pays < each).mean()),
    )


def _evenly(draws: Draws, market: Market, channel: int, window: Window) -> Array:
    """Return the scaled exposure of every period if the window's were spread evenly, shape (1, R, 1)."""
    mean = market.exposure[:, window.positions, channel].mean(axis=1)
    scale = draws.exposure_scale[:, channel]
    return np.where(scale > 0, mean / np.where(scale > 0, scale, 1.0), 0.0)[None, :, None]


def last_crossing(above: Callable[[Array], Array], count: int) -> Array:
    """Return the multiplier beyond which a function of it stays below zero, by draw.

    The function may rise before it falls (an S-shaped curve does). It is looked at from a thousandth to a
    thousand times, then the place is halved down to a relative error below 1e-5.

    Returns
    -------
    array, shape (count,)
        0 where it is below zero throughout, infinite where it never falls below.
    """
    last = np.full(count, -1)
    for place, times in enumerate(_GRID):
        last = np.where(above(np.full(count, times)) > 0, place, last)
    inner = (last >= 0) & (last < len(_GRID) - 1)
    at = np.clip(last, 0, len(_GRID) - 2)
    low, high = np.log(_GRID[at]), np.log(_GRID[at + 1])
    for _ in range(_HALVINGS if inner.any() else 0):
        middle = (low + high) / 2
        rising = above(np.exp(middle)) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    found = np.exp((low + high) / 2)
    return np.where(last < 0, 0.0, np.where(last == len(_GRID) - 1, np.inf, found))
