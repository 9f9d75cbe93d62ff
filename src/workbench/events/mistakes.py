"""What is wrong with a mapping, in words for who wrote it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from workbench.events.columns import Column
from workbench.events.places import Place, Test

_MOST = 5
_SIGNS = 300  # of a list of columns
_EXPECTED = {
    "tuple_type": "expected a list",
    "dict_type": "expected keys and values",
    "model_type": "expected the name of a column, or keys and values",
    "string_type": "expected text",
    "string_too_short": "expected text",
    "bool_type": "expected true or false",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
}
_PATTERNS = {
    "^[a-z][a-z0-9_]{0,63}$": "expected small letters, digits and underscores, such as my_shop",
    "^[A-Z]{3}$": "expected a code of three capitals such as EUR",
}


def mistakes(error: ValidationError, whole: type[BaseModel]) -> list[str]:
    """Return what is wrong, each with its key; of what follows from it, nothing.

    Parameters
    ----------
    error : ValidationError
        As pydantic tells it.
    whole : type
        What was to be read: its keys are those that a misspelt one may have meant.
    """
    raw = error.errors(include_url=False, include_input=False)
    placed = [(_key(problem["loc"]), problem) for problem in raw if problem["loc"][-1:] != ("str",)]
    within = [key for key, _ in placed]
    found = [
        f"key {key!r}: {_words(problem, whole)}" if key else _words(problem, whole)
        for key, problem in placed
        if not (problem["type"] == "too_short" and any(one.startswith(f"{key}.") for one in within))
    ]
    return found[:_MOST]


def _key(place: tuple[int | str, ...]) -> str:
    # Where a value may be of several kinds, the place names the kinds, too.
    parts = [str(part) for part in place if part != "from_"]
    return ".".join(part for part in parts if not part.startswith("function-"))


def _words(problem: Any, whole: type[BaseModel]) -> str:
    kind, details = problem["type"], problem.get("ctx", {})
    if kind == "missing":
        return "this key is missing"
    if kind == "extra_forbidden":
        return "no such key" + _near(problem["loc"], whole)
    if kind == "literal_error":
        return f"expected {details['expected']}"
    if kind == "too_short":
        least = details["min_length"]
        return f"expected at least {least} {'entry' if least == 1 else 'entries'}"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(details["pattern"], f"expected text of the form {details['pattern']}")
    return _EXPECTED.get(kind) or str(problem["msg"].removeprefix("Value error, "))


def _near(place: tuple[int | str, ...], whole: type[BaseModel]) -> str:
    models: tuple[type[BaseModel], ...] = (whole,) if len(place) == 1 else (Column, Place, Test)
    known = [field.alias or name for model in models for name, field in model.model_fields.items()]
    near = difflib.get_close_matches(str(place[-1]), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def named(columns: Iterable[str]) -> str:
    """Return names of columns as a list, of very many the first, and how many more there are.

    Examples
    --------
    >>> named(["clicks", "cost"])
    'clicks, cost'
    >>> named(["clicks" * 20, "cost" * 50, "day"])[-20:]
    'clicks, and 2 others'
    """
    names, said = list(columns), ""
    for place, name in enumerate(names):
        longer = f"{said}, {name}" if said else name[:_SIGNS]
        if len(longer) > _SIGNS:
            left = len(names) - place
            return f"{said}, and {left} {'other' if left == 1 else 'others'}"
        said = longer
    return said
