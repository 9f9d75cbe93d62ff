"""Owned channels: who is sent what, who is held out, who opens, clicks, buys, and who has had enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.definitions import OWNED_CHANNELS
from workbench.events.simulation.campaigns import Campaign, Plan
from workbench.events.simulation.population import Population, segment_at, segment_names
from workbench.events.simulation.seasons import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    end_instant,
    first_instant,
    hourly_response,
    stream,
)
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

NEVER = np.iinfo(np.int64).max
UNSUBSCRIBES = ("all_campaigns", "push_only", "email_only", "frequency_cap")
_CONSENT = {"email": 0.86, "push": 0.62, "sms": 0.45, "in_app": 0.95}
_TIRED = {"email": 0.010, "push": 0.012, "sms": 0.016, "in_app": 0.004}  # of those who open
_SEND_HOURS = np.array([7, 9, 11, 12, 15, 17, 18, 19, 20, 21])
_LONGEST = 10 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What was true of one campaign's audience, before chance decided.

    Parameters
    ----------
    treated, held_out : int
        Users sent to, and users kept out.
    base_rate : float
        Expected conversion rate without the campaign.
    lift : float
        What the campaign adds to it.
    """

    campaign: int
    treated: int
    held_out: int
    base_rate: float
    lift: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """All messages of owned channels, one row each, and what became of them.

    Parameters
    ----------
    rows : DataFrame
        user, campaign, creative, channel, wave, at, held_out, opened_at, clicked_at, bought_at, incremental,
        prevented, unsubscribed_at, unsubscribe (place in `UNSUBSCRIBES`); instants are null where nothing
        happened.
    reached : tuple of Reach
        The truth, by campaign.
    consent : array
        Whether each user takes messages on each owned channel at sign-up.
    """

    rows: pl.DataFrame
    reached: tuple[Reach, ...]
    consent: NDArray[np.bool_]


def _audience(
    spec: MarketSpec,
    people: Population,
    campaign: Campaign,
    consent: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    begins = first_instant(spec) + campaign.first_day * DAY
    known = int(people.known(np.array([begins]))[0])
    user = np.flatnonzero(consent[:known, OWNED_CHANNELS.index(campaign.channel)])
    if campaign.target:
        names = np.array(segment_names(spec))
        user = user[names[segment_at(spec, people, user, np.full(len(user), begins))] == campaign.target]
    return user[rng.random(len(user)) < campaign.audience]


def _send_times(
    spec: MarketSpec, campaign: Campaign, users: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return when each person gets its messages: once a week, at a person's own hour and weekday."""
    first = first_instant(spec) + campaign.first_day * DAY
    day = rng.integers(0, 5, users) * DAY
    hour = rng.choice(_SEND_HOURS, users) * HOUR + rng.integers(0, HOUR, users)
    return (first + day + hour)[None, :] + 7 * DAY * np.arange(campaign.waves)[:, None]


def _lag(median: float, spread: float, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.minimum(rng.lognormal(np.log(median), spread, size) + 2 * SECOND, _LONGEST).astype(np.int64)


def _answers(
    spec: MarketSpec,
    people: Population,
    campaign: Campaign,
    user: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[Reach, dict[str, NDArray[np.bool_]]]:
    """Return who is held out and who converts: natural buyers in both groups, the lift only in one."""
    response = np.array([s.response for s in spec.segments])[people.segment[user]]
    uplift = np.array([s.uplift for s in spec.segments])[people.segment[user]]
    natural = np.clip(campaign.base * response, 0, 0.5)
    treated = np.clip(natural + campaign.lift * uplift, 0, 1)
    out = rng.random(len(user)) < spec.holdout
    chance = rng.random(len(user))
    converts = chance < np.where(out, natural, treated)
    reach = Reach(
        campaign=campaign.index,
        treated=int((~out).sum()),
        held_out=int(out.sum()),
        base_rate=float(natural.mean()) if len(user) else 0.0,
        lift=float((treated - natural).mean()) if len(user) else 0.0,
    )
    return reach, {
        "out": out,
        "converts": converts,
        "incremental": converts & ~out & (chance >= natural),
        "prevented": ~converts & ~out & (chance < natural),
    }


def _of_campaign(
    spec: MarketSpec,
    plan: Plan,
    people: Population,
    campaign: Campaign,
    consent: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[Reach, pl.DataFrame]:
    import polars as pl

    user = _audience(spec, people, campaign, consent, rng)
    reach, answers = _answers(spec, people, campaign, user, rng)
    at = _send_times(spec, campaign, len(user), rng)
    waves, size = at.shape[0], at.size
    creative = np.array(campaign.creatives)[rng.integers(0, len(campaign.creatives), len(user))]
    wave = np.repeat(np.arange(waves), len(user))
    answering = wave == np.tile(_answered(spec, campaign, len(user), rng), waves)
    tiled = {name: np.tile(value, waves) for name, value in answers.items()}
    buys = tiled["converts"] & answering
    sent = at.ravel()
    opening = campaign.opening * np.tile(people.openness[user], waves) * hourly_response(spec, sent)
    opens = ((rng.random(size) < opening) | buys) & ~tiled["out"]
    clicking = campaign.clicking * np.tile(plan.appeal[creative], waves)
    clicks = opens & ((rng.random(size) < clicking) | buys)
    opened_at = sent + _lag(45 * MINUTE, 1.2, size, rng)
    clicked_at = opened_at + _lag(25 * SECOND, 0.8, size, rng)
    tired = opens & ~buys & (rng.random(size) < _TIRED[campaign.channel])
    rows = pl.DataFrame(
        {
            "user": np.tile(user, waves),
            "campaign": np.full(size, campaign.index),
            "creative": np.tile(creative, waves),
            "channel": np.full(size, OWNED_CHANNELS.index(campaign.channel)),
            "wave": wave,
            "at": sent,
            "held_out": tiled["out"],
            "opened_at": np.where(opens, opened_at, NEVER),
            "clicked_at": np.where(clicks, clicked_at, NEVER),
            "bought_at": np.where(buys, clicked_at + _lag(4 * HOUR, 1.3, size, rng), NEVER),
            "incremental": tiled["incremental"] & answering,
            "prevented": tiled["prevented"] & (wave == 0),
            "unsubscribed_at": np.where(tired, opened_at + _lag(90 * SECOND, 0.7, size, rng), NEVER),
            "unsubscribe": _kinds(campaign.channel, size, rng),
        }
    )
    return reach, rows


def _answered(
    spec: MarketSpec, campaign: Campaign, users: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return which message each person answers, if any: early ones more often, and none too late to see."""
    last = [campaign.first_day + 7 * k + 5 + _LONGEST // DAY + 1 for k in range(campaign.waves)]
    seen = max(sum(day < spec.days for day in last), 1)
    weight = 0.5 ** np.arange(seen)
    return rng.choice(seen, users, p=weight / weight.sum())


def _kinds(channel: str, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return what a tired user asks for: to be rid of this channel, of all, or of repetitions."""
    own = {"push": 1, "email": 2}.get(channel, 0)
    return rng.choice(np.array([own, 0, 3]), size, p=(0.70, 0.18, 0.12))


def _stops(rows: pl.DataFrame, users: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return from when each user takes no message on each channel, and from when no repetition."""
    stop = np.full((users, len(OWNED_CHANNELS)), NEVER)
    rarely = np.full(users, NEVER)
    user, at = rows["user"].to_numpy(), rows["unsubscribed_at"].to_numpy()
    kind = rows["unsubscribe"].to_numpy()
    for place, channels in ((0, range(len(OWNED_CHANNELS))), (1, [OWNED_CHANNELS.index("push")]), (2, [0])):
        for channel in channels:
            np.minimum.at(stop[:, channel], user[kind == place], at[kind == place])
    np.minimum.at(rarely, user[kind == 3], at[kind == 3])
    return stop, rarely


def send(spec: MarketSpec, plan: Plan, people: Population) -> Messages:
    """Return all messages of the market; nobody gets one after refusing them."""
    import polars as pl

    rng = stream(spec, "messages")
    consent = rng.random((len(people), len(OWNED_CHANNELS))) < [_CONSENT[c] for c in OWNED_CHANNELS]
    parts = [_of_campaign(spec, plan, people, campaign, consent, rng) for campaign in plan.of("owned")]
    rows = pl.concat([rows for _, rows in parts])
    stop, rarely = _stops(rows, len(people))
    user, at = rows["user"].to_numpy(), rows["at"].to_numpy()
    wanted = at < stop[user, rows["channel"].to_numpy()]
    wanted &= (rows["wave"].to_numpy() == 0) | (at < rarely[user])
    rows = rows.filter(pl.Series(wanted) & (pl.col("at") < end_instant(spec)))
    instants = ("opened_at", "clicked_at", "bought_at", "unsubscribed_at")
    rows = rows.with_columns(
        pl.when(pl.col(name) < end_instant(spec)).then(pl.col(name)).alias(name) for name in instants
    )
    reached = tuple(_as_sent(reach, rows) for reach, _ in parts)
    return Messages(rows=_once(rows), reached=reached, consent=consent)


def _as_sent(reach: Reach, rows: pl.DataFrame) -> Reach:
    """Return the reach without those who had refused before it began."""
    import polars as pl

    first = rows.filter((pl.col("campaign") == reach.campaign) & (pl.col("wave") == 0))
    held_out = int(first["held_out"].sum())
    return Reach(
        campaign=reach.campaign,
        treated=len(first) - held_out,
        held_out=held_out,
        base_rate=reach.base_rate,
        lift=reach.lift,
    )


def _once(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the messages with each user's refusals said once, and none after refusing everything."""
    import polars as pl

    rows = rows.with_columns(said=pl.col("unsubscribed_at").fill_null(NEVER))
    rows = rows.with_columns(
        everything=pl.when(pl.col("unsubscribe") == 0).then("said").otherwise(pl.lit(NEVER))
    )
    rows = rows.with_columns(
        first=pl.col("said").min().over("user", "unsubscribe"), over=pl.col("everything").min().over("user")
    )
    counts = (pl.col("said") == pl.col("first")) & (pl.col("said") <= pl.col("over"))
    return rows.with_columns(pl.when(counts).then("unsubscribed_at").alias("unsubscribed_at")).drop(
        "said", "everything", "first", "over"
    )
