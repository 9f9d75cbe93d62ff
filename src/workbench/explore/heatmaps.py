"""When people engage: weekday by hour, in the time zone of the audience.

Words: a *cell* is one hour of one weekday; its *level* is the mean number of engagements per such hour; its
*band* is its share of the strongest cell: 0-20, 20-40, 40-60 or 60+ %. A *window* is a run of hours of the
top band on one weekday.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.explore.view import View, frame_of, listed

if TYPE_CHECKING:
    import pandas as pd

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
    """Engagement by weekday and hour; `enough` is False where the picture is mostly chance."""

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
        share = sum(window.share for window in self.windows[:3])
        return (
            f"People engage most on {listed(window.name for window in self.windows[:3])} ({self.time_zone}); "
            f"these hours hold {100 * share:.0f}% of all engagement."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per segment, weekday and hour."""
        return frame_of(self.cells, HeatCell)
