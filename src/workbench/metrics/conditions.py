"""Conditions on rows, as frozen values that print themselves and compile to any dialect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from workbench.errors import UsageError, wrong_kind

Scalar = str | float | bool
Test = Literal["==", "!=", ">=", "<=", ">", "<", "in", "is null", "is not null", "is not"]
TESTS: tuple[Test, ...] = ("==", "!=", ">=", "<=", ">", "<", "in", "is null", "is not null", "is not")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one column or dimension of a row.

    Parameters
    ----------
    column : str
        A column of the table, or the name of a dimension (``channel``, ``campaign_type`` ...).
    test : str
        ``==``, ``!=``, ``>=``, ``<=``, ``>``, ``<``, ``in``, ``is null``, ``is not null``, or ``is not``,
        which unlike ``!=`` also holds where the column is null.
    value : str, number, bool or tuple, optional
        What to compare with; a tuple for ``in``.

    Examples
    --------
    >>> print(Condition("channel", "in", ("email", "push")))
    channel in ('email', 'push')
    >>> print(Condition("order_id", "is not null"))
    order_id is not null
    """

    column: str
    test: Test = "=="
    value: Scalar | tuple[Scalar, ...] | None = None

    def __post_init__(self) -> None:
        if self.test not in TESTS:
            raise UsageError(f"No condition {self.test!r}. Known: {', '.join(TESTS)}.")
        if (self.test == "in") != isinstance(self.value, tuple):
            raise UsageError(f"{self.column} {self.test}: 'in' takes several values, every other test one.")

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.column} {self.test}"
        if isinstance(self.value, tuple):
            return f"{self.column} in ({', '.join(map(repr, self.value))})"
        return f"{self.column} {self.test} {self.value!r}"


def printed(conditions: Iterable[Condition]) -> str:
    """Return several conditions as one phrase."""
    return " and ".join(map(str, conditions))


Where = Mapping[str, object] | Iterable[Condition] | None


def conditions(where: Where) -> tuple[Condition, ...]:
    """Return what a caller wrote as conditions; a mapping means ``column == value``, or ``in`` for several.

    Examples
    --------
    >>> print(printed(conditions({"channel": "email", "region": ["DE", "FR"], "segment": None})))
    channel == 'email' and region in ('DE', 'FR') and segment is null
    """
    if where is None:
        return ()
    if isinstance(where, Mapping):
        return tuple(_equal(column, value) for column, value in where.items())
    found = tuple(where) if isinstance(where, Iterable) else (where,)
    for one in found:
        if not isinstance(one, Condition):
            raise wrong_kind(
                "where", where, "a mapping such as {'channel': ['email', 'push']}, or conditions"
            )
    return found


def _equal(column: str, value: object) -> Condition:
    if value is None:
        return Condition(column, "is null")
    if isinstance(value, Iterable) and not isinstance(value, str):
        return Condition(column, "in", tuple(_scalar(column, one) for one in value))
    return Condition(column, "==", _scalar(column, value))


def _scalar(column: str, value: object) -> Scalar:
    if isinstance(value, str | float | int | bool):
        return value
    if isinstance(value, date):
        return value.isoformat()[:10]  # of a moment its day
    if value is None:
        raise UsageError(
            f"{column}: rows without a value are asked for by themselves, as {{{column!r}: None}}."
        )
    raise UsageError(
        f"{column}: cannot compare with {value!r}; use text, a number, a day, or a list of them."
    )
