"""KPI cards: a value, its uncertainty, its change, its target, and how long the target has been missed.

Words: a card's *streak* is the number of last days in a row on which the daily value missed the target; from
`ALERT_AFTER` days on it is an alert. The *verdict* compares the value with the dictionary's healthy range.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from workbench.explore.view import View, frame_of
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

ALERT_AFTER = 3
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
    target, target_met : optional
        What was aimed at, and whether the value reaches it (None where either is unknown).
    streak : int or None
        Last days in a row that missed the target; None where days cannot be judged.
    alert : bool
        Whether the streak has reached `ALERT_AFTER` days.
    line : tuple of Point
        The metric by day.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiCards(View):
    """The cards of one page, in the order asked for."""

    cards: tuple[Card, ...]
    first_day: date | None
    last_day: date | None
    currency: str | None
    missing: str = ""

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
        head = f"{met} of {len(known)} targets are met" if known else f"{len(self.cards)} figures, no targets"
        late = [
            f"{card.title} at {format_value(card.value, card.unit, currency=self.currency)} has missed its "
            f"target of {format_value(card.target, card.unit, currency=self.currency)} for {card.streak} days"
            for card in self.alerts
        ]
        return f"{'; '.join([head, *late])}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per card, without the daily line."""
        return frame_of(self.cards, Card).drop(columns=["line"])
