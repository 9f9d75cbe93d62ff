"""How a platform's file becomes one of our tables, as data: a YAML file per source.

A mapping turns into SQL over a relation whose columns are all text, named as in the file. Names and values
of the file stand in that SQL as quoted identifiers and literals only.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from workbench.catalog import Catalog
from workbench.errors import BadInput, UsageError, unknown_name
from workbench.events.columns import Column
from workbench.events.dates import check_zone
from workbench.events.definitions import Kind
from workbench.events.documents import read_document, read_whole
from workbench.events.exports import EventRules
from workbench.events.mistakes import mistakes, named
from workbench.events.parsing import MappedColumn, Parsed, identifier, literal
from workbench.events.places import (
    Columns,
    Place,
    Places,
    Reading,
    Scalar,
    Sign,
    Strict,
    coded,
    listed,
    plain,
)
from workbench.events.stated import usable
from workbench.events.tables import TABLES, TableDefinition

_NAME, _CODE, _ANY = "^[a-z][a-z0-9_]{0,63}$", "^[A-Z]{3}$", "XXX"
# Columns that the store writes, whatever the source.
_WRITTEN = {
    *("ingested_at", "late_arrival", "load_id", "month", "bucket", "event_type", "properties", "context"),
}


def _sets(value: object) -> object:
    return [value] if isinstance(value, list) and value and all(isinstance(v, str) for v in value) else value


def _code_or_places(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(_CODE, value):
        raise ValueError("expected a code of three capitals such as EUR, or {column: ...}")
    return value


class Mapping(Strict):
    """One source: which file it is, which table it fills, and how.

    Parameters
    ----------
    name, title, says : str
        What it is called, and what it reads.
    table : str
        The table of `events.tables` that it fills.
    matches : list
        Columns that together identify the file; or several such lists, each enough by itself.
    columns : mapping
        Target column -> how it is made (`events.columns.Column`).
    events : mapping, optional
        For the table `events`: which of the source's events are which of ours.
    ignore, ignore_rest : list of str, str
        Columns knowingly unused; or the reason why all others are.
    combine : str
        ``"sum"`` adds up the rows of one key (hours of a day, devices of a campaign); with ``"none"`` a
        second row of a key is no addition.
    currency, currency_by_column : str or list of places; mapping
        ISO 4217 code of the amounts, or ``{column: ...}`` that holds it; or the code that follows from the
        presence of a column, e.g. ``Amount spent (EUR)``, or that stands for XXX in ``Amount spent (XXX)``.
    decimal, thousands, time_zone, clock_change, blanks, refunds, delimiter
        How the file is written.
    """

    name: Annotated[str, Field(pattern=_NAME)]
    title: Annotated[str, Field(min_length=1, max_length=100)]
    says: str = ""
    table: str
    matches: Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_sets)] = ()
    targets: dict[str, Column] = Field(alias="columns")
    events: EventRules | None = None
    ignore: tuple[str, ...] = ()
    ignore_rest: str | None = None
    combine: Literal["none", "sum"] = "none"
    currency: Annotated[str | Places | None, BeforeValidator(_code_or_places)] = None
    currency_by_column: dict[str, Annotated[str, Field(pattern=_CODE)]] = Field(default_factory=dict)
    decimal: Sign = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    time_zone: str = "UTC"
    clock_change: Literal["refuse", "earlier", "later"] = "refuse"
    blanks: Annotated[tuple[Scalar, ...], BeforeValidator(listed)] = ()
    refunds: Literal["allowed", "refused"] = "allowed"
    delimiter: Literal["auto", ",", ";", "\t", "|", "whitespace"] = "auto"

    @model_validator(mode="after")
    def _sound(self) -> Mapping:
        check_zone(self.time_zone)
        if self.decimal == self.thousands:
            raise ValueError("`decimal` and `thousands` are the same sign")
        loadable = [*TABLES.where(loadable=True), "events"]
        if self.table not in loadable:
            raise ValueError(f"no table {self.table!r} to load into; expected one of {', '.join(loadable)}")
        if (self.events is not None) != (self.table == "events"):
            raise ValueError("`events` belongs to the table events, and to no other")
        for target, column in self.targets.items():
            self._check(target, column)
        required = {field.name for field in self.definition.fields if field.required}
        missing = sorted(required - set(self.targets) - (_WRITTEN if self.events else set()))
        if missing:
            raise ValueError(f"the table {self.table} also needs {', '.join(missing)}")
        return self

    def _check(self, target: str, column: Column) -> None:
        known = [c for c in self.definition.columns if not (self.events and c in _WRITTEN)]
        if target not in known:
            near = difflib.get_close_matches(target, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"columns.{target}: the table {self.table} has no such column{hint}")
        field = self.definition.field(target)
        if field.kind is not Kind.DATE and column.until:
            raise ValueError(f"columns.{target}: `until` belongs to a date")
        stated = (column.constant, column.default, column.absent, column.otherwise, *column.values.values())
        thousands = self.thousands if column.thousands is None else column.thousands
        if (column.decimal or self.decimal) == thousands:
            raise ValueError(f"columns.{target}: `decimal` and `thousands` are the same sign")
        for value in stated:
            problem = usable(value, field.kind, field.choices) if value is not None else None
            if problem:
                raise ValueError(f"columns.{target}: {value[:80] if value else value!r} is {problem}")
        for way in column.either or ():
            self._check(target, way)

    @property
    def definition(self) -> TableDefinition:
        """Return the table that is filled."""
        return TABLES[self.table]

    @property
    def places(self) -> tuple[Place, ...]:
        """Return every place of the source that the mapping may look at."""
        found = [place for column in self.targets.values() for place in column.places]
        found += self.events.places if self.events else ()
        return (*found, *(self.currency if isinstance(self.currency, tuple) else ()))

    def unmapped(self, source_columns: Iterable[str]) -> tuple[str, ...]:
        """Return the columns of a file that are neither used nor knowingly ignored.

        Examples
        --------
        >>> load_mapping("facebook_kag").unmapped(["ad_id", "interest", "mood"])
        ('mood',)
        """
        if self.ignore_rest is not None:
            return ()
        columns = tuple(source_columns)
        there = {plain(column) for column in columns}
        ways = [way for column in self.targets.values() for way in column.either or (column,)]
        known = {plain(place.column) for place in self.places}
        known -= {plain(p.column) for way in ways if way.blind(there) for p in way.from_ or ()}
        known |= {plain(name) for name in self.ignore}
        return tuple(column for column in columns if not {plain(column), coded(column)} & known)

    def columns(self, source_columns: Sequence[str], row: str = "_row") -> tuple[MappedColumn, ...]:
        """Return the SQL of every target column that the mapping fills.

        Parameters
        ----------
        source_columns : sequence of str
            The columns of the file, as they are named in the relation; all are text.
        row : str
            The column of the relation that holds a row's place in the file (for ordinals).

        Raises
        ------
        BadInput
            If the file lacks columns that the mapping needs, or two of its columns differ in case only.
        """
        find = Columns(source_columns)
        reading = self._reading(find, row)
        made: list[MappedColumn] = []
        missing: list[str] = []
        for target, column in self.targets.items():
            parsed = column.parsed(self.definition.field(target).kind, find, reading)
            if parsed is None:
                unfound = (repr(place.column) for place in column.places if find(place) is None)
                missing.append(f"{target} (from {' or '.join(unfound)})")
            else:
                made.append(MappedColumn.of(target, self._refunds(target, parsed)))
        if self.events:
            made += [
                MappedColumn.of(name, parsed) for name, parsed in self.events.parsed(find, reading).items()
            ]
        if missing:
            raise BadInput(
                f"the file lacks columns that the mapping {self.name!r} needs: {'; '.join(missing)}",
                expected=f"a file of the kind {self.title!r}",
                fix=f"The file has: {named(map(repr, source_columns))}.",
            )
        return tuple(made)

    def _reading(self, find: Columns, row: str) -> Reading:
        return Reading(
            decimal=self.decimal,
            thousands=self.thousands,
            currency=self._code(find) or "",
            time_zone=self.time_zone,
            clock_change=self.clock_change,
            row=identifier(row),
            blanks=self.blanks,
            stated="decimal" in self.model_fields_set or bool(self.thousands and self.name not in names()),
            ready=self.name in names(),
        )

    def _refunds(self, target: str, parsed: Parsed) -> Parsed:
        if self.refunds == "allowed" or target != "order_value":
            return parsed
        negative = f"coalesce({parsed.sql} < 0, false)"
        failure = f"({parsed.failure} OR {negative})" if parsed.failure else negative
        said = "'a negative amount, and the mapping refuses returns'"
        reason = f"CASE WHEN {negative} THEN {said} ELSE {parsed.reason or 'NULL'} END"
        return Parsed(sql=parsed.sql, failure=failure, reason=reason, doubt=parsed.doubt)

    def currency_sql(self, source_columns: Sequence[str]) -> str:
        """Return the SQL of a row's currency code, NULL where the mapping states none."""
        find = Columns(source_columns)
        for place in self.currency if isinstance(self.currency, tuple) else ():
            if (text := find(place)) is not None:
                return f"upper({text})"
        code = self._code(find)
        return literal(code) if code else "CAST(NULL AS VARCHAR)"

    def unfound_currency(self, source_columns: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that were to hold the currency, where the file has none of them.

        Examples
        --------
        >>> load_mapping("reddit_ads").unfound_currency(["spend", "clicks"])
        ('currency',)
        """
        places = self.currency if isinstance(self.currency, tuple) else ()
        find = Columns(source_columns)
        found = any(find(place) is not None for place in places) or self._code(find)
        return () if found else tuple(place.column for place in places)

    def _code(self, find: Columns) -> str | None:
        if isinstance(self.currency, str):
            return self.currency
        there = (item for item in self.currency_by_column.items() if find(Place(column=item[0])))
        name, code = next(there, ("", None))
        return find.currency(name) if code == _ANY else code


def load_mapping(name_or_path: str | Path) -> Mapping:
    """Return a ready mapping by its name, or the one in a user's YAML file.

    Raises
    ------
    UsageError
        If there is neither a ready mapping nor a file of that name.
    BadInput
        If the file is not a mapping; names the file and the key.

    Examples
    --------
    >>> load_mapping("facebook_kag").table
    'daily_performance'
    """
    name = str(name_or_path)
    if name in names():
        return _ready(name)
    path = Path(name)
    try:
        missing = not path.exists() or path.is_dir()
    except OSError as error:  # such as a name that is too long
        raise BadInput(error.strerror or "cannot be read", file=path) from None
    if missing:
        if path.suffix in {".yaml", ".yml"}:
            raise UsageError(f"There is no mapping file {name!r}.")
        raise unknown_name("mapping", name, names())
    return parse_mapping(read_whole(path), path)


def parse_mapping(text: str, file: object = None) -> Mapping:
    """Return the mapping that a YAML text describes.

    BadInput names the file and the key that is wrong.
    """
    document = read_document(text, file, numbers=False)
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        raise BadInput("; ".join(mistakes(error, Mapping)), file=file) from None


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of the ready mappings."""
    folder = resources.files("workbench.events").joinpath("mappings")
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


@functools.cache
def _ready(name: str) -> Mapping:
    file = resources.files("workbench.events").joinpath("mappings", f"{name}.yaml")
    return parse_mapping(file.read_text(encoding="utf-8"), file.name)


@functools.cache
def ready() -> Catalog[Mapping]:
    """Return all ready mappings; each file is read once."""
    return Catalog("mapping", [_ready(name) for name in names()])


def __getattr__(name: str) -> Catalog[Mapping]:
    # Two dozen files are read only by those who ask for all of them.
    if name == "MAPPINGS":
        return ready()
    raise AttributeError(name)


def detect(source_columns: Iterable[str]) -> Mapping | None:
    """Return the ready mapping that fits the columns of a file, None where none or several do.

    Of the mappings whose identifying columns are all there, the one with the most such columns is meant.

    Examples
    --------
    >>> detect(["ad_id", "xyz_campaign_id", "fb_campaign_id", "Spent"]).name
    'facebook_kag'
    """
    there = {name for column in source_columns for name in (plain(column), coded(column))}
    fits: dict[str, int] = {}
    for mapping in ready().values():
        sizes = [len(s) for s in mapping.matches if s and {plain(column) for column in s} <= there]
        if sizes:
            fits[mapping.name] = max(sizes)
    best = [name for name, size in fits.items() if size == max(fits.values())]
    return ready()[best[0]] if len(best) == 1 else None
