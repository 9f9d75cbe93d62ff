"""The p of simulated tests, each by the procedure that the analysis of such a test would choose.

Shares by their score, means by Welch's t, ratios by the delta method, adjusted for the time before; where few
users carry a test or the difference is lopsided, by shuffling the users. The rules are those of the analysis.
To shuffle ten thousand times in each of thousands of tests would take hours; all that is asked of a test is
on which side of alpha its p lies, and that is clear after a few hundred shuffles in most of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.experiments.inference.cuped import adjusted
from workbench.experiments.inference.means import differences, mean_arms
from workbench.experiments.inference.permutation import permutation_tails
from workbench.experiments.inference.permutation_ratio import ratio_tails
from workbench.experiments.inference.proportions import counts
from workbench.experiments.inference.ratios import ratio_arms
from workbench.experiments.inference.shuffling import MOST_BUYERS, shuffles_for, sided_p
from workbench.experiments.inference.skewness import (
    EVEN,
    fewer_than_few,
    needs_permutation,
    shares_alike_normal,
    skewness_of_difference,
)
from workbench.experiments.inference.sums import Floats, Sums
from workbench.experiments.power.procedure import Procedure
from workbench.experiments.power.resampling import Drawn
from workbench.experiments.power.user_values import UserValues
from workbench.metrics.two_proportions import compared_p

Marks = NDArray[np.bool_]
FEWEST_TESTS = 200  # with fewer, power is known to no better than 7 points
# Buyers, in all shuffles of all tests: a few seconds, and half a minute where even few tests need as long.
_SHUFFLED, _AT_MOST = 4e8, 1e9
_SHUFFLES = 1200  # of a test, on average


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """The p of simulated tests.

    Parameters
    ----------
    p : ndarray, shape (tests, comparisons)
        Clear enough to say on which side of alpha it lies.
    up : ndarray of bool, shape (tests, comparisons)
        Where the variant was above the control.
    shuffled : float
        The share of comparisons that were made by shuffling users.
    note : str
        What was rehearsed, where it is not simply the plain test.
    """

    p: Floats
    up: Marks
    shuffled: float
    note: str


def rehearsed(
    batches: Iterable[Drawn], values: UserValues, procedure: Procedure, *, runs: int, seed: int
) -> Rehearsed:
    """Return the p of simulated tests, by the procedure that each of them would be analysed by.

    Where shuffling would take too long, fewer tests are made; where fewer than 200 could be, none is by
    shuffling. Both are said.

    Parameters
    ----------
    batches : iterable of Drawn
        The tests.
    values : UserValues
        Whose they are.
    procedure : Procedure
        How they are decided.
    runs, seed : int
        Tests that are asked for, and where the chance of the shuffles begins.
    """
    generator = np.random.default_rng([seed, 1])
    left, wanted, skipped = runs, 0.0, False
    parts: list[tuple[Floats, Marks, Marks]] = []
    for batch in batches:
        p, up, reduction = _plain(batch.sums, values, procedure)
        lopsided = _lopsided(batch, values, p, reduction)
        if not parts:
            wanted = float(lopsided.needed.mean())
            cost = float((lopsided.needed * lopsided.crowd).sum()) / len(p) * _SHUFFLES
            fewest = min(FEWEST_TESTS, runs)
            skipped = _AT_MOST / max(cost, 1.0) < fewest
            left = runs if skipped else int(min(runs, max(fewest, _SHUFFLED / max(cost, 1.0))))
        needed = np.zeros_like(lopsided.needed) if skipped else lopsided.needed
        needed[left:] = False
        for run, place in np.argwhere(needed):
            found = _by_shuffling(batch, (int(run), int(place) + 1), values, procedure, generator)
            if found is not None:
                p[run, place], up[run, place] = found, lopsided.up[run, place]
        parts.append((p[:left], up[:left], needed[:left]))
        left -= len(parts[-1][0])
        if left <= 0:
            break
    p, up, shuffled = (np.concatenate(side) for side in zip(*parts, strict=True))
    share = float(shuffled.mean())
    return Rehearsed(p=p, up=up, shuffled=share, note=_note(share, wanted if skipped else 0.0, len(p), runs))


def _note(shuffled: float, skipped: float, made: int, asked: int) -> str:
    if skipped:
        return (
            f"Rehearsed was the plain test: the analysis shuffles the users in {skipped:.0%} of such tests, "
            "for few of them bring most of it, and so many cannot be shuffled thousands of times."
        )
    if not shuffled:
        return ""
    said = f"In {shuffled:.0%} of them users were shuffled, as the analysis does where few bring most of it"
    return f"{said}; that takes time, so {made:,} were made, not {asked:,}." if made < asked else f"{said}."


def _plain(sums: Sums, values: UserValues, procedure: Procedure) -> tuple[Floats, Marks, Floats]:
    """Return p, whether the variant is above, and what the time before explains, from sums alone."""
    figure = ("value", "of") if values.kind == "ratio" else "value"
    before = [name for name in ("before", "of before") if name in values.columns]
    level, reduction = 1 - procedure.comparison_alpha, np.full((len(sums.n), sums.n.shape[-1] - 1), np.nan)
    if before:
        made = adjusted(sums, figure, before)
        found, reduction = differences(made.arms, level=level), made.reduction
    elif isinstance(figure, tuple):
        found = differences(ratio_arms(sums, *figure), level=level)
    else:
        found = differences(mean_arms(sums, figure), level=level)
    p, up = np.array(found.p), np.asarray(found.value > 0)
    if values.kind != "proportion":
        return p, up, reduction
    x, n = counts(sums, "value"), sums.n
    share = x / n
    score = np.asarray(compared_p(x[..., 1:], n[..., 1:], x[..., :1], n[..., :1]))
    as_means = np.zeros(len(p), bool)
    if before:
        as_means = np.array([shares_alike_normal(*run) for run in zip(share, n, strict=True)])
    p = np.where(as_means[:, None], p, score)
    return p, np.where(as_means[:, None], up, share[:, 1:] > share[:, :1]), reduction


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lopsided:
    """Which comparisons need shuffling, of how many buyers, and whether the variant is above unadjusted."""

    needed: Marks
    crowd: Floats
    up: Marks


def _lopsided(batch: Drawn, values: UserValues, p: Floats, reduction: Floats) -> _Lopsided:
    if values.kind == "proportion":
        none = np.zeros(p.shape, bool)
        return _Lopsided(needed=none, crowd=np.zeros(p.shape), up=none)
    sides = [_moments(batch, group, values) for group in range(len(batch.rows))]
    needed = np.isfinite(p)
    ratio = values.kind == "ratio"
    explained = np.full_like(reduction, np.nan) if ratio else reduction  # of ratios it is not looked at
    for run, place in np.argwhere(needed):
        needed[run, place] = _needs(
            sides[0][run], sides[place + 1][run], ratio=ratio, reduction=float(explained[run, place])
        )
    crowd = np.stack([sides[0][:, _CROWD] + side[:, _CROWD] for side in sides[1:]], axis=1)
    up = np.stack([side[:, _FIGURE] > sides[0][:, _FIGURE] for side in sides[1:]], axis=1)
    return _Lopsided(needed=needed & (crowd <= MOST_BUYERS), crowd=crowd, up=up)


_N, _FIGURE, _SPREAD, _THIRD, _CARRIERS, _CROWD, _BELOW, _BELOW_SQUARES = range(8)


def _moments(batch: Drawn, group: int, values: UserValues) -> Floats:
    """Return of each test's group its size, figure, variance, third moment, and who carries it."""
    rows, drawn = batch.rows[group], batch.counts[group]
    y, place = rows[:, values.columns.index("value")], values.columns.index
    z = rows[:, place("of")] if values.kind == "ratio" else np.ones(len(rows))
    centre = float(values.users @ values.column("value"))
    centre /= float(values.users @ values.column("of")) if values.kind == "ratio" else values.users.sum()
    apart = y - centre * z  # about the figure of all users, or powers would cost digits
    carriers = (z if values.kind == "ratio" else y) != 0
    columns = [np.ones(len(rows)), carriers, (y != 0) | (carriers & (z != 0))]
    columns += [apart**one * z**other for one, other in _POWERS]
    n, carry, crowd, *powers = (drawn @ np.column_stack(columns).astype(float)).T
    m = dict(zip(_POWERS, powers, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = m[1, 0] / m[0, 1]
        spread = (m[2, 0] - 2 * r * m[1, 1] + r**2 * m[0, 2]) / n
        third = (m[3, 0] - 3 * r * m[2, 1] + 3 * r**2 * m[1, 2] - r**3 * m[0, 3]) / n
        return np.column_stack([n, r, spread, third, carry, crowd, m[0, 1] / n, m[0, 2]])


_POWERS = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))


def _needs(control: Floats, variant: Floats, *, ratio: bool, reduction: float) -> bool:
    """Return whether the analysis would shuffle the users of two groups."""
    n = np.array([control[_N], variant[_N]])
    if n.min() < 2:
        return False
    if ratio and n.max() <= EVEN * n.min():
        both = np.stack([control, variant])
        if not fewer_than_few(n, both[:, _BELOW], both[:, _BELOW_SQUARES]).any():
            return False
    third = float((control[_THIRD] * n[0] + variant[_THIRD] * n[1]) / n.sum())
    skew = skewness_of_difference(third, (variant[_SPREAD], control[_SPREAD]), sizes=(n[1], n[0]))
    buyers = float(min(control[_CARRIERS], variant[_CARRIERS]))
    return needs_permutation(skew, buyers=buyers, reduction=reduction)


def _by_shuffling(
    batch: Drawn, at: tuple[int, int], values: UserValues, procedure: Procedure, rng: np.random.Generator
) -> float | None:
    """Return p of one comparison by shuffling its users; None where there is none."""
    run, group = at
    sides = [(batch.rows[side], batch.counts[side][run]) for side in (0, group)]
    users = (int(sides[0][1].sum()), int(sides[1][1].sum()))
    seen = [(rows[drawn > 0], drawn[drawn > 0].astype(np.int64)) for rows, drawn in sides]
    split = len(seen[0][0])
    rows, drawn = (np.concatenate(side) for side in zip(*seen, strict=True))
    placed = np.zeros((len(rows), 2), np.int64)
    placed[:split, 0], placed[split:, 1] = drawn[:split], drawn[split:]
    value = values.columns.index("value")
    tails: Callable[[int], tuple[int, int]] | None
    if values.kind == "ratio":
        pairs = rows[:, [value, values.columns.index("of")]]
        some = (pairs != 0).any(axis=1)
        tails = ratio_tails(pairs, placed, users=users, rng=rng)
    else:
        some = rows[:, value] != 0
        tails = permutation_tails(rows[:, value], placed, users=users, rng=rng)
    if tails is None:
        return None
    most = shuffles_for(float(placed[some].sum()))
    return sided_p(tails, alpha=procedure.comparison_alpha, most=most)[0]
