"""Conformal inference: the periods of the test beside all other stretches as long."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import NotEnoughData
from workbench.experiments.geo.carried import likely_carry, rank_p
from workbench.experiments.geo.effect import Effect, effect_of
from workbench.experiments.geo.panel import Floats
from workbench.experiments.geo.synthetic_control import Counterfactual, Weighting, centred
from workbench.experiments.inference.estimate import alpha_of
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd

METHOD = "conformal, moving blocks"
_STEPS = np.concatenate([np.arange(1, 49) / 6, 8 * 1.5 ** np.arange(1, 13)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConformalTest:
    """The effect, judged by the treated geos' own history.

    Parameters
    ----------
    effect : Effect
        With the interval and p of this test.
    level : float
        Of the interval.
    blocks : int
        Stretches that are compared: one begins on each period.
    share : float
        Of the stretches that are at least as far off as the test, the test included.
    carry : float
        The autocorrelation from period to period that p allows for.
    tried : ndarray, shape (2, values)
        Constant effects that were tried, per geo and period, and the p of each.
    notes : tuple of str
        What to know about it.
    """

    effect: Effect
    level: float
    blocks: int
    share: float
    carry: float
    tried: Floats
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return how unusual the test period is."""
        return (
            f"{round(self.share * self.blocks)} of {self.blocks} stretches as long as the test are at "
            f"least as far off, the test included (p = {self.effect.att.p:.3f}, {METHOD})."
        )

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return the effect in its three units."""
        return self.effect.to_frame()


def conformal_test(
    found: Counterfactual, *, level: float = 0.95, carry: float | None = None
) -> ConformalTest:
    """Return the effect with the interval and p of conformal inference over moving blocks.

    To try a constant effect it is taken off the treated geos, the weights are found again on all periods, and
    the sum of what is missed in the test, without its sign, is ranked among those of all cyclic stretches as
    long. How often the last of them ranks so high by chance depends on how far misses carry over: p allows
    for what the pre-period shows of that.

    The interval runs from the smallest to the largest effect that is not rejected; effects between them that
    would be rejected stay in it. p is that of no effect or, where larger, of an effect beyond it, seen from
    the estimate: so the interval leaves out 0 exactly when p < 1 - level, and both err on the safe side.

    Parameters
    ----------
    found : Counterfactual
        By any method; a ridge keeps its penalty.
    level : float
        Of the interval.
    carry : float, optional
        Autocorrelation from period to period; measured before the test if not given. With 0, p is the rank
        alone, as published.

    Raises
    ------
    NotEnoughData
        If the pre-period is less than twice the test: the mean of all periods would move with the effect. Or
        if misses carry over so far that p would not hold its promise.

    Notes
    -----
    Assumes that what is missed comes from one stationary process. By rank alone, tests of nothing in 60 to 90
    periods with an autocorrelation of 0.8 find an effect at 5 % in 7 to 8 % of cases: the last stretch has
    the largest sum too often once the mean is taken off. So p is read off series of as many periods that
    carry over as much (`carried`). p is never below 1 / periods. Effects are tried in steps of a sixth of the
    typical block, further out in growing ones; bisection finds the ends.

    References
    ----------
    Chernozhukov, Wuethrich, Zhu (2021), JASA 116, sections 2 and 3, moving block permutations.

    Examples
    --------
    >>> import numpy as np
    >>> from workbench.experiments.geo.synthetic_control import synthetic_control
    >>> from workbench.experiments.geo.panel import Panel
    >>> from workbench.experiments.geo.split import split
    >>> from datetime import date, timedelta
    >>> days = tuple(date(2026, 1, 1) + timedelta(day) for day in range(60))
    >>> values = 100 + np.random.default_rng(1).normal(size=(12, 60))
    >>> values[0, 50:] += 5
    >>> panel = Panel(geos=tuple("abcdefghijkl"), days=days, values=values)
    >>> made = split(panel, treated=["a"], start=days[50])
    >>> found = conformal_test(synthetic_control(made), carry=0)
    >>> print(found.sentence)
    1 of 60 stretches as long as the test are at least as far off, the test included
    (p = 0.017, conformal, moving blocks).
    """
    split = found.split
    if split.pre < 2 * split.post:
        raise NotEnoughData(
            f"Conformal inference needs a pre-period of twice the test and its cooldown: {2 * split.post} "
            f"periods, not {split.pre}."
        )
    carry = likely_carry(found.gap[: split.pre]) if carry is None else carry
    share_at, periods = _ranking(found), len(found.observed)

    def p_of(share: float) -> float:
        return rank_p(share, periods=periods, length=split.post, carry=carry)

    grid = _grid(found)
    shares = np.array(
        [1.0 if value == found.att else share_at(value) for value in grid]
    )  # an estimate stands
    p_grid = np.array([p_of(share) for share in shares])
    low, high = _ends(grid, p_grid, alpha_of(level), lambda value: p_of(share_at(value)))
    share = _beyond(grid, shares, found.att)
    notes = _notes(periods, p_of(1 / periods), level)
    return ConformalTest(
        effect=effect_of(found, low=low, high=high, p=p_of(share), method=METHOD, note=" ".join(notes)),
        level=level,
        blocks=periods,
        share=share,
        carry=carry,
        tried=np.array([grid, p_grid]),
        notes=notes,
    )


def block_p(controls: Floats, target: Floats, post: int, weighting: Weighting) -> float:
    """Return p of no effect in the last `post` periods, by rank alone.

    Parameters
    ----------
    controls : ndarray, shape (controls, periods)
        Each row without its mean over all periods.
    target : ndarray, shape (periods,)
        Mean of the treated geos, without its mean.
    post : int
        Length of the test.
    weighting : callable
        How the controls are weighted.

    Examples
    --------
    >>> import numpy as np
    >>> controls, target = np.zeros((2, 10)), np.array([-1.0] * 8 + [4.0] * 2)
    >>> block_p(controls, target, 2, lambda controls, target: np.array([0.5, 0.5]))
    0.1
    """
    missed = target - weighting(controls, target) @ controls
    sums = np.abs(_block_sums(missed, post))
    # The test is the block that begins `post` before the end; rounding must not lose it among its equals.
    return float((sums >= sums[-post] * (1 - 1e-12)).mean())


def _block_sums(missed: Floats, length: int) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(np.concatenate([missed, missed[:length]]))])
    sums: Floats = total[length : length + len(missed)] - total[: len(missed)]
    return sums


def _ranking(found: Counterfactual) -> Callable[[float], float]:
    split, periods = found.split, len(found.observed)
    controls = centred(split.panel.values[split.controls], periods)
    step = np.zeros(periods)
    step[split.pre :] = 1.0
    target, step = found.observed - found.observed.mean(), step - step.mean()
    return lambda effect: block_p(controls, target - effect * step, split.post, found.weighting)


def _grid(found: Counterfactual) -> Floats:
    """Return the effects to try, sorted: none, the estimate, and steps away from it."""
    blocks = _block_sums(found.gap[: found.split.pre], found.split.post) / found.split.post
    scale = max(float(np.sqrt(np.square(blocks).mean())), 1e-9 * float(np.abs(found.observed).max()))
    return np.unique(
        np.concatenate([[0.0, found.att], found.att - _STEPS * scale, found.att + _STEPS * scale])
    )


def _ends(grid: Floats, p_grid: Floats, alpha: float, p_at: Callable[[float], float]) -> tuple[float, float]:
    """Return the smallest and the largest effect that is not rejected."""
    kept = np.flatnonzero(p_grid >= alpha)
    first, last = int(kept[0]), int(kept[-1])
    low = -math.inf if first == 0 else _bisect(grid[first], grid[first - 1], alpha, p_at)
    high = math.inf if last == len(grid) - 1 else _bisect(grid[last], grid[last + 1], alpha, p_at)
    return low, high


def _bisect(kept: float, rejected: float, alpha: float, p_at: Callable[[float], float]) -> float:
    for _ in range(20):
        middle = (kept + rejected) / 2
        if p_at(middle) >= alpha:
            kept = middle
        else:
            rejected = middle
    return float(kept)


def _beyond(grid: Floats, shares: Floats, att: float) -> float:
    """Return the largest share of no effect and of what lies beyond it, seen from the estimate."""
    return float(shares[grid <= 0].max() if att > 0 else shares[grid >= 0].max())


def _notes(periods: int, smallest: float, level: float) -> tuple[str, ...]:
    if smallest < alpha_of(level):
        return ()
    said = f"With {periods} periods p cannot be below {smallest:.3f}: no effect can be shown at {level:.0%}. "
    if smallest > 1 / periods:
        return (
            f"{said}What is missed carries over, so it takes more of them, e.g. days in the place of weeks.",
        )
    enough = math.floor(1 / alpha_of(level) + 1e-9) + 1
    return (f"{said}At least {enough} periods are needed, e.g. days in the place of weeks.",)
