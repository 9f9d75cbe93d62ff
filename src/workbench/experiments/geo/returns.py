"""What a geo test brought for what it cost: return on ad spend, and the cost of one more conversion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.geo.effect import Effect
from workbench.experiments.geo.pairs import kept_between, pairs_of
from workbench.experiments.geo.panel import Floats
from workbench.experiments.geo.placebo import METHOD, PLACEBOS, placebo_sets
from workbench.experiments.geo.synthetic_control import Counterfactual, centred, gap_of, prepared, summary_of
from workbench.experiments.inference.estimate import Estimate, unknown
from workbench.result import format_value, shown, told

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """Effect and cost of a geo test set against one another.

    Parameters
    ----------
    cost : float
        What was spent on top of what would have been; below 0 where spend was cut.
    iroas : Estimate
        Incremental figure for one unit of cost; with revenue the incremental return on ad spend.
    cost_per_increment : Estimate
        Cost of one unit of the figure; with conversions the cost per incremental conversion. Without an upper
        end where the effect may be none.
    currency : str, optional
        ISO 4217 code of the cost.
    """

    cost: float
    iroas: Estimate
    cost_per_increment: Estimate
    currency: str | None = None

    @property
    def sentence(self) -> str:
        """Return what one unit of money brought."""
        one = format_value(1.0, "money", currency=self.currency)
        said = f"Each {one} of the {format_value(self.cost, 'money', currency=self.currency)} brought "
        return said + f"{self.iroas.value:,.2f} ({self.iroas.low:,.2f} to {self.iroas.high:,.2f})."

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each figure."""
        import pandas as pd

        rows = {"iROAS": self.iroas, "cost per increment": self.cost_per_increment}
        return pd.DataFrame(
            [
                {"figure": name, "value": each.value, "low": each.low, "high": each.high, "p": each.p}
                for name, each in rows.items()
            ]
        )


def returns(effect: Effect, *, cost: float, currency: str | None = None) -> Returns:
    """Return what was brought for a cost that is known, e.g. from the invoice.

    Parameters
    ----------
    effect : Effect
        Of any test; intervals and p are its own, divided by the cost.
    cost : float
        What was spent on top of what would have been; below 0 where spend was cut.
    currency : str, optional
        ISO 4217 code of the cost.

    Raises
    ------
    UsageError
        If the cost is 0 or not finite.

    Examples
    --------
    >>> total = Estimate(value=147337.0, low=141310.0, high=153365.0, p=0.004)
    >>> found = returns(Effect(att=total, incremental=total, lift=total), cost=50000, currency="USD")
    >>> found.sentence
    'Each $1.00 of the $50,000 brought 2.95 (2.83 to 3.07).'
    """
    if not math.isfinite(cost) or cost == 0:
        raise UsageError(f"The cost is {cost}; it takes a figure above 0, or below 0 where spend was cut.")
    total = effect.incremental
    return Returns(
        cost=cost,
        iroas=total.scaled(1 / cost),
        cost_per_increment=_inverse(total.scaled(1 / cost)),
        currency=currency,
    )


def returns_on_spend(
    found: Counterfactual,
    *,
    level: float = 0.95,
    placebos: int = PLACEBOS,
    seed: int = 0,
    currency: str | None = None,
) -> Returns:
    """Return what was brought for the spend that the panel has, with the uncertainty of both.

    The weights that say what the figure would have been say the same of spend. A return r is kept where the
    placebo test does not reject that figure - r * spend moved by nothing: Fieller's idea with placebo groups
    in the place of a normal distribution. For r = 0 that is the placebo test of the effect itself.

    Parameters
    ----------
    found : Counterfactual
        By any method, of a panel with spend.
    level, placebos, seed
        As in `placebo_test`.
    currency : str, optional
        ISO 4217 code of the spend.

    Raises
    ------
    UsageError
        If the panel has no spend.
    NotEnoughData
        If spend did not change, or the controls match without a miss.

    Notes
    -----
    Without an end where spend of the placebo groups moved as much as that of the treated geos.

    References
    ----------
    Fieller (1954), JRSS B 16; Firpo and Possebom (2018), Journal of Causal Inference 6, section 4.
    """
    split, spend = found.split, found.split.panel.spend
    if spend is None:
        raise UsageError("The panel has no spend; give the cost, or name the spend column of the table.")
    size = min(len(split.treated), len(split.controls) // 2)
    sets = placebo_sets(split.controls, size, count=placebos, seed=seed)
    # Spend stands behind the figure as more periods of the same geos, so that one set of weights serves both.
    level_of = split.panel.values[:, : split.pre].mean(1, keepdims=True)
    both = np.hstack([split.panel.values, centred(spend, split.pre) + level_of])
    own = gap_of(prepared(both, split.pre), split.treated, split.controls, found.weighting)
    effect, cost, miss = (float(part) for part in _parts(own, split.pre))
    if not miss or abs(cost) <= 1e-12 * max(float(np.abs(spend).max()), 1e-300):
        raise NotEnoughData("Spend in the treated geos did not move away from what the controls say.")
    pairs = pairs_of(
        both,
        pre=split.pre,
        treated=split.treated,
        sets=sets,
        donors=split.controls,
        weighting=found.weighting,
    )
    lows, highs = _fieller(*_parts(pairs, split.pre))
    p, low, high = kept_between(lows, highs, value=effect / cost, level=level)
    iroas = Estimate(value=effect / cost, low=low, high=high, p=p, method=METHOD)
    total = cost * len(split.treated) * split.post
    return Returns(cost=total, iroas=iroas, cost_per_increment=_inverse(iroas), currency=currency)


def _parts(gaps: Floats, pre: int) -> tuple[Floats, Floats, Floats]:
    """Return effect, incremental spend and miss before, of gaps with spend behind the figure."""
    periods = gaps.shape[-1] // 2
    effect, miss = summary_of(gaps[..., :periods], pre)
    return effect, summary_of(gaps[..., periods:], pre)[0], miss


def _fieller(effects: Floats, costs: Floats, misses: Floats) -> tuple[Floats, Floats]:
    """Return the ends of the returns that each placebo group keeps; groups come first, the treated second.

    A group is as extreme as the treated for the returns r with |e_b - r c_b| / m_b >= |e - r c| / m. Where
    its spend moved less than theirs, in such units, that is an interval around their ratio; elsewhere it
    counts as extreme for every r.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = misses[1] / misses[0]
        effect, cost = scale * effects[0], scale * costs[0]
        ends = np.sort(
            [(effects[1] - effect) / (costs[1] - cost), (effects[1] + effect) / (costs[1] + cost)], axis=0
        )
    bounded = np.abs(costs[1]) > np.abs(cost)
    return np.where(bounded, ends[0], -np.inf), np.where(bounded, ends[1], np.inf)


def _inverse(iroas: Estimate) -> Estimate:
    """Return cost per increment: one over the return, without an upper end where the return may be 0."""
    if not iroas.value > 0:
        return unknown("There is no increment to divide the cost by.", method=iroas.method)
    low = 1 / iroas.high if math.isfinite(iroas.high) else 0.0
    if iroas.low > 0:
        return Estimate(value=1 / iroas.value, low=low, high=1 / iroas.low, method=iroas.method)
    note = "The effect may be none, so the cost of an increment has no upper end."
    return Estimate(value=1 / iroas.value, low=low, high=math.inf, method=iroas.method, note=note)
