"""One figure with its interval, out of draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from workbench.result import format_value
from workbench.stats import hdi

MASS = 0.94


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure and the two ends of its 94 % highest density interval.

    Parameters
    ----------
    value : float
        Mean of the draws, so that parts add up to their sum; the median where a figure may be infinite.
    low, high : float
        Ends of the shortest interval with 94 % of the draws.
    """

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Return whether there is a figure at all."""
        return not np.isnan(self.value)

    def said(self, unit: str = "", *, currency: str | None = None) -> str:
        """Return figure and interval as they are read.

        Examples
        --------
        >>> Estimate(value=3.2, low=2.9, high=3.5).said("x")
        '3.20x (2.90x to 3.50x)'
        """
        if not self.known:
            return "unknown"
        value, low, high = (
            "∞" if np.isposinf(one) else format_value(one, unit, currency=currency)
            for one in (self.value, self.low, self.high)
        )
        return f"{value} ({low} to {high})"


def estimate(draws: npt.ArrayLike, *, centre: Literal["mean", "median"] = "mean") -> Estimate:
    """Return the figure and the interval of draws, shape (D,); NaN where any draw is unknown."""
    values = np.asarray(draws, float)
    low, high = hdi(values)
    middle = np.mean(values) if centre == "mean" else _median(values)
    return Estimate(value=float(middle), low=float(low), high=float(high))


def _median(values: npt.NDArray[np.float64]) -> float:
    """Return the lower median: a draw, where the mean of two might be half of infinity."""
    if np.isnan(values).any():
        return float("nan")
    return float(np.partition(values, (len(values) - 1) // 2)[(len(values) - 1) // 2])
