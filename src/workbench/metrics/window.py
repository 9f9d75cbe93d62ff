"""Windows of whole days, UTC, both ends included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from workbench.errors import NotEnoughData, UsageError, wrong_kind
from workbench.metrics.rollups import offered
from workbench.source import given

if TYPE_CHECKING:
    from workbench.source import Tables

_LAST = re.compile(r"(\d{1,5})d")
_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}", re.ASCII)  # a week, as 2024-W05, is also an ISO date: of its Monday
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A span of days.

    Parameters
    ----------
    first, last : date
        The first and the last day, both part of it.

    Examples
    --------
    >>> week = Window(date(2024, 3, 4), date(2024, 3, 10))
    >>> week.days, str(week), str(week.previous)
    (7, '2024-03-04:2024-03-10', '2024-02-26:2024-03-03')
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise UsageError(f"The window {self.first}:{self.last} ends before it begins.")

    def __str__(self) -> str:
        return f"{self.first}:{self.last}"

    @property
    def told(self) -> str:
        """Return its days as a sentence says them: ``from 2024-03-04 to 2024-03-10``, ``on 2024-03-04``."""
        return f"on {self.first}" if self.first == self.last else f"from {self.first} to {self.last}"

    @property
    def days(self) -> int:
        """Return the number of days."""
        return (self.last - self.first).days + 1

    @property
    def after(self) -> date:
        """Return the first day that is no longer part of it."""
        return self.last + timedelta(days=1)

    @property
    def previous(self) -> Window:
        """Return the window of equal length that ends the day before this one begins."""
        return Window(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    @classmethod
    def ending(cls, last: date, days: int) -> Window:
        """Return the window of so many days that ends on `last`."""
        if days < 1:
            raise UsageError(f"A window needs at least one day, not {days}.")
        return cls(last - timedelta(days=days - 1), last)


def parse_window(text: str | Window | None, last_day: date | None, first_day: date | None = None) -> Window:
    """Return the window meant by ``"30d"``, ``"2024-01-01:2024-01-31"`` or None (all data).

    Parameters
    ----------
    text : str, Window or None
        ``"30d"`` is the 30 days that end on `last_day`.
    last_day, first_day : date, optional
        The ends of the data.

    Raises
    ------
    UsageError
        If the text is no window.
    NotEnoughData
        If it depends on the ends of the data and there are none.

    Examples
    --------
    >>> print(parse_window("7d", date(2024, 1, 31)))
    2024-01-25:2024-01-31
    >>> print(parse_window(None, date(2024, 1, 31), date(2023, 1, 1)))
    2023-01-01:2024-01-31
    """
    if isinstance(text, Window):
        return text
    if text is not None and not isinstance(text, str):
        raise wrong_kind("A window", text, "text as 30d or 2024-01-01:2024-01-31, a Window, or None for all")
    if text is not None and ":" in text:
        return _within_reach(Window(*(_day(part, text) for part in text.split(":", 1))))
    if text is not None and not _LAST.fullmatch(text.strip()):
        raise UsageError(f"{text!r} is no window. Write 30d, or FROM:TO as 2024-01-01:2024-01-31.")
    if last_day is None:
        raise NotEnoughData("There is no data yet, so there is no last day to count back from.")
    if text is not None:
        return _within_reach(Window.ending(last_day, int(text.strip()[:-1])))
    return Window(min(first_day or last_day, last_day), last_day)


def _within_reach(window: Window) -> Window:
    # Far enough from the ends of the calendar that the window before and the day after exist.
    if window.first.year < _FIRST_YEAR or window.last.year > _LAST_YEAR:
        raise UsageError(f"The window {window} leaves the years {_FIRST_YEAR} to {_LAST_YEAR}.")
    return window


def _day(text: str, whole: str) -> date:
    try:
        return date.fromisoformat(text.strip() if _DAY.fullmatch(text.strip()) else "")
    except ValueError:
        raise UsageError(f"{text!r} in the window {whole!r} is no day. Write days as 2024-01-31.") from None


DAY_COLUMNS = {"facts": "day", "daily_performance": "date", "orders": "ordered_at", "leads": "created_at"}


def resolve(window: str | Window | None, tables: Tables) -> Window:
    """Return the window over these tables; None spans from the first day with data to the last."""
    if window is not None:
        return parse_window(window, given(tables).last_day)
    found = [
        first_day(tables, f"SELECT MIN({column}) AS first_day FROM {_days(name, tables)}")
        for name, column in DAY_COLUMNS.items()
        if name in given(tables).names
    ]
    days = [day for day in found if day is not None]
    return parse_window(None, tables.last_day, min(days, default=None))


def first_day(tables: Tables, text: str) -> date | None:
    """Return the day that a query finds, a day or an instant in UTC; None where it finds none."""
    import pyarrow as pa

    # Arrow makes the instant a day: Python's own would load pandas.
    found: date | None = tables.query(text).column(0).cast(pa.date32())[0].as_py()
    return found


def _days(name: str, tables: Tables) -> str:
    return (offered(tables.names) or name) if name == "facts" else name
