"""From a question and a market to pymc-marketing's model: families, priors, waves, trend, lift tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from pymc_extras.prior import Prior
from pymc_marketing.mmm import MMM, WeeklyFourier
from pymc_marketing.mmm.additive_effect import FourierEffect
from pymc_marketing.mmm.scaling import FixedScaling
from pymc_marketing.mmm.scaling import Scaling as ModelScaling

from workbench.mmm.baseline import Baseline
from workbench.mmm.centring import Centring, centring_of
from workbench.mmm.lift import add_lift_tests
from workbench.mmm.market import Market
from workbench.mmm.priors import Effect, Level, Noise, Varied, adstock_of, return_priors, saturation_of
from workbench.mmm.scaling import Scaling, has_weekly_waves, scaling_of, weekly_order
from workbench.mmm.spec import MixSpec

_PER_YEAR = {"day": 365, "week": 52}


def build(spec: MixSpec, market: Market) -> MMM:
    """Return pymc-marketing's model of a market, built and ready to be sampled.

    A national market is one with a single region. The model's priors differ from the library's: they are
    about returns and about the mean of the outcome (see `priors.Effect`, `baseline.Baseline`).

    Parameters
    ----------
    spec : MixSpec
        What is asked.
    market : Market
        Checked arrays (`market.market_of`).

    Raises
    ------
    BadInput
        If a lift test lies outside the market.

    Notes
    -----
    Takes 3 to 6 seconds to import, on top of what building takes.
    """
    scaling = scaling_of(spec, market)
    centring = centring_of(spec, market, scaling)
    mmm = MMM(
        date_column="date",
        channel_columns=list(market.channels),
        target_column="y",
        control_columns=list(market.controls) or None,
        yearly_seasonality=spec.seasonality or None,
        dims=("region",),
        scaling=_fixed(market, scaling),
        adstock=adstock_of(spec, market),
        saturation=saturation_of(spec, Effect(spec=spec, regions=len(market.regions))),
        model_config=_config(market, centring),
    )
    mmm.mu_effects.extend(_effects(spec, market, scaling, centring))
    mmm.build_model(_dataset(market, scaling))
    if spec.lift_tests:
        add_lift_tests(mmm.model, spec, market, scaling)
    return mmm


class Weekdays(WeeklyFourier):  # type: ignore[misc]
    """Waves of the week that keep their phase at New Year: the library's count from the first of January."""

    def _get_days_in_period(self, dates: pd.DatetimeIndex) -> pd.Index:
        return dates.day_of_week


def _figures(spec: MixSpec, market: Market, scaling: Scaling) -> dict[str, Any]:
    median, width = return_priors(spec, market)
    return {
        "variation": (scaling.variation, ()),
        "return_median": (median, ("channel",)),
        "return_width": (width, ("channel",)),
        "money": (market.spend.sum(axis=(0, 1)), ("channel",)),
    }


def _config(market: Market, centring: Centring) -> dict[str, Any]:
    regions = len(market.regions)
    config: dict[str, Any] = {
        "intercept": Level(),
        "gamma_fourier": Varied(regions=regions, feature="fourier_mode", centring=centring.yearly),
        "likelihood": Prior("Normal", sigma=Noise(), dims=("date", "region")),
    }
    if market.controls:
        config["gamma_control"] = Varied(regions=regions, feature="control", centring=centring.control)
    return config


def _effects(spec: MixSpec, market: Market, scaling: Scaling, centring: Centring) -> list[Any]:
    regions = len(market.regions)
    found: list[Any] = [
        Baseline(
            trend=spec.trend,
            figures=_figures(spec, market, scaling),
            regions=regions,
            periods=len(market.dates),
            per_year=_PER_YEAR[market.period],
            centring=centring.trend,
        )
    ]
    if has_weekly_waves(market):
        prior = Varied(regions=regions, feature="weekday", centring=centring.weekly)
        waves = Weekdays(n_order=weekly_order(), prefix="weekday", prior=prior, variable_name="gamma_weekday")
        found.append(FourierEffect(fourier=waves))
    return found


def _fixed(market: Market, scaling: Scaling) -> ModelScaling:
    outcome = xr.DataArray(scaling.outcome, dims="region", coords={"region": list(market.regions)})
    exposure = xr.DataArray(
        scaling.exposure,
        dims=("region", "channel"),
        coords={"region": list(market.regions), "channel": list(market.channels)},
    )
    return ModelScaling(
        target=FixedScaling(dims=(), value=outcome), channel=FixedScaling(dims=(), value=exposure)
    )


def _dataset(market: Market, scaling: Scaling) -> xr.Dataset:
    """Return the arrays as pymc-marketing takes them, controls standardised."""
    coords = {"date": market.dates.astype("datetime64[ns]"), "region": list(market.regions)}
    data: dict[str, Any] = {
        "media": (("date", "region", "channel"), market.exposure.transpose(1, 0, 2)),
        "target": (("date", "region"), market.outcome.T),
    }
    coords["channel"] = list(market.channels)
    if market.controls:
        scaled = (market.control - scaling.control_mean) / scaling.control_scale
        data["_control"] = (("date", "region", "control"), np.ascontiguousarray(scaled.transpose(1, 0, 2)))
        coords["control"] = list(market.controls)
    return xr.Dataset(data, coords=coords)
