"""How the effect settled: what was known after each day, with bounds that hold on all days at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from workbench.experiments.analysis.monitoring import Monitoring
from workbench.experiments.analysis.tested import compared
from workbench.experiments.inference.comparison import Label

if TYPE_CHECKING:
    import pandas as pd

    from workbench.experiments.users.users import RecordedUsers

MOST_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPoint:
    """What was known at the end of a day.

    Parameters
    ----------
    day : date
        The day.
    variant : str
        Compared with the control.
    users : int
        Of both, until then.
    value, low, high : float
        The difference and the interval of one single look.
    bound_low, bound_high : float
        The interval that holds on all days at once.
    """

    day: date
    variant: str
    users: int
    value: float
    low: float
    high: float
    bound_low: float
    bound_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyEffects:
    """The difference of a metric as it was known after each day.

    Parameters
    ----------
    label : Label
        The metric.
    points : tuple of DayPoint
        By variant and day; days on which nothing could be compared are left out.
    level : float
        Of the intervals.
    """

    label: Label
    points: tuple[DayPoint, ...]
    level: float = 0.95

    @property
    def variants(self) -> tuple[str, ...]:
        """Return the variants, in order."""
        return tuple(dict.fromkeys(point.variant for point in self.points))

    def of(self, variant: str) -> tuple[DayPoint, ...]:
        """Return the days of one variant."""
        return tuple(point for point in self.points if point.variant == variant)

    @property
    def sentence(self) -> str:
        """Return where the difference stands, and since when it is clear."""
        if not self.points:
            return f"{self.label.heading} could be compared on no day."
        told = []
        for variant in self.variants:
            days = self.of(variant)
            since = _since(days)
            told.append(f"{variant} {self.label.difference(days[-1].value)}, {since}")
        return f"{self.label.heading}: {'; '.join(told)}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per day and variant."""
        import pandas as pd

        names = tuple(DayPoint.__dataclass_fields__)
        return pd.DataFrame([[getattr(p, name) for name in names] for p in self.points], columns=list(names))


def _since(days: tuple[DayPoint, ...]) -> str:
    """Return since when a difference is clear, in words."""
    clear = [point.bound_low > 0 or point.bound_high < 0 for point in days]
    if not any(clear):
        return "not clear on any day, looking daily"
    if not clear[-1]:
        return f"clear on {days[clear.index(True)].day:%-d %b %Y}, but no more at the end, looking daily"
    last_open = max((place for place, one in enumerate(clear) if not one), default=-1)
    return f"clear since {days[last_open + 1].day:%-d %b %Y}, looking daily"


def daily_effects(users: RecordedUsers, *, level: float = 0.95) -> DailyEffects:
    """Return the difference of the primary metric as it was known after each day.

    Each day is read as it was then: who was assigned, and what happened, until its end. Of more than thirty
    days, thirty at equal distances are read.

    Parameters
    ----------
    users : RecordedUsers
        The users of an experiment: see `workbench.experiments.users.users.recorded_users`.
    level : float
        Of the intervals.
    """
    metric, window = users.metrics[0], users.seen.window
    days = window.days if window else 0
    step = max(1, -(-days // MOST_DAYS))
    looks = list(range(days, 0, -step))[::-1]
    planned = float(users.assigned.get("users") or 0) or 1.0
    daily, alpha = Monitoring(kind="any time", planned_users=planned), round(1 - level, 12)
    points: list[DayPoint] = []
    for day in looks:
        reading = users.read_until(day)
        if reading is None or window is None:
            continue
        for found in compared(metric, reading.sums, level=level):
            one, size = found.difference, found.n + found.n_control
            bound = daily.at_this_look(one, size, alpha=alpha)
            if bound is None:
                continue
            points.append(
                DayPoint(
                    day=window.first + timedelta(days=day - 1),
                    variant=found.variant,
                    users=size,
                    value=one.value,
                    low=one.low,
                    high=one.high,
                    bound_low=bound.low,
                    bound_high=bound.high,
                )
            )
    points.sort(key=lambda point: (users.variants.index(point.variant), point.day))
    return DailyEffects(label=metric.label, points=tuple(points), level=level)
