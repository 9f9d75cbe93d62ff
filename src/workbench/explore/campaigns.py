"""Campaigns side by side: rankings, the best and the worst, what to do, and where money could move.

Words: a *ranking* orders the campaigns that have the figure, best first; a *shift* moves part of the spend of
the campaign with the lowest return to the one with the highest, named only where the data tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.explore.advice import OVER, Advice, advice_of
from workbench.explore.campaign_row import CampaignRow
from workbench.explore.figures import SUMS, Figures, clearly_apart, figures
from workbench.explore.query import ask, told_apart, window_of
from workbench.explore.shifts import BudgetShift, Return, budget_shift, no_shift
from workbench.explore.view import View, frame_of, lacking, span
from workbench.metrics import sql
from workbench.metrics.cautions import counted_twice
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables

METRIC_NAMES = (
    *SUMS,
    "spend",
    "leads",
    "lead_value",
    "ctr",
    "conversion_rate",
    "click_conversion_rate",
    "cost_per_conversion",
    "roas",
    "roi",
    "incrementality",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The campaigns in the order of one figure, best first; those without it are left out."""

    name: str
    title: str
    unit: str
    campaign_ids: tuple[str, ...]

    @property
    def best(self) -> str | None:
        """Return the first, where there is one."""
        return self.campaign_ids[0] if self.campaign_ids else None

    @property
    def worst(self) -> str | None:
        """Return the last of at least two."""
        return self.campaign_ids[-1] if len(self.campaign_ids) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignComparison(View):
    """All campaigns of a window side by side, largest spend first."""

    rows: tuple[CampaignRow, ...]
    rankings: tuple[Ranking, ...]
    best: str | None
    worst: str | None
    advice: tuple[Advice, ...]
    shift: BudgetShift
    currency: str | None
    missing: str = ""

    def ranking(self, name: str) -> Ranking:
        """Return one ranking: roi, conversion_rate, cost_per_conversion, roas, volume or incrementality."""
        return next(ranking for ranking in self.rankings if ranking.name == name)

    def name_of(self, campaign_id: str | None) -> str:
        """Return a campaign's name."""
        return next((row.name for row in self.rows if row.campaign_id == campaign_id), campaign_id or "")

    @property
    def sentence(self) -> str:
        """Return the best, the worst, and what could be gained."""
        if self.missing:
            return self.missing
        parts = [f"{len(self.rows)} campaign{'' if len(self.rows) == 1 else 's'}"]
        parts += self._ends()
        shift = self.shift
        if shift.amount is not None:
            money = [
                format_value(value, "money", currency=self.currency) for value in (shift.amount, shift.gain)
            ]
            parts.append(
                f"moving {money[0]} a day from {self.name_of(shift.giver)} to {self.name_of(shift.receiver)} "
                f"would bring about {money[1]} a day{span(shift.low, shift.high, 'money', self.currency)} "
                "if the returns credited so far held"
            )
        else:
            parts.append(f"no budget shift: {shift.reason}")
        return f"{'; '.join(parts)}."

    def _ends(self) -> list[str]:
        """Return who stands first and last in the first ranking of two campaigns, unless all are even."""
        ranking = next((ranking for ranking in self.rankings if ranking.worst is not None), None)
        if ranking is None:
            return []
        ends = ranking.campaign_ids[0], ranking.campaign_ids[-1]
        row_of = {row.campaign_id: row for row in self.rows}
        column = "conversions" if ranking.name == "volume" else ranking.name
        best, worst = (getattr(row_of[end], column) for end in ends)
        first, last = _SAID.get(ranking.name, ("returns most", "least"))
        if best == worst:
            return []
        doubt = "" if _apart(row_of[ends[0]], row_of[ends[1]], column, len(ranking.campaign_ids)) else _DOUBT
        return [f"{self.name_of(ends[0])} {first}, {self.name_of(ends[1])} {last}{doubt}"]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per campaign."""
        return frame_of(self.rows, CampaignRow)

    def advice_frame(self) -> pd.DataFrame:
        """Return one row per line of advice."""
        return frame_of(self.advice, Advice)


def compare_campaigns(tables: Tables, *, window: str | Window | None = "30d") -> CampaignComparison:
    """Return all campaigns side by side.

    Parameters
    ----------
    tables : Tables
        Needs daily_performance or facts; names come from campaigns where that is loaded.
    window : str or Window, optional
        The days compared.

    Notes
    -----
    Where a campaign has no events of single users its conversion rate is conversions per click. Returns are
    credited, not caused: only the incrementality, from holdouts, says what a campaign added. Campaigns that
    live by leads are not ranked by return, as their return lies in deals. Advice is for campaigns that run.
    """
    missing = lacking(tables, "daily_performance", "facts")
    days = window_of(tables, window)
    nothing = no_shift("not enough data")
    if missing or days is None:
        return _comparison((), tables.currency, nothing, missing or lacking(tables))
    found = figures(tables, METRIC_NAMES, by=("campaign",), window=days)
    facts = told_apart(campaign_facts(tables))
    rows = [_row(key[0], facts.get(key[0], {}), found) for key in found.slices]
    rows.sort(key=lambda row: (-(row.spend or 0.0), -(row.impressions or 0.0), row.campaign_id))
    reason = "" if rows else f"Not enough data: no campaign was active {days.told}."
    return _comparison(tuple(rows), tables.currency, _shift(rows) if rows else nothing, reason)


def campaign_facts(tables: Tables) -> dict[str, dict[str, object]]:
    """Return name, channel and status by campaign id; empty where no campaigns are loaded."""
    if "campaigns" not in tables.names:
        return {}
    found = ask(tables, _names, "campaign facts")
    return {row["campaign_id"]: row for row in found}


def _names() -> object:
    return sql.unbound("campaigns").select("campaign_id", "name", "channel", "status")


def _comparison(
    rows: tuple[CampaignRow, ...], currency: str | None, shift: BudgetShift, missing: str
) -> CampaignComparison:
    rankings = tuple(_ranking(rows, *kind) for kind in RANKINGS)
    leading = next((ranking for ranking in rankings if ranking.worst is not None), None)
    return CampaignComparison(
        rows=rows,
        rankings=rankings,
        best=leading.best if leading else None,
        worst=leading.worst if leading else None,
        advice=advice_of(rows),
        shift=shift,
        currency=currency,
        missing=missing,
    )


def _row(campaign_id: str, facts: dict[str, object], found: Figures) -> CampaignRow:
    of = {name: found.of((campaign_id,), name) for name in METRIC_NAMES}
    conversions = of["cost_per_conversion"].denominator
    rate = of["conversion_rate"] if of["conversion_rate"].value is not None else of["click_conversion_rate"]
    return CampaignRow(
        campaign_id=campaign_id,
        name=str(facts.get("name") or campaign_id),
        channel=str(facts.get("channel") or ""),
        status=str(facts.get("status") or ""),
        days=int(of["roas"].n or of["ctr"].n or 0),
        spend=of["spend"].value,
        revenue=of["roas"].numerator,
        impressions=of["ctr"].denominator,
        clicks=of["ctr"].numerator,
        conversions=conversions,
        leads=of["leads"].value,
        lead_value=of["lead_value"].value,
        conversion_rate=rate.value,
        conversion_rate_low=rate.low,
        conversion_rate_high=rate.high,
        caution=counted_twice(figure.caution for figure in of.values()),
        **{
            f"{name}{end}": getattr(of[name], end[1:] or "value")
            for name in ("ctr", "cost_per_conversion", "roas", "roi", "incrementality")
            for end in ("", "_low", "_high")
        },
    )


RANKINGS = (
    ("roi", "Return on investment", "x", "roi", 1),
    ("conversion_rate", "Conversion rate", "%", "conversion_rate", 1),
    ("cost_per_conversion", "Cost per conversion", "money", "cost_per_conversion", -1),
    ("roas", "Return on ad spend", "x", "roas", 1),
    ("volume", "Conversions", "count", "conversions", 1),
    ("incrementality", "Incrementality", "%", "incrementality", 1),
)

_UNSURE = ("roi", "roas", "conversion_rate", "cost_per_conversion", "incrementality")
# How one says who stands first and last; by what they return unless told here.
_SAID = {
    "conversion_rate": ("converts best", "worst"),
    "cost_per_conversion": ("pays least per conversion", "most"),
    "volume": ("has most conversions", "fewest"),
    "incrementality": ("adds most", "least"),
}


_DOUBT = ", but not clearly apart"


def _apart(first: CampaignRow, last: CampaignRow, column: str, compared: int) -> bool:
    """Return whether the first of a ranking surely differs from the last; counts have no chance."""
    if column not in _UNSURE:
        return True
    ends = (_ends_of(first, column), _ends_of(last, column))
    return clearly_apart(*ends, days=(first.days, last.days), compared=compared)


def _ends_of(row: CampaignRow, column: str) -> tuple[float, float | None, float | None]:
    return getattr(row, column), getattr(row, f"{column}_low"), getattr(row, f"{column}_high")


def _ranking(
    rows: Sequence[CampaignRow], name: str, title: str, unit: str, column: str, direction: int
) -> Ranking:
    known = [row for row in rows if getattr(row, column) is not None]
    if column in ("roi", "roas"):
        known = [row for row in known if not row.lives_by_leads]
    known.sort(key=lambda row: (-direction * getattr(row, column), row.campaign_id))
    return Ranking(name=name, title=title, unit=unit, campaign_ids=tuple(row.campaign_id for row in known))


def _shift(rows: Sequence[CampaignRow]) -> BudgetShift:
    return budget_shift(
        [
            Return(
                campaign_id=row.campaign_id,
                days=row.days,
                spend=row.spend or 0.0,
                roas=row.roas,
                low=row.roas_low,
                high=row.roas_high,
            )
            for row in rows
            if row.status not in OVER and not row.lives_by_leads
        ]
    )
