"""What happens on a simulated market before anything is sold: seasons, prices, and where money is spent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.mmm.calendar import LENGTH, Period
from workbench.mmm.spec import Adstock, Kind, Saturation

Array = npt.NDArray[np.float64]
Generator = np.random.Generator
WAYS = ("flights", "always", "bursts", "season", "flights", "bursts")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSetting:
    """What kind of market is simulated.

    Parameters
    ----------
    period : {'week', 'day'}
        How far two dates are apart.
    kind : {'revenue', 'conversions'}
        What the outcome is; a conversion is worth 40.
    adstock, saturation : str
        The families of the true curves.
    carry_over : int
        Periods that an effect can last, its own included.
    media_share : float, optional
        Share of the outcome that media cause; by default between 0.2 and 0.4 by chance.
    noise : float
        Standard deviation of what nothing explains, as a part of the mean outcome; relatively more in small
        regions.
    confounding : float
        How far spend outside of flights follows demand: the change of its logarithm for one standard
        deviation of the season.
    regional_spread : float
        Standard deviation of the logarithm of a channel's return between regions.
    impressions : int
        The first so many channels also have impressions, which drive the effect; their price varies.
    """

    period: Period = "week"
    kind: Kind = "revenue"
    adstock: Adstock = "geometric"
    saturation: Saturation = "michaelis-menten"
    carry_over: int = 8
    media_share: float | None = None
    noise: float = 0.04
    confounding: float = 0.25
    regional_spread: float = 0.25
    impressions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """What moves the outcome and is no medium: arrays over T periods."""

    dates: npt.NDArray[np.datetime64]
    season: Array
    weekday: Array
    price: Array
    promo: Array


def simulate_demand(rng: Generator, periods: int, period: Period) -> Demand:
    """Return the seasons, prices and promotions of so many periods from the first Monday of 2022."""
    step = LENGTH[period]
    dates = np.datetime64("2022-01-03", "D") + step * np.arange(periods)
    angle = 2 * np.pi * (dates - dates.astype("datetime64[Y]")).astype(float) / 365.25
    waves = [rng.normal(0, 1 / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in (1, 2)]
    season = sum(waves, np.zeros(periods))
    weekday = np.zeros(periods)
    if period == "day":
        shape = np.array([0.0, -0.3, -0.4, -0.2, 0.3, 1.0, 0.6]) * rng.uniform(0.5, 1.2)
        weekday = np.resize(shape - shape.mean(), periods)
    return Demand(
        dates=dates,
        season=season / season.std(),
        weekday=weekday,
        price=np.round(10 * np.exp(0.06 * _wander(rng, (periods,), 0.8)), 2),
        promo=np.repeat(rng.random(-(-periods * step // 7)) < 0.12, 7)[: periods * step : step].astype(float),
    )


def _wander(rng: Generator, shape: tuple[int, ...], memory: float) -> Array:
    """Return standardised noise with memory along the first axis."""
    steps = rng.normal(0, np.sqrt(1 - memory**2), shape)
    values = np.empty(shape)
    values[0] = steps[0] / np.sqrt(1 - memory**2)
    for place in range(1, shape[0]):
        values[place] = memory * values[place - 1] + steps[place]
    return values


def sizes(rng: Generator, regions: int) -> Array:
    """Return the regions' parts of the market, the largest twenty times the smallest, shape (R,)."""
    size = rng.permutation(np.geomspace(20, 1, regions)) if regions > 1 else np.ones(1)
    return np.asarray(size / size.sum())


def simulate_spend(
    rng: Generator, demand: Demand, size: Array, channels: int, setting: MarketSetting
) -> tuple[Array, Array]:
    """Return spend and money per exposure, shape (R, T, C); spend of all channels and periods sums to one."""
    periods, step = len(demand.dates), LENGTH[setting.period]
    weeks = -(-periods * step // 7)
    plan = np.stack([_plan(rng, WAYS[one % len(WAYS)], weeks) for one in range(channels)], axis=-1)
    plan = np.repeat(plan, 7, axis=0)[: periods * step : step]
    follows = np.array([WAYS[one % len(WAYS)] != "flights" for one in range(channels)])
    plan = plan * np.exp(setting.confounding * follows * demand.season[:, None])
    ratio = 0.1 ** (1 / max(channels - 1, 1))
    worth = ratio ** np.arange(channels) * np.exp(rng.normal(0, 0.15, channels))
    plan = plan / plan.sum(0) * worth / worth.sum()
    shape = (len(size), periods, channels)
    if len(size) > 1 or setting.period == "day":
        plan = plan * np.exp(rng.normal(0, 0.3, shape))
    mix = np.exp(rng.normal(0, 0.2, (len(size), 1, channels))) if len(size) > 1 else np.ones((1, 1, channels))
    spend = np.broadcast_to(plan * size[:, None, None] * mix, shape)
    price = np.ones(shape)
    bought = slice(0, setting.impressions)
    cost = np.exp(0.2 * _wander(rng, (periods, channels), 0.9))[:, bought]
    price[:, :, bought] = 0.008 * cost * rng.uniform(0.5, 1.5, channels)[bought]
    return np.asarray(spend / spend.sum()), price


def _plan(rng: Generator, way: str, weeks: int) -> Array:
    jitter = np.exp(rng.normal(0, 0.15, weeks))
    match way:
        case "flights":
            runs = np.stack([rng.integers(2, 8, weeks), rng.integers(3, 8, weeks)], axis=1)
            height = np.stack([np.zeros(weeks), np.exp(rng.normal(0, 0.4, weeks))], axis=1)
            skipped = int(rng.integers(0, 6))
            plan = np.repeat(height.ravel(), runs.ravel())[skipped : skipped + weeks]
        case "always":
            plan = np.exp(0.3 * _wander(rng, (weeks,), 0.85))
        case "bursts":
            plan = np.where(rng.random(weeks) < 0.2, rng.uniform(2, 4, weeks), 0.6)
        case _:
            plan = np.exp(0.4 * _wander(rng, (weeks,), 0.6))
    return np.asarray(plan * jitter)
