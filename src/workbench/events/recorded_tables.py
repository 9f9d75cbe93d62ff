"""The tables the workbench writes itself: events and facts, what was refused, what was loaded and run."""

from __future__ import annotations

from workbench.events.definitions import EVENT_TYPES, SOURCES
from workbench.events.fields import Kind, field
from workbench.events.layout import TableDefinition

_MONTH = field("month")  # YYYY-MM, UTC
_LOAD = field("load_id")
# What was ingested and taken back again with `undo` is marked `undone`.
_OPERATIONS = ("init", "ingest", "write", "compact", "erase", "undo", "undone")

EVENTS = TableDefinition(
    name="events",
    says="One accepted event, complete: the envelope, and properties and context as JSON text.",
    fields=(
        field("event_id", Kind.UUID),
        field("event_type", Kind.CHOICE, choices=tuple(EVENT_TYPES)),
        field("timestamp", Kind.INSTANT),
        field("user_id"),
        field("session_id?"),
        field("source", Kind.CHOICE, choices=SOURCES),
        field("properties"),
        field("context?"),
        field("ingested_at", Kind.INSTANT),
        field("late_arrival", Kind.BOOLEAN),
        _LOAD,
        _MONTH,
        field("bucket", Kind.COUNT),  # 0..15, of user_id
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
        field("event_type", Kind.CHOICE, choices=tuple(EVENT_TYPES)),
        field("day", Kind.DATE),  # of timestamp, UTC
        field("timestamp", Kind.INSTANT),
        field("user_key", Kind.NUMBER),  # 63 bits of the MD5 of user_id, as a 64-bit integer
        field("source", Kind.CHOICE, choices=SOURCES),
        field("campaign_id?"),
        field("creative_id?"),
        field("channel?"),  # delivery_channel where the event has one
        field("segment?"),  # context.user_segment, or segment_type of user_segmented
        field("region?"),  # context.region
        field("platform?"),  # context.platform
        field("kind?"),  # view_type, click_type, engagement_type, reason, unsubscribe_type, status ...
        field("is_holdout?", Kind.BOOLEAN),
        field("order_id?"),
        field("value?", Kind.NUMBER),  # order_value, amount, initial_budget, budget_approved
        field("seconds?", Kind.NUMBER),  # view duration, time to click, conversion delay, compute or duration
        field("lag_minutes", Kind.NUMBER),  # ingested_at - timestamp
        field("late_arrival", Kind.BOOLEAN),
        _LOAD,
        _MONTH,
    ),
    day="day",
    user="user_key",
    partitions=("month",),
    order=("event_type", "timestamp"),
)

MODEL_RESULTS = TableDefinition(
    name="model_results",
    says="One stored figure of one model run, which metrics read.",
    fields=(
        field("model"),
        field("figure"),
        field("slice?"),
        field("value", Kind.NUMBER),
        field("low?", Kind.NUMBER),
        field("high?", Kind.NUMBER),
        field("computed_at", Kind.INSTANT),
    ),
    key=("model", "figure", "slice", "computed_at"),
    day="computed_at",
)

EXPERIMENT_DEFINITIONS = TableDefinition(
    name="experiment_definitions",
    says="One experiment as it was defined, changed or moved on: a row is added, none is ever replaced.",
    fields=(
        field("name"),
        field("version", Kind.COUNT),  # 1, 2, 3 ...: the last one counts
        field("definition"),  # JSON
        field("status", Kind.CHOICE, choices=("draft", "running", "paused", "completed", "cancelled")),
        field("changed_at", Kind.INSTANT),
        field("changed_by"),
        field("reason"),
    ),
    key=("name", "version"),
    day="changed_at",
    order=("name", "version"),
)

EXPERIMENT_DECISIONS = TableDefinition(
    name="experiment_decisions",
    says="One decision about an experiment, and the figures it rested on.",
    fields=(
        field("name"),
        field("number", Kind.COUNT),  # 1, 2, 3 ... of one experiment
        field("decision", Kind.CHOICE, choices=("rollout", "stop", "continue")),
        field("variant"),
        field("why"),
        field("figures"),  # JSON
        field("data_version", Kind.COUNT),
        field("decided_at", Kind.INSTANT),
        field("decided_by"),
    ),
    key=("name", "number"),
    day="decided_at",
    order=("name", "number"),
)

RUNS = TableDefinition(
    name="runs",
    says="One notebook run that ended.",
    fields=(
        field("run_id"),
        field("notebook"),
        field("status", Kind.CHOICE, choices=("completed", "failed", "cancelled")),
        field("scheduled", Kind.BOOLEAN),
        field("on_time", Kind.BOOLEAN),
        field("started_at", Kind.INSTANT),
        field("duration_seconds", Kind.NUMBER),
    ),
    key=("run_id", "started_at"),
    day="started_at",
)

QUARANTINE = TableDefinition(
    name="quarantine",
    says="One rejected row with every reason.",
    fields=(
        _LOAD,
        field("table_name"),
        field("file"),
        field("line", Kind.COUNT),
        field("raw"),
        field("reasons"),  # joined by "; "
        field("user_id?"),  # where one can be read: erasure looks here too
        field("quarantined_at", Kind.INSTANT),
    ),
    user="user_id",
    order=("load_id", "line"),
)

LOADS = TableDefinition(
    name="loads",
    says="One load, and the version of every table after it: the last row is the state of the workspace.",
    fields=(
        _LOAD,
        field("operation", Kind.CHOICE, choices=_OPERATIONS),
        field("file"),
        field("mapping?"),
        field("table_name"),
        field("rows_read", Kind.COUNT),
        field("accepted", Kind.COUNT),
        field("duplicates", Kind.COUNT),
        field("quarantined", Kind.COUNT),
        field("late", Kind.COUNT),
        field("quality"),  # JSON of the quality figures
        field("versions"),  # JSON: table name -> Delta version
        field("loaded_at", Kind.INSTANT),
        field("seconds", Kind.NUMBER),
    ),
    key=("load_id",),
    day="loaded_at",
)
