"""What outcome, exposure and controls are divided by before a model sees them, and the waves it adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.mmm.market import Market
from workbench.mmm.spec import MixSpec

Array = npt.NDArray[np.float64]
_WEEKLY = 3  # three pairs of waves reach every pattern of seven days


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scaling:
    """Units of the model: a region's mean outcome is 1, and so is a channel's usual exposure while it runs.

    Usual is the mean over the periods with more than a twentieth of the channel's peak: a peak of its own
    says little about where money is spent, and in pauses none is.

    Regions are compared by their mean outcome: it stands for how many people live there. The same exposure
    per person then means the same place on the saturation curve in every region.

    Parameters
    ----------
    outcome : array, shape (R,)
        Outcome that counts as 1.
    variation : float
        Standard deviation of the scaled outcome within regions.
    exposure : array, shape (R, C)
        Exposure that counts as 1.
    control_mean, control_scale : array, shape (K,)
        Controls are standardised over all regions and periods.
    seasons : array, shape (T, S)
        Yearly waves, sines before cosines; for days the waves of the week follow.
    """

    outcome: Array
    variation: float
    exposure: Array
    control_mean: Array
    control_scale: Array
    seasons: Array


def scaling_of(spec: MixSpec, market: Market) -> Scaling:
    """Return what a market is divided by.

    Examples
    --------
    >>> from workbench.mmm.scaling import _positive
    >>> _positive(np.array([2.0, 0.0]))
    array([2., 1.])
    """
    outcome = _positive(market.outcome.mean(axis=1))
    within = (market.outcome / outcome[:, None]).std(axis=1)
    control = market.control.reshape(market.outcome.size, market.control.shape[2])
    return Scaling(
        outcome=outcome,
        variation=float(max(within.mean(), 1e-6)),
        exposure=_usual(market.exposure, outcome),
        control_mean=control.mean(axis=0),
        control_scale=_positive(control.std(axis=0)),
        seasons=np.concatenate([_yearly(spec, market), _weekly(market)], axis=1),
    )


def has_weekly_waves(market: Market) -> bool:
    """Return whether the days of the week are told apart."""
    return market.period == "day"


def weekly_order() -> int:
    """Return the pairs of waves within a week."""
    return _WEEKLY


def _usual(exposure: Array, size: Array) -> Array:
    """Return the usual exposure per size (mean over the regions that use the channel) times each size."""
    active = exposure > 0.05 * exposure.max(axis=1, keepdims=True)
    usual = (exposure * active).sum(axis=1) / np.maximum(active.sum(axis=1), 1) / size[:, None]
    users = np.maximum((usual > 0).sum(axis=0), 1)
    return np.asarray(_positive(usual.sum(axis=0) / users) * size[:, None])


def _positive(values: Array) -> Array:
    return np.where(values > 0, values, 1.0)


def _yearly(spec: MixSpec, market: Market) -> Array:
    days = market.dates.astype("datetime64[D]")
    of_year = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(float) + 1
    return _waves(of_year / 365.25, spec.seasonality)


def _weekly(market: Market) -> Array:
    weekday = (market.dates.astype("datetime64[D]").astype(int) + 3) % 7  # 1970-01-01 was a Thursday
    return _waves(weekday / 7, _WEEKLY if has_weekly_waves(market) else 0)


def _waves(turns: Array, pairs: int) -> Array:
    angle = 2 * np.pi * turns[:, None] * np.arange(1, pairs + 1)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
