"""From the sampler's tree to `Draws` in units of the outcome, and to what the sampler says of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.mmm.draws import Draws
from workbench.mmm.fitted import ParameterHealth, SamplingHealth
from workbench.mmm.market import Market
from workbench.mmm.scaling import Scaling
from workbench.mmm.spec import MixSpec

Array = npt.NDArray[np.float64]
_DERIVED = (
    "saturation_beta",
    "media_mean",
    "baseline_path",
)  # follow from the others; their level changes by period


def draws_of(tree: Any, spec: MixSpec, market: Market, scaling: Scaling) -> Draws:
    """Return the posterior in units of the outcome, chains one after the other."""
    posterior = tree["posterior"]
    size = scaling.outcome
    count = posterior.sizes["chain"] * posterior.sizes["draw"]
    flat = {str(name): _flat(posterior[name].values) for name in posterior.data_vars}
    none = np.zeros((count, len(market.channels)))
    waves = [flat[name] for name in ("gamma_fourier", "gamma_weekday") if name in flat]
    season = np.concatenate([np.zeros((count, len(size), 0)), *waves], axis=2)
    control = flat.get("gamma_control", np.zeros((count, len(size), 0)))
    return Draws(
        adstock=spec.adstock,
        saturation=spec.saturation,
        carry_over=spec.carry_over,
        retention=flat["adstock_alpha"],
        delay=flat.get("adstock_theta", none),
        half=flat["saturation_lam" if spec.saturation == "logistic" else "saturation_kappa"],
        slope=flat.get("saturation_slope", none + 1.0),
        effect=flat["saturation_beta"] * size[:, None],
        exposure_scale=scaling.exposure,
        level=_level(flat, spec) * size[:, None],
        season=season * size[:, None],
        seasons=scaling.seasons,
        control_effect=control * size[:, None],
        control_mean=scaling.control_mean,
        control_scale=scaling.control_scale,
        noise=flat["noise"] * size,
        chain=np.repeat(np.arange(posterior.sizes["chain"]), posterior.sizes["draw"]),
    )


def health_of(tree: Any) -> SamplingHealth:
    """Return R-hat and effective draws of every free parameter and every return."""
    import arviz as az

    posterior = tree["posterior"].to_dataset()
    shown = posterior[[name for name in posterior.data_vars if name not in _DERIVED]]
    r_hat, bulk, tail = (
        found.to_dataset() if hasattr(found, "to_dataset") else found
        for found in (az.rhat(shown), az.ess(shown, method="bulk"), az.ess(shown, method="tail"))
    )
    parameters = [
        ParameterHealth(name=label, r_hat=float(r), bulk=float(b), tail=float(t))
        for name in shown.data_vars
        for label, r, b, t in _cells(str(name), r_hat[name], bulk[name], tail[name])
    ]
    stats = tree["sample_stats"]
    return SamplingHealth(
        parameters=tuple(parameters),
        divergences=int(stats["diverging"].sum()),
        draws=int(stats["diverging"].size),
    )


def _flat(values: Array) -> Array:
    return np.ascontiguousarray(values.reshape(-1, *values.shape[2:]), dtype=float)


def _level(flat: dict[str, Array], spec: MixSpec) -> Array:
    """Return intercept and path as `Draws.level` keeps them: no more figures than it takes."""
    level = flat["intercept_contribution"]
    if spec.trend == "varying":
        return np.asarray(level[:, :, None] + flat["baseline_path"].transpose(0, 2, 1))
    parts = [level - flat["media_mean"], *([flat["trend_slope"]] if spec.trend == "linear" else [])]
    return np.stack(parts, axis=2)


def _cells(name: str, *figures: Any) -> list[tuple[Any, ...]]:
    """Return one row per entry of an array: its label such as ``roi[tv]``, then the figures."""
    first = figures[0]
    rows = []
    for place in np.ndindex(first.shape):
        labels = [
            str(first.coords[dim].values[i]) if dim in first.coords else str(i)
            for dim, i in zip(first.dims, place, strict=True)
            if not (dim == "region" and first.sizes["region"] == 1)
        ]
        label = f"{name}[{', '.join(labels)}]" if labels else name
        rows.append((label, *(one.values[place] for one in figures)))
    return rows
