"""Creatives side by side: what they reach, and how sure it is which one is best.

Words: the *probability of being best* is that of having the highest true rate, from the counts seen and from
what the other creatives suggest of one with few impressions; a *low performer* returns less than `LOW_ROAS`
per unit of spend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import UsageError
from workbench.explore.figures import (
    ENOUGH_ORDERS,
    SUMS,
    Figure,
    Figures,
    Slice,
    figures,
    highest_return,
    widening,
)
from workbench.explore.query import ask, window_of
from workbench.explore.shares import probability_best, share_with_interval
from workbench.explore.view import View, frame_of, lacking
from workbench.metrics import sql
from workbench.metrics.cautions import counted_twice
from workbench.metrics.intervals import CLUSTERS
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables

Rate = Literal["ctr", "conversion_rate"]
METRIC_NAMES = (*SUMS, "spend", "ctr", "click_conversion_rate", "cost_per_conversion", "roas")
_BY_DAY = {"ctr": "ctr", "conversion_rate": "click_conversion_rate"}
ENOUGH_TRIALS = 100

LOW_ROAS = 3.0
RATE_TITLES = {"ctr": "click-through rate", "conversion_rate": "conversions per click"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreativeRow:
    """One creative's figures with 95 % intervals; None where the data cannot say.

    `surely_low` says whether it is a low performer beyond chance, all creatives judged at once.
    """

    creative_id: str
    campaign_id: str
    headline: str
    impressions: float
    clicks: float
    conversions: float | None
    revenue: float | None
    spend: float | None
    ctr: float | None
    ctr_low: float | None
    ctr_high: float | None
    conversion_rate: float | None
    conversion_rate_low: float | None
    conversion_rate_high: float | None
    roas: float | None
    probability_best: float | None
    low_performer: bool
    caution: str = ""
    surely_low: bool = False
    roas_low: float | None = None
    roas_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Creatives(View):
    """Creatives, ranked by the probability of having the highest `rate`.

    `by_day` says whether there were enough days to see how much they differ; else none is surely best.
    """

    rate: str
    rows: tuple[CreativeRow, ...]
    currency: str | None
    missing: str = ""
    by_day: bool = True

    @property
    def top(self) -> tuple[CreativeRow, ...]:
        """Return the two most likely to be best."""
        return tuple(row for row in self.rows if row.probability_best is not None)[:2]

    @property
    def low_performers(self) -> tuple[CreativeRow, ...]:
        """Return those that return too little on their spend."""
        return tuple(row for row in self.rows if row.low_performer)

    @property
    def sentence(self) -> str:
        """Return the likely best, how sure that is, and how many return too little."""
        if self.missing:
            return self.missing
        if not self.top:
            count = f"{len(self.rows)} creative{'' if len(self.rows) == 1 else 's'}"
            return f"{count}, too few with enough {self._trials} to compare{self._low()}."
        best = self.top[0]
        likely = (best.probability_best or 0) >= 0.95
        few = f", as fewer than {CLUSTERS} days do not tell how days differ" if likely else ""
        sure = "is best" if likely and self.by_day else f"is ahead, but not surely best{few}"
        ranked = sum(row.probability_best is not None for row in self.rows)
        enough = f"the {ranked} of {len(self.rows)} creatives with enough {self._trials}"
        among = f"{ranked} creatives" if ranked == len(self.rows) else enough
        return (
            f"{best.headline or best.creative_id} {sure} by {RATE_TITLES[self.rate]} (probability "
            f"{format_value(best.probability_best, '%')} among {among}){self._low()}."
        )

    @property
    def _trials(self) -> str:
        return "impressions" if self.rate == "ctr" else "clicks"

    def _low(self) -> str:
        low = len(self.low_performers)
        does = "returns" if low == 1 else "return"
        whose = "its" if low == 1 else "their"
        surely = sum(row.surely_low for row in self.low_performers)
        how = (
            "" if surely == low else f", {surely or 'none'} of them surely" if low > 1 else ", but not surely"
        )
        return f"; {low} {does} less than {format_value(LOW_ROAS, 'x')} on {whose} spend{how}" if low else ""

    def to_frame(self) -> pd.DataFrame:
        """Return one row per creative."""
        return frame_of(self.rows, CreativeRow)


def creatives(
    tables: Tables,
    *,
    campaign_id: str | None = None,
    rate: Rate = "ctr",
    window: str | Window | None = "30d",
) -> Creatives:
    """Return creatives side by side, the likely best first.

    Parameters
    ----------
    tables : Tables
        Needs facts or daily_performance with creative ids; headlines come from creatives.
    campaign_id : str, optional
        Only the creatives of one campaign: across campaigns audiences differ, and so do rates.
    rate : {"ctr", "conversion_rate"}
        What "best" means: clicks per impression, or conversions per click.
    window : str or Window, optional
        The days compared.

    Notes
    -----
    Where days differ by more than chance, an impression tells less than one for itself would: intervals are
    wider, and the probability of being best is nearer to even, by as much. Fewer than 8 days do not tell:
    then impressions are taken as independent, and none is called the best. A creative with fewer than 100
    trials is not ranked.

    References
    ----------
    Rao and Scott (1992), Biometrics 48, 577-585.
    """
    if rate not in ("ctr", "conversion_rate"):
        raise UsageError(f"Creatives are ranked by ctr or conversion_rate, not {rate!r}.")
    missing = lacking(tables, "facts", "daily_performance")
    days = window_of(tables, window)
    if missing or days is None:
        return Creatives(rate=rate, rows=(), currency=tables.currency, missing=missing or lacking(tables))
    where = {"campaign": campaign_id} if campaign_id is not None else None
    found = figures(tables, METRIC_NAMES, by=("creative", "campaign"), window=days, where=where)
    texts = _texts(tables)
    times = {name: _dispersion(found, metric) for name, metric in _BY_DAY.items()}
    rows = [
        _row(key, texts.get(key[0], {}), found, {name: of[key] for name, of in times.items()})
        for key in found.slices
    ]
    if not rows:
        reason = f"Not enough data: no row names a creative {days.told}."
        return Creatives(rate=rate, rows=(), currency=tables.currency, missing=reason)
    return Creatives(
        rate=rate,
        rows=tuple(_ranked(_judged(rows, found), rate, times[rate])),
        currency=tables.currency,
        by_day=any((found.of(key, _BY_DAY[rate]).n or 0) >= CLUSTERS for key in found.slices),
    )


def _judged(rows: Sequence[CreativeRow], found: Figures) -> list[CreativeRow]:
    """Return the rows with those marked whose return surely is low, of all that can be judged."""
    returns = [found.of((row.creative_id, row.campaign_id), "roas") for row in rows]
    count = sum(one.high is not None for one in returns)
    return [replace(row, surely_low=_is_low(row, one, count)) for row, one in zip(rows, returns, strict=True)]


def _is_low(row: CreativeRow, found: Figure, count: int) -> bool:
    if found.value is None or found.high is None or (row.conversions or 0) < ENOUGH_ORDERS:
        return False  # the next large order may be missing
    return highest_return(found.value, found.high, widening(int(found.n or 0), count)) < LOW_ROAS


def _dispersion(found: Figures, metric: str) -> dict[Slice, float]:
    """Return how many times as much as independent trials the days of each creative vary, at least 1.

    What all creatives tell together is the least for each, since its own few days tell little.
    """
    own = {}
    for key in found.slices:
        one = found.of(key, metric)
        rate, trials = one.value or 0.0, one.denominator or 0.0
        if one.error is not None and trials and 0 < rate < 1:
            own[key] = one.error**2 * trials / (rate * (1 - rate))
    least = max(1.0, sum(own.values()) / max(len(own), 1))
    return {key: max(own.get(key, least), least) for key in found.slices}


def _share(
    successes: float | None, trials: float, times: float
) -> tuple[float | None, float | None, float | None]:
    return share_with_interval(None if successes is None else successes / times, trials / times)


def _row(key: Slice, text: Mapping[str, Any], found: Figures, times: Mapping[str, float]) -> CreativeRow:
    of = {name: found.of(key, name) for name in METRIC_NAMES}
    twice = counted_twice(figure.caution for figure in of.values())
    impressions, clicks = of["ctr"].denominator or 0.0, of["ctr"].numerator or 0.0
    conversions, roas = of["cost_per_conversion"].denominator, of["roas"].value
    ctr = _share(clicks, impressions, times["ctr"])
    conversion = _share(conversions, clicks, times["conversion_rate"])
    return CreativeRow(
        creative_id=str(key[0]),
        campaign_id=str(key[1]),
        headline=str(text.get("headline") or ""),
        impressions=impressions,
        clicks=clicks,
        conversions=conversions,
        revenue=of["roas"].numerator,
        spend=of["spend"].value,
        ctr=ctr[0],
        ctr_low=ctr[1],
        ctr_high=ctr[2],
        conversion_rate=conversion[0],
        conversion_rate_low=conversion[1],
        conversion_rate_high=conversion[2],
        roas=roas,
        roas_low=of["roas"].low,
        roas_high=of["roas"].high,
        probability_best=None,
        low_performer=roas is not None and roas < LOW_ROAS,
        caution=twice,
    )


def _ranked(rows: list[CreativeRow], rate: Rate, times: Mapping[Slice, float]) -> list[CreativeRow]:
    """Return the rows with their probability of being best, those that cannot be ranked last."""

    def sides(row: CreativeRow) -> tuple[float, float]:
        return (row.clicks, row.impressions) if rate == "ctr" else (row.conversions or 0.0, row.clicks)

    able = [row for row in rows if sides(row)[1] >= ENOUGH_TRIALS and sides(row)[0] <= sides(row)[1]]
    rest = [row for row in rows if row not in able]
    if len(able) > 1:
        spread = [times[row.creative_id, row.campaign_id] for row in able]
        told = [[side / more for side in sides(row)] for row, more in zip(able, spread, strict=True)]
        chances = probability_best(*zip(*told, strict=True))
        able = [replace(row, probability_best=float(p)) for row, p in zip(able, chances, strict=True)]
    able.sort(key=lambda row: (-(row.probability_best or 0.0), -(getattr(row, rate) or 0.0), row.creative_id))
    return [*able, *sorted(rest, key=lambda row: (-row.impressions, row.creative_id))]


def _texts(tables: Tables) -> dict[str, dict[str, Any]]:
    if "creatives" not in tables.names:
        return {}
    return {row["creative_id"]: row for row in ask(tables, _headlines, "creative texts")}


def _headlines() -> Any:
    return sql.unbound("creatives").select("creative_id", "headline")
