"""From text to days and instants, as DuckDB SQL: stated formats, impossible days, clock changes."""

from __future__ import annotations

import re
from itertools import combinations
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workbench.events.parsing import Parsed, bound, literal, shown, told

# Microseconds in one tick, and the longest number of ticks that stays within 64 bits.
EPOCHS = {"unix_seconds": (1_000_000, 11), "unix_millis": (1_000, 14), "unix_micros": (1, 17)}
CLOCK_CHANGES = ("refuse", "earlier", "later")
_SHAPES = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{1,2}",
    "d": r"\d{1,2}",
    "H": r"\d{1,2}",
    "I": r"\d{1,2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
    "f": r"\d{1,6}",
    "b": r"[A-Za-z]{3}",
    "B": r"[A-Za-z]{3,9}",
    "p": r"[AaPp][Mm]",
    "%": "%",
}
_DAY = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"(?:[01]?\d|2[0-3]):\d{2}(?::\d{2}(?:\.\d{1,9})?)?"
_ZONE = r"Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?"
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_IN_RANGE = f"year(_l) BETWEEN {_FIRST_YEAR} AND {_LAST_YEAR}"
# The steps that clocks are known to have been moved by, in minutes.
_STEPS = (30, 60, 120)


def shape(date_format: str) -> str:
    r"""Return the regular expression of the texts that a format may read; ValueError for an unknown code.

    Examples
    --------
    >>> print(shape("%d.%m.%Y"))
    \d{1,2}\.\d{1,2}\.\d{4}
    """
    parts, position = [], 0
    while position < len(date_format):
        sign = date_format[position]
        if sign == "%":
            code = date_format[position + 1 : position + 2]
            if code not in _SHAPES:
                raise ValueError(f"the date format {date_format!r} has the unknown code '%{code}'")
            parts.append(_SHAPES[code])
            position += 2
        else:
            parts.append(re.escape(sign) if sign.isascii() else sign)
            position += 1
    return "".join(parts)


def check_formats(formats: tuple[str, ...]) -> None:
    """Refuse a list of formats of which two read one text as two days.

    Raises
    ------
    ValueError
        If a code is unknown, a format lacks year, month or day, or two formats contradict each other.
    """
    readable = [f for f in formats if f not in EPOCHS]
    for date_format in readable:
        shape(date_format)
        codes = set(re.findall(r"%(.)", date_format))
        if not (codes & {"Y", "y"} and codes & {"m", "b", "B"} and "d" in codes):
            raise ValueError(f"the date format {date_format!r} needs a year, a month and a day")
    for one, other in combinations(readable, 2):
        if shape(one) == shape(other):
            raise ValueError(f"the date formats {one!r} and {other!r} read the same text as different days")


def check_zone(zone: str) -> None:
    """Refuse a name that is no time zone with a ValueError."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone is named {zone[:80]!r}; expected e.g. Europe/Berlin") from None


def day(text: str, formats: tuple[str, ...]) -> Parsed:
    """Return a date, of ISO text (a time behind it is cut off) or of the stated formats.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.connect().sql(f'''SELECT {day("'31-08-2023'", ("%d-%m-%Y",)).sql}''').fetchall()
    [(datetime.date(2023, 8, 31),)]
    """
    local, expected = _local(text, formats)
    sql = bound("_l", local, f"CASE WHEN {_IN_RANGE} THEN CAST(_l AS DATE) END")
    return Parsed(
        sql=sql,
        failure=f"({text} IS NOT NULL AND {sql} IS NULL)",
        reason=_reason(text, local, "date", expected if formats else "YYYY-MM-DD", formats),
        doubt=_doubt(text, formats),
    )


def _doubt(text: str, formats: tuple[str, ...]) -> str | None:
    """Return what a day says of which of its two numbers is the month, as `parsing.doubt_of` does."""
    said = []
    for stated in formats:
        other = stated.replace("%m", "%\0").replace("%d", "%m").replace("%\0", "%d")
        if stated in EPOCHS or stated.startswith("%Y") or {"%m", "%d"} - set(re.findall("%.", stated)):
            continue
        own, swapped = (f"try_strptime({text}, {literal(way)})" for way in (stated, other))
        matches = f"regexp_full_match({text}, {literal(shape(stated))})"
        said.append(
            f"CASE WHEN NOT {matches} THEN NULL"
            f" WHEN {swapped} IS NULL THEN CASE WHEN {own} IS NOT NULL THEN {told(borne_out=True)} END"
            f" WHEN {own} IS NULL THEN {told(contradicted=True)}"
            f" WHEN {own} <> {swapped} THEN {told(unclear=text)} END"
        )
    return f"coalesce({', '.join(said)})" if said else None


def instant(text: str, formats: tuple[str, ...], zone: str, clock_change: str) -> Parsed:
    """Return an instant in UTC as TIMESTAMPTZ.

    Parameters
    ----------
    text : str
        SQL of the text.
    formats : tuple of str
        Stated formats; empty means ISO text, whose own offset counts where it has one.
    zone : str
        IANA zone of texts without an offset.
    clock_change : str
        ``"refuse"`` a local time that a clock change skips or repeats, or take the ``"earlier"`` or
        ``"later"`` of the two readings.
    """
    local, expected = _local(text, formats)
    placed = _placed(zone, clock_change)
    if not formats:
        expected += f", with an offset or in {zone}"
        offset = f"nullif(regexp_extract({text}, {literal(f':[0-9.]+ ?({_ZONE})$')}, 1), '')"
        by_offset = f"CASE WHEN _o IS NOT NULL THEN timezone('UTC', _l - {_offset('_o')}) ELSE {placed} END"
        placed = bound("_o", offset, by_offset)
    sql = bound("_l", local, f"CASE WHEN {_IN_RANGE} THEN {placed} END")
    plain = _reason(text, local, "time", expected, formats)
    at_change = literal(f" does not name one instant in {zone}: a clock change skips or repeats it")
    sound = bound("_l", local, _IN_RANGE)
    return Parsed(
        sql=sql,
        failure=f"({text} IS NOT NULL AND {sql} IS NULL)",
        reason=f"CASE WHEN {sound} THEN {shown(text)} || {at_change} ELSE {plain} END",
    )


def _local(text: str, formats: tuple[str, ...]) -> tuple[str, str]:
    if not formats:
        iso = rf"({_DAY})(?:[T ]({_CLOCK})(?: ?(?:{_ZONE}))?)?"
        stamp = f"regexp_extract({text}, {literal(f'^{_DAY}(?:[T ]{_CLOCK})?')})"
        guard = f"regexp_full_match({text}, {literal(iso)})"
        return f"CASE WHEN {guard} THEN TRY_CAST({stamp} AS TIMESTAMP) END", "YYYY-MM-DD HH:MM:SS"
    reads = [_read(text, date_format) for date_format in formats]
    local = reads[0] if len(reads) == 1 else f"coalesce({', '.join(reads)})"
    return local, " or ".join(formats)


def _read(text: str, date_format: str) -> str:
    if date_format in EPOCHS:
        micros, digits = EPOCHS[date_format]
        ticks = f"TRY_CAST({text} AS BIGINT) * {micros}"
        return rf"CASE WHEN regexp_full_match({text}, '-?\d{{1,{digits}}}') THEN make_timestamp({ticks}) END"
    guard = f"regexp_full_match({text}, {literal(shape(date_format))})"
    return f"CASE WHEN {guard} THEN try_strptime({text}, {literal(date_format)}) END"


def _offset(offset: str) -> str:
    digits = f"regexp_replace({offset}, '[^0-9]', '', 'g')"
    hours = f"coalesce(TRY_CAST(substr({digits}, 1, 2) AS INTEGER), 0)"
    minutes = f"coalesce(TRY_CAST(substr({digits}, 3, 2) AS INTEGER), 0)"
    sign = f"(CASE WHEN left({offset}, 1) = '-' THEN -1 ELSE 1 END)"
    return f"to_minutes(CAST({sign} * (60 * {hours} + {minutes}) AS BIGINT))"


def _placed(zone: str, clock_change: str) -> str:
    # The instant at which the clocks of the zone show _l.
    name = literal(zone)
    if zone in {"UTC", "Etc/UTC"}:
        return f"timezone({name}, _l)"
    at, hours = f"timezone({name}, _l)", 3
    around = [f"epoch_us(timezone({name}, _l {sign} to_hours({hours})))" for sign in "+-"]
    calm = f"{around[0]} - {around[1]} = {2 * hours * 3_600_000_000}"
    before, after = (
        [
            f"CASE WHEN timezone({name}, _t {sign} to_minutes({s})) = _l THEN _t {sign} to_minutes({s}) END"
            for s in _STEPS
        ]
        for sign in "-+"
    )
    if clock_change == "refuse":
        twice = f"coalesce({', '.join(before + after)}) IS NOT NULL"
        near_change = f"CASE WHEN timezone({name}, _t) = _l AND NOT ({twice}) THEN _t END"
    else:
        near_change = f"coalesce({', '.join(before if clock_change == 'earlier' else after)}, _t)"
    return bound("_t", at, f"CASE WHEN {calm} THEN _t ELSE {near_change} END")


def _reason(text: str, local: str, noun: str, expected: str, formats: tuple[str, ...]) -> str:
    outside = literal(f" lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    cases = f"WHEN {local} IS NOT NULL THEN {shown(text)} || {outside} "
    if not formats:
        unclear = literal(" could be day or month first; state the date format in the mapping")
        cases += rf"WHEN regexp_full_match({text}, '\d{{1,2}}[/.-]\d{{1,2}}[/.-]\d{{2,4}}.*') "
        cases += f"THEN {shown(text)} || {unclear} "
    return f"CASE {cases}ELSE {shown(text)} || {literal(f' is not a {noun}; expected {expected}')} END"
