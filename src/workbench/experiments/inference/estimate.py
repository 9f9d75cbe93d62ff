"""What every comparison answers: a figure, its interval and its p, all of one procedure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Figures of many cells at once, as arrays of one shape: what the statistics work on.

    Parameters
    ----------
    value, error, low, high, p : ndarray
        The figure, its standard error, the ends of its interval, and its two-sided p; NaN where the data
        cannot carry one. `p` is below 1 - level exactly where the interval leaves out no effect.
    df : ndarray
        Degrees of freedom; infinite where the normal distribution is meant.
    """

    value: Floats
    error: Floats
    low: Floats
    high: Floats
    p: Floats
    df: Floats

    def at(self, *place: int, method: str = "", note: str = "") -> Estimate:
        """Return one cell."""
        figures = {name: float(getattr(self, name)[place]) for name in _FIGURES}
        return Estimate(**figures, method=method, note=note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One figure with its interval and p.

    Parameters
    ----------
    value, error, low, high, p, df : float
        As in `Estimates`; an end of the interval may be infinite.
    method : str
        The procedure, in the field's words: ``"Welch's t"``.
    note : str
        Why something is missing, or what to know about it.

    Examples
    --------
    >>> found = Estimate(value=0.7698272, error=0.1452, low=0.4851397, high=1.0545146, p=1.2e-7)
    >>> found.significant, found.excludes(1.0)
    (True, False)
    """

    value: float
    low: float
    high: float
    p: float = math.nan
    error: float = math.nan
    df: float = math.inf
    method: str = ""
    note: str = ""

    @property
    def known(self) -> bool:
        """Return whether there is a figure."""
        return math.isfinite(self.value)

    @property
    def significant(self) -> bool:
        """Return whether the interval leaves out no effect."""
        return self.excludes(0.0)

    def excludes(self, value: float) -> bool:
        """Return whether the interval leaves out a value."""
        return self.low > value or self.high < value

    def scaled(self, factor: float) -> Estimate:
        """Return the figure in other units, e.g. per thousand users; a negative factor swaps the ends."""
        low, high = sorted((self.low * factor, self.high * factor))
        return replace(self, value=self.value * factor, error=self.error * abs(factor), low=low, high=high)


_FIGURES = ("value", "error", "low", "high", "p", "df")


def alpha_of(level: float) -> float:
    """Return the error that an interval of a level accepts: what its p is held against.

    The difference itself would be a little more than 0.05: a p of exactly 0.05, as ranks give, counted as
    below it.

    Examples
    --------
    >>> 1 - 0.95 > 0.05, alpha_of(0.95)
    (True, 0.05)
    """
    return round(1 - level, 12) or 1 - level


def unknown(note: str, *, method: str = "") -> Estimate:
    """Return an estimate without figures, and why."""
    return Estimate(value=math.nan, low=math.nan, high=math.nan, method=method, note=note)
