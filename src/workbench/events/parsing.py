"""From text to typed values, as DuckDB SQL: numbers, whole numbers, truth values.

Words: a *text* here is a SQL expression that yields trimmed VARCHAR or NULL, never an empty string. A
:class:`Parsed` says how it becomes a value, when it cannot, and why, each as SQL over the same row.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.events.fields import LARGEST

# Blanks, also those without width and the marks of direction that spreadsheets write before dates.
BLANKS = " \t\n\r\u00a0\u2007\u2009\u200b\u200e\u200f\u202f\u2060\ufeff"
GAP = "[ \u00a0\u2007\u2009\u202f]"  # one blank within a number: no-break, thin, or as wide as a digit
SPACES = f"'{BLANKS}'"  # one text: many parts are put together anew for each cell that is planned
SIGNS = {
    "USD": ("$", "US$"),
    "EUR": ("€",),
    "GBP": ("£",),
    "JPY": ("¥",),
    "CNY": ("¥", "元"),
    "INR": ("₹",),
    "BRL": ("R$",),
    "AUD": ("A$", "$"),
    "CAD": ("C$", "$"),
    "CHF": ("Fr.", "CHF"),
    "SEK": ("kr",),
    "NOK": ("kr",),
    "DKK": ("kr",),
    "PLN": ("zł",),
    "KRW": ("₩",),
    "TRY": ("₺",),
}
DIVISORS = {"micros": 1e6, "cents": 100.0, "percent": 100.0, "millis": 1e3, "none": 1.0}
_GROUPS = {",": ",", ".": r"\.", " ": GAP, "'": "['’]"}
_LARGEST_COUNT = 9_007_199_254_740_992  # the last whole number that a double holds exactly


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """How a text becomes a value.

    Parameters
    ----------
    sql : str
        The value, or NULL.
    failure : str, optional
        True where there is a text that is no value; None where that cannot be.
    reason : str, optional
        The sentence for such a row, without the column's name.
    doubt : str, optional
        What the text says of how it is read, as `doubt_of` tells; None where there is no other way.
    """

    sql: str
    failure: str | None = None
    reason: str | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedColumn:
    """One target column as DuckDB SQL over the source relation.

    Parameters
    ----------
    name : str
        The target column.
    sql : str
        Its typed value, or NULL. It may hold a window function: compute it in a SELECT, filter around it.
    failure : str, optional
        Boolean SQL, true where the source has a value that cannot be used; None where that cannot happen.
    reason : str, optional
        SQL of the sentence for a row that failed, with the row's own value in it.
    doubt : str, optional
        SQL of what the row says of how it is read; None where there is no other way.
    """

    name: str
    sql: str
    failure: str | None = None
    reason: str | None = None
    doubt: str | None = None

    @classmethod
    def of(cls, name: str, parsed: Parsed) -> MappedColumn:
        """Return a parsed value under its target's name."""
        return cls(
            name=name, sql=parsed.sql, failure=parsed.failure, reason=parsed.reason, doubt=parsed.doubt
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFormat:
    """How numbers are written.

    Parameters
    ----------
    decimal, thousands : str
        The decimal sign; the sign between groups of three digits, empty where there is none.
    unit : str
        ``"micros"``, ``"cents"``, ``"millis"`` and ``"percent"`` divide; a percent sign is accepted with
        ``"percent"`` only.
    currency : str
        ISO 4217 code whose code or sign may stand beside the number; empty where none may.
    stated : bool
        Whether somebody said so; where not, the other numbers of a file may say otherwise.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = "none"
    currency: str = ""
    stated: bool = False

    @property
    def says(self) -> str:
        """Return how a number is expected to look."""
        groups = f" and {self.thousands!r} between thousands" if self.thousands else ""
        percent = " or a percentage" if self.unit == "percent" else ""
        return f"digits with {self.decimal!r} decimals{groups}{percent}"


def literal(text: str) -> str:
    """Return a text as a SQL string, whatever it holds.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("\x00", "").replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a column's name as SQL, whatever it holds.

    Examples
    --------
    >>> identifier('a "b"; DROP TABLE x')
    '"a ""b""; DROP TABLE x"'
    """
    return '"' + name.replace("\x00", "").replace('"', '""') + '"'


def trimmed(column: str) -> str:
    """Return the text of a source column: outer white space gone, NULL where nothing is left."""
    name = identifier(column)
    # Most texts begin and end with a visible ASCII character; trimming each would cost more than parsing it.
    clean = f"regexp_full_match({name}, '(?s)[!-~](?:.*[!-~])?')"
    return f"CASE WHEN {clean} THEN {name} ELSE nullif(trim({name}, {SPACES}), '') END"


def bound(name: str, sql: str, body: str) -> str:
    """Return `body`, in which `name` stands for the value of `sql`, so that it is computed once."""
    return f"list_transform([{sql}], lambda {name}: {body})[1]"


def shown(text: str) -> str:
    """Return the SQL of a row's own value in quotes, cut at 80 characters."""
    return f"'''' || left({text}, 80) || ''''"


def failed(text: str, sql: str, expected: str) -> Parsed:
    """Return a value that fails where the text is there and `sql` is null."""
    return Parsed(
        sql=sql,
        failure=f"({text} IS NOT NULL AND {sql} IS NULL)",
        reason=f"{shown(text)} || {literal(f' is {expected}')}",
    )


def number(text: str, written: NumberFormat) -> Parsed:
    """Return a finite number.

    'nan', 'inf', 1e309, a second decimal sign, groups of other than three digits, and a comma whose
    meaning is not stated are refused.

    Examples
    --------
    >>> import duckdb
    >>> value = number("'1.234,50 €'", NumberFormat(decimal=",", thousands=".", currency="EUR")).sql
    >>> duckdb.connect().sql(f"SELECT {value}").fetchall()
    [(1234.5,)]
    """
    bare = _without_signs(text, written)
    decimal, group = (r"\." if written.decimal == "." else ","), _GROUPS.get(written.thousands)
    whole = rf"(?:\d+|\d{{1,3}}(?:{group}\d{{3}})+)" if group else r"\d+"
    shape = rf"[+-]?(?:{whole}(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d{{1,3}})?"
    digits = f"regexp_replace({bare}, {literal(group)}, '', 'g')" if group else bare
    digits = f"replace({digits}, ',', '.')" if written.decimal == "," else digits
    value = f"CASE WHEN regexp_full_match({bare}, {literal(shape)}) THEN TRY_CAST({digits} AS DOUBLE) END"
    divisor = DIVISORS[written.unit]
    scaled = f"({value}) / {divisor!r}" if divisor != 1 else f"({value})"
    sql = finite(scaled)
    plain = failed(text, sql, f"not a number; expected {written.says}")
    reason = _number_reason(text, bare, written, plain)
    open_to_doubt = not written.stated and written.decimal == "." and written.thousands in {"", ","}
    doubt = doubt_of(text, bare, written.thousands) if open_to_doubt else None
    return Parsed(sql=sql, failure=plain.failure, reason=reason, doubt=doubt)


def told(*, unclear: str = "NULL", borne_out: bool = False, contradicted: bool = False) -> str:
    """Return the struct of what one text says of how it is read."""
    says = f"borne_out := {str(borne_out).lower()}, contradicted := {str(contradicted).lower()}"
    return f"struct_pack(unclear := CAST({unclear} AS VARCHAR), {says})"


def doubt_of(text: str, bare: str, thousands: str = "") -> str:
    """Return what a number says of the point or comma in it, as a struct; null where it holds none.

    `unclear` is the text where the point may part thousands, or the comma decimals, `borne_out` is true where
    they cannot, and `contradicted` where they must.

    Examples
    --------
    >>> import duckdb
    >>> texts = "(VALUES ('1.234'), ('12.5'), ('1.234,50'), ('7')) AS _(t)"
    >>> for (says,) in duckdb.connect().sql(f"SELECT {doubt_of('t', 't')} FROM {texts}").fetchall():
    ...     print(says)
    {'unclear': '1.234', 'borne_out': False, 'contradicted': False}
    {'unclear': None, 'borne_out': True, 'contradicted': False}
    {'unclear': None, 'borne_out': False, 'contradicted': True}
    None
    """
    unclear, decimal = r"[+-]?[1-9]\d{0,2}\.\d{3}", r"[+-]?\d*\.\d*(?:[eE][+-]?\d+)?"
    grouped = r"[+-]?\d{1,3}(?:\.\d{3}){2,}|[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d*"
    # A comma before three digits is as unclear; where it is not said to part thousands, it is refused anyway.
    other, usual = r"[+-]?\d{1,3},\d{3}", r"[+-]?\d{1,3}(?:,\d{3}){2,}|[+-]?\d{1,3}(?:,\d{3})+\.\d*"
    by_comma = told(unclear=text) if thousands else "NULL"
    return (
        f"CASE WHEN NOT regexp_matches({bare}, '[.,]') THEN NULL"
        f" WHEN regexp_full_match({bare}, {literal(unclear)}) THEN {told(unclear=text)}"
        f" WHEN regexp_full_match({bare}, {literal(decimal)}) THEN {told(borne_out=True)}"
        f" WHEN regexp_full_match({bare}, {literal(other)}) THEN {by_comma}"
        f" WHEN regexp_full_match({bare}, {literal(usual)}) THEN {told(borne_out=bool(thousands))}"
        f" WHEN regexp_full_match({bare}, {literal(grouped)}) THEN {told(contradicted=True)} END"
    )


def finite(sql: str) -> str:
    """Return a number where it is finite; adding zero turns the negative zero into zero."""
    return bound("_n", sql, "CASE WHEN isfinite(_n) THEN _n + 0.0 END")


def _without_signs(text: str, written: NumberFormat) -> str:
    signs = []
    if written.currency:
        signs = [written.currency, *SIGNS.get(written.currency, ())]
    bare = text
    if signs:
        names = "|".join(_escaped(sign) for sign in sorted(signs, key=len, reverse=True))
        gap = f"{GAP}?"
        bare = f"regexp_replace({bare}, {literal(f'^([+-]?){gap}(?:{names}){gap}|{gap}(?:{names})$')}, '\\1')"
    if written.unit == "percent":
        bare = f"regexp_replace({bare}, '[ \u00a0\u202f]?%$', '')"
    return bare


def _escaped(sign: str) -> str:
    return "".join(f"\\{c}" if c in "$.^*+?()[]{}|\\" else c for c in sign)


def _number_reason(text: str, bare: str, written: NumberFormat, plain: Parsed) -> str:
    other = "," if written.decimal == "." else "."
    unclear = rf"[+-]?\d{{1,3}}{_escaped(other)}\d{{3}}"
    cases = f"WHEN regexp_full_match({text}, '.*%') THEN {shown(text)} || {literal(_PERCENT)} "
    if written.unit == "percent":
        cases = ""
    if written.thousands != other:
        cases += (
            f"WHEN regexp_full_match({bare}, {literal(unclear)}) THEN {shown(text)} || {literal(_UNCLEAR)} "
        )
    money = literal(_currency(written))
    cases += f"WHEN regexp_full_match({bare}, {literal(_MONEY)}) THEN {shown(text)} || {money} "
    return f"CASE {cases}ELSE {plain.reason} END"


_PERCENT = " is a percentage; state `unit: percent` in the mapping to read it as a share"
_UNCLEAR = (
    " is ambiguous: the sign before the last three digits may part thousands or decimals;"
    " state `decimal` and `thousands` in the mapping"
)
_MONEY = r"(?:[$€£¥₹₩₺]|[A-Z]{3}).*\d.*|.*\d.*(?:[$€£¥₹₩₺]|[A-Z]{3})"


_UNNAMED = (
    "the mapping names no currency, nor does the workspace: state one with `workbench init --currency`,"
    " or as `currency` in the mapping"
)


def _currency(written: NumberFormat) -> str:
    held = f"{written.currency} is read" if written.currency else _UNNAMED
    return f" carries a currency, and {held}; expected {written.says}"


def count(text: str, written: NumberFormat) -> Parsed:
    """Return a whole number as BIGINT; '3.0' is 3, '3.5' is refused, and so is '3.000', which may be 3000.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.connect().sql(f'''SELECT {count("'3.0'", NumberFormat()).sql}''').fetchall()
    [(3,)]
    """
    parsed = number(text, written)
    unclear = rf"[+-]?[1-9]\d{{0,2}}{_escaped(written.decimal)}\d{{3}}"
    grouped = f"regexp_full_match({_without_signs(text, written)}, {literal(unclear)})"
    whole = f"abs(_w) < {_LARGEST_COUNT} AND trunc(_w) = _w AND NOT {grouped}"
    sql = bound("_w", parsed.sql, f"CASE WHEN {whole} THEN CAST(_w AS BIGINT) END")
    reason = (
        f"CASE WHEN abs({parsed.sql}) > {LARGEST!r} THEN {shown(text)} || ' is too large, and not a count'"
        f" WHEN {grouped} THEN {shown(text)} || {literal(_UNCLEAR)}"
        f" WHEN {parsed.sql} IS NOT NULL THEN {shown(text)} || ' is not a whole number'"
        f" ELSE {parsed.reason} END"
    )
    # A count of thousandths there is not: with other digits than noughts, the point parts thousands.
    doubt = parsed.doubt and (
        f"CASE WHEN {grouped} AND NOT ends_with({text}, '000') THEN {told(contradicted=True)}"
        f" WHEN contains({text}, ',') AND {sql} IS NOT NULL THEN NULL ELSE {parsed.doubt} END"
    )
    failure = f"({text} IS NOT NULL AND ({sql}) IS NULL)"
    return Parsed(sql=sql, failure=failure, reason=reason, doubt=doubt)


def truth(text: str) -> Parsed:
    """Return true or false, of true/false, yes/no, y/n, t/f, 1/0 in any case."""
    low = f"lower({text})"
    sql = (
        f"CASE WHEN {low} IN ('true', 'yes', 'y', 't', '1', '1.0') THEN true"
        f" WHEN {low} IN ('false', 'no', 'n', 'f', '0', '0.0') THEN false END"
    )
    return failed(text, sql, "not a truth value; expected true or false")


def derived_uuid(texts: tuple[str, ...]) -> str:
    """Return the SQL of a UUID made from the texts alone: the same texts, the same id, on every load.

    The lengths stand before the texts, so that ('ab', 'c') and ('a', 'bc') differ.
    """
    parts = " || ".join(f"coalesce(length({t}) || ':' || {t}, '-') || '|'" for t in texts)
    shape = (
        "substr(_h, 1, 8) || '-' || substr(_h, 9, 4) || '-3' || substr(_h, 14, 3)"
        " || '-8' || substr(_h, 18, 3) || '-' || substr(_h, 21, 12)"
    )
    return bound("_h", f"md5({parts})", shape)
