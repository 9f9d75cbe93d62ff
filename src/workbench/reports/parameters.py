"""How given values become the parameters of a notebook, and what is said of those that cannot."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

from pydantic import ValidationError

from workbench.errors import BadInput
from workbench.reports.parameter_kinds import RunParameters

SET_BY_THE_RUN = ("workspace", "data_version")
_FORMATS = {
    "window": "days as '30d' or '2024-01-01:2024-01-31'",
    "look-back": "days as '30d', or 'any'",
    "bounds": "bounds as '0.5:2; tv=keep; search=1000:4000'",
    "models": "names of attribution models joined by commas, or 'all'",
    "time zone": "a time zone such as 'Europe/Berlin' or 'UTC'",
    "sections": "a list of sections: names, or mappings that name one under 'section'",
}


def read_assignments(
    model: type[RunParameters], assignments: list[str], *, source: str = "option -p"
) -> dict[str, object]:
    """Return the values of ``name=value`` texts, each read as the type its parameter has.

    Raises
    ------
    BadInput
        If a text has no ``=``, names no parameter, names one twice, or its value has the wrong type.

    Examples
    --------
    >>> from workbench.reports.definitions import ExecutiveParameters
    >>> read_assignments(ExecutiveParameters, ["top=5", "window=7d", "compare=no"])
    {'top': 5, 'window': '7d', 'compare': False}
    """
    values: dict[str, object] = {}
    for text in assignments:
        name, equals, raw = text.partition("=")
        if not equals or not name:
            raise BadInput("not a parameter", file=source, value=text, expected="name=value")
        if name in values:
            raise BadInput(f"parameter {name!r} is given twice", file=source, value=text)
        refuse_unknown(model, [name], source=source)
        values[name] = _read_text(model, name, raw, source)
    return values


def _read_text(model: type[RunParameters], name: str, raw: str, source: str) -> object:
    field = model.model_fields[name]
    if type(None) in get_args(field.annotation) and raw.strip().lower() in {"", "none", "null"}:
        return None
    try:
        return getattr(model.model_validate_strings({name: raw}, strict=False), name)
    except ValidationError:
        raise BadInput(
            f"parameter {name!r} cannot take this", file=source, value=raw, expected=expected(model, name)
        ) from None


def read_parameters(
    model: type[RunParameters], values: Mapping[str, object], *, source: str | None = None
) -> RunParameters:
    """Return checked parameters: no unknown name, every value of its type and within its bounds.

    Parameters
    ----------
    model : type
        The notebook's model.
    values : mapping
        Name to value; what is missing takes its default.
    source : str, optional
        The file the values stand in, for messages.

    Raises
    ------
    BadInput
        With the file, the name, the value, what was expected, and the nearest name for a misspelt one.

    Examples
    --------
    >>> from workbench.reports.definitions import ExecutiveParameters
    >>> read_parameters(ExecutiveParameters, {"top": 5})
    ExecutiveParameters(window='30d', compare=True, top=5)
    >>> read_parameters(ExecutiveParameters, {"tpo": 5}, source="week.yaml")
    Traceback (most recent call last):
    ...
    workbench.errors.BadInput: week.yaml, value '5': no parameter named 'tpo';
    expected one of window, compare, top. Did you mean 'top'?
    """
    refuse_unknown(model, values, source=source)
    try:
        return model.model_validate(dict(values))
    except BadInput as error:  # of a part of a value, which knows its place in it
        place = ", ".join(str(part) for part in (source, error.file) if part is not None)
        raise BadInput(
            error.problem, file=place or None, value=error.value, expected=error.expected, fix=error.fix
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        value = values.get(name)
        fix = None
        if isinstance(value, (int, float, date)) and _takes_text(model, name):
            fix = f'A number or date becomes text in quotes: {name}: "{value}".'
        raise BadInput(
            f"parameter {name!r} cannot take this",
            file=source,
            value=value,
            expected=expected(model, name),
            fix=fix,
        ) from None


def refuse_unknown(
    model: type[RunParameters], values: Mapping[str, object] | list[str], *, source: str | None
) -> None:
    """Raise where a name is no parameter of the model."""
    for name in values:
        if name in model.model_fields:
            continue
        value = values[name] if isinstance(values, Mapping) else None
        if name in SET_BY_THE_RUN:
            raise BadInput(
                f"{name!r} is set by the run itself", file=source, value=value, fix="Leave it out."
            )
        near = difflib.get_close_matches(str(name), list(model.model_fields), n=1)
        raise BadInput(
            f"no parameter named {str(name)[:80]!r}",
            file=source,
            value=value,
            expected="one of " + ", ".join(model.model_fields) if model.model_fields else "no parameters",
            fix=f"Did you mean {near[0]!r}?" if near else None,
        )


def _takes_text(model: type[RunParameters], name: str) -> bool:
    schema = model.model_json_schema()["properties"].get(name, {})
    return any(option.get("type") == "string" for option in schema.get("anyOf", [schema]))


def expected(model: type[RunParameters], name: str) -> str:
    """Return what a parameter takes, in words.

    Examples
    --------
    >>> from workbench.reports.definitions import ExecutiveParameters
    >>> expected(ExecutiveParameters, "top")
    'a whole number from 3 to 25'
    >>> expected(ExecutiveParameters, "window")
    "days as '30d' or '2024-01-01:2024-01-31', or nothing"
    """
    schema = model.model_json_schema()["properties"][name]
    options = schema.get("anyOf", [schema])
    return ", or ".join(_in_words(option) for option in options)


def _in_words(schema: Mapping[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return " or ".join(repr(value) for value in schema.get("enum", [schema.get("const")]))
    words = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "nothing",
        "string": "text",
        "array": "a list",
        "object": "a mapping",
    }.get(schema.get("type", ""), "another value")
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{words} from {low} to {high}"
    if "maxLength" in schema:
        return f"{words} of {schema.get('minLength', 0)} to {schema['maxLength']} characters"
    return words


def name_fits(
    parameters: RunParameters, fits: Mapping[str, str], *, source: str | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a run's values with whole ids of media mix runs in them, and those of `fits` that they name.

    Parameters
    ----------
    parameters : RunParameters
        What is asked.
    fits : mapping
        Id to hash of the completed media mix runs, the newest first.
    source : str, optional
        Names the parameters' file in messages.

    Raises
    ------
    BadInput
        If a run is named that has not completed, or a beginning that several share.
    """
    values = parameters.model_dump(mode="json")
    named: dict[str, str] = {}
    for name in filter(None, (parameters.newest_fit, parameters.other_fit)):
        asked = values[name]
        if asked is None and name == parameters.newest_fit:
            asked = next(iter(fits), None)
        if asked is None:
            continue
        values[name] = _whole_id(asked, fits, name, source)
        named[values[name]] = fits[values[name]]
    return values, named


def _whole_id(asked: str, fits: Mapping[str, str], name: str, source: str | None) -> str:
    same = [asked] if asked in fits else [one for one in fits if one.startswith(asked)]
    if len(same) == 1:
        return same[0]
    raise BadInput(
        "several media mix runs begin like this" if same else "no completed media mix run has this id",
        file=source,
        column=name,
        value=asked,
        expected=f"one of {', '.join((same or list(fits))[:10])}" if fits else None,
        fix="`workbench mmm list` shows the runs." if fits else "Fit a model first: `workbench mmm fit`.",
    )
