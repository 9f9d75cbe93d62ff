"""Event exports: which events of a platform are which of ours, and what their properties are."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from workbench.events.columns import Column, doubts
from workbench.events.definitions import CONTEXT, EVENT_TYPES
from workbench.events.definitions import Field as Property
from workbench.events.parsing import Parsed, literal, shown
from workbench.events.places import Finder, Place, Places, Reading, Scalar, Strict, listed
from workbench.events.quality import NOT_MAPPED
from workbench.events.stated import usable


class EventRule(Strict):
    """Which events of the source are one of our event types, and how its properties are made."""

    names: Annotated[tuple[Scalar, ...], BeforeValidator(listed), Field(min_length=1)]
    properties: dict[str, Column] = Field(default_factory=dict)


class EventRules(Strict):
    """The types of one export, and the context that all of them share.

    A source event that no rule names is a failure of its row, with a reason. Those in `unmapped` are known to
    be none of ours: their rows go to the quarantine too, but do not speak against the file.
    """

    from_: Places = Field(alias="from")
    types: Annotated[dict[str, EventRule], Field(min_length=1)]
    unmapped: Annotated[tuple[Scalar, ...], BeforeValidator(listed)] = ()
    context: dict[str, Column] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sound(self) -> EventRules:
        taken: set[str] = set()
        for name, rule in self.types.items():
            if name not in EVENT_TYPES:
                raise ValueError(f"types.{name}: no such event type")
            if taken & set(rule.names):
                raise ValueError(f"types.{name}: a source event belongs to two types")
            taken |= set(rule.names)
            if both := taken & set(self.unmapped):
                raise ValueError(f"unmapped: {', '.join(sorted(both))} belongs to the type {name}")
            fields = EVENT_TYPES[name].fields
            _check(f"types.{name}.properties", rule.properties, fields)
            missing = [f.name for f in fields if f.required and f.name not in rule.properties]
            if missing:
                raise ValueError(f"types.{name}: the event type also needs {', '.join(missing)}")
        _check("context", self.context, CONTEXT)
        return self

    @property
    def places(self) -> tuple[Place, ...]:
        """Return every place of the source that the rules may look at."""
        made = [c for rule in self.types.values() for c in rule.properties.values()]
        made += self.context.values()
        return (*self.from_, *(place for column in made for place in column.places))

    def parsed(self, find: Finder, reading: Reading) -> dict[str, Parsed]:
        """Return `event_type`, `properties` and `context`; the last two are JSON text."""
        name = next(
            (text for place in self.from_ if (text := find(place)) is not None), "CAST(NULL AS VARCHAR)"
        )
        cases, objects, trouble, doubt = [], [], [], []
        for event_type, rule in self.types.items():
            is_it = f"{name} IN ({', '.join(map(literal, rule.names))})"
            cases.append(f"WHEN {is_it} THEN {literal(event_type)}")
            parts = _parts(rule.properties, EVENT_TYPES[event_type].fields, find, reading)
            objects.append(f"WHEN {is_it} THEN {_object(parts)}")
            trouble += [(f"({is_it} AND {p.failure})", p.reason) for p in parts.values() if p.failure]
            doubt += [f"CASE WHEN {is_it} THEN {p.doubt} END" for p in parts.values() if p.doubt]
        about = _parts(self.context, CONTEXT, find, reading)
        return {
            "event_type": self._type(name, f"CASE {' '.join(cases)} END"),
            "properties": replace(_whole(f"CASE {' '.join(objects)} END", trouble), doubt=doubts(doubt)),
            "context": _whole(_object(about), [(p.failure, p.reason) for p in about.values() if p.failure]),
        }

    def _type(self, name: str, sql: str) -> Parsed:
        column = literal(f"column {self.from_[0].column!r}: ")
        reason = f"{column} || {shown(name)} || ' has no event type in this mapping'"
        if self.unmapped:
            known = f"{name} IN ({', '.join(map(literal, self.unmapped))})"
            reason = f"CASE WHEN {known} THEN {literal(NOT_MAPPED)} || {name} ELSE {reason} END"
        return Parsed(sql=sql, failure=f"({name} IS NOT NULL AND {sql} IS NULL)", reason=reason)


def _check(where: str, columns: dict[str, Column], fields: tuple[Property, ...]) -> None:
    known = {field.name: field for field in fields}
    for name, column in columns.items():
        if name not in known:
            raise ValueError(f"{where}.{name}: no such property; expected one of {', '.join(known)}")
        stated = (column.constant, column.default, column.absent, column.otherwise, *column.values.values())
        for value in stated:
            problem = usable(value, known[name].kind, known[name].choices) if value is not None else None
            if problem:
                raise ValueError(f"{where}.{name}: {value!r} is {problem}")


def _parts(
    columns: dict[str, Column], fields: tuple[Property, ...], find: Finder, reading: Reading
) -> dict[str, Parsed]:
    kinds = {field.name: field.kind for field in fields}
    made = {name: column.parsed(kinds[name], find, reading) for name, column in columns.items()}
    return {name: part for name, part in made.items() if part is not None}


def _object(parts: dict[str, Parsed]) -> str:
    pairs = ", ".join(f"{literal(name)}, {part.sql}" for name, part in parts.items())
    # A merge with the empty object drops the keys that have no value.
    return f"CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR)" if pairs else "'{}'"


def _whole(sql: str, trouble: list[tuple[str, str | None]]) -> Parsed:
    if not trouble:
        return Parsed(sql=sql)
    reasons = ", ".join(f"CASE WHEN {failure} THEN {reason} END" for failure, reason in trouble)
    failure = " OR ".join(failure for failure, _ in trouble)
    return Parsed(sql=sql, failure=f"coalesce({failure}, false)", reason=f"concat_ws('; ', {reasons})")
