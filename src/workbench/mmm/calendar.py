"""The calendar of a market: whether its periods are days or weeks, and what is wrong with it in words."""

from __future__ import annotations

from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from workbench.errors import BadInput, NotEnoughData

Days = npt.NDArray[np.datetime64]
Period = Literal["day", "week"]
LENGTH: dict[Period, int] = {"day": 1, "week": 7}
FEWEST_DAYS = 364
_SEVERAL = 3


def period_of(days: Days, *, file: object = None, column: str | None = None) -> Period:
    """Return how far the days are apart, once it is the same everywhere.

    Parameters
    ----------
    days : array of datetime64[D]
        Each first day of a period once, in order.
    file, column : optional
        What they are called in messages.

    Raises
    ------
    BadInput
        Where days and weeks are mixed, weeks begin on different weekdays, a period is missing, or the periods
        are neither days nor weeks.
    NotEnoughData
        With fewer than 52 weeks, or 364 days: one year is the least that shows its seasons once.

    Examples
    --------
    >>> period_of(np.arange("2023-01-02", "2024-06-03", 7, dtype="datetime64[D]"))
    'week'
    >>> period_of(np.arange("2023-01-02", "2023-06-05", 7, dtype="datetime64[D]"))
    Traceback (most recent call last):
        ...
    workbench.errors.NotEnoughData: 22 weeks from 2023-01-02 to 2023-05-29: a media mix model needs at least
    52 weeks, better 104 or more, to tell media from the season.
    """
    steps = np.diff(days).astype(int)
    if not len(steps):
        raise NotEnoughData(f"{len(days)} period: a media mix model needs at least 52 weeks or 364 days.")
    ones, sevens, shortest = int((steps == 1).sum()), int((steps == 7).sum()), int(steps.min())
    if ones >= _SEVERAL and sevens >= _SEVERAL:
        daily, weekly = days[:-1][steps == 1][0], days[:-1][steps == 7][0]
        raise BadInput(
            f"days and weeks are mixed: days from {daily}, weeks from {weekly}",
            file=file,
            column=column,
            fix="Add the days up to weeks, or cut the table where it changes.",
        )
    if shortest == 1:
        _refuse_gaps(days, steps, "day", file, column)
        period: Period = "day"
    else:
        _refuse_other(days, steps, file, column)
        _refuse_gaps(days, steps, "week", file, column)
        period = "week"
    if len(days) * LENGTH[period] < FEWEST_DAYS:
        raise NotEnoughData(
            f"{len(days)} {period}s from {days[0]} to {days[-1]}: a media mix model needs at least "
            f"{FEWEST_DAYS // LENGTH[period]} {period}s, better {2 * FEWEST_DAYS // LENGTH[period]} or more, "
            "to tell media from the season."
        )
    return period


def _refuse_other(days: Days, steps: npt.NDArray[np.int_], file: object, column: str | None) -> None:
    odd = np.flatnonzero(steps % 7)
    if not len(odd):
        return
    place = int(odd[0])
    if np.median(steps) == 7:
        weekdays = _weekday(days[place]), _weekday(days[place + 1])
        raise BadInput(
            f"weeks begin on different weekdays: {days[place]} is a {weekdays[0]}, {days[place + 1]} a "
            f"{weekdays[1]}",
            file=file,
            column=column,
            fix="Let every week begin on the same weekday.",
        )
    raise BadInput(
        f"the periods are neither days nor weeks: {int(steps[place])} days lie between {days[place]} and "
        f"{days[place + 1]}",
        file=file,
        column=column,
        expected="one row for each day or each week",
    )


def _weekday(day: np.datetime64) -> str:
    known: date = day.astype(object)
    return f"{known:%A}"


def _refuse_gaps(
    days: Days, steps: npt.NDArray[np.int_], period: Period, file: object, column: str | None
) -> None:
    length = LENGTH[period]
    gaps = np.flatnonzero(steps != length)
    if not len(gaps):
        return
    missing = int((steps[gaps] // length - 1).sum())
    first = days[gaps[0]] + np.timedelta64(length, "D")
    verb = "is" if missing == 1 else "are"
    raise BadInput(
        f"{missing:,} {period}{'s' * (missing > 1)} between {days[0]} and {days[-1]} {verb} missing, the "
        f"first is {first}",
        file=file,
        column=column,
        expected=f"one row for each {period}",
        fix="Fill in what is missing; write 0 only where nothing was spent or sold.",
    )


def refuse_unfinished(days: Days, period: Period, last_day: date, *, file: object = None) -> None:
    """Raise where the last period ends after the last day that the data reach.

    Raises
    ------
    BadInput
        Naming the period.
    """
    end: date = (days[-1] + np.timedelta64(LENGTH[period] - 1, "D")).astype(object)
    if end > last_day:
        raise BadInput(
            f"the {period} from {days[-1]} ends on {end}, but the data end on {last_day}: it is incomplete",
            file=file,
            fix=f"Leave this {period} out.",
        )
