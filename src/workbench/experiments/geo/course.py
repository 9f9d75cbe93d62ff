"""The course of a geo test: each period, and the effect summed up to it, with what chance alone would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.experiments.geo.pairs import kept_between, pairs_of
from workbench.experiments.geo.panel import Floats
from workbench.experiments.geo.placebo import PLACEBOS, placebo_sets
from workbench.experiments.geo.synthetic_control import Counterfactual

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """All treated geos together, period by period.

    Parameters
    ----------
    found : Counterfactual
        What happened, beside what would have.
    effect : ndarray, shape (2, periods)
        Ends of the interval of the effect in each period.
    cumulative : ndarray, shape (3, periods of test and cooldown)
        The effect up to each period, and the ends of its interval; in the last it is that of the whole test.
    """

    found: Counterfactual
    effect: Floats
    cumulative: Floats

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each period; the cumulative effect is unknown before the test."""
        frame = self.found.to_frame()
        pre = self.found.split.pre
        frame[["observed", "expected", "gap"]] *= len(self.found.split.treated)
        frame["expected_low"] = frame["observed"] - self.effect[1]
        frame["expected_high"] = frame["observed"] - self.effect[0]
        for name, values in zip(
            ("cumulative", "cumulative_low", "cumulative_high"), self.cumulative, strict=True
        ):
            frame[name] = np.concatenate([np.full(pre, np.nan), values])
        return frame


def course_of(found: Counterfactual, *, level: float = 0.95, seed: int = 0) -> Course:
    """Return the course of a test, with the interval of the placebo test for each period by itself.

    Parameters
    ----------
    found : Counterfactual
        By any method.
    level : float
        Of the intervals.
    seed : int
        As given to the placebo test: the same groups are drawn.
    """
    split = found.split
    size = min(len(split.treated), len(split.controls) // 2)
    pairs = pairs_of(
        split.panel.values,
        pre=split.pre,
        treated=split.treated,
        sets=placebo_sets(split.controls, size, count=PLACEBOS, seed=seed),
        donors=split.controls,
        weighting=found.weighting,
    )
    misses = np.sqrt(np.square(pairs[:, :, : split.pre]).mean(2))
    count, after = len(split.treated), slice(split.pre, None)
    each = _intervals(pairs, misses, found.gap, level)
    total = np.cumsum(found.gap[after])
    summed = _intervals(np.cumsum(pairs[:, :, after], axis=2), misses, total, level)
    return Course(found=found, effect=count * each, cumulative=count * np.vstack([total, summed]))


def _intervals(pairs: Floats, misses: Floats, values: Floats, level: float) -> Floats:
    """Return the ends (2, periods) of the interval of each period's effect."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(misses[0] > 0, np.abs(pairs[0]).T / misses[0], np.inf).T
    reach = misses[1][:, None] * scores
    lows, highs = pairs[1] - reach, pairs[1] + reach
    ends = [
        kept_between(low, high, value=float(value), level=level)[1:]
        for low, high, value in zip(lows.T, highs.T, values, strict=True)
    ]
    return np.array(ends).T
