"""Columns of a table as arrays of days, numbers and names; what cannot be read is named with its row."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import BadInput

Array = npt.NDArray[np.float64]
_HEADER = 2  # rows count from 1, the header included
_EARLIEST, _LATEST = np.datetime64("1900-01-01"), np.datetime64("2199-12-31")
_SHOWN = 12
_LARGEST = 1e18
_WORDS = "Turn a column of words, such as names of events, into a column of 0 and 1 for each word."


def column_names(table: object) -> tuple[str, ...]:
    """Return the names of the columns of a pandas, polars or Arrow table, or of a mapping of lists."""
    if isinstance(table, Mapping):
        return tuple(name for name in table if isinstance(name, str))
    names = getattr(table, "column_names", None)
    if names is None:
        names = getattr(table, "columns", None)
    if names is None:
        raise BadInput(
            f"a {type(table).__name__} is no table", expected="a pandas, polars or Arrow table of periods"
        )
    return tuple(name for name in names if isinstance(name, str))


def refuse_missing(table: object, wanted: Iterable[str], *, file: object = None) -> None:
    """Raise where a column is missing or stands twice.

    Raises
    ------
    BadInput
        Naming the column, and the nearest one that is there.
    """
    names = column_names(table)
    for name in wanted:
        if names.count(name) > 1:
            raise BadInput("the column stands twice", file=file, column=name, fix="Rename one of them.")
        if name in names:
            continue
        near = difflib.get_close_matches(name, names, n=1)
        near = near or [one for one in names if one.lower() == name.lower()]
        shown = ", ".join(one[:40] for one in names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        raise BadInput(
            "there is no such column",
            file=file,
            column=name,
            expected=f"one of {shown}" if names else None,
            fix=f"Did you mean {near[0][:80]!r}?" if near else None,
        )


def days_of(table: object, name: str, *, file: object = None) -> npt.NDArray[np.datetime64]:
    """Return a column of days, in the order of the rows.

    Raises
    ------
    BadInput
        Naming the first row that holds no day: empty, a text that is not YYYY-MM-DD, a time within a day, or
        a year before 1900 or after 2199.

    Examples
    --------
    >>> days_of({"week": ["2024-01-01", "2024-01-08"]}, "week")
    array(['2024-01-01', '2024-01-08'], dtype='datetime64[D]')
    >>> days_of({"week": ["2024-01-01", "8.1.2024"]}, "week", file="sales.csv")
    Traceback (most recent call last):
        ...
    workbench.errors.BadInput: sales.csv, row 3, column 'week', value '8.1.2024': not a day;
    expected a date such as 2024-03-01.
    """
    import pyarrow as pa

    values = _arrow(table, name)
    if values is not None and (pa.types.is_date(values.type) or pa.types.is_timestamp(values.type)):
        plain = values.cast(pa.timestamp("us")) if pa.types.is_date(values.type) else _without_zone(values)
        instants = np.asarray(plain.to_numpy(zero_copy_only=False), "datetime64[us]")
        return _checked_days(instants, name, file)
    instants = np.array([_instant(value) for value in _plain(table, name)], "datetime64[us]")
    return _checked_days(instants, name, file, _plain(table, name))


def _without_zone(values: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return (pc.local_timestamp(values) if values.type.tz else values).cast(pa.timestamp("us"), safe=False)


def _instant(value: object) -> np.datetime64:
    text = str(value).strip() if isinstance(value, str) or hasattr(value, "isoformat") else ""
    try:
        if len(text) >= 10 and text[4] == text[7] == "-" and text[:4].isdigit():
            return np.datetime64(text.removesuffix("Z"), "us")
    except ValueError:
        pass
    return np.datetime64("NaT", "us")


def _checked_days(
    instants: npt.NDArray[np.datetime64], name: str, file: object, values: list[Any] | None = None
) -> npt.NDArray[np.datetime64]:
    days = instants.astype("datetime64[D]")
    wrong = np.isnat(instants) | (days < _EARLIEST) | (days > _LATEST) | (days != instants)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        value = values[row] if values is not None else None if np.isnat(instants[row]) else instants[row]
        empty = value is None or str(value) in {"", "nan", "NaT"}
        problem = "no day stands here" if empty else "not a day"
        raise BadInput(
            problem,
            file=file,
            row=row + _HEADER,
            column=name,
            value=None if empty else value,
            expected="a date such as 2024-03-01",
        )
    return days


def numbers_of(
    table: object, name: str, *, file: object = None, signed: bool = False, fix: str | None = None
) -> Array:
    """Return a column of finite numbers, in the order of the rows.

    Parameters
    ----------
    table, name : table, str
        The table, and its column.
    file : object, optional
        What the table is called in messages.
    signed : bool
        Whether numbers below 0 are taken.
    fix : str, optional
        What to do about a number that is missing.

    Raises
    ------
    BadInput
        Naming the first row that holds no number, none that is finite, one above 1e18, or one below 0.

    Examples
    --------
    >>> numbers_of({"tv": [1, 2.5]}, "tv")
    array([1. , 2.5])
    >>> numbers_of({"tv": [1.0, -4.0]}, "tv", file="sales.csv")
    Traceback (most recent call last):
        ...
    workbench.errors.BadInput: sales.csv, row 3, column 'tv', value '-4.0': it is below 0; expected 0 or more.
    """
    numbers = _floats(table, name, file)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        infinite = bool(np.isinf(numbers[row]))
        others = f" ({int(wrong.sum()):,} rows in all)" if wrong.sum() > 1 else ""
        raise BadInput(
            f"{'it is not finite' if infinite else 'no number stands here'}{others}",
            file=file,
            row=row + _HEADER,
            column=name,
            value=numbers[row] if infinite else None,
            expected="a number",
            fix=fix,
        )
    beyond = np.abs(numbers) > _LARGEST
    if beyond.any():
        row = int(np.flatnonzero(beyond)[0])
        raise BadInput(
            "no figure of a market is that large",
            file=file,
            row=row + _HEADER,
            column=name,
            value=numbers[row],
            expected="at most 1e18",
        )
    if not signed and (numbers < 0).any():
        row = int(np.flatnonzero(numbers < 0)[0])
        raise BadInput(
            "it is below 0",
            file=file,
            row=row + _HEADER,
            column=name,
            value=numbers[row],
            expected="0 or more",
            fix=fix,
        )
    return numbers + 0.0  # -0.0 is 0.0


def _floats(table: object, name: str, file: object) -> Array:
    import pyarrow as pa

    values = _arrow(table, name)
    if values is not None:
        kind = values.type
        if pa.types.is_null(kind):
            return np.full(len(values), np.nan)
        if pa.types.is_boolean(kind) or pa.types.is_decimal(kind):
            values = values.cast(pa.float64(), safe=False)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or values.type != kind:
            return np.asarray(
                values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64
            )
        try:  # a column of nothing but numbers in text, in one go
            return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass  # a value is none: the search below names it
    plain = _plain(table, name)
    numbers = np.full(len(plain), np.nan)
    for row, value in enumerate(plain):
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        try:
            numbers[row] = float("no" if isinstance(value, str) and "_" in value else value)
        except (TypeError, ValueError, OverflowError):
            raise BadInput(
                "not a number",
                file=file,
                row=row + _HEADER,
                column=name,
                value=value,
                expected="a number such as 1234.5",
                fix=_WORDS if isinstance(value, str) and value.strip().isalnum() else None,
            ) from None
    return numbers


def names_of(table: object, name: str, *, file: object = None) -> npt.NDArray[np.str_]:
    """Return a column of names, in the order of the rows.

    Raises
    ------
    BadInput
        Naming the first row without one.
    """
    plain = _plain(table, name)
    for row, value in enumerate(plain):
        if value is None or value != value or not str(value).strip():  # noqa: PLR0124 - NaN differs from itself
            raise BadInput("no name stands here", file=file, row=row + _HEADER, column=name)
    return np.array([str(value) for value in plain])


def texts_of(table: object, name: str) -> npt.NDArray[np.str_]:
    """Return a column as text, in the order of the rows; empty where nothing stands."""
    return np.array(["" if value is None else str(value).strip() for value in _plain(table, name)])


def _arrow(table: object, name: str) -> Any:
    """Return a column as one Arrow array; None where its values are of several kinds."""
    import pyarrow as pa

    column: Any = table[name]  # type: ignore[index]
    try:
        if hasattr(column, "combine_chunks"):
            return column.combine_chunks()
        if hasattr(column, "to_arrow"):
            return column.to_arrow()
        return pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return None


def _plain(table: object, name: str) -> list[Any]:
    values = _arrow(table, name)
    return list(table[name]) if values is None else values.to_pylist()  # type: ignore[index]
