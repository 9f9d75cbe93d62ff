"""When a cron line falls due in its time zone, also where the clocks change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from workbench.errors import BadInput

FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
_EXPECTED = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, a day that its months have",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7 (0 and 7 are Sunday) or SUN to SAT",
}
_VALUE = r"(?:[0-9]{1,2}|[A-Z]{3})"
_ITEM = rf"(?:\*(?:/[0-9]+)?|{_VALUE}(?:-{_VALUE}(?:/[0-9]+)?)?)"
_FIELD = re.compile(rf"{_ITEM}(?:,{_ITEM})*")
_EVERY = "*"
_LONGEST_OVERLAP = timedelta(hours=3)


@dataclass(frozen=True)
class Cron:
    """The five fields of a cron line in a time zone; made by `read_cron`.

    Named hours go by the clock on the wall: a time that the clocks leap over falls due right after, one
    that they show twice falls due the first time. ``*`` as the hour goes by elapsed time.

    Parameters
    ----------
    fields : tuple of str
        Minute, hour, day of the month, month, day of the week; each in the notation that every cron reads.
    zone : ZoneInfo
        The time zone.
    """

    fields: tuple[str, str, str, str, str]
    zone: ZoneInfo

    def __str__(self) -> str:
        return " ".join(self.fields)

    @cached_property
    def values(self) -> tuple[tuple[int, ...], ...]:
        """Return the values that each field admits, ascending; Sunday is 0."""
        read = CronSim(str(self), datetime(2024, 1, 1))  # noqa: DTZ001 - only the fields are read
        sets = (read.minutes, read.hours, read.days, read.months, {int(str(d)) % 7 for d in read.weekdays})
        return tuple(tuple(sorted(one)) for one in sets)

    def following(self, after: datetime) -> Iterator[datetime]:
        """Yield every occurrence after an instant, in order, with the offset of the cron's time zone.

        Examples
        --------
        >>> cron = read_cron("30 2 * * *", ZoneInfo("Europe/Berlin"))
        >>> times = cron.following(datetime(2024, 3, 29, 12, tzinfo=UTC))
        >>> [next(times).isoformat() for _ in range(3)]
        ['2024-03-30T02:30:00+01:00', '2024-03-31T03:00:00+02:00', '2024-04-01T02:30:00+02:00']
        """
        last = after.astimezone(UTC)
        for found in CronSim(self._portable, last.astimezone(self.zone)):
            # In the hour that comes twice cronsim names its first passage, which may be over.
            instant = found.astimezone(UTC)
            if instant > last:
                last = instant
                yield self._shown(instant)

    def latest(self, moment: datetime) -> datetime | None:
        """Return the last occurrence up to an instant, that instant included; None if there never was one.

        Examples
        --------
        >>> cron = read_cron("0 6 * * MON", ZoneInfo("Europe/Berlin"))
        >>> cron.latest(datetime(2024, 4, 10, tzinfo=UTC)).isoformat()
        '2024-04-08T06:00:00+02:00'
        """
        start = moment.astimezone(UTC) + timedelta(seconds=1)
        if self.fields[1] != _EVERY:
            start += _LONGEST_OVERLAP
        for found in CronSim(self._portable, start.astimezone(self.zone), reverse=True):
            instant = found.astimezone(UTC)
            if instant <= moment:
                return self._shown(instant)
        return None

    def _shown(self, instant: datetime) -> datetime:
        """Return an instant with its offset: times of one zone compare by the wall clock, which goes back."""
        return instant.astimezone(timezone(self.zone.utcoffset(instant.astimezone(self.zone)) or timedelta()))

    @cached_property
    def _portable(self) -> str:
        """The line as cronsim is to take it: steps of hours become hours, which go by the wall clock."""
        if self.fields[1] == _EVERY:
            return str(self)
        minutes, hours = (",".join(map(str, values)) for values in self.values[:2])
        return " ".join((minutes, hours, *self.fields[2:]))


def read_cron(text: str, zone: ZoneInfo) -> Cron:
    """Return a cron line as its fields.

    Parameters
    ----------
    text : str
        Five fields of ``*``, numbers, names of months and days, ranges, lists and steps.
    zone : ZoneInfo
        The time zone it is meant in.

    Raises
    ------
    BadInput
        Naming the field and what it may hold; also where crons differ on what the line means.

    Examples
    --------
    >>> str(read_cron("*/15  8-18 * * mon-fri", ZoneInfo("UTC")))
    '*/15 8-18 * * MON-FRI'
    >>> read_cron("0 24 * * *", ZoneInfo("UTC"))
    Traceback (most recent call last):
        ...
    workbench.errors.BadInput: value '24': not an hour of a cron line; expected 0 to 23.
    """
    parts = text.upper().split() if text.isascii() and len(text) <= 500 else []
    if len(parts) != len(FIELDS):
        raise BadInput(
            f"a cron line of {len(text.split())} fields", value=text, expected=f"five: {', '.join(FIELDS)}"
        )
    for name, part in zip(FIELDS, parts, strict=True):
        if not _FIELD.fullmatch(part):
            raise _wrong(
                name, part, "*, a value, a range such as 1-5, a step such as */15, or a list of these"
            )
    for number, (name, part) in enumerate(zip(FIELDS, parts, strict=True)):
        alone = [part if other == number else _EVERY for other in range(len(FIELDS))]
        _check(" ".join(alone), name, part)
    _check(" ".join(parts), "day-of-month", parts[2])
    days, weekdays = parts[2], parts[4]
    stepped = any(one.startswith(("*/", "*,")) for one in (days, weekdays))
    if stepped and _EVERY not in (days, weekdays):
        raise BadInput(
            "a step of all days together with another day field, which crons read differently",
            value=text,
            expected="the days as numbers",
        )
    minute, hour, day, month, weekday = parts
    return Cron(fields=(minute, hour, day, month, weekday), zone=zone)


def _check(line: str, name: str, part: str) -> None:
    try:
        CronSim(line, datetime(2024, 1, 1))  # noqa: DTZ001 - only the fields are read
    except CronSimError:
        raise _wrong(name, part, _EXPECTED[name]) from None


def _wrong(name: str, part: str, expected: str) -> BadInput:
    article = "an" if name == "hour" else "a"
    return BadInput(f"not {article} {name} of a cron line", value=part, expected=expected)
