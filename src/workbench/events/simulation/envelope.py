"""From what happened to event lines: identifiers, properties and context as JSON text, in order of time."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.names import uuids
from workbench.events.simulation.population import PLATFORMS, REGIONS, Population, segment_at, segment_names
from workbench.events.simulation.seasons import DAY, end_instant, first_instant, stream
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    import polars as pl

NOBODY = -1
_RELEASE_DAYS = 45


def user_ids(count: int, prefix: str = "user-") -> pl.Series:
    """Return the identifiers of the users, in the order of signing up; visitors who never do have their own.

    Examples
    --------
    >>> user_ids(2).to_list()
    ['user-000001', 'user-000002']
    """
    import polars as pl

    return pl.select(
        pl.concat_str(pl.lit(prefix), pl.int_range(1, count + 1).cast(pl.String).str.zfill(6)).alias(
            "user_id"
        )
    )["user_id"]


def draft(
    event_type: str,
    frame: pl.DataFrame,
    *properties: pl.Expr | str,
    source: str = "mobile",
    session: str | None = None,
    person: str | None = None,
) -> pl.DataFrame:
    """Return events of one type, not yet with an identifier.

    Parameters
    ----------
    event_type : str
        One of the event types.
    frame : DataFrame
        One row per event: `at`, and `user` (a number) unless `person` names a column of user identifiers.
    properties : Expr or str
        Each with the name of the property; a null leaves the property out. The last is never null.
    """
    import polars as pl

    text = pl.struct(*properties).struct.json_encode().str.replace_all(r'"[a-z_]+":null,', "")
    return frame.select(
        event_type=pl.lit(event_type),
        at=pl.col("at").cast(pl.Int64),
        user=(pl.lit(NOBODY) if person else pl.col("user")).cast(pl.Int64),
        person=(pl.col(person) if person else pl.lit(None)).cast(pl.String),
        session=(pl.col(session) if session else pl.lit(None)).cast(pl.Int64),
        source=pl.lit(source),
        properties=text,
    )


def _contexts(spec: MarketSpec) -> pl.Series:
    import polars as pl

    versions = [f"5.{release}.0" for release in range(spec.days // _RELEASE_DAYS + 1)]
    names = ("app_version", "platform", "region", "user_segment")
    every = itertools.product(versions, PLATFORMS, REGIONS, (*segment_names(spec), None))
    known = [{n: v for n, v in zip(names, values, strict=True) if v} for values in every]
    return pl.Series([json.dumps(context, separators=(",", ":")) for context in known])


def _context(spec: MarketSpec, people: Population, events: pl.DataFrame) -> pl.Series:
    import polars as pl

    at = events["at"].to_numpy()
    user = events["user"].to_numpy()
    stranger = user >= len(people)
    somebody = np.maximum(user, 0) % len(people)
    release = (at - first_instant(spec)) // (_RELEASE_DAYS * DAY)
    place = release * len(PLATFORMS) + people.platform[somebody]
    place = place * len(REGIONS) + people.region[somebody]
    kinds = len(segment_names(spec))
    place = place * (kinds + 1) + np.where(stranger, kinds, segment_at(spec, people, somebody, at))
    return (
        _contexts(spec)
        .gather(place)
        .zip_with(
            pl.Series(user >= 0), pl.Series([None], dtype=pl.String).extend_constant(None, len(user) - 1)
        )
    )


def post(spec: MarketSpec, people: Population, drafts: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the events of the market in the order of time, ready to be written.

    Columns: event_id, event_type, timestamp, user_id, session_id, source, properties, context; the last two
    are JSON text.
    """
    import polars as pl

    inside = (pl.col("at") >= first_instant(spec)) & (pl.col("at") < end_instant(spec))
    events = pl.concat([part.filter(inside) for part in drafts])
    events = events.sort("at", maintain_order=True)
    strangers = max(int(events["user"].max() or 0) + 1 - len(people), 0)  # type: ignore[arg-type]
    ids = pl.concat([user_ids(len(people)), user_ids(strangers, prefix="visitor-")])
    return events.select(
        event_id=uuids(len(events), stream(spec, "events")),
        event_type="event_type",
        timestamp=pl.col("at").cast(pl.Datetime("us", "UTC")),
        user_id=pl.coalesce("person", ids.gather(events["user"].clip(0))),
        session_id=pl.when(pl.col("session").is_not_null()).then(
            pl.concat_str(pl.lit("visit-"), pl.col("session").cast(pl.String))
        ),
        source="source",
        properties="properties",
        context=_context(spec, people, events),
    )
