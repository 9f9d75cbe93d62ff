"""The reference page of the ready mappings, written from their files."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.events.columns import Column
from workbench.events.mapping import MAPPINGS, Mapping
from workbench.events.places import Place, Test

_HEAD = "| column | is made from |\n|---|---|\n"


def mappings_page() -> str:
    """Return the page of all ready mappings, as Markdown.

    Examples
    --------
    >>> "## facebook_kag" in mappings_page()
    True
    """
    return "\n".join(
        ["# Mappings\n\nWritten from `events/mappings/*.yaml`.\n", *(_mapping(m) for m in MAPPINGS.values())]
    )


def _mapping(mapping: Mapping) -> str:
    marks = "; or ".join(", ".join(f"`{column}`" for column in columns) for columns in mapping.matches)
    facts = [
        f"Fills `{mapping.table}`. Known by {marks}.",
        "Rows of one key are added up." if mapping.combine == "sum" else "",
        f"Amounts in {mapping.currency}." if isinstance(mapping.currency, str) else "",
        f"Times of {mapping.time_zone}." if mapping.time_zone != "UTC" else "",
        f"Columns not used: {mapping.ignore_rest}." if mapping.ignore_rest else "",
    ]
    rows = "".join(f"| {name} | {describe(column)} |\n" for name, column in mapping.targets.items())
    events = "".join(
        f"\n`{name}` is made from {_quoted(rule.names)}:\n\n{_HEAD}"
        + "".join(f"| {key} | {describe(column)} |\n" for key, column in rule.properties.items())
        for name, rule in (mapping.events.types.items() if mapping.events else ())
    )
    head = f"## {mapping.name}\n\n{mapping.title}. {mapping.says}\n\n{' '.join(filter(None, facts))}\n"
    return f"{head}\n{_HEAD}{rows}{events}"


def describe(column: Column) -> str:
    """Return how a column is made, in words.

    Examples
    --------
    >>> describe(Column.model_validate({"from": ["Cost", "Spend"], "unit": "micros"}))
    '`Cost` or `Spend`, in micros'
    """
    parts = [_form(column)]
    parts += [f"less {_listed(column.minus, ' + ')}"] if column.minus else []
    parts += [f"in {column.unit}"] if column.unit != "none" else []
    parts += [f"read as {' or '.join(f'`{f}`' for f in column.formats)}"] if column.formats else []
    parts += [_labels(column)] if column.values else []
    parts += ["as an id"] if column.as_uuid else []
    parts += [f"refused where {_listed(column.until, ' or ')} is another day"] if column.until else []
    parts += [f"nothing where {' or '.join(_test(test) for test in column.unless)}"] if column.unless else []
    parts += [f"`{column.default}` where blank"] if column.default is not None else []
    parts += [f"`{column.absent}` where there is no such column"] if column.absent is not None else []
    return ", ".join(parts)


def _form(column: Column) -> str:
    if column.constant is not None:
        return f"always `{column.constant}`"
    if column.either is not None:
        return "; or ".join(describe(one) for one in column.either)
    if column.any_of is not None or column.all_of is not None:
        word = " or " if column.any_of is not None else " and "
        return f"whether {word.join(_test(test) for test in column.any_of or column.all_of or ())}"
    forms = (
        (column.from_, "{}", " or "),
        (column.first_of, "{}, the first that is filled", " or "),
        (column.product, "{}", " × "),
        (column.total, "{}", " + "),
        (column.join, "{}", " and "),
        (column.ordinal, "the place in the file within {}", " and "),
        (column.uuid_of, "an id of {}", ", "),
    )
    return next(text.format(_listed(places, word)) for places, text, word in forms if places is not None)


def _labels(column: Column) -> str:
    pairs = ", ".join(f"{label} → {ours}" for label, ours in column.values.items() if label != ours)
    rest = f"any other is `{column.otherwise}`" if column.otherwise is not None else "no other is accepted"
    return f"where {pairs} and {rest}" if pairs else rest


def _test(test: Test) -> str:
    places = _listed(test.places, " × ")
    if test.starts is not None:
        return f"{places} begins with `{test.starts}`"
    if test.starts_none is not None:
        return f"{places} begins with none of {_quoted(test.starts_none)}"
    if test.equals is not None:
        return f"{places} is {_quoted(test.equals)}"
    if test.filled is not None:
        return f"{places} is {'filled' if test.filled else 'empty'}"
    return f"{places} < {test.below:g}"


def _listed(places: Iterable[Place], word: str) -> str:
    return word.join(_place(place) for place in places)


def _place(place: Place) -> str:
    inner = place.path or place.parameter
    return f"`{place.column}`" + (f" (`{inner}`)" if inner else "")


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
