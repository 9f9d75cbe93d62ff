"""One cell of the table: what was promised, what was seen, and whether the promise was kept."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np

SEED = 20261121
UNEVEN = 0.035  # the most that one tail may have, where the two need not be alike


def generator(name: str) -> np.random.Generator:
    """Return the chance of one cell: it depends on the seed and the cell's name, not on other cells."""
    return np.random.default_rng([SEED, zlib.crc32(name.encode())])


def band(share: float, runs: int) -> float:
    """Return three standard errors of a share seen in so many runs."""
    return 3 * math.sqrt(share * (1 - share) / runs) if runs else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A method on one kind of data.

    Parameters
    ----------
    case, method : str
        The data, and what is offered for them.
    runs, below, above : int, float, float
        Tests without an effect, and the shares in which a loss and a gain were found.
    cover_runs, covered : int, float
        Tests with an effect, and the share of intervals that hold it.
    power_runs, power, designed : int, float, float
        Tests with the effect that the plan of the test promises to find, how often it was found, and how
        often it should be.
    alpha, level : float
        The error and the level that are promised.
    tail : float
        The most that one tail may have; NaN where the promise is one-sided.
    slack : float
        What may be missed besides sampling error.
    naive : bool
        Whether it is what others do, and is not offered.
    note : str
        What a reader must know.
    """

    case: str
    method: str
    runs: int = 0
    below: float = math.nan
    above: float = math.nan
    cover_runs: int = 0
    covered: float = math.nan
    power_runs: int = 0
    power: float = math.nan
    designed: float = math.nan
    alpha: float = 0.05
    level: float = 0.95
    tail: float = UNEVEN
    slack: float = 0.0
    naive: bool = False
    note: str = ""

    @property
    def found(self) -> float:
        """Return how often something was found where there was nothing."""
        return float(np.nansum([self.below, self.above]))

    @property
    def broken(self) -> tuple[str, ...]:
        """Return the promises that are not kept."""
        made = []
        if self.runs:
            if self.found > self.alpha + max(band(self.alpha, self.runs), self.slack):
                made.append("false positives")
            share = self.alpha / 2
            if max(self.below, self.above) > max(self.tail, share + band(share, self.runs)):
                made.append("one tail")
        if self.cover_runs and self.covered < self.level - max(
            0.01, self.slack, band(self.level, self.cover_runs)
        ):
            made.append("coverage")
        if self.power_runs:
            room = max(0.015, self.slack, band(self.designed, self.power_runs))
            if self.power < self.designed - room:
                made.append("power")
        return tuple(made)

    @property
    def verdict(self) -> str:
        """Return whether the promise is kept."""
        if self.naive:
            return f"not offered: {self.note}"
        kept = f"BROKEN: {', '.join(self.broken)}" if self.broken else "kept"
        return f"{kept}; {self.note}" if self.note else kept


def tails(p: np.ndarray, value: np.ndarray, alpha: float = 0.05) -> tuple[float, float]:
    """Return how often a loss and a gain were found."""
    with np.errstate(invalid="ignore"):
        return float(np.mean((p < alpha) & (value < 0))), float(np.mean((p < alpha) & (value > 0)))


def split_name(n: tuple[int, ...]) -> str:
    """Return sizes in words."""
    return " / ".join(f"{one:,}" for one in n)
