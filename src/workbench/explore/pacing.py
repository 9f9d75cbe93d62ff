"""Budget pacing: spent to date against plan, and where the spend will end.

Words: the *plan* spreads the budget evenly over the days of the campaign; the *pace* is spent / plan to date;
the *projection* goes on at the recent daily spend, with an interval from how much days differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from workbench.explore.figures import figures
from workbench.explore.projection import ENOUGH_DAYS, projected_spend
from workbench.explore.query import ask, gone_by, told_apart
from workbench.explore.targets import elapsed_share
from workbench.explore.view import View, frame_of, listed, ratio, span
from workbench.metrics import sql
from workbench.metrics.unfinished import last_whole_day
from workbench.metrics.window import parse_window
from workbench.result import format_value
from workbench.source import given

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables

OVER, UNDER = 1.05, 0.75  # of the budget: the healthy range of budget_utilization
_EVEN = "if days to come cost what all recent ones did; the projection has no interval"
# Verdict, whether the campaign is over, and what is said of it.
_LEAVING = (
    ("over", True, "overspent"),
    ("over", False, "will overspend"),
    ("under", True, "left budget unused"),
    ("under", False, "will leave budget unused"),
)

PaceVerdict = Literal["over", "under", "on plan", "unclear", "ended", "not started", "no plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceRow:
    """One campaign's spend against its plan; the last row of a view is the total of all that have a plan.

    The projection has no interval where it rests on too few days, or where recent days are all alike: they do
    not tell how far the days to come may differ.
    """

    campaign_id: str
    name: str
    budget: float | None
    start: date | None
    end: date | None
    elapsed: float | None
    spent: float
    planned: float | None
    pace: float | None
    projected: float | None
    projected_low: float | None
    projected_high: float | None
    verdict: PaceVerdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendPoint:
    """Cumulative spend and plan of one campaign at the end of one day."""

    campaign_id: str
    day: date
    spent: float
    planned: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing(View):
    """All campaigns' spend against plan, on one day."""

    as_of: date | None
    rows: tuple[PaceRow, ...]
    total: PaceRow | None
    points: tuple[SpendPoint, ...]
    currency: str | None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return where the total will end, and which campaigns leave their plan."""
        if self.missing:
            return self.missing
        parts = []
        if self.total is not None and self.total.projected is not None:
            parts.append(self._ends(self.total))
        for verdict, over, words in _LEAVING:
            names = [row.name for row in self.rows if row.verdict == verdict and self._is_over(row) == over]
            if names:
                some = listed([*names[:5], "others"] if len(names) > 5 else names)
                parts.append(f"{some} {words}")
        if not parts:
            return "No campaign leaves its plan as far as can be told."
        text = "; ".join(parts)
        return f"{text[0].upper()}{text[1:]}."

    def _is_over(self, row: PaceRow) -> bool:
        return row.end is not None and self.as_of is not None and row.end <= self.as_of

    def _ends(self, row: PaceRow) -> str:
        ends = [format_value(x, "money", currency=self.currency) for x in (row.projected, row.budget)]
        known = len(_projected(self.rows))
        some = "" if known == len(self.rows) else f" of {known} of {len(self.rows)} campaigns"
        if self._is_over(row):
            return f"spend{some} ended at {ends[0]} of {ends[1]} planned"
        interval = span(row.projected_low, row.projected_high, "money", self.currency)
        return f"spend{some} will end near {ends[0]}{interval} of {ends[1]} planned"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per campaign, and the total last."""
        return frame_of([*self.rows, *([self.total] if self.total else [])], PaceRow)

    def points_frame(self) -> pd.DataFrame:
        """Return one row per campaign and day."""
        return frame_of(self.points, SpendPoint)


def pacing(
    tables: Tables, *, as_of: date | None = None, ended: bool = False, window: str | Window | None = None
) -> Pacing:
    """Return every running campaign's spend against its plan.

    Parameters
    ----------
    tables : Tables
        Needs daily_performance; budgets and dates come from campaigns.
    as_of : date, optional
        The last day that counts; None is the last of which spend is known, if all of that day is there.
    ended : bool
        Whether campaigns that are over are listed too.
    window : str or Window, optional
        Of a page on days gone by: its last day is the last that counts, where data go on after it.

    Notes
    -----
    The interval of the total takes campaigns as moving together, so it is cautious.
    """
    as_of = as_of or gone_by(given(tables), window)
    today = as_of or tables.last_day
    if today is None or "daily_performance" not in tables.names:
        reason = (
            "Not enough data: no spend is loaded; load an export of the ad platforms into daily_performance."
        )
        return Pacing(as_of=today, rows=(), total=None, points=(), currency=tables.currency, missing=reason)
    spent = _spent(tables, today)
    # Exports of platforms come later than events: a day that none of them tells of is no day without spend.
    told = max((day for daily in spent.values() for day in daily), default=today)
    last = as_of or last_whole_day(tables, "daily_performance", told)
    plans = _plans_of(tables)
    rows: list[PaceRow] = []
    points: list[SpendPoint] = []
    for campaign_id in sorted(spent.keys() | plans.keys()):
        plan, daily = plans.get(campaign_id, {"campaign_id": campaign_id}), spent.get(campaign_id, {})
        row = pace_of(plan, daily, as_of=last)
        over = row.end is not None and row.end <= today
        if (over and not ended) or not (daily or row.budget):
            continue
        rows.append(row)
        points += _points(row, daily, last)
    rows.sort(key=lambda row: (-(row.budget or 0.0), -row.spent, row.campaign_id))
    missing = "" if rows else f"No campaign runs on {today}."
    return Pacing(
        as_of=last,
        rows=tuple(rows),
        total=_total(rows),
        points=tuple(points),
        currency=tables.currency,
        missing=missing,
    )


def _spent(tables: Tables, last: date) -> dict[str, dict[date, float]]:
    """Return spend by campaign and day, as far as it is told."""
    days = parse_window(None, last, date(last.year - 3, 1, 1))
    found = figures(tables, ["spend"], by=("campaign", "day"), window=days)
    spent: dict[str, dict[date, float]] = {}
    for campaign_id, day in found.slices:
        value = found.of((campaign_id, day), "spend").value
        if value is not None:
            spent.setdefault(campaign_id, {})[day] = value
    return spent


def pace_of(plan: Mapping[str, Any], daily: Mapping[date, float], *, as_of: date) -> PaceRow:
    """Return one campaign's spend against its plan.

    Parameters
    ----------
    plan : mapping
        campaign_id, and where known name, budget, start_date, end_date.
    daily : mapping
        Day -> spend; a day that is not there had none.
    as_of : date
        The last day that counts.

    Examples
    --------
    >>> april = {"start_date": date(2024, 4, 1), "end_date": date(2024, 4, 30)}
    >>> plan = {"campaign_id": "c", "budget": 3000.0, **april}
    >>> row = pace_of(plan, {date(2024, 4, day): 150.0 for day in range(1, 16)}, as_of=date(2024, 4, 15))
    >>> row.planned, row.pace, row.projected, row.verdict
    (1500.0, 1.5, 4500.0, 'over')
    """
    budget, start, end = (plan.get(name) for name in ("budget", "start_date", "end_date"))
    known = {day: value for day, value in daily.items() if day <= as_of}
    spent = float(sum(known.values()))
    elapsed = elapsed_share(start, end, as_of)
    planned = None if elapsed is None or not budget else float(budget) * elapsed
    begun = end is not None and (start is None or start <= as_of)
    projected, half = (None, None)
    if end and begun:
        projected, half = projected_spend(known, start=start, end=end, as_of=as_of)
    low = None if projected is None or half is None else max(projected - half, spent)
    high = None if projected is None or half is None else projected + half
    verdict, reason = _verdict(budget, start, end, as_of, (projected, low, high))
    if half == 0 and end and as_of < end:
        low = high = None
        reason = _EVEN if verdict in ("over", "under", "on plan") else reason
    return PaceRow(
        campaign_id=str(plan["campaign_id"]),
        name=str(plan.get("name") or plan["campaign_id"]),
        budget=float(budget) if budget else None,
        start=start,
        end=end,
        elapsed=elapsed,
        spent=spent,
        planned=planned,
        pace=ratio(spent, planned),
        projected=projected,
        projected_low=low,
        projected_high=high,
        verdict=verdict,
        reason=reason,
    )


def _verdict(
    budget: float | None,
    start: date | None,
    end: date | None,
    as_of: date,
    ends: tuple[float | None, float | None, float | None],
) -> tuple[PaceVerdict, str]:
    if not budget or start is None or end is None:
        lacks = [name for name, value in (("budget", budget), ("start", start), ("end", end)) if not value]
        return "no plan", f"without {listed(lacks)} there is no plan"
    if as_of < start:
        return "not started", f"starts on {start}"
    projected, low, high = ends
    if projected is None:
        return "unclear", "nothing is spent yet"
    if low is None or high is None:
        return "unclear", f"fewer than {ENOUGH_DAYS} days of spend"
    if low > OVER * budget:
        over = as_of >= end
        return "over", f"{'it ended' if over else 'even the low end of the projection is'} above the budget"
    if high < UNDER * budget:
        over = as_of >= end
        return (
            "under",
            f"{'it ended with' if over else 'even the high end of the projection leaves'} budget unused",
        )
    if as_of >= end:
        return "ended", "ended within its plan"
    if UNDER * budget <= projected <= OVER * budget:
        return "on plan", "the projection lies within the healthy range"
    return "unclear", "the projection leaves the plan, but its interval does not"


def _total(rows: Sequence[PaceRow]) -> PaceRow | None:
    planned = _projected(rows)
    if not planned:
        return None
    budget = sum(row.budget or 0.0 for row in planned)
    projected = sum(row.projected or 0.0 for row in planned)
    ends = _summed_ends(planned)
    spent, plan = sum(row.spent for row in planned), sum(row.planned or 0.0 for row in planned)
    start, end = min(row.start for row in planned if row.start), max(row.end for row in planned if row.end)
    verdict, reason = _verdict(budget, start, end, start, (projected, *ends))
    sure = all(row.projected_low is not None for row in planned)
    low, high = ends if sure else (None, None)
    return PaceRow(
        campaign_id="",
        name="Total" if len(planned) == len(rows) else f"Total of {len(planned)} with a projection",
        budget=budget,
        start=start,
        end=end,
        elapsed=None,
        spent=spent,
        planned=plan,
        pace=ratio(spent, plan),
        projected=projected,
        projected_low=low,
        projected_high=high,
        verdict=verdict,
        reason=reason,
    )


def _projected(rows: Sequence[PaceRow]) -> list[PaceRow]:
    """Return those of which plan and end can be added up: what has not begun has no end yet."""
    return [row for row in rows if row.planned is not None and row.projected is not None]


def _summed_ends(rows: Sequence[PaceRow]) -> tuple[float | None, float | None]:
    """Return the sums of the ends; of a campaign whose days are alike, its projection stands for both."""
    if any(row.projected_low is None and row.verdict == "unclear" for row in rows):
        return None, None
    lows = (row.projected if row.projected_low is None else row.projected_low for row in rows)
    highs = (row.projected if row.projected_high is None else row.projected_high for row in rows)
    return sum(low or 0.0 for low in lows), sum(high or 0.0 for high in highs)


def _points(row: PaceRow, daily: Mapping[date, float], last: date) -> list[SpendPoint]:
    first = min(filter(None, [row.start, min(daily, default=None)]), default=None)
    if first is None or first > last:
        return []
    points, spent = [], 0.0
    for place in range((last - first).days + 1):
        day = first + timedelta(days=place)
        spent += daily.get(day, 0.0)
        elapsed = elapsed_share(row.start, row.end, day)
        planned = None if elapsed is None or row.budget is None else row.budget * elapsed
        points.append(SpendPoint(campaign_id=row.campaign_id, day=day, spent=spent, planned=planned))
    return points


def _plans_of(tables: Tables) -> dict[str, dict[str, Any]]:
    """Return budget and dates by campaign; behind a name that several share stands the id."""
    if "campaigns" not in tables.names:
        return {}
    return told_apart({row["campaign_id"]: row for row in ask(tables, _plans, "budgets")})


def _plans() -> Any:
    campaigns = sql.unbound("campaigns")
    real = campaigns.filter(~campaigns.status.isin(["draft", "archived"]))
    return real.select("campaign_id", "name", "budget", "start_date", "end_date")
