"""People outside the shop's orders: leads, contacts of the mailing list, and what users agreed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.events.definitions import OWNED_CHANNELS
from workbench.events.simulation.campaigns import Plan
from workbench.events.simulation.envelope import user_ids
from workbench.events.simulation.frames import as_table
from workbench.events.simulation.messages import Messages
from workbench.events.simulation.names import numbered
from workbench.events.simulation.population import REGIONS, Population
from workbench.events.simulation.seasons import DAY, Season, end_instant, hour_within_day, stream
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    import polars as pl

GRADES = ("A", "B", "C", "D")
STAGES = ("new", "engaged", "replied", "qualified", "pipeline", "won", "lost")
# How far a lead comes in the end, by grade.
OUTCOMES = np.array(
    [
        [0.06, 0.10, 0.10, 0.14, 0.08, 0.32, 0.20],
        [0.12, 0.16, 0.14, 0.14, 0.06, 0.18, 0.20],
        [0.26, 0.22, 0.16, 0.08, 0.03, 0.08, 0.17],
        [0.50, 0.24, 0.08, 0.02, 0.01, 0.02, 0.13],
    ]
)
_GRADES_BY_CHANNEL = {"linkedin": (0.28, 0.34, 0.26, 0.12), "contact_form": (0.14, 0.26, 0.36, 0.24)}
_EVEN = (0.25, 0.25, 0.25, 0.25)
_PER_DAY = {"linkedin": 1.6, "contact_form": 2.6}
_VALUES = (420.0, 260.0, 150.0, 90.0)
_CHANCES = np.array([0.05, 0.10, 0.20, 0.40, 0.60, 1.0, 0.0])
_TRADES = ("office", "hospitality", "trade")


def leads(spec: MarketSpec, plan: Plan, curve: Season) -> pl.DataFrame:
    """Return the leads of the campaigns that gather them."""
    import polars as pl

    rng = stream(spec, "leads")
    sources = [c for c in plan.campaigns if c.channel in _PER_DAY and c.kind != "planned"]
    days = [np.arange(c.first_day, min(c.last_day + 1, spec.days)) for c in sources]
    counts = [
        rng.poisson(_PER_DAY[c.channel] * spec.scale, len(d)) for c, d in zip(sources, days, strict=True)
    ]
    source = np.repeat(np.arange(len(sources)), [int(n.sum()) for n in counts])
    none = np.array([], dtype=np.int64)
    day = np.concatenate([none, *(np.repeat(d, n) for d, n in zip(days, counts, strict=True))])
    created = hour_within_day(curve, day, rng)
    odds = np.cumsum([_GRADES_BY_CHANNEL[c.channel] for c in sources] or [_EVEN], axis=1)
    grade = np.minimum((rng.random(len(day))[:, None] > odds[source]).sum(axis=1), 3)
    stage = np.minimum((rng.random(len(day))[:, None] > np.cumsum(OUTCOMES, axis=1)[grade]).sum(axis=1), 6)
    closed = created + (rng.gamma(2.0, 9.0, len(day)) * DAY).astype(np.int64) + DAY
    stage = np.where((stage >= 5) & (closed >= end_instant(spec)), 4, stage)
    value = np.round(np.array(_VALUES)[grade] * rng.lognormal(-0.18, 0.6, len(day)), 2)
    frame = pl.DataFrame(
        {"created_at": created, "deal_value": value, "closed_at": closed, "stage_place": stage}
    )
    over, known = pl.col("stage_place") >= 5, pl.col("stage_place") >= 2
    frame = frame.with_columns(
        campaign_id=pl.Series([c.campaign_id for c in sources], dtype=pl.String).gather(source),
        channel=pl.Series([c.channel for c in sources], dtype=pl.String).gather(source),
        grade=pl.Series(GRADES).gather(grade),
        stage=pl.Series(STAGES).gather(stage),
        deal_value=pl.when(known).then("deal_value"),
        close_probability=_CHANCES[stage],
        closed_at=pl.when(over).then("closed_at"),
        segment=pl.Series(_TRADES).gather(rng.integers(0, 3, len(day))),
    ).sort("created_at", maintain_order=True)
    return as_table("leads", frame.with_columns(lead_id=numbered("lead-", pl.int_range(1, pl.len() + 1), 5)))


def contacts(messages: Messages, people: Population) -> pl.DataFrame:
    """Return one row per user that was sent an e-mail, and how it answered."""
    import polars as pl

    ids = user_ids(len(people))
    mails = messages.rows.filter((pl.col("channel") == OWNED_CHANNELS.index("email")) & ~pl.col("held_out"))
    rows = (
        mails.group_by("user")
        .agg(
            sent=pl.len(),
            opened=pl.col("opened_at").count(),
            clicked=pl.col("clicked_at").count(),
            converted=pl.col("bought_at").count(),
            campaigns_engaged=pl.col("campaign").filter(pl.col("opened_at").is_not_null()).n_unique(),
            last_engaged_at=pl.max_horizontal(pl.col("opened_at").max(), pl.col("clicked_at").max()),
        )
        .sort("user")
    )
    return as_table(
        "contacts",
        rows.with_columns(
            email=numbered("shopper-", pl.col("user") + 1, 6) + "@example.com",
            contact_id=ids.gather(rows["user"]),
        ),
    )


def consents(messages: Messages, people: Population) -> pl.DataFrame:
    """Return what users chose at sign-up for each owned channel, and every refusal since."""
    import polars as pl

    ids, channels = user_ids(len(people)), len(OWNED_CHANNELS)
    signed = pl.DataFrame(
        {
            "user": np.repeat(np.arange(len(people)), channels),
            "place": np.tile(np.arange(channels), len(people)),
            "recorded_at": np.repeat(people.signup, channels),
            "given": messages.consent.ravel(),
        }
    ).with_columns(method=pl.lit("signup_form"))
    said = messages.rows.filter(pl.col("unsubscribed_at").is_not_null())
    covers = {0: list(range(channels)), 1: [OWNED_CHANNELS.index("push")], 2: [OWNED_CHANNELS.index("email")]}
    refused = [
        said.filter(pl.col("unsubscribe") == kind).select(
            user=pl.col("user").cast(pl.Int64),
            place=pl.lit(place, pl.Int64),
            recorded_at="unsubscribed_at",
            given=pl.lit(value=False),
            method=pl.lit("unsubscribe_link"),
        )
        for kind, places in covers.items()
        for place in places
    ]
    rows = pl.concat([signed, *refused]).sort("recorded_at", "user", "place")
    return as_table(
        "consents",
        rows.with_columns(
            user_id=ids.gather(rows["user"]),
            channel=pl.Series(OWNED_CHANNELS).gather(rows["place"]),
            status=pl.when("given").then(pl.lit("opt_in")).otherwise(pl.lit("opt_out")),
            region=pl.Series(REGIONS).gather(people.region[rows["user"].to_numpy()]),
        ).unique(["user_id", "channel", "recorded_at"], keep="last", maintain_order=True),
    )
