"""Synthetic control: the mix of geos that moved like the treated ones says what would have happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from workbench.experiments.geo.panel import Floats, Rows
from workbench.experiments.geo.split import Split
from workbench.result import shown, signed, told

if TYPE_CHECKING:
    import pandas as pd

Weighting = Callable[[Floats, Floats], Floats]
"""Pre-periods of the controls (controls, periods) and of the target (periods,), each without its own mean,
to one weight for each control."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counterfactual:
    """What happened in the treated geos beside what would have, per geo and period.

    Parameters
    ----------
    split : Split
        Who was treated and when.
    method : str
        The procedure, in the field's words.
    weighting : callable
        How the weights are found, so that a test can find them again on other days and geos.
    weights : ndarray, shape (controls,)
        How much each control counts, in the order of `split.controls`.
    observed, expected : ndarray, shape (periods,)
        Mean of the treated geos, and what the controls say it would have been.
    penalty : float
        Of the ridge, where there is one.
    """

    split: Split
    method: str
    weighting: Weighting = field(repr=False)
    weights: Floats
    observed: Floats
    expected: Floats
    penalty: float = float("nan")

    @property
    def gap(self) -> Floats:
        """Return observed less expected, per treated geo, for each period."""
        return self.observed - self.expected

    @property
    def att(self) -> float:
        """Return the average effect on a treated geo in a period of test and cooldown."""
        return float(self.gap[self.split.pre :].mean())

    @property
    def incremental(self) -> float:
        """Return the effect summed over treated geos and periods."""
        return float(self.gap[self.split.pre :].sum()) * len(self.split.treated)

    @property
    def lift(self) -> float:
        """Return the effect as a share of what would have been; NaN unless that is above zero."""
        expected = float(self.expected[self.split.pre :].sum())
        return float(self.gap[self.split.pre :].sum()) / expected if expected > 0 else float("nan")

    @property
    def rmse(self) -> float:
        """Return the typical miss in a period before the test, per treated geo."""
        return float(np.sqrt(np.square(self.gap[: self.split.pre]).mean()))

    @property
    def relative_rmse(self) -> float:
        """Return the typical miss before the test as a share of the treated geos' mean."""
        mean = float(self.observed[: self.split.pre].mean())
        return self.rmse / mean if mean > 0 else float("nan")

    @property
    def imbalance(self) -> float:
        """Return the length of the misses before the test (L2)."""
        return float(np.linalg.norm(self.gap[: self.split.pre]))

    @property
    def scaled_imbalance(self) -> float:
        """Return L2 as a share of what equal weights leave: 0 fits, 1 is no better than a plain mean."""
        values, pre = centred(self.split.panel.values, self.split.pre), self.split.pre
        target, controls = values[self.split.treated, :pre].mean(0), values[self.split.controls, :pre]
        plain = float(np.linalg.norm(target - controls.mean(0)))
        return self.imbalance / plain if plain > 0 else float("nan")

    @property
    def sentence(self) -> str:
        """Return what was found, without a verdict: that needs a test."""
        return (
            f"{self.split.panel.metric} in {', '.join(self.split.treated_names)} was {signed(self.lift)} off "
            f"what the controls say it would have been ({signed(self.incremental, ',.0f')} in all;"
            f" {self.method})."
        )

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each period: its part of the test; observed, expected, gap per treated geo."""
        import pandas as pd

        parts = ("before", "test", "cooldown")
        lengths = (self.split.pre, self.split.test, self.split.cooldown)
        return pd.DataFrame(
            {
                "day": list(self.split.panel.days),
                "part": np.repeat(parts, lengths),
                "observed": self.observed,
                "expected": self.expected,
                "gap": self.gap,
            }
        )


def synthetic_control(split: Split) -> Counterfactual:
    """Return the counterfactual of synthetic control with unit fixed effects.

    Every geo loses its own pre-period mean; the weights are at least 0, sum to 1, and bring the controls as
    close to the mean of the treated geos as such weights can (least squares over the pre-period).

    Parameters
    ----------
    split : Split
        Who was treated and when.

    References
    ----------
    Abadie, Diamond, Hainmueller (2010), JASA 105; Ferman and Pinto (2021), Quantitative Economics 12, for the
    de-meaned version; what GeoLift calls "none" with fixed effects.

    Examples
    --------
    >>> import numpy as np
    >>> from workbench.experiments.geo.panel import Panel
    >>> from workbench.experiments.geo.split import split
    >>> from datetime import date, timedelta
    >>> days = tuple(date(2026, 1, 1) + timedelta(day) for day in range(60))
    >>> values = 100 + np.random.default_rng(1).normal(size=(12, 60))
    >>> values[0, 50:] += 5
    >>> panel = Panel(geos=tuple("abcdefghijkl"), days=days, values=values)
    >>> made = split(panel, treated=["a"], start=days[50])
    >>> round(synthetic_control(made).att, 1)
    5.0
    """
    return counterfactual(split, simplex_weights, method="synthetic control")


def counterfactual(split: Split, weighting: Weighting, *, method: str) -> Counterfactual:
    """Return the counterfactual of any weighting of the controls."""
    pre, panel = split.pre, split.panel
    values = centred(panel.values, pre)
    target, controls = values[split.treated].mean(0), values[split.controls]
    weights = weighting(controls[:, :pre], target[:pre])
    observed = panel.values[split.treated].mean(0)
    expected = observed[:pre].mean() + weights @ controls
    return Counterfactual(
        split=split,
        method=method,
        weighting=weighting,
        weights=weights,
        observed=observed,
        expected=expected,
    )


def centred(values: Floats, pre: int) -> Floats:
    """Return every row less its own mean over the first `pre` columns."""
    centre: Floats = values - values[:, :pre].mean(1, keepdims=True)
    return centre


def simplex_weights(controls: Floats, target: Floats) -> Floats:
    """Return the weights, at least 0 and 1 in sum, with which the controls come closest to the target.

    With points p = control - target the task is the shortest vector of their convex hull. Non-negative least
    squares of [p; 1] on [0; 1] finds it exactly: at s w with sum(w) = 1 its loss is s^2 |pw|^2 + (s - 1)^2,
    at the best s that is |pw|^2 / (1 + |pw|^2), which grows with |pw|.

    Parameters
    ----------
    controls : ndarray, shape (controls, periods)
        One row for each control.
    target : ndarray, shape (periods,)
        What is to be matched.

    Returns
    -------
    ndarray, shape (controls,)
        Where several weights fit equally well, one of them.

    References
    ----------
    Lawson and Hanson (1974), Solving Least Squares Problems, chapter 23.

    Examples
    --------
    >>> import numpy as np
    >>> controls = np.array([[0.0, 2.0], [2.0, 0.0], [9.0, 9.0]])
    >>> simplex_weights(controls, np.array([0.5, 1.5])).round(6).tolist()
    [0.75, 0.25, 0.0]
    """
    from scipy.optimize import nnls

    points = controls - target
    lengths = np.sqrt((points * points).sum(1))
    if not lengths.min():
        return np.asarray(lengths == 0, float) / np.count_nonzero(lengths == 0)
    design = np.ones((points.shape[1] + 1, len(points)))
    design[:-1] = (
        points.T / lengths.min()
    )  # the answer is no longer than the nearest point, so its loss is <= 1/2
    goal = np.zeros(len(design))
    goal[-1] = 1.0
    found = nnls(design, goal)[0]
    weights: Floats = found / found.sum()
    return weights


def gaps_of(
    values: Floats, *, pre: int, sets: Sequence[Rows], donors: Rows, weighting: Weighting = simplex_weights
) -> Floats:
    """Return observed less expected of several sets of geos, each as if it had been treated.

    Parameters
    ----------
    values : ndarray, shape (geos, periods)
        The panel.
    pre : int
        Periods before the (supposed) treatment.
    sets : sequence of ndarray of int
        Rows of each supposed treatment group.
    donors : ndarray of int
        Rows that may stand for them; those of the set itself never do.
    weighting : callable
        How the donors are weighted.

    Returns
    -------
    ndarray, shape (sets, periods)
        Per geo of the set.
    """
    ready = prepared(values, pre)
    return np.array([gap_of(ready, rows, without(donors, rows), weighting) for rows in sets])


def without(donors: Rows, rows: Rows) -> Rows:
    """Return the donors that are not among some rows, in their order.

    Examples
    --------
    >>> without(np.array([4, 2, 9]), np.array([2, 5])).tolist()
    [4, 9]
    """
    # Rows are small numbers: to mark them is quicker than `isin`, and this is asked for every placebo group.
    left = np.ones(max(donors.max(initial=0), rows.max(initial=0)) + 1, bool)
    left[rows] = False
    return donors[left[donors]]


def prepared(values: Floats, pre: int) -> tuple[Floats, Floats]:
    """Return each row less its own pre-period mean, and that pre-period in a form that is quick to fit.

    Distances are all that a weighting looks at: turning the pre-period into at most as many columns as there
    are geos keeps them, and one turn serves every group.
    """
    apart = centred(values, pre)
    if pre <= len(values):
        return apart, apart[:, :pre]
    return apart, np.asarray(np.linalg.qr(apart[:, :pre].T, mode="r")).T


def gap_of(ready: tuple[Floats, Floats], rows: Rows, donors: Rows, weighting: Weighting) -> Floats:
    """Return observed less expected (periods,) of one group of geos, from what `prepared` returns."""
    apart, before = ready
    weights = weighting(before[donors], before[rows].sum(0) / len(rows))
    gap: Floats = apart[rows].sum(0) / len(rows) - weights @ apart[donors]
    return gap


def summary_of(gaps: Floats, pre: int) -> tuple[Floats, Floats]:
    """Return the mean effect after the first `pre` periods, and the root mean square before, of each row."""
    return gaps[..., pre:].mean(-1), np.sqrt(np.square(gaps[..., :pre]).mean(-1))
