"""When people engage: weekday by hour, in the time zone of the audience.

Words: a *cell* is one hour of one weekday; its *level* is the mean number of engagements per such hour; its
*band* is its share of the strongest cell: 0-20, 20-40, 40-60 or 60+ %. A *window* is a run of hours of the
top band on one weekday, each of them above the mean hour beyond chance when all 168 are judged at once, by
engagements and by the people in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from workbench.errors import UsageError, wrong_kind
from workbench.explore.query import ask, window_of
from workbench.explore.view import View, frame_of, lacking, listed
from workbench.explore.week_hours import ENOUGH_ENGAGEMENTS, dispersion, surely
from workbench.metrics import sql
from workbench.metrics.unfinished import finished
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables

Floats = NDArray[np.float64]
ENOUGH_DAYS = 14
_NAMED = 3
STRONG = 0.6  # of the peak: where the top band begins
ENGAGEMENTS = ("campaign_clicked", "user_engaged")

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BANDS = ("0-20%", "20-40%", "40-60%", "60%+")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """One hour of one weekday; weekday 0 is Monday, `low` and `high` the 95 % interval of the level."""

    segment: str
    weekday: int
    hour: int
    engagements: int
    hours: int
    level: float | None
    low: float | None
    high: float | None
    share_of_peak: float | None
    band: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BestWindow:
    """A run of strong hours: from `first_hour` up to, but without, `last_hour`."""

    weekday: str
    first_hour: int
    last_hour: int
    level: float
    share: float

    @property
    def name(self) -> str:
        """Return the window as one says it."""
        return f"{self.weekday} {self.first_hour:02d}:00-{self.last_hour:02d}:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap(View):
    """Engagement by weekday and hour; `enough` is False where the picture is mostly chance.

    `days` are those from the first engagement of the window to the last.
    """

    time_zone: str
    cells: tuple[HeatCell, ...]
    windows: tuple[BestWindow, ...]
    days: int
    engagements: int
    enough: bool
    reason: str
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return the best windows, or why none is named."""
        if self.missing:
            return self.missing
        if not self.enough:
            return f"No best time is named: {self.reason}."
        if not self.windows:
            return f"No hour stands out over {self.days} days ({self.time_zone})."
        named, more = self.windows[:_NAMED], len(self.windows) - _NAMED
        share = format_value(sum(window.share for window in named), "%")
        others = f"; {more} more window{'' if more == 1 else 's'} are strong, too" if more > 0 else ""
        return (
            f"People engage most on {listed(window.name for window in named)} ({self.time_zone}); "
            f"these hours hold {share} of all engagement{others}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segment, weekday and hour."""
        return frame_of(self.cells, HeatCell)


def heatmap(
    tables: Tables,
    *,
    time_zone: str = "UTC",
    window: str | Window | None = "90d",
    by_segment: bool = False,
) -> Heatmap:
    """Return engagement by weekday and hour: what people opened, clicked and did themselves.

    Parameters
    ----------
    tables : Tables
        Needs facts.
    time_zone : str
        The IANA name of the audience's time zone, as ``"Europe/Berlin"``; changes of the clock are followed.
    window : str or Window, optional
        The days, UTC; one that was not over when its data came is left out.
    by_segment : bool
        Whether cells of each segment are returned beside those of all (segment ``""``).

    Raises
    ------
    UsageError
        If the time zone is unknown.
    """
    zone = _zone(time_zone)
    asked = window_of(tables, window)
    missing = lacking(tables, "facts")
    if missing or asked is None:
        return _nothing(time_zone, missing or lacking(tables))
    days = finished(tables, asked, ["facts"])
    rows = ask(
        tables,
        lambda: _quarters(by_segment=by_segment),
        "engagement by quarter hour",
        by_segment,
        window=days,
    )
    if not rows:
        return _nothing(time_zone, f"Not enough data: nobody opened, clicked or did anything {days.told}.")
    # Before the first engagement and after the last nothing was recorded: not the same as nothing done.
    seen = sorted({int(row["quarter"]) // 96 for row in rows})
    first, last = (date(1970, 1, 1) + timedelta(days=day) for day in (seen[0], seen[-1]))
    present = _hours_present(first, last, zone)
    counts = _local(rows, zone, first, len(present))
    weekly = sum(counts.values(), np.zeros_like(present))
    people = sum(_local(rows, zone, first, len(present), "people").values(), np.zeros_like(present))
    whole = weekly.sum(axis=0)
    enough, reason = _gate(len(seen), whole)
    cells = _cells("", weekly, present)
    for segment in sorted(filter(None, counts)) if by_segment else ():
        cells += _cells(segment, counts[segment], present)
    windows = best_windows(cells[:168], whole, surely(weekly, people, present)) if enough else ()
    return Heatmap(
        time_zone=time_zone,
        cells=tuple(cells),
        windows=windows,
        days=(last - first).days + 1,
        engagements=int(whole.sum()),
        enough=enough,
        reason=reason,
    )


def best_windows(cells: Sequence[HeatCell], counts: Floats, low: Floats) -> tuple[BestWindow, ...]:
    """Return runs of hours of the top band that surely lie above the mean hour, strongest first.

    Parameters
    ----------
    cells : sequence of HeatCell
        Every hour of the week.
    counts, low : array, shape (7, 24)
        Engagements, and the levels that all hours surely have at once: of 168, a few are high by chance.
    """
    mean = float(np.mean([cell.level or 0.0 for cell in cells]))
    strong = np.zeros((7, 24), bool)
    level = np.zeros((7, 24))
    for cell in cells:
        level[cell.weekday, cell.hour] = cell.level or 0.0
        top = (cell.share_of_peak or 0.0) >= STRONG and low[cell.weekday, cell.hour] > mean
        strong[cell.weekday, cell.hour] = top
    found = []
    for weekday in range(7):
        hour = 0
        while hour < 24:
            if not strong[weekday, hour]:
                hour += 1
                continue
            first = hour
            while hour < 24 and strong[weekday, hour]:
                hour += 1
            found.append(
                BestWindow(
                    weekday=WEEKDAYS[weekday],
                    first_hour=first,
                    last_hour=hour,
                    level=float(level[weekday, first:hour].mean()),
                    share=float(counts[weekday, first:hour].sum() / counts.sum()),
                )
            )
    return tuple(sorted(found, key=lambda window: -window.share))


def _zone(name: str) -> ZoneInfo:
    if not isinstance(name, str):
        raise wrong_kind("A time zone", name, "its name, as 'Europe/Berlin'")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"No time zone named {name!r}. Write it as Europe/Berlin or America/New_York."
        ) from None


def _local(
    rows: Sequence[Mapping[str, Any]], zone: ZoneInfo, first: date, weeks: int, what: str = "engagements"
) -> dict[str, Floats]:
    """Return counts by week, local weekday and hour for each segment."""
    counts: dict[str, Floats] = {}
    midnight = datetime(1970, 1, 1, tzinfo=UTC)
    for row in rows:
        utc = midnight + timedelta(minutes=15 * int(row["quarter"]))
        local = utc.astimezone(zone)
        table = counts.setdefault(str(row["segment"] or ""), np.zeros((weeks, 7, 24)))
        table[_week(local, first), local.weekday(), local.hour] += int(row[what])
    return counts


def _hours_present(first: date, last: date, zone: ZoneInfo) -> Floats:
    """Return how many hours of each week, local weekday and hour the window holds."""
    hours = np.zeros(((last - first).days // 7 + 2, 7, 24))
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    for quarter in range(96 * ((last - first).days + 1)):
        local = (start + timedelta(minutes=15 * quarter)).astimezone(zone)
        hours[_week(local, first), local.weekday(), local.hour] += 0.25
    return hours


def _week(local: datetime, first: date) -> int:
    # West of Greenwich the first local day is the day before.
    return ((local.date() - first).days + 1) // 7


def _gate(days: int, counts: Floats) -> tuple[bool, str]:
    if days < ENOUGH_DAYS:
        count = f"{days} {'is' if days == 1 else 'are'}"
        return False, f"{ENOUGH_DAYS} days with engagement are needed to see weeks repeat, {count} there"
    if counts.sum() < ENOUGH_ENGAGEMENTS:
        return False, f"{ENOUGH_ENGAGEMENTS:,} engagements are needed, {int(counts.sum()):,} are there"
    return True, ""


def _cells(segment: str, counts: Floats, hours: Floats) -> list[HeatCell]:
    times, counts, hours = dispersion(counts, hours), counts.sum(axis=0), hours.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.where(hours > 0, counts / hours, np.nan)
        low = np.where(counts > 0, times * gammaincinv(np.maximum(counts, 1) / times, 0.025), 0.0) / hours
        high = times * gammaincinv(counts / times + 1, 0.975) / hours
    peak = float(np.nanmax(level)) if np.isfinite(level).any() else 0.0
    cells = []
    for weekday in range(7):
        for hour in range(24):
            known = hours[weekday, hour] > 0
            share = float(level[weekday, hour] / peak) if known and peak > 0 else None
            cells.append(
                HeatCell(
                    segment=segment,
                    weekday=weekday,
                    hour=hour,
                    engagements=int(counts[weekday, hour]),
                    hours=round(float(hours[weekday, hour])),
                    level=float(level[weekday, hour]) if known else None,
                    low=float(low[weekday, hour]) if known else None,
                    high=float(high[weekday, hour]) if known else None,
                    share_of_peak=share,
                    band="" if share is None else BANDS[min(int(share * 5 + 1e-9), 3)],
                )
            )
    return cells


def _quarters(*, by_segment: bool) -> Any:
    facts = sql.unbound("facts")
    opened = (facts.event_type == "campaign_viewed") & (facts.kind != "received")
    engaged = facts.event_type.isin(ENGAGEMENTS)
    kept = facts.filter([*sql.within(facts.day, instant=False), sql.any_of([opened, engaged])])
    moments = kept.select(
        segment=kept.segment if by_segment else sql.literal(""),
        user_key=kept.user_key,
        quarter=kept.timestamp.truncate("h").epoch_seconds() // 900 + kept.timestamp.minute() // 15,
    )
    people = moments.group_by(["segment", "quarter", "user_key"]).agg(engagements=moments.count())
    return people.group_by(["segment", "quarter"]).agg(
        engagements=people.engagements.sum(), people=people.count()
    )


def _nothing(time_zone: str, reason: str) -> Heatmap:
    return Heatmap(
        time_zone=time_zone,
        cells=(),
        windows=(),
        days=0,
        engagements=0,
        enough=False,
        reason=reason,
        missing=reason,
    )
