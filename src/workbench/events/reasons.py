"""Every reason why an event is rejected, as SQL.

The rules of a property are one expression over its field, written once and applied to each: written out for
every field, the SQL would take longer to plan than most files take to load.
"""

from __future__ import annotations

from collections.abc import Iterable

from workbench.events.definitions import CONTEXT, EVENT_TYPES, Field, Kind
from workbench.events.fields import LARGEST
from workbench.events.parsing import literal
from workbench.events.personal import personal_sql
from workbench.events.validation import UUID_TEXT, Check, by_type, cast_instant

PERSONAL = "pii in properties"
_FIELD = "STRUCT(name VARCHAR, kind VARCHAR, needed BOOLEAN, lowest DOUBLE, choices VARCHAR[])"
_NUMBERS = ", ".join(literal(kind) for kind in (Kind.NUMBER, Kind.COUNT, Kind.MONEY, Kind.SCORE))


def reasons_sql(checks: tuple[Check, ...], types: Iterable[str] = tuple(EVENT_TYPES)) -> str:
    """Return the SQL of the reasons of a rejected event, all of them, joined by "; ".

    Parameters
    ----------
    checks : tuple of Check
        Those of the envelope; the ones of the properties and the context are added.
    types : iterable of str
        The event types among the rows.
    """
    personal = Check(personal_sql("concat(properties, context)"), PERSONAL)
    said = ", ".join(
        f"CASE WHEN {check.condition} THEN {literal(check.reason)} END" for check in (*checks, personal)
    )
    fields = by_type({name: _listed(EVENT_TYPES[name].fields) for name in types}, f"CAST([] AS {_FIELD}[])")
    # A nullif of an expression holds it twice, and planning these takes longer than asking them.
    every = f"list_concat([{said}], list_concat({_broken(_listed(CONTEXT), 'c')}, {_broken(fields, 'p')}))"
    return f"array_to_string(list_filter({every}, lambda reason: reason <> ''), '; ')"


def _listed(fields: Iterable[Field]) -> str:
    rows = ", ".join(
        f"{{'name': {literal(field.name)}, 'kind': {literal(field.kind)}, 'needed': {field.required},"
        f" 'lowest': {'NULL' if field.minimum is None else repr(float(field.minimum))},"
        f" 'choices': [{', '.join(literal(choice) for choice in field.choices)}]}}"
        for field in fields
    )
    return f"CAST([{rows}] AS {_FIELD}[])"


def _broken(fields: str, values: str) -> str:
    pairs = f"list_zip({fields}, {values})"
    return f"list_transform({pairs}, lambda pair: {_of_field('pair[1]', 'pair[2]')})"


def _of_field(field: str, value: str) -> str:
    absent = f"({value} IS NULL OR {value} = 'null')"
    rules = ", ".join(
        f"CASE WHEN {condition} THEN concat({literal(reason + ': ')}, {field}.name) END"
        for condition, reason in _rules(field, value)
    )
    missing = f"concat('missing property: ', {field}.name)"
    return (
        f"CASE WHEN {field}.name IS NULL THEN '' WHEN {absent} THEN CASE WHEN {field}.needed THEN {missing}"
        f" ELSE '' END ELSE concat_ws('; ', {rules}) END"
    )


def _rules(field: str, value: str) -> list[tuple[str, str]]:
    text, number, wrong = (
        f"starts_with({value}, '\"')",
        f"TRY_CAST({value} AS DOUBLE)",
        "wrongly typed property",
    )
    plain = f"{value}[2:-2]"
    kind = f"{field}.kind = "
    texts = ", ".join(literal(one) for one in (Kind.STRING, Kind.CHOICE, Kind.INSTANT, Kind.DATE))
    return [
        (f"{kind}'{Kind.UUID}' AND NOT regexp_full_match({value}, {UUID_TEXT})", "malformed UUID"),
        (f"{field}.kind IN ({texts}) AND NOT {text}", wrong),
        (
            f"{kind}'{Kind.CHOICE}' AND {text} AND NOT list_contains({field}.choices, {plain})",
            "value not allowed",
        ),
        (f"{kind}'{Kind.INSTANT}' AND {text} AND {cast_instant(plain)} IS NULL", wrong),
        (f"{kind}'{Kind.DATE}' AND {text} AND TRY_CAST({plain} AS DATE) IS NULL", wrong),
        (f"{kind}'{Kind.BOOLEAN}' AND {value} NOT IN ('true', 'false')", wrong),
        (f"{kind}'{Kind.OBJECT}' AND left({value}, 1) NOT IN ('{{', '[')", wrong),
        (f"{field}.kind IN ({_NUMBERS}) AND NOT coalesce(isfinite({number}), false)", wrong),
        (f"{field}.kind IN ({_NUMBERS}) AND isfinite({number}) AND abs({number}) > {LARGEST!r}", "too large"),
        (f"{kind}'{Kind.MONEY}' AND {number} < 0", "negative money"),
        (f"{kind}'{Kind.SCORE}' AND NOT {number} BETWEEN 0 AND 1", "score out of range"),
        (f"{kind}'{Kind.COUNT}' AND {number} < 0", "negative count"),
        (f"{kind}'{Kind.COUNT}' AND {number} <> trunc({number})", wrong),
        (f"{kind}'{Kind.NUMBER}' AND {number} < {field}.lowest", "below the minimum"),
    ]
