"""Values that stand in a mapping itself: whether they fit their column, and their SQL."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from workbench.events.definitions import Kind
from workbench.events.parsing import literal


def typed_literal(value: str | None, kind: Kind) -> str:
    """Return a value that stands in a mapping as typed SQL.

    Examples
    --------
    >>> typed_literal("2017-08-01", Kind.DATE), typed_literal(None, Kind.COUNT)
    ("CAST('2017-08-01' AS DATE)", 'CAST(NULL AS BIGINT)')
    """
    names = {Kind.COUNT: "BIGINT", Kind.BOOLEAN: "BOOLEAN", Kind.DATE: "DATE", Kind.INSTANT: "TIMESTAMPTZ"}
    numeric = kind in {Kind.NUMBER, Kind.MONEY, Kind.SCORE}
    name = "DOUBLE" if numeric else names.get(kind, "VARCHAR")
    if value is None:
        return f"CAST(NULL AS {name})"
    return literal(value) if name == "VARCHAR" else f"CAST({literal(value)} AS {name})"


def usable(value: str, kind: Kind, choices: Iterable[str]) -> str | None:
    """Return what is wrong with a value that stands in a mapping, or None.

    Examples
    --------
    >>> usable("2017-02-30", Kind.DATE, ()), usable("tv", Kind.CHOICE, ("email", "sms"))
    ('not a date as YYYY-MM-DD', 'not one of email, sms')
    """
    shapes = {
        Kind.COUNT: (r"\d{1,15}", "not a whole number"),
        Kind.BOOLEAN: ("true|false", "not true or false"),
        Kind.INSTANT: (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", "not an instant as YYYY-MM-DDTHH:MM:SSZ"),
    }
    shapes |= dict.fromkeys((Kind.NUMBER, Kind.MONEY, Kind.SCORE), (r"-?\d{1,15}(\.\d+)?", "not a number"))
    if kind in shapes:
        pattern, problem = shapes[kind]
        return None if re.fullmatch(pattern, value) else problem
    if kind is Kind.DATE:
        return None if _is_day(value) else "not a date as YYYY-MM-DD"
    allowed = tuple(choices)
    return None if not allowed or value in allowed else f"not one of {', '.join(allowed)}"


def _is_day(value: str) -> bool:
    try:
        return str(dt.date.fromisoformat(value)) == value
    except ValueError:
        return False
