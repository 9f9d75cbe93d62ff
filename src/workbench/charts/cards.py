"""KPI cards, alerts and sentences: the figures a reader looks at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from html import escape
from typing import Any

from workbench.charts import mime
from workbench.charts.drawing import Nothing, figures_of, shown, shown_as
from workbench.explore.executive import Alerts as DecisionAlerts
from workbench.explore.kpis import Card, KpiCards, Point
from workbench.metrics.cautions import in_short
from workbench.metrics.unfinished import NOT_OVER
from workbench.result import Result, format_value

_LINE_WIDTH, _LINE_HEIGHT = 120.0, 28.0
_MOST_DAYS = 400  # that a small line has room for
_MOST, _DECISIONS = 30, 10  # alerts on a page
TOLD_APART = 0.05
_OF_HOLDOUTS = {"incrementality", "holdout_lift", "net_incremental_revenue"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """KPI cards ready to be shown.

    Parameters
    ----------
    items : tuple of dict
        One per card: every text formatted, the small line as points of a 120 x 28 field.
    period : str
        The days the cards are about.
    caption : str
        What the ranges and changes mean.
    figures : tuple of dict
        The same figures as plain values.
    """

    items: tuple[dict[str, Any], ...]
    period: str
    caption: str
    figures: tuple[dict[str, Any], ...]

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        payload = {"period": self.period, "caption": self.caption, "cards": list(self.items)}
        text = "; ".join(f"{item['title']}: {item['value']}" for item in self.items)
        return shown_as(mime.KPI, payload, text, self._html(), list(self.figures))

    def _html(self) -> str:
        rows = [_in_words(item) for item in self.items]
        used = [head for head in rows[0] if any(row[head] for row in rows)] if rows else []
        head = "".join(f"<th scope='col'>{name}</th>" for name in used)
        body = "".join(
            f"<tr><th scope='row'>{escape(item['title'])}</th>"
            + "".join(f"<td>{escape(row[name])}</td>" for name in used)
            + "</tr>"
            for item, row in zip(self.items, rows, strict=True)
        )
        caption = f"<caption>{escape(self.period)}</caption>"
        return f"<table>{caption}<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"


def _in_words(item: dict[str, Any]) -> dict[str, str]:
    """Return a card as a line of a table, where no colour and no sign says what a card shows by them."""
    doubt = " (may be chance)" if item["change_is"] == "even" else ""
    met = item["target_is"] and f" {item['target_is']}"
    by_chance = ", within what chance could do" if item["target_by_chance"] else ""
    return {
        "Value": item["value"],
        "95% interval": item["interval"],
        "Change": item["change"] and f"{item['change']}{doubt}",
        "Target": item["target"] and f"{item['target']}{met}{by_chance}",
        "Bear in mind": item["note"] if item["value"] == "–" else item["remark"],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of a result, set apart from the text around it."""

    text: str

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        line = shown(self.text, 1200)
        return shown_as(mime.SENTENCE, {"text": line}, line, f"<p>{escape(line)}</p>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What needs attention, most pressing first; `calm` is said where there is nothing, `most` are listed."""

    items: tuple[tuple[str, str, str], ...]
    calm: str
    most: int = _MOST

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        items = [
            {"level": level, "title": shown(title), "text": shown(text, 400)}
            for level, title, text in self.items
        ]
        figures = [{"alert": item["title"], "level": item["level"], "text": item["text"]} for item in items]
        if len(items) > self.most:  # a page of all is read by nobody, and hides the first
            levels = Counter(item["level"] for item in items[self.most :])
            kinds = ", ".join(f"{count:,} {level}" for level, count in levels.items())
            rest = {
                "title": f"{len(items) - self.most:,} more",
                "text": f"({kinds}) are in the figures of this page",
            }
            items = [*items[: self.most], {"level": items[self.most]["level"], **rest}]
        lines = "; ".join(f"{item['title']}: {item['text']}" for item in items) or self.calm
        html = "".join(f"<li><b>{escape(i['title'])}</b> {escape(i['text'])}</li>" for i in items)
        return shown_as(
            mime.ALERTS,
            {"items": items, "calm": self.calm},
            lines,
            f"<ul>{html or escape(self.calm)}</ul>",
            figures,
        )


def kpi_cards(result: KpiCards, *, compare: bool = True) -> Cards | Nothing:
    """Return the cards of a page; each carries its interval, change, target, formula and daily line.

    Parameters
    ----------
    result : KpiCards
        The figures.
    compare : bool
        Whether the change against the period before is shown.
    """
    if result.missing or not result.cards:
        return Nothing(title="Key figures", reason=result.missing or "No figure was asked for.")
    if not compare:
        bare = tuple(replace(card, previous=None, change=None, change_p=None) for card in result.cards)
        result = replace(result, cards=bare)
    days = _days(result)
    return Cards(
        items=tuple(_item(card, result.currency) for card in result.cards),
        period=period(result.first_day, result.last_day),
        caption=_caption(result, days),
        figures=figures_of(result.cards, leave=("line",)),
    )


def alerts(result: DecisionAlerts) -> Alerts | Nothing:
    """Return what needs a decision, the most severe first."""
    if result.missing or (result.blind and not result.alerts):
        return Nothing(title="What needs a decision", reason=result.sentence)
    items = tuple((alert.severity, alert.subject, alert.text) for alert in result.alerts)
    if result.blind:
        items += (("info", "Nothing else", f"can be judged yet: {'; '.join(result.unjudged)}"),)
    return Alerts(items=items, calm=result.sentence if not items else "", most=_DECISIONS)


def sentence(result: Result | str) -> Sentence:
    """Return what a result says."""
    return Sentence(text=result if isinstance(result, str) else result.sentence)


def period(first: date | None, last: date | None) -> str:
    """Return a span of days as one reads it.

    Examples
    --------
    >>> period(date(2025, 1, 1), date(2025, 1, 31)), period(date(2024, 12, 1), date(2025, 1, 31))
    ('1–31 January 2025', '1 December 2024 – 31 January 2025')
    """
    if first is None or last is None:
        return ""
    end = f"{last.day} {last:%B %Y}"
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{end}"
    start = f"{first.day} {first:%B}" if first.year == last.year else f"{first.day} {first:%B %Y}"
    return f"{start} – {end}"


def _days(result: KpiCards) -> int | None:
    if result.first_day is None or result.last_day is None:
        return None
    return (result.last_day - result.first_day).days + 1


def _caption(result: KpiCards, days: int | None) -> str:
    parts = []
    if any(card.low is not None for card in result.cards):
        parts.append("Ranges are 95% intervals.")
    if any(card.low is not None and card.name in _OF_HOLDOUTS for card in result.cards):
        parts.append(
            "Those of holdouts come by a quicker method than in the report on holdouts, so they may differ."
        )
    if any(card.change is not None for card in result.cards):
        before = f"{days} days" if days else "period"
        parts.append(f"Changes compare with the {before} before; in grey they may be chance.")
    if any(len(card.line) > 1 for card in result.cards):
        parts.append("Lines show the days of the period.")
    if result.unfinished is not None:
        parts.append(f"{period(result.unfinished, result.unfinished)} {NOT_OVER}: it is there in part.")
    return " ".join(parts)


def _item(card: Card, currency: str | None) -> dict[str, Any]:
    def said(value: float | None) -> str:
        return format_value(value, card.unit, currency=currency)

    known = card.low is not None and card.high is not None
    return {
        "name": card.name,
        "title": shown(card.title, 60),
        "value": said(card.value),
        **_apart(card, currency),
        "interval": f"{said(card.low)} to {said(card.high)}" if known else "",
        "change": _change(card.change),
        "change_is": _judged(card),
        "before": said(card.previous) if card.previous is not None else "",
        "target": said(card.target) if card.target is not None else "",
        "target_is": {True: "met", False: "missed", None: ""}[card.target_met],
        "target_by_chance": card.target_by_chance and card.target_met is not None,
        "streak": card.streak or 0,
        "alert": card.alert,
        "healthy": _range(card, currency),
        "verdict": card.verdict,
        "formula": shown(card.formula, 400),
        "says": shown(card.says, 300),
        "refresh": card.refresh,
        "note": shown(_note(card), 300),
        "incomplete": card.incomplete,
        "remark": ". ".join(
            said for said in (_unsure(card), _days_held(card), in_short(card.caution)) if said
        ),
        "line": small_line(card.line),
    }


def _unsure(card: Card) -> str:
    """Return why a figure has no interval: else it would look as sure as a sum, which needs none."""
    reasons = [part for part in card.note.split("; ") if part.startswith("no interval: ")]
    if card.value is None or not reasons or reasons[0].endswith("nothing is sampled"):
        return ""
    return reasons[0][:1].upper() + reasons[0][1:]


def _note(card: Card) -> str:
    """Return what to bear in mind; a figure that is not there cannot be compared, which need not be said."""
    parts = card.note.split("; ")
    return "; ".join(part for part in parts if card.value is not None or not part.startswith("no comparison"))


def _days_held(card: Card) -> str:
    """Return on how many days there is data, where these are few: a small shop sells on no more."""
    if not card.incomplete or card.value is None:
        return ""
    return f"Data on {card.share:.0%} of days" if card.share is not None else "Still incomplete"


def _apart(card: Card, currency: str | None) -> dict[str, str]:
    """Return the figure and a unit that is a word, to be written smaller."""
    whole, unit = format_value(card.value, card.unit, currency=currency), card.unit
    if unit in {"%", "pp", "x", "count", "money", ""} or not whole.endswith(f" {unit}"):
        return {"amount": whole, "unit": ""}
    return {"amount": whole.removesuffix(f" {unit}"), "unit": unit}


def _change(change: float | None) -> str:
    """Return a change to a tenth of a percent, as on every other card; less than that as it is."""
    if not change:
        return "" if change is None else "0%"
    size = abs(change)
    return f"{'+' if change > 0 else '−'}{format_value(size, '%') if size < 0.0005 else f'{size:,.1%}'}"


def _judged(card: Card) -> str:
    """Return whether a change is good news: ``"good"``, ``"bad"``, or ``"even"`` where it may be chance.

    A change that is more than chance and neither good nor bad, as of spend, is ``"told"``.
    """
    if not card.change or card.change_p is None or card.change_p >= TOLD_APART:
        return "even"
    if card.better not in {"higher", "lower"}:
        return "told"
    return "good" if (card.change > 0) == (card.better == "higher") else "bad"


def _range(card: Card, currency: str | None) -> str:
    low, high = card.healthy or (None, None)
    if low is None and high is None:
        return ""
    ends = [format_value(end, card.unit, currency=currency) for end in (low, high)]
    if high is None:
        return f"{ends[0]} or more"
    return f"{ends[0]} to {ends[1]}" if low is not None else f"up to {ends[1]}"


def small_line(points: tuple[Point, ...]) -> list[list[tuple[float, float]]]:
    """Return a daily line as runs of points in a field of 120 x 28; a day without a value ends a run.

    Examples
    --------
    >>> small_line(tuple(Point(day=date(2025, 1, d), value=v) for d, v in [(1, 0.0), (2, 4.0), (3, 2.0)]))
    [[(0.0, 28.0), (60.0, 0.0), (120.0, 14.0)]]
    """
    values = [point.value for point in points if point.value is not None]
    if len(values) < 2:
        return []
    low, size = min(values), (max(values) - min(values)) or 1.0
    step = _LINE_WIDTH / (len(points) - 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for place, point in enumerate(points):
        if point.value is not None:
            height = _LINE_HEIGHT * (1 - (point.value - low) / size)
            runs[-1].append((round(place * step, 1), round(height, 1)))
        elif runs[-1]:
            runs.append([])
    if len(points) > _MOST_DAYS:
        runs = [_by_column(run) for run in runs]
    return [run for run in runs if len(run) > 1]


def _by_column(run: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the lowest and the highest point of each column of a line, which looks the same."""
    columns: dict[int, list[tuple[float, float]]] = {}
    for place, height in run:
        columns.setdefault(int(place), []).append((place, height))
    ends = (
        {min(some, key=lambda point: point[1]), max(some, key=lambda point: point[1])}
        for some in columns.values()
    )
    return [point for some in ends for point in sorted(some)]
