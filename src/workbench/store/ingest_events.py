"""Events of a file: staged with their reasons in one pass, then told apart from those that came before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.events.definitions import ENVELOPE, EVENT_TYPES, Field, Kind
from workbench.events.parsing import MappedColumn, literal
from workbench.events.quality import NOT_MAPPED
from workbench.events.reasons import reasons_sql
from workbench.events.validation import (
    LATE_HOURS,
    UUID_SHAPE,
    Check,
    cast_instant,
    context_sql,
    envelope_checks,
    judged_sql,
    properties_sql,
)
from workbench.store.derived import FACT_COLUMNS, fact_columns, other_campaign
from workbench.store.schema import quote, user_bucket, user_key
from workbench.store.sources import Source, as_text, unreadable
from workbench.store.typed_events import (
    CODES,
    ROW,
    Written,
    tokens_of,
    written_context,
    written_properties,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

STAGED, REJECTED = "_staged_events", "_rejected_events"
_PACKED = "_packed_events"
_KEYS = tuple(one.name for one in ENVELOPE)
_CODES = tuple(Field(name, Kind.STRING) for name in CODES)
_UUID = f"CASE WHEN event_id LIKE '{UUID_SHAPE}' THEN TRY_CAST(event_id AS UUID) END"
_CAST = cast_instant("time_text")
_MONTH = "CAST(12 * year(instant) + month(instant) - 1 AS INTEGER)"
_PLACED = (
    "CASE WHEN time_text BETWEEN TIMESTAMPTZ '1970-01-01 00:00:00+00'"
    " AND TIMESTAMPTZ '9999-12-30 00:00:00+00' THEN time_text END"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Events on their way in, as SQL.

    Parameters
    ----------
    rows : str
        A SELECT of `_row`, `_problem`, the envelope (its `timestamp` as `time_text`), and what `raw` needs.
    raw : str
        The text of a row, computed for rejected rows only.
    instant : str
        Its time as an instant, null where it is none.
    properties, context : Written, optional
        How they are made where they are cells, not text.
    other : str
        Why a row is rejected besides, over its type and properties.
    """

    rows: str
    raw: str
    instant: str = _CAST
    properties: Written | None = None
    context: Written | None = None
    other: str = "NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """When events arrive.

    Parameters
    ----------
    now : datetime
        The arrival.
    backfill : bool
        Whether events of any age are accepted.
    """

    now: datetime
    backfill: bool = False

    @property
    def arrival(self) -> str:
        """Return the arrival as SQL."""
        return f"TIMESTAMPTZ {literal(self.now.isoformat())}"


def looks_like_events(columns: tuple[str, ...]) -> bool:
    """Return whether columns are those of our own events."""
    return {"event_id", "event_type", "timestamp", "user_id", "source"} <= set(columns)


def from_lines(relation: str, *, careful: bool = True) -> Incoming:
    """Return the events of JSON lines; unless it is `careful`, a line that is not JSON may be an error."""
    shape = literal(json.dumps(dict.fromkeys(_KEYS, "VARCHAR")))
    fields = ", ".join(f"_e.{quote(name)} AS {_name(name)}" for name in _KEYS)
    problem = "CASE WHEN _problem IS NOT NULL THEN _problem WHEN NOT _valid THEN 'not JSON' END"
    parsed = f"CASE WHEN _valid THEN from_json(_raw, {shape}) END"
    whole = "starts_with(_raw, '{') AND (ends_with(_raw, '}' || chr(10)) OR ends_with(_raw, '}'))"
    valid = "json_valid(_raw)" if careful else f"CASE WHEN {whole} THEN true ELSE json_valid(_raw) END"
    return Incoming(
        rows=(
            f"SELECT _row, _raw, {problem} AS _problem, {fields} FROM (SELECT *, {parsed} AS _e"
            f" FROM (SELECT _row, _raw, _problem, _problem IS NULL AND {valid} AS _valid FROM {relation}))"
        ),
        raw="rtrim(_raw, chr(10) || chr(13))",
    )


def from_columns(connection: DuckDBPyConnection, source: Source) -> Incoming:
    """Return the events of a file with the envelope as columns; properties may be columns of their own."""
    relation = source.relation(connection)
    types = dict(zip(source.columns, source.types, strict=True)) if source.types else {}
    there = {
        name: as_text(quote(name), types.get(name, "VARCHAR")) for name in source.columns if name in _KEYS
    }
    typed = types.get("timestamp", "").startswith("TIMESTAMP")
    if typed:
        there["timestamp"] = f"CAST({quote('timestamp')} AS TIMESTAMPTZ)"
    properties, context = _of_cells(connection, source) if source.shape == "typed" else (None, None)
    if properties is not None:
        there["properties"] = "CAST(NULL AS VARCHAR)"
    elif "properties" not in there:
        there["properties"] = _packed(source)
    if context is not None:
        there["context"] = "CAST(NULL AS VARCHAR)"
    fields = ", ".join(f"{there.get(name, 'CAST(NULL AS VARCHAR)')} AS {_name(name)}" for name in _KEYS)
    if source.shape == "typed":
        cells = ", ".join(f"{quote(name)} := {quote(name)}" for name in source.columns)
        own = f"file_row_number + 1 AS _row, CAST(NULL AS VARCHAR) AS _problem, struct_pack({cells}) AS {ROW}"
        return Incoming(
            rows=f"SELECT {own}, {fields} FROM {relation}",
            raw=f"CAST(to_json({ROW}) AS VARCHAR)",
            instant=_PLACED if typed else _CAST,
            properties=properties,
            context=context,
        )
    return Incoming(rows=f"SELECT _row, _raw, _problem, {fields} FROM {relation}", raw="_raw")


def _of_cells(connection: DuckDBPyConnection, source: Source) -> tuple[Written | None, Written | None]:
    properties = tokens_of(connection, source, "properties")
    context = tokens_of(connection, source, "context")
    return (
        written_properties(properties, within="properties" in source.columns) if properties else None,
        written_context(context) if context else None,
    )


def _packed(source: Source) -> str:
    branches = []
    for event_type in EVENT_TYPES.values():
        own = [one for one in (*event_type.fields, *_CODES) if one.name in source.columns]
        if own:
            cells = ", ".join(f"{quote(one.name)} := {_value(one)}" for one in own)
            packed = f"CAST(to_json(struct_pack({cells})) AS VARCHAR)"
            branches.append(f"WHEN {literal(event_type.name)} THEN {packed}")
    return f"CASE event_type {' '.join(branches)} END" if branches else "'{}'"


def _value(one: Field) -> str:
    # A text may be a number or a truth value.
    column = quote(one.name)
    if one.kind in {
        Kind.STRING,
        Kind.UUID,
        Kind.CHOICE,
        Kind.INSTANT,
        Kind.DATE,
    }:
        return column
    kind = {Kind.BOOLEAN: "BOOLEAN", Kind.OBJECT: "JSON"}.get(one.kind, "DOUBLE")
    return f"coalesce(to_json(TRY_CAST({column} AS {kind})), to_json({column}))"


def from_mapping(text_sql: str, columns: tuple[MappedColumn, ...], other: str = "NULL") -> Incoming:
    """Return the events that a mapping makes of rows of text; `other` says why a row is rejected besides."""
    made = {column.name: column.sql for column in columns}
    fields = ", ".join(f"{made.get(name, 'CAST(NULL AS VARCHAR)')} AS {_name(name)}" for name in _KEYS)
    trouble = ", ".join(
        f"CASE WHEN {c.failure} THEN {c.reason or literal(f'column {c.name} cannot be used')} END"
        for c in columns
        if c.failure
    )
    trouble = f"{trouble}, {other}" if trouble else other
    failed = f"nullif(array_to_string(list_filter([{trouble}], lambda x: x IS NOT NULL), '; '), '')"
    return Incoming(
        rows=f"SELECT _row, _raw, coalesce(_problem, {failed}) AS _problem, {fields} FROM ({text_sql})",
        raw="_raw",
        instant=_PLACED,
    )


def _name(name: str) -> str:
    return "time_text" if name == "timestamp" else name


def stage(
    connection: DuckDBPyConnection, source: Source, incoming: Callable[[bool], Incoming], arriving: Arriving
) -> None:
    """Fill the table `STAGED`: every row of the file, in the order of the events, the rejected ones last.

    Its `_month`, null where a row is rejected, counts months from the year 0. `REJECTED` has the reasons.

    Raises
    ------
    BadInput
        If the file turns out to be broken on the way.
    """
    import duckdb

    known = bool(connection.execute("SELECT count(*) > 0 FROM campaigns").fetchall()[0][0])
    connection.execute("SET preserve_insertion_order = false")
    try:
        # What is not JSON is looked for only where it is met: the search takes as long as the reading.
        for careful in (False, True):
            rows = _staging(incoming(careful), arriving, known=known, careful=careful)
            try:
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {STAGED} AS {rows}")
            except duckdb.Error as error:
                if source.failures or careful:
                    raise unreadable(error, source) from error
            else:
                break
    finally:
        connection.execute("SET preserve_insertion_order = true")
    _explain(connection, envelope_checks(arriving.now, backfill=arriving.backfill))


def _staging(incoming: Incoming, arriving: Arriving, *, known: bool, careful: bool) -> str:
    # The branches over the types compare numbers, not names.
    types = f"TRY_CAST(event_type AS ENUM ({', '.join(map(literal, sorted(EVENT_TYPES)))}))"
    typed = f"SELECT * REPLACE ({types} AS event_type), event_type AS type_text FROM ({incoming.rows})"
    tokens = _made(incoming.properties, incoming.context)
    cast = (
        f"SELECT {_with_objects(incoming, careful=careful)}, {incoming.instant} AS instant, {_UUID} AS uuid"
        f" FROM (SELECT *{tokens} FROM ({typed}))"
    )
    if incoming.other != "NULL":
        cast = f"SELECT * REPLACE (coalesce(_problem, {incoming.other}) AS _problem) FROM ({cast})"
    judged = judged_sql(cast, arriving.now, backfill=arriving.backfill, unless="_problem IS NOT NULL")
    facts = ", ".join(f"{sql} AS {name}" for name, sql in fact_columns().items())
    derived = f"SELECT *, {facts}, {other_campaign()} AS _other_campaign FROM ({judged})"
    unjudged = f"SELECT *, false AS _unknown FROM ({derived})"
    derived = _with_known_campaigns(derived) if known else unjudged
    late = f"coalesce(instant < {arriving.arrival} - INTERVAL {LATE_HOURS} HOUR, false)"
    return (
        f"SELECT _row, sound AND NOT _unknown AS _sound, _unknown, _problem,"
        f" CASE WHEN NOT sound OR _unknown THEN {incoming.raw} END AS _raw,"
        " CASE WHEN NOT sound THEN CAST(time_text AS VARCHAR) END AS time_text,"
        " CASE WHEN sound THEN CAST(uuid AS VARCHAR) ELSE event_id END AS event_id, type_text AS event_type,"
        f" instant AS timestamp, user_id, session_id, source, properties, context, {late} AS late_arrival,"
        f" {', '.join(FACT_COLUMNS)}, {user_key()} AS user_key, {user_bucket()} AS bucket,"
        f" CASE WHEN sound AND NOT _unknown THEN {_MONTH} END AS _month"
        f" FROM ({derived}) AS derived ORDER BY _month, derived.event_type, derived.instant"
    )


def _made(*objects: Written | None) -> str:
    return "".join(f", {sql} AS {name}" for one in objects if one for name, sql in one.tokens.items())


def _with_objects(incoming: Incoming, *, careful: bool) -> str:
    values = {"p": properties_sql(tried=careful), "c": context_sql(tried=careful)}
    texts: list[str] = []
    tokens: list[str] = []
    objects = (("p", "properties", incoming.properties), ("c", "context", incoming.context))
    for short, name, written in objects:
        if written is not None:
            values[short] = written.values
            texts.append(f"{written.text} AS {name}")
            tokens += written.tokens
    own = f"* EXCLUDE ({', '.join(tokens)}) REPLACE ({', '.join(texts)})" if texts else "*"
    return ", ".join([own, *(f"{sql} AS {name}" for name, sql in values.items())])


def _with_known_campaigns(rows: str) -> str:
    names = "SELECT DISTINCT campaign_id AS {} FROM campaigns"
    unknown = (
        "sound AND (event_type <> 'campaign_created' AND campaign_id IS NOT NULL AND _known IS NULL"
        " OR _other_campaign IS NOT NULL AND _other_known IS NULL)"
    )
    return (
        f"SELECT *, {unknown} AS _unknown FROM ({rows}) LEFT JOIN ({names.format('_known')})"
        f" ON campaign_id = _known LEFT JOIN ({names.format('_other_known')})"
        " ON _other_campaign = _other_known"
    )


def _explain(connection: DuckDBPyConnection, checks: tuple[Check, ...]) -> None:
    # Few rows are rejected: what is wrong is asked of them alone, closely packed, and for their types only.
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_PACKED} AS"
        f" SELECT * RENAME (timestamp AS instant) FROM {STAGED} WHERE NOT _sound"
    )
    types = [row[0] for row in connection.execute(f"SELECT DISTINCT event_type FROM {_PACKED}").fetchall()]
    named = sorted(name for name in types if name in EVENT_TYPES)
    lists = f"{properties_sql(named)} AS p, {context_sql()} AS c"
    # Planning the long list of reasons costs more than many a file; without a rejected row there is none.
    reasons = _said() if types else "CAST(NULL AS VARCHAR)"
    cast = f"FROM {_PACKED}"
    if types:
        ruled = _ruled(checks, named)
        cast = f"SELECT *, {ruled} AS _ruled FROM (SELECT *, {_UUID} AS uuid, {lists} FROM {_PACKED})"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {REJECTED} AS"
        f" SELECT _row, _raw, {reasons} AS _reasons, event_type, user_id, source FROM ({cast})"
    )
    connection.execute(f"DROP TABLE {_PACKED}")


def _ruled(checks: tuple[Check, ...], types: list[str]) -> str:
    broken = Check(
        "starts_with(properties, '{') AND NOT json_valid(properties)",
        "wrongly typed property: properties is not JSON",
    )
    return reasons_sql((*checks, broken), types)


def _said() -> str:
    nothing = " AND ".join(f"{_name(name)} IS NULL" for name in _KEYS if name != "context")
    return (
        "CASE WHEN _problem IN ('not JSON', 'not UTF-8 text')"
        f" OR starts_with(_problem, {literal(NOT_MAPPED)}) THEN _problem"
        " WHEN _unknown THEN 'unknown campaign'"
        f" WHEN {nothing} AND _problem IS NULL THEN 'not an event'"
        " ELSE concat_ws('; ', _problem, nullif(_ruled, '')) END"
    )
