"""What is believed of returns before the data are seen, and how much the data changed it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workbench.mmm.estimate import Estimate
from workbench.mmm.market import Market
from workbench.mmm.spec import MixSpec, ReturnPrior

_WIDTH = 1.8807936081512509  # 94 % of a normal lie within so many standard deviations
_NARROWED = 0.9
_MOVED = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """How far the data moved and narrowed what was believed of a return, on the logarithmic scale.

    Parameters
    ----------
    prior : ReturnPrior
        What was believed.
    spread_left : float
        Standard deviation of the posterior, as a part of the prior's: 1 where the data said nothing.
    moved : float
        Distance of the means, in standard deviations of the prior.
    """

    prior: ReturnPrior
    spread_left: float
    moved: float

    @property
    def from_prior(self) -> bool:
        """Return whether posterior and prior are one: not a tenth narrower, nor moved by 0.3 of its width."""
        return self.spread_left > _NARROWED and abs(self.moved) < _MOVED

    @property
    def interval(self) -> Estimate:
        """Return the prior's median and its central 94 %."""
        reach = np.exp(_WIDTH * self.prior.spread)
        middle = self.prior.median
        return Estimate(value=middle, low=middle / float(reach), high=middle * float(reach))

    @property
    def sentence(self) -> str:
        """Return how much the data said."""
        if self.from_prior:
            return "The data said nearly nothing: the return is what was believed beforehand."
        said = 1 - min(1.0, self.spread_left)
        return f"The data narrowed what was believed by {said:.0%}" + (
            "." if abs(self.moved) < _MOVED else f" and moved it {'up' if self.moved > 0 else 'down'}."
        )


def learning(prior: ReturnPrior, roi: npt.NDArray[np.float64]) -> Learning:
    """Return how far draws of a return, shape (D,), are from what was believed of it."""
    logs = np.log(np.maximum(roi, 1e-300))
    return Learning(
        prior=prior,
        spread_left=float(logs.std() / prior.spread),
        moved=float((logs.mean() - np.log(prior.median)) / prior.spread),
    )


def believed_only(spec: MixSpec, market: Market, totals: npt.NDArray[np.float64]) -> tuple[str, ...]:
    """Return the channels whose return is still what was believed beforehand, from totals, shape (D, C)."""
    spend = market.spend.sum(axis=(0, 1))
    return tuple(
        name
        for place, (name, prior) in enumerate(zip(market.channels, return_priors(spec, market), strict=True))
        if spend[place] > 0 and learning(prior, totals[:, place] / spend[place]).from_prior
    )


def return_priors(spec: MixSpec, market: Market) -> tuple[ReturnPrior, ...]:
    """Return what is believed of every channel's return over all periods and regions.

    A channel's own prior counts first; else the share of the outcome that it is believed to cause, by what it
    costs. Where it names neither, the median is the outcome that all media are believed to cause
    (`media_share` of it), by the money that all media cost.
    """
    spend, sold = market.spend.sum((0, 1)), float(market.outcome.sum())

    def believed(share: float, money: float) -> ReturnPrior:
        known = sold > 0 and money > 0
        return ReturnPrior(median=share * sold / money if known else 1.0)

    common = believed(spec.media_share, float(spend.sum()))
    return tuple(
        one.prior or (common if one.share is None else believed(one.share, float(money)))
        for one, money in zip(spec.channels, spend, strict=True)
    )
