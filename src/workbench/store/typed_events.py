"""Events of a typed file whose properties or context are cells, not text: nothing of them is parsed.

A cell becomes a token, its value as JSON; tokens stand for what the rules read, and make up the text that is
stored, in which a null has no place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.events.definitions import CONTEXT, ENVELOPE, EVENT_TYPES, Field
from workbench.events.parsing import literal
from workbench.events.validation import by_type
from workbench.store.schema import quote
from workbench.store.sources import Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A struct of all columns of the file, in the rows that are staged.
ROW = "_all"
CODES = ("currency", "currency_code")  # what money is in: no property of its own, but read beside them
_PROPERTIES = {field.name for event_type in EVENT_TYPES.values() for field in event_type.fields} | {*CODES}


def tokens_of(connection: DuckDBPyConnection, source: Source, column: str) -> dict[str, str] | None:
    """Return the SQL of the tokens that make up an object, by name; None where the file has it as text.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Reads what the file says of itself.
    source : Source
        The typed file.
    column : str
        ``"properties"``, which may also be columns of their own, or ``"context"``.
    """
    types = dict(zip(source.columns, source.types, strict=True))
    if column in types:
        if not types[column].startswith("STRUCT("):
            return None
        inside = connection.execute(f"DESCRIBE SELECT {quote(column)}.* FROM {source.relation(connection)}")
        found = [(str(row[0]), str(row[1])) for row in inside.fetchall()]
        return {name: _token(f"{ROW}.{quote(column)}.{quote(name)}", kind) for name, kind in found}
    if column != "properties":
        return None
    own = [name for name in source.columns if name in _PROPERTIES]
    return {name: _token(f"{ROW}.{quote(name)}", types[name]) for name in own}


def _token(cell: str, kind: str) -> str:
    value = f"to_json({cell})"
    if kind in {"DOUBLE", "FLOAT"}:  # what is no number is none in JSON either
        value = f"CASE WHEN isfinite({cell}) THEN {value} ELSE to_json(CAST({cell} AS VARCHAR)) END"
    return f"CASE WHEN {cell} IS NOT NULL THEN CAST({value} AS VARCHAR) END"


def unknown_columns(source: Source) -> tuple[str, ...]:
    """Return the columns of a file of events that are part of no event, and are therefore not kept."""
    known = {field.name for field in ENVELOPE}
    if "properties" not in source.columns:
        known |= _PROPERTIES
    return tuple(name for name in source.columns if name not in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How cells become what the rules and the tables read, as SQL.

    Parameters
    ----------
    tokens : mapping of str to str
        Columns that the others are made of, over the rows of the file.
    values : str
        The list of tokens that the rules read, `p` or `c`.
    text : str
        The object as JSON text.
    """

    tokens: Mapping[str, str]
    values: str
    text: str


def written_properties(tokens: Mapping[str, str], *, within: bool) -> Written:
    """Return how properties are made of tokens.

    Parameters
    ----------
    tokens : mapping of str to str
        The SQL of every token, by name.
    within : bool
        Whether they are of a struct, which may itself be null.
    """
    places = {name: f"_p{place}" for place, name in enumerate(tokens)}
    values = by_type({t.name: _listed(t.fields, places) for t in EVENT_TYPES.values()}, _listed((), {}))
    text = _text(places)
    return Written(
        tokens={places[name]: token for name, token in tokens.items()},
        values=values,
        text=f"CASE WHEN {ROW}.properties IS NOT NULL THEN {text} END" if within else text,
    )


def written_context(tokens: Mapping[str, str]) -> Written:
    """Return how the context is made of tokens of a struct, which may itself be null."""
    places = {name: f"_c{place}" for place, name in enumerate(tokens)}
    there = f"CASE WHEN {ROW}.context IS NOT NULL THEN"
    return Written(
        tokens={places[name]: token for name, token in tokens.items()},
        values=f"{there} {_listed(CONTEXT, places)} END",
        text=f"{there} {_text(places)} END",
    )


def _listed(fields: Iterable[Field], places: Mapping[str, str]) -> str:
    return f"CAST([{', '.join(places.get(field.name, 'NULL') for field in fields)}] AS VARCHAR[])"


def _text(places: Mapping[str, str]) -> str:
    members = ", ".join(
        f"{literal(json.dumps(name, ensure_ascii=False) + ':')} || {token}" for name, token in places.items()
    )
    return f"concat('{{', concat_ws(',', {members}), '}}')"
