"""What campaigns caused: buyers, revenue, what is left of it after their cost, and how sure that is.

Of buyers, one campaign is judged by the score test of two shares, several by a normal test whose variance is
taken over users; with few expected buyers, and for skewed revenue, by reassigning the holdout. Every interval
belongs to the p beside it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, TypedDict

import numpy as np

from workbench.errors import UsageError
from workbench.experiments.holdout.contrast import (
    Contrast,
    Student,
    by_normal,
    by_permutation,
    estimate_of,
    ratio_of,
    share_of,
)
from workbench.experiments.holdout.figures import Effect, bare
from workbench.experiments.holdout.pairs import Floats, Pairs
from workbench.experiments.holdout.permutation import Strata
from workbench.experiments.inference.estimate import Estimate, unknown
from workbench.experiments.inference.multiplicity import adjusted
from workbench.experiments.inference.skewness import MOST_SKEW, needs_permutation
from workbench.metrics.derived.holdout import DAYS
from workbench.metrics.two_proportions import compared_p, difference_interval, few_expected, ratio_interval

Method = Literal["auto", "t", "permutation"]
FEWEST_BUYERS = 10
MIN_EXPECTED = 5
_ALIKE = 0.1  # correlation of being held out of one campaign and another


class _Buyers(TypedDict):
    lift: Estimate
    relative: Estimate
    incrementality: Estimate


class _Revenue(TypedDict):
    revenue: Estimate
    relative_revenue: Estimate
    net: Estimate
    iroas: Estimate


def effect_of(
    pairs: Pairs, *, name: str = "", level: float = 0.95, method: Method = "auto", seed: int = 0
) -> Effect:
    """Return what campaigns caused, each against its own holdout.

    Parameters
    ----------
    pairs : Pairs
        Of one campaign or several; those that held out too few to be compared are left out and counted.
    name : str
        What they are called.
    level : float
        Of all intervals.
    method : {"auto", "t", "permutation"}
        How revenue is judged: ``auto`` reassigns the holdout where a side has fewer than 200 buyers or the
        difference is skewed by more than 0.053.
    seed : int
        Of the permutation.

    Raises
    ------
    UsageError
        If level or method cannot be.
    """
    if not 0 < level < 1 or method not in {"auto", "t", "permutation"}:
        raise UsageError(
            f"A level between 0 and 1, and auto, t or permutation, not {level:g} and {method!r}."
        )
    every, pairs = len(pairs.campaigns), pairs.comparable()
    treated, held = int((~pairs.held).sum()), int(pairs.held.sum())
    if not treated or not held:
        return _nothing(name, pairs, "nobody was treated" if held else "no campaign held out enough users")
    buys = pairs.buys
    buyers, revenue = (Strata.of(pairs, values) for values in (buys, pairs.revenue))
    cost = pairs.spent
    left = f"{every - len(pairs.campaigns)} of {every} campaigns held out too few users to be compared"
    unpaid = int(np.isnan(pairs.cost).sum()) if not math.isnan(cost) else 0
    free = f"{unpaid} of {len(pairs.campaigns)} campaigns have no spend on record and count as free"
    notes = [note for note, said in ((left, every > len(pairs.campaigns)), (free, unpaid)) if said]
    return Effect(
        name=name,
        campaigns=len(pairs.campaigns),
        treated=treated,
        held=held,
        treated_buyers=buyers.totals[0],
        held_buyers=float(buyers.held_sum.sum()),
        treated_revenue=revenue.totals[0],
        held_revenue=float(revenue.held_sum.sum()),
        expected_buyers=buyers.totals[1],
        expected_revenue=revenue.totals[1],
        cost=cost,
        **_of_buyers(pairs, buys, level=level, seed=seed),
        **_of_revenue(pairs, cost, level=level, method=method, seed=seed),
        note="; ".join(notes),
        unfollowed=float((pairs.followed[~pairs.held] < DAYS).mean()),
    )


def _of_buyers(pairs: Pairs, buys: Floats, *, level: float, seed: int) -> _Buyers:
    n, total = int((~pairs.held).sum()), buys.sum()
    if not total or (total < FEWEST_BUYERS and len(pairs.campaigns) > 1):
        treated, expected = Strata.of(pairs, buys).totals
        return {
            "lift": bare((treated - expected) / n, _few(total)),
            "relative": bare(treated / expected - 1 if expected else math.nan, _few(total)),
            "incrementality": bare(1 - expected / treated if treated else math.nan, _few(total)),
        }
    if len(pairs.campaigns) == 1:
        return _by_score(pairs, buys, level)
    if enough_buyers(pairs, buys):
        found = by_normal(pairs, buys, level=level)
    else:
        found = by_permutation(pairs, buys, level=level, seed=seed)
    relative = ratio_of(found)
    return {
        "lift": estimate_of(found).scaled(1 / n),
        "relative": relative,
        "incrementality": share_of(relative),
    }


def _by_score(pairs: Pairs, buys: Floats, level: float) -> _Buyers:
    """Return the figures of one campaign as the dictionary has them: the score test and its inversions."""
    (x, y), (n, m) = ((float(v[~pairs.held].sum()), float(v[pairs.held].sum())) for v in (buys, buys * 0 + 1))
    exact = bool(few_expected(x, n, y, m))
    name, p = "Fisher's exact test" if exact else "score test", float(compared_p(x, n, y, m))
    low, high = (float(end) for end in difference_interval(x, n, y, m, level=level))
    lift = Estimate(value=x / n - y / m, low=low, high=high, p=p, method=name)
    least, most = (float(end) for end in ratio_interval(y, m, x, n, level=level)) if x else (np.nan, np.nan)
    anyway = y / m / (x / n) if x else np.nan
    share = Estimate(value=1 - anyway, low=1 - most, high=1 - least, p=p, method=name)
    if not y or not x:
        return {"lift": lift, "relative": unknown("one side bought nothing"), "incrementality": share}
    relative = Estimate(
        value=1 / anyway - 1,
        low=1 / most - 1,
        high=1 / least - 1 if least > 0 else np.inf,
        p=p,
        method=name,
    )
    return {"lift": lift, "relative": relative, "incrementality": share}


def _of_revenue(pairs: Pairs, cost: float, *, level: float, method: Method, seed: int) -> _Revenue:
    unpaid = unknown("no spend is loaded") if math.isnan(cost) else unknown("nothing was spent")
    total = float((pairs.revenue != 0).sum())
    if total < FEWEST_BUYERS:
        treated, expected = Strata.of(pairs, pairs.revenue).totals
        gain, why = treated - expected, _few(total)
        return {
            "revenue": bare(gain, why),
            "relative_revenue": bare(gain / expected if expected > 0 else math.nan, why),
            "net": unpaid if math.isnan(cost) else bare(gain - cost, why),
            "iroas": bare(gain / cost, why) if cost > 0 else unpaid,
        }
    found = _contrast(pairs, level=level, method=method, seed=seed)
    rough = _rough(pairs, found) if method == "auto" else ""
    caused = estimate_of(found, note=rough)
    return {
        "revenue": caused,
        "relative_revenue": ratio_of(found, note=rough),
        "net": unpaid if math.isnan(cost) else estimate_of(found, less=cost, note=rough),
        "iroas": caused.scaled(1 / cost) if cost > 0 else unpaid,
    }


def reassigns(pairs: Pairs) -> bool:
    """Return whether revenue is judged by reassigning the holdout: with few buyers, or a skewed difference.

    Where users are held out of several campaigns alike, a holdout cannot be drawn again campaign by campaign.
    """
    bought = pairs.revenue != 0
    fewest = min((bought & pairs.held).sum(), (bought & ~pairs.held).sum())
    skewed = needs_permutation(Strata.of(pairs, pairs.revenue).skewness, buyers=fewest)
    return bool(skewed and not _alike(pairs))


def _contrast(pairs: Pairs, *, level: float, method: Method, seed: int) -> Contrast:
    if method == "permutation" or (method == "auto" and reassigns(pairs)):
        return by_permutation(pairs, pairs.revenue, level=level, seed=seed)
    return by_normal(pairs, pairs.revenue, level=level)


def _rough(pairs: Pairs, found: Contrast) -> str:
    skewed = abs(Strata.of(pairs, pairs.revenue).skewness) > MOST_SKEW
    if skewed and isinstance(found.surprise, Student):
        return "users are held out of several campaigns alike, and revenue is skewed: the interval is rough"
    return ""


def _alike(pairs: Pairs) -> bool:
    """Return whether users are held out of several campaigns at once, instead of each by its own lot."""
    n = np.bincount(pairs.campaign, minlength=len(pairs.campaigns))
    share = np.bincount(pairs.campaign, pairs.held, minlength=len(n)) / np.maximum(n, 1)
    apart = pairs.held - share[pairs.campaign]
    spread = np.sqrt(share * (1 - share))[pairs.campaign]
    user = np.unique(pairs.user, return_inverse=True)[1]
    together, most = (np.bincount(user, column) ** 2 for column in (apart, spread))
    cross, possible = together.sum() - (apart**2).sum(), most.sum() - (spread**2).sum()
    return bool(possible > 0 and cross > _ALIKE * possible)


def enough_buyers(pairs: Pairs, buys: Floats) -> bool:
    """Return whether five buyers, and five others, are to be expected on each side without an effect."""
    strata = Strata.of(pairs, buys)
    buyers, people = strata.treated_sum + strata.held_sum, strata.treated + strata.held
    held = (strata.held * buyers / people).sum()
    all_held, everybody = strata.held.sum(), people.sum()
    sides = (held, all_held - held, buyers.sum() - held, everybody - all_held - buyers.sum() + held)
    return bool(min(sides) >= MIN_EXPECTED)


def _few(buyers: float) -> str:
    if not buyers:
        return "nobody bought"
    return f"only {buyers:.0f} bought: how sure the figure is can be said from {FEWEST_BUYERS}"


def _nothing(name: str, pairs: Pairs, why: str) -> Effect:
    none = unknown(why)
    return Effect(
        name=name,
        campaigns=len(pairs.campaigns),
        treated=int((~pairs.held).sum()),
        held=int(pairs.held.sum()),
        treated_buyers=float(pairs.buys[~pairs.held].sum()),
        held_buyers=float(pairs.buys[pairs.held].sum()),
        treated_revenue=float(pairs.revenue[~pairs.held].sum()),
        held_revenue=float(pairs.revenue[pairs.held].sum()),
        expected_buyers=math.nan,
        expected_revenue=math.nan,
        cost=pairs.spent,
        lift=none,
        relative=none,
        incrementality=none,
        revenue=none,
        relative_revenue=none,
        net=none,
        iroas=none,
        note=why,
    )


def beside(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """Return effects that stand beside each other, with p adjusted for their number by Holm's method.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    if not effects:
        return ()
    lift, net = (
        adjusted([found.p for found in column]) for column in zip(*map(_judged, effects), strict=True)
    )
    return tuple(
        replace(effect, p_adjusted=float(p), net_p_adjusted=float(q))
        for effect, p, q in zip(effects, lift, net, strict=True)
    )


def _judged(effect: Effect) -> tuple[Estimate, Estimate]:
    return effect.lift, effect.worth
