"""Events of a file: staged with their reasons in one pass, then told apart from those that came before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.errors import BadInput
from workbench.events.definitions import ENVELOPE, EVENT_TYPES, Field, Kind
from workbench.events.parsing import MappedColumn, literal
from workbench.events.quality import NOT_MAPPED
from workbench.events.validation import (
    LATE_HOURS,
    UUID_SHAPE,
    Check,
    cast_instant,
    context_sql,
    envelope_checks,
    properties_sql,
    reasons_sql,
    sound_sql,
)
from workbench.store.derived import FACT_COLUMNS, fact_columns, other_campaign
from workbench.store.schema import quote
from workbench.store.sources import Source, as_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

STAGED, REJECTED = "_staged_events", "_rejected_events"
_PACKED = "_packed_events"
_KEYS = tuple(field.name for field in ENVELOPE)
_UUID = f"CASE WHEN event_id LIKE '{UUID_SHAPE}' THEN TRY_CAST(event_id AS UUID) END"
_CAST = cast_instant("time_text")
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
    """

    rows: str
    raw: str
    instant: str = _CAST


def looks_like_events(columns: tuple[str, ...]) -> bool:
    """Return whether columns are those of our own events."""
    return {"event_id", "event_type", "timestamp", "user_id", "source"} <= set(columns)


def from_lines(relation: str) -> Incoming:
    """Return the events of JSON lines."""
    paths = ", ".join(literal(f"$.{name}") for name in _KEYS)
    fields = ", ".join(f"_e[{place}] AS {_name(name)}" for place, name in enumerate(_KEYS, 1))
    problem = "CASE WHEN _problem IS NOT NULL THEN _problem WHEN _e IS NULL THEN 'not JSON' END"
    # A line that looks whole is parsed once: TRY goes row by row only where it meets one that is broken.
    whole = "starts_with(_raw, '{') AND (ends_with(_raw, '}' || chr(10)) OR ends_with(_raw, '}'))"
    valid = f"_problem IS NULL AND (({whole}) OR json_valid(_raw))"
    return Incoming(
        rows=(
            f"SELECT _row, _raw, {problem} AS _problem, {fields} FROM (SELECT _row, _raw, _problem,"
            f" CASE WHEN {valid} THEN TRY(json_extract_string(_raw, [{paths}])) END AS _e FROM {relation})"
        ),
        raw="rtrim(_raw, chr(10) || chr(13))",
    )


def from_columns(source: Source, relation: str) -> Incoming:
    """Return the events of a file with the envelope as columns; properties may be columns of their own."""
    types = dict(zip(source.columns, source.types, strict=True)) if source.types else {}
    there = {
        name: as_text(quote(name), types.get(name, "VARCHAR")) for name in source.columns if name in _KEYS
    }
    typed = types.get("timestamp", "").startswith("TIMESTAMP")
    if typed:
        there["timestamp"] = f"CAST({quote('timestamp')} AS TIMESTAMPTZ)"
    if "properties" not in there:
        there["properties"] = _packed(source)
    fields = ", ".join(f"{there.get(name, 'CAST(NULL AS VARCHAR)')} AS {_name(name)}" for name in _KEYS)
    if source.shape == "typed":
        cells = ", ".join(f"{quote(name)} := {quote(name)}" for name in source.columns)
        own = f"file_row_number + 1 AS _row, CAST(NULL AS VARCHAR) AS _problem, struct_pack({cells}) AS _all"
        return Incoming(
            rows=f"SELECT {own}, {fields} FROM {relation}",
            raw="CAST(to_json(_all) AS VARCHAR)",
            instant=_PLACED if typed else _CAST,
        )
    return Incoming(rows=f"SELECT _row, _raw, _problem, {fields} FROM {relation}", raw="_raw")


def _packed(source: Source) -> str:
    branches = []
    for event_type in EVENT_TYPES.values():
        own = [field for field in event_type.fields if field.name in source.columns]
        if own:
            cells = ", ".join(f"{quote(field.name)} := {_value(field, source)}" for field in own)
            packed = f"CAST(to_json(struct_pack({cells})) AS VARCHAR)"
            branches.append(f"WHEN {literal(event_type.name)} THEN {packed}")
    return f"CASE event_type {' '.join(branches)} END" if branches else "'{}'"


def _value(field: Field, source: Source) -> str:
    # A cell of a typed file has the type that it has; a text of another may be a number or a truth value.
    column = quote(field.name)
    if source.shape == "typed" or field.kind in {
        Kind.STRING,
        Kind.UUID,
        Kind.CHOICE,
        Kind.INSTANT,
        Kind.DATE,
    }:
        return column
    kind = {Kind.BOOLEAN: "BOOLEAN", Kind.OBJECT: "JSON"}.get(field.kind, "DOUBLE")
    return f"coalesce(to_json(TRY_CAST({column} AS {kind})), to_json({column}))"


def from_mapping(text_sql: str, columns: tuple[MappedColumn, ...]) -> Incoming:
    """Return the events that a mapping makes of rows of text."""
    made = {column.name: column.sql for column in columns}
    fields = ", ".join(f"{made.get(name, 'CAST(NULL AS VARCHAR)')} AS {_name(name)}" for name in _KEYS)
    trouble = ", ".join(
        f"CASE WHEN {c.failure} THEN {c.reason or literal(f'column {c.name} cannot be used')} END"
        for c in columns
        if c.failure
    )
    failed = f"nullif(array_to_string(list_filter([{trouble}], lambda x: x IS NOT NULL), '; '), '')"
    problem = f"coalesce(_problem, {failed})" if trouble else "_problem"
    return Incoming(
        rows=f"SELECT _row, _raw, {problem} AS _problem, {fields} FROM ({text_sql})",
        raw="_raw",
        instant=_PLACED,
    )


def _name(name: str) -> str:
    return "time_text" if name == "timestamp" else name


def stage(
    connection: DuckDBPyConnection, source: Source, incoming: Incoming, *, now: datetime, backfill: bool
) -> None:
    """Fill the table `STAGED`: every row of the file, with its reasons where it is rejected.

    Raises
    ------
    BadInput
        If the file turns out to be broken on the way.
    """
    import duckdb

    known = bool(connection.execute("SELECT count(*) > 0 FROM campaigns").fetchall()[0][0])
    checks = envelope_checks(now, backfill=backfill)
    arrival = f"TIMESTAMPTZ {literal(now.isoformat())}"
    connection.execute("SET preserve_insertion_order = false")
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {STAGED} AS {_staging(incoming, checks, arrival, known=known)}"
        )
    except duckdb.Error as error:
        if source.failures:
            raise source.failures[0] from None
        said = str(error).splitlines()[0][:300]
        raise BadInput(f"the file cannot be read: {said}", file=source.path) from error
    finally:
        connection.execute("SET preserve_insertion_order = true")
    _explain(connection, checks)


def _staging(incoming: Incoming, checks: tuple[Check, ...], arrival: str, *, known: bool) -> str:
    lists = f"{properties_sql()} AS p, {context_sql()} AS c"
    cast = f"SELECT *, {incoming.instant} AS instant, {lists} FROM ({incoming.rows})"
    cast = f"SELECT *, {_UUID} AS uuid FROM ({cast})"
    judged = f"SELECT *, _problem IS NULL AND {sound_sql(checks)} AS sound FROM ({cast})"
    facts = ", ".join(f"{sql} AS {name}" for name, sql in fact_columns().items())
    derived = f"SELECT *, {facts}, {other_campaign()} AS _other_campaign FROM ({judged})"
    unjudged = f"SELECT *, false AS _unknown FROM ({derived})"
    derived = _with_known_campaigns(derived) if known else unjudged
    late = f"coalesce(instant < {arrival} - INTERVAL {LATE_HOURS} HOUR, false)"
    return (
        f"SELECT _row, sound AND NOT _unknown AS _sound, _unknown, _problem,"
        f" CASE WHEN NOT sound OR _unknown THEN {incoming.raw} END AS _raw,"
        " CASE WHEN NOT sound THEN CAST(time_text AS VARCHAR) END AS time_text,"
        " CASE WHEN sound THEN CAST(uuid AS VARCHAR) ELSE event_id END AS event_id, event_type,"
        f" instant AS timestamp, user_id, session_id, source, properties, context, {late} AS late_arrival,"
        f" {', '.join(FACT_COLUMNS)} FROM ({derived})"
    )


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
    reasons = _said(checks, named) if types else "CAST(NULL AS VARCHAR)"
    cast = f"SELECT *, {_UUID} AS uuid, {lists} FROM {_PACKED}" if types else f"FROM {_PACKED}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {REJECTED} AS"
        f" SELECT _row, _raw, {reasons} AS _reasons, event_type, user_id, source FROM ({cast})"
    )
    connection.execute(f"DROP TABLE {_PACKED}")


def _said(checks: tuple[Check, ...], types: list[str]) -> str:
    broken = Check(
        "starts_with(properties, '{') AND NOT json_valid(properties)",
        "wrongly typed property: properties is not JSON",
    )
    ruled = reasons_sql((*checks, broken), types)
    nothing = " AND ".join(f"{_name(name)} IS NULL" for name in _KEYS if name != "context")
    return (
        "CASE WHEN _problem IN ('not JSON', 'not UTF-8 text')"
        f" OR starts_with(_problem, {literal(NOT_MAPPED)}) THEN _problem"
        " WHEN _unknown THEN 'unknown campaign'"
        f" WHEN {nothing} AND _problem IS NULL THEN 'not an event'"
        f" ELSE concat_ws('; ', _problem, nullif({ruled}, '')) END"
    )
