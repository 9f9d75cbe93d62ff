"""How a test will be decided: level, sides, split, corrections and looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from workbench.errors import UsageError

Correction = Literal["none", "bonferroni", "dunnett"]
LEAST_ALPHA = 1e-12  # what is smaller, the integrals over looks cannot tell from 0
CORRECTIONS: tuple[Correction, ...] = ("none", "bonferroni", "dunnett")


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """How the test will be decided.

    Parameters
    ----------
    alpha : float
        Probability of finding an effect where there is none.
    sides : int
        2 finds changes either way, 1 only the one looked for.
    split : tuple of float
        Shares of the variants, control first; they sum to 1.
    correction : {"none", "bonferroni", "dunnett"}
        Whether `alpha` is of each comparison, or of all together.
    looks : int
        Planned looks at equal distances, by Lan-DeMets O'Brien-Fleming spending; 1 looks once, at the end.
    margin : float
        Above 0 for non-inferiority: how much worse (absolute) is still accepted. The end of the interval
        decides that lies on the worse side; with 2 sides it has alpha / 2, as in the analysis of guardrails.
    """

    alpha: float = 0.05
    sides: int = 2
    split: tuple[float, ...] = (0.5, 0.5)
    correction: Correction = "none"
    looks: int = 1
    margin: float = 0.0

    def __post_init__(self) -> None:
        if not LEAST_ALPHA <= self.alpha < 0.5:
            raise UsageError(
                f"alpha lies between 0 and 0.5 and is {LEAST_ALPHA:g} at least, not {self.alpha:g}: "
                "0.05 is usual."
            )
        if self.sides not in {1, 2} or not 1 <= self.looks <= 365:
            raise UsageError("A test has 1 or 2 sides, and 1 to 365 looks.")
        if len(self.split) < 2 or min(self.split) <= 0 or not math.isclose(sum(self.split), 1, abs_tol=1e-9):
            raise UsageError(
                f"The split is at least two shares above 0 that sum to 1, not {self.split}: 0.5, 0.5."
            )
        if self.correction not in CORRECTIONS:
            raise UsageError(f"A correction is one of {', '.join(CORRECTIONS)}, not {self.correction!r}.")
        if not 0 <= self.margin < math.inf:
            raise UsageError(f"A margin of non-inferiority is above 0, not {self.margin:g}.")

    @property
    def comparison_alpha(self) -> float:
        """Return the alpha of a single comparison."""
        comparisons = len(self.split) - 1
        if self.correction == "none" or comparisons == 1:
            return self.alpha
        if self.correction == "bonferroni":
            return self.alpha / comparisons
        return float(self.sides * ndtr(-dunnett_critical(self.split, self.alpha, self.sides)))

    @property
    def tail(self) -> float:
        """Return the alpha of one side of a single comparison."""
        return self.comparison_alpha / self.sides


@lru_cache(maxsize=64)
def dunnett_critical(split: tuple[float, ...], alpha: float, sides: int = 2) -> float:
    """Return the critical value of several comparisons with one control, for large samples.

    Parameters
    ----------
    split : tuple of float
        Shares, control first: comparisons share its users, and so are correlated.
    alpha : float
        Of all comparisons together.
    sides : int
        1 or 2.

    Examples
    --------
    >>> round(dunnett_critical((0.25, 0.25, 0.25, 0.25), 0.05), 3)
    2.349
    """
    shares = np.array(split[1:])
    loading = np.sqrt(shares / (split[0] + shares))
    nodes, weights = np.polynomial.hermite_e.hermegauss(96)

    def beyond(critical: float) -> float:
        spread = np.sqrt(1 - loading**2)
        inside = ndtr((critical - np.outer(nodes, loading)) / spread)
        if sides == 2:
            inside = inside - ndtr((-critical - np.outer(nodes, loading)) / spread)
        return alpha - (1 - float(weights @ inside.prod(axis=1)) / math.sqrt(2 * math.pi))

    return float(brentq(beyond, 0.0, 40.0, xtol=1e-12))
