"""What a model is fitted to: a table turned into checked arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Period = Literal["day", "week"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Market:
    """Outcome, media and controls by region and period: complete, finite and in order of time.

    Parameters
    ----------
    dates : array of datetime64[D], shape (T,)
        First day of every period, without gaps.
    period : {'day', 'week'}
        How far two dates are apart.
    regions : tuple of str
        R names; ``("all",)`` for a national market.
    channels, controls : tuple of str
        C and K names.
    outcome : array, shape (R, T)
        What is explained, in its own unit per period.
    spend : array, shape (R, T, C)
        Money per period.
    exposure : array, shape (R, T, C)
        What drives the effect: impressions where a channel names them, else its spend.
    control : array, shape (R, T, K)
        Controls as they stand in the table.
    fingerprint : str
        SHA-256 of everything above: the same market has the same one.
    """

    dates: npt.NDArray[np.datetime64]
    period: Period
    regions: tuple[str, ...]
    channels: tuple[str, ...]
    controls: tuple[str, ...]
    outcome: Array
    spend: Array
    exposure: Array
    control: Array
    fingerprint: str
