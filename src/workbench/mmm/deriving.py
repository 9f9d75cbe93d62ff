"""Columns that follow from those a table has: products, sums, and words turned into 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.errors import BadInput, UsageError
from workbench.mmm.columns import column_names, numbers_of, refuse_missing, texts_of

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A column made of others, in exactly one of three ways.

    Parameters
    ----------
    column : str
        Its name.
    product, total : tuple of str
        Columns that are multiplied, or added up, row by row.
    words : str
        A column of words, of which this one says with 1 and 0 where it holds `equals`.
    equals : str
        The word.

    Raises
    ------
    UsageError
        If it says none of the three, or several.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    column: str
    product: tuple[str, ...] = ()
    total: tuple[str, ...] = ()
    words: str = ""
    equals: str = ""

    def __post_init__(self) -> None:
        ways = [bool(self.product), bool(self.total), bool(self.words)]
        if sum(ways) != 1 or bool(self.words) != bool(self.equals) or not self.column:
            raise UsageError(
                f"The column {self.column!r} is a product or a total of columns, or says where the words of "
                "one equal a word: exactly one of the three."
            )


def with_derived(table: Any, derived: Sequence[Derived], *, file: object = None) -> pa.Table:
    """Return the table with further columns, each made of those before it.

    Parameters
    ----------
    table : table
        pandas, polars or Arrow.
    derived : sequence of Derived
        The columns, in the order in which they are made.
    file : object, optional
        What the table is called in messages.

    Raises
    ------
    BadInput
        If a column is missing or there already, a number cannot be read, or a word stands nowhere.

    Examples
    --------
    >>> table = {"sold": [2, 3], "price": [10.0, 20.0], "event": ["na", "fair"]}
    >>> made = [Derived(column="revenue", product=("sold", "price")),
    ...         Derived(column="fair", words="event", equals="fair")]
    >>> found = with_derived(table, made)
    >>> found["revenue"].to_pylist(), found["fair"].to_pylist()
    ([20.0, 60.0], [0.0, 1.0])
    """
    import pyarrow as pa

    found = table if isinstance(table, pa.Table) else pa.table(table)
    for one in derived:
        if one.column in column_names(found):
            raise BadInput("a derived column is there already", file=file, column=one.column)
        parts = (*one.product, *one.total, *([one.words] if one.words else []))
        refuse_missing(found, parts, file=file)
        if one.words:
            values = (texts_of(found, one.words) == one.equals).astype(float)
            if not values.any():
                raise BadInput("no row holds this word", file=file, column=one.words, value=one.equals)
        else:
            numbers = np.stack([numbers_of(found, name, file=file, signed=True) for name in parts])
            values = numbers.prod(0) if one.product else numbers.sum(0)
        found = found.append_column(one.column, pa.array(values))
    return found
