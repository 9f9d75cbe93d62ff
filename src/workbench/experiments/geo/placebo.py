"""Placebo in space: how often as much is found in geos where nothing happened."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.errors import NotEnoughData
from workbench.experiments.geo.effect import Effect, effect_of
from workbench.experiments.geo.pairs import kept_between, pairs_of
from workbench.experiments.geo.panel import Floats, Rows
from workbench.experiments.geo.synthetic_control import Counterfactual, summary_of
from workbench.experiments.inference.estimate import alpha_of
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd

METHOD = "placebo in space"
PLACEBOS = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaceboTest:
    """The effect beside those that the same method finds where nothing happened.

    Parameters
    ----------
    effect : Effect
        With the interval and p of this test.
    level : float
        Of the interval.
    statistic : float
        The average effect over the typical miss before the test.
    placebos : ndarray, shape (placebos,)
        The same of each placebo group, without its sign.
    gaps : ndarray, shape (placebos, periods)
        Observed less expected of each placebo group, in typical misses of its own.
    size : int
        Geos in a placebo group.
    left_out : int
        Placebo groups that were left out for their poor fit before the test.
    notes : tuple of str
        What to know about it.
    """

    effect: Effect
    level: float
    statistic: float
    placebos: Floats
    gaps: Floats
    size: int
    left_out: int
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return how unusual the effect is."""
        reached = round(self.effect.att.p * (len(self.placebos) + 1)) - 1
        return (
            f"{reached} of {len(self.placebos)} groups of control geos moved at least as much though nothing "
            f"happened there (p = {self.effect.att.p:.3f}, {METHOD})."
        )

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return the effect in its three units."""
        return self.effect.to_frame()


def placebo_test(
    found: Counterfactual,
    *,
    level: float = 0.95,
    placebos: int = PLACEBOS,
    seed: int = 0,
    worst_fit: float | None = None,
) -> PlaceboTest:
    """Return the effect with the interval and p of placebo in space.

    Groups of as many control geos as were treated are taken as if they had been; the same method finds their
    effects from the other controls, and that of the treated geos again from the same ones (`pairs_of` says
    why). Each effect is divided by its root mean square miss before the test, so that a group that fits badly
    does not look extreme. p = (1 + groups at least as extreme) / (1 + groups). The interval holds the
    constant effects that the same test does not reject, so it leaves out 0 exactly when p < 1 - level.

    Parameters
    ----------
    found : Counterfactual
        By any method.
    level : float
        Of the interval.
    placebos : int
        How many groups; all that exist, where they are not more.
    seed : int
        Which of them are drawn.
    worst_fit : float, optional
        Leaves out groups that miss by more than so many times what is missed in the treated geos; how many is
        said. None are left out if not given, as the statistic allows for it.

    Raises
    ------
    NotEnoughData
        If the controls match the treated geos without a miss: nothing to compare an effect with is left.

    Notes
    -----
    Assumes that the treated geos could have been any of them: geos that were chosen for how well they fit, or
    that had a shock of their own in the test period, break it.

    References
    ----------
    Abadie, Diamond, Hainmueller (2010), JASA 105, section 3.4; Firpo and Possebom (2018), Journal of Causal
    Inference 6, for the inversion; Lei and Sudijono (2025), leave-two-out, for the pairs.

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
    >>> found = placebo_test(synthetic_control(made), level=0.9)
    >>> print(found.sentence)
    0 of 11 groups of control geos moved at least as much though nothing happened there
    (p = 0.083, placebo in space).
    """
    split = found.split
    _refuse_perfect(found)
    size = min(len(split.treated), len(split.controls) // 2)
    sets = placebo_sets(split.controls, size, count=placebos, seed=seed)
    pairs = pairs_of(
        split.panel.values,
        pre=split.pre,
        treated=split.treated,
        sets=sets,
        donors=split.controls,
        weighting=found.weighting,
    )
    scores, lows, highs = scored(pairs, split.pre)
    misses = np.sqrt(np.square(pairs[0, :, : split.pre]).mean(1))
    kept = np.ones(len(sets), bool) if worst_fit is None else misses <= worst_fit * found.rmse
    p, low, high = kept_between(lows[kept], highs[kept], value=found.att, level=level)
    notes = _notes(found, size, kept, level)
    return PlaceboTest(
        effect=effect_of(found, low=low, high=high, p=p, method=METHOD, note=" ".join(notes)),
        level=level,
        statistic=found.att / found.rmse,
        placebos=scores[kept],
        gaps=pairs[0, kept] / misses[kept, None],
        size=size,
        left_out=int((~kept).sum()),
        notes=notes,
    )


def placebo_sets(geos: Rows, size: int, *, count: int, seed: int) -> list[Rows]:
    """Return different groups of geos: all where there are no more than `count`, else so many at random."""
    if math.comb(len(geos), size) <= count:
        return [np.array(rows, np.intp) for rows in combinations(geos, size)]
    rng = np.random.default_rng(seed)
    drawn: dict[tuple[int, ...], None] = {}
    while len(drawn) < count:
        drawn[tuple(sorted(rng.choice(geos, size, replace=False).tolist()))] = None
    return [np.array(rows, np.intp) for rows in drawn]


def scored(pairs: Floats, pre: int) -> tuple[Floats, Floats, Floats]:
    """Return how extreme each placebo group is, and the ends of the effects that it keeps.

    A group keeps the effects e for which it is at least as extreme as the treated geos beside it:
    |group's effect| / group's miss >= |theirs - e| / their miss.
    """
    (own, beside), (misses, beside_misses) = summary_of(pairs, pre)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(misses > 0, np.abs(own) / misses, np.inf)
    reach = beside_misses * scores
    return scores, beside - reach, beside + reach


def ranked(att: float, rmse: float, scores: Floats, *, level: float) -> tuple[float, float]:
    """Return p, and half the width of the interval, of an effect among placebos that are not in pairs.

    Fair where the treated geos and the placebo groups had equally many controls, as in rehearsals.

    Both compare |effect| with rmse * score, so that they agree to the last bit.

    Examples
    --------
    >>> import numpy as np
    >>> ranked(3.0, 1.0, np.arange(1.0, 100.0) / 25, level=0.9)
    (0.26, 3.64)
    """
    possible = np.arange(1, len(scores) + 2) / (len(scores) + 1)
    p = float(possible[int((rmse * scores >= abs(att)).sum())])
    # So many scores that are at least as extreme do not reject.
    needed = int(np.searchsorted(possible, alpha_of(level)))
    if not needed:
        return p, math.inf
    return p, float(np.sort(rmse * scores)[-needed])


def _refuse_perfect(found: Counterfactual) -> None:
    before = found.observed[: found.split.pre]
    if found.rmse <= 1e-9 * max(float(before.std()), 1e-9 * float(np.abs(before).max())):
        raise NotEnoughData(
            f"{len(found.split.controls)} controls match the treated geos without a miss in "
            f"{found.split.pre} periods: nothing to compare an effect with is left. Use a longer pre-period."
        )


def _notes(found: Counterfactual, size: int, groups: NDArray[np.bool_], level: float) -> tuple[str, ...]:
    notes, kept = [], int(groups.sum())
    if kept < len(groups):
        notes.append(f"{len(groups) - kept} placebo groups were left out for their poor fit before the test.")
    if size < len(found.split.treated):
        notes.append(
            f"Placebo groups have {size} geos, {len(found.split.treated)} were treated: "
            "there are not enough controls."
        )
    if 1 / (kept + 1) >= alpha_of(level):
        notes.append(
            f"With {kept} placebo groups p cannot be below {1 / (kept + 1):.3f}: no effect can be shown."
        )
    return tuple(notes)
