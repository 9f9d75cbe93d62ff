"""The page of an executive: who leads, and what needs a decision today.

Words: an *alert* is a fact that asks for a decision, with its severity; what is merely uncertain is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.explore.advice import OVER
from workbench.explore.campaigns import CampaignComparison, campaign_facts, compare_campaigns
from workbench.explore.claims import overclaimed
from workbench.explore.doubles import doubles
from workbench.explore.figures import ENOUGH_ORDERS, NOTHING, Figures, Slice, figures
from workbench.explore.kpis import ALERT_AFTER, Card, KpiCards, kpi_cards, verdict_of
from workbench.explore.pacing import Pacing, pacing
from workbench.explore.projection import ENOUGH_DAYS
from workbench.explore.query import told_apart, window_of
from workbench.explore.usual import TARGETS
from workbench.explore.view import View, frame_of, lacking
from workbench.metrics import METRICS
from workbench.metrics.cautions import counted_twice
from workbench.metrics.intervals import CLUSTERS
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables

Severity = Literal["critical", "warning", "info"]
_ORDER = ("critical", "warning", "info")
_QUALITY = ("data_freshness_p95",)
_RETURNS = ("roas", "revenue")
_JUDGED = 3  # targets, budgets, returns
_SPANS = ((1440, "days"), (60, "hours"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place of a leaderboard; `apart` says whether its interval stands clear of the next one's.

    `caution` says where some of it may count twice.
    """

    rank: int
    name: str
    key: str
    value: float
    low: float | None
    high: float | None
    spend: float | None
    apart: bool
    caution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard(View):
    """The leading slices by one metric."""

    metric: str
    title: str
    unit: str
    by: str
    places: tuple[Place, ...]
    compared: int
    currency: str | None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return who leads, and whether that is sure."""
        if self.missing:
            return self.missing
        first = self.places[0]
        value = format_value(first.value, self.unit, currency=self.currency)
        sure = "" if first.apart else ", though not surely ahead of the next"
        twice = f", but some of it {first.caution}" if first.caution else ""
        if self.compared == 1:
            return f"{first.name} is the only {self.by} with a {self.title.lower()}: {value}{twice}."
        return f"{first.name} leads {self.compared} by {self.title.lower()} with {value}{sure}{twice}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per place."""
        return frame_of(self.places, Place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One fact that asks for a decision; `stake` is the money of one budget or campaign that it is about."""

    severity: Severity
    subject: str
    text: str
    stake: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts(View):
    """What needs a decision, the most severe first; of the same severity what is of all, then by money.

    `unjudged` says of what nothing can be told, and why: targets, budgets, returns.
    """

    alerts: tuple[Alert, ...]
    missing: str = ""
    unjudged: tuple[str, ...] = ()

    @property
    def blind(self) -> bool:
        """Return whether silence is no good news: no target, budget or return could have been found bad."""
        return len(self.unjudged) == _JUDGED

    @property
    def sentence(self) -> str:
        """Return how many alerts there are, and the first."""
        if self.missing:
            return self.missing
        why = "; ".join(self.unjudged)
        if self.blind and not self.alerts:
            return f"Whether anything needs a decision cannot be judged yet: {why}."
        if not self.alerts:
            return f"Nothing needs a decision today{f', as far as can be judged: {why}' if why else ''}."
        count = len(self.alerts)
        noun = "matter needs" if count == 1 else "matters need"
        rest = f" Nothing else can be judged yet: {why}." if self.blind else ""
        return f"{count} {noun} a decision; first: {self.alerts[0].subject} {self.alerts[0].text}.{rest}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per alert."""
        return frame_of(self.alerts, Alert)


def leaderboard(
    tables: Tables,
    *,
    metric: str = "roas",
    by: str = "campaign",
    window: str | Window | None = "30d",
    top: int = 5,
) -> Leaderboard:
    """Return the leading campaigns (or channels, creatives, segments) by one metric.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    metric, by : str
        A metric and a dimension of the dictionary; on which end the best stand is in the dictionary.
    top : int
        How many places.
    """
    definition = METRICS[metric]
    days = window_of(tables, window)
    found = (
        Figures((), {})
        if days is None
        else figures(tables, list(dict.fromkeys([metric, "spend", "leads"])), by=(by,), window=days)
    )
    known = [key for key in found.slices if _ranks(found, key, metric)]
    facts = told_apart(campaign_facts(tables)) if by == "campaign" else {}
    names = {key: str(row["name"]) for key, row in facts.items()}
    places = _places(found, known, metric, names)
    return Leaderboard(
        metric=metric,
        title=definition.title,
        unit=definition.unit,
        by=by,
        places=places[:top],
        compared=len(known),
        currency=tables.currency,
        missing="" if known else f"Not enough data: {definition.title} is not known for any {by}.",
    )


def _ranks(found: Figures, key: Slice, metric: str) -> bool:
    value = found.of(key, metric).value  # where leads came and no orders, the return lies in deals
    by_leads = metric in _RETURNS and not value and bool(found.of(key, "leads").value)
    return value is not None and not by_leads


def _places(
    found: Figures, known: Sequence[Slice], metric: str, names: Mapping[str, str]
) -> tuple[Place, ...]:
    sign = 1 if METRICS[metric].better == "lower" else -1
    known = sorted(known, key=lambda key: (sign * (found.of(key, metric).value or 0.0), str(key)))
    places = []
    for rank, key in enumerate(known, start=1):
        figure = found.of(key, metric)
        after = found.of(known[rank], metric) if rank < len(known) else NOTHING
        near, far = (figure.low, after.high) if sign < 0 else (after.low, figure.high)
        places.append(
            Place(
                rank=rank,
                name=names.get(key[0]) or str(key[0]),
                key=str(key[0]),
                value=figure.value or 0.0,
                low=figure.low,
                high=figure.high,
                spend=found.of(key, "spend").value,
                apart=near is not None and far is not None and near > far,
                caution=counted_twice([figure.caution]),
            )
        )
    return tuple(places)


def alerts(
    tables: Tables,
    *,
    window: str | Window | None = "30d",
    targets: Mapping[str, float] = TARGETS,
) -> Alerts:
    """Return what needs a decision: missed targets, campaigns that surely lose money or leave their plan.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    window : str or Window, optional
        The days that are judged.
    targets : mapping
        Metric -> what is aimed at.
    """
    if window_of(tables, window) is None:
        return Alerts(alerts=(), missing=lacking(tables))
    cards = kpi_cards(tables, [*targets, *_QUALITY], window=window, targets=targets)
    budgets, campaigns = pacing(tables, window=window), compare_campaigns(tables, window=window)
    beyond = overclaimed(tables, window=window)
    found = [
        *_of_cards(cards),
        *([Alert(severity="warning", subject="Credited revenue", text=beyond)] if beyond else []),
        *_of_pacing(budgets),
        *_of_campaigns(campaigns),
        *(Alert(severity="warning", subject=of, text=text) for of, text in doubles(tables, window)),
    ]
    return Alerts(
        alerts=tuple(sorted(found, key=_rank)),
        unjudged=tuple(_unjudged(cards, budgets, campaigns)),
    )


def _rank(alert: Alert) -> tuple[int, float]:
    return _ORDER.index(alert.severity), -math.inf if alert.stake is None else -alert.stake


def _unjudged(cards: KpiCards, budgets: Pacing, campaigns: CampaignComparison) -> Iterable[str]:
    """Return of what nothing can be told, and why: silence is no good news there."""
    days = [sum(point.value is not None for point in card.line) for card in cards.cards if card.target]
    if max(days, default=0) < ALERT_AFTER:
        yield f"no figure with a target has a value on {ALERT_AFTER} days"
    planned = [row for row in budgets.rows if row.budget and row.projected is not None]
    if not any(row.projected_low is not None or row.verdict != "unclear" for row in planned):
        lacks = f"a budget and spend on {ENOUGH_DAYS} days" if planned else "a budget, a start and an end"
        yield f"no campaign that runs has {lacks}"
    enough = [row for row in campaigns.rows if (row.conversions or 0) >= ENOUGH_ORDERS]
    if not any(row.roas_low is not None and row.status not in OVER for row in enough):
        yield f"no campaign that runs has returns on {CLUSTERS} days with {ENOUGH_ORDERS} conversions in all"


def _of_cards(cards: KpiCards) -> Iterable[Alert]:
    for card in cards.cards:
        value = _shown(card, card.value, cards.currency)
        if card.alert:
            target = _shown(card, card.target, cards.currency)
            but = ", but" if card.target_met else " and"
            text = f"is {value}{_over(cards)}{but} missed its target of {target} {card.missed_on}"
            severity: Severity = "info" if card.may_be_chance else "warning"
            yield Alert(severity=severity, subject=card.title, text=text)
        elif card.name in _QUALITY:
            yield from _of_lateness(card)
        if card.incomplete and card.value is not None:
            held = f"{card.share:.0%} of the days only" if card.share is not None else "few days"
            yield Alert(severity="info", subject=card.title, text=f"rests on data of {held}")


def _over(cards: KpiCards) -> str:
    """Return the days that were judged: a page may have another part of other days."""
    first, last = cards.first_day, cards.last_day
    if first is None or last is None:
        return ""
    day = f"{last.day} {last:%B %Y}"
    return f" on {day}" if first == last else f" over the {(last - first).days + 1} days up to {day}"


def _of_lateness(card: Card) -> Iterable[Alert]:
    """Warn where the newest events came late: those of a history that was loaded at once are no news."""
    told = [point for point in card.line if point.value is not None]
    minutes = told[-1].value if told else None
    if minutes is not None and verdict_of(minutes, card.healthy or (None, None)) == "above range":
        size, unit = next(((n, name) for n, name in _SPANS if minutes >= 2 * n), (1, "minutes"))
        text = f"was {minutes / size:,.0f} {unit} on {told[-1].day}: the newest figures come late"
        yield Alert(severity="warning", subject=card.title, text=text)


def _shown(card: Card, value: float | None, currency: str | None) -> str:
    return format_value(value, card.unit, currency=currency)


def _of_pacing(view: Pacing) -> Iterable[Alert]:
    for row in view.rows:
        if row.verdict in ("over", "under"):
            ends = [format_value(x, "money", currency=view.currency) for x in (row.projected, row.budget)]
            text = f"will end near {ends[0]} of {ends[1]} planned"
            severity: Severity = "critical" if row.verdict == "over" else "warning"
            stake = abs((row.projected or 0.0) - (row.budget or 0.0))
            yield Alert(severity=severity, subject=row.name, text=text, stake=stake)


def _of_campaigns(view: CampaignComparison) -> Iterable[Alert]:
    lost = {row.campaign_id: (row.spend or 0.0) - (row.revenue or 0.0) for row in view.rows}
    for line in view.advice:
        if line.priority == "high":
            text, stake = f"should {line.action}: {line.reason}", lost[line.campaign_id]
            yield Alert(severity="critical", subject=line.name, text=text, stake=stake)
