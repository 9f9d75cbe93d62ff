"""How the coefficients of regions are best sampled: around their common value, or as steps away from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri

from workbench.mmm.market import Market
from workbench.mmm.scaling import Scaling
from workbench.mmm.spec import MixSpec

Array = npt.NDArray[np.float64]
_SURE = 0.99  # how sure it must be that regions differ by as much


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Centring:
    """Weights from 0 (steps, for what the data say little of by region) to 1 (the coefficients themselves).

    They choose how the sampler sees the model, and change nothing about what it believes or finds.

    Parameters
    ----------
    trend : array, shape ()
        Of the slope.
    yearly, weekly : array, shape (S,)
        Of the waves.
    control : array, shape (K,)
        Of the controls.
    """

    trend: Array
    yearly: Array
    weekly: Array
    control: Array


def centring_of(spec: MixSpec, market: Market, scaling: Scaling) -> Centring:
    """Return how much of each coefficient surely differs between regions, as a part of its scatter.

    Every region's outcome is explained by a line, waves, controls and media, by least squares. The least
    variance between regions that the coefficients' scatter is compatible with (99 %, by chi-squared), less
    what chance makes of it, over itself and chance is the weight. Where regions may as well be equal it is 0:
    towards equality the density of coefficients that are sampled themselves grows without end, by
    spread**(1 - weight * regions), and a chain that comes there stands still.

    References
    ----------
    Papaspiliopoulos, Roberts, Sköld (2007), A general framework for the parametrization of hierarchical
    models, Statistical Science 22(1), section 3: partially non-centred parametrizations.
    """
    waves, controls = scaling.seasons.shape[1], len(market.controls)
    weights = np.zeros(1 + waves + controls)
    if len(market.regions) > 1:
        found = [_fitted(place, market, scaling) for place in range(len(market.regions))]
        value, variance = (np.array(part) for part in zip(*found, strict=True))
        chance = variance.mean(axis=0)
        free = len(market.regions) - 1
        least = value.var(axis=0, ddof=1) * free / chdtri(free, 1 - _SURE)
        between = np.maximum(least - chance, 0.0)
        weights = np.where(between > 0, between / np.maximum(between + chance, 1e-300), 0.0)
    yearly = 2 * spec.seasonality
    return Centring(
        trend=weights[0],
        yearly=weights[1 : 1 + yearly],
        weekly=weights[1 + yearly : 1 + waves],
        control=weights[1 + waves :],
    )


def _fitted(region: int, market: Market, scaling: Scaling) -> tuple[Array, Array]:
    """Return slope, waves and controls of one region by least squares, and their variances."""
    periods = len(market.dates)
    control = (market.control[region] - scaling.control_mean) / scaling.control_scale
    media = market.exposure[region] / scaling.exposure[region]
    line = np.linspace(-1, 1, periods)
    known = np.column_stack([line, scaling.seasons, control, np.ones(periods), media])
    outcome = market.outcome[region] / scaling.outcome[region]
    inverse = np.linalg.pinv(known)
    value = inverse @ outcome
    left = outcome - known @ value
    noise = float(left @ left) / max(periods - known.shape[1], 1)
    asked = 1 + scaling.seasons.shape[1] + control.shape[1]
    return value[:asked], noise * np.square(inverse[:asked]).sum(axis=1)
