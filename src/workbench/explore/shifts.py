"""Where budget could move: from the lowest return to the highest, where the data tell the two apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHIFT_SHARE = 0.2
ENOUGH_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What one campaign spends per day and returns per unit, with the ends of the 95 % interval."""

    campaign_id: str
    days: int
    spend: float
    roas: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetShift:
    """Money per day that could move, and what it would bring per day at constant returns.

    `amount`, `gain`, `low`, `high` are None where `reason` says why nothing can be suggested.
    """

    giver: str | None
    receiver: str | None
    amount: float | None
    gain: float | None
    low: float | None
    high: float | None
    reason: str


def budget_shift(rows: Sequence[Return]) -> BudgetShift:
    """Return the move of a fifth of the lowest daily spend to the highest, if that surely pays.

    The returns are first pulled towards their common mean by how much of their spread is noise, as the
    highest of many figures is high partly by luck. The gain takes returns as constant, so it is an upper
    view: more money in one place returns less per unit.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.4 (the hierarchical normal model).
    """
    able = [row for row in rows if row.spend > 0 and row.days >= ENOUGH_DAYS and None not in _figures(row)]
    if len(able) < 2:
        return no_shift(f"fewer than two campaigns have {ENOUGH_DAYS} days of spend and returns")
    value, least, most = np.array([_figures(row) for row in able], float).T
    # An end may be drawn in to what a return can be, so the longer side tells how sure it is.
    mean, spread = shrunk(value, np.maximum(most - value, value - least) / 1.96)
    low, high = int(np.argmin(mean)), int(np.argmax(mean))
    giver, receiver = able[low], able[high]
    amount = SHIFT_SHARE * giver.spend / giver.days
    step = float(mean[high] - mean[low])
    half = 1.96 * float(np.hypot(spread[high], spread[low]))
    if step - half <= 0:
        return no_shift("the returns of the campaigns cannot be told apart")
    return BudgetShift(
        giver=giver.campaign_id,
        receiver=receiver.campaign_id,
        amount=amount,
        gain=amount * step,
        low=amount * (step - half),
        high=amount * (step + half),
        reason="at constant returns; the next unit of money usually returns less",
    )


def _figures(row: Return) -> tuple[float | None, float | None, float | None]:
    return row.roas, row.low, row.high


def shrunk(value: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Return posterior means and standard deviations of figures with known errors, pulled together.

    The spread of the true values has a half-normal prior as wide as the typical error, so that few figures do
    not pretend to differ; it is integrated over a grid.

    Examples
    --------
    >>> mean, spread = shrunk(np.array([1.0, 2.0, 9.0]), np.array([1.0, 1.0, 1.0]))
    >>> mean.round(1), spread.round(1)
    (array([1.6, 2.4, 8. ]), array([1. , 0.9, 1. ]))
    """
    error = np.maximum(error, 1e-9 * np.maximum(np.abs(value), 1.0))
    typical = float(np.sqrt(np.mean(np.square(error))))
    between = np.linspace(0, np.ptp(value) + typical, 400)[:, None]
    variance = np.square(error)[None, :] + np.square(between)
    weight = 1 / variance
    centre = (weight * value).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    log = -0.5 * (np.log(variance).sum(axis=1) + np.log(weight.sum(axis=1)))
    log -= 0.5 * (weight * np.square(value - centre)).sum(axis=1) + 0.5 * np.square(between[:, 0] / typical)
    chance = np.exp(log - log.max())
    chance = (chance / chance.sum())[:, None]
    kept = np.square(between) / variance
    means = centre + kept * (value - centre)
    spreads = kept * np.square(error) + np.square(1 - kept) / weight.sum(axis=1, keepdims=True)
    mean = (chance * means).sum(axis=0)
    return mean, np.sqrt((chance * (spreads + np.square(means - mean))).sum(axis=0))


def no_shift(reason: str) -> BudgetShift:
    """Return that nothing can be suggested, and why."""
    return BudgetShift(giver=None, receiver=None, amount=None, gain=None, low=None, high=None, reason=reason)
