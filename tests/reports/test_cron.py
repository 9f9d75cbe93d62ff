"""When cron lines fall due: against a count of every minute, and where the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.reports.cron import read_cron

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
# Around both changes of 2024 in each zone, and the end of a leap year's February.
STARTS = ["2024-02-28", "2024-03-09", "2024-03-30", "2024-04-06", "2024-10-05", "2024-10-26", "2024-11-02"]
MINUTES = ["0", "*/20", "15,45", "30-50/10", "59"]
HOURS = ["0", "1-3", "*/2", "2", "2,3", "23"]
DAYS = ["*", "1", "29", "1-7", "10,31"]
WEEKDAYS = ["*", "SUN", "MON-FRI", "7", "0,6"]


def named(field: str, low: int, high: int) -> set[int]:
    """Return a field's values, by the rules of crontab(5)."""
    words = {"SUN": "0", "MON-FRI": "1-5"}
    values: set[int] = set()
    for item in words.get(field, field).split(","):
        span, _, step = item.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        values |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return values


def by_the_minute(line: str, zone: ZoneInfo, start: datetime, days: int) -> list[datetime]:
    """Return the due instants after `start`, found by looking at every minute of the wall clock."""
    minute, hour, day, _, weekday = line.split()
    minutes, hours, month_days = named(minute, 0, 59), named(hour, 0, 23), named(day, 1, 31)
    weekdays = {value % 7 for value in named(weekday, 0, 7)}
    found = set()
    wall = (start.astimezone(zone) - timedelta(days=1)).replace(tzinfo=None, second=0)
    for _ in range((days + 2) * 1440):
        wall += timedelta(minutes=1)
        on_day, on_weekday = wall.day in month_days, wall.isoweekday() % 7 in weekdays
        matches = (on_day or on_weekday) if "*" not in (day, weekday) else (on_day and on_weekday)
        if wall.minute in minutes and wall.hour in hours and matches:
            shown = wall
            while shown.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != shown:
                shown += timedelta(minutes=1)  # the clocks leap over it: right after
            found.add(shown.replace(tzinfo=zone).astimezone(UTC))
    return sorted(one for one in found if start < one <= start + timedelta(days=days))


@settings(max_examples=15, deadline=None)
@given(
    st.tuples(*map(st.sampled_from, (MINUTES, HOURS, DAYS, ["*"], WEEKDAYS))).map(" ".join),
    st.sampled_from(ZONES),
    st.sampled_from(STARTS),
    st.integers(0, 2 * 1440 * 60),
)
@example("*/20 2 * * *", "Europe/Berlin", "2024-10-26", 86_400 + 2_000)
@example("0 */2 * * *", "America/New_York", "2024-03-09", 86_400 + 6 * 3600)
@example("15,45 2 * * *", "Europe/Berlin", "2024-10-26", 86_400 + 4_000)
def test_named_hours_go_by_the_wall_clock(line: str, name: str, day: str, seconds: int) -> None:
    zone = ZoneInfo(name)
    cron = read_cron(line, zone)
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00") + timedelta(seconds=seconds)
    end = start + timedelta(days=2)
    expected = by_the_minute(line, zone, start, 2)
    found = [at.astimezone(UTC) for at in takewhile(lambda at: at <= end, cron.following(start))]
    assert found == expected
    # And backwards: from any moment, the last of those up to it.
    for moment in (end, *expected[:3], *(at + timedelta(minutes=61) for at in expected[:5])):
        before = [at for at in by_the_minute(line, zone, start, 4) if at <= moment]
        if before:
            latest = cron.latest(moment)
            assert latest is not None
            assert latest.astimezone(UTC) == before[-1]


@pytest.mark.parametrize(
    ("line", "zone", "after", "times"),
    [
        # Leapt over: right after, once. Shown twice: the first time.
        ("30 2 * * *", "Europe/Berlin", "2024-03-30T12:00Z", ["03-31T01:00Z", "04-01T00:30Z"]),
        ("0,30 2,3 * * *", "Europe/Berlin", "2024-03-31T00:00Z", ["03-31T01:00Z", "03-31T01:30Z"]),
        ("30 2 * * *", "Europe/Berlin", "2024-10-26T12:00Z", ["10-27T00:30Z", "10-28T01:30Z"]),
        ("30 2 * * *", "Europe/Berlin", "2024-10-27T00:45Z", ["10-28T01:30Z"]),
        ("30 2 * * *", "America/New_York", "2024-03-09T12:00Z", ["03-10T07:00Z", "03-11T06:30Z"]),
        ("30 1 * * *", "America/New_York", "2024-11-02T12:00Z", ["11-03T05:30Z", "11-04T06:30Z"]),
        # Every hour is an hour apart, whatever the clocks show.
        ("15 * * * *", "Europe/Berlin", "2024-03-30T23:30Z", ["03-31T00:15Z", "03-31T01:15Z"]),
        ("15 * * * *", "Europe/Berlin", "2024-10-26T23:30Z", ["10-27T00:15Z", "10-27T01:15Z"]),
        ("0 0 29 2 *", "UTC", "2023-01-01T00:00Z", ["02-29T00:00Z"]),
    ],
)
def test_where_the_clocks_change(line: str, zone: str, after: str, times: list[str]) -> None:
    cron = read_cron(line, ZoneInfo(zone))
    found = list(islice(cron.following(datetime.fromisoformat(after)), len(times)))
    assert [f"{at.astimezone(UTC):%m-%dT%H:%MZ}" for at in found] == times
    assert [cron.latest(at) for at in found] == found
    assert all(cron.latest(at - timedelta(seconds=1)) != at for at in found)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("60 * * * *", "value '60': not a minute of a cron line; expected 0 to 59"),
        ("0 24 * * *", "value '24': not an hour of a cron line; expected 0 to 23"),
        ("0 0 0 * *", "value '0': not a day-of-month"),
        ("0 0 30 2 *", "value '30': not a day-of-month of a cron line; expected 1 to 31, a day that its"),
        ("0 0 * 13 *", "value '13': not a month of a cron line; expected 1 to 12 or JAN to DEC"),
        ("0 0 * * MOO", "value 'MOO': not a day-of-week of a cron line; expected 0 to 7"),
        ("0 0 * * FRI-MON", "value 'FRI-MON': not a day-of-week"),
        ("*/0 * * * *", "value '*/0': not a minute"),
        ("5/10 * * * *", "value '5/10': not a minute of a cron line; expected *, a value, a range"),
        ("0 0 L * *", "value 'L': not a day-of-month"),
        ("0 0 * * MON#2", "value 'MON#2': not a day-of-week"),
        ("0 0 */2 * MON", "which crons read differently"),
        ("@daily", "a cron line of 1 fields; expected five: minute, hour"),
        ("0 0 0 * * *", "a cron line of 6 fields"),
        ("", "a cron line of 0 fields"),
        ("٣ * * * *", "expected five"),
        ("1\x00 * * * *", "not a minute"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(line: str, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_cron(line, ZoneInfo("UTC"))
    assert says in str(refused.value)
