"""What campaigns aimed at, and what they reached.

Words: the *achievement* is actual / target. A campaign that still runs is judged against the part of its
target that its elapsed days call for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from workbench.explore.campaign_row import mostly_leads
from workbench.explore.figures import Figure, figures
from workbench.explore.kpis import by_chance
from workbench.explore.query import ask, told_apart, window_of
from workbench.explore.view import View, frame_of, listed, ratio
from workbench.metrics import METRICS, sql
from workbench.metrics.cautions import counted_twice
from workbench.metrics.window import Window
from workbench.result import format_value
from workbench.source import given

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

TargetVerdict = Literal["reached", "on the way", "behind", "unknown"]
# Target column of campaigns -> (metric, whether it grows with time, unit).
_TARGETS = {
    "target_leads": ("leads", True, "count"),
    "target_conversions": ("conversions", True, "count"),
    "target_roas": ("roas", False, "x"),
    "target_roi": ("roi", False, "x"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """One target of one campaign; `expected` is the part of the target that is due by now.

    `by_chance` says whether the interval of a return reaches to the other side of its target.
    """

    campaign_id: str
    name: str
    metric: str
    unit: str
    actual: float | None
    target: float
    achievement: float | None
    expected: float
    verdict: TargetVerdict
    caution: str = ""
    by_chance: bool = False

    @property
    def judged(self) -> str:
        """Return the verdict as it is read."""
        return f"{self.verdict}, which may be chance" if self.by_chance else self.verdict

    @property
    def title(self) -> str:
        """Return the name of the metric that is aimed at."""
        return METRICS[self.metric].title

    @property
    def reached(self) -> str:
        """Return the achievement in words, with the share that is due where days are left."""
        due = (
            ""
            if self.expected == self.target
            else f" of {format_value(self.expected / self.target, '%')} due"
        )
        chance = ", which may be chance" if self.by_chance else ""
        return f"{format_value(self.achievement, '%')}{due}{chance}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsView(View):
    """All targets of all campaigns; `since` is since when leads and conversions count, if not the window."""

    rows: tuple[TargetRow, ...]
    currency: str | None
    missing: str = ""
    since: date | None = None

    @property
    def sentence(self) -> str:
        """Return how many targets are reached, and which are behind."""
        if self.missing:
            return self.missing
        judged = [row for row in self.rows if row.verdict != "unknown"]
        if not judged:
            return "No target can be judged: what was reached is not known."
        reached = sum(row.verdict == "reached" for row in judged)
        behind = [
            f"{row.name} ({row.title[0].lower()}{row.title[1:]} {row.reached})"
            for row in sorted(self.rows, key=lambda row: ratio(row.actual, row.expected) or 0.0)
            if row.verdict == "behind"
        ]
        more = f" and {len(behind) - 3} more" if len(behind) > 3 else ""
        tail = (
            f"; behind: {listed(behind[:3]) if not more else ', '.join(behind[:3])}{more}" if behind else ""
        )
        counted = f"{len(judged)} target{'' if len(judged) == 1 else 's'}"
        rest = len(self.rows) - len(judged)
        unknown = f"; {rest} cannot be judged" if rest else ""
        verb = "is" if reached == 1 or len(judged) == 1 else "are"
        counts = any(row.unit == "count" for row in self.rows)
        since = (
            " Leads and conversions are all so far, not of these days alone." if self.since and counts else ""
        )
        return f"{reached} of {counted} {verb} reached{tail}{unknown}.{since}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per campaign and target."""
        return frame_of(self.rows, TargetRow)


def target_vs_actual(
    tables: Tables, *, campaign_id: str | None = None, window: str | Window | None = None
) -> TargetsView:
    """Return what each campaign reached of its targets for leads, conversions, roas and roi.

    Parameters
    ----------
    tables : Tables
        Needs campaigns with targets.
    campaign_id : str, optional
        Only this campaign.
    window : str or Window, optional
        The days of returns, and the last day of leads and conversions: those count from the beginning, as a
        target is of the whole campaign. None counts everything so far.
    """
    if "campaigns" not in given(tables).names:
        return _nothing(tables, "Not enough data: no campaigns are loaded, and with them no targets.")
    days = window_of(tables, window)
    if days is None:
        return _nothing(tables, "Not enough data: no table has a day yet.")
    named = told_apart({row["campaign_id"]: row for row in ask(tables, _plans, "target plans")})
    plans = [row for key, row in named.items() if campaign_id in (None, key)]
    # With what was shown and clicked, or a campaign that reached nothing would not be found at all.
    asked = ["leads", "lead_value", "conversions", "cost_per_conversion", "roas", "roi", "ctr"]
    found = figures(tables, asked, by=("campaign",), window=days)
    whole = window_of(tables, None)
    since = whole.first if whole and whole.first < days.first else None
    counted = figures(tables, asked, by=("campaign",), window=Window(since, days.last)) if since else found
    rows: list[TargetRow] = []
    for plan in plans:
        key = (plan["campaign_id"],)
        known = {name: found.of(key, name) for name in ("roas", "roi")}
        known |= {name: counted.of(key, name) for name in ("leads", "conversions")}
        actual = {name: figure.value for name, figure in known.items()}
        actual["conversions"] = counted.of(key, "cost_per_conversion").denominator
        leads, worth = found.of(key, "leads").value, found.of(key, "lead_value").value
        deals = mostly_leads(leads, worth, found.of(key, "roas").numerator)
        rows += [_with(row, known[row.metric], deals) for row in target_rows(plan, actual, as_of=days.last)]
    if not rows:
        return _nothing(tables, "Not enough data: no campaign has a target.")
    return TargetsView(rows=tuple(rows), currency=tables.currency, since=since)


def _with(row: TargetRow, figure: Figure, by_leads: bool) -> TargetRow:
    """Return a row that says what to bear in mind; a return that lies in deals is not judged."""
    if by_leads and row.unit == "x":
        return replace(row, verdict="unknown", caution="most of its return lies in deals of leads")
    chance = by_chance((figure.low, figure.high), row.target, "higher")
    return replace(row, caution=counted_twice([figure.caution]), by_chance=chance)


def target_rows(
    plan: Mapping[str, Any], actual: Mapping[str, float | None], *, as_of: date
) -> tuple[TargetRow, ...]:
    """Return one row per target of one campaign.

    Examples
    --------
    >>> plan = {"campaign_id": "c", "name": "SMS", "target_leads": 150.0, "target_roi": 2.5}
    >>> rows = target_rows(plan, {"leads": 120.0, "roi": 2.6}, as_of=date(2024, 3, 1))
    >>> [(row.metric, round(row.achievement, 2), row.verdict) for row in rows]
    [('leads', 0.8, 'behind'), ('roi', 1.04, 'reached')]
    """
    elapsed = elapsed_share(plan.get("start_date"), plan.get("end_date"), as_of)
    rows = []
    for column, (metric, grows, unit) in _TARGETS.items():
        target = plan.get(column)
        if not target:
            continue
        value = actual.get(metric)
        due = target * (elapsed if grows and elapsed is not None else 1.0)
        rows.append(
            TargetRow(
                campaign_id=str(plan["campaign_id"]),
                name=str(plan.get("name") or plan["campaign_id"]),
                metric=metric,
                unit=unit,
                actual=value,
                target=float(target),
                achievement=ratio(value, target),
                expected=due,
                verdict=_verdict(value, target, due),
            )
        )
    return tuple(rows)


def elapsed_share(start: date | None, end: date | None, as_of: date) -> float | None:
    """Return the share of a campaign's days that are over at the end of a day; None without both ends.

    Examples
    --------
    >>> elapsed_share(date(2024, 1, 1), date(2024, 1, 10), date(2024, 1, 5))
    0.5
    """
    if start is None or end is None or end < start:
        return None
    return min(max(((as_of - start).days + 1) / ((end - start).days + 1), 0.0), 1.0)


def _verdict(value: float | None, target: float, due: float) -> TargetVerdict:
    if value is None:
        return "unknown"
    if value >= target:
        return "reached"
    return "on the way" if value >= due else "behind"


def _plans() -> Any:
    campaigns = sql.unbound("campaigns")
    return campaigns.select("campaign_id", "name", "start_date", "end_date", *_TARGETS).order_by(
        "campaign_id"
    )


def _nothing(tables: Tables, reason: str) -> TargetsView:
    return TargetsView(rows=(), currency=tables.currency, missing=reason)
