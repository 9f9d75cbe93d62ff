"""Pairs of user and campaign: on which side each stands, what it bought, and what it was before.

Words: a *pair* is a user whom a campaign reached or kept out; it is *held* where any delivery says so. Its
*outcome* is what the user bought in the 30 days after the first delivery, from whatever cause; *before* is
the same for the 30 days that end with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.metrics.derived.holdout import FEWEST
from workbench.metrics.window import Window

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A text of each pair, as places in a list of names; -1 where it is unknown."""

    names: tuple[str, ...]
    codes: Integers

    def taken(self, rows: Flags | Integers) -> Coded:
        """Return the codes of some pairs."""
        return Coded(names=self.names, codes=self.codes[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of the campaigns that kept a holdout, one entry per pair in each array.

    Parameters
    ----------
    campaigns : tuple of str
        Ids of the campaigns, in order.
    campaign : ndarray of int
        The place of the pair's campaign.
    user : ndarray of int
        Who; one user may stand in several campaigns.
    held : ndarray of bool
        Whether the user was kept out.
    slice : Coded
        The value of the dimension that was asked for; one pair may stand in several.
    traits : dict of Coded
        Segment, region and platform, as the first delivery's neighbours in the alphabet tell them.
    orders, revenue : ndarray
        The outcome: orders, and what they were worth.
    weekly : ndarray, shape (pairs, 4)
        Orders in each of the first four weeks.
    before_orders, before_revenue : ndarray
        The same before the first delivery.
    followed : ndarray
        Days from the first delivery to the end of the window; the outcome is complete from 30.
    known : ndarray
        Days from the user's first event on record to the first delivery.
    deliveries, views, clicks : ndarray
        Messages of the campaign that reached the user, and were seen and clicked.
    cost : ndarray, shape (campaigns,)
        Spend in the window; NaN where none is on record, which is not the same as none.
    window : Window
        The days that were read.
    currency : str or None
        Of all money.
    """

    campaigns: tuple[str, ...]
    campaign: Integers
    user: Integers
    held: Flags
    slice: Coded
    traits: dict[str, Coded]
    orders: Floats
    revenue: Floats
    weekly: Floats
    before_orders: Floats
    before_revenue: Floats
    followed: Floats
    known: Floats
    deliveries: Floats
    views: Floats
    clicks: Floats
    cost: Floats
    window: Window
    currency: str | None = None

    def __len__(self) -> int:
        return len(self.held)

    @property
    def buys(self) -> Floats:
        """Return 1 for each pair that bought, else 0."""
        return (self.orders > 0).astype(float)

    @property
    def spent(self) -> float:
        """Return what all campaigns cost, as far as that is on record; NaN where of none it is."""
        known = np.isfinite(self.cost)
        return float(self.cost[known].sum()) if known.any() else float("nan")

    def taken(self, rows: Flags | Integers) -> Pairs:
        """Return some of the pairs, by a flag each or by their places; the campaigns stay."""
        changed: dict[str, Any] = {
            name: value[rows] if isinstance(value, np.ndarray) else value.taken(rows)
            for name in _PER_PAIR
            for value in [getattr(self, name)]
        }
        traits = {name: trait.taken(rows) for name, trait in self.traits.items()}
        return replace(self, **changed, traits=traits)

    def of(self, campaign: str) -> Pairs:
        """Return the pairs of one campaign."""
        place = self.campaigns.index(campaign)
        alone = self.taken(self.campaign == place)
        return replace(
            alone,
            campaigns=(campaign,),
            campaign=np.zeros(len(alone), np.int64),
            cost=self.cost[place : place + 1],
        )

    def comparable(self) -> Pairs:
        """Return the pairs of campaigns that held out enough; of one campaign with a holdout, all."""
        held = np.bincount(self.campaign[self.held], minlength=len(self.campaigns))
        enough = held >= (FEWEST if (held > 0).sum() > 1 else 1)
        kept = self.taken(enough[self.campaign])
        place = np.cumsum(enough) - 1
        names = tuple(name for name, good in zip(self.campaigns, enough, strict=True) if good)
        return replace(kept, campaigns=names, campaign=place[kept.campaign], cost=self.cost[enough])


_PER_PAIR = tuple(
    field.name
    for field in fields(Pairs)
    if field.name not in {"campaigns", "traits", "cost", "window", "currency"}
)


def pairs_of(
    *, held: Sequence[bool] | Flags, revenue: Sequence[float] | Floats, window: Window, cost: float = 0.0
) -> Pairs:
    """Return pairs of one campaign from plain columns, e.g. of an experiment that was run elsewhere.

    Parameters
    ----------
    held : sequence of bool
        Whether each user was kept out.
    revenue : sequence of float
        What each user bought; who bought for nothing is no buyer.
    window : Window
        The days they are of.
    cost : float
        What the campaign cost.
    """
    sides, worth = np.asarray(held, bool), np.asarray(revenue, float)
    zeros = np.zeros(len(sides))
    nowhere = Coded(names=(), codes=np.full(len(sides), -1))
    return Pairs(
        campaigns=("campaign",),
        campaign=np.zeros(len(sides), np.int64),
        user=np.arange(len(sides)),
        held=sides,
        slice=nowhere,
        traits={},
        orders=(worth != 0).astype(float),
        revenue=worth,
        weekly=np.zeros((len(sides), 4)),
        before_orders=zeros,
        before_revenue=zeros,
        followed=np.full(len(sides), np.inf),
        known=np.full(len(sides), np.nan),
        deliveries=(~sides).astype(float),
        views=zeros,
        clicks=zeros,
        cost=np.array([cost]),
        window=window,
    )


def joined(parts: Sequence[Pairs], campaigns: Sequence[str]) -> Pairs:
    """Return the pairs of several campaigns as one; users of equal numbers are the same.

    Parameters
    ----------
    parts : sequence of Pairs
        Each of one campaign; slices and traits are left out.
    campaigns : sequence of str
        What the campaigns are called.
    """
    sizes = [len(part) for part in parts]
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in _PER_PAIR
        if name not in {"campaign", "slice"}
    }
    return replace(
        parts[0],
        campaigns=tuple(campaigns),
        campaign=np.repeat(np.arange(len(parts)), sizes),
        slice=Coded(names=(), codes=np.full(sum(sizes), -1)),
        traits={},
        cost=np.concatenate([part.cost for part in parts]),
        **arrays,
    )
