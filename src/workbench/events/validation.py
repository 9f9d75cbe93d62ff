"""The rules of an event as SQL, made from the definitions.

A *check* is a condition on a row of the staged relation and the reason it gives. Columns of that
relation: the envelope (`event_id`, `event_type`, `time_text`, `user_id`, `source`, `properties`,
`context`), `uuid` and `instant` (cast, null where that failed), `p` (the type's properties, in the order
of its definition, each as JSON text) and `c` (the context, likewise).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from workbench.events.definitions import CONTEXT, EVENT_TYPES, SOURCES, Field, Kind
from workbench.events.fields import LARGEST
from workbench.events.parsing import literal
from workbench.events.personal import personal_sql

FUTURE_MINUTES = 5
LIVE_DAYS = 30
LATE_HOURS = 24
UUID_SHAPE = "________-____-____-____-____________"

_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
UUID_TEXT = literal(f'"{_UUID}"')
_NO_LIST = "CAST(NULL AS VARCHAR[])"
_FEW = 4
_SHORT = 7  # letters, the quotes counted: the shortest address of a mail, in quotes, has eight
# Written in JSON: an odd number of backslashes stands before the u.
_NUL = r"(^|[^\\])(\\\\)*\\u0000"
_KEPT_TEXTS = {Kind.STRING, Kind.OBJECT, Kind.INSTANT, Kind.DATE}


def holds_nul(text: str) -> str:
    """Return the SQL that is true where a text holds a NUL character, which many readers take for its end."""
    return f"contains({text}, chr(0))"


def _writes_nul(document: str) -> str:
    # The search for a few letters is fast; the pattern is asked where they are found.
    return f"contains({document}, '\\u0000') AND regexp_matches({document}, {literal(_NUL)})"


_NUL_TESTS = {
    **{name: f"coalesce({holds_nul(name)}, false)" for name in ("user_id", "session_id")},
    **{name: f"coalesce({_writes_nul(name)}, false)" for name in ("properties", "context")},
}


def _doubled(document: str) -> str:
    # Which of two members counts differs between readers: the one that was checked need not be the one that
    # another database takes.
    return f"len(json_keys({document})) <> len(list_distinct(json_keys({document})))"


def _is_doubled(column: str) -> str:
    return f"CASE WHEN json_valid({column}) THEN coalesce({_doubled(column)}, false) ELSE false END"


@dataclass(frozen=True, slots=True)
class Check:
    """One rule: the condition that breaks it, as SQL that is never null, and the reason."""

    condition: str
    reason: str


def envelope_checks(now: datetime, *, backfill: bool = False) -> tuple[Check, ...]:
    """Return the rules of the envelope for events that arrive at `now`.

    Parameters
    ----------
    now : datetime
        The arrival.
    backfill : bool
        Whether events of any age are accepted.
    """
    arrival = f"TIMESTAMPTZ {literal(now.isoformat())}"
    types = ", ".join(map(literal, EVENT_TYPES))
    sources = ", ".join(map(literal, SOURCES))
    checks = [
        Check("event_id IS NULL OR event_id = ''", "null id: event_id"),
        Check("event_id <> '' AND uuid IS NULL", "malformed UUID: event_id"),
        Check("event_type IS NULL", "missing property: event_type"),
        Check(f"event_type IS NOT NULL AND event_type NOT IN ({types})", "unknown type"),
        Check("time_text IS NULL", "missing property: timestamp"),
        Check("time_text IS NOT NULL AND instant IS NULL", "wrongly typed property: timestamp is no instant"),
        Check(
            f"coalesce(instant > {arrival} + INTERVAL {FUTURE_MINUTES} MINUTE, false)",
            "future: the timestamp lies more than 5 minutes ahead",
        ),
        Check("user_id IS NULL OR trim(user_id) = ''", "null id: user_id"),
        *_id_checks("user_id"),
        Check("source IS NULL", "missing property: source"),
        Check(f"source IS NOT NULL AND source NOT IN ({sources})", "unknown source"),
        Check("properties IS NULL", "missing property: properties"),
        Check(
            "properties IS NOT NULL AND NOT starts_with(properties, '{')",
            "wrongly typed property: properties is no object",
        ),
        Check(
            "context IS NOT NULL AND (c IS NULL OR NOT starts_with(context, '{'))",
            "wrongly typed property: context is no object",
        ),
        *(Check(test, f"NUL character: {name}") for name, test in _NUL_TESTS.items()),
        *(Check(_is_doubled(name), f"a member stands twice: {name}") for name in ("properties", "context")),
    ]
    if not backfill:
        checks.append(
            Check(
                f"coalesce(instant < {arrival} - INTERVAL {LIVE_DAYS} DAY, false)",
                "too old: the timestamp lies more than 30 days back, and this is no backfill",
            )
        )
    return tuple(checks)


def is_shortened(text: str) -> str:
    """Return the SQL that is true of what spreadsheets and floats make of long ids: many become one."""
    # Ids with that sign are few, and to look for a sign is cheap.
    shape = r"\d(?:[.,]\d+)?[eE]\+\d{2}"
    return f"(contains({text}, '+') AND regexp_full_match({text}, {literal(shape)}))"


def is_formula_error(text: str) -> str:
    """Return the SQL that is true of what a formula of a spreadsheet leaves that came to nothing."""
    shape = r"#(?:N/A|REF!|DIV/0!|VALUE!|NAME\?|NUM!|NULL!)"
    return f"(starts_with({text}, '#') AND regexp_full_match({text}, {literal(shape)}))"


def _id_checks(name: str) -> tuple[Check, ...]:
    return (
        Check(
            f"coalesce({is_shortened(name)}, false)",
            f"malformed id: {name} is a number that was shortened",
        ),
        Check(f"coalesce({is_formula_error(name)}, false)", f"an error of a spreadsheet: {name}"),
    )


def cast_instant(text: str) -> str:
    """Return the SQL of an instant in ISO form, of a year from 1970 to 9999; without an offset it is UTC."""
    written = f"{text} LIKE '____-__-__%' AND {text} >= '1970' AND {text} NOT LIKE '%(BC)%'"
    return f"CASE WHEN {written} THEN TRY_CAST({text} AS TIMESTAMPTZ) END"


def by_type(branches: dict[str, str], otherwise: str = "NULL") -> str:
    """Return a CASE over `event_type`, types of equal SQL together."""
    types: dict[str, list[str]] = {}
    for name, sql in branches.items():
        types.setdefault(sql, []).append(name)
    cases = " ".join(f"WHEN {_of_types(names)} THEN {sql}" for sql, names in types.items())
    return f"CASE {cases} ELSE {otherwise} END" if cases else otherwise


def _of_types(names: list[str]) -> str:
    # A long IN becomes a join of all rows, wherever it stands.
    parts = [names[start : start + _FEW] for start in range(0, len(names), _FEW)]
    return " OR ".join(f"event_type IN ({', '.join(map(literal, part))})" for part in parts)


def properties_sql(types: Iterable[str] = tuple(EVENT_TYPES), *, tried: bool = True) -> str:
    """Return the SQL of `p`: the properties of a row's own type, in the order of its definition.

    Unless it is `tried`, text that is not JSON is an error.
    """
    read = by_type({n: _extracted("properties", EVENT_TYPES[n].fields) for n in types}, _NO_LIST)
    return f"TRY({read})" if tried else read


def context_sql(*, tried: bool = True) -> str:
    """Return the SQL of `c`: the context, in the order of its definition; `tried` as of `properties_sql`."""
    return f"TRY({_extracted('context', CONTEXT)})" if tried else _extracted("context", CONTEXT)


def _extracted(column: str, fields: tuple[Field, ...]) -> str:
    paths = ", ".join(literal(f"$.{field.name}") for field in fields)
    # As JSON, a quoted number would be cast to a number.
    return f"CAST(json_extract({column}, [{paths}]) AS VARCHAR[])"


def judged_sql(rows: str, now: datetime, *, backfill: bool = False, unless: str = "false") -> str:
    """Return the SELECT of rows and `sound`, which is true where an event breaks none of the rules.

    It asks in one go what `reasons_sql` takes apart: most rows are sound. Here `event_type` may be an ENUM.

    Parameters
    ----------
    rows : str
        The SELECT of the staged relation.
    now : datetime
        The arrival.
    backfill : bool
        Whether events of any age are accepted.
    unless : str
        What else a row is rejected for.
    """
    whole = f"{_whole(now, backfill=backfill)} AND {_all_fit('c', CONTEXT)}"
    typed = by_type({t.name: _all_fit("p", t.fields) for t in EVENT_TYPES.values()}, "false")
    fit = f"CASE WHEN {unless} THEN false WHEN {whole} THEN {typed} ELSE false END"
    own = by_type({t.name: _free_text("properties", "p", t.fields) for t in EVENT_TYPES.values()}, "''")
    around = _free_text("context", "c", CONTEXT)
    # Each step is a SELECT of its own: written out in the next, it would be computed as often as it is named.
    texts = (
        f"SELECT *, CASE WHEN _fit THEN {own} END AS _own, CASE WHEN _fit THEN {around} END AS _around"
        f" FROM (SELECT *, coalesce({fit}, false) AS _fit FROM ({rows}))"
    )
    free = f"concat({_or_all('_own', 'properties')}, {_or_all('_around', 'context')})"
    texts = f"SELECT *, {free} AS _free FROM ({texts})"
    return (
        f"SELECT * EXCLUDE (_fit, _free, _own, _around), CASE WHEN _fit THEN NOT ({personal_sql('_free')}"
        f" OR {holds_nul('_free')}) ELSE false END"
        f" AS sound FROM ({texts})"
    )


def _whole(now: datetime, *, backfill: bool) -> str:
    # An unknown type has no rules that it could keep, so it need not be asked for.
    arrival = f"TIMESTAMPTZ {literal(now.isoformat())}"
    oldest = "" if backfill else f" AND instant >= {arrival} - INTERVAL {LIVE_DAYS} DAY"
    return (
        f"uuid IS NOT NULL AND trim(user_id) <> '' AND NOT {is_shortened('user_id')}"
        f" AND NOT {is_formula_error('user_id')} AND source IN ({', '.join(map(literal, SOURCES))})"
        f" AND instant <= {arrival} + INTERVAL {FUTURE_MINUTES} MINUTE{oldest}"
        " AND starts_with(properties, '{')"
        f" AND NOT ({' OR '.join(_NUL_TESTS.values())})"
        " AND (context IS NULL OR c IS NOT NULL AND starts_with(context, '{'))"
    )


def _or_all(texts: str, column: str) -> str:
    # What no field knows is in no text of its own. Only there may a member stand twice: NUL, which no object
    # holds, says so.
    whole = f"CASE WHEN {_doubled(column)} THEN chr(0) ELSE {column} END"
    return f"CASE WHEN _fit AND {texts} IS NULL THEN {whole} ELSE {texts} END"


def _free_text(column: str, values: str, fields: tuple[Field, ...]) -> str:
    # What is an id, a number or one of a few names holds no address. The texts that may hold one stand for
    # the whole object where nothing else is in it: a member that no field knows would make it longer.
    places = {field: f"{values}[{place}]" for place, field in enumerate(fields, 1)}
    sure = 1 + sum(len(field.name) + 4 for field in fields if field.required)
    sizes = [
        f"strlen({value})"
        if field.required
        else f"CASE WHEN {value} IS NULL THEN 0 ELSE strlen({value}) + {len(field.name) + 4} END"
        for field, value in places.items()
    ]
    known = " + ".join([str(sure), *sizes])
    kept = [
        f"CASE WHEN strlen({value}) > {_SHORT} THEN {value} END"
        for field, value in places.items()
        if field.kind in _KEPT_TEXTS
    ]
    texts = f"concat({', '.join(kept)})" if kept else "''"
    # Only what was given as text has spaces between its members.
    packed = f"CASE WHEN contains({column}, '\": ') THEN strlen(json({column})) = {known} END"
    return f"CASE WHEN strlen({column}) = {known} OR {packed} THEN {texts} END"


def _all_fit(values: str, fields: tuple[Field, ...]) -> str:
    return " AND ".join(_fits(field, f"{values}[{place}]") for place, field in enumerate(fields, 1)) or "true"


def _fits(field: Field, value: str) -> str:
    match field.kind:
        case Kind.UUID:
            test = f"regexp_full_match({value}, {UUID_TEXT})"
        case Kind.CHOICE:
            # A long IN becomes a join of all rows, wherever it stands; a cast is looked up.
            test = f"TRY_CAST({value} AS ENUM ({_choices(field)})) IS NOT NULL"
        case Kind.BOOLEAN:
            test = f"{value} IN ('true', 'false')"
        case Kind.STRING:
            test = f"starts_with({value}, '\"')"
        case Kind.OBJECT:
            test = f"left({value}, 1) IN ('{{', '[')"
        case Kind.INSTANT:
            test = f"starts_with({value}, '\"') AND {cast_instant(f'{value}[2:-2]')} IS NOT NULL"
        case Kind.DATE:
            test = f"starts_with({value}, '\"') AND TRY_CAST({value}[2:-2] AS DATE) IS NOT NULL"
        case _:
            test = _in_range(field, f"TRY_CAST({value} AS DOUBLE)")
    fits = f"coalesce({test}, false)"
    return fits if field.required else f"({value} IS NULL OR {value} = 'null' OR {fits})"


def _in_range(field: Field, number: str) -> str:
    if field.kind is Kind.SCORE:
        return f"{number} BETWEEN 0 AND 1"
    if field.kind is Kind.NUMBER:
        lowest = repr(-LARGEST) if field.minimum is None else repr(float(field.minimum))
        return f"{number} BETWEEN {lowest} AND {LARGEST!r}"
    whole = f" AND {number} = trunc({number})" if field.kind is Kind.COUNT else ""
    return f"{number} BETWEEN 0 AND {LARGEST!r}{whole}"


def _choices(field: Field) -> str:
    return ", ".join(literal(f'"{choice}"') for choice in field.choices)
