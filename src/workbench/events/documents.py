"""YAML text to plain values, strictly: no anchors, no tags, no key twice, no endless nesting."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import BadInput

LARGEST = 64 * 1024
DEEPEST = 20


class _Strict(yaml.SafeLoader):
    """All but true, false and null is text (NO is Norway, a day is no instant); no key stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping; a key that stands twice is an error."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be plain text", key.start_mark
                )
            if key.value in seen:
                problem = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Numbers(_Strict):
    """The same with plain decimal numbers: 007 and 12:30 stay text."""


_NULL_AND_TRUTH = (
    ("null", r"^(?:null|~|)$", ("n", "~", "")),
    ("bool", r"^(?:true|false)$", ("t", "f")),
)
_DECIMALS = (
    ("int", r"^-?(?:0|[1-9][0-9]*)$", tuple("-0123456789")),
    ("float", r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?$", tuple("-0123456789")),
)


def _resolve(loader: type[yaml.SafeLoader], kinds: tuple[tuple[str, str, tuple[str, ...]], ...]) -> None:
    loader.yaml_implicit_resolvers = {}
    for kind, pattern, firsts in kinds:
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), list(firsts))


_resolve(_Strict, _NULL_AND_TRUTH)
_resolve(_Numbers, (*_NULL_AND_TRUTH, *_DECIMALS))


def read_document(text: str, file: object = None, *, numbers: bool = True) -> dict[str, Any]:
    r"""Return the top mapping of a YAML text.

    Parameters
    ----------
    text, file : str, object
        The text, and what it is called in messages.
    numbers : bool
        Whether plain decimal numbers are read as numbers, or stay text as ids should.

    Raises
    ------
    BadInput
        Naming the file and, where there is one, the row.

    Examples
    --------
    >>> read_document("name: a\nvalues: {no: 007, yes: 7}")
    {'name': 'a', 'values': {'no': '007', 'yes': 7}}
    >>> read_document("a: 1\na: 2", "my.yaml")
    Traceback (most recent call last):
        ...
    workbench.errors.BadInput: my.yaml, row 2: the key 'a' stands twice.
    """
    if len(text.encode(errors="replace")) > LARGEST:
        raise BadInput("the file is too large", file=file, expected=f"at most {LARGEST // 1024} KiB")
    try:
        _check(text, file)
        value = yaml.load(text, Loader=_Numbers if numbers else _Strict)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        row = mark.line + 1 if mark else None
        raise BadInput(error.problem or "not YAML", file=file, row=row) from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadInput(f"not YAML: {str(error).splitlines()[0]}", file=file) from None
    if value is None:
        raise BadInput("the file is empty", file=file, expected="keys and values")
    if not isinstance(value, dict):
        raise BadInput("not a mapping of keys to values", file=file)
    return value


def read_whole(path: Path, largest: int = LARGEST) -> str:
    """Return the text of a file that must be small, without reading on where it is not.

    Pipes have no size and devices no end, so it is not their size that is asked: one byte too many is enough.

    Raises
    ------
    BadInput
        If it is larger, cannot be read, or is no UTF-8 text.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(largest + 1)
        if len(raw) > largest:
            raise BadInput("the file is too large", file=path, expected=f"at most {largest // 1024:,} KiB")
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise BadInput(error.strerror or "cannot be read", file=path) from None
    except UnicodeDecodeError:
        raise BadInput("the file is not UTF-8 text", file=path) from None


def _check(text: str, file: object) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        row = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadInput("anchors and aliases are not allowed", file=file, row=row)
        if tag := getattr(event, "tag", None):
            raise BadInput(f"the tag {tag!r} is not allowed", file=file, row=row)
        if any("\ud800" <= character <= "\udfff" for character in getattr(event, "value", "")):
            raise BadInput("a character is not valid Unicode", file=file, row=row)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise BadInput(f"nested more than {DEEPEST} deep", file=file, row=row)
