"""A media mix model as a document: strict where it comes in, the same when it is read again."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, UsageError
from workbench.mmm.deriving import Derived
from workbench.mmm.spec import Channel, LiftTest, MixSpec, ReturnPrior, Sampling

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

FORMAT = 1
_PARTS: dict[str, type] = {
    "channels": Channel,
    "prior": ReturnPrior,
    "lift_tests": LiftTest,
    "sampling": Sampling,
    "derive": Derived,
}
_ONE = {
    "channels": "channel",
    "lift_tests": "lift test",
    "controls": "control",
    "regions": "region",
    "derive": "derived column",
}
_WORDS = {"number": "a number", "integer": "a whole number", "string": "text", "array": "a list"}


def to_document(spec: MixSpec) -> dict[str, Any]:
    """Return a model as plain values that JSON takes, with the number of their format.

    Examples
    --------
    >>> spec = MixSpec(name="weekly", outcome="revenue", channels=(Channel(name="tv"),))
    >>> document = to_document(spec)
    >>> document["format"], document["channels"][0]["name"], from_document(document) == spec
    (1, 'tv', True)
    """
    return {"format": FORMAT, **_adapter().dump_python(spec, mode="json")}


def from_document(document: Mapping[str, Any], *, file: object = None, also: tuple[str, ...] = ()) -> MixSpec:
    """Return the model that a document says.

    Parameters
    ----------
    document : mapping
        The fields of `MixSpec`, days as YYYY-MM-DD; what is left out has its default. A channel may be just
        its name, which is then also the column of its spend.
    file : object, optional
        What it is called in messages.
    also : tuple of str
        Further fields that may stand beside these, to be named in messages.

    Raises
    ------
    BadInput
        Naming the field, its value and what was expected; for a field that does not exist, the nearest one.

    Examples
    --------
    >>> from_document({"name": "weekly", "outcome": "revenue", "channels": ["tv"]}).channel_names
    ('tv',)
    >>> from_document({"name": "weekly", "outcome": "revenue", "chanels": ["tv"]}, file="mix.yaml")
    Traceback (most recent call last):
        ...
    workbench.errors.BadInput: mix.yaml: no field is named 'chanels'. Did you mean 'channels'?
    """
    from pydantic import ValidationError

    said = dict(document)
    known = said.pop("format", FORMAT)
    if known != FORMAT or isinstance(known, bool):
        raise BadInput(
            "the model is written in a format that is not known", file=file, value=known, expected="1"
        )
    if isinstance(said.get("channels"), list):
        said["channels"] = [{"name": one} if isinstance(one, str) else one for one in said["channels"]]
    try:
        return _adapter().validate_json(json.dumps(said))
    except ValidationError as error:
        raise refusal(error, file, also=also) from None
    except UsageError as error:
        raise BadInput(str(error).rstrip("."), file=file) from None
    except (TypeError, ValueError) as error:
        raise BadInput(f"the model holds what JSON cannot: {error}", file=file) from None


@cache
def _adapter() -> TypeAdapter[MixSpec]:
    from pydantic import TypeAdapter

    return TypeAdapter(MixSpec)


def refusal(
    error: ValidationError, file: object, top: type = MixSpec, *, also: tuple[str, ...] = ()
) -> BadInput:
    """Return the error that names the field, its value and what was expected."""
    found = min(
        error.errors(include_url=False, include_context=False),
        key=lambda one: one["type"] != "unexpected_keyword_argument",
    )
    *above, name = [*found["loc"]] or ["the model"]
    place = _place(above)
    if found["type"] == "unexpected_keyword_argument":
        owner = next((_PARTS[str(one)] for one in reversed(above) if one in _PARTS), top)
        names = [*(field.name for field in fields(owner)), *(also if owner is top else ())]
        near = difflib.get_close_matches(str(name), names, n=1)
        return BadInput(
            f"{place}no field is named {str(name)[:80]!r}",
            file=file,
            expected=None if near else f"one of {', '.join(names)}",
            fix=f"Did you mean {near[0]!r}?" if near else None,
        )
    if found["type"] == "missing":
        return BadInput(f"{place}{str(name)!r} is missing", file=file)
    value = found["input"]
    expected = found["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return BadInput(
        f"{_place([*above, name]).removesuffix(': ')}: not accepted",
        file=file,
        value=value if isinstance(value, (str, int, float)) else None,
        expected=_WORDS.get(expected, expected[:1].lower() + expected[1:]),
    )


def _place(loc: list[int | str]) -> str:
    """Return a place in the model in words: ``channel 2, prior: ``."""
    words: list[str] = []
    for one in loc:
        if isinstance(one, int) and words:
            words[-1] = f"{_ONE.get(words[-1], words[-1])} {one + 1}"
        elif not (isinstance(one, str) and one in {"dataclass", "nullable"}):
            words.append(str(one))
    return f"{', '.join(words)}: " if words else ""
