"""Small markets and draws by hand, for what is computed after a fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.mmm.draws import Draws
from workbench.mmm.fitted import Forecast, MixFit, ParameterHealth, SamplingHealth
from workbench.mmm.market import Market, Period
from workbench.mmm.spec import Adstock, Channel, MixSpec, Saturation

MEDIA = ("tv", "search", "social", "display")


def market(
    *,
    regions: int = 1,
    periods: int = 30,
    channels: int = 2,
    seed: int = 1,
    period: Period = "week",
    media: tuple[str, ...] = MEDIA,
) -> Market:
    """Return a market of gamma spend, the first channel's in bursts, and an outcome around 1,000."""
    rng = np.random.default_rng(seed)
    spend = rng.gamma(2.0, 50.0, (regions, periods, channels))
    spend[:, :, 0] *= rng.random((regions, periods)) < 0.6
    names = ("all",) if regions == 1 else tuple(f"region {one}" for one in range(regions))
    days = np.arange(periods) * (7 if period == "week" else 1)
    return Market(
        dates=np.datetime64("2023-01-02") + days,
        period=period,
        regions=names,
        channels=media[:channels],
        controls=("price",),
        outcome=rng.normal(1000, 50, (regions, periods)),
        spend=spend,
        exposure=spend * 1.0,
        control=rng.normal(5, 2, (regions, periods, 1)),
        fingerprint=f"{seed}",
    )


def draws(
    of: Market,
    *,
    count: int = 40,
    adstock: Adstock = "geometric",
    saturation: Saturation = "michaelis-menten",
    carry_over: int = 5,
    seed: int = 2,
) -> Draws:
    """Return draws that scatter a little, for any of the families."""
    rng = np.random.default_rng(seed)
    regions, periods, channels = of.spend.shape
    each = (count, channels)
    return Draws(
        adstock=adstock,
        saturation=saturation,
        carry_over=carry_over,
        retention=rng.beta(8, 8, each),
        delay=rng.uniform(0, 3, each) if adstock == "delayed" else np.zeros(each),
        half=rng.lognormal(-0.5, 0.1, each),
        slope=rng.uniform(0.6, 2.5, each) if saturation == "hill" else np.ones(each),
        effect=rng.lognormal(5, 0.1, (count, regions, channels)),
        exposure_scale=of.exposure.max(axis=1),
        level=rng.normal(800, 5, (count, regions, 1)),
        season=rng.normal(0, 3, (count, regions, 2)),
        seasons=np.stack([np.sin(np.arange(periods) / 8), np.cos(np.arange(periods) / 8)], axis=1),
        control_effect=rng.normal(-20, 3, (count, regions, 1)),
        control_mean=np.array([5.0]),
        control_scale=np.array([2.0]),
        noise=rng.normal(50, 2, (count, regions)),
        chain=np.repeat(np.arange(4), count // 4),
    )


def fitted(of: Market | None = None, *, bad: bool = False, **changes: Any) -> MixFit:
    """Return a fit by hand around a market: healthy, or with every gate missed."""
    market_ = of or market(periods=60)
    draws_ = changes.pop("draws", None) or draws(market_, count=200)
    media = tuple(Channel(name=name) for name in market_.channels)
    regional = {"region": "region"} if len(market_.regions) > 1 else {}
    spec = MixSpec(
        name="weekly",
        outcome="revenue",
        channels=media,
        controls=market_.controls,
        currency="EUR",
        **regional,
        **changes,
    )
    health = SamplingHealth(
        parameters=(
            ParameterHealth(name="roi[tv]", r_hat=1.04 if bad else 1.002, bulk=900, tail=120 if bad else 800),
            ParameterHealth(name="noise", r_hat=1.001, bulk=1900, tail=1700),
        ),
        divergences=7 if bad else 0,
        draws=len(draws_),
    )
    forecast = Forecast(
        periods=13, model_error=90 if bad else 40, naive_error=60, r2=-0.2 if bad else 0.7, covered=0.92
    )
    return MixFit(
        spec=spec, market=market_, draws=draws_, health=health, forecast=forecast, versions=(("pymc", "6"),)
    )
