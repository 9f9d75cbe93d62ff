"""What happened with campaigns and without: users, messages, buyers, revenue, cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from workbench.experiments.holdout.contrast import by_normal
from workbench.experiments.holdout.pairs import Floats, Pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What happened on one side.

    Parameters
    ----------
    side : str
        ``treated``, ``holdout``, or ``holdout, scaled`` to as many users as were treated.
    users, impressions, clicks, conversions, revenue : float
        Pairs of user and campaign, messages delivered and clicked, buyers, and what they bought in 30 days.
    cost, net_revenue, roas : float or None
        Spend, revenue less spend, revenue over spend; None where unknown, or where nothing was spent.
    """

    side: str
    users: float
    impressions: float
    clicks: float
    conversions: float
    revenue: float
    cost: float | None
    net_revenue: float | None
    roas: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The share of users who bought, on one side, with its interval."""

    side: str
    value: float
    low: float
    high: float


def sides_of(pairs: Pairs) -> tuple[Side, ...]:
    """Return what happened with the campaigns, in their holdouts, and in holdouts of the same size."""
    pairs = pairs.comparable()
    if not len(pairs):
        return ()
    n, m = (
        np.bincount(pairs.campaign[pairs.held == side], minlength=len(pairs.campaigns)) for side in (0, 1)
    )
    weight = (n / m)[pairs.campaign]
    cost = pairs.spent
    ones = np.ones(len(pairs))
    return (
        _side("treated", pairs, np.where(pairs.held, 0.0, ones), None if np.isnan(cost) else cost),
        _side("holdout", pairs, np.where(pairs.held, ones, 0.0), 0.0),
        _side("holdout, scaled", pairs, np.where(pairs.held, weight, 0.0), 0.0),
    )


def rates_of(pairs: Pairs, *, level: float = 0.95) -> tuple[Rate, ...]:
    """Return the shares of users who bought with the campaigns, and would have bought without."""
    pairs = pairs.comparable()
    users = float((~pairs.held).sum())
    if not users or not pairs.held.any():
        return ()
    found, z = by_normal(pairs, pairs.buys, level=level), float(ndtri(0.5 + level / 2))
    rows = (("with", found.treated, found.tt), ("without", found.expected, found.hh))
    return tuple(
        Rate(
            side=side,
            value=total / users,
            low=max(0.0, (total - z * variance**0.5) / users),
            high=min(1.0, (total + z * variance**0.5) / users),
        )
        for side, total, variance in rows
    )


def _side(name: str, pairs: Pairs, weight: Floats, cost: float | None) -> Side:
    revenue = float(weight @ pairs.revenue)
    return Side(
        side=name,
        users=float(weight.sum()),
        impressions=float(weight @ pairs.deliveries),
        clicks=float(weight @ pairs.clicks),
        conversions=float(weight @ pairs.buys),
        revenue=revenue,
        cost=cost,
        net_revenue=None if cost is None else revenue - cost,
        roas=revenue / cost if cost else None,
    )
