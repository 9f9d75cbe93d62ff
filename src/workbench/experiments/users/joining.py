"""When the users of an experiment joined it: what was known at each look on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.experiments.users.question import Question
from workbench.experiments.users.rows import assignments
from workbench.metrics import sql
from workbench.metrics.user_keys import with_user_keys

if TYPE_CHECKING:
    from workbench.source import Tables


def joined_by_day(tables: Tables, question: Question) -> dict[date, int]:
    """Return how many users joined on each day, who was there before on the first.

    Parameters
    ----------
    tables : Tables
        With assignments.
    question : Question
        Of the experiment and its days.
    """
    text = sql.to_sql(lambda: _joined(question), ("joined by day", _source(), question.key), tables.dialect)
    answer = tables.query(sql.with_window(with_user_keys(text, tables.dialect), question.window))
    found: dict[date, int] = {}
    for row in answer.to_pylist():
        day = max(date.fromisoformat(row["day_"]), question.window.first)
        found[day] = found.get(day, 0) + int(row["users_"])
    return found


def _joined(question: Question) -> Any:
    rows = assignments(question)
    if question.several == "exclude":
        rows = rows.filter(rows.several_ == 0)
    rows = rows.select(day_=rows.since_.cast("date").cast("string"))
    return rows.aggregate(users_=rows.count(), by="day_")


def user_days(joined: Mapping[date, int], days: Sequence[date]) -> list[float]:
    """Return how many days users had been in an experiment, all together, at the end of some days.

    It measures what is known at a look: of what users bring day by day it is the information itself; where
    each brings something once, soon after joining, looks hang together more closely than it says, so that
    bounds made from it are a little too wide, not too narrow.

    Parameters
    ----------
    joined : mapping of date to int
        How many users joined on each day.
    days : sequence of date
        The days of the looks.

    Examples
    --------
    >>> user_days({date(2024, 5, 1): 10, date(2024, 5, 3): 5}, [date(2024, 5, 1), date(2024, 5, 3)])
    [10.0, 35.0]
    """
    return [
        float(sum(users * ((day - joining).days + 1) for joining, users in joined.items() if joining <= day))
        for day in days
    ]


@cache
def _source() -> str:
    room = Path(__file__).parent
    names = ("joining.py", "question.py", "rows.py")
    return hashlib.sha256(b"".join((room / name).read_bytes() for name in names)).hexdigest()
