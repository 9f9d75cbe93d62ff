"""Orders that users place of their own accord, and what experiments on the shop change about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.population import Population
from workbench.events.simulation.seasons import (
    DAY,
    WEEKDAYS,
    WEEKDAYS_OF_WEEKEND_SHOPPERS,
    Season,
    end_instant,
    first_instant,
    season,
    stream,
)
from workbench.events.simulation.spec import ExperimentTruth, MarketSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """Orders from one cause.

    Parameters
    ----------
    user, at : array
        Who and when.
    cause : str
        ``"own"``, ``"paid"``, ``"owned"``, or ``"holdout"`` (of users kept
        out of a campaign, who buy without it: nobody credits such an order).
    channel : array
        The paid channel that truly caused the order; -1 where none did.
    creative, clicked_at, visit : array
        The last click before it and its visit; -1 where there was none.
    incremental : array of bool
        Whether it would not have happened without the advertising.
    """

    user: NDArray[np.int64]
    at: NDArray[np.int64]
    cause: str
    channel: NDArray[np.int64]
    creative: NDArray[np.int64]
    clicked_at: NDArray[np.int64]
    visit: NDArray[np.int64]
    incremental: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One experiment as it ran: who was in which variant from when, and what was to be expected.

    Parameters
    ----------
    expected_orders, expected_buyers : tuple of float
        Per variant: expected orders per user while it ran, and the expected share of users with one or more,
        of their own accord, had every user of the experiment been in it.
    """

    truth: ExperimentTruth
    user: NDArray[np.int64]
    variant: NDArray[np.int64]
    assigned_at: NDArray[np.int64]
    ends_at: int
    expected_orders: tuple[float, ...] = field(default=())
    expected_buyers: tuple[float, ...] = field(default=())


def own_curves(spec: MarketSpec) -> list[Season]:
    """Return when each kind of shopper orders of its own accord."""
    shapes = {
        "WEEKEND_SHOPPER": season(spec, weekdays=WEEKDAYS_OF_WEEKEND_SHOPPERS),
        "SEASONAL_SPENDER": season(spec, weekdays=WEEKDAYS, strength=5.0),
    }
    plain = season(spec)
    return [shapes.get(segment.name, plain) for segment in spec.segments]


def _expected(
    spec: MarketSpec, people: Population, since: NDArray[np.int64], until: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    low, high = np.zeros(len(people)), np.zeros(len(people))
    for place, curve in enumerate(own_curves(spec)):
        mine = people.segment == place
        low[mine], high[mine] = curve.spent(since[mine]), curve.spent(until[mine])
    high = np.maximum(high, low)
    return low, high, people.rate / YEAR_DAYS * (high - low)


def run_trials(spec: MarketSpec, people: Population) -> list[Trial]:
    """Return the experiments: assignments at random, and the orders to be expected of each variant."""
    trials = []
    for truth in spec.experiments:
        rng = stream(spec, f"experiment {truth.name}")
        first, last = spec.experiment_days(truth)
        begins = first_instant(spec) + (first - spec.start).days * DAY
        ends = first_instant(spec) + ((last - spec.start).days + 1) * DAY
        known = int(people.known(np.array([begins]))[0])
        user = np.flatnonzero(rng.random(known) < truth.enrolled)
        variant = rng.choice(len(truth.variants), len(user), p=truth.split)
        assigned = begins + (rng.random(len(user)) * DAY).astype(np.int64)
        since, until = np.full(len(people), ends), np.full(len(people), ends)
        since[user] = assigned
        mean = _expected(spec, people, since, np.minimum(until, people.lost_at))[2][user]
        trials.append(
            Trial(
                truth=truth,
                user=user,
                variant=variant,
                assigned_at=assigned,
                ends_at=ends,
                expected_orders=tuple(float(mean.mean() * (1 + e)) for e in truth.effects),
                expected_buyers=tuple(float((1 - np.exp(-mean * (1 + e))).mean()) for e in truth.effects),
            )
        )
    return trials


def _kept(trial: Trial, users: int, user: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how likely each order of the highest rate is kept: rates are thinned from above."""
    highest = 1 + max(*trial.truth.effects, 0.0)
    multiple, since = np.ones(users), np.full(users, trial.ends_at)
    multiple[trial.user] = 1 + np.array(trial.truth.effects)[trial.variant]
    since[trial.user] = trial.assigned_at
    during = (at >= since[user]) & (at < trial.ends_at)
    return np.where(during, multiple[user], 1.0) / highest


def buy(
    spec: MarketSpec, people: Population, trials: list[Trial]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return who orders and when of their own accord: a Poisson process until the user is lost."""
    rng = stream(spec, "purchases")
    begin = np.maximum(people.signup, first_instant(spec))
    until = np.minimum(people.lost_at, end_instant(spec))
    low, high, mean = _expected(spec, people, begin, until)
    for trial in trials:
        mean = mean * (1 + max(*trial.truth.effects, 0.0))
    count = rng.poisson(mean)
    user = np.repeat(np.arange(len(people)), count)
    total = low[user] + rng.random(len(user)) * (high - low)[user]
    at = np.empty(len(user), dtype=np.int64)
    for place, curve in enumerate(own_curves(spec)):
        mine = people.segment[user] == place
        at[mine] = curve.when(total[mine])
    keep = np.ones(len(user))
    for trial in trials:
        keep = keep * _kept(trial, len(people), user, at)
    taken = rng.random(len(user)) < keep
    taken &= (at > people.signup[user]) & (at < end_instant(spec))
    return user[taken], at[taken]
