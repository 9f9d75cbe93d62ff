"""Difference in differences: all controls count alike. A check, as it needs them to move in parallel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.experiments.geo.effect import Effect, effect_of
from workbench.experiments.geo.panel import Floats
from workbench.experiments.geo.split import Split
from workbench.experiments.geo.synthetic_control import Counterfactual, counterfactual
from workbench.result import shown, signed, told

if TYPE_CHECKING:
    import pandas as pd

METHOD = "difference in differences, by geo"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Differences:
    """The effect by difference in differences.

    Parameters
    ----------
    found : Counterfactual
        What the mean of the controls says; give it to `placebo_test` for a test that needs no parallel moves.
    effect : Effect
        With the interval and p of Student's t over geos.
    level : float
        Of the interval.
    trend : float
        How much faster the treated geos grew per period before the test, as a share of their mean: parallel
        moves mean 0.
    """

    found: Counterfactual
    effect: Effect
    level: float
    trend: float

    @property
    def sentence(self) -> str:
        """Return the effect and what it assumes."""
        lift = self.effect.lift
        return (
            f"Difference in differences says {signed(lift.value)} ({signed(lift.low)} to "
            f"{signed(lift.high)}, p = {lift.p:.3f}), if all geos would have moved alike."
        )

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return the effect in its three units."""
        return self.effect.to_frame()


def equal_weights(controls: Floats, target: Floats) -> Floats:
    """Return the same weight for each control.

    Examples
    --------
    >>> import numpy as np
    >>> equal_weights(np.zeros((4, 9)), np.zeros(9)).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    del target
    return np.full(len(controls), 1 / len(controls))


def differences(split: Split, *, level: float = 0.95) -> Differences:
    """Return the effect by difference in differences, with geos as the unit that was sampled.

    Each geo becomes one figure, its mean in test and cooldown less its mean before; the treated geos' figures
    are compared with the controls' by Student's t with one variance. Days of a geo depend on one another: as
    so many observations they would make the interval several times too narrow.

    Parameters
    ----------
    split : Split
        Who was treated and when.
    level : float
        Of the interval.

    Notes
    -----
    Assumes parallel moves, and figures of one variance: with geos of very different size the placebo test on
    `found` is the better judge. One treated geo is enough, as the controls give the variance.

    References
    ----------
    Bertrand, Duflo, Mullainathan (2004), QJE 119, section IV.C; Donald and Lang (2007), REStat 89.
    """
    from scipy.special import stdtr, stdtrit

    found = counterfactual(split, equal_weights, method="difference in differences")
    values, pre = split.panel.values, split.pre
    changes = values[:, pre:].mean(1) - values[:, :pre].mean(1)
    treated, controls = changes[split.treated], changes[split.controls]
    df = len(changes) - 2
    squares = np.square(treated - treated.mean()).sum() + np.square(controls - controls.mean()).sum()
    error = math.sqrt(squares / df * (1 / len(treated) + 1 / len(controls)))
    half = float(stdtrit(df, 0.5 + level / 2)) * error
    p = float(2 * stdtr(df, -abs(found.att) / error)) if error else float("nan")
    return Differences(
        found=found,
        effect=effect_of(found, low=found.att - half, high=found.att + half, p=p, method=METHOD),
        level=level,
        trend=_trend(found),
    )


def _trend(found: Counterfactual) -> float:
    before = found.gap[: found.split.pre]
    mean = float(found.observed[: found.split.pre].mean())
    return float(np.polyfit(np.arange(len(before)), before, 1)[0]) / mean if mean else float("nan")
