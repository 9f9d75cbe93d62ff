"""What is known of a metric before a test: its level, and how much users differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.errors import UsageError

Floats = NDArray[np.float64]
Kind = Literal["proportion", "mean", "ratio"]
_LARGEST = 1e100  # what is larger cannot be squared and added up
KINDS: tuple[Kind, ...] = ("proportion", "mean", "ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is known of a metric before the test.

    Parameters
    ----------
    kind : {"proportion", "mean", "ratio"}
        A share of users, a mean per user, or a sum over a sum (orders per session).
    value : float
        The metric without the change; between 0 and 1 for a share.
    sd : float
        Standard deviation per user; of a ratio that of its linearised value, see `linearised_sd`. A share
        needs none.
    reduction : float
        The part of the variance that the time before explains (CUPED): the squared correlation, 0 to below 1.
    skewness : float
        How lopsided users are; NaN where it is not known.
    """

    kind: Kind
    value: float
    sd: float = math.nan
    reduction: float = 0.0
    skewness: float = math.nan

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"A metric is one of {', '.join(KINDS)}, not {self.kind!r}.")
        if self.kind == "proportion" and not 0 < self.value < 1:
            raise UsageError(f"A share lies between 0 and 1, {self.value:g} does not: write 5 % as 0.05.")
        if self.kind != "proportion" and not (
            abs(self.value) < _LARGEST and 1 / _LARGEST < self.sd < _LARGEST
        ):
            raise UsageError(
                f"A {self.kind} needs its baseline and its standard deviation per user, above 0: "
                f"{self.value:g} and {self.sd:g} were given."
            )
        if not 0 <= self.reduction < 1:
            raise UsageError(f"The variance explained beforehand is 0 to below 1, not {self.reduction:g}.")

    def variance(self, effect: Floats) -> Floats:
        """Return the variance per user where the metric has changed by an effect."""
        if self.kind != "proportion":
            return np.full(np.shape(effect), self.sd**2 * (1 - self.reduction))
        rate = np.clip(self.value + effect, 0.0, 1.0)
        return np.asarray(rate * (1 - rate) * (1 - self.reduction))


def linearised_sd(of: float, over: float, *, variances: tuple[float, float], covariance: float) -> float:
    """Return the standard deviation per user of a ratio, by the delta method.

    Parameters
    ----------
    of, over : float
        Means per user of numerator and denominator.
    variances : (float, float)
        Their variances over users.
    covariance : float
        Their covariance over users.

    Examples
    --------
    >>> round(linearised_sd(0.5, 2.0, variances=(0.5, 1.5), covariance=0.4), 6)
    0.313748
    """
    ratio = of / over
    variance = variances[0] - 2 * ratio * covariance + ratio**2 * variances[1]
    return math.sqrt(max(variance, 0.0)) / abs(over)
