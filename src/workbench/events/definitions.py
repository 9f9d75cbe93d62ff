"""The twenty event types, as data: every property, its kind, and what is allowed.

Words: an *event* is one line of the envelope below; its *properties* depend on its type. Validation, the
documentation, the simulator and the store read these definitions; nothing else lists them again.
"""

from __future__ import annotations

from workbench.catalog import Catalog
from workbench.events.fields import (
    CAMPAIGN_TYPES,
    CHANNELS,
    OWNED_CHANNELS,
    PAID_CHANNELS,
    ROLES,
    SEGMENTS,
    SOURCES,
    EventType,
    Field,
    Kind,
    choice,
    field,
    seconds,
)

__all__ = [
    "CAMPAIGN_TYPES",
    "CHANNELS",
    "CONTEXT",
    "ENVELOPE",
    "EVENT_TYPES",
    "OWNED_CHANNELS",
    "PAID_CHANNELS",
    "ROLES",
    "SEGMENTS",
    "SOURCES",
    "EventType",
    "Field",
    "Kind",
]

_CAMPAIGN = field("campaign_id", Kind.UUID)
_CREATIVE = field("creative_id", Kind.UUID)
_CAMPAIGN_TYPE = choice("campaign_type", *CAMPAIGN_TYPES)
_MARKETER = field("marketer_id", Kind.UUID)

_DELIVERY = [
    EventType(
        "campaign_delivered",
        "delivery",
        "A message reached a user, or, with is_holdout, the user was kept out of the campaign.",
        (
            _CAMPAIGN,
            _CAMPAIGN_TYPE,
            _CREATIVE,
            field("segment_id?"),
            choice("delivery_channel", *CHANNELS),
            field("scheduled_time?", Kind.INSTANT),
            field("is_holdout", Kind.BOOLEAN),
            choice("allocation_method", "ai_optimized", "random", "manual"),
        ),
    ),
    EventType(
        "campaign_viewed",
        "delivery",
        "A user saw or opened a message.",
        (
            _CAMPAIGN,
            _CREATIVE,
            seconds("view_duration_seconds"),
            choice("view_type", "received", "opened", "clicked_cta"),
            field("impression_position?", Kind.COUNT),
        ),
    ),
    EventType(
        "campaign_clicked",
        "delivery",
        "A user clicked a message.",
        (
            _CAMPAIGN,
            _CREATIVE,
            choice("click_type", "cta", "headline", "image", "deep_link"),
            field("destination_url?"),
            seconds("time_to_click_seconds"),
        ),
    ),
    EventType(
        "campaign_converted",
        "delivery",
        "An order was credited to a campaign.",
        (
            _CAMPAIGN,
            _CREATIVE,
            seconds("conversion_delay_seconds"),
            field("order_id", Kind.UUID),
            field("order_value", Kind.MONEY),
            field("attribution_model"),
            field("is_incremental?", Kind.BOOLEAN),
            field("incrementality_score?", Kind.SCORE),
        ),
    ),
    EventType(
        "campaign_abandoned",
        "delivery",
        "A campaign ended for a user without a conversion.",
        (
            _CAMPAIGN,
            choice("reason", "expired", "unsubscribed", "opt_out", "deletion_requested"),
            field("days_to_abandon", Kind.NUMBER, minimum=0),
        ),
    ),
]

_USERS = [
    EventType(
        "user_segmented",
        "users",
        "A user entered a segment.",
        (
            choice("segment_type", *SEGMENTS, "GENERAL"),
            field("segment_score", Kind.SCORE),
            field("previous_segment?"),
            field("segment_change_reason?"),
        ),
    ),
    EventType(
        "user_purchased",
        "users",
        "A user placed an order.",
        (
            field("order_id", Kind.UUID),
            field("order_value", Kind.MONEY),
            field("order_category"),
            choice("payment_method", "card", "wallet", "other"),
            field("promo_code_used", Kind.BOOLEAN),
            field("promotional_discount?", Kind.MONEY),
            field("is_repeat_purchase", Kind.BOOLEAN),
            field("days_since_last_purchase?", Kind.NUMBER, minimum=0),
        ),
    ),
    EventType(
        "user_engaged",
        "users",
        "A user did something in the app or shop.",
        (
            choice(
                "engagement_type",
                "app_open",
                "view_rewards",
                "view_catalog",
                "search",
                "save_item",
                "add_to_cart",
            ),
            field("session_duration_seconds?", Kind.NUMBER, minimum=0),
            field("screen_name?"),
            field("search_query?"),
        ),
    ),
    EventType(
        "user_unsubscribed",
        "users",
        "A user refused further messages.",
        (
            choice("unsubscribe_type", "all_campaigns", "push_only", "email_only", "frequency_cap"),
            field("unsubscribe_reason?"),
            field("previous_email_frequency?", Kind.NUMBER, minimum=0),
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
            field("target_segment"),
            field("initial_budget", Kind.MONEY),
            field("template_used?"),
        ),
    ),
    EventType(
        "campaign_launched",
        "marketers",
        "A campaign went live.",
        (
            _CAMPAIGN,
            _MARKETER,
            field("actual_audience_size", Kind.COUNT),
            field("scheduled_delivery_time?", Kind.INSTANT),
            field("budget_approved", Kind.MONEY),
            field("ai_recommendation_applied", Kind.BOOLEAN),
        ),
    ),
    EventType(
        "campaign_paused",
        "marketers",
        "A campaign was stopped.",
        (
            _CAMPAIGN,
            _MARKETER,
            choice("pause_reason", "manual", "low_performance", "budget_exceeded", "user_feedback"),
            field("pause_metrics_snapshot?", Kind.OBJECT),
        ),
    ),
    EventType(
        "budget_reallocated",
        "marketers",
        "Budget moved from one campaign to another.",
        (
            field("from_campaign_id", Kind.UUID),
            field("to_campaign_id", Kind.UUID),
            field("amount", Kind.MONEY),
            field("reallocation_reason"),
            field("recommendation_id?"),
        ),
    ),
    EventType(
        "dashboard_accessed",
        "marketers",
        "A person opened a dashboard.",
        (
            choice("user_role", *ROLES),
            field("dashboard_section"),
            seconds("time_spent_seconds"),
            field("filters_applied?", Kind.OBJECT),
            field("export_requested", Kind.BOOLEAN),
        ),
    ),
    EventType(
        "creative_variant_tested",
        "marketers",
        "Two creatives were put to a test.",
        (
            field("test_id", Kind.UUID),
            _CAMPAIGN,
            field("variant_a_creative_id", Kind.UUID),
            field("variant_b_creative_id", Kind.UUID),
            field("split_percentage", Kind.NUMBER, minimum=0),
            field("test_duration_days", Kind.NUMBER, minimum=0),
            field("primary_metric"),
            field("significance_threshold", Kind.SCORE),
        ),
    ),
]

_OUTCOME = choice("status", "success", "failure")

_SYSTEM = [
    EventType(
        "data_refresh_completed",
        "system",
        "A load ended.",
        (
            field("load_id"),
            _OUTCOME,
            seconds("duration_seconds"),
            field("rows_read", Kind.COUNT),
            field("rows_accepted", Kind.COUNT),
            field("rows_duplicate", Kind.COUNT),
            field("rows_quarantined", Kind.COUNT),
            field("campaigns?"),  # JSON: those that a platform's report tells, where it tells not very many
        ),
    ),
    EventType(
        "metric_calculation_completed",
        "system",
        "Metrics were evaluated.",
        (
            field("metrics"),
            _OUTCOME,
            seconds("duration_seconds"),
            seconds("compute_seconds"),
            field("rows_returned", Kind.COUNT),
        ),
    ),
    EventType(
        "anomaly_detected",
        "system",
        "A figure left its expected range.",
        (
            field("metric"),
            field("slice?"),
            field("observed", Kind.NUMBER),
            field("expected", Kind.NUMBER),
            field("severity", Kind.SCORE),
            seconds("duration_seconds"),
        ),
    ),
    EventType(
        "model_inference_completed",
        "system",
        "A model was applied.",
        (
            field("model"),
            _OUTCOME,
            seconds("duration_seconds"),
            field("rows_scored", Kind.COUNT),
            field("auc?", Kind.SCORE),
        ),
    ),
    EventType(
        "user_action_recommended",
        "system",
        "The workbench recommended an action.",
        (
            field("recommendation_id"),
            field("action"),
            field("campaign_id?", Kind.UUID),
            field("expected_value?", Kind.NUMBER),
            field("confidence", Kind.SCORE),
            seconds("duration_seconds"),
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
