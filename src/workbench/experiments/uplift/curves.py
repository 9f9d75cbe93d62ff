"""How well scores tell who is moved by a campaign: uplift and Qini curves, the areas under them, deciles.

Words: *treated* were sent the campaign, the *held* were kept out; the *uplift* of a group is its share of
responders among the treated less that among the held. People are taken from the highest score down.

The *uplift curve* is, at each number of people, their uplift times their number. The *Qini curve* is the
responders among the treated less those among the held, scaled to as many treated. Both areas are counted
above the straight line of random targeting, as a share of what perfect knowledge of everyone's response and
side would reach: 0 is chance, 1 cannot be passed. People with equal scores enter together.

References
----------
Radcliffe (2007), Using control groups to target on predicted lift, Direct Marketing Analytics Journal.
Gutierrez and Gérardy (2017), Causal inference and uplift modelling, PMLR 67 (uplift curve).
The normalisation is that of scikit-uplift 0.5.1 (``uplift_auc_score``, ``qini_auc_score``, ``uplift_at_k``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from workbench.errors import BadInput, NotEnoughData
from workbench.experiments.inference.estimate import Estimate

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Kind = Literal["uplift", "qini"]
TOP = 0.3
CHANCES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """Who responded, who was treated, how much each person counts, and who they are.

    Parameters
    ----------
    response, treated : ndarray of 0 and 1, shape (people,)
        Whether the person responded, and was treated.
    weight : ndarray
        How many people one entry speaks for.
    cluster : ndarray of int
        Entries of one user are resampled together.
    """

    response: Floats
    treated: Floats
    weight: Floats
    cluster: Integers

    @property
    def uplift(self) -> float:
        """Return the uplift of everybody."""
        return _rate(self, self.treated) - _rate(self, 1 - self.treated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A curve over the share of people, highest scores first.

    Parameters
    ----------
    share : ndarray
        From 0 to 1.
    gain : ndarray
        Additional responders per person of the whole, at each share.
    """

    share: Floats
    gain: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Decile:
    """A tenth of the people by score: 1 holds the highest."""

    decile: int
    people: int
    treated: int
    held: int
    predicted: float
    treated_rate: float | None
    held_rate: float | None
    uplift: float | None
    low: float | None
    high: float | None


def responses(
    response: ArrayLike,
    treated: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
) -> Responses:
    """Return responses, checked.

    Raises
    ------
    BadInput
        If a response or a side is neither 0 nor 1.
    NotEnoughData
        If one side has nobody, or nobody or everybody responded.
    """
    y, t = np.asarray(response, float), np.asarray(treated, float)
    for name, column in (("response", y), ("treated", t)):
        if not np.isin(column, (0.0, 1.0)).all():
            raise BadInput(f"a {name} that is neither 0 nor 1", column=name, expected="0 or 1")
    if not 0 < t.sum() < len(t):
        raise NotEnoughData("Not enough data: uplift needs treated people and people who were held out.")
    if not 0 < y.sum() < len(y):
        raise NotEnoughData("Not enough data: uplift needs people who responded and people who did not.")
    w = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    who = np.arange(len(y)) if cluster is None else np.unique(np.asarray(cluster), return_inverse=True)[1]
    return Responses(response=y, treated=t, weight=w, cluster=np.asarray(who, np.int64))


def curve(people: Responses, score: ArrayLike, kind: Kind = "qini") -> Curve:
    """Return the uplift or the Qini curve of scores.

    Examples
    --------
    >>> people = responses([1, 0, 0, 1], [1, 0, 1, 0])
    >>> curve(people, [4, 3, 2, 1]).gain.tolist()
    [0.0, 0.25, 0.25, 0.25, 0.0]
    """
    order, ends = _order(np.asarray(score, float))
    share, gain = _points(people, people.weight, order, ends, kind)
    return Curve(share=share / share[-1], gain=gain / share[-1])


def area(people: Responses, score: ArrayLike, kind: Kind = "qini") -> float:
    """Return the area between a curve and chance, as a share of the largest possible."""
    return _Areas(people, np.asarray(score, float), kind).of(people.weight)


def area_interval(
    people: Responses,
    score: ArrayLike,
    kind: Kind = "qini",
    *,
    level: float = 0.95,
    resamples: int = 300,
    seed: int = 0,
) -> Estimate:
    """Return the area with the interval and p of a bootstrap of users.

    The scores are kept: this is the uncertainty of how good these scores are, not of fitting other ones. The
    bootstrap gives the standard error; interval and p take the area as normal, and belong together.
    """
    areas = _Areas(people, np.asarray(score, float), kind)
    rng = np.random.default_rng(seed)
    drawn = np.array([areas.of(_resampled(people, rng)) for _ in range(resamples)])
    return _normal(areas.of(people.weight), float(drawn.std(ddof=1)), level, "bootstrap of users")


def chance(
    people: Responses, kind: Kind = "qini", *, level: float = 0.95, times: int = CHANCES, seed: int = 0
) -> tuple[float, float]:
    """Return between which ends the area lies when people are scored at random."""
    rng = np.random.default_rng(seed)
    found = [area(people, rng.random(len(people.response)), kind) for _ in range(times)]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def uplift_at(
    people: Responses, score: ArrayLike, top: float = TOP, *, level: float = 0.95, overall: bool = True
) -> Estimate:
    """Return the uplift of the people with the highest scores.

    Parameters
    ----------
    people : Responses
        What happened.
    score : array_like, shape (people,)
        Of equal scores, whoever stands later comes first.
    top : float
        Their share.
    level : float
        Of the interval, which takes the two shares as normal.
    overall : bool
        Whether the share is taken of all people, or of each side by itself.
    """
    order = np.argsort(np.asarray(score, float), kind="mergesort")[::-1]
    t = people.treated[order]
    if overall:
        chosen = order[: int(len(order) * top)]
    else:
        sides = [order[t == side] for side in (1, 0)]
        chosen = np.concatenate([side[: int(len(side) * top)] for side in sides])
    return _difference(people, chosen, level)


def deciles(
    people: Responses, score: ArrayLike, *, level: float = 0.95, groups: int = 10
) -> tuple[Decile, ...]:
    """Return the uplift that was seen in each tenth of the people, by score, beside the one predicted."""
    predicted = np.asarray(score, float)
    order = np.argsort(predicted, kind="mergesort")[::-1]
    found = []
    for place, rows in enumerate(np.array_split(order, groups)):
        part = _part(people, rows)
        seen = _difference(people, rows, level)
        held = int((part.treated == 0).sum())
        rates = [_rate(part, side) if side.any() else None for side in (part.treated, 1 - part.treated)]
        known = seen.known
        found.append(
            Decile(
                decile=place + 1,
                people=len(rows),
                treated=len(rows) - held,
                held=held,
                predicted=float(predicted[rows].mean()) if len(rows) else 0.0,
                treated_rate=rates[0],
                held_rate=rates[1],
                uplift=seen.value if known else None,
                low=seen.low if known else None,
                high=seen.high if known else None,
            )
        )
    return tuple(found)


class _Areas:
    """Areas of one score under many weights: the order is found once."""

    def __init__(self, people: Responses, score: Floats, kind: Kind) -> None:
        self.people, self.kind = people, kind
        self.order, self.ends = _order(score)
        self.best, self.best_ends = _order(_perfect(people, kind))

    def of(self, weight: Floats) -> float:
        """Return the area with other weights."""
        x, y = _points(self.people, weight, self.order, self.ends, self.kind)
        u, v = _points(self.people, weight, self.best, self.best_ends, self.kind)
        line = x[-1] * v[-1] / 2
        most = float(np.trapezoid(v, u)) - line
        return (float(np.trapezoid(y, x)) - line) / most if most else np.nan


def _perfect(people: Responses, kind: Kind) -> Floats:
    """Return the scores of somebody who knows the response and the side of each person."""
    y, t = people.response, people.treated
    if kind == "qini":
        return y * t - y * (1 - t)
    more = ((y == 1) & (t == 0)).sum() > ((y == 0) & (t == 1)).sum()
    best: Floats = 2.0 * (y == t) + (y if more else t)
    return best


def _order(score: Floats) -> tuple[Integers, Integers]:
    """Return people from the highest score down, and the last place of each distinct score."""
    order = np.argsort(score, kind="mergesort")[::-1]
    ends = np.flatnonzero(np.diff(score[order]))
    return order, np.append(ends, len(order) - 1)


def _points(
    people: Responses, weight: Floats, order: Integers, ends: Integers, kind: Kind
) -> tuple[Floats, Floats]:
    w, t, y = weight[order], people.treated[order], people.response[order]
    everybody = np.cumsum(w)[ends]
    treated, hits = np.cumsum(w * t)[ends], np.cumsum(w * t * y)[ends]
    held, others = everybody - treated, np.cumsum(w * (1 - t) * y)[ends]
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "qini":
            gain = hits - np.where(held > 0, others * treated / held, 0.0)
        else:
            rates = np.where(treated > 0, hits / treated, 0.0) - np.where(held > 0, others / held, 0.0)
            gain = rates * everybody
    return np.append(0.0, everybody), np.append(0.0, gain)


def _resampled(people: Responses, rng: np.random.Generator) -> Floats:
    users = int(people.cluster.max()) + 1
    times = np.bincount(rng.integers(0, users, users), minlength=users)
    drawn: Floats = people.weight * times[people.cluster]
    return drawn


def _part(people: Responses, rows: Integers) -> Responses:
    return Responses(
        response=people.response[rows],
        treated=people.treated[rows],
        weight=people.weight[rows],
        cluster=people.cluster[rows],
    )


def _rate(people: Responses, side: Floats) -> float:
    return float((people.weight * side * people.response).sum() / (people.weight * side).sum())


def _difference(people: Responses, rows: Integers, level: float) -> Estimate:
    part = _part(people, rows)
    value, variance = 0.0, 0.0
    for sign, side in ((1, part.treated == 1), (-1, part.treated == 0)):
        w, y = part.weight[side], part.response[side]
        if len(w) < 2:
            return _normal(np.nan, np.nan, level, "")
        rate = float((w * y).sum() / w.sum())
        value += sign * rate
        variance += float(((w / w.sum()) ** 2 * (y - rate) ** 2).sum()) * len(w) / (len(w) - 1)
    return _normal(value, float(np.sqrt(variance)), level, "difference of shares")


def _normal(value: float, error: float, level: float, method: str) -> Estimate:
    half = float(ndtri(0.5 + level / 2)) * error
    p = float(2 * ndtr(-abs(value) / error)) if error > 0 else np.nan
    return Estimate(value=value, low=value - half, high=value + half, p=p, error=error, method=method)
