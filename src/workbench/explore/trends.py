"""Trends: a metric by day, smoothed over 7 days, and its change against last week, month and year.

Words: a *block* is a run of whole weeks, so that every weekday counts the same in both; a *change* compares
the last block with an earlier one. Ratios are sums over sums in every block and every 7-day window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.errors import UsageError
from workbench.explore.change import step_between
from workbench.explore.figures import Figures, figures
from workbench.explore.nature import Nature, mean_said, nature
from workbench.explore.query import window_of
from workbench.explore.segments import named
from workbench.explore.shares import holm
from workbench.explore.view import View, frame_of, number, span
from workbench.metrics import METRICS
from workbench.metrics.measures import leaves
from workbench.metrics.stages import YOUNGER, counts_stages
from workbench.metrics.unfinished import NOT_ALL, NOT_OVER, finished, on_record
from workbench.metrics.window import Window
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

Floats = NDArray[np.float64]
Grain = Literal["day", "week"]
KINDS = {"WoW": (7, 7), "MoM": (28, 28), "YoY": (28, 364)}
HISTORY_DAYS = 28 + 364 + 182


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """One day (or week, named by its first day) of one slice.

    The value of a week is measured over the whole of it. `rolling` is the 7-day mean (a ratio: the ratio of
    7-day sums) up to this day; None in the first six days.
    """

    slice: str
    day: date
    value: float | None
    rolling: float | None
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The change of one slice against an earlier block.

    Parameters
    ----------
    kind : str
        ``"WoW"`` (7 days against the 7 before), ``"MoM"`` (28 against the 28 before) or ``"YoY"`` (28 days
        against the same weekdays 364 days before).
    current, previous : float or None
        The mean per day of an additive metric, the ratio of sums of any other.
    change : float or None
        Relative change; `change_low` and `change_high` are its 95 % interval.
    p_value : float or None
        Of a step as large as this in the usual movement of the series, corrected for the number of slices by
        Holm's method; None where `reason` says why. Else that says which days alone made the step.
    """

    slice: str
    kind: str
    current: float | None
    previous: float | None
    change: float | None
    change_low: float | None
    change_high: float | None
    p_value: float | None
    reason: str

    @property
    def significant(self) -> bool:
        """Return whether the change is more than the usual movement, at 5 %."""
        return self.p_value is not None and self.p_value < 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends(View):
    """A metric over time."""

    metric: str
    title: str
    unit: str
    better: str
    grain: str
    by: str | None
    points: tuple[TrendPoint, ...]
    changes: tuple[Change, ...]
    currency: str | None
    missing: str = ""
    left_out: str = ""

    @property
    def slices(self) -> tuple[str, ...]:
        """Return the slices in the order of their size."""
        return tuple(dict.fromkeys(point.slice for point in self.points))

    @property
    def sentence(self) -> str:
        """Return the largest change that can be told from noise, if there is one, and what was left out."""
        return self.missing or " ".join(part for part in (self.finding, self.left_out) if part)

    @property
    def finding(self) -> str:
        """Return the largest change that can be told from noise, or that there is none."""
        if self.missing:
            return self.missing
        # A week, a month and a year back are three looks at the same days.
        kinds = len({change.kind for change in self.changes if change.p_value is not None})
        sure = [one for one in self.changes if one.p_value is not None and one.p_value * kinds < 0.05]
        if not sure and self.changes and all(change.p_value is None for change in self.changes):
            why = Counter(change.reason for change in self.changes if change.kind == "WoW").most_common(1)
            return f"Whether {self.title} changed cannot be told: {why[0][0]}."
        if not sure:
            looked = dict.fromkeys(_WORDS[one.kind] for one in self.changes if one.p_value is not None)
            against = f" against {' or '.join(looked)}" if looked else ""
            apart = [f": {one.reason}" for one in self.changes if one.p_value is not None and one.reason][:1]
            return f"{self.title}: no change{against} can be told from the usual movement{''.join(apart)}."
        most = max(sure, key=lambda change: np.inf if change.change is None else abs(change.change))
        where = f" of {self.called(most.slice)}" if most.slice else ""
        now, before = (self._said(value) for value in (most.current, most.previous))
        way = "rose" if (most.current or 0.0) > (most.previous or 0.0) else "fell"
        if most.change is None:
            return f"{self.title}{where} {way} from {before} to {now} against {_WORDS[most.kind]}."
        return (
            f"{self.title}{where} {way} by {format_value(abs(most.change), '%')} against {_WORDS[most.kind]}"
            f"{span(most.change_low, most.change_high, '%')}, to {now}."
        )

    def called(self, name: str) -> str:
        """Return a slice as it is read."""
        return (
            named(name) if self.by == "segment" else name.replace("_", " ") if self.by == "channel" else name
        )

    def _said(self, value: float | None) -> str:
        return mean_said(value, self.metric, currency=self.currency)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per slice and day."""
        return frame_of(self.points, TrendPoint)

    def changes_frame(self) -> pd.DataFrame:
        """Return one row per slice and kind of change."""
        return frame_of(self.changes, Change)


_WORDS = {"WoW": "the week before", "MoM": "the four weeks before", "YoY": "a year ago"}


def trends(
    tables: Tables,
    metric: str,
    *,
    by: str | None = None,
    grain: Grain = "day",
    window: str | Window | None = "90d",
    top: int = 6,
    where: Mapping[str, str] | None = None,
) -> Trends:
    """Return a metric over time, with its changes against last week, month and year.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    metric : str
        A metric of the dictionary.
    by : str, optional
        A dimension; the `top` largest slices are kept.
    grain : {"day", "week"}
        What one point is; a week begins on Monday.
    window : str or Window, optional
        The days that are shown, but for those that were not over when their data came. The usual movement is
        learnt from up to 574 days before its end.
    where : mapping, optional
        Dimension -> value: the part of the data the trend is of, such as one campaign.

    Notes
    -----
    In changes and 7-day means, a figure that is neither a sum nor a ratio of sums (a median, a number of
    distinct users) is averaged over days; a ratio of distinct users counts a user once per day.
    """
    definition = METRICS[metric]
    if grain not in ("day", "week"):
        raise UsageError(f"A trend has grain day or week, not {grain!r}.")
    asked = window_of(tables, window)
    by_what = [name for name in (by, *(where or ())) if name]
    read = {leaf.table for leaf in leaves(definition.measured_as(by_what, tables.names))}
    whole = asked and finished(tables, asked, read)
    days = whole and on_record(tables, whole, read)
    empty = Trends(
        metric=metric,
        title=definition.titled_as([by] if by else [], tables.names),
        unit=definition.unit,
        better=definition.better,
        grain=grain,
        by=by,
        points=(),
        changes=(),
        currency=tables.currency,
    )
    if days is None:
        return replace(empty, missing="Not enough data: no table has a row yet; load a file first.")
    if days != whole:
        empty = replace(empty, left_out=f"After {days.last}, {NOT_ALL}.")
    elif days != asked:
        empty = replace(empty, left_out=f"{days.last + timedelta(days=1)} {NOT_OVER}, and is left out.")
    history = Window(min(days.first, days.last - timedelta(days=HISTORY_DAYS - 1)), days.last)
    found = figures(tables, [metric], by=(*((by,) if by else ()), "day"), window=history, where=where)
    series = _series(found, metric, history, top=top, sliced=by is not None)
    if not series:
        why = Counter(found.of(key, metric).note for key in found.slices).most_common(1)
        told = f": {why[0][0]}" if why and why[0][0] else ""
        return replace(empty, missing=f"Not enough data: {definition.title} has no value on any day{told}.")
    points = [
        point for name, sides in series.items() for point in _points(name, *sides, history, days, grain)
    ]
    if grain == "week":
        weeks = figures(tables, [metric], by=(*((by,) if by else ()), "week"), window=days, where=where)
        points = _measured(points, weeks, metric, sliced=by is not None)
    changes = _changes(series, days.last, young=counts_stages(definition.is_))
    return replace(empty, points=tuple(points), changes=changes)


def _measured(points: Sequence[TrendPoint], weeks: Figures, metric: str, *, sliced: bool) -> list[TrendPoint]:
    """Return points with the figures of whole weeks: who came on two days of a week is one user of it."""
    known = {(str(key[0]) if sliced else "", key[-1]): weeks.of(key, metric).value for key in weeks.slices}
    mondays = [point.day - timedelta(days=point.day.weekday()) for point in points]
    return [
        replace(point, value=known.get((point.slice, monday), point.value))
        for point, monday in zip(points, mondays, strict=True)
    ]


def _series(
    found: Figures, metric: str, history: Window, *, top: int, sliced: bool
) -> dict[str, tuple[Floats, Floats]]:
    """Return numerators and denominators by day for the largest slices; NaN on days without any row.

    On a day on which another slice has a row, this one had nothing: 0. A median of nothing is unknown.
    """
    seen = sorted({key[-1] for key in found.slices if found.of(key, metric).is_known})
    if not seen or all(found.of(key, metric).value is None for key in found.slices):
        return {}
    whole = nature(METRICS[metric])
    series: dict[str, tuple[Floats, Floats]] = {}
    place = {day: (day - history.first).days for day in seen}
    for key in found.slices:
        if key[-1] not in place:
            continue
        name = str(key[0]) if sliced else ""
        if name not in series:
            series[name] = _blank(history.days, list(place.values()), whole)
        figure, at = found.of(key, metric), place[key[-1]]
        if whole == "ratio":
            series[name][0][at] = figure.numerator or 0.0
            series[name][1][at] = figure.denominator or 0.0
        elif figure.value is not None:
            series[name][0][at], series[name][1][at] = figure.value, 1.0
    size = {
        name: float(np.nansum(sides[1] if whole == "ratio" else np.abs(sides[0])))
        for name, sides in series.items()
    }
    kept = sorted(series, key=lambda name: (-size[name], name))[:top]
    first = min(place.values())
    return {name: (series[name][0][first:], series[name][1][first:]) for name in kept}


def _blank(days: int, known: Sequence[int], whole: Nature) -> tuple[Floats, Floats]:
    numerators, denominators = np.full(days, np.nan), np.full(days, np.nan)
    if whole != "mean":
        numerators[list(known)] = 0.0
        denominators[list(known)] = 0.0 if whole == "ratio" else 1.0
    return numerators, denominators


def _points(
    name: str, top: Floats, bottom: Floats, history: Window, shown: Window, grain: Grain
) -> list[TrendPoint]:
    start = history.last - timedelta(days=len(top) - 1)
    points = []
    for place in range(len(top)):
        day = start + timedelta(days=place)
        if day < shown.first:
            continue
        if grain == "week" and day.weekday() != 0 and day != max(shown.first, start):
            continue
        ahead = 7 - day.weekday() if grain == "week" else 1
        block = slice(place, min(place + ahead, len(top)))
        before = slice(place - 6, place + 1)
        whole = grain == "day" or (day.weekday() == 0 and place + 7 <= len(top))
        points.append(
            TrendPoint(
                slice=name,
                day=day,
                value=_rate(top[block], bottom[block]),
                rolling=_rate(top[before], bottom[before]) if place >= 6 and grain == "day" else None,
                complete=bool(whole and np.isfinite(top[block]).all()),
            )
        )
    return points


def _rate(top: Floats, bottom: Floats) -> float | None:
    known = np.isfinite(top) & np.isfinite(bottom)
    if not known.any():
        return None
    total = bottom[known].sum()
    return number(top[known].sum() / total) if total > 0 else None


def _changes(series: dict[str, tuple[Floats, Floats]], last: date, *, young: bool) -> tuple[Change, ...]:
    changes: list[Change] = []
    for kind, (days, lag) in KINDS.items():
        steps = {name: step_between(*sides, days=days, lag=lag) for name, sides in series.items()}
        for name, step in steps.items() if young else ():
            steps[name] = replace(step, change=None, low=None, high=None, p_value=None, reason=YOUNGER)
        corrected = holm([step.p_value for step in steps.values()])
        changes.extend(
            Change(
                slice=name,
                kind=kind,
                current=step.current,
                previous=step.previous,
                change=step.change,
                change_low=step.low,
                change_high=step.high,
                p_value=p_value,
                reason=step.bear_in_mind(last),
            )
            for (name, step), p_value in zip(steps.items(), corrected, strict=True)
        )
    return tuple(changes)
