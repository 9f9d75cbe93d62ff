"""The rules of an event as SQL, made from the definitions: every reason of a rejected row.

A *check* is a condition on a row of the staged relation and the reason it gives. Columns of that
relation: the envelope (`event_id`, `event_type`, `time_text`, `user_id`, `source`, `properties`,
`context`), `uuid` and `instant` (cast, null where that failed), `p` (the type's properties, in the order
of its definition, each as JSON text) and `c` (the context, likewise).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from workbench.events.definitions import CONTEXT, EVENT_TYPES, SOURCES, EventType, Field, Kind
from workbench.events.parsing import literal

FUTURE_MINUTES = 5
LIVE_DAYS = 30
LATE_HOURS = 24
UUID_SHAPE = "________-____-____-____-____________"

_LARGEST = "1.7976931348623157e308"
_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_UUID_TEXT = literal(f'"{_UUID}"')
_NOTHING, _NO_LIST = "CAST([] AS VARCHAR[])", "CAST(NULL AS VARCHAR[])"
_EMAIL = r"[A-Za-z0-9._%+-]+(?:@|%40)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
# A number in international form, in the form 555-867-5309, or under a key that names a telephone.
_PHONE = (
    r"(?:^|[^0-9A-Za-z.+-])\+[1-9][0-9]{0,2}[ ()./-]{0,2}[0-9](?:[ ()./-]{0,2}[0-9]){6,12}(?:[^0-9A-Za-z]|$)"
    r"|(?:^|[^0-9A-Za-z.-])\(?[0-9]{3}\)?[-. ][0-9]{3}[-. ][0-9]{4}(?:[^0-9A-Za-z-]|$)"
    r'|"(?i:[a-z_]*(?:phone|mobile|telephone|msisdn)[a-z_]*)": ?"?[+(]?[0-9]'
)


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
        Check("user_id IS NULL OR user_id = ''", "null id: user_id"),
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
        Check(_personal("properties", "context"), "pii in properties"),
    ]
    if not backfill:
        checks.append(
            Check(
                f"coalesce(instant < {arrival} - INTERVAL {LIVE_DAYS} DAY, false)",
                "too old: the timestamp lies more than 30 days back, and this is no backfill",
            )
        )
    return tuple(checks)


def _personal(*columns: str) -> str:
    # One text, so that the search for telephones, which has no cheap sign to look for first, starts once.
    # Of an OR in a projection all sides are asked; only a CASE leaves out the search for addresses.
    text = f"concat({', '.join(columns)})"
    sign = f"(contains({text}, '@') OR contains({text}, '%40'))"
    mail = f"CASE WHEN {sign} THEN regexp_matches({text}, {literal(_EMAIL)}) ELSE false END"
    return f"({mail} OR regexp_matches({text}, {literal(_PHONE)}))"


def property_checks(event_type: EventType) -> tuple[Check, ...]:
    """Return the rules of one event type's properties, over the list `p`."""
    return tuple(
        check for place, field in enumerate(event_type.fields, 1) for check in _checks(field, f"p[{place}]")
    )


def context_checks() -> tuple[Check, ...]:
    """Return the rules of the context, over the list `c`."""
    return tuple(check for place, field in enumerate(CONTEXT, 1) for check in _checks(field, f"c[{place}]"))


def _checks(field: Field, value: str) -> list[Check]:
    present = f"{value} IS NOT NULL AND {value} <> 'null'"
    broken = [
        Check(f"({present} AND {test})", f"{reason}: {field.name}") for test, reason in _tests(field, value)
    ]
    missing = Check(f"({value} IS NULL OR {value} = 'null')", f"missing property: {field.name}")
    return [missing, *broken] if field.required else broken


def _tests(field: Field, value: str) -> list[tuple[str, str]]:
    text, wrong = f"starts_with({value}, '\"')", "wrongly typed property"
    match field.kind:
        case Kind.UUID:
            return [(f"NOT regexp_full_match({value}, {_UUID_TEXT})", "malformed UUID")]
        case Kind.STRING:
            return [(f"NOT {text}", wrong)]
        case Kind.BOOLEAN:
            return [(f"{value} NOT IN ('true', 'false')", wrong)]
        case Kind.CHOICE:
            other = f"{text} AND {value} NOT IN ({_choices(field)})"
            return [(f"NOT {text}", wrong), (other, "value not allowed")]
        case Kind.OBJECT:
            return [(f"left({value}, 1) NOT IN ('{{', '[')", wrong)]
        case Kind.INSTANT:
            read = cast_instant(f"{value}[2:-2]")
            return [(f"NOT coalesce({text} AND {read} IS NOT NULL, false)", wrong)]
        case Kind.DATE:
            return [(f"NOT coalesce({text} AND TRY_CAST({value}[2:-2] AS DATE) IS NOT NULL, false)", wrong)]
    number = f"TRY_CAST({value} AS DOUBLE)"
    return [(f"NOT coalesce(isfinite({number}), false)", wrong), *_limits(field, number)]


def _limits(field: Field, number: str) -> list[tuple[str, str]]:
    match field.kind:
        case Kind.MONEY:
            return [(f"coalesce({number} < 0, false)", "negative money")]
        case Kind.SCORE:
            return [(f"coalesce(NOT {number} BETWEEN 0 AND 1, false)", "score out of range")]
        case Kind.COUNT:
            return [
                (f"coalesce({number} < 0, false)", "negative count"),
                (f"coalesce({number} <> trunc({number}), false)", "wrongly typed property"),
            ]
    if field.minimum is None:
        return []
    return [(f"coalesce({number} < {field.minimum!r}, false)", "below the minimum")]


def cast_instant(text: str) -> str:
    """Return the SQL of an instant in ISO form, of a year from 1970 to 9999; without an offset it is UTC."""
    written = f"{text} LIKE '____-__-__%' AND {text} >= '1970' AND {text} NOT LIKE '%(BC)%'"
    return f"CASE WHEN {written} THEN TRY_CAST({text} AS TIMESTAMPTZ) END"


def by_type(branches: dict[str, str], otherwise: str = "NULL") -> str:
    """Return a CASE over `event_type`, types of equal SQL together."""
    types: dict[str, list[str]] = {}
    for name, sql in branches.items():
        types.setdefault(sql, []).append(name)
    cases = " ".join(
        f"WHEN event_type IN ({', '.join(map(literal, names))}) THEN {sql}" for sql, names in types.items()
    )
    return f"CASE {cases} ELSE {otherwise} END" if cases else otherwise


def properties_sql(types: Iterable[str] = tuple(EVENT_TYPES)) -> str:
    """Return the SQL of `p`: the properties of a row's own type, in the order of its definition."""
    return f"TRY({by_type({n: _extracted('properties', EVENT_TYPES[n].fields) for n in types}, _NO_LIST)})"


def context_sql() -> str:
    """Return the SQL of `c`: the context, in the order of its definition."""
    return f"TRY({_extracted('context', CONTEXT)})"


def _extracted(column: str, fields: tuple[Field, ...]) -> str:
    paths = ", ".join(literal(f"$.{field.name}") for field in fields)
    # As JSON, a quoted number would be cast to a number.
    return f"CAST(json_extract({column}, [{paths}]) AS VARCHAR[])"


def sound_sql(checks: tuple[Check, ...]) -> str:
    """Return the SQL that is true where an event breaks none of the rules.

    Of the properties it asks in one go what `reasons_sql` takes apart: most rows are sound.

    Parameters
    ----------
    checks : tuple of Check
        Those of the envelope; the ones of the properties and the context are added.
    """
    plain = " OR ".join(f"({check.condition})" for check in checks)
    typed = by_type({t.name: _all_fit("p", t.fields) for t in EVENT_TYPES.values()}, "false")
    fit = f"CASE WHEN {plain} THEN false WHEN {_all_fit('c', CONTEXT)} THEN {typed} ELSE false END"
    return f"coalesce({fit}, false)"


def _all_fit(values: str, fields: tuple[Field, ...]) -> str:
    return " AND ".join(_fits(field, f"{values}[{place}]") for place, field in enumerate(fields, 1)) or "true"


def _fits(field: Field, value: str) -> str:
    number = f"TRY_CAST({value} AS DOUBLE)"
    match field.kind:
        case Kind.UUID:
            test = f"regexp_full_match({value}, {_UUID_TEXT})"
        case Kind.CHOICE:
            test = f"{value} IN ({_choices(field)})"
        case Kind.BOOLEAN:
            test = f"{value} IN ('true', 'false')"
        case Kind.STRING:
            test = f"starts_with({value}, '\"')"
        case Kind.COUNT:
            test = f"{number} BETWEEN 0 AND {_LARGEST} AND {number} = trunc({number})"
        case Kind.MONEY:
            test = f"{number} BETWEEN 0 AND {_LARGEST}"
        case Kind.SCORE:
            test = f"{number} BETWEEN 0 AND 1"
        case Kind.NUMBER:
            lowest = f"-{_LARGEST}" if field.minimum is None else repr(float(field.minimum))
            test = f"{number} BETWEEN {lowest} AND {_LARGEST}"
        case _:
            test = " AND ".join(f"NOT ({broken})" for broken, _ in _tests(field, value))
    fits = f"coalesce({test}, false)"
    return fits if field.required else f"({value} IS NULL OR {value} = 'null' OR {fits})"


def _choices(field: Field) -> str:
    return ", ".join(literal(f'"{choice}"') for choice in field.choices)


def reasons_sql(checks: tuple[Check, ...], types: Iterable[str] = tuple(EVENT_TYPES)) -> str:
    """Return the SQL of the reasons of a rejected event, all of them, joined by "; ".

    Parameters
    ----------
    checks : tuple of Check
        Those of the envelope; the ones of the properties and the context are added.
    types : iterable of str
        The event types among the rows: the SQL is long, and planning it takes time.
    """
    plain = _reasons((*checks, *context_checks()))
    typed = by_type({name: _reasons(property_checks(EVENT_TYPES[name])) for name in types}, _NOTHING)
    return f"array_to_string({plain} || {typed}, '; ')"


def _reasons(checks: tuple[Check, ...]) -> str:
    said = ", ".join(f"CASE WHEN {check.condition} THEN {literal(check.reason)} END" for check in checks)
    return f"list_filter([{said}], lambda reason: reason IS NOT NULL)"
