"""The table of a market from a workspace: what was spent by channel, what was sold, by week or day.

What is counted
---------------
``<channel>``
    Money of the metric ``spend``: what platforms reported in ``daily_performance``, by their channel.
``<channel>_impressions``
    The metric ``impressions`` of that channel.
``revenue``, ``orders``
    The metrics of these names without regard to campaigns: all orders of the shop, returns taken off; where
    no orders are loaded, what was credited to campaigns, which is less than the shop sold.
``region``
    Of a model whose region is ``region``: spend and sales by region. What has none is a region of its own;
    more than a twentieth of it is refused.
``geo``
    Of a model whose region is ``geo``: the table ``geo_performance``, with the one channel ``spend``.

Days count from the first to the last on which both spend and sales are recorded, without one that was not
over when its data came, and only whole weeks from Monday. A channel without a row on a day spent nothing.
There are no controls: a workspace knows neither prices nor holidays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.metrics import measure, sql
from workbench.mmm.calendar import LENGTH, Period
from workbench.mmm.market import MOST_ALONE
from workbench.mmm.spec import Channel, MixSpec
from workbench.source import given

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.source import Tables

Array = npt.NDArray[np.float64]
MARKETS, REGIONS = "geo", "region"
NOWHERE = "(no region)"
OUTCOMES = ("revenue", "orders")
_UNKNOWN = 0.05  # of money or sales that may lack a region
_CARRY_OVER: dict[Period, int] = {"week": 8, "day": 28}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """One figure of a table: its column, where and when it was, and how much."""

    column: str
    region: str | None
    day: date
    value: float


def market_table(tables: Tables, spec: MixSpec, *, period: Period = "week") -> pa.Table:
    """Return one row for each period, or region and period, with the columns named above.

    Parameters
    ----------
    tables : Tables
        Needs daily_performance, and orders or facts; or geo_performance.
    spec : MixSpec
        Whose `region` says whether and how regions are told apart: none, ``"region"`` or ``"geo"``.
    period : {'week', 'day'}
        What days are added up to; a week is named by its Monday.

    Raises
    ------
    NotEnoughData
        If spend or sales are not recorded, or not by region, or never on the same days.
    BadInput
        If a market lacks days between the first and the last.
    UsageError
        If the model's region is another column.
    """
    if spec.region not in {None, REGIONS, MARKETS}:
        raise UsageError(
            f"A workspace knows no {spec.region!r}: the region of its models is {REGIONS!r} (of users and "
            f"campaigns) or {MARKETS!r} (of geo_performance)."
        )
    if spec.region == MARKETS:
        return _added_up(_of_markets(tables), MARKETS, period)
    return _added_up(_of_channels(tables, by_region=spec.region == REGIONS), spec.region, period)


def proposed_spec(
    tables: Tables, *, outcome: str = "revenue", period: Period = "week", region: str | None = None
) -> MixSpec:
    """Return a model of what a workspace holds: all channels that spend, by impressions where these fit.

    Parameters
    ----------
    tables : Tables
        As in `market_table`.
    outcome : {'revenue', 'orders'}
        What is to be explained.
    period : {'week', 'day'}
        What days are added up to.
    region : {None, 'region', 'geo'}
        How regions are told apart.

    Raises
    ------
    NotEnoughData
        As `market_table` does.
    UsageError
        If the outcome is another column.
    """
    if outcome not in OUTCOMES:
        raise UsageError(f"The outcome of a workspace is {' or '.join(OUTCOMES)}, not {outcome!r}.")
    draft = MixSpec(
        name="proposed",
        outcome=outcome,
        kind="revenue" if outcome == "revenue" else "conversions",
        channels=(Channel(name="any"),),
        region=region,
        carry_over=_CARRY_OVER[period],
        currency=given(tables).currency or "",
    )
    table = market_table(tables, draft, period=period)
    own = {"date", *([region] if region else []), *OUTCOMES}
    names = [name for name in table.column_names if name not in own and not name.endswith("_impressions")]
    found = []
    for name in sorted(names, key=lambda one: -float(table[one].to_numpy().sum())):
        spend = table[name].to_numpy()
        if spend.any():
            found.append(Channel(name=name, exposure=_fitting(table, f"{name}_impressions", spend)))
    if not found:
        raise NotEnoughData("Not enough data: no channel spent anything on days with sales.")
    return replace(draft, channels=tuple(found))


def _fitting(table: pa.Table, column: str, spend: Array) -> str | None:
    if column not in table.column_names:
        return None
    seen = table[column].to_numpy()
    alone = (spend[seen == 0].sum(), spend.sum()), (seen[spend == 0].sum(), seen.sum())
    return column if all(whole > 0 and part <= MOST_ALONE * whole for part, whole in alone) else None


def _of_channels(tables: Tables, *, by_region: bool) -> list[_Figure]:
    if "daily_performance" not in given(tables).names:
        raise NotEnoughData("Not enough data: no spend is recorded; load daily_performance.")
    if not {"orders", "facts"} & set(tables.names):
        raise NotEnoughData("Not enough data: no sales are recorded; load orders or events.")
    by = [REGIONS] if by_region else []
    figures = []
    for metrics, dimensions in ((("spend", "impressions"), ["channel"]), (OUTCOMES, [])):
        for row in measure(tables, metrics, by=[*by, *dimensions, "day"]).rows:
            *place, day = row.slice
            channel = str(place.pop()) if dimensions else ""
            column = channel + ("_impressions" if row.metric == "impressions" else "") or row.metric
            region = "" if not by_region else place[0]
            if np.isfinite(row.value) and not row.partial:
                figures.append(_Figure(column=column, region=region, day=day, value=float(row.value)))
    return _placed(figures) if by_region else figures


def _placed(figures: list[_Figure]) -> list[_Figure]:
    """Return figures that have a region, nearly all of them their own."""
    for kind, own in (
        ("spend", [one for one in figures if one.column not in OUTCOMES]),
        ("revenue", [one for one in figures if one.column == "revenue"]),
    ):
        money = [one for one in own if not one.column.endswith("_impressions")]
        total = sum(one.value for one in money)
        nowhere = sum(one.value for one in money if one.region is None)
        if nowhere > _UNKNOWN * total:
            raise NotEnoughData(
                f"Not enough data: {nowhere / total:.0%} of {kind} has no region. Leave the region out of "
                "the model, or load spend and sales by region."
            )
    return [replace(one, region=NOWHERE) if one.region is None else one for one in figures]


def _of_markets(tables: Tables) -> list[_Figure]:
    if "geo_performance" not in given(tables).names:
        raise NotEnoughData("Not enough data: no table geo_performance is loaded.")
    text = sql.to_sql(_sales, ("mix of markets", _source()), tables.dialect)
    rows = tables.query(text).to_pylist()
    for name in ("spend", "revenue"):
        lacking = sum(row[name] is None for row in rows)
        if lacking:
            raise NotEnoughData(
                f"Not enough data: {lacking:,} of {len(rows):,} rows of geo_performance tell no {name}."
            )
    columns = ["spend", *(one for one in OUTCOMES if all(row[one] is not None for row in rows))]
    days, geos = {row["day"] for row in rows}, {row["geo"] for row in rows}
    span = (max(days) - min(days)).days + 1
    if len(rows) < span * len(geos):
        raise BadInput(
            f"{span * len(geos) - len(rows):,} of {span * len(geos):,} days of markets have no row",
            file="geo_performance",
            fix="Load them, with 0 where nothing was sold.",
        )
    return [
        _Figure(column=name, region=row["geo"], day=row["day"], value=float(row[name]))
        for row in rows
        for name in columns
    ]


def _sales() -> Any:
    markets = sql.unbound("geo_performance")
    figures = {name: sql.number(markets[name]) for name in ("spend", *OUTCOMES)}
    return markets.select(geo=markets.geo, day=markets.date, **figures)


def _added_up(figures: list[_Figure], region: str | None, period: Period) -> pa.Table:
    import pyarrow as pa

    first, count = _span(figures, period)
    columns = list(dict.fromkeys(one.column for one in figures))
    regions = sorted({one.region or "" for one in figures})
    length, places = LENGTH[period], {name: place for place, name in enumerate(columns)}
    rows = {name: place for place, name in enumerate(regions)}
    sums = np.zeros((len(columns), len(regions), count))
    for one in figures:
        place = (one.day - first).days // length
        if 0 <= place < count:
            sums[places[one.column], rows[one.region or ""], place] += one.value
    days = np.datetime64(first, "D") + length * np.arange(count)
    table: dict[str, Any] = {"date": np.tile(days, len(regions))}
    if region:
        table[region] = np.repeat(np.array(regions), count).tolist()
    return pa.table(table | {name: sums[place].ravel() for name, place in places.items()})


def _span(figures: Iterable[_Figure], period: Period) -> tuple[date, int]:
    """Return the first day of the first period that is recorded from end to end, and how many there are."""
    days: dict[bool, list[date]] = {True: [], False: []}
    for one in figures:
        if not one.column.endswith("_impressions"):
            days[one.column in OUTCOMES].append(one.day)
    if not days[True] or not days[False]:
        raise NotEnoughData("Not enough data: spend and sales are not both recorded.")
    first = max(min(own) for own in days.values())
    last = min(max(own) for own in days.values())
    if period == "week":
        first = date.fromordinal(first.toordinal() + -first.weekday() % 7)
    count = ((last - first).days + 1) // LENGTH[period]
    if count < 1:
        raise NotEnoughData(f"Not enough data: spend and sales share no whole {period}.")
    return first, count


@cache
def _source() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
