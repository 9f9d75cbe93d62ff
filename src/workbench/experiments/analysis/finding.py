"""What an experiment found on one metric for one variant, and what follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from workbench.experiments.inference.comparison import Comparison, shown_p
from workbench.experiments.inference.estimate import Estimate
from workbench.experiments.inference.noninferiority import Guarded
from workbench.experiments.inference.ranks import Ranked
from workbench.metrics.metric import Better
from workbench.result import format_value, signed

Role = Literal["primary", "secondary", "guardrail"]
Course = Literal["better", "worse", "changed", "open", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One metric of one variant.

    Parameters
    ----------
    role : {"primary", "secondary", "guardrail"}
        What the metric is for.
    better : {"higher", "lower", "neither"}
        Which direction is good.
    comparison : Comparison
        The variant against the control, at the planned size.
    monitored : Estimate, optional
        The difference as it may be read at this look, where the test is looked at on the way.
    p_adjusted : float
        The p, adjusted for the other comparisons of the same role.
    alpha : float
        What `p_adjusted` is held against.
    guarded : Guarded, optional
        Of a guardrail, whether it holds.
    ranked : Ranked, optional
        The check by ranks, which no single user can decide.
    chance, loss : float
        The chance that the variant is better, and the relative change given up by choosing it if it is not;
        NaN where there is no direction.
    prior : str
        What was believed before the data, for the chance and the loss.
    detectable : float
        The relative change that so many users would find with the planned power.
    money : Estimate, optional
        What the difference is worth, `money_basis` says over which time and users.
    """

    role: Role
    better: Better
    comparison: Comparison
    p_adjusted: float
    alpha: float
    monitored: Estimate | None = None
    guarded: Guarded | None = None
    ranked: Ranked | None = None
    chance: float = math.nan
    loss: float = math.nan
    prior: str = ""
    detectable: float = math.nan
    money: Estimate | None = None
    money_basis: str = ""

    @property
    def metric(self) -> str:
        """Return the metric's name."""
        return self.comparison.label.metric

    @property
    def variant(self) -> str:
        """Return the variant."""
        return self.comparison.variant

    @property
    def difference(self) -> Estimate:
        """Return the difference that decides: that of this look, where the test is looked at on the way."""
        return self.monitored or self.comparison.difference

    @property
    def clear(self) -> bool:
        """Return whether there is a difference after all comparisons of the role are counted."""
        return self.p_adjusted < self.alpha

    @property
    def course(self) -> Course:
        """Return where the metric went: clearly better, clearly worse, or open."""
        if not self.comparison.difference.known or math.isnan(self.p_adjusted):
            return "unknown"
        if not self.clear:
            return "open"
        if self.better == "neither":
            return "changed"
        return "better" if (self.difference.value > 0) == (self.better == "higher") else "worse"

    @property
    def effect(self) -> str:
        """Return the change with its interval and p, in a few words."""
        label, found, lift = self.comparison.label, self.difference, self.comparison.relative
        if not found.known:
            return found.note or "no figure"
        ends = f"{label.difference(found.low)} to {label.difference(found.high)}"
        share = f" ({signed(100 * lift.value, '.1f')}%)" if lift.known else ""
        return f"{label.difference(found.value)}{share} [{ends}], p {shown_p(self.p_adjusted)}"

    @property
    def worth(self) -> str:
        """Return what the difference is worth, in words; empty where it is no money."""
        if self.money is None or not self.money.known:
            return ""
        currency = self.comparison.label.currency
        value, low, high = (
            format_value(end, "money", currency=currency)
            for end in (self.money.value, self.money.low, self.money.high)
        )
        return f"{value} {self.money_basis} [{low} to {high}]"

    @property
    def sentence(self) -> str:
        """Return what was found, in one sentence."""
        if self.guarded is not None:
            return self.guarded.sentence
        if self.monitored is None and self.clear == self.comparison.significant:
            return self.comparison.sentence
        if self.monitored is None:
            counted = f"no clear difference when all comparisons count (p {shown_p(self.p_adjusted)} then)"
            return self.comparison.worded(counted)
        title = self.comparison.label.heading
        told = "a clear difference" if self.clear else "no clear difference yet"
        return (
            f"{title}: {self.variant} against {self.comparison.control} at this look, {told}: {self.effect}."
        )
