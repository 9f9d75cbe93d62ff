"""YAML text to plain values, strictly: no anchors, no tags, no key twice, no endless nesting."""

from __future__ import annotations

import re
from typing import Any

import yaml

from workbench.errors import BadInput

LARGEST = 64 * 1024
DEEPEST = 20


class _Strict(yaml.SafeLoader):
    """A loader that keeps dates and yes/no as text and refuses a key that stands twice."""

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


# Only true and false are truth values (Norway's code is NO), and dates stay as they are written.
_Strict.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith((":bool", ":timestamp", ":merge"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _first, _word in (("t", "true"), ("f", "false")):
    _resolvers = _Strict.yaml_implicit_resolvers.setdefault(_first, [])
    _resolvers.append(("tag:yaml.org,2002:bool", re.compile(f"^{_word}$")))


def read_document(text: str, file: object = None) -> dict[str, Any]:
    r"""Return the top mapping of a YAML text.

    Raises
    ------
    BadInput
        Naming the file and, where there is one, the row.

    Examples
    --------
    >>> read_document("name: a\nvalues: {no: 1}")
    {'name': 'a', 'values': {'no': 1}}
    >>> read_document("a: 1\na: 2", "my.yaml")
    Traceback (most recent call last):
        ...
    workbench.errors.BadInput: my.yaml, row 2: the key 'a' stands twice.
    """
    if len(text.encode(errors="replace")) > LARGEST:
        raise BadInput("the file is too large", file=file, expected=f"at most {LARGEST // 1024} KiB")
    try:
        _check(text, file)
        value = yaml.load(text, Loader=_Strict)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        row = mark.line + 1 if mark else None
        raise BadInput(error.problem or "not YAML", file=file, row=row) from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadInput(f"not YAML: {str(error).splitlines()[0]}", file=file) from None
    if not isinstance(value, dict):
        raise BadInput("not a mapping of keys to values", file=file)
    return value


def _check(text: str, file: object) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        row = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadInput("anchors and aliases are not allowed", file=file, row=row)
        if tag := getattr(event, "tag", None):
            raise BadInput(f"the tag {tag!r} is not allowed", file=file, row=row)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise BadInput(f"nested more than {DEEPEST} deep", file=file, row=row)
