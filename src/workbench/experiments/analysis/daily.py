"""How the effect settled: what was known after each day, with bounds that hold on all days at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from workbench.errors import NotEnoughData
from workbench.experiments.analysis.monitoring import Monitoring
from workbench.experiments.analysis.tested import compared, judged
from workbench.experiments.inference.comparison import Comparison, Label
from workbench.experiments.inference.estimate import alpha_of
from workbench.experiments.inference.permutation import METHOD as PERMUTED
from workbench.experiments.users.reading import until
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.experiments.users.users import RecordedUsers

MOST_DAYS, MOST_SHUFFLED = 30, 10


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

    __repr__ = told
    _repr_html_ = shown

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


def daily_effects(
    users: RecordedUsers,
    *,
    level: float = 0.95,
    decided: Sequence[Comparison] = (),
    planned_users: float | None = None,
    seed: int = 0,
) -> DailyEffects:
    """Return the difference of the primary metric as it was known after each day.

    Each day is read as it was then: who was assigned, and what happened, until its end. Its figures come from
    the procedure that decides at the end, so that the last day says what the verdict says. Of more than
    thirty days, thirty at equal distances are read; ten where users are shuffled, which takes its time.

    Parameters
    ----------
    users : RecordedUsers
        The users of an experiment: see `workbench.experiments.users.users.recorded_users`.
    level : float
        Of the intervals.
    decided : sequence of Comparison
        The primary metric at the last day, of each variant, where it has been compared already.
    planned_users : float, optional
        Users at which the bounds are narrowest; all users of the test, unless given.
    seed : int
        Of permutations.
    """
    metric, window = users.metrics[0], users.seen.window
    if window is None:
        return DailyEffects(label=metric.label, points=(), level=level)
    last = {one.variant: one for one in decided or _compared(users, level=level, seed=seed, by_users=True)}
    shuffled = any(one.method.startswith(PERMUTED) for one in last.values())
    step = max(1, -(-window.days // (MOST_SHUFFLED if shuffled else MOST_DAYS)))
    size = planned_users or float(users.assigned.get("users") or 0) or 1.0
    bounds = Monitoring(kind="any time", planned_users=size)
    points: list[DayPoint] = []
    for day in range(window.days, 0, -step):
        found = [*last.values()]
        if day < window.days:
            found = _compared(_until(users, day), level=level, seed=seed, by_users=shuffled)
        points += _points(window.first + timedelta(days=day - 1), found, bounds, level)
    points.sort(key=lambda point: (users.variants.index(point.variant), point.day))
    return DailyEffects(label=metric.label, points=tuple(points), level=level)


def _until(users: RecordedUsers, day: int) -> RecordedUsers:
    """Return the users, and of them the first metric, as they were after so many days."""
    first = replace(users.question, outcomes=users.question.outcomes[:1])
    return replace(users, question=until(first, day))


def _compared(users: RecordedUsers, *, level: float, seed: int, by_users: bool) -> list[Comparison]:
    """Return the first metric of all variants: from sums alone, or asking for single users where it must."""
    metric = users.metrics[0]
    try:
        sums = users.read().sums
    except NotEnoughData:
        return []
    if by_users:
        return [one.comparison for one in judged(metric, sums, users, level=level, seed=seed)]
    return list(compared(metric, sums, level=level))


def _points(day: date, found: Sequence[Comparison], bounds: Monitoring, level: float) -> list[DayPoint]:
    points = []
    for one in found:
        size, apart = one.n + one.n_control, one.difference
        bound = bounds.at_this_look(apart, size, alpha=alpha_of(level))
        if bound is None:
            continue
        points.append(
            DayPoint(
                day=day,
                variant=one.variant,
                users=size,
                value=apart.value,
                low=apart.low,
                high=apart.high,
                bound_low=bound.low,
                bound_high=bound.high,
            )
        )
    return points
