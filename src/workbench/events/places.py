"""Where a text stands in a source, and what can be asked of a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from workbench.errors import BadInput
from workbench.events.parsing import BLANKS, NumberFormat, bound, literal, number, trimmed

_STEP = r"[A-Za-z_][A-Za-z0-9_]*(?:\[\d{1,3}\])?"
_PATH = re.compile(rf"(?:{_STEP}|\[\d{{1,3}}\])(?:\.{_STEP})*")
_PARAMETER = (
    '[{"key":"VARCHAR","value":{"string_value":"VARCHAR","int_value":"VARCHAR",'
    '"float_value":"VARCHAR","double_value":"VARCHAR"}}]'
)


def _scalar(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value) if isinstance(value, int) else value


Scalar = Annotated[str, BeforeValidator(_scalar)]


def listed(value: object) -> object:
    """Return a single value as a list of one."""
    return value if isinstance(value, list | tuple) else [value]


class Strict(BaseModel):
    """A part of a mapping: immutable, and no key that is not defined."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


class Place(Strict):
    """Where a text stands: a source column, or one value inside the JSON that a column holds."""

    column: Annotated[str, Field(min_length=1)]
    path: str | None = None
    parameter: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sound(self) -> Place:
        if self.path is not None and not _PATH.fullmatch(self.path):
            raise ValueError(f"the path {self.path!r} is not of the form a.b[0].c")
        if self.path is not None and self.parameter is not None:
            raise ValueError("a place has a path or a parameter, not both")
        return self

    def sql(self, column: str) -> str:
        """Return the trimmed text at this place, `column` being the name in the file."""
        text = trimmed(column)
        if self.path is None and self.parameter is None:
            return text
        document = f"CASE WHEN json_valid({text}) THEN {text} END"
        if self.path is not None:
            dotted = "$" + self.path if self.path.startswith("[") else "$." + self.path
            return f"nullif(trim(json_extract_string({document}, {literal(dotted)})), '')"
        listed = f"json_transform({document}, {literal(_PARAMETER)})"
        named = f"struct_extract(_p, 'key') = {literal(self.parameter or '')}"
        found = f"struct_extract(list_filter({listed}, lambda _p: {named})[1], 'value')"
        kinds = ("string", "int", "float", "double")
        values = ", ".join(f"struct_extract(_v, '{kind}_value')" for kind in kinds)
        return bound("_v", found, f"nullif(trim(coalesce({values})), '')")


Places = Annotated[tuple[Place, ...], BeforeValidator(listed), Field(min_length=1)]


class Test(Strict):
    """A question about a row, answered with true or false; a blank answers false."""

    __test__ = False  # not a test case
    from_: Place | None = Field(None, alias="from")
    product: Annotated[tuple[Place, ...], Field(min_length=2)] | None = None
    starts: Scalar | None = None
    starts_none: Annotated[tuple[Scalar, ...], BeforeValidator(listed)] | None = None
    equals: Annotated[tuple[Scalar, ...], BeforeValidator(listed)] | None = None
    below: Annotated[float, Field(allow_inf_nan=False)] | None = None
    filled: StrictBool | None = None

    @model_validator(mode="after")
    def _sound(self) -> Test:
        kinds = ("starts", "starts_none", "equals", "below", "filled")
        asked = [name for name in kinds if getattr(self, name) is not None]
        if (self.from_ is None) == (self.product is None) or len(asked) != 1:
            raise ValueError(f"a test has `from` or `product`, and one of {', '.join(kinds)}")
        if self.product is not None and self.below is None:
            raise ValueError("a product can only be tested with `below`")
        return self

    @property
    def places(self) -> tuple[Place, ...]:
        """Return where the test looks."""
        return self.product or ((self.from_,) if self.from_ else ())

    def sql(self, texts: list[str], written: NumberFormat) -> str:
        """Return the answer as SQL, never null."""
        text = texts[0]
        if self.starts is not None:
            return f"coalesce(starts_with({text}, {literal(self.starts)}), false)"
        if self.starts_none is not None:
            some = " OR ".join(f"starts_with({text}, {literal(start)})" for start in self.starts_none)
            return f"NOT coalesce({some}, false)"
        if self.equals is not None:
            options = ", ".join(f"lower({literal(option)})" for option in self.equals)
            return f"coalesce(lower({text}) IN ({options}), false)"
        if self.filled is not None:
            return f"({text} IS {'NOT ' if self.filled else ''}NULL)"
        value = " * ".join(f"({number(t, written).sql})" for t in texts)
        return f"coalesce({value} < {self.below!r}, false)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the texts of a source are to be read, where a column does not say otherwise."""

    decimal: str
    thousands: str
    currency: str
    time_zone: str
    clock_change: str
    row: str
    blanks: tuple[str, ...] = ()
    stated: bool = False
    ready: bool = False


_IN_NAME = re.compile(r"\(([A-Z]{3})\)$")
Sign = Literal[".", ","]


def plain(column: str) -> str:
    """Return a column's name without case, outer spaces and marks."""
    return column.strip(BLANKS).casefold()


def coded(column: str) -> str:
    """Return a column's name as `plain`, with XXX for the currency that it ends on.

    Examples
    --------
    >>> coded("Amount spent (SEK)"), coded("Clicks (all)")
    ('amount spent (xxx)', 'clicks (all)')
    """
    return _IN_NAME.sub("(XXX)", column.strip(BLANKS)).casefold()


class Columns:
    """The columns of one file: from a place to the SQL of its text, None where there is no such column.

    A name is first looked for as it is written, then without regard to case and outer spaces, and one that
    ends on (XXX) with whatever currency stands there.
    """

    def __init__(self, source_columns: Sequence[str]) -> None:
        self._exact = set(source_columns)
        if len(self._exact) < len(source_columns):
            doubled = sorted({c for c in source_columns if list(source_columns).count(c) > 1})
            raise BadInput("a column stands twice in the file", column=doubled[0])
        self._plain: dict[str, list[str]] = {}
        self._coded: dict[str, list[str]] = {}
        for column in source_columns:
            self._plain.setdefault(plain(column), []).append(column)
            if _IN_NAME.search(column.strip(BLANKS)):
                self._coded.setdefault(coded(column), []).append(column)

    def __call__(self, place: Place) -> str | None:
        """Return the SQL of the text at a place."""
        name = self.named(place)
        return None if name is None else place.sql(name)

    def named(self, place: Place) -> str | None:
        """Return the name that the column of a place has in the file."""
        if place.column in self._exact:
            return place.column
        for alike, said in (
            (self._plain, "differ in case only"),
            (self._coded, "differ in their currency only"),
        ):
            names = alike.get(plain(place.column), [])
            if len(names) > 1:
                raise BadInput(f"the columns {', '.join(map(repr, names))} {said}", column=place.column)
            if names:
                return names[0]
        return None

    def currency(self, name: str) -> str | None:
        """Return the currency that a column names, where `name` ends on (XXX) and the file has one."""
        column = self.named(Place(column=name))
        found = _IN_NAME.search((column or "").strip(BLANKS))
        return found[1] if found else None


Finder = Columns
