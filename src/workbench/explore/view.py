"""What every view of this room returns: a frozen value that can speak and become a table.

Words: *missing* is the reason why a view has nothing to show, in one sentence with the way out; it is empty
where there is an answer. A figure that the data cannot carry is None, never 0.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from workbench.result import format_value, shown, told
from workbench.source import given

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables


class View(ABC):
    """A result with one sentence and one table, shown as HTML in which all text is escaped."""

    __slots__ = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__repr__ = told  # type: ignore[assignment]  # a dataclass keeps what its class has

    @property
    @abstractmethod
    def sentence(self) -> str:
        """Return one plain sentence a manager can act on."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return the figures as a table."""

    _repr_html_ = shown


def frame_of(rows: Sequence[object], row_type: type) -> pd.DataFrame:
    """Return frozen rows as a frame, one column per field, also when there is no row."""
    import pandas as pd

    assert is_dataclass(row_type)  # noqa: S101 - every row of this room is one
    names = [field.name for field in fields(row_type)]
    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names}, columns=names)


def lacking(tables: Tables, *names: str) -> str:
    """Return the reason why a view has no answer, or an empty text where one of the named tables has rows."""
    if any(name in given(tables).names for name in names):
        return ""
    if not names:
        return "Not enough data: no table has a row yet; load a file first."
    words = ["events" if name == "facts" else name.replace("_", " ") for name in names]
    return f"Not enough data: no {' and no '.join(words)} loaded."


def number(value: object) -> float | None:
    """Return a finite float, or None for null, NaN and infinity."""
    if value is None:
        return None
    result = float(value)  # type: ignore[arg-type]
    return result if math.isfinite(result) else None


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """Return a quotient, or None where the denominator is zero or either is unknown.

    Examples
    --------
    >>> ratio(1.0, 4.0), ratio(1.0, 0.0), ratio(None, 4.0)
    (0.25, None, None)
    """
    if numerator is None or not denominator:
        return None
    return number(numerator / denominator)


def span(low: float | None, high: float | None, unit: str, currency: str | None = None) -> str:
    """Return an interval in words, or an empty text where there is none.

    Examples
    --------
    >>> span(0.1, 0.2, "%")
    ' (95% interval 10% to 20%)'
    """
    if low is None or high is None:
        return ""
    ends = (format_value(low, unit, currency=currency), format_value(high, unit, currency=currency))
    return f" (95% interval {ends[0]} to {ends[1]})"


def records(tables: Tables, sql: str) -> list[dict[str, Any]]:
    """Return the answer to one SELECT as one dictionary per row."""
    return list(tables.query(sql).to_pylist())


def listed(names: Iterable[str]) -> str:
    """Return names as a list in a sentence.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    *most, last = list(names) or [""]
    return f"{', '.join(most)} and {last}" if most else last
