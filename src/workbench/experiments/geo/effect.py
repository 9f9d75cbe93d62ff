"""The effect of a geo test in its three units: per geo and period, in all, and as a share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.experiments.geo.synthetic_control import Counterfactual
from workbench.experiments.inference.estimate import Estimate, unknown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One effect in three units, all of one test: they share their p and what their intervals leave out.

    Parameters
    ----------
    att : Estimate
        Per treated geo and period of test and cooldown.
    incremental : Estimate
        Summed over treated geos and periods.
    lift : Estimate
        As a share of what would have been.
    """

    att: Estimate
    incremental: Estimate
    lift: Estimate

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each unit."""
        import pandas as pd

        rows = {"per geo and period": self.att, "in all": self.incremental, "lift": self.lift}
        return pd.DataFrame(
            [
                {"effect": name, "value": each.value, "low": each.low, "high": each.high, "p": each.p}
                for name, each in rows.items()
            ]
        )


def effect_of(
    found: Counterfactual, *, low: float, high: float, p: float, method: str, note: str = ""
) -> Effect:
    """Return the effect with an interval that was found per geo and period.

    Parameters
    ----------
    found : Counterfactual
        Gives the figures.
    low, high, p : float
        Of the average effect on a treated geo in a period.
    method, note : str
        As in `Estimate`.
    """
    cells = len(found.split.treated) * found.split.post
    mean = float(found.observed[found.split.pre :].mean())
    att = Estimate(value=found.att, low=low, high=high, p=p, method=method, note=note)
    total = replace(att, value=found.att * cells, low=low * cells, high=high * cells)
    if not 0 < mean > found.att:
        why = "A share needs a figure above 0, with the effect and without it."
        return Effect(att=att, incremental=total, lift=unknown(why, method=method))
    value, least, most = (_share(each, mean) for each in (found.att, low, high))
    return Effect(att=att, incremental=total, lift=replace(att, value=value, low=least, high=most))


def _share(att: float, mean: float) -> float:
    """Return an effect as a share of the mean without it; it grows without end towards that mean."""
    if att == float("-inf"):
        return -1.0
    return att / (mean - att) if att < mean else float("inf")
