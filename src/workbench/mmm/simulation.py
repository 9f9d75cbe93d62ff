"""Markets whose truth is known, to see whether a model finds it: weekly or daily, national or by region.

Spend comes in flights, in bursts, with the season or all the time, and the channels differ tenfold in size.
Part of it follows demand, as it does in life, so that a model without seasons is fooled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.errors import UsageError
from workbench.mmm.calendar import LENGTH
from workbench.mmm.flighting import WAYS, Demand, MarketSetting, simulate_demand, simulate_spend, sizes
from workbench.mmm.market import EVERYWHERE, Market, market_of
from workbench.mmm.spec import Channel, MixSpec
from workbench.mmm.truth import MixTruth, carried, saturated

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]
Generator = np.random.Generator
_NAMES = ("tv", "search", "social", "display", "ooh", "email", "video", "radio", "affiliate", "print")
_OUTCOME = 1_200_000.0  # per period
_ORDER = 40.0  # revenue of one conversion


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedMarket:
    """A market as a company would see it, and the truth about it.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each period, or region and period: date, region, spend by channel, price, promo, outcome.
    spec : MixSpec
        A sensible model of it, which knows the families of the curves and nothing else of the truth.
    truth : MixTruth
        What is true.
    """

    table: pd.DataFrame
    spec: MixSpec
    truth: MixTruth

    @property
    def market(self) -> Market:
        """Return the arrays that a model is fitted to."""
        return market_of(self.spec, self.table)


def simulate_market(
    *,
    seed: int,
    periods: int = 180,
    channels: int = 6,
    regions: int = 1,
    setting: MarketSetting | None = None,
) -> SimulatedMarket:
    """Return a market with a known truth; the same arguments give the same market.

    Media begin with the data: nothing is carried over from before. Sizes of regions differ twentyfold.

    Parameters
    ----------
    seed : int
        Of all random numbers.
    periods, channels, regions : int
        How many; one region is a national market without a column of regions.
    setting : MarketSetting, optional
        The families of the curves, noise, and so on.

    Raises
    ------
    UsageError
        With fewer than 52 weeks or 364 days, or without a channel or region.

    Examples
    --------
    >>> simulated = simulate_market(seed=1, periods=120, channels=2)
    >>> list(simulated.table.columns)
    ['date', 'tv', 'search', 'price', 'promo', 'revenue']
    >>> best = simulated.truth.best_outcome(simulated.truth.current.sum())
    >>> bool(best >= simulated.truth.outcome())
    True
    """
    chosen = setting or MarketSetting()
    if periods * LENGTH[chosen.period] < 364 or channels < 1 or regions < 1:
        raise UsageError("A simulated market has at least 52 weeks or 364 days, one channel and one region.")
    streams = [np.random.default_rng(one) for one in np.random.SeedSequence(seed).spawn(5)]
    demand = simulate_demand(streams[0], periods, chosen.period)
    size = sizes(streams[1], regions)
    spend, cost = simulate_spend(streams[2], demand, size, channels, chosen)
    truth = _truth(streams[3], demand, size, (spend, cost), chosen)
    expected = truth.baseline + truth.contribution.sum(2)
    outcome = np.maximum(expected + streams[4].normal(0, 1, expected.shape) * truth.noise[:, None], 0)
    outcome = np.round(outcome, 2 if chosen.kind == "revenue" else 0)
    return SimulatedMarket(
        table=_table(truth, demand, outcome, chosen), spec=_spec(truth, chosen), truth=truth
    )


def _truth(
    rng: Generator, demand: Demand, size: Array, media: tuple[Array, Array], setting: MarketSetting
) -> MixTruth:
    shares, price = media
    regions, periods, channels = shares.shape
    mean = _OUTCOME / (_ORDER if setting.kind == "conversions" else 1)
    returns = np.exp(rng.normal(np.log(1.8), 0.5, channels)) * mean / _OUTCOME
    share = setting.media_share if setting.media_share is not None else rng.uniform(0.2, 0.4)
    total = share * mean * periods / (shares.sum((0, 1)) @ returns)
    spend = np.round(shares * total, 2)
    exposure = np.where(price == 1, spend, np.ceil(spend / price))
    weights = _weights(rng, channels, setting)
    inside = carried(exposure, weights)
    half, slope = _curve(rng, inside, setting)
    height = saturated(inside, half[:, None], slope, setting.saturation).sum(1)
    spread = np.exp(rng.normal(0, setting.regional_spread, (regions, channels))) if regions > 1 else 1.0
    money = spend.sum(1)
    effect = returns * spread * money / height
    effect *= returns * money.sum(0) / (effect * height).sum(0)
    baseline, noise = _baseline(rng, demand, size, (1 - share) * mean)
    names = (f"region_{one + 1:02d}" for one in range(regions))
    return MixTruth(
        channels=tuple(_NAMES[one] if one < len(_NAMES) else f"channel_{one + 1}" for one in range(channels)),
        regions=tuple(names) if regions > 1 else (EVERYWHERE,),
        dates=demand.dates,
        period=setting.period,
        spend=spend,
        exposure=exposure,
        weights=weights,
        saturation=setting.saturation,
        half=half,
        slope=slope,
        effect=effect,
        baseline=baseline,
        noise=noise * setting.noise,
    )


def _weights(rng: Generator, channels: int, setting: MarketSetting) -> Array:
    slow = np.array([WAYS[one % len(WAYS)] == "flights" for one in range(channels)])
    retention = np.where(slow, rng.uniform(0.4, 0.7, channels), rng.uniform(0.05, 0.4, channels))
    if setting.period == "day":
        retention = retention**0.3
    lags = np.arange(setting.carry_over)
    if setting.adstock == "delayed":
        peak = np.where(slow, rng.uniform(0.5, 2.5, channels), rng.uniform(0, 1, channels))
        weights = retention[:, None] ** ((lags - peak[:, None]) ** 2)
    else:
        weights = retention[:, None] ** lags
    return np.asarray(weights / weights.sum(1, keepdims=True))


def _curve(rng: Generator, inside: Array, setting: MarketSetting) -> tuple[Array, Array]:
    """Return half and slope so that the curves bend where they are used."""
    usual = np.nanmean(np.where(inside > 0.05 * inside.max(1, keepdims=True), inside, np.nan), axis=1)
    channels = inside.shape[2]
    slope = rng.uniform(0.8, 2.0, channels) if setting.saturation == "hill" else np.ones(channels)
    bend = np.exp(rng.uniform(np.log(0.6), np.log(3), channels))
    half = 2 / (bend * usual) if setting.saturation == "logistic" else bend * usual
    return np.asarray(half), np.asarray(slope, float)


def _baseline(rng: Generator, demand: Demand, size: Array, mean: float) -> tuple[Array, Array]:
    """Return the outcome without media, shape (R, T), and the regions' noise for a noise of 1."""
    level = size * (np.exp(rng.normal(0, 0.15, len(size))) if len(size) > 1 else 1.0)
    way = np.linspace(-1, 1, len(demand.dates))
    price = (demand.price - demand.price.mean()) / demand.price.std()
    moves = rng.normal(0, 0.05) * way + rng.uniform(0.05, 0.12) * demand.season + 0.15 * demand.weekday
    moves = moves - rng.uniform(0.02, 0.06) * price + rng.uniform(0.05, 0.12) * demand.promo
    flat = np.outer(level, np.maximum(1 + moves, 0.1))
    baseline = np.asarray(flat * mean * len(demand.dates) / flat.sum())
    typical = np.asarray(baseline.mean(1))
    return baseline, np.asarray(typical / 0.7 * (typical.mean() / typical) ** 0.25)


def _table(truth: MixTruth, demand: Demand, outcome: Array, setting: MarketSetting) -> pd.DataFrame:
    import pandas as pd

    regions, periods = outcome.shape
    columns: dict[str, object] = {"date": np.tile(demand.dates, regions).astype("datetime64[s]")}
    if regions > 1:
        columns["region"] = np.repeat(truth.regions, periods)
    for place, name in enumerate(truth.channels):
        columns[name] = truth.spend[:, :, place].ravel()
        if place < setting.impressions:
            columns[f"{name}_impressions"] = truth.exposure[:, :, place].ravel()
    columns |= {"price": np.tile(demand.price, regions), "promo": np.tile(demand.promo, regions)}
    return pd.DataFrame(columns | {setting.kind: outcome.ravel()})


def _spec(truth: MixTruth, setting: MarketSetting) -> MixSpec:
    seen = [f"{name}_impressions" for name in truth.channels[: setting.impressions]]
    exposures = [*seen, *[None] * (len(truth.channels) - len(seen))]
    return MixSpec(
        name="simulated",
        outcome=setting.kind,
        kind=setting.kind,
        channels=tuple(
            Channel(name=name, exposure=own) for name, own in zip(truth.channels, exposures, strict=True)
        ),
        controls=("price", "promo"),
        region="region" if len(truth.regions) > 1 else None,
        adstock=setting.adstock,
        carry_over=setting.carry_over,
        saturation=setting.saturation,
        currency="EUR",
    )
