"""The users: who they are, when they came, how often they buy, and when they are lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.media import Media
from workbench.events.simulation.seasons import (
    DAY,
    Season,
    end_instant,
    first_instant,
    hour_within_day,
    stream,
    yearly,
)
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

REGIONS = ("north", "south", "east", "west")
PLATFORMS = ("iOS", "Android", "Web")
UNPAID = ("organic", "direct", "referral")
_UNPAID_SHARES = (0.5, 0.3, 0.2)
_PAID_SHARE = 0.68  # of new users
_OPENNESS = (0.9, 1.7)  # of the Beta around a segment's openness
_EARLY_DAYS = 420
_RATE_SHAPE = 0.9  # of the Gamma around a segment's order rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """One entry per user, in the order of signing up.

    Parameters
    ----------
    signup, lost_at : array of int64
        Instants; a lost user orders no more of its own accord.
    segment : array
        Place in the specification's segments.
    rate : array
        Orders a year, of its own accord.
    openness : array
        Multiple of the rate at which messages are opened.
    channel : array
        Place in the paid channels; behind them the unpaid ones.
    """

    signup: NDArray[np.int64]
    lost_at: NDArray[np.int64]
    segment: NDArray[np.int64]
    rate: NDArray[np.float64]
    openness: NDArray[np.float64]
    region: NDArray[np.int64]
    platform: NDArray[np.int64]
    birth_year: NDArray[np.int64]
    channel: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.signup)

    def known(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many users have signed up at each instant: they are the first so many."""
        return np.searchsorted(self.signup, at, side="right")


def _signups(spec: MarketSpec, curve: Season, rng: np.random.Generator) -> NDArray[np.int64]:
    early = round(spec.users * spec.early)
    start = first_instant(spec)
    before = start - (np.sqrt(rng.random(early)) * _EARLY_DAYS * DAY).astype(np.int64) - 1
    weight = yearly(spec, 1.2) * np.linspace(0.8, 1.2, spec.days)
    days = rng.choice(spec.days, spec.users - early, p=weight / weight.sum())
    return np.sort(np.concatenate([before, hour_within_day(curve, days, rng)]))


def _channels(
    spec: MarketSpec, media: Media, signup: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    paid, users = len(spec.channels), len(signup)
    new = np.array([c.new_share for c in spec.channels])[:, None] * media.expected + 1e-9
    shares = np.cumsum(new / new.sum(axis=0), axis=0)
    day = np.clip((signup - first_instant(spec)) // DAY, 0, spec.days - 1)
    of_paid = np.minimum((rng.random(users)[None, :] > shares[:, day]).sum(axis=0), paid - 1)
    of_unpaid = paid + rng.choice(len(UNPAID), users, p=_UNPAID_SHARES)
    return np.where(rng.random(users) < _PAID_SHARE, of_paid, of_unpaid)


def populate(spec: MarketSpec, media: Media, curve: Season) -> Population:
    """Return the users of the market."""
    rng = stream(spec, "population")
    signup = _signups(spec, curve, rng)
    segment = rng.choice(len(spec.segments), spec.users, p=[s.share for s in spec.segments])
    orders = np.array([s.orders_per_year for s in spec.segments])[segment]
    lifetime = np.array([s.lifetime_days for s in spec.segments])[segment]
    openness = np.array([s.openness for s in spec.segments])[segment]
    lost = signup + (rng.exponential(lifetime) * DAY).astype(np.int64)
    return Population(
        signup=signup,
        lost_at=np.minimum(lost, end_instant(spec) + 10_000 * DAY),
        segment=segment,
        rate=orders * rng.gamma(_RATE_SHAPE, 1 / _RATE_SHAPE, spec.users),
        openness=openness * rng.beta(*_OPENNESS, spec.users) * sum(_OPENNESS) / _OPENNESS[0],
        region=rng.choice(len(REGIONS), spec.users, p=(0.32, 0.28, 0.18, 0.22)),
        platform=rng.choice(len(PLATFORMS), spec.users, p=(0.38, 0.42, 0.20)),
        birth_year=rng.integers(spec.start.year - 70, spec.start.year - 19, spec.users),
        channel=_channels(spec, media, signup, rng),
    )


def segment_names(spec: MarketSpec) -> tuple[str, ...]:
    """Return every state a user can be in: the kinds of shoppers, then the two passing states."""
    return (*(s.name for s in spec.segments), "NEW_SHOPPER", "INACTIVE")


def segment_at(
    spec: MarketSpec, people: Population, user: NDArray[np.int64], at: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return each user's segment at an instant: new for 30 days, inactive 30 days after it was lost."""
    kinds = len(spec.segments)
    state = people.segment[user]
    state = np.where(at > people.lost_at[user] + 30 * DAY, kinds + 1, state)
    return np.where(at < people.signup[user] + 30 * DAY, kinds, state)
