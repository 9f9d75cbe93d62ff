"""The tables of a workspace, as data: columns, kinds, keys, and how each is laid out on disk.

Words: a table's *key* tells its rows apart (a row with the key of an earlier one replaces it); its *day*
column places a row in time; *user column* is what erasure looks for.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.catalog import Catalog
from workbench.events.definitions import CAMPAIGN_TYPES, CHANNELS, EVENT_TYPES, SOURCES, Field, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDefinition:
    """One table of a workspace.

    Parameters
    ----------
    name : str
        The table's name.
    says : str
        What one row is.
    fields : tuple of Field
        Its columns, in order. A partition column comes last.
    key : tuple of str
        What tells two rows apart; empty where every row is its own.
    day : str, optional
        The DATE or INSTANT column that places a row in time.
    user : str, optional
        The column that names a person.
    partitions : tuple of str
        The columns that are folders on disk.
    order : tuple of str
        How rows are sorted within a file.
    loadable : bool
        Whether a file can be loaded into it; the others are written by the workbench itself.
    """

    name: str
    says: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    day: str | None = None
    user: str | None = None
    partitions: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    loadable: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> Field:
        """Return one column's definition."""
        return next(field for field in self.fields if field.name == name)


def _f(name: str, kind: Kind = Kind.STRING, choices: tuple[str, ...] = ()) -> Field:
    return Field(name.removesuffix("?"), kind, required=not name.endswith("?"), choices=choices)


_MONTH = _f("month")  # YYYY-MM, UTC
_LOAD = _f("load_id")

EVENTS = TableDefinition(
    name="events",
    says="One accepted event, complete: the envelope, and properties and context as JSON text.",
    fields=(
        _f("event_id", Kind.UUID),
        _f("event_type", Kind.CHOICE, tuple(EVENT_TYPES)),
        _f("timestamp", Kind.INSTANT),
        _f("user_id"),
        _f("session_id?"),
        _f("source", Kind.CHOICE, SOURCES),
        _f("properties"),
        _f("context?"),
        _f("ingested_at", Kind.INSTANT),
        _f("late_arrival", Kind.BOOLEAN),
        _LOAD,
        _MONTH,
        _f("bucket", Kind.COUNT),  # 0..15, of user_id
    ),
    key=("event_id",),
    day="timestamp",
    user="user_id",
    partitions=("month", "bucket"),
    order=("event_type", "timestamp"),
)

FACTS = TableDefinition(
    name="facts",
    says="The same events, narrow and typed, for metrics.",
    fields=(
        _f("event_type", Kind.CHOICE, tuple(EVENT_TYPES)),
        _f("day", Kind.DATE),  # of timestamp, UTC
        _f("timestamp", Kind.INSTANT),
        _f("user_key", Kind.NUMBER),  # 63 bits of the MD5 of user_id, as a 64-bit integer
        _f("source", Kind.CHOICE, SOURCES),
        _f("campaign_id?"),
        _f("creative_id?"),
        _f("channel?"),  # delivery_channel where the event has one
        _f("segment?"),  # context.user_segment, or segment_type of user_segmented
        _f("region?"),  # context.region
        _f("platform?"),  # context.platform
        _f("kind?"),  # view_type, click_type, engagement_type, reason, unsubscribe_type, status ...
        _f("is_holdout?", Kind.BOOLEAN),
        _f("order_id?"),
        _f("value?", Kind.NUMBER),  # order_value, amount, initial_budget, budget_approved
        _f("seconds?", Kind.NUMBER),  # view duration, time to click, conversion delay, compute or duration
        _f("lag_minutes", Kind.NUMBER),  # ingested_at - timestamp
        _f("late_arrival", Kind.BOOLEAN),
        _LOAD,
        _MONTH,
    ),
    day="day",
    user="user_key",
    partitions=("month",),
    order=("event_type", "timestamp"),
)

_TARGETS = (
    _f("target_leads?", Kind.NUMBER),
    _f("target_conversions?", Kind.NUMBER),
    _f("target_roas?", Kind.NUMBER),
    _f("target_roi?", Kind.NUMBER),
)

CAMPAIGNS = TableDefinition(
    name="campaigns",
    says="One campaign: what it is, when it runs, what it may cost, what it should reach.",
    fields=(
        _f("campaign_id"),
        _f("name"),
        _f("campaign_type", Kind.CHOICE, CAMPAIGN_TYPES),
        _f("channel", Kind.CHOICE, CHANNELS),
        _f("status", Kind.CHOICE, ("draft", "scheduled", "active", "paused", "completed", "archived")),
        _f("objective?"),
        _f("start_date?", Kind.DATE),
        _f("end_date?", Kind.DATE),
        _f("budget?", Kind.MONEY),
        *_TARGETS,
        _f("region?"),
        _f("original_channel?"),
    ),
    key=("campaign_id",),
    loadable=True,
)

DAILY_PERFORMANCE = TableDefinition(
    name="daily_performance",
    says="What a platform reports for one day and one campaign (and creative, segment, region).",
    fields=(
        _f("date", Kind.DATE),
        _f("campaign_id"),
        _f("channel", Kind.CHOICE, CHANNELS),
        _f("creative_id?"),
        _f("segment?"),
        _f("region?"),
        _f("impressions?", Kind.COUNT),
        _f("clicks?", Kind.COUNT),
        _f("spend?", Kind.MONEY),
        _f("conversions?", Kind.NUMBER),
        _f("revenue?", Kind.MONEY),
        _f("leads?", Kind.NUMBER),
        _f("engagements?", Kind.COUNT),
        _f("shares?", Kind.COUNT),
        _f("comments?", Kind.COUNT),
        _f("sends?", Kind.COUNT),
        _f("deliveries?", Kind.COUNT),
        _f("bounces?", Kind.COUNT),
        _f("opens?", Kind.COUNT),
        _f("replies?", Kind.COUNT),
        _f("original_channel?"),
        _f("platform?"),
    ),
    key=("date", "campaign_id", "channel", "creative_id", "segment", "region", "platform"),
    day="date",
    order=("campaign_id", "date"),
    loadable=True,
)

CREATIVES = TableDefinition(
    name="creatives",
    says="One creative of a campaign.",
    fields=(_f("creative_id"), _f("campaign_id"), _f("headline?"), _f("body?"), _f("cta?")),
    key=("creative_id",),
    loadable=True,
)

USERS = TableDefinition(
    name="users",
    says="One user.",
    fields=(
        _f("user_id"),
        _f("signup_at", Kind.INSTANT),
        _f("acquisition_channel?"),
        _f("acquisition_campaign_id?"),
        _f("region?"),
        _f("birth_year?", Kind.COUNT),
    ),
    key=("user_id",),
    user="user_id",
    loadable=True,
)

ORDERS = TableDefinition(
    name="orders",
    says="One order, or one line of an order; a return is a line with a negative value.",
    fields=(
        _f("order_id"),
        _f("line", Kind.COUNT),  # 1 where an order is one row
        _f("user_id?"),  # null for a guest
        _f("ordered_at", Kind.INSTANT),
        _f("order_value", Kind.NUMBER),
        _f("cogs?", Kind.NUMBER),
        _f("category?"),
        _f("location?"),
        _f("quantity?", Kind.NUMBER),
        _f("is_return", Kind.BOOLEAN),
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
        _f("lead_id"),
        _f("campaign_id?"),
        _f("channel", Kind.CHOICE, CHANNELS),
        _f("created_at", Kind.INSTANT),
        _f("grade?"),
        _f("stage", Kind.CHOICE, ("new", "engaged", "replied", "qualified", "won", "lost", "pipeline")),
        _f("deal_value?", Kind.MONEY),
        _f("close_probability?", Kind.SCORE),
        _f("closed_at?", Kind.INSTANT),
        _f("segment?"),
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
        _f("email"),
        _f("contact_id?"),
        _f("sent?", Kind.COUNT),
        _f("opened?", Kind.COUNT),
        _f("clicked?", Kind.COUNT),
        _f("converted?", Kind.COUNT),
        _f("campaigns_engaged?", Kind.COUNT),
        _f("last_engaged_at?", Kind.INSTANT),
    ),
    key=("email",),
    user="contact_id",
    loadable=True,
)

CONSENTS = TableDefinition(
    name="consents",
    says="One decision of a user about one channel.",
    fields=(
        _f("user_id"),
        _f("channel", Kind.CHOICE, CHANNELS),
        _f("status", Kind.CHOICE, ("opt_in", "opt_out")),
        _f("method"),
        _f("recorded_at", Kind.INSTANT),
        _f("region?"),
    ),
    key=("user_id", "channel", "recorded_at"),
    day="recorded_at",
    user="user_id",
    loadable=True,
)

EXPERIMENTS = TableDefinition(
    name="experiments",
    says="One user's place in one experiment.",
    fields=(
        _f("experiment"),
        _f("user_id"),
        _f("variant"),
        _f("assigned_at", Kind.INSTANT),
        _f("campaign_id?"),
    ),
    key=("experiment", "user_id"),
    day="assigned_at",
    user="user_id",
    loadable=True,
)

MODEL_RESULTS = TableDefinition(
    name="model_results",
    says="One stored figure of one model run, which metrics read.",
    fields=(
        _f("model"),
        _f("figure"),
        _f("slice?"),
        _f("value", Kind.NUMBER),
        _f("low?", Kind.NUMBER),
        _f("high?", Kind.NUMBER),
        _f("computed_at", Kind.INSTANT),
    ),
    key=("model", "figure", "slice", "computed_at"),
    day="computed_at",
)

RUNS = TableDefinition(
    name="runs",
    says="One notebook run that ended.",
    fields=(
        _f("run_id"),
        _f("notebook"),
        _f("status", Kind.CHOICE, ("completed", "failed", "cancelled")),
        _f("scheduled", Kind.BOOLEAN),
        _f("on_time", Kind.BOOLEAN),
        _f("started_at", Kind.INSTANT),
        _f("duration_seconds", Kind.NUMBER),
    ),
    key=("run_id", "started_at"),
    day="started_at",
)

QUARANTINE = TableDefinition(
    name="quarantine",
    says="One rejected row with every reason.",
    fields=(
        _LOAD,
        _f("table_name"),
        _f("file"),
        _f("line", Kind.COUNT),
        _f("raw"),
        _f("reasons"),  # joined by "; "
        _f("user_id?"),  # where one can be read: erasure looks here too
        _f("quarantined_at", Kind.INSTANT),
    ),
    user="user_id",
    order=("load_id", "line"),
)

LOADS = TableDefinition(
    name="loads",
    says="One load, and the version of every table after it: the last row is the state of the workspace.",
    fields=(
        _LOAD,
        _f("operation", Kind.CHOICE, ("init", "ingest", "write", "compact", "erase")),
        _f("file"),
        _f("mapping?"),
        _f("table_name"),
        _f("rows_read", Kind.COUNT),
        _f("accepted", Kind.COUNT),
        _f("duplicates", Kind.COUNT),
        _f("quarantined", Kind.COUNT),
        _f("late", Kind.COUNT),
        _f("quality"),  # JSON of the quality figures
        _f("versions"),  # JSON: table name -> Delta version
        _f("loaded_at", Kind.INSTANT),
        _f("seconds", Kind.NUMBER),
    ),
    key=("load_id",),
    day="loaded_at",
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
        MODEL_RESULTS,
        RUNS,
        QUARANTINE,
        LOADS,
    ],
)
