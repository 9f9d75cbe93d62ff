"""What of a schedule is due: by the clock, and by how far each entry came."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Protocol

from workbench.reports.schedule import Schedule, ScheduleEntry
from workbench.reports.schedule_record import EntryState

_MOST_COUNTED = 1000
_CLOCK_ERROR = timedelta(days=1)


class Clock(Protocol):
    """What the time is, and how it passes."""

    def now(self) -> datetime:
        """Return this moment, with its time zone."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return this moment, UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An entry whose time has come.

    Parameters
    ----------
    entry : ScheduleEntry
        What is to be run.
    at : datetime
        Its latest occurrence; earlier ones that were missed, too, are made good by the same run.
    missed : bool
        Whether it fell due while no scheduler was at work.
    occurrences : int
        How many the run stands for, this one included; counted up to 1,000.
    asked : bool
        Whether a person asked for it, so that nobody waits for it at a certain time.
    """

    entry: ScheduleEntry
    at: datetime
    missed: bool
    occurrences: int = 1
    asked: bool = False

    @property
    def wanted_by(self) -> str | None:
        """Return until when its runs have to end to be on time, ISO 8601; None where a person asked."""
        return None if self.asked else (self.at + timedelta(seconds=self.entry.wanted_within)).isoformat()


def due_entries(
    schedule: Schedule, states: dict[str, EntryState], moment: datetime, began: datetime
) -> list[Due]:
    """Return the entries whose time has come, the longest due first.

    Parameters
    ----------
    schedule : Schedule
        The entries.
    states : mapping
        How far each came; every entry has a state.
    moment, began : datetime
        The time it is, and the time this scheduler began its work.
    """
    found = []
    for entry in schedule.entries:
        at = entry.cron.latest(moment)
        done = states[entry.name].done
        if at is not None and at > done:
            since = takewhile(at.__ge__, entry.cron.following(done))
            count = sum(1 for _ in islice(since, _MOST_COUNTED))
            found.append(Due(entry=entry, at=at, missed=at < began, occurrences=count))
    return sorted(found, key=lambda due: due.at)


def known_states(
    schedule: Schedule, states: dict[str, EntryState], moment: datetime, say: Callable[[str], None]
) -> dict[str, EntryState]:
    """Return a state for every entry: new ones, and those whose times have changed, begin now."""
    known = dict(states)
    for entry in schedule.entries:
        state = states.get(entry.name)
        if state is not None and state.times != entry.times:
            say(f"{entry.name}: its times were {state.times} and are {entry.times}; they count from now.")
        elif state is not None and state.done > moment + _CLOCK_ERROR:
            say(
                f"{entry.name}: was last done in the future, at {state.done.isoformat()}; it counts from now."
            )
        elif state is not None:
            continue
        known[entry.name] = EntryState(times=entry.times, done=moment)
    return known
