"""How often a test finds an effect in the user's own geos before anything was tried."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import NotEnoughData, unknown_name
from workbench.experiments.geo.carried import likely_carry, rank_p
from workbench.experiments.geo.conformal import METHOD as CONFORMAL
from workbench.experiments.geo.conformal import block_p
from workbench.experiments.geo.pairs import kept_between, pairs_of
from workbench.experiments.geo.panel import Floats, Rows
from workbench.experiments.geo.placebo import METHOD as PLACEBO
from workbench.experiments.geo.placebo import placebo_sets, scored
from workbench.experiments.geo.split import MIN_PRE, Split
from workbench.experiments.geo.synthetic_control import (
    Weighting,
    centred,
    gap_of,
    prepared,
    simplex_weights,
)
from workbench.experiments.inference.estimate import alpha_of
from workbench.result import shown, told
from workbench.stats import share_interval

if TYPE_CHECKING:
    import pandas as pd

REFERENCES = 20
MIN_RUNS, MAX_RUNS, MAX_OWN = 50, 200, 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredSize:
    """The share of tests of nothing that found something.

    Parameters
    ----------
    method : str
        The test.
    level : float
        It promises to find nothing so often.
    p : ndarray, shape (runs,)
        Of each test of random geos in a random window of the pre-period.
    own : ndarray, shape (windows,)
        Of the geos that were treated later, in windows spread over the pre-period.
    note : str
        Why it could not be measured.
    """

    method: str
    level: float
    p: Floats
    own: Floats
    note: str = ""

    @property
    def rate(self) -> float:
        """Return the share of tests that found an effect; NaN where none could be made."""
        return float((self.p < alpha_of(self.level)).mean()) if len(self.p) else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Return the rate's 95 % interval (Wilson); windows overlap, so it is a little narrow."""
        low, high = share_interval(int((self.p < alpha_of(self.level)).sum()), len(self.p))
        return float(low), float(high)

    @property
    def sentence(self) -> str:
        """Return the rate beside the promise."""
        if self.note:
            return self.note
        low, high = self.interval
        own = int((self.own < alpha_of(self.level)).sum())
        return (
            f"On your own data before the test, {self.method} found an effect where there was none in "
            f"{self.rate:.1%} of {len(self.p)} trials (between {low:.1%} and {high:.1%}; promised "
            f"{1 - self.level:.1%}), and in {own} of {len(self.own)} "
            "overlapping windows with your own test geos."
        )

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return one row: the rate, its interval, the promise."""
        import pandas as pd

        low, high = self.interval
        return pd.DataFrame(
            [
                {
                    "method": self.method,
                    "rate": self.rate,
                    "low": low,
                    "high": high,
                    "promised": 1 - self.level,
                    "trials": len(self.p),
                    "own geos": float((self.own < alpha_of(self.level)).mean())
                    if len(self.own)
                    else float("nan"),
                    "windows": len(self.own),
                }
            ]
        )


def measured_size(
    split: Split,
    *,
    method: str = PLACEBO,
    weighting: Weighting = simplex_weights,
    level: float = 0.95,
    runs: int | None = None,
    seed: int = 0,
) -> MeasuredSize:
    """Return how often a test finds an effect where there is none, on the pre-period of a panel.

    As many geos as were treated are drawn from all geos of the panel, and a window as long as the test that
    ends somewhere in the later half of the pre-period; the test is made as if they had been treated then. The
    geos that were treated later are tried by themselves, in windows spread over the same stretch.

    Parameters
    ----------
    split : Split
        Only its pre-period is looked at.
    method : str
        ``"placebo in space"`` or ``"conformal, moving blocks"``.
    weighting : callable
        How the controls are weighted.
    level : float
        What the test promises.
    runs : int, optional
        How many tests; 200, and fewer for more than 60 geos, if not given.
    seed : int
        Which geos and windows are drawn.

    Raises
    ------
    UsageError
        For an unknown test.

    Notes
    -----
    Placebo tests here use 20 groups, enough to reject at 5 % (more at higher levels), not 200. Conformal
    tests here have the p of no effect alone, which is never above that of `conformal_test`.
    """
    if method not in _TESTS:
        raise unknown_name("test", method, _TESTS)
    pre, post, geos = split.pre, split.post, len(split.panel.geos)
    shortest = max(MIN_PRE, 2 * post)
    if shortest + post > pre:
        note = (
            f"The false positive rate cannot be measured: {pre} periods before the test do not hold a test "
            f"of {post} periods and the {shortest} that it needs before it."
        )
        return MeasuredSize(method=method, level=level, p=np.array([]), own=np.array([]), note=note)
    first = min(max(shortest, pre // 2) + post, pre)
    count = runs if runs is not None else int(np.clip(MAX_RUNS * (60 / geos) ** 2, MIN_RUNS, MAX_RUNS))
    rng = np.random.default_rng(seed)
    ends = rng.integers(first, pre, size=count, endpoint=True)
    spread = np.unique(np.linspace(first, pre, min(MAX_OWN, count)).round().astype(int))
    size = min(len(split.treated), geos // 3)
    drawn = [rng.choice(geos, size, replace=False) for _ in range(count)]

    def p_of(rows: Rows, end: int, turn: int) -> float:
        return _TESTS[method](split.panel.values[:, :end], end - post, rows, weighting, (level, seed + turn))

    return MeasuredSize(
        method=method,
        level=level,
        p=np.array([p_of(drawn[turn], int(end), turn) for turn, end in enumerate(ends)]),
        own=np.array([p_of(split.treated, int(end), turn) for turn, end in enumerate(spread)]),
    )


def _placebo_p(values: Floats, pre: int, rows: Rows, weighting: Weighting, asked: tuple[float, int]) -> float:
    level, seed = asked
    count = max(REFERENCES, math.ceil(1 / alpha_of(level)))
    others = np.setdiff1d(np.arange(len(values)), rows)
    sets = placebo_sets(others, min(len(rows), len(others) // 2), count=count, seed=seed)
    pairs = pairs_of(values, pre=pre, treated=rows, sets=sets, donors=others, weighting=weighting)
    _, lows, highs = scored(pairs, pre)
    value = float(gap_of(prepared(values, pre), rows, others, weighting)[pre:].mean())
    return kept_between(lows, highs, value=value, level=level)[0]


def _conformal_p(
    values: Floats, pre: int, rows: Rows, weighting: Weighting, asked: tuple[float, int]
) -> float:
    del asked  # nothing is drawn
    periods = values.shape[1]
    apart = centred(values, periods)
    others = np.setdiff1d(np.arange(len(values)), rows)
    try:
        carry = likely_carry(gap_of(prepared(values, pre), rows, others, weighting)[:pre])
    except NotEnoughData:
        return 1.0  # a test that is not offered finds nothing
    share = block_p(apart[others], apart[rows].mean(0), periods - pre, weighting)
    return rank_p(share, periods=periods, length=periods - pre, carry=carry)


_TESTS = {PLACEBO: _placebo_p, CONFORMAL: _conformal_p}
