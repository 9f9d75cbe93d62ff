"""What is believed before the data: returns, curves, and how much regions differ.

Each class here is what pymc-marketing calls a variable factory: an object with `dims` and
`create_variable`, accepted wherever a prior is. Imported by `model` only, as PyMC takes seconds to load.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc.dims as pmd
from pymc import modelcontext
from pymc_extras.prior import Prior
from pymc_marketing.mmm import DelayedAdstock, GeometricAdstock, HillSaturation, LogisticSaturation
from pytensor.xtensor import as_xtensor

from workbench.mmm import beliefs
from workbench.mmm.market import Market
from workbench.mmm.spec import MixSpec

Array = npt.NDArray[np.float64]
REGIONS_DIFFER = 0.3  # half-normal scale of the log effect's standard deviation between regions
_TINY = 1e-12
_HALF_AT, _HALF_WIDTH = 1.5, 0.8  # median and log width of where half is reached, in usual exposures
_HALF = {"michaelis-menten": "saturation_kappa", "hill": "saturation_kappa", "logistic": "saturation_lam"}


def return_priors(spec: MixSpec, market: Market) -> tuple[Array, Array]:
    """Return median and spread of every channel's return before its data, shape (C,) each."""
    priors = beliefs.return_priors(spec, market)
    return np.array([one.median for one in priors]), np.array([one.spread for one in priors])


def adstock_of(spec: MixSpec, market: Market) -> Any:
    """Return pymc-marketing's carry-over with its priors; days keep more of an effect than weeks do."""
    kept = (3.0, 2.0) if market.period == "day" else (2.0, 3.0)
    priors: dict[str, Any] = {"alpha": Prior("Beta", alpha=kept[0], beta=kept[1], dims="channel")}
    if spec.adstock == "geometric":
        return GeometricAdstock(l_max=spec.carry_over, priors=priors)
    priors["theta"] = Prior("HalfNormal", sigma=max(spec.carry_over - 1, 1) / 4, dims="channel")
    return DelayedAdstock(l_max=spec.carry_over, priors=priors)


def saturation_of(spec: MixSpec, effect: Effect) -> Any:
    """Return pymc-marketing's saturation; Michaelis-Menten is the Hill curve of slope 1.

    Half of the maximum is believed to be reached at one and a half times the usual exposure, give or take
    a factor of 4.5: media are bought where returns fall, but are seldom exhausted.
    """
    if spec.saturation == "logistic":
        rate = Prior("LogNormal", mu=np.log(np.log(3) / _HALF_AT), sigma=_HALF_WIDTH, dims="channel")
        return LogisticSaturation(priors={"lam": rate, "beta": effect})
    half = Prior("LogNormal", mu=np.log(_HALF_AT), sigma=_HALF_WIDTH, dims="channel")
    slope = Prior("LogNormal", mu=0.0, sigma=0.4, dims="channel") if spec.saturation == "hill" else 1.0
    return HillSaturation(priors={"slope": slope, "kappa": half, "beta": effect})


def half_name(spec: MixSpec) -> str:
    """Return the model's name for the parameter that `Draws.half` holds."""
    return _HALF[spec.saturation]


@dataclass(kw_only=True)
class Effect:
    """A curve's maximum, computed from a channel's return: what is believed is the return.

    ``roi`` is log-normal; the maximum per region follows from the return, the money, and the area under the
    saturated exposure. Regions differ by a factor per channel. Sampling returns instead of maxima takes away
    the ridge between a curve's height and its bend, on which samplers waste their steps.

    The figures it needs are the model's data (`baseline.Baseline` adds them): ``return_median`` and
    ``return_width`` of the log-normal, ``money`` spent per channel, ``target_scale`` per region.

    Parameters
    ----------
    spec : MixSpec
        The model's families.
    regions : int
        How many there are.
    """

    spec: MixSpec
    regions: int
    dims: tuple[str, ...] = field(default=("region", "channel"))

    def create_variable(self, name: str, xdist: bool = False) -> Any:  # noqa: ARG002
        """Add the returns and the maxima that follow from them to the model."""
        data = modelcontext(None)
        believed = pmd.Normal("return_step", mu=0, sigma=1, dims="channel")
        logarithm = pmd.math.log(data["return_median"]) + believed * data["return_width"]
        roi = pmd.Deterministic("roi", pmd.math.exp(logarithm))
        weight = self._weight()
        reached = shape_of(self.spec, carried_of(self.spec, _exposure())).sum("date")
        area = (reached * weight * data["target_scale"]).sum("region")
        height = roi * data["money"] / (area + _TINY)
        return pmd.Deterministic(name, (height * weight).transpose("region", "channel"))

    def _weight(self) -> Any:
        if self.regions == 1:
            return as_xtensor(np.ones(1), dims=("region",))
        differ = pmd.HalfNormal("region_spread", sigma=REGIONS_DIFFER, dims="channel")
        step = pmd.Normal("region_step", mu=0, sigma=1, dims=("region", "channel"))
        return pmd.math.exp(differ * step)


@dataclass(kw_only=True)
class Varied:
    """Coefficients by region around a common one: regions share what they have in common.

    The common ones lie around 0 with the outcome's own standard deviation (the data ``variation``).

    Parameters
    ----------
    regions : int
        How many regions there are; with one there is nothing to share.
    feature : str
        The dimension that tells the coefficients apart; empty for a single one.
    centring : array, shape (coefficients,) or ()
        How each is sampled (`centring.Centring`).
    """

    regions: int
    feature: str
    centring: Array
    dims: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.dims = ("region", self.feature) if self.feature else ("region",)

    def create_variable(self, name: str, xdist: bool = False) -> Any:  # noqa: ARG002
        """Add the common coefficients, how far regions differ, and each region's own."""
        sigma = modelcontext(None)["variation"]
        if self.regions == 1:
            return pmd.Normal(name, mu=0, sigma=sigma, dims=self.dims)
        common = self.dims[1:] or None
        middle = pmd.Normal(f"{name}_common", mu=0, sigma=sigma, dims=common)
        spread = pmd.HalfNormal(f"{name}_spread", sigma=sigma / 2, dims=common)
        weight = as_xtensor(np.asarray(self.centring, float), dims=self.dims[1:])
        step = pmd.Normal(f"{name}_step", mu=weight * middle, sigma=spread**weight, dims=self.dims)
        own = middle + spread ** (1 - weight) * (step - weight * middle)
        return pmd.Deterministic(name, own.transpose(*self.dims))


@dataclass(kw_only=True)
class Level:
    """The mean of the outcome, 1 in the model's units, give or take the outcome's standard deviation."""

    dims: tuple[str, ...] = ("region",)

    def create_variable(self, name: str, xdist: bool = False) -> Any:  # noqa: ARG002
        """Add the level to the model."""
        return pmd.Normal(name, mu=1.0, sigma=modelcontext(None)["variation"], dims=self.dims)


@dataclass(kw_only=True)
class Noise:
    """What is left: one standard deviation per region, and none for periods that are kept away.

    The data ``kept`` (1 or 0 per period) can be changed after compiling, so that one compiled model serves
    the fit and the forecast of periods it has not seen.
    """

    dims: tuple[str, ...] = ("date", "region")

    def create_variable(self, name: str, xdist: bool = False) -> Any:  # noqa: ARG002
        """Add the standard deviations; a period kept away gets one so wide that it says nothing."""
        data = modelcontext(None)
        noise = pmd.HalfNormal("noise", sigma=data["variation"], dims="region")
        kept = data["kept"]
        return pmd.Deterministic(name, pmd.math.switch(kept > 0, noise, _WIDE).transpose("date", "region"))


_WIDE = 1e6


def carried_of(spec: MixSpec, x: Any, *, channel: Any = None) -> Any:
    """Return carried exposure by pymc-marketing's own function, for all channels or those picked."""
    pars = {"alpha": _picked("adstock_alpha", channel)}
    if spec.adstock == "delayed":
        pars["theta"] = _picked("adstock_theta", channel)
    kind = GeometricAdstock if spec.adstock == "geometric" else DelayedAdstock
    return kind(l_max=spec.carry_over).function(x, **pars, dim="date")


def shape_of(spec: MixSpec, x: Any, *, channel: Any = None) -> Any:
    """Return the share of the maximum by pymc-marketing's own function."""
    half = _picked(half_name(spec), channel)
    if spec.saturation == "logistic":
        return LogisticSaturation().function(x, lam=half, beta=1.0)
    slope = _picked("saturation_slope", channel) if spec.saturation == "hill" else 1.0
    return HillSaturation().function(x, slope=slope, kappa=half, beta=1.0)


def _picked(name: str, channel: Any) -> Any:
    variable = modelcontext(None)[name]
    return variable if channel is None else variable.isel(channel=channel)


def _exposure() -> Any:
    model = modelcontext(None)
    return model["channel_data"] / model["channel_scale"]
