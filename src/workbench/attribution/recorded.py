"""Touchpoints from the events of a workspace: what users clicked and saw, and what they bought.

A touch is an event of a campaign. Its channel is the one a message was delivered on, else the campaign's. Who
was held out was not touched. A conversion is an order of `user_purchased`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.attribution.reading import touchpoints_of
from workbench.attribution.touchpoints import Touchpoints
from workbench.attribution.windows import LookBack, lookback
from workbench.errors import NotEnoughData, UsageError, unknown_name
from workbench.metrics import sql
from workbench.metrics.window import Window, resolve

if TYPE_CHECKING:
    from workbench.source import Tables

Column = Callable[[Any], Any]
TOUCHES = ("campaign_clicked", "campaign_viewed")
EVENTS = (*TOUCHES, "campaign_delivered")
CONVERSION = "user_purchased"
ATTRIBUTES: dict[str, Column] = {
    "channel": lambda rows: sql.coalesce([rows.channel, rows.campaign_channel]),
    "campaign": lambda rows: sql.coalesce([rows.campaign_name, rows.campaign_id]),
    "campaign_id": lambda rows: rows.campaign_id,
    "campaign_type": lambda rows: rows.campaign_kind,
    "creative_id": lambda rows: rows.creative_id,
    "segment": lambda rows: rows.segment,
    "region": lambda rows: rows.region,
    "platform": lambda rows: rows.platform,
    "event": lambda rows: rows.event_type,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def touchpoints(
    tables: Tables,
    *,
    by: str = "channel",
    also: Sequence[str] = (),
    window: str | Window | None = None,
    longest: str | timedelta | LookBack | None = None,
    touches: Sequence[str] = TOUCHES,
) -> Touchpoints:
    """Return the touches and orders of all users.

    Parameters
    ----------
    tables : Tables
        Needs facts.
    by, also : str
        What tells touches apart, and what else is kept of them: channel, campaign, campaign_id,
        campaign_type, creative_id, segment, region, platform or event.
    window : str or Window, optional
        The days whose conversions are reported; all data by default.
    longest : str, timedelta or LookBack, optional
        How far before the window touches are read: at least the longest look-back window that will be asked
        for. From the first day with data by default, which is exact for every setting.
    touches : sequence of str
        The events that are touches: ``campaign_clicked`` and ``campaign_viewed``, perhaps
        ``campaign_delivered``.

    Raises
    ------
    NotEnoughData
        If there are no events.
    UsageError
        If an attribute or a kind of event is not known.
    """
    names = tuple(dict.fromkeys((by, *also)))
    for name in names:
        if name not in ATTRIBUTES:
            raise unknown_name("attribute of a touch", name, ATTRIBUTES)
    if not touches or set(touches) - set(EVENTS):
        raise UsageError(f"Touches are some of {', '.join(EVENTS)}, not {', '.join(touches) or 'nothing'}.")
    if "facts" not in tables.names:
        raise NotEnoughData("Not enough data: no events loaded, so nobody's touches are known.")
    joined, kinds = "campaigns" in tables.names, tuple(sorted(set(touches)))
    key = ("touchpoints", _source(), names, kinds, joined)
    text = sql.to_sql(lambda: _rows(names, kinds, joined), key, tables.dialect)
    days = resolve(None, tables)
    reported = days if window is None else resolve(window, tables)
    first = min(days.first, reported.first) if longest is None else _days_before(reported, lookback(longest))
    answer = tables.query(sql.with_window(text, Window(first, reported.last)))
    since = None if window is None else _micros(reported)
    found = touchpoints_of(answer, by=by, also=also, ties="name", since=since)
    return replace(found, currency=tables.currency)


def _rows(names: tuple[str, ...], touches: tuple[str, ...], joined: bool) -> Any:
    facts = sql.unbound("facts")
    held_out = sql.when(facts.is_holdout, 1, 0) == 1
    touched = facts.event_type.isin(list(touches)) & ~held_out
    bought = (facts.event_type == CONVERSION) & facts.order_id.notnull() & facts.value.notnull()
    rows = facts.filter([*sql.within(facts.day, instant=False), sql.any_of([touched, bought])])
    own = {"campaign_channel": "channel", "campaign_name": "name", "campaign_kind": "campaign_type"}
    if joined:
        campaigns = sql.unbound("campaigns")
        # Campaigns that share a name are credited one by one: behind it stands the id, as `apart` has it.
        shared = sql.over(campaigns.campaign_id.count(), [campaigns.name]) > 1
        told = (
            campaigns.name + sql.literal(" (", "string") + campaigns.campaign_id + sql.literal(")", "string")
        )
        campaigns = campaigns.mutate(name=sql.when(shared, told, campaigns.name))
        campaigns = campaigns.select(known="campaign_id", **own)
        rows = rows.left_join(campaigns, rows.campaign_id == campaigns.known)
    else:
        rows = rows.mutate(**{name: sql.literal(None, "string") for name in own})
    return rows.select(
        user_id=rows.user_key,
        timestamp=rows.timestamp,
        is_conversion=rows.event_type == CONVERSION,
        conversion_id=rows.order_id,
        value=sql.number(rows.value),
        **{name: ATTRIBUTES[name](rows) for name in names},
    )


def _days_before(window: Window, longest: LookBack) -> Any:
    if str(longest) == "any":
        raise UsageError("Leave `longest` out to read all touches before the window.")
    days = -(-longest.micros // 86_400_000_000)
    return window.first - timedelta(days=days)


def _micros(window: Window) -> int:
    first = datetime(window.first.year, window.first.month, window.first.day, tzinfo=UTC)
    return (first - _EPOCH) // timedelta(microseconds=1)


@cache
def _source() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
