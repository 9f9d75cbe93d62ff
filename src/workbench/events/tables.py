"""The tables of a workspace, as data: the catalog of all, and those that files are loaded into."""

from __future__ import annotations

from workbench.catalog import Catalog
from workbench.events.fields import CAMPAIGN_TYPES, CHANNELS, Kind, field
from workbench.events.layout import TableDefinition
from workbench.events.recorded_tables import (
    EVENTS,
    EXPERIMENT_DECISIONS,
    EXPERIMENT_DEFINITIONS,
    FACTS,
    LOADS,
    MODEL_RESULTS,
    QUARANTINE,
    RUNS,
)

__all__ = [
    "CAMPAIGNS",
    "CONSENTS",
    "CONTACTS",
    "CREATIVES",
    "DAILY_PERFORMANCE",
    "EVENTS",
    "EXPERIMENTS",
    "EXPERIMENT_DECISIONS",
    "EXPERIMENT_DEFINITIONS",
    "FACTS",
    "GEO_PERFORMANCE",
    "LEADS",
    "LOADS",
    "MODEL_RESULTS",
    "ORDERS",
    "QUARANTINE",
    "RUNS",
    "TABLES",
    "USERS",
    "TableDefinition",
]

_TARGETS = (
    field("target_leads?", Kind.NUMBER),
    field("target_conversions?", Kind.NUMBER),
    field("target_roas?", Kind.NUMBER),
    field("target_roi?", Kind.NUMBER),
)

CAMPAIGNS = TableDefinition(
    name="campaigns",
    says="One campaign: what it is, when it runs, what it may cost, what it should reach.",
    fields=(
        field("campaign_id"),
        field("name"),
        field("campaign_type", Kind.CHOICE, choices=CAMPAIGN_TYPES),
        field("channel", Kind.CHOICE, choices=CHANNELS),
        field(
            "status", Kind.CHOICE, choices=("draft", "scheduled", "active", "paused", "completed", "archived")
        ),
        field("objective?"),
        field("start_date?", Kind.DATE),
        field("end_date?", Kind.DATE),
        field("budget?", Kind.MONEY),
        *_TARGETS,
        field("region?"),
        field("original_channel?"),
    ),
    key=("campaign_id",),
    loadable=True,
)

DAILY_PERFORMANCE = TableDefinition(
    name="daily_performance",
    says="What a platform reports for one day and one campaign (and creative, segment, region).",
    fields=(
        field("date", Kind.DATE),
        field("campaign_id"),
        field("channel", Kind.CHOICE, choices=CHANNELS),
        field("creative_id?"),
        field("segment?"),
        field("region?"),
        field("impressions?", Kind.COUNT),
        field("clicks?", Kind.COUNT),
        field("spend?", Kind.MONEY),
        field("conversions?", Kind.NUMBER),
        field("revenue?", Kind.MONEY),
        field("leads?", Kind.NUMBER),
        field("engagements?", Kind.COUNT),
        field("shares?", Kind.COUNT),
        field("comments?", Kind.COUNT),
        field("sends?", Kind.COUNT),
        field("deliveries?", Kind.COUNT),
        field("bounces?", Kind.COUNT),
        field("opens?", Kind.COUNT),
        field("replies?", Kind.COUNT),
        field("original_channel?"),
        field("platform?"),
    ),
    key=("date", "campaign_id", "channel", "creative_id", "segment", "region", "platform"),
    day="date",
    order=("campaign_id", "date"),
    loadable=True,
)

CREATIVES = TableDefinition(
    name="creatives",
    says="One creative of a campaign.",
    fields=(field("creative_id"), field("campaign_id"), field("headline?"), field("body?"), field("cta?")),
    key=("creative_id",),
    loadable=True,
)

USERS = TableDefinition(
    name="users",
    says="One user.",
    fields=(
        field("user_id"),
        field("signup_at", Kind.INSTANT),
        field("acquisition_channel?"),
        field("acquisition_campaign_id?"),
        field("region?"),
        field("birth_year?", Kind.COUNT),
    ),
    key=("user_id",),
    user="user_id",
    loadable=True,
)

ORDERS = TableDefinition(
    name="orders",
    says="One order, or one line of an order; a return is a line with a negative value.",
    fields=(
        field("order_id"),
        field("line", Kind.COUNT),  # 1 where an order is one row
        field("user_id?"),  # null for a guest
        field("ordered_at", Kind.INSTANT),
        field("order_value", Kind.NUMBER),
        field("cogs?", Kind.NUMBER),
        field("category?"),
        field("location?"),
        field("quantity?", Kind.NUMBER),
        field("is_return", Kind.BOOLEAN),
    ),
    key=("order_id", "line"),
    day="ordered_at",
    user="user_id",
    order=("ordered_at",),
    loadable=True,
)

LEADS = TableDefinition(
    name="leads",
    says="One lead and how far it came.",
    fields=(
        field("lead_id"),
        field("campaign_id?"),
        field("channel", Kind.CHOICE, choices=CHANNELS),
        field("created_at", Kind.INSTANT),
        field("grade?"),
        field(
            "stage",
            Kind.CHOICE,
            choices=("new", "engaged", "replied", "qualified", "won", "lost", "pipeline"),
        ),
        field("deal_value?", Kind.MONEY),
        field("close_probability?", Kind.SCORE),
        field("closed_at?", Kind.INSTANT),
        field("segment?"),
    ),
    key=("lead_id",),
    day="created_at",
    order=("created_at",),
    loadable=True,
)

CONTACTS = TableDefinition(
    name="contacts",
    says="One contact and how it answered.",
    fields=(
        field("email"),
        field("contact_id?"),
        field("sent?", Kind.COUNT),
        field("opened?", Kind.COUNT),
        field("clicked?", Kind.COUNT),
        field("converted?", Kind.COUNT),
        field("campaigns_engaged?", Kind.COUNT),
        field("last_engaged_at?", Kind.INSTANT),
    ),
    key=("email",),
    user="contact_id",
    loadable=True,
)

CONSENTS = TableDefinition(
    name="consents",
    says="One decision of a user about one channel.",
    fields=(
        field("user_id"),
        field("channel", Kind.CHOICE, choices=CHANNELS),
        field("status", Kind.CHOICE, choices=("opt_in", "opt_out")),
        field("method"),
        field("recorded_at", Kind.INSTANT),
        field("region?"),
    ),
    key=("user_id", "channel", "recorded_at"),
    day="recorded_at",
    user="user_id",
    loadable=True,
)

EXPERIMENTS = TableDefinition(
    name="experiments",
    says="One user's place in one experiment, since when; who was told of twice stands here twice.",
    fields=(
        field("experiment"),
        field("user_id"),
        field("variant"),
        field("assigned_at", Kind.INSTANT),
        field("campaign_id?"),
    ),
    # A later row must not replace an earlier one: who saw two variants belongs to neither.
    key=("experiment", "user_id", "variant", "assigned_at"),
    day="assigned_at",
    user="user_id",
    loadable=True,
)

GEO_PERFORMANCE = TableDefinition(
    name="geo_performance",
    says="What one market (a city, a state, a sales region) sold on one day, and what was spent there.",
    fields=(
        field("date", Kind.DATE),
        field("geo"),
        field("orders?", Kind.NUMBER),
        field("revenue?", Kind.NUMBER),
        field("spend?", Kind.MONEY),
    ),
    key=("date", "geo"),
    day="date",
    order=("geo", "date"),
    loadable=True,
)


TABLES: Catalog[TableDefinition] = Catalog(
    "table",
    [
        EVENTS,
        FACTS,
        CAMPAIGNS,
        DAILY_PERFORMANCE,
        CREATIVES,
        USERS,
        ORDERS,
        LEADS,
        CONTACTS,
        CONSENTS,
        EXPERIMENTS,
        EXPERIMENT_DEFINITIONS,
        EXPERIMENT_DECISIONS,
        GEO_PERFORMANCE,
        MODEL_RESULTS,
        RUNS,
        QUARANTINE,
        LOADS,
    ],
)
