"""KPI cards: a value, its uncertainty, its change, its target, and how long the target has been missed.

Words: a card's *streak* is the number of last days in a row on which the daily value missed the target; from
`ALERT_AFTER` days on it is an alert. The *verdict* compares the value with the dictionary's healthy range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import comb
from typing import TYPE_CHECKING, Literal

from workbench.explore.differing_days import known_by_days
from workbench.explore.figures import figures
from workbench.explore.query import window_of
from workbench.explore.shares import holm
from workbench.explore.usual import TARGETS, fitting, is_usual
from workbench.explore.view import View, frame_of, number
from workbench.metrics import METRICS, measure
from workbench.metrics.filters import filters
from workbench.metrics.measures import leaves
from workbench.metrics.stages import counts_stages
from workbench.metrics.unfinished import finished, on_record
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Metric, Row, Window
    from workbench.source import Tables

HEADLINE = (
    "revenue",
    "spend",
    "roas",
    "cac",
    "ltv_12m",
    "engagement_rate",
    "incrementality",
    "conversion_rate",
)

ALERT_AFTER = 3
_RARE = 0.05  # the share of all orders of the same days
Verdict = Literal["healthy", "below range", "above range", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One day of a card's small line."""

    day: date
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One metric as a card.

    Parameters
    ----------
    value, low, high : float or None
        The figure and its 95 % interval, in the metric's unit (shares as 0..1).
    previous, change : float or None
        The figure of the equal window before, and the relative change against it.
    change_p : float or None
        The p-value of that change, corrected for the number of cards by Holm's method; None where it cannot
        be judged.
    target, target_met : optional
        What was aimed at, and whether the value reaches it (None where either is unknown).
    target_by_chance : bool
        Whether the interval reaches to the other side of the target, so that chance could have decided.
    streak : int or None
        Last days in a row that missed the target; None where days cannot be judged, as those of leads by
        stage where all days together meet it.
    alert : bool
        Whether the streak has reached `ALERT_AFTER` days.
    line : tuple of Point
        The metric by day.
    caution : str
        Which way the figure leans, and why; part of the note, too.
    share : float or None
        The share of the expected days that hold data.
    """

    name: str
    title: str
    unit: str
    better: str
    value: float | None
    low: float | None
    high: float | None
    previous: float | None
    change: float | None
    change_p: float | None
    healthy: tuple[float | None, float | None] | None
    verdict: Verdict
    target: float | None
    target_met: bool | None
    streak: int | None
    alert: bool
    formula: str
    says: str
    refresh: str
    note: str
    incomplete: bool
    line: tuple[Point, ...] = ()
    caution: str = ""
    target_by_chance: bool = False
    share: float | None = None

    @property
    def missed_on(self) -> str:
        """Return on which days the target was missed, in words; a day without a figure missed nothing."""
        days = f"on each of the last {self.streak} days"
        known = all(point.value is not None for point in self.line[-(self.streak or 1) :])
        run = days if known else f"{days} with a figure"
        missed, told = self._missed
        return f"{run}, which may be chance: {missed} of all {told} did" if self.may_be_chance else run

    @property
    def may_be_chance(self) -> bool:
        """Return whether so many days missed a target that all meet together that the last may by chance."""
        (missed, told), last = self._missed, self.streak or 0
        return bool(self.target_met) and comb(missed, last) >= _RARE * comb(told, last)

    @property
    def _missed(self) -> tuple[int, int]:
        """Return how many days missed the target, and how many have a figure."""
        values = [point.value for point in self.line if point.value is not None]
        return sum(meets(value, self.target, self.better) is False for value in values), len(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiCards(View):
    """The cards of one page, in the order asked for."""

    cards: tuple[Card, ...]
    first_day: date | None
    last_day: date | None
    currency: str | None
    missing: str = ""
    unfinished: date | None = None

    @property
    def alerts(self) -> tuple[Card, ...]:
        """Return the cards whose target has been missed for several days."""
        return tuple(card for card in self.cards if card.alert)

    @property
    def sentence(self) -> str:
        """Return what is well, what is not, and since when."""
        if self.missing:
            return self.missing
        known = [card for card in self.cards if card.target_met is not None]
        met = sum(card.target_met is True for card in known)
        verb = "meets" if met == 1 or len(known) == 1 else "meet"
        some = f"{met} of {_counted(len(known), 'key figure')} with a usual target {verb} it"
        head = some if known else "No target can be judged"
        unsure = sum(card.target_by_chance for card in known if card.target_met)
        some = f"{unsure} of them " if unsure < met else "" if met == 1 else "all "
        head += f", {some}within what chance could do" if unsure else ""
        return f"{'; '.join([head, *map(self._late, self.alerts)])}."

    def _late(self, card: Card) -> str:
        value, target = (
            format_value(figure, card.unit, currency=self.currency) for figure in (card.value, card.target)
        )
        if card.target_met:
            return f"{card.title} at {value} meets its target of {target}, but missed it {card.missed_on}"
        return f"{card.title} at {value} missed its target of {target} {card.missed_on}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per card, without the daily line."""
        return frame_of(self.cards, Card).drop(columns=["line"])


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def kpi_cards(
    tables: Tables,
    names: Sequence[str] = HEADLINE,
    *,
    window: str | Window | None = "30d",
    targets: Mapping[str, float] = TARGETS,
    where: Mapping[str, str | Sequence[str]] | None = None,
) -> KpiCards:
    """Return one card per metric.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    names : sequence of str
        Metrics of the dictionary.
    window : str or Window, optional
        What the figures are of; the change is against the equal window before.
    targets : mapping
        Metric -> what is aimed at; on which side of it is good stands in the dictionary.
    where : mapping, optional
        Dimension -> value or values: the part of the data the cards are about, such as one campaign.

    Raises
    ------
    UsageError
        If a metric or a dimension is unknown.
    """
    for name in (*names, *targets):
        METRICS[name]
    sliced_by = [condition.column for condition in filters(where)]
    days = window_of(tables, window)
    nobody = next((part for part, wanted in (where or {}).items() if not wanted), None)
    if days is None or nobody:
        empty = "no table has a row yet; load a file first"
        reason = f"Not enough data: {empty if days is None else f'no {nobody} is known'}."
        return KpiCards(cards=(), first_day=None, last_day=None, currency=tables.currency, missing=reason)
    measured = measure(tables, names, window=days, compare=True, where=where)
    daily = figures(tables, names, by=("day",), window=days, where=where)
    aims = fitting(tables, targets, where, days) if targets is TARGETS else targets
    whole, cards = finished(tables, days), []
    for name in names:
        formula = METRICS[name].measured_as(sliced_by, tables.names)
        known = on_record(tables, whole, {leaf.table for leaf in leaves(formula)})
        line = tuple(
            Point(day=day, value=daily.of((day,), name).value)
            for day in (known.first + timedelta(days=place) for place in range(known.days))
        )
        usual = targets is not TARGETS or is_usual(METRICS[name], measured.currency)
        target = aims.get(name) if usual else None
        row = known_by_days(measured.row(name), formula, daily)
        cards.append(_card(measured.metric(name), row, target, line, measured.currency))
    corrected = holm([card.change_p for card in cards])  # of eight cards a third of pages shows one by chance
    return KpiCards(
        cards=tuple(replace(card, change_p=p) for card, p in zip(cards, corrected, strict=True)),
        first_day=days.first,
        last_day=days.last,
        currency=measured.currency,
        unfinished=whole.last + timedelta(days=1) if whole.last < days.last else None,
    )


def _card(
    metric: Metric, row: Row, target: float | None, line: tuple[Point, ...], currency: str | None
) -> Card:
    value = number(row.value)
    met = meets(value, target, metric.better)
    # The leads of the last days have had least time to come far: that they have not is no news.
    young = bool(met) and counts_stages(metric.is_)
    sized = any(metric.healthy) and not is_usual(metric, currency)  # nothing is nothing in any currency
    healthy = (None, None) if sized else metric.healthy
    streak = None if young else streak_of([point.value for point in line], target, metric.better)
    return Card(
        name=metric.name,
        title=metric.title,
        unit=metric.unit,
        better=metric.better,
        value=value,
        low=number(row.low),
        high=number(row.high),
        previous=number(row.previous),
        change=number(row.change),
        change_p=number(row.change_p),
        healthy=None if healthy == (None, None) else healthy,
        verdict=verdict_of(value, healthy),
        target=target,
        target_met=met,
        target_by_chance=by_chance((number(row.low), number(row.high)), target, metric.better),
        streak=streak,
        alert=streak is not None and streak >= ALERT_AFTER,
        formula=str(metric.credited) if row.basis == "credited" else metric.formula,
        says=metric.says,
        refresh=metric.refresh,
        note=row.note,
        incomplete=row.incomplete,
        caution=row.caution,
        share=number(row.share),
        line=line,
    )


def meets(value: float | None, target: float | None, better: str) -> bool | None:
    """Return whether a value reaches its target; None where either is unknown.

    Examples
    --------
    >>> meets(3.6, 3.5, "higher"), meets(15.0, 15.0, "lower"), meets(None, 3.5, "higher")
    (True, True, None)
    """
    if value is None or target is None:
        return None
    return value <= target if better == "lower" else value >= target


def by_chance(interval: tuple[float | None, float | None], target: float | None, better: str) -> bool:
    """Return whether a target lies within an interval: one end meets it, the other does not.

    Examples
    --------
    >>> by_chance((0.1, 0.6), 0.4, "higher"), by_chance((0.45, 0.6), 0.4, "higher")
    (True, False)
    """
    return len({meets(end, target, better) for end in interval} - {None}) > 1


def streak_of(values: Sequence[float | None], target: float | None, better: str) -> int | None:
    """Return on how many last days in a row the target was missed; days without a value do not count.

    Examples
    --------
    >>> streak_of([4.0, 3.0, None, 2.0], 3.5, "higher"), streak_of([2.0, 4.0], 3.5, "higher")
    (2, 0)
    """
    met = [meets(value, target, better) for value in values if value is not None]
    if target is None or not met:
        return None
    missed = 0
    for good in reversed(met):
        if good:
            break
        missed += 1
    return missed


def verdict_of(value: float | None, healthy: tuple[float | None, float | None]) -> Verdict:
    """Return where a value lies against its healthy range.

    Examples
    --------
    >>> verdict_of(0.02, (0.015, 0.05)), verdict_of(0.01, (0.015, 0.05)), verdict_of(3.0, (None, None))
    ('healthy', 'below range', 'unknown')
    """
    low, high = healthy
    if value is None or (low is None and high is None):
        return "unknown"
    if low is not None and value < low:
        return "below range"
    return "above range" if high is not None and value > high else "healthy"
