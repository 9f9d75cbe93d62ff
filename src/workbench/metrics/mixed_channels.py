"""Campaigns that are sent by several channels: clicks, views and conversions follow the last delivery.

Only a delivery names its channel. Where all of a campaign's deliveries name the channel of the campaign, that
is the channel of what follows; otherwise, and where the campaign is not on record, the channel of a click is
that of the user's last delivery of the campaign before it, and unknown where there was none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from workbench.events.rollups import ROLLUPS
from workbench.metrics import sql
from workbench.metrics.conditions import Condition
from workbench.metrics.measures import Leaf
from workbench.metrics.sql import Expression

if TYPE_CHECKING:
    from workbench.source import Tables

_KEYS = {"event_type", "campaign_id", "channel", "is_holdout"}
_SENT = (
    "event_type = 'campaign_delivered' AND campaign_id IS NOT NULL AND channel IS NOT NULL"
    " AND (is_holdout IS NULL OR NOT is_holdout)"
)


def mixed_campaigns(
    tables: Tables, wanted: Iterable[Leaf], by: Iterable[str], where: Iterable[Condition]
) -> tuple[str, ...]:
    """Return the campaigns whose deliveries name several channels, or another than the campaign on record.

    They are looked for only where a question on events names the channel.
    """
    leaves = [leaf for leaf in wanted if leaf.table == "facts"]
    columns = [*by, *(condition.column for condition in where)]
    columns += [condition.column for leaf in leaves for condition in getattr(leaf, "where", ())]
    if not leaves or "channel" not in columns or "facts" not in tables.names:
        return ()
    rows = next(
        (r.name for r in ROLLUPS.values() if r.name in tables.names and set(r.keys) >= _KEYS), "facts"
    )
    # Pairs first: the few that there are cost less to find than a least and a greatest text of all rows.
    pairs = f"SELECT DISTINCT campaign_id, channel FROM {rows} WHERE {_SENT}"
    query = (
        f"SELECT campaign_id, MIN(channel) AS one, MAX(channel) AS other FROM ({pairs}) AS pairs GROUP BY 1"
    )
    if "campaigns" in tables.names:
        query = (
            f"SELECT sent.campaign_id FROM ({query}) AS sent LEFT JOIN campaigns"
            " ON campaigns.campaign_id = sent.campaign_id"
            " WHERE sent.one <> sent.other OR sent.one <> campaigns.channel OR campaigns.channel IS NULL"
        )
    return tuple(sorted(map(str, tables.query(query).column(0).to_pylist())))


def with_last_channel(rows: Expression) -> Expression:
    """Return facts of mixed campaigns, from the first, with the channel of the last delivery so far."""
    delivered = rows.event_type == "campaign_delivered"
    sent = delivered & rows.channel.notnull() & ~rows.is_holdout.fill_null(False)
    rows = rows.mutate(sent_=sql.when(sent, 1, 0), after_=sql.when(delivered, 0, 1))
    order = [rows.timestamp, rows.after_, rows.channel]
    # Every delivery begins a turn, to which belongs what follows it.
    rows = rows.mutate(turn_=sql.so_far(rows.sent_.sum(), [rows.campaign_id, rows.user_key], order))
    channel = sql.when(rows.sent_ == 1, rows.channel).max()
    last = sql.over(channel, [rows.campaign_id, rows.user_key, rows.turn_])
    return rows.mutate(channel=sql.coalesce([rows.channel, last])).drop("sent_", "after_", "turn_")
