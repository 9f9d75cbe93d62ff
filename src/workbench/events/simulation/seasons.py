"""When things happen: weekday, hour and time of year, as one curve that times are drawn from.

Times are microseconds since 1970-01-01 UTC, as 64-bit integers.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.events.simulation.spec import MarketSpec

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

WEEKDAYS = np.array([0.92, 0.90, 0.94, 1.00, 1.10, 1.18, 0.96])  # Monday first
WEEKDAYS_OF_WEEKEND_SHOPPERS = np.array([0.25, 0.22, 0.22, 0.25, 0.40, 3.00, 2.66])
# Of 24 hours, from midnight: evenings on workdays, late mornings at weekends.
_WORKDAY_HOURS = np.array(
    [[0.2, 0.1, 0.1, 0.1, 0.15, 0.3, 0.6, 0.9, 1.0, 0.9, 0.9, 1.0],
     [1.3, 1.1, 0.9, 0.9, 1.0, 1.3, 1.8, 2.5, 2.8, 2.2, 1.2, 0.5]]
).ravel()  # fmt: skip
_WEEKEND_HOURS = np.array(
    [[0.3, 0.2, 0.15, 0.1, 0.1, 0.15, 0.3, 0.6, 1.1, 1.9, 2.5, 2.4],
     [1.9, 1.6, 1.5, 1.5, 1.5, 1.4, 1.3, 1.4, 1.4, 1.1, 0.8, 0.5]]
).ravel()  # fmt: skip


def stream(spec: MarketSpec, name: str) -> np.random.Generator:
    """Return the random numbers of one part, so that a change in one part leaves the others as they are."""
    return np.random.default_rng([spec.seed, zlib.crc32(name.encode())])


def first_instant(spec: MarketSpec) -> int:
    """Return the first instant of the market."""
    start = datetime(spec.start.year, spec.start.month, spec.start.day, tzinfo=UTC)
    return int(start.timestamp()) * SECOND


def end_instant(spec: MarketSpec) -> int:
    """Return the first instant after the market."""
    return first_instant(spec) + spec.days * DAY


def weekday_of(spec: MarketSpec) -> NDArray[np.int64]:
    """Return the weekday of every day, Monday 0."""
    return (np.arange(spec.days) + spec.start.weekday()) % 7


def yearly(spec: MarketSpec, strength: float = 1.0) -> NDArray[np.float64]:
    """Return each day's multiple of the yearly season: high before Christmas, low in late summer."""
    days = [spec.start + timedelta(days=i) for i in range(spec.days)]
    turn = np.array([day.timetuple().tm_yday for day in days]) / 365.25
    wave = 0.16 * np.cos(2 * np.pi * (turn - 0.92)) + 0.05 * np.cos(4 * np.pi * (turn - 0.40))
    sales = np.exp(-0.5 * ((turn * 365.25 - 333) / 2.5) ** 2)  # the sales week at the end of November
    return np.asarray(np.exp(strength * (wave + 0.45 * sales)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Season:
    """An hourly intensity whose mean is 1, and its running total in days.

    Parameters
    ----------
    origin : int
        Its first instant.
    total : array
        Running total at every full hour, one longer than there are hours.
    """

    origin: int
    total: NDArray[np.float64]

    def spent(self, at: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the running total at instants: expected counts are rate times a difference of these."""
        hours = np.clip((at - self.origin) / HOUR, 0, len(self.total) - 1)
        return np.interp(hours, np.arange(len(self.total)), self.total)

    def when(self, total: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the instants at which the running total is reached."""
        hours = np.interp(total, self.total, np.arange(len(self.total)))
        return (self.origin + hours * HOUR).astype(np.int64)


def season(spec: MarketSpec, *, weekdays: NDArray[np.float64] = WEEKDAYS, strength: float = 1.0) -> Season:
    """Return the curve of one kind of shopper."""
    day = weekday_of(spec)
    hours = np.where((day >= 5)[:, None], _WEEKEND_HOURS, _WORKDAY_HOURS)
    hours = hours / hours.mean(axis=1, keepdims=True)
    intensity = (yearly(spec, strength) * weekdays[day])[:, None] * hours
    flat = intensity.ravel() / intensity.mean()
    return Season(first_instant(spec), np.concatenate([[0.0], np.cumsum(flat)]) / 24)


def hour_within_day(curve: Season, day: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return an instant within each day (counted from the start), busy hours more often."""
    low, high = curve.total[day * 24], curve.total[day * 24 + 24]
    return curve.when(low + rng.random(len(day)) * (high - low) * 0.999999)


def hourly_response(spec: MarketSpec, at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how readily a message is opened when it arrives at these instants: 1 on average over a day."""
    hour = (at // HOUR) % 24
    weekday = ((at - first_instant(spec)) // DAY + spec.start.weekday()) % 7
    curve = np.where(
        weekday >= 5,
        (_WEEKEND_HOURS / _WEEKEND_HOURS.mean())[hour],
        (_WORKDAY_HOURS / _WORKDAY_HOURS.mean())[hour],
    )
    return np.asarray(0.55 + 0.45 * curve, dtype=np.float64)
