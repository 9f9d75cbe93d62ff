"""How exposure becomes outcome: carry-over, saturation, and what a change of spend would do.

Everything is numpy on `Draws`. Arrays of draws by region by period are large (2,000 x 40 x 150 floats are
96 MB for one channel), so sums go over blocks of draws, one channel at a time.

Words: *carried* exposure is the weighted mean of this and the earlier periods; a *multiplier* scales a
channel's exposure in all periods at once, so that its pattern over weeks and regions stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from workbench.mmm.draws import Draws
from workbench.mmm.market import Market
from workbench.mmm.spec import Saturation
from workbench.mmm.window import Window, whole

Array = npt.NDArray[np.float64]
Curve = Callable[[Saturation, Array, float, Array, Array], Array]
_BLOCK = 200_000  # figures at a time: they stay in the cache from one step to the next
_TINY = 1e-300


def adstock_weights(draws: Draws) -> Array:
    """Return how an effect is spread over the lags: weights that sum to one.

    Geometric weights are ``retention ** lag``, delayed ones ``retention ** ((lag - delay) ** 2)``, both
    divided by their sum over `carry_over` lags.

    Returns
    -------
    array, shape (D, C, L)

    References
    ----------
    Jin, Wang, Sun, Chan, Koehler (2017), Bayesian methods for media mix modeling with carryover and shape
    effects, Google, sections 2.1 and 2.2.
    """
    lags = np.arange(draws.carry_over, dtype=float)
    power = lags if draws.adstock == "geometric" else np.square(lags - draws.delay[..., None])
    logs = np.log(np.maximum(draws.retention, _TINY))[..., None] * power
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))  # far delays do not underflow to 0 / 0
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def half_life(draws: Draws) -> Array:
    """Return the periods after which half of an effect has come, its own period counted, shape (D, C).

    Within a period the effect is taken as even, so a channel without carry-over has a half-life of 0.5.
    """
    heard = np.cumsum(adstock_weights(draws), axis=-1)
    before = np.concatenate([np.zeros_like(heard[..., :1]), heard[..., :-1]], axis=-1)
    place = np.argmax(heard >= 0.5, axis=-1)[..., None]
    low, high = np.take_along_axis(before, place, axis=-1), np.take_along_axis(heard, place, axis=-1)
    return np.asarray((place + (0.5 - low) / (high - low))[..., 0])


def shape(kind: Saturation, x: Array, half: Array, slope: Array | float = 1.0) -> Array:
    """Return the share of a curve's maximum that carried exposure reaches, 0 to 1.

    Parameters
    ----------
    kind : {'michaelis-menten', 'hill', 'logistic'}
        ``x / (half + x)``, ``x^s / (half^s + x^s)`` or ``(1 - e^(-half x)) / (1 + e^(-half x))``.
    x : array
        Carried exposure, scaled; not below 0.
    half, slope : array or float
        Parameters of the curve, broadcast against `x`.

    Examples
    --------
    >>> x = np.array([0.0, 0.5, 1.5])
    >>> [float(one) for one in shape("michaelis-menten", x, np.array(0.5))]
    [0.0, 0.5, 0.75]
    """
    if kind == "michaelis-menten":
        return np.asarray(x / (half + x))
    if kind == "logistic":
        return np.asarray(np.tanh(0.5 * half * x))
    with np.errstate(divide="ignore"):
        return np.asarray(expit(slope * (np.log(x) - np.log(half))))


def shape_slope(kind: Saturation, x: Array, half: Array, slope: Array | float = 1.0) -> Array:
    """Return the derivative of `shape` by `x`; infinite at 0 where a Hill curve has a slope below 1."""
    if kind == "michaelis-menten":
        return np.asarray(half / np.square(half + x))
    if kind == "logistic":
        left = np.exp(-half * x)  # 1 - tanh^2 would lose all digits far out
        return np.asarray(2 * half * left / np.square(1 + left))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        log = slope * (np.log(x) - np.log(half))
        found = slope * expit(log) * expit(-log) / x
        start = np.where(slope == 1, 1 / half, np.where(slope < 1, np.inf, 0.0))
    return np.where(x > 0, found, start)


def blocks(draws: Draws, size: int) -> Iterator[slice]:
    """Return slices of the draws so that `size` figures per draw fit in memory at once."""
    step = max(1, _BLOCK // max(1, size))
    for start in range(0, len(draws), step):
        yield slice(start, min(start + step, len(draws)))


def thinned(draws: Draws, most: int) -> Draws:
    """Return at most `most` draws, evenly taken from all chains, always the same ones."""
    count = len(draws)
    if count <= most:
        return draws
    return taken(draws, np.linspace(0, count - 1, most).round().astype(int))


def taken(draws: Draws, which: slice | npt.NDArray[np.int64]) -> Draws:
    """Return some of the draws."""
    by_draw = (
        "retention",
        "delay",
        "half",
        "slope",
        "effect",
        "level",
        "season",
        "control_effect",
        "noise",
        "chain",
    )
    return replace(draws, **{name: getattr(draws, name)[which] for name in by_draw})


def in_region(draws: Draws, market: Market, region: int) -> tuple[Draws, Market]:
    """Return one region's draws and market, as those of a market with a single region."""
    one = slice(region, region + 1)
    by_region = ("effect", "level", "season", "control_effect", "noise")
    small = replace(
        draws,
        exposure_scale=draws.exposure_scale[one],
        **{name: getattr(draws, name)[:, one] for name in by_region},
    )
    arrays = ("outcome", "spend", "exposure", "control")
    place = replace(
        market, regions=market.regions[one], **{name: getattr(market, name)[one] for name in arrays}
    )
    return small, place


def carried(
    draws: Draws, market: Market, channel: int, *, window: Window | None = None, block: slice = slice(None)
) -> Array:
    """Return a channel's carried exposure, scaled: what the weights make of this and the earlier periods.

    Before the first period there was no exposure.

    Returns
    -------
    array, shape (draws of the block, R, periods of the window)
    """
    weights = adstock_weights(_of_channel(draws, channel, block))[:, 0, :]
    lagged = _lagged(draws, market, channel, window or whole(market))
    regions, periods, lags = lagged.shape
    found = weights @ lagged.reshape(-1, lags).T
    return np.asarray(found.reshape(len(weights), regions, periods))


def contribution(
    draws: Draws, market: Market, channel: int, *, window: Window | None = None, block: slice = slice(None)
) -> Array:
    """Return one channel's outcome by draw, region and period, shape (draws of the block, R, periods)."""
    x = carried(draws, market, channel, window=window, block=block)
    half, slope = (part[block, channel, None, None] for part in (draws.half, draws.slope))
    return np.asarray(draws.effect[block, :, channel, None] * shape(draws.saturation, x, half, slope))


def contributions(draws: Draws, market: Market, *, window: Window | None = None) -> Array:
    """Return all channels' outcome at once, shape (D, R, T, C): for few draws or few regions only."""
    return np.stack(
        [contribution(draws, market, one, window=window) for one in range(len(market.channels))], axis=-1
    )


def contribution_totals(draws: Draws, market: Market, *, window: Window | None = None) -> Array:
    """Return the outcome of every channel in every region, summed over the periods, shape (D, R, C)."""
    size = len(market.regions) * (window or whole(market)).periods
    found = np.empty((len(draws), len(market.regions), len(market.channels)))
    for channel in range(len(market.channels)):
        for block in blocks(draws, size):
            found[block, :, channel] = contribution(draws, market, channel, window=window, block=block).sum(
                axis=2
            )
    return found


def outcome_at(
    draws: Draws, market: Market, multipliers: npt.ArrayLike, *, window: Window | None = None
) -> Array:
    """Return every channel's outcome over a window if its spend there were a multiple of what it was.

    The pattern over weeks and regions is kept, and what is carried into the window is scaled alike.

    Parameters
    ----------
    draws : Draws
        The posterior.
    market : Market
        Whose exposure is scaled.
    multipliers : array_like, shape (M,) or (M, C)
        What each channel's exposure is multiplied by; 1 is what was spent.
    window : Window, optional
        The periods summed; all by default.

    Returns
    -------
    array, shape (D, M, C)
        Outcome summed over the regions and the window.
    """
    return _swept(draws, market, multipliers, window, _level)


def change_at(
    draws: Draws, market: Market, multipliers: npt.ArrayLike, *, window: Window | None = None
) -> Array:
    """Return the derivative of `outcome_at` by the multiplier, shape (D, M, C)."""
    return _swept(draws, market, multipliers, window, _change)


def change_by_region(draws: Draws, market: Market, *, window: Window | None = None) -> Array:
    """Return the derivative of the outcome by the multiplier at 1, region by region, shape (D, R, C)."""
    found = np.empty((len(draws), len(market.regions), len(market.channels)))
    for channel in range(len(market.channels)):
        for block in blocks(draws, len(market.regions) * (window or whole(market)).periods):
            x = carried(draws, market, channel, window=window, block=block)
            half, slope = (part[block, channel, None, None] for part in (draws.half, draws.slope))
            rise = _change(draws.saturation, x, 1.0, half, slope).sum(axis=2)
            found[block, :, channel] = draws.effect[block, :, channel] * rise
    return found


def marginal_return_at(
    draws: Draws, market: Market, multipliers: npt.ArrayLike, *, window: Window | None = None
) -> Array:
    """Return what one more unit of money would bring at a multiple of a window's spend.

    Returns
    -------
    array, shape (D, M, C)
        Outcome per unit of money; NaN where the channel spent nothing in the window.
    """
    spend = spend_of(market, window=window)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = change_at(draws, market, multipliers, window=window) / spend
    return np.where(spend > 0, found, np.nan)


def spend_of(market: Market, *, window: Window | None = None) -> Array:
    """Return the money of every channel over a window and all regions, shape (C,)."""
    return np.asarray(market.spend[:, (window or whole(market)).positions].sum(axis=(0, 1)))


def _swept(
    draws: Draws, market: Market, multipliers: npt.ArrayLike, window: Window | None, curve: Curve
) -> Array:
    channels, regions = len(market.channels), len(market.regions)
    asked = np.asarray(multipliers, float)
    steps = np.broadcast_to(asked[:, None] if asked.ndim == 1 else asked, (len(asked), channels))
    found = np.empty((len(draws), len(steps), channels))
    for channel in range(channels):
        for block in blocks(draws, regions * (window or whole(market)).periods):
            x = carried(draws, market, channel, window=window, block=block)
            half, slope = (part[block, channel, None, None] for part in (draws.half, draws.slope))
            effect = draws.effect[block, :, channel]
            for step, times in enumerate(steps[:, channel]):
                by_region = curve(draws.saturation, x, times, half, slope).sum(axis=2)
                found[block, step, channel] = (effect * by_region).sum(axis=1)
    return found


def _level(kind: Saturation, x: Array, times: float, half: Array, slope: Array) -> Array:
    return shape(kind, times * x, half, slope)


def _change(kind: Saturation, x: Array, times: float, half: Array, slope: Array) -> Array:
    rise = shape_slope(kind, times * x, half, slope)
    return np.multiply(rise, x, out=np.zeros_like(x), where=x > 0)


def _lagged(draws: Draws, market: Market, channel: int, window: Window) -> Array:
    """Return scaled exposure with its lags, shape (R, periods, L)."""
    scale = draws.exposure_scale[:, channel, None]
    x = np.where(scale > 0, market.exposure[:, :, channel] / np.where(scale > 0, scale, 1.0), 0.0)
    lags = draws.carry_over
    padded = np.concatenate([np.zeros((len(x), lags - 1)), x[:, : window.stop]], axis=1)
    views = np.lib.stride_tricks.sliding_window_view(padded, lags, axis=1)[:, window.start :, ::-1]
    return np.ascontiguousarray(views)


def _of_channel(draws: Draws, channel: int, block: slice) -> Draws:
    one = slice(channel, channel + 1)
    return replace(draws, retention=draws.retention[block, one], delay=draws.delay[block, one])
