"""The creatives of a campaign as a bandit's arms, from the same figures that reports show."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import chdtrc, ndtr

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.bandit.allocation import FLOOR, Allocation, Arm, Reward, with_caveats
from workbench.experiments.bandit.bandit import allocate
from workbench.metrics import measure, sql
from workbench.metrics.window import Window, resolve

if TYPE_CHECKING:
    from workbench.source import Tables

_METRICS: Mapping[str, tuple[str, ...]] = {
    "clicks": ("impressions", "clicks"),
    "conversions": ("impressions", "conversions"),
    "revenue": ("impressions", "conversions", "revenue"),
}
_ALARM = 0.01
_MOVED = 0.1


def creative_shares(
    tables: Tables,
    campaign: str,
    *,
    reward: Reward = "conversions",
    window: str | Window | None = "30d",
    lag_days: int = 0,
    floor: float = FLOOR,
    seed: int = 0,
) -> Allocation:
    """Return how to share out a campaign's next impressions between its creatives.

    Parameters
    ----------
    tables : Tables
        Needs facts or daily_performance with creative ids.
    campaign : str
        The campaign's id: across campaigns audiences differ, and so do rates.
    reward : str
        ``"clicks"``, ``"conversions"`` or ``"revenue"``.
    window : str or Window, optional
        The days that count; old days tell little where rates change.
    lag_days : int
        Days at the end that are left out, since their conversions are still to come.
    floor, seed : float, int
        As in `allocate`.

    Raises
    ------
    UsageError
        If the reward or the floor is none.
    """
    if reward not in _METRICS:
        raise UsageError(f"A trial earns clicks, conversions or revenue, not {reward!r}.")
    if lag_days < 0:
        raise UsageError(f"{lag_days} days cannot be left out at the end.")
    try:
        days = resolve(window, tables)
    except NotEnoughData as error:
        return Allocation(reward=reward, floor=floor, missing=str(error))
    if days.days <= lag_days:
        raise UsageError(f"Of {days.days} days, {lag_days} at the end cannot be left out.")
    days = Window(days.first, days.last - timedelta(days=lag_days))
    arms, strange = creative_arms(tables, campaign, reward=reward, window=days)
    if len(arms) < 2:
        missing = f"Not enough data: {campaign!r:.80} has {len(arms)} creatives with impressions {days.told}."
        return Allocation(reward=reward, floor=floor, missing=missing)
    if reward == "revenue" and not sum(arm.value or 0.0 for arm in arms) > 0:
        missing = f"Not enough data: no creative of {campaign!r:.80} has earned anything {days.told}."
        return Allocation(reward=reward, floor=floor, missing=missing)
    found = allocate(arms, reward=reward, floor=floor, seed=seed, currency=tables.currency)
    return with_caveats(found, strange, *_drift_of(tables, campaign, reward, days))


def creative_arms(
    tables: Tables, campaign: str, *, reward: Reward, window: str | Window | None
) -> tuple[tuple[Arm, ...], str]:
    """Return a campaign's creatives with impressions, and what is to be said of those left out."""
    names = _METRICS[reward]
    known: dict[str, dict[str, float]] = {}
    try:
        rows = measure(tables, names, by="creative", window=window, where={"campaign": campaign}).rows
    except UsageError as error:
        if "cannot be sliced" not in str(error):
            raise
        rows = ()
    for row in rows:
        if row.slice[0] is not None and math.isfinite(row.value):
            known.setdefault(str(row.slice[0]), {})[row.metric] = row.value
    orders = _orders(tables, campaign, resolve(window, tables)) if reward == "revenue" and known else {}
    arms, strange = [], 0
    for name, of in sorted(known.items()):
        trials, successes = of.get("impressions", 0.0), of.get(names[1], 0.0)
        if trials < successes or successes < 0:
            strange += 1
        elif trials > 0:
            value = of.get("revenue", 0.0) if reward == "revenue" else None
            squares = None if value is None else _squares(orders.get(name), successes, value)
            arms.append(Arm(name=name, trials=trials, successes=successes, value=value, squares=squares))
    said = f"Creatives left out, with more {names[1]} than impressions: {strange}." if strange else ""
    return tuple(arms), said


def _squares(known: dict[str, Any] | None, successes: float, value: float) -> float | None:
    """Return the sum of squared values where the orders known one by one are all there are."""
    if successes == 0:
        return 0.0
    if known is None or known["orders"] != successes or not math.isclose(known["value"], value, rel_tol=1e-6):
        return None
    return float(known["squares"])


def _orders(tables: Tables, campaign: str, days: Window) -> dict[str, dict[str, Any]]:
    """Return how many orders each creative was credited with one by one, their values and squares summed."""
    if "facts" not in tables.names:
        return {}
    text = sql.to_sql(lambda: _credited(campaign), ("bandit orders", _source(), campaign), tables.dialect)
    return {str(row["creative"]): row for row in tables.query(sql.with_window(text, days)).to_pylist()}


@cache
def _source() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def _credited(campaign: str) -> Any:
    facts = sql.unbound("facts")
    wanted = [facts.event_type == "campaign_converted", facts.campaign_id == campaign]
    rows = facts.filter([*wanted, facts.creative_id.notnull(), *sql.within(facts.day, instant=False)])
    value = sql.number(rows.value)
    return rows.aggregate(
        orders=rows.count(),
        value=value.sum(),
        squares=(value * value).sum(),
        by={"creative": rows.creative_id},
    )


def _drift_of(tables: Tables, campaign: str, reward: Reward, days: Window) -> tuple[str, ...]:
    """Return what is to be said of changes between the first and the second half of the days."""
    if days.days < 2:
        return ()
    middle = days.first + timedelta(days=days.days // 2)
    kind: Any = "conversions" if reward == "revenue" else reward
    halves = (Window(days.first, middle - timedelta(days=1)), Window(middle, days.last))
    before, after = (creative_arms(tables, campaign, reward=kind, window=half)[0] for half in halves)
    return drift(before, after)


def drift(before: Sequence[Arm], after: Sequence[Arm]) -> tuple[str, ...]:
    """Return warnings where rates did not stay the same from one span of days to the next.

    Two things are looked at, over the arms seen in both: whether some changed by more than others (a
    chi-square of log odds ratios), and whether all changed while their shares of the trials did, too.
    These are alarms, not tests of fixed size: the trials were shared out by what was seen.

    Parameters
    ----------
    before, after : sequence of Arm
        The same creatives in two spans of days.

    References
    ----------
    Woolf (1955), Annals of Human Genetics 19: homogeneity of odds ratios, with 1/2 added to each count.

    Examples
    --------
    >>> early = [Arm(name="a", trials=9000, successes=90), Arm(name="b", trials=9000, successes=180)]
    >>> late = [Arm(name="a", trials=9000, successes=180), Arm(name="b", trials=9000, successes=90)]
    >>> print(drift(early, late)[0])
    Some creatives changed more than others between the halves: the order is not stable, look at fewer days.
    """
    later = {arm.name: arm for arm in after}
    pairs = [(arm, later[arm.name]) for arm in before if arm.name in later]
    if len(pairs) < 2:
        return ()
    x, n = (np.array([[getattr(arm, field) for arm in pair] for pair in pairs], float) for field in _COUNTS)
    odds = np.log((x + 0.5) / (n - x + 0.5))
    change = odds[:, 1] - odds[:, 0]
    weight = 1 / (1 / (x + 0.5) + 1 / (n - x + 0.5)).sum(axis=1)
    common = (weight * change).sum() / weight.sum()
    apart = float(chdtrc(len(pairs) - 1, (weight * (change - common) ** 2).sum()))
    together = float(2 * ndtr(-abs(common) * np.sqrt(weight.sum())))
    share = n / n.sum(axis=0)
    said = []
    if apart < _ALARM:
        said.append(
            "Some creatives changed more than others between the halves: the order is not stable, look at "
            "fewer days."
        )
    if together < _ALARM and np.abs(share[:, 1] - share[:, 0]).max() > _MOVED:
        said.append(
            f"All rates went {'up' if common > 0 else 'down'} between the halves while shares changed: who "
            "was shown more in the better days looks better than it is."
        )
    return tuple(said)


_COUNTS = ("successes", "trials")
