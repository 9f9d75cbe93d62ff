"""Credit of single conversions for models that only say totals.

Words: Markov and Shapley say what a channel gets over all conversions, not of which. *Raking* shares out
each conversion among its channels so that the totals come out: it finds one multiplier for each channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.attribution.coalitions import Coalitions
from workbench.errors import BadInput

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Raking:
    """Multipliers that share out each conversion so that the totals come out.

    Parameters
    ----------
    names : tuple of str
        The channels.
    multipliers : array, shape (channels,)
        A journey's conversion is shared among its distinct channels in proportion to these.
    gap : float
        The largest miss of a channel's total, as a share of all conversions: 0 where the totals can be
        reached, more where a channel is credited with more than the conversions that it touched.
    steps : int
        How many were taken.
    """

    names: tuple[str, ...]
    multipliers: Floats
    gap: float
    steps: int

    def shares(self, path: Sequence[str]) -> Floats:
        """Return the share of each touch of one path; they add up to 1.

        A channel's share is split evenly over its touches.

        Raises
        ------
        BadInput
            If a channel of the path is not known.
        """
        unknown = sorted(set(path) - set(self.names))
        if unknown:
            raise BadInput("a channel that the model has not seen", value=unknown[0])
        if not path:
            return np.zeros(0)
        codes = np.array([self.names.index(name) for name in path])
        times = np.bincount(codes, minlength=len(self.names))[codes]
        weights = self.multipliers[codes] / times
        weights = weights if weights.sum() > 0 else 1 / times
        shares = np.asarray(weights / weights.sum(), float)
        shares[-1] = 1.0 - shares[:-1].sum()
        return shares


def rake(
    coalitions: Coalitions,
    totals: ArrayLike,
    *,
    of: str = "conversions",
    tolerance: float = 1e-10,
    steps: int = 5_000,
) -> Raking:
    """Return the multipliers with which each conversion's shares add up to the totals of a model.

    Parameters
    ----------
    coalitions : Coalitions
        Conversions by set of channels.
    totals : array_like, shape (channels,)
        What the model credits to each channel; scaled to the conversions of the coalitions.
    of : {"conversions", "value"}
        Which of the two is shared out.
    tolerance : float
        The miss, as a share of all, at which to stop.
    steps : int
        The most steps. Totals that cannot be reached are approached; `gap` says what is missing.

    References
    ----------
    Deming and Stephan (1940), Annals of Mathematical Statistics 11, 427-444.

    Examples
    --------
    >>> from workbench.attribution.coalitions import coalitions_of_paths
    >>> some = coalitions_of_paths([["a", "b"], ["a"]], [10, 5])
    >>> found = rake(some, [7.5, 7.5])
    >>> found.shares(["a", "b", "b"]).round(6).tolist(), bool(found.gap < 1e-9)
    ([0.25, 0.375, 0.375], True)
    """
    amounts = coalitions.conversions if of == "conversions" else coalitions.value
    wanted = np.asarray(totals, float)
    if wanted.shape != (len(coalitions.names),) or not np.isfinite(wanted).all():
        raise BadInput("raking needs one total for each channel")
    whole = float(amounts.sum())
    if amounts.min(initial=0.0) < 0 or wanted.min(initial=0.0) < 0 or not whole > 0 or not wanted.sum() > 0:
        raise BadInput("only totals above zero can be shared out", fix="Rake conversions instead of value.")
    wanted = wanted * whole / wanted.sum()
    rows, members, size = coalitions.rows, coalitions.members, len(coalitions.ends)
    multipliers = np.where(wanted > 0, 1.0, 0.0)
    gap, taken = np.inf, 0
    while taken < steps and gap > tolerance:
        weights = multipliers[members]
        sums = np.bincount(rows, weights, minlength=size)
        even = (1 / coalitions.sizes)[rows]
        shares = np.where(sums[rows] > 0, weights / np.where(sums > 0, sums, 1)[rows], even)
        reached = coalitions.over(shares * amounts[rows])
        gap, taken = float(np.abs(reached - wanted).max()) / whole, taken + 1
        if gap > tolerance:
            ratio = np.divide(wanted, reached, out=np.ones(len(wanted)), where=reached > 0)
            multipliers = multipliers * ratio
            multipliers /= multipliers.max()
    return Raking(names=coalitions.names, multipliers=multipliers, gap=gap, steps=taken)
