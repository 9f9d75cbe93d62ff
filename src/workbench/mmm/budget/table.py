"""The response table: what every channel would bring at every multiple of what it spends now.

Words: the *reference window* is the stretch of periods whose pattern of spend is kept and scaled; a
*multiplier* m scales one channel's spend in it, so 1 is what was spent. Draws take turns: the even ones
*choose* a split, the odd ones *measure* what it brings, so that no plan is praised by the draws that made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from workbench.errors import UsageError
from workbench.mmm.budget.interpolation import Curves, curves_of
from workbench.mmm.calendar import Period
from workbench.mmm.spec import Kind

Array = npt.NDArray[np.float64]
LEVEL = 0.94
_TO_HALVE = 40  # draws from which half of them can measure
_STEPS = 65_535  # of a 16-bit figure


@dataclass(frozen=True, kw_only=True, eq=False)
class ResponseTable:
    """Outcome of a reference window by draw, channel and multiplier, regions summed.

    Parameters
    ----------
    model : str
        The model's name.
    channels : tuple of str
        C channels that spent in the window.
    spend : array, shape (C,)
        Money at multiplier 1.
    knots : array, shape (G,)
        The multipliers, from 0 up, 1 among them.
    outcome : array, shape (D, C, G)
        What each channel caused.
    sustained : array, shape (C,)
        The most that was ever spent over a window of this length, as a multiplier.
    peak : array, shape (C,)
        The most that was ever spent in one period, as a multiple of the window's mean period.
    first, last : date
        Days of the window, both included.
    periods : int
        How many periods it has.
    period : {'day', 'week'}
        How long they are.
    kind : {'revenue', 'conversions'}
        What the outcome is.
    currency : str
        ISO 4217 code of spend, and of revenue.
    left_out : tuple of str
        Channels without spend in the window: there is nothing to scale.
    missed : tuple of str
        What the model failed to show of itself, in words; an optimiser refuses it then.
    believed : tuple of str
        Channels whose return is still what was believed before the data.
    error : float
        The largest difference between table and model between the knots, as a share of a channel's outcome.
    """

    model: str
    channels: tuple[str, ...]
    spend: Array
    knots: Array
    outcome: Array
    sustained: Array
    peak: Array
    first: date
    last: date
    periods: int
    period: Period
    kind: Kind
    currency: str
    left_out: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    believed: tuple[str, ...] = ()
    error: float = 0.0

    def __post_init__(self) -> None:
        shape = (len(self.outcome), len(self.channels), len(self.knots))
        if not self.channels:
            raise UsageError("No channel spent anything in the window, so there is no budget to plan.")
        if self.outcome.shape != shape or not len(self.outcome):
            raise UsageError(f"A response table needs outcomes of shape {shape}, not {self.outcome.shape}.")
        if not np.isfinite(self.outcome).all() or not (self.spend > 0).all():
            raise UsageError("A response table needs finite outcomes, and spend above 0 in every channel.")

    def __repr__(self) -> str:
        return f"ResponseTable: {self.model!r}, {len(self.channels)} channels, {self.first} to {self.last}"

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def total(self) -> float:
        """Return the money spent in the window."""
        return float(self.spend.sum())

    @property
    def most(self) -> float:
        """Return the largest multiplier of the table."""
        return float(self.knots[-1])

    @cached_property
    def choosing(self) -> Curves:
        """Return the curves of the draws that choose a split."""
        return curves_of(self.knots, self.outcome[::2] if self.halved else self.outcome)

    @cached_property
    def measuring(self) -> Curves:
        """Return the curves of the draws that say what a split brings."""
        return curves_of(self.knots, self.outcome[1::2] if self.halved else self.outcome)

    @cached_property
    def expected(self) -> Curves:
        """Return the mean curves of the draws that choose."""
        return curves_of(self.knots, self.choosing.values.mean(axis=0))

    @property
    def halved(self) -> bool:
        """Return whether there are draws enough for half of them to measure."""
        return len(self.outcome) >= _TO_HALVE

    @property
    def span(self) -> str:
        """Return how long the window is, in words."""
        return (
            "a year" if (self.last - self.first).days in {363, 364, 365} else f"{self.periods} {self.period}s"
        )

    @property
    def unit(self) -> str:
        """Return the unit of the outcome as figures are written: ``"money"`` or ``"count"``."""
        return "money" if self.kind == "revenue" else "count"

    def multipliers(self, spend: Array) -> Array:
        """Return what each channel's spend is multiplied by, where it is to be `spend`."""
        return np.asarray(np.asarray(spend, float) / self.spend)


def rounded(outcome: Array) -> Array:
    """Return outcomes as a page carries them: 16 bits of the largest figure of their curve.

    The error is at most one part in 131,070 of that figure.

    Parameters
    ----------
    outcome : array, shape (D, C, G)
        As it was computed.
    """
    scale, steps = in_steps(outcome)
    return from_steps(scale, steps)


def in_steps(outcome: Array) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint16]]:
    """Return outcomes as 16-bit steps, shape (D, C, G), and the figure of each curve's last step, (D, C)."""
    largest = np.asarray(outcome.max(axis=-1), np.float32)
    scale = np.maximum(largest, np.float32(1e-30))
    steps = np.rint(np.maximum(outcome, 0) / scale.astype(float)[..., None] * _STEPS)
    return scale, steps.astype(np.uint16)


def from_steps(scale: npt.NDArray[np.float32], steps: npt.NDArray[np.uint16]) -> Array:
    """Return the outcomes that `in_steps` wrote."""
    return np.asarray((steps / _STEPS) * scale.astype(float)[..., None])
