"""A year of events and their facts, made by SQL from numbers, and appended to a workspace month by month."""

from __future__ import annotations

from workbench.store import Workspace
from workbench.store.schema import user_key

YEAR = 2025
EVENTS_PER_USER = 50
_CAMPAIGNS, _CREATIVES, _REGIONS = 200, 1000, 20

# Up to which of a hundred draws an event is of a type, its properties, and what stands in them.
_KINDS = (
    (
        45,
        "campaign_delivered",
        '{%s, "campaign_type": "DISCOUNT", "delivery_channel": "email", "is_holdout": %s,'
        ' "allocation_method": "random"}',
        "about, CAST(is_holdout AS VARCHAR)",
    ),
    (
        70,
        "campaign_viewed",
        '{%s, "view_duration_seconds": %s, "view_type": "opened", "impression_position": 3}',
        "about, seconds",
    ),
    (80, "campaign_clicked", '{%s, "click_type": "cta", "time_to_click_seconds": %s}', "about, seconds"),
    (90, "user_engaged", '{"engagement_type": "app_open", "screen_name": "home"}', ""),
    (
        94,
        "campaign_converted",
        '{%s, %s, "conversion_delay_seconds": %s, "attribution_model": "last_touch"}',
        "about, bought, seconds",
    ),
    (
        100,
        "user_purchased",
        '{%s, "order_category": "food", "payment_method": "card", "promo_code_used": false,'
        ' "is_repeat_purchase": true}',
        "bought",
    ),
)


def identity(text: str) -> str:
    """Return the SQL of a UUID that follows from a text."""
    return f"CAST(CAST(md5({text}) AS UUID) AS VARCHAR)"


def _named(kind: str, count: int) -> str:
    # A few names for many events are made once.
    return f"SELECT list({identity(f"'{kind}' || range")} ORDER BY range) FROM range({count})"


def _drawn(rows: str, users: int) -> str:
    return f"""
    SELECT *, 'u' || lpad(CAST(who AS VARCHAR), 8, '0') AS user_id,
           ({_named("c", _CAMPAIGNS)})[1 + number % {_CAMPAIGNS}] AS campaign_id,
           ({_named("k", _CREATIVES)})[1 + number % {_CREATIVES}] AS creative_id,
           CASE WHEN draw >= 90 THEN {identity("'o' || i")} END AS order_id,
           number % 10 = 0 AS is_holdout, 'R' || number % {_REGIONS} AS region
    FROM (SELECT *, CAST(hash(i, 7) % {users} AS BIGINT) AS who, hash(i, 1) % 100 AS draw,
                 CAST(hash(i, 2) % 100000 AS BIGINT) AS number, 5 + hash(i, 3) % 9000 / 100 AS value,
                 CAST(hash(i, 5) % 40000 / 100 AS VARCHAR) AS seconds FROM ({rows}))
    """


def _event_type() -> str:
    return f"CASE {' '.join(f"WHEN draw < {end} THEN '{name}'" for end, name, _, _ in _KINDS)} END"


def events_sql(rows: str, users: int) -> str:
    """Return the SELECT of events.

    Parameters
    ----------
    rows : str
        A relation of `i`, the event's number, and `moment`, its time; see `spread`.
    users : int
        How many users there are.
    """
    cases = " ".join(
        f"WHEN draw < {end} THEN printf('{text}'{', ' if cells else ''}{cells})"
        for end, _, text, cells in _KINDS
    )
    return f"""
    SELECT {identity("'e' || i")} AS event_id, {_event_type()} AS event_type, moment AS "timestamp", user_id,
           's' || hash(i, 8) % 1000000000 AS session_id, 'mobile' AS "source", CASE {cases} END AS properties,
           printf('{{"app_version": "5.2.1", "platform": "iOS", "region": "%s"}}', region) AS context
    FROM (SELECT *,
             printf('"campaign_id": "%s", "creative_id": "%s"', campaign_id, creative_id) AS about,
             printf('"order_id": "%s", "order_value": %s', order_id, CAST(value AS VARCHAR)) AS bought
          FROM ({_drawn(rows, users)}))
    """


def facts_sql(rows: str, users: int) -> str:
    """Return the SELECT of the facts of the same events; parameters as in `events_sql`."""
    own = f"SELECT range AS who, {user_key("'u' || lpad(CAST(range AS VARCHAR), 8, '0')")} AS user_key"
    return f"""
    SELECT {_event_type()} AS event_type, CAST(moment AS DATE) AS day, moment AS "timestamp", user_key,
           'mobile' AS "source", region, 'iOS' AS platform,
           CASE WHEN draw < 80 OR draw BETWEEN 90 AND 93 THEN campaign_id END AS campaign_id,
           CASE WHEN draw < 80 OR draw BETWEEN 90 AND 93 THEN creative_id END AS creative_id,
           CASE WHEN draw < 45 THEN 'email' END AS channel,
           CASE WHEN draw < 45 THEN is_holdout END AS is_holdout,
           order_id, CASE WHEN draw >= 90 THEN value END AS value, 20 AS lag_minutes, false AS late_arrival
    FROM ({_drawn(rows, users)}) JOIN ({own} FROM range({users})) USING (who)
    """


def spread(first: int, last: int, since: str, until: str) -> str:
    """Return the relation of the numbers `first` to `last` (excluded), spread over some days."""
    span = f"CAST(86400000000 * (DATE '{until}' - DATE '{since}') AS UBIGINT)"
    return (
        f"SELECT i, TIMESTAMPTZ '{since} 00:00:00+00' + to_microseconds(CAST(hash(i, 4) % {span} AS BIGINT))"
        f" AS moment FROM range({first}, {last}) AS r(i)"
    )


def users_of(events: int) -> int:
    """Return how many users a number of events has."""
    return max(events // EVENTS_PER_USER, 100)


def fill(workspace: Workspace, events: int) -> None:
    """Append a year of events with their facts, a month in one load; months that are there stay."""
    with workspace.writer() as writer:
        writer.connection.execute("SET memory_limit = '6GB'")
        for month in range(12, 0, -1):
            after = f"{YEAR + month // 12}-{month % 12 + 1:02}-01"
            rows = spread(events // 12 * (month - 1), events // 12 * month, f"{YEAR}-{month:02}-01", after)
            arrived = 'SELECT *, "timestamp" + INTERVAL 20 MINUTE AS ingested_at, false AS late_arrival'
            with writer.transaction(f"month-{month}") as load:
                load.append("events", f"{arrived} FROM ({events_sql(rows, users_of(events))})")
                load.append("facts", facts_sql(rows, users_of(events)))
                load.commit()
