"""Paid advertising: clicks that are idle, clicks that cause an order, and clicks on the way to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.campaigns import Plan
from workbench.events.simulation.media import Media
from workbench.events.simulation.population import Population
from workbench.events.simulation.purchases import Purchases
from workbench.events.simulation.seasons import (
    DAY,
    HOUR,
    MINUTE,
    Season,
    first_instant,
    hour_within_day,
    season,
    stream,
)
from workbench.events.simulation.showing import Showing
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ASSISTED = 0.35  # of the orders a channel causes, the share whose last click is another channel's
_STRANGE = 0.7  # of the idle clicks, the share of people who never sign up
_CLICKS_PER_STRANGER = 1.5
_PREPARED = 0.30  # of the orders with a click, the share with an earlier click of another channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicks:
    """Clicks on paid advertising; `visit` joins a click to the order it ended in (-1: idle)."""

    user: NDArray[np.int64]
    at: NDArray[np.int64]
    channel: NDArray[np.int64]
    creative: NDArray[np.int64]
    visit: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertising:
    """What paid advertising did: all clicks, the orders it caused, and those it only stood beside."""

    clicks: Clicks
    caused: Purchases
    own: Purchases


@dataclass(frozen=True, slots=True)
class _Setting:
    spec: MarketSpec
    plan: Plan
    people: Population
    showing: Showing
    media: Media
    rng: np.random.Generator

    def day(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        return (at - first_instant(self.spec)) // DAY

    def loud(self) -> NDArray[np.float64]:
        """Return how much each channel is to be seen on each day: no spend, no click."""
        spend = self.media.spend
        return np.asarray(np.minimum(spend / spend.mean(axis=1, keepdims=True), 2.0))

    def other(self, name: str, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the channel of a click beside the one that mattered, by how often each opens or closes."""
        often = np.array([getattr(channel, name) for channel in self.spec.channels], dtype=np.float64)
        bounds = np.cumsum(often[:, None] * self.loud() + 1e-12, axis=0)
        day = np.clip(self.day(at), 0, self.spec.days - 1)
        above = self.rng.random(len(at))[None, :] > (bounds / bounds[-1])[:, day]
        return np.asarray(np.minimum(above.sum(axis=0), len(often) - 1))

    def touch(
        self,
        user: NDArray[np.int64],
        at: NDArray[np.int64],
        channel: NDArray[np.int64],
        visit: NDArray[np.int64],
    ) -> Clicks:
        """Return clicks that lead to an order, without those from before the market began."""
        inside = at >= first_instant(self.spec)
        user, at, channel, visit = user[inside], at[inside], channel[inside], visit[inside]
        creative = self.showing.draw(channel, self.day(at), self.plan.appeal, self.rng)
        return Clicks(user=user, at=at, channel=channel, creative=creative, visit=visit)


def _buyers(
    setting: _Setting, channel: NDArray[np.int64], day: NDArray[np.int64], at: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return who the caused orders are from: the channel's new users of that day first, else anybody."""
    people, spec = setting.people, setting.spec
    cell = channel * spec.days + day  # sorted, as `channel` and `day` are
    first = np.searchsorted(cell, cell, side="left")
    rank = np.arange(len(cell)) - first
    size = np.searchsorted(cell, cell, side="right") - first
    joined = setting.day(people.signup)
    new = np.flatnonzero((joined >= 0) & (people.channel < len(spec.channels)))
    new = new[np.argsort(people.channel[new] * spec.days + joined[new], kind="stable")]
    of_new = people.channel[new] * spec.days + joined[new]
    low, high = np.searchsorted(of_new, cell, side="left"), np.searchsorted(of_new, cell, side="right")
    share = np.array([c.new_share for c in spec.channels])[channel]
    fresh = rank < np.minimum(np.round(share * size), high - low)
    anybody = (setting.rng.random(len(cell)) * np.maximum(people.known(at), 1)).astype(np.int64)
    if len(new):
        anybody = np.where(fresh, new[np.minimum(low + rank, len(new) - 1)], anybody)
    return anybody, fresh


def _cause(setting: _Setting, curve: Season) -> tuple[Purchases, list[Clicks]]:
    rng, spec = setting.rng, setting.spec
    count = rng.poisson(setting.media.expected)
    channel = np.repeat(np.arange(len(spec.channels)), count.sum(axis=1))
    day = np.concatenate([np.repeat(np.arange(spec.days), row) for row in count])
    at = hour_within_day(curve, day, rng)
    lag = (rng.exponential(1.2 * DAY, len(at)) + 4 * MINUTE).astype(np.int64)
    lag = np.minimum(lag, np.maximum(at - first_instant(spec) - 1, 0))
    user, fresh = _buyers(setting, channel, day, at - lag)
    signup = setting.people.signup[user]
    day_left = first_instant(spec) + (day + 1) * DAY - 1 - signup
    at = np.where(fresh, signup + (day_left * rng.uniform(0.05, 0.9, len(at))).astype(np.int64), at)
    seen = np.maximum(signup - rng.integers(3 * MINUTE, 30 * MINUTE, len(at)), first_instant(spec))
    clicked = np.where(fresh, np.minimum(seen, at - 1), at - lag)
    visit = np.arange(len(at))
    clicks = [setting.touch(user, clicked, channel, visit)]
    last = clicks[0].creative.copy()
    helped = np.flatnonzero(rng.random(len(at)) < _ASSISTED)
    later = clicked[helped] + ((at - clicked)[helped] * rng.uniform(0.4, 0.97, len(helped))).astype(np.int64)
    closer = setting.other("closes", later)
    mixed = closer != channel[helped]
    helped, closer, later = helped[mixed], closer[mixed], later[mixed]
    closing = setting.touch(user[helped], later, closer, visit[helped])
    last[helped], clicked_last = closing.creative, clicked.copy()
    clicked_last[helped] = later
    caused = Purchases(
        user=user,
        at=at,
        cause="paid",
        channel=channel,
        creative=last,
        clicked_at=clicked_last,
        visit=visit,
        incremental=np.ones(len(at), dtype=bool),
    )
    return caused, [*clicks, closing, _prepare(setting, user, clicked, visit)]


def _prepare(
    setting: _Setting, user: NDArray[np.int64], before: NDArray[np.int64], visit: NDArray[np.int64]
) -> Clicks:
    """Return earlier clicks, days before the one that mattered."""
    rng = setting.rng
    chosen = np.flatnonzero(rng.random(len(user)) < _PREPARED)
    at = before[chosen] - (rng.exponential(4 * DAY, len(chosen)) + HOUR).astype(np.int64)
    opener = setting.other("opens", at)
    return setting.touch(user[chosen], at, opener, visit[chosen])


def _capture(
    setting: _Setting, orders: tuple[NDArray[np.int64], NDArray[np.int64]], visits: int
) -> tuple[Purchases, list[Clicks]]:
    """Return the users' own orders; some click an advertisement on the way, which changes nothing."""
    (user, at), rng, count = orders, setting.rng, len(orders[0])
    bounds = np.cumsum(
        np.array([c.captures for c in setting.spec.channels])[:, None] * setting.loud(), axis=0
    )
    channel = (rng.random(count)[None, :] > bounds[:, setting.day(at)]).sum(axis=0)
    lag = (rng.exponential(2 * HOUR, count) + MINUTE).astype(np.int64)
    crossed = np.flatnonzero((channel < len(bounds)) & (at - lag >= first_instant(setting.spec)))
    visit = np.arange(visits, visits + count)
    clicks = setting.touch(user[crossed], (at - lag)[crossed], channel[crossed], visit[crossed])
    creative, clicked = np.full(count, -1), np.full(count, -1)
    creative[crossed], clicked[crossed] = clicks.creative, clicks.at
    own = Purchases(
        user=user,
        at=at,
        cause="own",
        channel=np.full(count, -1),
        creative=creative,
        clicked_at=clicked,
        visit=visit,
        incremental=np.zeros(count, dtype=bool),
    )
    return own, [clicks, _prepare(setting, user[crossed], clicks.at, visit[crossed])]


def _idle(setting: _Setting, leading: list[Clicks], curve: Season) -> Clicks:
    """Return the clicks that lead to nothing: what spend buys beyond those that do."""
    spec, rng = setting.spec, setting.rng
    paid = setting.media.spend / np.array([c.click_cost for c in spec.channels])[:, None]
    for clicks in leading:
        np.subtract.at(paid, (clicks.channel, setting.day(clicks.at)), 1)
    count = rng.poisson(np.maximum(paid, 0))
    channel = np.repeat(np.arange(len(spec.channels)), count.sum(axis=1))
    day = np.concatenate([np.repeat(np.arange(spec.days), row) for row in count])
    at = hour_within_day(curve, day, rng)
    user = (rng.random(len(at)) * np.maximum(setting.people.known(at), 1)).astype(np.int64)
    stranger = len(setting.people) + _strangers(setting, at)
    user = np.where(rng.random(len(at)) < _STRANGE, stranger, user)
    creative = setting.showing.draw(channel, day, np.ones_like(setting.plan.appeal), rng)
    return Clicks(user=user, at=at, channel=channel, creative=creative, visit=np.full(len(at), -1))


def _strangers(setting: _Setting, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return numbers of visitors who never sign up; clicks with the same number lie days apart at most."""
    count = max(int(len(at) * _STRANGE / _CLICKS_PER_STRANGER), 1)
    passed = (at - first_instant(setting.spec)) / (setting.spec.days * DAY)
    near = passed * count + setting.rng.normal(0, 2.0 * count / setting.spec.days, len(at))
    return np.clip(near, 0, count - 1).astype(np.int64)


def advertise(
    spec: MarketSpec,
    plan: Plan,
    people: Population,
    media: Media,
    showing: Showing,
    own: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Advertising:
    """Return the clicks and orders of paid advertising, beside the users' own orders."""
    setting, curve = _Setting(spec, plan, people, showing, media, stream(spec, "ads")), season(spec)
    caused, clicks = _cause(setting, curve)
    captured, more = _capture(setting, own, visits=len(caused.user))
    leading = [*clicks, *more]
    every = [*leading, _idle(setting, leading, curve)]
    columns = {
        name: np.concatenate([getattr(part, name) for part in every])
        for name in ("user", "at", "channel", "creative", "visit")
    }
    return Advertising(clicks=Clicks(**columns), caused=caused, own=captured)
