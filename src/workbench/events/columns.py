"""How one target column is made: what a mapping may say about it, and the SQL that follows."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, model_validator

from workbench.events.dates import check_formats, check_zone, day, instant
from workbench.events.definitions import Kind
from workbench.events.parsing import (
    NumberFormat,
    Parsed,
    bound,
    count,
    derived_uuid,
    finite,
    literal,
    number,
    shown,
    truth,
)
from workbench.events.places import Finder, Place, Places, Reading, Scalar, Sign, Strict, Test, listed, plain
from workbench.events.stated import typed_literal

_FORMS = (
    "from_",
    "first_of",
    "product",
    "total",
    "join",
    "constant",
    "ordinal",
    "uuid_of",
    "any_of",
    "all_of",
    "either",
)


_LONG = 250
_NOT_ONE_DAY = " is another day than the row begins on; expected a report with a row for each day"
_NEEDED = {
    "otherwise": ("values",),
    "minus": ("product", "total"),
    "numbered": ("uuid_of",),
    "as_uuid": ("from_", "first_of"),
    "values": ("from_", "first_of"),
    "strip_suffix": ("from_", "first_of"),
    "until": ("from_",),
}


class Column(Strict):
    """How one target column is made: exactly one form, and how its text is read."""

    from_: Places | None = Field(None, alias="from")
    first_of: Places | None = None
    product: Places | None = None
    total: Places | None = None
    join: Places | None = None
    constant: Scalar | None = None
    ordinal: Places | None = None
    uuid_of: Places | None = None
    any_of: Annotated[tuple[Test, ...], Field(min_length=1)] | None = None
    all_of: Annotated[tuple[Test, ...], Field(min_length=1)] | None = None
    either: Annotated[tuple[Column, ...], Field(min_length=2)] | None = None
    minus: Places | None = None
    until: Places | None = None
    unless: Annotated[tuple[Test, ...], Field(min_length=1)] | None = None
    separator: str = " "
    numbered: StrictBool = False
    as_uuid: StrictBool = False
    values: dict[Scalar, Scalar] = Field(default_factory=dict)
    otherwise: Scalar | None = None
    default: Scalar | None = None
    absent: Scalar | None = None
    optional: StrictBool = False
    unit: Literal["none", "micros", "cents", "percent", "millis"] = "none"
    decimal: Sign | None = None
    thousands: Literal["", ",", ".", " ", "'"] | None = None
    formats: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()
    time_zone: str | None = None
    clock_change: Literal["refuse", "earlier", "later"] | None = None
    strip_suffix: str = ""
    case: Literal["keep", "lower", "upper"] = "keep"

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"from": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sound(self) -> Column:
        forms = [name for name in _FORMS if getattr(self, name) is not None]
        if len(forms) != 1:
            raise ValueError(f"a column has exactly one of {', '.join(_FORMS).replace('from_', 'from')}")
        for modifier, needed in _NEEDED.items():
            if getattr(self, modifier) and not any(getattr(self, form) for form in needed):
                raise ValueError(f"`{modifier}` needs {' or '.join(needed).replace('from_', 'from')}")
        if len({label.lower() for label in self.values}) < len(self.values):
            raise ValueError("two labels of `values` differ in case only")
        check_formats(self.formats)
        if self.time_zone is not None:
            check_zone(self.time_zone)
        return self

    @property
    def places(self) -> tuple[Place, ...]:
        """Return every place the column may look at."""
        forms = ("from_", "first_of", "product", "total", "join", "uuid_of", "ordinal", "minus", "until")
        found = [place for form in forms for place in getattr(self, form) or ()]
        tests = (*(self.any_of or ()), *(self.all_of or ()), *(self.unless or ()))
        found += [place for test in tests for place in test.places]
        found += [place for column in self.either or () for place in column.places]
        return tuple(found)

    def blind(self, there: Collection[str]) -> bool:
        """Return whether a file of these `plain` columns cannot tell `unless`, so that nothing is read."""
        return any(plain(place.column) not in there for test in self.unless or () for place in test.places)

    def parsed(self, kind: Kind, find: Finder, reading: Reading) -> Parsed | None:
        """Return the value as SQL; None where the file lacks the columns and the mapping allows no gap.

        Parameters
        ----------
        kind : Kind
            What the target holds.
        find : callable
            From a place to the SQL of its text, None where the file has no such column.
        reading : Reading
            The mapping's own settings.
        """
        if self.constant is not None:
            return Parsed(sql=typed_literal(self.constant, kind))
        made = self._made(kind, find, reading)
        if any(find(place) is None for test in self.unless or () for place in test.places):
            return None  # what is to be left out cannot be told
        if made is None:
            given = self.absent if self.absent is not None else self.default
            if given is None and not self.optional:
                return None
            return Parsed(sql=typed_literal(given, kind))
        made = self._left_out(self._of_one_day(made, find), find, reading)
        if self.default is None:
            return made
        instead = typed_literal(self.default, kind)
        filled = f"coalesce({made.sql}, {instead})"
        if made.failure:
            filled = bound(
                "_d", made.sql, f"CASE WHEN _d IS NULL AND NOT {made.failure} THEN {instead} ELSE _d END"
            )
        return replace(made, sql=filled)

    def _made(self, kind: Kind, find: Finder, reading: Reading) -> Parsed | None:
        if self.from_ is not None:
            text, name = next(
                ((found, find.named(p)) for p in self.from_ if (found := find(p)) is not None), (None, "")
            )
            return None if text is None else named(self._once(text, kind, reading), name)
        if self.first_of is not None:
            there = [(found, find.named(p)) for p in self.first_of if (found := find(p)) is not None]
            first = _first([text for text, _ in there])
            return named(self._once(first, kind, reading), there[0][1]) if there else None
        if self.either is not None:
            made = (column.parsed(kind, find, reading) for column in self.either)
            return next((parsed for parsed in made if parsed is not None), None)
        if self.any_of is not None or self.all_of is not None:
            return self._answer(kind, find, reading)
        if self.product is not None or self.total is not None:
            return self._arithmetic(kind, find, reading)
        texts = [text for text in map(find, self.places) if text is not None]
        if len(texts) < len(self.places):
            return None
        if self.ordinal is not None:
            within = f"PARTITION BY {', '.join(texts)} ORDER BY {reading.row}"
            return Parsed(sql=f"CAST(row_number() OVER ({within}) AS BIGINT)")
        if self.uuid_of is not None:
            anything = " OR ".join(f"{text} IS NOT NULL" for text in texts)
            if self.numbered:
                within = f"PARTITION BY {', '.join(texts)} ORDER BY {reading.row}"
                texts.append(f"CAST(row_number() OVER ({within}) AS VARCHAR)")
            return Parsed(sql=f"CASE WHEN {anything} THEN {derived_uuid(tuple(texts))} END")
        return Parsed(sql=f" || {literal(self.separator)} || ".join(f"({text})" for text in texts))

    def _of_one_day(self, made: Parsed, find: Finder) -> Parsed:
        """Return a date that fails where the row reaches on to another day: a month is no day."""
        ends = ((t, find.named(p)) for p in self.until or () if (t := find(p)) is not None)
        text, name = next(ends, (None, ""))
        if text is None:
            return made
        end = named(day(text, self.formats), name)
        longer = f"coalesce({end.sql} <> {made.sql}, false)"
        said = f"{literal(f'column {name!r}: ')} || {shown(text)} || {literal(_NOT_ONE_DAY)}"
        return Parsed(
            sql=made.sql,
            failure=f"({made.failure} OR {end.failure} OR {longer})",
            reason=f"CASE WHEN {made.failure} THEN {made.reason} WHEN {longer} THEN {said}"
            f" ELSE {end.reason} END",
            doubt=made.doubt,
        )

    def _left_out(self, made: Parsed, find: Finder, reading: Reading) -> Parsed:
        """Return the value as a blank where a test holds."""
        written = self._written(reading)
        asked = [(test, [find(place) for place in test.places]) for test in self.unless or ()]
        out = [test.sql([text for text in texts if text], written) for test, texts in asked]
        if not out:
            return made
        kept = f"NOT ({' OR '.join(out)})"
        failure = f"({kept} AND {made.failure})" if made.failure else None
        doubt = made.doubt and f"CASE WHEN {kept} THEN {made.doubt} END"
        sql = f"CASE WHEN {kept} THEN {made.sql} END"
        return Parsed(sql=sql, failure=failure, reason=made.reason, doubt=doubt)

    def _answer(self, kind: Kind, find: Finder, reading: Reading) -> Parsed | None:
        answers = []
        for test in self.any_of or self.all_of or ():
            texts = [find(place) for place in test.places]
            known = [text for text in texts if text is not None]
            if len(known) == len(texts):
                answers.append(test.sql(known, self._written(reading)))
            elif self.all_of is not None:
                return None
        if not answers:
            return None
        answer = (" OR " if self.any_of is not None else " AND ").join(answers)
        return Parsed(sql=f"({answer})" if kind is Kind.BOOLEAN else f"CAST(({answer}) AS BIGINT)")

    def _arithmetic(self, kind: Kind, find: Finder, reading: Reading) -> Parsed | None:
        plus = self._numbers(self.product or self.total or (), find, reading)
        if plus is None:
            return None
        minus = self._numbers(self.minus, find, reading) or [] if self.minus else []
        if self.product is not None:
            value = " * ".join(f"({part.sql})" for part in plus)
        else:
            anything = " OR ".join(f"{part.sql} IS NOT NULL" for part in plus)
            value = f"CASE WHEN {anything} THEN {' + '.join(f'coalesce({part.sql}, 0)' for part in plus)} END"
        value = f"({value})" + "".join(f" - coalesce({part.sql}, 0)" for part in minus)
        parts, sql = [*plus, *minus], finite(value)
        failures = [f"{part.failure}" for part in parts] + [f"coalesce(NOT isfinite({value}), false)"]
        cases = " ".join(f"WHEN {part.failure} THEN {part.reason}" for part in parts)
        return Parsed(
            sql=f"CAST({sql} AS BIGINT)" if kind is Kind.COUNT else sql,
            failure=f"({' OR '.join(failures)})",
            reason=f"CASE {cases} ELSE 'the result is not finite' END",
            doubt=doubts([part.doubt for part in parts if part.doubt]),
        )

    def _numbers(self, places: tuple[Place, ...], find: Finder, reading: Reading) -> list[Parsed] | None:
        # A sum may lack some of its columns, a product may not.
        written = self._written(reading)
        found = [(find.named(place), find(place)) for place in places]
        made = [named(number(text, written), name) for name, text in found if text is not None]
        return None if not made or (self.product is places and len(made) < len(places)) else made

    def _written(self, reading: Reading) -> NumberFormat:
        return NumberFormat(
            decimal=self.decimal or reading.decimal,
            thousands=reading.thousands if self.thousands is None else self.thousands,
            unit=self.unit,
            currency=reading.currency,
            stated=reading.stated or self.decimal is not None or bool(self.thousands),
        )

    def _once(self, text: str, kind: Kind, reading: Reading) -> Parsed:
        # A text out of a JSON document is dear: it is taken out once for each expression.
        if len(text) < _LONG:
            return self._value(text, kind, reading)
        made = self._value("_x", kind, reading)
        return Parsed(
            sql=bound("_x", text, made.sql),
            failure=bound("_x", text, made.failure) if made.failure else None,
            reason=bound("_x", text, made.reason) if made.reason else None,
            doubt=bound("_x", text, made.doubt) if made.doubt else None,
        )

    def _value(self, text: str, kind: Kind, reading: Reading) -> Parsed:
        if self.strip_suffix:
            text = f"nullif(regexp_replace({text}, {literal(re.escape(self.strip_suffix) + '$')}, ''), '')"
        if reading.blanks:
            text = f"CASE WHEN {text} NOT IN ({', '.join(map(literal, reading.blanks))}) THEN {text} END"
        if self.values:
            return self._labels(text, kind)
        if self.as_uuid:
            of = text if self.case == "keep" else f"{self.case}({text})"
            return Parsed(sql=f"CASE WHEN {text} IS NOT NULL THEN {derived_uuid((of,))} END")
        return self._read(text, kind, reading)

    def _labels(self, text: str, kind: Kind) -> Parsed:
        cases = " ".join(
            f"WHEN lower({literal(label)}) THEN {typed_literal(ours, kind)}"
            for label, ours in self.values.items()
        )
        if self.otherwise is not None:
            other = f"CASE WHEN {text} IS NOT NULL THEN {typed_literal(self.otherwise, kind)} END"
            return Parsed(sql=f"CASE lower({text}) {cases} ELSE {other} END")
        sql = f"CASE lower({text}) {cases} END"
        expected = f" is not a label that the mapping knows; expected {', '.join(self.values)}"
        failure = f"({text} IS NOT NULL AND {sql} IS NULL)"
        return Parsed(sql=sql, failure=failure, reason=f"{shown(text)} || {literal(expected)}")

    def _read(self, text: str, kind: Kind, reading: Reading) -> Parsed:
        match kind:
            case Kind.COUNT:
                return count(text, self._written(reading))
            case Kind.NUMBER | Kind.MONEY | Kind.SCORE:
                return number(text, self._written(reading))
            case Kind.BOOLEAN:
                return truth(text)
            case Kind.DATE:
                made = day(text, self.formats)
                # Who states the format knows the file; a ready mapping knows its platform only.
                return made if reading.ready else replace(made, doubt=None)
            case Kind.INSTANT:
                zone = self.time_zone or reading.time_zone
                return instant(text, self.formats, zone, self.clock_change or reading.clock_change)
            case _:
                return Parsed(sql=text if self.case == "keep" else f"{self.case}({text})")


def named(parsed: Parsed, column: str | None) -> Parsed:
    """Return the same value with the column's name before the reason."""
    if parsed.reason is None:
        return parsed
    return replace(parsed, reason=f"{literal(f'column {column!r}: ')} || ({parsed.reason})")


def doubts(parts: list[str]) -> str | None:
    """Return what several numbers say together of the points in them, as `parsing.doubt_of` does of one."""
    if len(parts) < 2:
        return next(iter(parts), None)
    unclear = ", ".join(f"({part}).unclear" for part in parts)
    borne_out, contradicted = (
        " OR ".join(f"coalesce(({part}).{says}, false)" for part in parts)
        for says in ("borne_out", "contradicted")
    )
    says = f"borne_out := {borne_out}, contradicted := {contradicted}"
    return f"struct_pack(unclear := coalesce({unclear}), {says})"


def _first(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})"
