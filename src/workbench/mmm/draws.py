"""The posterior as plain arrays: all that curves, results and budgets need, without a sampler."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.mmm.spec import Adstock, Saturation

Array = npt.NDArray[np.float64]
_LINE = 2  # figures of a straight line; no market has so few periods


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws:
    """D draws from the posterior, chains one after the other, effects in units of the outcome.

    The expected outcome of region r in period t is ``level + seasons @ season +
    control_scaled @ control_effect + sum over c of effect * shape(carried(exposure / exposure_scale))``;
    `carried` weighs the lags with weights that sum to one, `shape` lies between 0 and 1.

    Parameters
    ----------
    adstock, saturation : str
        The families of the two curves.
    carry_over : int
        L, the lags that carry.
    retention : array, shape (D, C)
        Share of an effect that is left one period later.
    delay : array, shape (D, C)
        Periods until the peak; zeros for geometric adstock.
    half : array, shape (D, C)
        Scaled exposure at half of the curve's maximum (for the logistic curve: its rate lambda).
    slope : array, shape (D, C)
        Exponent of the Hill curve; ones otherwise.
    effect : array, shape (D, R, C)
        The curve's maximum, outcome per period.
    exposure_scale : array, shape (R, C)
        Exposure that counts as 1.
    level : array, shape (D, R, 1), (D, R, 2) or (D, R, T)
        Baseline, trend included: a constant; a constant and the slope of a line from -1 to 1 over all
        periods; or every period's own.
    season : array, shape (D, R, S)
        Coefficients of `seasons`.
    seasons : array, shape (T, S)
        Yearly (and, for days, weekly) waves.
    control_effect : array, shape (D, R, K)
        Coefficients of the scaled controls.
    control_mean, control_scale : array, shape (K,)
        What controls are scaled by: ``(control - mean) / scale``.
    noise : array, shape (D, R)
        Standard deviation of what is left, in units of the outcome.
    chain : array of int, shape (D,)
        The chain that each draw comes from.
    """

    adstock: Adstock
    saturation: Saturation
    carry_over: int
    retention: Array
    delay: Array
    half: Array
    slope: Array
    effect: Array
    exposure_scale: Array
    level: Array
    season: Array
    seasons: Array
    control_effect: Array
    control_mean: Array
    control_scale: Array
    noise: Array
    chain: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.retention)

    @property
    def moves(self) -> bool:
        """Return whether the baseline has a trend."""
        return bool(self.level.shape[2] > 1)

    def level_over(self, periods: int) -> Array:
        """Return the baseline of every period, shape (D, R, T); T is the market's number of periods."""
        if self.level.shape[2] == _LINE:
            return self.level[:, :, :1] + self.level[:, :, 1:] * np.linspace(-1, 1, periods)
        return np.broadcast_to(self.level, (*self.level.shape[:2], periods))
