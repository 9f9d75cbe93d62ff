"""Time-based regression: the treated geos' total on the controls' total. A check, its interval too narrow."""

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

METHOD = "time-based regression, independent periods"
WARNING = (
    "The interval takes periods as independent; where they are not, such intervals find an effect in about "
    "one of four tests of nothing. Judge by the placebo test."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regression:
    """The effect by time-based regression.

    Parameters
    ----------
    found : Counterfactual
        What the regression says; give it to `placebo_test` for a p that does not need independent periods.
    effect : Effect
        With the textbook interval and p.
    level : float
        Of the interval.
    error : float
        Standard error of the effect in all.
    df : int
        Degrees of freedom.
    autocorrelation : float
        Of what is missed from one period to the next, before the test: near 0 if periods are independent.
    """

    found: Counterfactual
    effect: Effect
    level: float
    error: float
    df: int
    autocorrelation: float

    @property
    def sentence(self) -> str:
        """Return the effect and what it assumes."""
        lift = self.effect.lift
        said = f"{signed(lift.value)} ({signed(lift.low)} to {signed(lift.high)})"
        return f"Time-based regression says {said}. {WARNING}"

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return the effect in its three units."""
        return self.effect.to_frame()


def regression_weights(controls: Floats, target: Floats) -> Floats:
    """Return the slope of the target on the controls' mean, shared out evenly.

    Examples
    --------
    >>> import numpy as np
    >>> regression_weights(np.array([[-1.0, 1.0], [-3.0, 3.0]]), np.array([-1.0, 1.0])).tolist()
    [0.25, 0.25]
    """
    mean = controls.mean(0)
    square = float(mean @ mean)
    return np.full(len(controls), float(mean @ target) / square / len(controls) if square else 0.0)


def time_based_regression(split: Split, *, level: float = 0.95) -> Regression:
    """Return the effect by regression of the treated geos on the controls over time.

    Least squares on the pre-period; the interval is that of the sum of predictions, with the uncertainty of
    the line in it (a flat prior gives the same as its posterior).

    Parameters
    ----------
    split : Split
        Who was treated and when.
    level : float
        Of the interval.

    References
    ----------
    Kerman, Wang, Vaver (2017), Estimating ad effectiveness using geo experiments in a time-based regression
    framework, section 4.
    """
    from scipy.special import stdtr, stdtrit

    found = counterfactual(split, regression_weights, method="time-based regression")
    pre, post, df = split.pre, split.post, split.pre - 2
    base = split.panel.values[split.controls].mean(0)
    apart = base - base[:pre].mean()
    missed = found.gap[:pre]
    variance = float(missed @ missed) / df
    spread = float(apart[:pre] @ apart[:pre])
    line = 1 / pre + (apart[pre:].mean() ** 2 / spread if spread else 0.0)
    error = math.sqrt(variance * (1 / post + line))  # of the average effect
    half = float(stdtrit(df, 0.5 + level / 2)) * error
    p = float(2 * stdtr(df, -abs(found.att) / error)) if error else float("nan")
    return Regression(
        found=found,
        effect=effect_of(
            found, low=found.att - half, high=found.att + half, p=p, method=METHOD, note=WARNING
        ),
        level=level,
        error=error * post * len(split.treated),
        df=df,
        autocorrelation=float(missed[1:] @ missed[:-1] / (missed @ missed)) if variance else float("nan"),
    )
