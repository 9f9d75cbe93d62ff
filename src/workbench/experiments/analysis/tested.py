"""Every metric of an experiment, tested: the right procedure for each kind, and what stands beside it.

Shares by their score, means by Welch, ratios by the delta method, each adjusted for the time before where it
is known. Means of few buyers or of very uneven ones are tested by permutation instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.errors import UsageError
from workbench.experiments.analysis.uneven_ratios import with_uneven
from workbench.experiments.definition import Guardrail
from workbench.experiments.inference.comparing import compare_means, compare_proportions, compare_ratios
from workbench.experiments.inference.comparison import Comparison
from workbench.experiments.inference.noninferiority import Guarded, guard, guard_by, widened
from workbench.experiments.inference.permutation import METHOD as PERMUTED
from workbench.experiments.inference.permutation import permutation_test
from workbench.experiments.inference.permutation_ratio import METHOD as PERMUTED_RATIO
from workbench.experiments.inference.ranks import Ranked, compare_ranks
from workbench.experiments.inference.ratios import linearised
from workbench.experiments.inference.relative import NO_CONTROL, UNBOUNDED
from workbench.experiments.inference.shuffling import MOST_BUYERS, shuffles_for
from workbench.experiments.inference.skewness import (
    FEW_BUYERS,
    needs_permutation,
    shares_alike_normal,
    skewness_between,
)
from workbench.experiments.inference.sums import Sums
from workbench.experiments.users.metric import UserMetric
from workbench.experiments.users.question import NEW
from workbench.experiments.users.users import Users

MOST_OF_ONE = 0.5  # of the spread of all users
_TOO_RARE = "not adjusted for the time before: too few users converted, or did not, for groups of these sizes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A metric of one variant: the comparison and, of plain means, the check by ranks."""

    metric: UserMetric
    comparison: Comparison
    ranked: Ranked | None = None


def judged(
    metric: UserMetric, sums: Sums, users: Users, *, level: float = 0.95, seed: int = 0
) -> tuple[Judged, ...]:
    """Return every variant against the control on one metric.

    Parameters
    ----------
    metric : UserMetric
        What is compared.
    sums : Sums
        Of all columns, the control first.
    users : Users
        Asked for single values where sums are not enough.
    level : float
        Of the intervals.
    seed : int
        Of permutations.
    """
    found = compared(metric, sums, level=level)
    if metric.kind == "share":
        return tuple(Judged(metric=metric, comparison=one) for one in found)
    plain = compared(_without_before(metric), sums, level=level)
    if metric.kind == "ratio":
        made = with_uneven(metric, (found, plain), sums, users, level=level, seed=seed)
        return tuple(Judged(metric=metric, comparison=one) for one in made)
    counted = users.values(metric.columns.value)
    return tuple(
        _robust(metric, (one, raw), counted, level=level, seed=seed)
        for one, raw in zip(found, plain, strict=True)
    )


def _without_before(metric: UserMetric) -> UserMetric:
    return replace(metric, columns=replace(metric.columns, before="", of_before=""))


def compared(metric: UserMetric, sums: Sums, *, level: float = 0.95) -> tuple[Comparison, ...]:
    """Return every variant against the control from sums alone, cell after cell."""
    columns = metric.columns
    covariates = (*columns.covariates, *((NEW,) if NEW in sums.columns and columns.covariates else ()))
    mine = sums.only(tuple(dict.fromkeys((*columns.all, *covariates))))
    if metric.kind == "ratio":
        pair = (columns.value, columns.of)
        found = compare_ratios(mine, pair, label=metric.label, covariates=covariates, level=level)
    elif metric.kind == "mean" or (covariates and _many(mine, columns.value)):
        found = compare_means(mine, columns.value, label=metric.label, covariates=covariates, level=level)
    else:
        found = compare_proportions(mine, columns.value, label=metric.label, level=level)
        if covariates:
            found = tuple(replace(one, notes=(*one.notes, _TOO_RARE)) for one in found)
    return found


def _many(sums: Sums, column: str) -> bool:
    """Return whether so many users converted, and did not, that their means differ about normally."""
    share, n = sums.mean(column), sums.n
    return all(shares_alike_normal(share[cell], n[cell]) for cell in np.ndindex(n.shape[:-1]))


def _robust(
    metric: UserMetric,
    both: tuple[Comparison, Comparison],
    counted: dict[str, tuple[Any, Any]],
    *,
    level: float,
    seed: int,
) -> Judged:
    """Return a comparison of means with the check by ranks, by permutation where means alone mislead."""
    found, plain = both  # with the time before and without
    values, counts = _beside(counted, found.control, found.variant)
    if min(found.n, found.n_control) < 2 or not found.difference.known:
        return Judged(metric=metric, comparison=found)
    ranked = compare_ranks(values, counts, level=level)
    bought = counts.sum(axis=0) - counts[values == 0].sum(axis=0)
    buyers = float(bought.min())
    skew = skewness_between(values, counts, (found.n_control, found.n))
    if not needs_permutation(skew, buyers=buyers, reduction=found.reduction):
        told = (*found.notes, *_one_user(values, counts))
        return Judged(metric=metric, comparison=replace(found, notes=told), ranked=ranked)
    if bought.sum() > MOST_BUYERS:
        note = (
            "a few users bring most of it, and the groups are unequal: look at the check by ranks beside it"
        )
        return Judged(metric=metric, comparison=replace(found, notes=(*found.notes, note)), ranked=ranked)
    draws = shuffles_for(bought.sum())
    permuted = permutation_test(
        values, counts, users=(found.n_control, found.n), level=level, permutations=draws, seed=seed
    )
    if not permuted.difference.known:
        return Judged(metric=metric, comparison=found, ranked=ranked)
    why = _by_permutation(buyers, adjusted=metric.columns.before != "")
    odd = UNBOUNDED if math.isinf(permuted.relative.high) or math.isinf(permuted.relative.low) else ""
    odd = permuted.relative.note or odd  # why a table has no change in percent, or no end of it
    kept = [note for note in found.notes if note not in (NO_CONTROL, UNBOUNDED)]
    made = replace(
        found,
        value=replace(plain.value, note="not adjusted"),
        value_control=replace(plain.value_control, note="not adjusted"),
        difference=permuted.difference,
        relative=replace(permuted.relative, note=odd),
        reduction=float("nan"),
        notes=tuple(dict.fromkeys(note for note in (why, odd, *kept) if note)),
    )
    return Judged(metric=metric, comparison=made, ranked=ranked)


def _by_permutation(buyers: float, *, adjusted: bool) -> str:
    """Return why users were shuffled, in words, and what that does without."""
    cause = "a few users bring most of it, and the groups are unequal"
    if buyers < FEW_BUYERS:
        cause = f"only {buyers:,.0f} users of one group brought anything"
    left = "; what users did before the test is left out of it" if adjusted else ""
    return f"{cause}, so chance was measured by shuffling the users between the groups{left}"


def _one_user(values: Any, counts: Any) -> tuple[str, ...]:
    """Return that one user decides how wide the interval is, where that is so."""
    users = counts.sum(axis=1).astype(float)
    apart = np.square(values - (values * users).sum() / users.sum())
    place = int(apart.argmax())
    if not apart[place] > MOST_OF_ONE * (apart * users).sum():
        return ()
    return (
        "one user, far from all others, makes most of the uncertainty: look at the check by ranks beside it",
    )


def _beside(counted: dict[str, tuple[Any, Any]], control: str, variant: str) -> tuple[Any, Any]:
    """Return the distinct values of two variants and how many users of each have them."""
    empty = (np.zeros(0), np.zeros(0, np.int64))
    sides = [counted.get(name, empty) for name in (control, variant)]
    both, users = (np.concatenate(some) for some in zip(*sides, strict=True))
    order = np.argsort(both, kind="stable")  # both are in order already: this only merges
    both = both[order]
    new = np.append(True, both[1:] != both[:-1])[: len(both)]
    values = both[new]
    counts = np.zeros((len(values), 2), np.int64, order="F")
    counts[np.cumsum(new) - 1, (order >= len(sides[0][0])).astype(int)] = users[order]
    return values, counts


def guarded(
    metric: UserMetric,
    sums: Sums,
    guardrails: Sequence[Guardrail],
    *,
    found: Mapping[str, Comparison],
    level: float = 0.95,
    tails: Mapping[str, float] | None = None,
) -> dict[str, Guarded]:
    """Return for each variant whether a guardrail on a metric holds.

    Shares, and means that were tested by permutation, are held against the margin by the interval of their
    relative change: with few users in the control, the mean alone says too often that all is well.

    Parameters
    ----------
    metric, sums, guardrails
        The metric, the sums of all columns, and the guardrails, one of which is on the metric.
    found : mapping of str to Comparison
        What each variant was found to do to the metric.
    level : float
        Of the intervals.
    tails : mapping of str to float, optional
        The error of each side at this look, for each variant, where the test is looked at several times.
    """
    rail = next(one for one in guardrails if one.metric == metric.name)
    if metric.better == "neither":
        raise UsageError(
            f"{metric.name} cannot be a guardrail: neither more nor less of it is worse. Say which is."
        )
    mine = sums.only(metric.columns.all)
    if metric.kind == "ratio":
        mine = linearised(mine, [(metric.columns.value, metric.columns.of)])
    else:
        mine = mine.only([metric.columns.value])
    asked: Any = {
        "margin": rail.margin,
        "better": "lower" if metric.better == "lower" else "higher",
        "metric": metric.label.heading,
    }
    by_interval = {name for name, one in found.items() if one.method in (PERMUTED, PERMUTED_RATIO)}
    made = {}
    for variant in sums.variants[1:]:
        tail = (tails or {}).get(variant, math.nan)
        if metric.kind == "share" or variant in by_interval:
            one = guard_by(found[variant].relative, variant=variant, level=level, **asked)
            change = one.change if math.isnan(tail) else widened(one.change, level=level, tail=tail)
            made[variant] = replace(one, change=change, tail=tail)
        else:
            at = level if math.isnan(tail) else 1 - 2 * tail
            one = guard(mine.pair(variant), mine.columns[0], level=at, **asked)
            made[variant] = replace(one, level=level, tail=tail)
    return made
