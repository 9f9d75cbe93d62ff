"""The answers to a plan, as arrays: one row per slice, and one column per day where the variance needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.metrics import absence, sql, user_lists
from workbench.metrics.derived import DERIVED
from workbench.metrics.equal_rows import coded
from workbench.metrics.expressions import build
from workbench.metrics.large import large
from workbench.metrics.measures import (
    Arithmetic,
    Constant,
    Count,
    Days,
    Derived,
    Leaf,
    Measure,
    Stored,
    Total,
    leaves,
)
from workbench.metrics.plan import Plan
from workbench.metrics.queries import Query
from workbench.metrics.slices import days_of

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.metrics.window import Window
    from workbench.source import Tables

Floats = NDArray[np.float64]
Slice = tuple[Any, ...]


@dataclass(slots=True)
class Values:
    """What was asked of the data: totals by slice, and sums by slice and day.

    Parameters
    ----------
    by : tuple of str
        The dimensions.
    slices : list of tuple
        The values of the dimensions, one tuple per row of every array.
    days : int
        Of the window.
    spans : array, shape (slices, 2)
        Which days of the window belong to each slice: the place of the first, and how many.
    totals : dict
        Leaf -> array of shape (slices,); NaN where the data does not say.
    daily : dict
        Leaf -> array of shape (slices, days of the window), for the sums that were asked by day.
    bounds : dict
        Leaf -> the stored interval of a model's figure.
    missing : dict
        Leaf -> why it has no answer.
    reasons : dict
        Leaf -> why it is unknown in the slices in which it is.
    """

    by: tuple[str, ...]
    slices: list[Slice]
    days: int
    spans: NDArray[np.int64]
    totals: dict[Leaf, Floats] = field(default_factory=dict)
    daily: dict[Leaf, Floats] = field(default_factory=dict)
    bounds: dict[Leaf, tuple[Floats, Floats]] = field(default_factory=dict)
    missing: dict[Leaf, str] = field(default_factory=dict)
    reasons: dict[Leaf, str] = field(default_factory=dict)

    def of(self, measure: Measure) -> Floats:
        """Return a measure by slice."""
        return evaluate(measure, self.totals, (len(self.slices),), self.spans[:, 1])

    def beyond(self, measure: Measure) -> NDArray[np.bool_]:
        """Return the slices in which a measure, or a part of it, grew beyond what a number can hold."""
        parts = [self.of(measure), *(self.of(leaf) for leaf in leaves(measure))]
        return np.asarray(np.any(np.isinf(parts), axis=0))

    @property
    def own_days(self) -> NDArray[np.bool_]:
        """Return which days of the window belong to each slice, of shape (slices, days)."""
        places, (first, length) = np.arange(self.days), self.spans.T[:, :, None]
        return np.asarray((places >= first) & (places < first + length))

    def by_day(self, measure: Measure) -> dict[Leaf, Floats] | None:
        """Return the sums of every leaf of a measure by slice and day; None where one is not known by day."""
        wanted = [leaf for leaf in leaves(measure) if not (isinstance(leaf, Days) or is_plan(leaf))]
        # A leaf that is not loaded adds nothing to a sum, so it adds nothing to its variance either.
        shape = (len(self.slices), self.days)
        known = {
            leaf: self.daily.get(leaf, np.zeros(shape))
            for leaf in wanted
            if leaf in self.daily or leaf in self.missing
        }
        return known if known and len(known) == len(wanted) else None


def is_plan(leaf: Leaf) -> bool:
    """Return whether a leaf is a plan of campaigns, a budget or a target: chance plays no part in it."""
    return leaf.table == "campaigns"


def evaluate(
    measure: Measure, known: Mapping[Leaf, Floats], shape: tuple[int, ...], days: NDArray[np.int64] | int
) -> Floats:
    """Return a measure from its leaves' arrays: the arithmetic of formulas.

    Examples
    --------
    >>> import numpy as np
    >>> from workbench.metrics.measures import count
    >>> a, b = count("campaign_clicked"), count("campaign_viewed")
    >>> evaluate(a / b, {a: np.array([1.0, 2.0]), b: np.array([4.0, 0.0])}, (2,), 1)
    array([0.25,  nan])
    """
    if isinstance(measure, Constant):
        return np.full(shape, measure.value)
    if isinstance(measure, Days):
        return np.full(shape, days, float)
    if isinstance(measure, Leaf):
        return known.get(measure, np.full(shape, np.nan))
    assert isinstance(measure, Arithmetic)  # noqa: S101 - a measure is one of these four
    left, right = (evaluate(side, known, shape, days) for side in (measure.left, measure.right))
    match measure.operator:
        case "+":
            if isinstance(measure.left, Constant) or isinstance(measure.right, Constant):
                return left + right
            return np.where(np.isnan(left), right, left + np.where(np.isnan(right), 0.0, right))
        case "-":
            return left - right
        case "*":
            return left * right
    # What is left of revenue after returns may be below zero: a loss over it would look like a margin.
    divides = (right != 0) if isinstance(measure.right, Constant) else (right > 0)
    whole: Floats = np.divide(left, right, out=np.full(shape, np.nan), where=divides)
    return whole


def fetch(tables: Tables, asked: Plan, by: tuple[str, ...], window: Window) -> Values:
    """Return the answers to a plan over one window."""
    answers = [(query, _answered(query, tables, window)) for query in asked.queries]
    keyed = [(query, answer, *_keys(query, answer)) for query, answer in answers]
    found = {key for _, _, keys, _ in keyed for key in keys}
    slices = sorted(found, key=_order) if by else [()]
    place = {key: row for row, key in enumerate(slices)}
    spans = np.array([days_of(by, key, (window.first, window.last)) for key in slices], np.int64).reshape(
        -1, 2
    )
    values = Values(by=by, slices=slices, days=window.days, spans=spans, missing=dict(asked.missing))
    for query, answer, keys, codes in keyed:
        if query.kind == "stored":
            _read_stored(values, query, answer, place)
        else:
            rows = np.fromiter((place[key] for key in keys), np.int64, len(keys))[codes]
            _read(values, query, answer, rows, window)
    return values


def _answered(query: Query, tables: Tables, window: Window) -> pa.Table:
    counted = user_lists.counted(query, tables, window) if user_lists.answers(query, tables) else None
    if query.kind == "derived" and large(query, tables) and (arrays := DERIVED[query.table].counted):
        counted = arrays(query, tables, window)
    return tables.query(compiled(query, tables.dialect, window)) if counted is None else counted


def compiled(query: Query, dialect: str, window: Window) -> str:
    """Return the SQL of a query over a window."""
    return sql.with_window(sql.to_sql(lambda: build(query), query, dialect), window)


def _order(key: Slice) -> tuple[tuple[bool, str], ...]:
    return tuple((part is None, str(part)) for part in key)


def _keys(query: Query, answer: pa.Table) -> tuple[list[Slice], NDArray[np.int64]]:
    """Return the slices of an answer, each once, and of each row which it belongs to."""
    import pyarrow as pa

    if query.kind == "stored":
        stored = [_stored_slice(text, query.by) for text in answer.column("slice").to_pylist()]
        return [key for key in stored if key is not None], np.zeros(0, np.int64)
    names = [f"d{place}" for place in range(len(query.by))]
    first, codes = coded(answer, names)
    if not names:
        return [()] * len(first), codes
    rows = pa.Array.from_buffers(pa.int64(), len(first), [None, pa.py_buffer(first)])  # an array loads pandas
    columns = [answer.column(name).take(rows).to_pylist() for name in names]
    return [tuple(map(_plain, key)) for key in zip(*columns, strict=True)], codes


def _plain(value: object) -> object:
    return value.date() if isinstance(value, datetime) else value


def _stored_slice(text: str | None, by: tuple[str, ...]) -> Slice | None:
    """Return the slice a model's figure belongs to; None where it belongs to another dimension."""
    if not by:
        return None if text else ()
    name, _, value = (text or "").partition("=")
    return (value,) if name == by[0] else None


def _floats(answer: pa.Table, column: str) -> Floats:
    import pyarrow as pa

    found = answer.column(column)
    values: Floats = _array(found.cast(pa.float64()))
    if found.null_count:
        values[_array(found.is_null().cast(pa.uint8())) == 1] = np.nan
    return values


def _array(column: pa.ChunkedArray[Any]) -> NDArray[Any]:
    """Return numbers as an array of its own, anything where they are null; `to_numpy` would load pandas."""
    kind = np.dtype(str(column.type).replace("double", "float64"))
    parts = [
        np.frombuffer(data, kind, len(chunk), chunk.offset * kind.itemsize)
        for chunk in column.chunks
        if len(chunk) and (data := chunk.buffers()[1]) is not None
    ]
    return np.concatenate(parts) if parts else np.zeros(0, kind)


def _read(values: Values, query: Query, answer: pa.Table, rows: NDArray[np.int64], window: Window) -> None:
    size = len(values.slices)
    days = _days(answer, window.first) if query.daily else None
    present, group = np.bincount(rows, minlength=size) > 0, absence.groups(values.by, values.slices)
    for place, leaf in enumerate(query.leaves):
        name = leaf.figure if isinstance(leaf, Derived) else f"l{place}"
        column = _floats(answer, name)
        known = ~np.isnan(column)
        if not (isinstance(leaf, Count | Total) or query.kind == "distinct" or _adds_up(query)):
            whole = np.full(size, np.nan)
            whole[rows] = column
        else:
            whole = np.bincount(rows[known], column[known], minlength=size).astype(float)
            filled = np.bincount(rows[known], minlength=size) > 0
            whole[absence.unreported(leaf, present, filled, group)] = np.nan
            if not present.any():
                values.reasons[leaf] = f"no {leaf.table.replace('_', ' ')} in the window"
        values.totals[leaf] = whole
        if days is not None:
            table = np.bincount(
                rows[known] * window.days + days[known], column[known], minlength=size * window.days
            )
            values.daily[leaf] = table.astype(float).reshape(size, window.days)


def _adds_up(query: Query) -> bool:
    """Return whether a derived query counts by day: a day on which it counted nothing is a day of none."""
    return query.kind == "derived" and DERIVED[query.table].daily


def _days(answer: pa.Table, first: date) -> NDArray[np.int64]:
    import pyarrow as pa

    numbers = _array(answer.column("day_").cast(pa.date32()).cast(pa.int32()))
    return numbers.astype(np.int64) - (first - date(1970, 1, 1)).days


def _read_stored(values: Values, query: Query, answer: pa.Table, place: dict[Slice, int]) -> None:
    size = len(values.slices)
    for leaf in query.leaves:
        assert isinstance(leaf, Stored)  # noqa: S101 - the plan groups leaves by kind
        figures = [np.full(size, np.nan) for _ in range(3)]
        for row in answer.to_pylist():
            key = _stored_slice(row["slice"], values.by)
            if (row["model"], row["figure"]) == (leaf.model, leaf.figure) and key is not None:
                for array, name in zip(figures, ("value", "low", "high"), strict=True):
                    array[place[key]] = np.nan if row[name] is None else row[name]
        values.totals[leaf], values.bounds[leaf] = figures[0], (figures[1], figures[2])
        if np.isnan(figures[0]).all():
            values.missing[leaf] = f"{leaf} has not run"
