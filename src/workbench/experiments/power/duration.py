"""How many days a test takes: users who come back are not new users.

Words: the *reach* of so many days is the number of different users who come within them. It bends, because
some of each day's users came before; daily users times days is reached by nobody.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import NotEnoughData, UsageError, unknown_name
from workbench.events.definitions import EVENT_TYPES
from workbench.metrics import sql
from workbench.metrics.window import Window, resolve
from workbench.result import html_table, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

MOST_DAYS = 3650
SHORTEST = 14  # days of a test: every weekday twice
WEEK = 7
OF_CUSTOMERS = tuple(name for name, event in EVENT_TYPES.items() if event.family in {"delivery", "users"})
HISTORY = 56  # days, whole weeks: the curve begins on the weekday on which a test would


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """How many users come for the first time on each day since a start.

    Parameters
    ----------
    new_users : tuple of float
        On the first day, the second ... of a period of the past.
    daily_users : float
        Different users on an average day of it; NaN where it is not known.
    first_day, last_day : date, optional
        That period.

    Examples
    --------
    >>> seen = Arrivals(new_users=(900.0, 500.0, 300.0, 200.0, 150.0, 130.0, 120.0), daily_users=900.0)
    >>> seen.reach(3), seen.days_for(1900), seen.days_for(1701)
    (1700.0, 4, 4)
    """

    new_users: tuple[float, ...]
    daily_users: float = math.nan
    first_day: date | None = None
    last_day: date | None = None

    def __post_init__(self) -> None:
        if not self.new_users or not all(0 <= users < math.inf for users in self.new_users):
            raise UsageError("New users by day are at least one number, none below 0.")

    @property
    def days(self) -> int:
        """Return how many days are known."""
        return len(self.new_users)

    @property
    def later(self) -> float:
        """Return the new users a day after the days known: the mean of the last week of them."""
        return float(np.mean(self.new_users[-WEEK:]))

    def reach(self, days: int) -> float:
        """Return the different users within some days; later ones come as in the last week known."""
        known = float(sum(self.new_users[:days]))
        return known + max(0, days - self.days) * self.later

    def days_for(self, users: float) -> int | None:
        """Return the days until so many users have come; None where it is more than ten years."""
        total = 0.0
        for day, new in enumerate(self.new_users, start=1):
            total += new
            if total >= users:
                return day
        if self.later <= 0:
            return None
        days = self.days + math.ceil((users - total) / self.later)
        return days if days <= MOST_DAYS else None

    @property
    def sentence(self) -> str:
        """Return how the reach grows."""
        weeks = [days for days in (WEEK, 2 * WEEK, 4 * WEEK) if days <= self.days] or [self.days]
        listed = ", ".join(f"{self.reach(days):,.0f} in {days}" for days in weeks)
        text = f"Different users by days: {listed}"
        if not math.isfinite(self.daily_users) or self.daily_users <= 0:
            return f"{text}."
        naive, last = self.daily_users * weeks[-1], weeks[-1]
        if naive < 1.05 * self.reach(last):
            return f"{text}; almost nobody comes back."
        daily = f"{self.daily_users:,.0f} a day would be {naive:,.0f} in {last} if nobody came back"
        return f"{text}; {daily}."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return day, new users and reach, one row per day known."""
        import pandas as pd

        days = np.arange(1, self.days + 1)
        return pd.DataFrame({"day": days, "new_users": self.new_users, "reach": np.cumsum(self.new_users)})

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


def steady(daily_users: float) -> Arrivals:
    """Return arrivals of as many new users on every day, nobody twice.

    Examples
    --------
    >>> steady(1000).days_for(16_316)
    17
    """
    if not 0 < daily_users < math.inf:
        raise UsageError(f"Users a day are a number above 0, not {daily_users:g}.")
    return Arrivals(new_users=(float(daily_users),) * WEEK, daily_users=float(daily_users))


def whole_weeks(days: int) -> int:
    """Return the days up to the end of the week: weekdays differ, so that a test takes whole weeks.

    Examples
    --------
    >>> whole_weeks(9), whole_weeks(14)
    (14, 14)
    """
    return -(-days // WEEK) * WEEK


def arrivals(tables: Tables, *, window: str | Window | None = None, events: Sequence[str] = ()) -> Arrivals:
    """Return how users came in the past, from the events of a workspace.

    A user counts on the first day of the window on which an event of hers lies, however often she comes
    after.

    Parameters
    ----------
    tables : Tables
        Needs facts.
    window : str or Window, optional
        The days looked at; the last eight weeks with data by default. Whole weeks are best.
    events : sequence of str
        The events that would bring a user into the test, e.g. ``campaign_delivered``; by default all that
        customers cause or receive.

    Raises
    ------
    NotEnoughData
        If there are no events of users in the window.
    UsageError
        If an event or the window is unknown.
    """
    kinds = check_events(events) or OF_CUSTOMERS
    if "facts" not in tables.names:
        raise NotEnoughData("Not enough data: no events loaded, so nobody knows how many users come.")
    days = _recent(tables) if window is None else resolve(window, tables)
    text = sql.to_sql(lambda: _firsts(kinds), ("arrivals", _source(), kinds), tables.dialect)
    answer = tables.query(sql.with_window(text, days)).to_pylist()
    found = {row["first"]: row for row in answer}
    if not found:
        raise NotEnoughData(f"Not enough data: no {' or '.join(events) or 'event'} of a user {days.told}.")
    each = [days.first + timedelta(days=place) for place in range((days.last - days.first).days + 1)]
    visits = sum(float(row["days"]) for row in answer)
    return Arrivals(
        new_users=tuple(float(found[day]["users"]) if day in found else 0.0 for day in each),
        daily_users=visits / len(each),
        first_day=days.first,
        last_day=days.last,
    )


def check_events(events: Sequence[str]) -> tuple[str, ...]:
    """Return the event types in their order; an unknown one is an error."""
    for name in events:
        if name not in EVENT_TYPES:
            raise unknown_name("event type", name, EVENT_TYPES)
    return tuple(sorted(set(events)))


def _recent(tables: Tables) -> Window:
    """Return the last whole weeks with data, eight at most; all days where they are less than one week."""
    known = resolve(None, tables)
    days = (known.last - known.first).days + 1
    return Window.ending(known.last, min(HISTORY, max(days // WEEK * WEEK, min(days, WEEK - 1))))


def _firsts(events: tuple[str, ...]) -> Any:
    """Return, by the first day of users in the window, how many they are and on how many days they came."""
    facts = sql.unbound("facts")
    chosen = [facts.event_type.isin(list(events)), facts.user_key.notnull()]
    rows = facts.filter([*sql.within(facts.day, instant=False), *chosen])
    users = rows.aggregate(first=rows.day.min(), days=rows.day.nunique(), by=[rows.user_key])
    return users.aggregate(users=users.count(), days=users.days.sum(), by=[users.first])


@cache
def _source() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
