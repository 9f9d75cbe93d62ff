"""Finding runs among many: by notebook, status, time and words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import get_args

from workbench.errors import UsageError, unknown_name
from workbench.reports.record import RunRecord, Status

_AGO = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSearch:
    """What is looked for; what is None or empty admits every run.

    Parameters
    ----------
    notebook : str, optional
        The notebook's name.
    status : str, optional
        ``queued``, ``running``, ``completed``, ``failed`` or ``cancelled``.
    since : datetime, optional
        Runs that were started then or later, and those that are queued.
    text : str
        Words which all stand somewhere in the run's id, title, parameters or error.
    limit : int, optional
        How many at most.
    """

    notebook: str | None = None
    status: str | None = None
    since: datetime | None = None
    text: str = ""
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.status is not None and self.status not in get_args(Status):
            raise unknown_name("status", self.status, get_args(Status))

    def find(self, records: Iterable[RunRecord]) -> list[RunRecord]:
        """Return the runs that are looked for, in the order they are given."""
        return list(islice(filter(self._admits, records), self.limit))

    def _admits(self, record: RunRecord) -> bool:
        if self.notebook not in {None, record.notebook} or self.status not in {None, record.status}:
            return False
        if self.since and record.started and datetime.fromisoformat(record.started) < self.since:
            return False
        words = self.text.casefold().split()
        if not words:
            return True
        said = _said(record)
        return all(word in said for word in words)


def _said(record: RunRecord) -> str:
    given = (f"{name} {value}" for name, value in record.parameters.items())
    errors = (*record.attempts, record.error or "")
    return " ".join([record.id, record.title, record.label, *given, *map(str, errors)]).casefold()


def moment(text: str, now: datetime) -> datetime:
    """Return the moment that a text means: a day, a time (UTC where it says none), or how long ago.

    Raises
    ------
    UsageError
        If it is none of these.

    Examples
    --------
    >>> noon = datetime(2024, 5, 7, 12, tzinfo=UTC)
    >>> str(moment("36h", noon)), str(moment("2024-05-01", noon))
    ('2024-05-06 00:00:00+00:00', '2024-05-01 00:00:00+00:00')
    """
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        given = datetime.fromisoformat(text.strip())
        return given if given.tzinfo else given.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text[:40]!r} is no moment; write a day (2024-05-01), a time, or how long ago (36h, 7d)."
        ) from None
