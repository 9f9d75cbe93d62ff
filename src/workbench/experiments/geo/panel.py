"""Geos by days as one matrix: what every geo method works on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from workbench.errors import BadInput, NotEnoughData, UsageError, unknown_name, wrong_kind

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Gaps = Literal["refuse", "zero"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One figure of every geo on every day.

    Parameters
    ----------
    geos : tuple of str
        The rows, each once.
    days : tuple of date
        The columns, equally spaced: days, weeks, months or years.
    values : ndarray, shape (geos, days)
        The figure, e.g. revenue; may be negative (returns), never missing.
    spend : ndarray, shape (geos, days), optional
        What was spent there.
    metric : str
        What the figure is.
    notes : tuple of str
        What was done to the data on the way in.
    """

    geos: tuple[str, ...]
    days: tuple[date, ...]
    values: Floats
    spend: Floats | None = None
    metric: str = "value"
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        shape = (len(self.geos), len(self.days))
        for name, matrix in (("values", self.values), ("spend", self.spend)):
            if matrix is None:
                continue
            if matrix.shape != shape:
                raise UsageError(f"{name} has the shape {matrix.shape}; the panel has {shape} (geos, days).")
            if not np.isfinite(matrix).all():
                geo, day = np.argwhere(~np.isfinite(matrix))[0]
                raise BadInput(
                    f"{name} of {self.geos[geo]} on {self.days[day]} is {matrix[geo, day]}",
                    expected="a finite number",
                )
        if len(set(self.geos)) < len(self.geos):
            raise BadInput("a geo is named twice")
        _refuse_uneven(self.days)

    @classmethod
    def given(cls, panel: Self) -> Self:
        """Return the panel, if it is one.

        Raises
        ------
        UsageError
            If it is something else, such as the tables that it is read from.
        """
        if not isinstance(panel, cls):
            raise wrong_kind(
                "A panel of geos", panel, "what geo_panel(tables, METRIC) or panel_of(FRAME) gives"
            )
        return panel

    def __repr__(self) -> str:
        return f"Panel: {self.metric} of {len(self.geos)} geos on {len(self.days)} days"

    def rows(self, geos: Iterable[str]) -> Rows:
        """Return the rows of some geos, in their order.

        Raises
        ------
        UsageError
            If one does not exist.
        """
        known = {name: row for row, name in enumerate(self.geos)}
        asked = list(geos)
        for name in asked:
            if name not in known:
                raise unknown_name("geo", name, self.geos)
        return np.array([known[name] for name in asked], np.intp)

    def position(self, day: date) -> int:
        """Return the column of the first period that begins on that day or later."""
        return int(np.searchsorted(np.array(self.days, "datetime64[D]"), np.datetime64(day, "D")))

    def cut(self, first: int, after: int) -> Self:
        """Return the columns from `first` to before `after`."""
        spend = None if self.spend is None else self.spend[:, first:after]
        return replace(self, days=self.days[first:after], values=self.values[:, first:after], spend=spend)

    def only(self, geos: Iterable[str]) -> Self:
        """Return some geos, in the order asked for."""
        rows = self.rows(geos)
        spend = None if self.spend is None else self.spend[rows]
        names = tuple(self.geos[row] for row in rows)
        return replace(self, geos=names, values=self.values[rows], spend=spend)

    def without(self, geos: Iterable[str]) -> Self:
        """Return all geos but some."""
        left_out = {self.geos[row] for row in self.rows(geos)}
        return self.only(geo for geo in self.geos if geo not in left_out)


def panel_of(
    frame: Any,
    *,
    geo: str = "geo",
    day: str = "day",
    value: str = "value",
    spend: str | None = None,
    gaps: Gaps = "refuse",
    needed: Callable[[str], bool] | None = None,
) -> Panel:
    """Return the panel of a long table with one row for each geo and day.

    Parameters
    ----------
    frame : table
        Arrow, pandas or polars; anything that Arrow can read.
    geo, day, value, spend : str
        Its columns. Days are dates, timestamps at midnight, or text such as 2026-03-01.
    gaps : str
        ``"refuse"`` names what is missing; ``"zero"`` takes a geo-day without a row as 0 and counts it in
        `notes` (right for sums of events, wrong for a feed that failed).
    needed : function, optional
        Whether a geo is needed, all by default; gaps of others are 0 and nothing is said of them.

    Raises
    ------
    UsageError
        If a column is missing.
    BadInput
        For missing geo-days, duplicates, values that are not finite, days that are not dates.

    Examples
    --------
    >>> import pyarrow as pa
    >>> rows = [{"geo": g, "day": f"2026-03-0{d}", "value": d} for g in ("north", "south") for d in (1, 2, 3)]
    >>> panel = panel_of(pa.Table.from_pylist(rows))
    >>> panel.geos, panel.values.shape
    (('north', 'south'), (2, 3))
    """
    import pyarrow as pa

    table = frame if isinstance(frame, pa.Table) else pa.table(frame)
    for name in (geo, day, value, *([spend] if spend else [])):
        if name not in table.column_names:
            raise unknown_name("column", name, table.column_names)
    if not table.num_rows:
        raise NotEnoughData("There is no geo-day at all.")
    names, geo_codes = np.unique(_texts(table[geo], geo), return_inverse=True)
    days, day_codes = np.unique(_dates(table[day], day), return_inverse=True)
    place = geo_codes * len(days) + day_codes
    geos, calendar = tuple(str(name) for name in names), tuple(days.astype(object).tolist())
    rows = np.bincount(place, minlength=len(geos) * len(days)).reshape(len(geos), len(days))
    _refuse_twice(rows, geos, calendar)
    used = np.array([needed is None or needed(name) for name in geos])
    notes = _gap_notes(np.where(used[:, None], rows, 1), geos, calendar, gaps)

    def matrix(column: str) -> Floats:
        filled = np.zeros(rows.size)
        filled[place] = _numbers(table[column], column)
        return filled.reshape(rows.shape)

    return Panel(
        geos=geos,
        days=calendar,
        values=matrix(value),
        spend=matrix(spend) if spend else None,
        metric=value,
        notes=notes,
    )


def _texts(column: Any, name: str) -> NDArray[np.str_]:
    if column.null_count:
        raise BadInput(f"{column.null_count} rows have no geo", column=name)
    return np.array([str(text) for text in column.to_pylist()])


def _dates(column: Any, name: str) -> NDArray[np.datetime64]:
    import pyarrow as pa

    if column.null_count:
        raise BadInput(f"{column.null_count} rows have no day", column=name)
    try:
        if pa.types.is_string_view(column.type):  # what polars has; Arrow reads dates from plain text only
            column = column.cast(pa.string())
        return np.array(column.cast(pa.date32()).to_numpy(), "datetime64[D]")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as problem:
        raise BadInput(
            "not every value is a day", column=name, expected="dates such as 2026-03-01"
        ) from problem


def _numbers(column: Any, name: str) -> Floats:
    import pyarrow as pa

    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), float)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as problem:
        raise BadInput("not every value is a number", column=name) from problem


def _refuse_twice(rows: NDArray[np.intp], geos: tuple[str, ...], days: tuple[date, ...]) -> None:
    twice = np.argwhere(rows > 1)
    if len(twice):
        where = f"{geos[twice[0][0]]} on {days[twice[0][1]]}"
        raise BadInput(
            f"{len(twice):,} geo-days have more than one row, the first is {where}",
            fix="Add them up before, so that each geo has one row for each day.",
        )


def _gap_notes(
    rows: NDArray[np.intp], geos: tuple[str, ...], days: tuple[date, ...], gaps: Gaps
) -> tuple[str, ...]:
    missing = np.argwhere(rows == 0)
    if not len(missing):
        return ()
    some = ", ".join(f"{geos[geo]} on {days[day]}" for geo, day in missing[:3])
    said = f"{len(missing):,} of {rows.size:,} geo-days have no row: {some}{', ...' * (len(missing) > 3)}"
    if gaps == "refuse":
        raise BadInput(
            said, fix='gaps="zero" takes them as 0; otherwise leave these geos out or fill the gaps.'
        )
    return (f"{said}; they count as 0.",)


def _refuse_uneven(days: tuple[date, ...]) -> None:
    if not days:
        raise NotEnoughData("The panel has no day.")
    steps = {(later - day).days for day, later in pairwise(days)}
    months = {(later.year - day.year) * 12 + later.month - day.month for day, later in pairwise(days)}
    if len(steps) > 1 and not (len(months) == 1 and len({day.day for day in days}) == 1):
        shortest = min(steps)
        day, later = next(pair for pair in pairwise(days) if (pair[1] - pair[0]).days != shortest)
        raise BadInput(
            f"nothing between {day} and {later}, where other periods are {shortest} days apart",
            expected="days, weeks, months or years without a gap",
        )
