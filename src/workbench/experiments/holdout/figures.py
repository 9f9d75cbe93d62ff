"""What one campaign, or several, did against the holdout: the figures, ready to read."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.experiments.inference.estimate import Estimate

MOST_UNFOLLOWED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one campaign, or several, or a part of their users, did against the holdout.

    Parameters
    ----------
    name : str
        The campaign or the part.
    campaigns : int
        How many campaigns it is of.
    treated, held : int
        Pairs of user and campaign on either side.
    treated_buyers, held_buyers, treated_revenue, held_revenue : float
        What they bought in 30 days.
    expected_buyers, expected_revenue : float
        What the treated would have bought anyway.
    cost : float
        Spend; NaN where none is loaded.
    lift : Estimate
        Share of buyers among the treated, less that expected.
    relative : Estimate
        Buyers over those expected, less 1.
    incrementality : Estimate
        Share of the treated buyers who would not have bought.
    revenue, relative_revenue, net : Estimate
        Revenue that was caused; by how much it exceeds the expected; and what is left after the cost.
    iroas : Estimate
        Revenue caused per unit of cost. The cost is what was spent, without error, so its interval is that of
        the revenue.
    p_adjusted, net_p_adjusted : float
        The p of `lift`, and of `net` (of `revenue` where no spend is loaded), among all that stand beside it
        (Holm); NaN where it stands alone.
    note : str
        What to know about it.
    unfollowed : float
        The share of the treated whose 30 days are not over: their cost is in it, and not all they will buy.
    """

    name: str
    campaigns: int
    treated: int
    held: int
    treated_buyers: float
    held_buyers: float
    treated_revenue: float
    held_revenue: float
    expected_buyers: float
    expected_revenue: float
    cost: float
    lift: Estimate
    relative: Estimate
    incrementality: Estimate
    revenue: Estimate
    relative_revenue: Estimate
    net: Estimate
    iroas: Estimate
    p_adjusted: float = math.nan
    net_p_adjusted: float = math.nan
    note: str = ""
    unfollowed: float = 0.0

    @property
    def early(self) -> bool:
        """Return whether it is too early to say that the cost does not come back."""
        return self.unfollowed > MOST_UNFOLLOWED

    @property
    def worth(self) -> Estimate:
        """Return what is left after the cost, or the revenue caused where no spend is loaded."""
        return self.net if self.net.known else self.revenue

    @property
    def treated_rate(self) -> float:
        """Return the share of the treated who bought."""
        return self.treated_buyers / self.treated if self.treated else math.nan

    @property
    def expected_rate(self) -> float:
        """Return the share who would have bought anyway."""
        return self.expected_buyers / self.treated if self.treated else math.nan


def bare(value: float, why: str) -> Estimate:
    """Return a figure without an interval, and why it has none."""
    return Estimate(value=value, low=math.nan, high=math.nan, note=why)
