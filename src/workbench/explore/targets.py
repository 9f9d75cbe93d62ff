"""What campaigns aimed at, and what they reached.

Words: the *achievement* is actual / target. A campaign that still runs is judged against the part of its
target that its elapsed days call for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from workbench.explore.figures import figures
from workbench.explore.query import ask, told_apart, window_of
from workbench.explore.view import View, frame_of, listed, ratio
from workbench.metrics import METRICS, sql
from workbench.metrics.cautions import counted_twice
from workbench.result import format_value
from workbench.source import given

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
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
    """One target of one campaign; `expected` is the part of the target that is due by now."""

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
        return f"{format_value(self.achievement, '%')}{due}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsView(View):
    """All targets of all campaigns."""

    rows: tuple[TargetRow, ...]
    currency: str | None
    missing: str = ""

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
        return f"{reached} of {counted} {verb} reached{tail}{unknown}."

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
        The days that count; None counts everything so far.
    """
    if "campaigns" not in given(tables).names:
        return _nothing(tables, "Not enough data: no campaigns are loaded, and with them no targets.")
    days = window_of(tables, window)
    if days is None:
        return _nothing(tables, "Not enough data: no table has a day yet.")
    named = told_apart({row["campaign_id"]: row for row in ask(tables, _plans, "target plans")})
    plans = [row for key, row in named.items() if campaign_id in (None, key)]
    # With what was shown and clicked, or a campaign that reached nothing would not be found at all.
    asked = ["leads", "conversions", "cost_per_conversion", "roas", "roi", "ctr"]
    found = figures(tables, asked, by=("campaign",), window=days)
    rows: list[TargetRow] = []
    for plan in plans:
        key = (plan["campaign_id"],)
        actual = {name: found.of(key, name).value for name in ("leads", "roas", "roi")}
        actual["conversions"] = found.of(key, "cost_per_conversion").denominator
        told = {name: counted_twice([found.of(key, name).caution]) for name in actual}
        rows += [replace(row, caution=told[row.metric]) for row in target_rows(plan, actual, as_of=days.last)]
    if not rows:
        return _nothing(tables, "Not enough data: no campaign has a target.")
    return TargetsView(rows=tuple(rows), currency=tables.currency)


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
