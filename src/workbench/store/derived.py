"""What follows from an accepted event: its narrow, typed fact, and, of a purchase, its order."""

from __future__ import annotations

from workbench.events.definitions import CONTEXT, EVENT_TYPES, Field
from workbench.events.validation import by_type, context_sql, properties_sql
from workbench.store.schema import user_key

# The property behind each column of the facts; of several the first that the type has.
_TEXTS = {
    "campaign_id": ("campaign_id", "from_campaign_id"),
    "creative_id": ("creative_id", "variant_a_creative_id"),
    "channel": ("delivery_channel",),
    "kind": (
        "view_type",
        "click_type",
        "engagement_type",
        "reason",
        "unsubscribe_type",
        "pause_reason",
        "user_role",
        "segment_type",
        "payment_method",
        "status",
    ),
    "order_id": ("order_id",),
}
_NUMBERS = {
    "value": ("order_value", "amount", "initial_budget", "budget_approved"),
    "seconds": (
        "view_duration_seconds",
        "time_to_click_seconds",
        "conversion_delay_seconds",
        "session_duration_seconds",
        "time_spent_seconds",
        "compute_seconds",
        "duration_seconds",
    ),
}
FACT_COLUMNS = (
    *("campaign_id", "creative_id", "channel", "segment", "region", "platform", "kind", "is_holdout"),
    *("order_id", "value", "seconds"),
)


def fact_columns() -> dict[str, str]:
    """Return the SQL of the facts' own columns over the lists `p` and `c` of a staged event."""
    made = {name: by_type(_branches(wanted, "p[{}][2:-2]")) for name, wanted in _TEXTS.items()}
    made |= {
        name: by_type(_branches(wanted, "TRY_CAST(p[{}] AS DOUBLE)")) for name, wanted in _NUMBERS.items()
    }
    made["is_holdout"] = by_type(_branches(("is_holdout",), "p[{}] = 'true'"))
    context = {field.name: f"c[{place}]" for place, field in enumerate(CONTEXT, 1)}
    segment = by_type(_branches(("segment_type",), "p[{}]"), context["user_segment"])
    made |= {"segment": _plain(segment), "region": _plain(context["region"])}
    made["platform"] = _plain(context["platform"])
    return {name: made[name] for name in FACT_COLUMNS}


def other_campaign() -> str:
    """Return the SQL of the second campaign that an event names."""
    return by_type(_branches(("to_campaign_id",), "p[{}][2:-2]"))


def _branches(wanted: tuple[str, ...], sql: str) -> dict[str, str]:
    found = {}
    for event_type in EVENT_TYPES.values():
        place = _place(event_type.fields, wanted)
        if place is not None:
            found[event_type.name] = sql.format(place)
    return found


def _place(fields: tuple[Field, ...], wanted: tuple[str, ...]) -> int | None:
    names = [field.name for field in fields]
    return next((names.index(name) + 1 for name in wanted if name in names), None)


def _plain(value: str) -> str:
    # A text without escapes is what stands between its quotes.
    return (
        f"CASE WHEN contains({value}, chr(92)) THEN json_extract_string({value}, '$')"
        f" WHEN {value} <> 'null' THEN {value}[2:-2] END"
    )


def facts_sql(staged: str, arrival: str, load_id: str) -> str:
    """Return the SELECT of the facts of staged events.

    Parameters
    ----------
    staged : str
        A relation with `event_type`, `timestamp`, `user_key`, `source`, `late_arrival`, and `FACT_COLUMNS`.
    arrival, load_id : str
        SQL of when they arrived, and of the load.
    """
    own = ", ".join(FACT_COLUMNS)
    lag = f"(epoch_us({arrival}) - epoch_us(timestamp)) / 60e6"
    return (
        f"SELECT event_type, CAST(timestamp AS DATE) AS day, timestamp, user_key, source, {own},"
        f" {lag} AS lag_minutes, late_arrival, {load_id} AS load_id FROM {staged}"
    )


def staged_again(table: str, where: str) -> str:
    """Return the SELECT of stored events with the columns of their facts."""
    parsed = f"SELECT *, {properties_sql()} AS p, {context_sql()} AS c FROM {table} WHERE {where}"
    facts = ", ".join(f"{sql} AS {name}" for name, sql in fact_columns().items())
    return f"SELECT * EXCLUDE (p, c), {user_key()} AS user_key, {facts} FROM ({parsed}) WHERE true"


def purchases_sql(events: str) -> str:
    """Return the SELECT of what the table of orders took from stored purchases."""
    value = "CAST(json_extract_string(properties, '$.order_value') AS DOUBLE)"
    return (
        "SELECT json_extract_string(properties, '$.order_id') AS order_id, user_id, timestamp AS ordered_at,"
        f" {value} AS order_value FROM {events} AND event_type = 'user_purchased'"
    )


def with_others_sql(staged: str, events: str, replaced: str) -> str:
    """Return staged events together with stored purchases of orders that replaced purchases told, too.

    Parameters
    ----------
    staged : str
        A relation as that of `orders_sql`.
    events : str
        Stored events and a condition, such as ``events WHERE true``.
    replaced : str
        A relation of replaced purchases.
    """
    columns = "event_id, event_type, user_id, timestamp, properties, order_id, value"
    order = "json_extract_string(properties, '$.order_id')"
    value = "CAST(json_extract_string(properties, '$.order_value') AS DOUBLE)"
    return (
        f"(SELECT {columns} FROM {staged} UNION ALL SELECT event_id, event_type, user_id, timestamp,"
        f" properties, {order} AS order_id, {value} AS value FROM {events} AND event_type = 'user_purchased'"
        f" AND {order} IN (SELECT order_id FROM {replaced}))"
    )


def of_purchases(purchases: str) -> str:
    """Return the SQL that is true of orders which are as those purchases told them."""
    own = "(order_id, user_id, ordered_at, order_value)"
    return f"coalesce(line <= 1 AND cogs IS NULL AND {own} IN (SELECT {own} FROM {purchases}), false)"


def orders_sql(staged: str, gone: str = "false") -> str:
    """Return the SELECT of the orders of staged purchases that the table of orders does not have.

    An order of which there is only a return is not known yet; where that has the line of a sale, the sale
    gets the line before.

    Parameters
    ----------
    staged : str
        A relation of purchases, and of other events.
    gone : str
        SQL that is true of orders which leave the table with this load.
    """
    first = f"order_id IN (SELECT order_id FROM orders WHERE line = 1 AND NOT {gone})"
    return (
        f"SELECT order_id, CAST(CASE WHEN {first} THEN 0 ELSE 1 END AS BIGINT) AS line, user_id,"
        " timestamp AS ordered_at, value AS order_value,"
        " json_extract_string(properties, '$.order_category') AS category,"
        f" false AS is_return FROM {staged} WHERE event_type = 'user_purchased'"
        f" AND order_id NOT IN (SELECT order_id FROM orders WHERE NOT is_return AND NOT {gone})"
        " QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY timestamp, event_id) = 1"
    )
