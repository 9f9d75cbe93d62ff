"""pymc-marketing as it comes: logistic saturation, geometric carry-over, its own priors, nutpie."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from workbench.mmm.draws import Draws
from workbench.mmm.market import Market
from workbench.mmm.spec import MixSpec


def default_model(spec: MixSpec, market: Market) -> Any:
    """Return the model a careful user of the library would build: controls standardised, a linear trend."""
    from pymc_marketing.mmm import MMM, GeometricAdstock, LogisticSaturation

    table = pd.DataFrame({"date": market.dates.astype("datetime64[ns]")})
    for place, name in enumerate(market.channels):
        table[name] = market.exposure[0, :, place]
    for place, name in enumerate(market.controls):
        column = market.control[0, :, place]
        table[name] = (column - column.mean()) / column.std()
    table["trend"] = np.linspace(-1, 1, len(table))
    model = MMM(
        date_column="date",
        channel_columns=list(market.channels),
        target_column="y",
        control_columns=[*market.controls, "trend"],
        yearly_seasonality=spec.seasonality,
        adstock=GeometricAdstock(l_max=spec.carry_over),
        saturation=LogisticSaturation(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.build_model(table, pd.Series(market.outcome[0], name="y"))
    return model


def compiled_default(model: Any) -> Any:
    """Return it compiled so that it takes the data of other markets."""
    import nutpie
    from pymc.model.transform.optimization import freeze_dims_and_data

    frozen = freeze_dims_and_data(model.model, data=[])
    kept = ["adstock_alpha", "saturation_lam", "saturation_beta", "intercept_contribution", "y_sigma"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nutpie.compile_pymc_model(frozen, backend="numba", var_names=kept)


def default_draws(tree: Any, spec: MixSpec, market: Market) -> Draws:
    """Return the media's part of the library's posterior; level and noise stand for themselves."""
    found = tree["posterior"]
    size = float(market.outcome.max())
    flat = {name: found[name].values.reshape(-1, *found[name].shape[2:]) for name in found.data_vars}
    count, channels = flat["saturation_lam"].shape
    return Draws(
        adstock="geometric",
        saturation="logistic",
        carry_over=spec.carry_over,
        retention=flat["adstock_alpha"],
        delay=np.zeros((count, channels)),
        half=flat["saturation_lam"],
        slope=np.ones((count, channels)),
        effect=flat["saturation_beta"][:, None, :] * size,
        exposure_scale=market.exposure.max(axis=1),
        level=flat["intercept_contribution"].reshape(count, 1, 1) * size,
        season=np.zeros((count, 1, 0)),
        seasons=np.zeros((len(market.dates), 0)),
        control_effect=np.zeros((count, 1, len(market.controls))),
        control_mean=np.zeros(len(market.controls)),
        control_scale=np.ones(len(market.controls)),
        noise=flat["y_sigma"].reshape(count, 1) * size,
        chain=np.repeat(np.arange(found.sizes["chain"]), found.sizes["draw"]),
    )
