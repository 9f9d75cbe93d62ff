"""The twenty event types, as data: every property, its kind, and what is allowed.

Words: an *event* is one line of the envelope below; its *properties* depend on its type. Validation, the
documentation, the simulator and the store read these definitions; nothing else lists them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workbench.catalog import Catalog


class Kind(StrEnum):
    """What a value is. Money is >= 0, a score lies in 0..1, a count is a whole number >= 0."""

    STRING = "string"
    UUID = "uuid"
    NUMBER = "number"
    COUNT = "count"
    MONEY = "money"
    SCORE = "score"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    DATE = "date"
    CHOICE = "choice"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Field:
    """One property of an event, or one column of a table.

    Parameters
    ----------
    name : str
        The name in the data.
    kind : Kind
        What its values are.
    required : bool
        Whether a null is refused.
    choices : tuple of str
        What a CHOICE may be.
    minimum : float, optional
        The smallest value of a NUMBER.
    """

    name: str
    kind: Kind = Kind.STRING
    required: bool = True
    choices: tuple[str, ...] = ()
    minimum: float | None = None


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type: its name, its family, and its properties."""

    name: str
    family: str
    says: str
    fields: tuple[Field, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """Return the names of the properties that may not be null."""
        return tuple(field.name for field in self.fields if field.required)


SOURCES = ("mobile", "admin_portal", "backend")
OWNED_CHANNELS = ("email", "sms", "push", "in_app")
PAID_CHANNELS = ("social", "paid_search", "paid_social", "display", "video", "linkedin", "affiliate")
CHANNELS = (*OWNED_CHANNELS, *PAID_CHANNELS, "contact_form", "organic", "direct", "referral", "other")
CAMPAIGN_TYPES = (
    "DISCOUNT",
    "CASHBACK",
    "LOYALTY",
    "LOCATION_BASED",
    "CATEGORY_PROMOTION",
    "SPENDING_MILESTONE",
    "RE_ENGAGEMENT",
    "VIP",
    "OTHER",
)
SEGMENTS = (
    "NEW_SHOPPER",
    "INACTIVE",
    "HIGH_SPENDER",
    "FREQUENT_SHOPPER",
    "WEEKEND_SHOPPER",
    "CATEGORY_FOCUSED",
    "LOCATION_CLUSTERED",
    "SEASONAL_SPENDER",
)
ROLES = ("cmo", "performance", "lifecycle", "rewards", "data_science", "compliance")


def _field(name: str, kind: Kind = Kind.STRING, **facts: object) -> Field:
    optional = name.endswith("?")
    return Field(name.removesuffix("?"), kind, required=not optional, **facts)  # type: ignore[arg-type]


def _choice(name: str, *choices: str) -> Field:
    return _field(name, Kind.CHOICE, choices=choices)


_CAMPAIGN = _field("campaign_id", Kind.UUID)
_CREATIVE = _field("creative_id", Kind.UUID)
_CAMPAIGN_TYPE = _choice("campaign_type", *CAMPAIGN_TYPES)
_MARKETER = _field("marketer_id", Kind.UUID)


def _seconds(name: str) -> Field:
    return _field(name, Kind.NUMBER, minimum=0)


_DELIVERY = [
    EventType(
        "campaign_delivered",
        "delivery",
        "A message reached a user, or, with is_holdout, the user was kept out of the campaign.",
        (
            _CAMPAIGN,
            _CAMPAIGN_TYPE,
            _CREATIVE,
            _field("segment_id?"),
            _choice("delivery_channel", *CHANNELS),
            _field("scheduled_time?", Kind.INSTANT),
            _field("is_holdout", Kind.BOOLEAN),
            _choice("allocation_method", "ai_optimized", "random", "manual"),
        ),
    ),
    EventType(
        "campaign_viewed",
        "delivery",
        "A user saw or opened a message.",
        (
            _CAMPAIGN,
            _CREATIVE,
            _seconds("view_duration_seconds"),
            _choice("view_type", "received", "opened", "clicked_cta"),
            _field("impression_position?", Kind.COUNT),
        ),
    ),
    EventType(
        "campaign_clicked",
        "delivery",
        "A user clicked a message.",
        (
            _CAMPAIGN,
            _CREATIVE,
            _choice("click_type", "cta", "headline", "image", "deep_link"),
            _field("destination_url?"),
            _seconds("time_to_click_seconds"),
        ),
    ),
    EventType(
        "campaign_converted",
        "delivery",
        "An order was credited to a campaign.",
        (
            _CAMPAIGN,
            _CREATIVE,
            _seconds("conversion_delay_seconds"),
            _field("order_id", Kind.UUID),
            _field("order_value", Kind.MONEY),
            _field("attribution_model"),
            _field("is_incremental?", Kind.BOOLEAN),
            _field("incrementality_score?", Kind.SCORE),
        ),
    ),
    EventType(
        "campaign_abandoned",
        "delivery",
        "A campaign ended for a user without a conversion.",
        (
            _CAMPAIGN,
            _choice("reason", "expired", "unsubscribed", "opt_out", "deletion_requested"),
            _field("days_to_abandon", Kind.NUMBER, minimum=0),
        ),
    ),
]

_USERS = [
    EventType(
        "user_segmented",
        "users",
        "A user entered a segment.",
        (
            _choice("segment_type", *SEGMENTS, "GENERAL"),
            _field("segment_score", Kind.SCORE),
            _field("previous_segment?"),
            _field("segment_change_reason?"),
        ),
    ),
    EventType(
        "user_purchased",
        "users",
        "A user placed an order.",
        (
            _field("order_id", Kind.UUID),
            _field("order_value", Kind.MONEY),
            _field("order_category"),
            _choice("payment_method", "card", "wallet", "other"),
            _field("promo_code_used", Kind.BOOLEAN),
            _field("promotional_discount?", Kind.MONEY),
            _field("is_repeat_purchase", Kind.BOOLEAN),
            _field("days_since_last_purchase?", Kind.NUMBER, minimum=0),
        ),
    ),
    EventType(
        "user_engaged",
        "users",
        "A user did something in the app or shop.",
        (
            _choice(
                "engagement_type",
                "app_open",
                "view_rewards",
                "view_catalog",
                "search",
                "save_item",
                "add_to_cart",
            ),
            _field("session_duration_seconds?", Kind.NUMBER, minimum=0),
            _field("screen_name?"),
            _field("search_query?"),
        ),
    ),
    EventType(
        "user_unsubscribed",
        "users",
        "A user refused further messages.",
        (
            _choice("unsubscribe_type", "all_campaigns", "push_only", "email_only", "frequency_cap"),
            _field("unsubscribe_reason?"),
            _field("previous_email_frequency?", Kind.NUMBER, minimum=0),
        ),
    ),
]

_MARKETERS = [
    EventType(
        "campaign_created",
        "marketers",
        "A marketer drafted a campaign.",
        (
            _CAMPAIGN,
            _MARKETER,
            _CAMPAIGN_TYPE,
            _field("target_segment"),
            _field("initial_budget", Kind.MONEY),
            _field("template_used?"),
        ),
    ),
    EventType(
        "campaign_launched",
        "marketers",
        "A campaign went live.",
        (
            _CAMPAIGN,
            _MARKETER,
            _field("actual_audience_size", Kind.COUNT),
            _field("scheduled_delivery_time?", Kind.INSTANT),
            _field("budget_approved", Kind.MONEY),
            _field("ai_recommendation_applied", Kind.BOOLEAN),
        ),
    ),
    EventType(
        "campaign_paused",
        "marketers",
        "A campaign was stopped.",
        (
            _CAMPAIGN,
            _MARKETER,
            _choice("pause_reason", "manual", "low_performance", "budget_exceeded", "user_feedback"),
            _field("pause_metrics_snapshot?", Kind.OBJECT),
        ),
    ),
    EventType(
        "budget_reallocated",
        "marketers",
        "Budget moved from one campaign to another.",
        (
            _field("from_campaign_id", Kind.UUID),
            _field("to_campaign_id", Kind.UUID),
            _field("amount", Kind.MONEY),
            _field("reallocation_reason"),
            _field("recommendation_id?"),
        ),
    ),
    EventType(
        "dashboard_accessed",
        "marketers",
        "A person opened a dashboard.",
        (
            _choice("user_role", *ROLES),
            _field("dashboard_section"),
            _seconds("time_spent_seconds"),
            _field("filters_applied?", Kind.OBJECT),
            _field("export_requested", Kind.BOOLEAN),
        ),
    ),
    EventType(
        "creative_variant_tested",
        "marketers",
        "Two creatives were put to a test.",
        (
            _field("test_id", Kind.UUID),
            _CAMPAIGN,
            _field("variant_a_creative_id", Kind.UUID),
            _field("variant_b_creative_id", Kind.UUID),
            _field("split_percentage", Kind.NUMBER, minimum=0),
            _field("test_duration_days", Kind.NUMBER, minimum=0),
            _field("primary_metric"),
            _field("significance_threshold", Kind.SCORE),
        ),
    ),
]

_OUTCOME = _choice("status", "success", "failure")

_SYSTEM = [
    EventType(
        "data_refresh_completed",
        "system",
        "A load ended.",
        (
            _field("load_id"),
            _OUTCOME,
            _seconds("duration_seconds"),
            _field("rows_read", Kind.COUNT),
            _field("rows_accepted", Kind.COUNT),
            _field("rows_duplicate", Kind.COUNT),
            _field("rows_quarantined", Kind.COUNT),
        ),
    ),
    EventType(
        "metric_calculation_completed",
        "system",
        "Metrics were evaluated.",
        (
            _field("metrics"),
            _OUTCOME,
            _seconds("duration_seconds"),
            _seconds("compute_seconds"),
            _field("rows_returned", Kind.COUNT),
        ),
    ),
    EventType(
        "anomaly_detected",
        "system",
        "A figure left its expected range.",
        (
            _field("metric"),
            _field("slice?"),
            _field("observed", Kind.NUMBER),
            _field("expected", Kind.NUMBER),
            _field("severity", Kind.SCORE),
            _seconds("duration_seconds"),
        ),
    ),
    EventType(
        "model_inference_completed",
        "system",
        "A model was applied.",
        (
            _field("model"),
            _OUTCOME,
            _seconds("duration_seconds"),
            _field("rows_scored", Kind.COUNT),
            _field("auc?", Kind.SCORE),
        ),
    ),
    EventType(
        "user_action_recommended",
        "system",
        "The workbench recommended an action.",
        (
            _field("recommendation_id"),
            _field("action"),
            _field("campaign_id?", Kind.UUID),
            _field("expected_value?", Kind.NUMBER),
            _field("confidence", Kind.SCORE),
            _seconds("duration_seconds"),
        ),
    ),
]

EVENT_TYPES: Catalog[EventType] = Catalog("event type", [*_DELIVERY, *_USERS, *_MARKETERS, *_SYSTEM])

ENVELOPE = (
    Field("event_id", Kind.UUID),
    Field("event_type", Kind.CHOICE, choices=tuple(EVENT_TYPES)),
    Field("timestamp", Kind.INSTANT),
    Field("user_id", Kind.STRING),
    Field("session_id", Kind.STRING, required=False),
    Field("source", Kind.CHOICE, choices=SOURCES),
    Field("properties", Kind.OBJECT),
    Field("context", Kind.OBJECT, required=False),
)

CONTEXT = (
    Field("app_version", required=False),
    Field("platform", Kind.CHOICE, required=False, choices=("iOS", "Android", "Web")),
    Field("user_segment", required=False),
    Field("region", required=False),
)
