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
_COARSE, _FINE = 13, 49  # places looked at between a thousandth and a thousand times
_STEPS = 8
_FIGURES = 1_000_000
_FEWEST = 400


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
    most_seen : float
        Most mean spend of any stretch as long as the window: a point beyond it rests on the curve alone.
    """

    current: float
    break_even: Estimate
    threshold: float
    full: Estimate
    chance_beyond: float
    most_seen: float


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
    """Return draws, evenly taken and at least 400, for work on `size` figures per draw."""
    return thinned(draws, max(_FEWEST, _FIGURES // max(1, size)))


def saturation_points(
    draws: Draws,
    market: Market,
    *,
    window: Window,
    threshold: Array,
) -> tuple[Saturation | None, ...]:
    """Return where every channel's curve bends; None for a channel without spend in the window.

    Large markets are answered from fewer draws, evenly taken, at least 400.

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

    def surplus(times: Array) -> Array:
        rise = shape_slope(draws.saturation, times[:, None, None] * x, half, slope)
        change = np.multiply(rise, x, out=np.zeros_like(x), where=x > 0)
        return _log((effect * change).sum(axis=(1, 2)) / money) - _log(threshold)

    def lacking(times: Array) -> Array:
        level = shape(draws.saturation, times[:, None, None] * even, half, slope)
        return _log(FULL * top) - _log((effect * level).sum(axis=(1, 2)))

    each = money / window.periods
    late = draws.saturation == "hill" and bool((slope > 1).any())
    pays = last_crossing(surplus, len(draws), places=_FINE if late else _COARSE) * each
    return Saturation(
        current=each,
        break_even=estimate(pays, centre="median"),
        threshold=float(threshold.mean()),
        full=estimate(last_crossing(lacking, len(draws)) * each, centre="median"),
        chance_beyond=float((pays < each).mean()),
        most_seen=_most_seen(market, channel, window),
    )


def _most_seen(market: Market, channel: int, window: Window) -> float:
    summed = np.concatenate([[0.0], np.cumsum(market.spend[:, :, channel].sum(axis=0))])
    return float((summed[window.periods :] - summed[: -window.periods]).max() / window.periods)


def _evenly(draws: Draws, market: Market, channel: int, window: Window) -> Array:
    """Return the scaled exposure of every period if the window's were spread evenly, shape (1, R, 1)."""
    mean = market.exposure[:, window.positions, channel].mean(axis=1)
    scale = draws.exposure_scale[:, channel]
    return np.where(scale > 0, mean / np.where(scale > 0, scale, 1.0), 0.0)[None, :, None]


def last_crossing(above: Callable[[Array], Array], count: int, *, places: int = _COARSE) -> Array:
    """Return the multiplier beyond which a function of it stays below zero, by draw.

    The function may rise before it falls (an S-shaped curve does). It is looked at from a thousandth to a
    thousand times at so many places, then narrowed down by the Illinois rule on the logarithm of the
    multiplier. Where an S-shaped curve is above zero in a narrow stretch only, few places would miss it.

    Returns
    -------
    array, shape (count,)
        0 where it is below zero throughout, infinite where it never falls below.

    References
    ----------
    Dowell, Jarratt (1971), A modified regula falsi method for computing the root of an equation, BIT 11.
    """
    grid = np.geomspace(1e-3, 1e3, places)
    seen = np.stack([above(np.full(count, times)) for times in grid])
    last = np.where(seen > 0, np.arange(places)[:, None], -1).max(axis=0)
    at = np.clip(last, 0, places - 2)
    low, high = np.log(grid[at]), np.log(grid[at + 1])
    up, down = (np.take_along_axis(seen, place[None], axis=0)[0] for place in (at, at + 1))
    inner = (last >= 0) & (last < places - 1)
    found = _narrowed(above, (low, high), (up, down)) if inner.any() else low
    return np.where(last < 0, 0.0, np.where(last == places - 1, np.inf, np.exp(found)))


def _narrowed(above: Callable[[Array], Array], ends: tuple[Array, Array], seen: tuple[Array, Array]) -> Array:
    """Return the place between two ends at which a function passes through zero, from above to below."""
    (low, high), (up, down) = ends, seen
    middle, before = (low + high) / 2, np.zeros(len(low))
    for _ in range(_STEPS):
        with np.errstate(divide="ignore", invalid="ignore"):
            middle = high - down * (high - low) / (down - up)
        middle = np.where((middle >= low) & (middle <= high), middle, (low + high) / 2)
        at = above(np.exp(middle))
        rising = at > 0
        again = before == np.where(rising, 1, -1)  # the same end twice: the other one is given less weight
        before = np.where(rising, 1, -1)
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        less = np.where(again, 0.5, 1.0)
        up, down = np.where(rising, at, up * less), np.where(rising, down * less, at)
    return middle


def _log(value: Array) -> Array:
    return np.asarray(np.log(np.maximum(value, 1e-300)))
