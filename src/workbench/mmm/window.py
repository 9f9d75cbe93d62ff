"""The stretch of periods that decisions refer to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

import numpy as np

from workbench.errors import UsageError
from workbench.mmm.market import Market

_DAYS = {"day": 1, "week": 7}
_YEAR = {"day": 364, "week": 52}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Consecutive periods of a market.

    Parameters
    ----------
    start, stop : int
        Positions of the first period, and behind the last one.
    first, last : date
        First and last day, both included.
    """

    start: int
    stop: int
    first: date
    last: date

    @property
    def periods(self) -> int:
        """Return how many periods it has."""
        return self.stop - self.start

    @property
    def positions(self) -> slice:
        """Return it as an index of the axis of time."""
        return slice(self.start, self.stop)


def window_of(market: Market, *, first: date | None = None, last: date | None = None) -> Window:
    """Return the periods that start between two days; by default the last 52 weeks, or all if they are fewer.

    Parameters
    ----------
    market : Market
        Whose periods are meant.
    first, last : date, optional
        Bounds, both included. With only `last` given, the window is the 52 weeks up to it.

    Raises
    ------
    UsageError
        Where no period starts between them.
    """
    dates = market.dates.astype("datetime64[D]")
    stop = len(dates) if last is None else int(np.searchsorted(dates, np.datetime64(last), side="right"))
    year = _YEAR[market.period]
    start = max(0, stop - year) if first is None else int(np.searchsorted(dates, np.datetime64(first)))
    if start >= stop:
        known = f"{_day(dates[0])} to {_day(dates[-1])}"
        raise UsageError(f"No period of the market starts in that window; it has periods from {known}.")
    return _window(market, start, stop)


def latest(market: Market, periods: int) -> Window:
    """Return the window of the last so many periods."""
    return _window(market, len(market.dates) - periods, len(market.dates))


def whole(market: Market) -> Window:
    """Return the window of all periods."""
    return _window(market, 0, len(market.dates))


def _window(market: Market, start: int, stop: int) -> Window:
    length = timedelta(days=_DAYS[market.period] - 1)
    return Window(
        start=start,
        stop=stop,
        first=_day(market.dates[start]),
        last=_day(market.dates[stop - 1]) + length,
    )


def _day(value: np.datetime64) -> date:
    return cast("date", value.astype("datetime64[D]").item())
