"""What reports of a platform tell twice: a campaign's days as a whole, and by creative, segment or region.

An account is often exported once by campaign and once by ad. The rows of both have keys of their own, so all
are stored and added up: the same money counts twice. Where two ways of telling agree day by day, it is said.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np

from workbench.metrics.conditions import Condition
from workbench.metrics.measures import Leaf, Total, total
from workbench.metrics.plan import plan
from workbench.metrics.presence import loaded
from workbench.metrics.slices import days_of
from workbench.metrics.told_twice import TWICE, names_of, place_of
from workbench.metrics.values import Slice, Values, fetch
from workbench.metrics.window import resolve
from workbench.source import given

if TYPE_CHECKING:
    from workbench.metrics.window import Window
    from workbench.source import Tables

REPORTS = "daily_performance"
Kind = tuple[bool, ...]  # which of creative, segment and region a row names
_PARTS = {"creative_id": "creative", "segment": "segment", "region": "region"}
_BY = ("campaign", "channel", "platform")
_COLUMNS = ("spend", "impressions", "clicks")
_ALIKE = 0.05  # two reports of the same day differ by what was corrected in between
_MOST = 0.8  # of the days of which both tell


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldInParts:
    """One campaign on one channel whose days are told in two ways that agree, and so added up.

    Parameters
    ----------
    campaign, channel : str
        Of which.
    what : str
        What was compared: ``spend``, else ``impressions`` or ``clicks``.
    ways : tuple of two str
        ``as a whole``, ``by creative`` ...
    totals : tuple of two float
        What either way tells of the days of which both tell.
    days : tuple of date
        These days.
    name : str
        What the campaign is called, where the table of campaigns says it.
    """

    campaign: str
    channel: str | None
    what: str
    ways: tuple[str, str]
    totals: tuple[float, float]
    days: tuple[date, ...]
    name: str = ""

    @property
    def place(self) -> str:
        """Return the campaign and its channel in words."""
        return place_of(self.campaign, self.channel, self.name)


def told_in_parts(
    tables: Tables, *, window: str | Window | None = None, where: Collection[Condition] = ()
) -> tuple[ToldInParts, ...]:
    """Return the campaigns whose reports tell the same days in two ways.

    Two ways are told apart by which of creative, segment and region a row names. They tell the same where
    their spend (else impressions, else clicks) agrees within a twentieth on four of five days of which both
    tell: rows that a report could give to no creative are far less, or more, than those that it could.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    window : str or Window, optional
        The days that are looked at; None is all data.
    where : conditions, optional
        What rows must meet.

    Returns
    -------
    tuple of ToldInParts
        The longest told first; empty where nothing is told in two ways.
    """
    if REPORTS not in given(tables).names:
        return ()
    days = resolve(window, tables)
    kinds = _kinds(tables, days)
    if len(kinds) < 2:
        return ()
    some = _counted(tables, kinds, tuple(where), days, daily=False)
    both = {some.slices[place][0] for pair in combinations(kinds, 2) for place in _shared(some, pair)}
    campaigns = tuple(sorted(name for name in both if name is not None))
    if not campaigns:
        return ()
    among = (*where, Condition("campaign", "in", campaigns))
    values = _counted(tables, kinds, among, days, daily=True)
    found = [
        one
        for pair in combinations(kinds, 2)
        for place in _shared(values, pair)
        if (one := _alike(values, pair, place, days)) is not None
    ]
    names = names_of(tables) if found else {}
    told = [replace(one, name=names.get(one.campaign) or "") for one in found]
    return tuple(sorted(told, key=lambda one: (-len(one.days), one.campaign, one.ways)))


def added_parts(
    tables: Tables, answered: Collection[Leaf], where: tuple[Condition, ...], window: Window
) -> tuple[ToldInParts, ...]:
    """Return what is told in two ways behind figures of reports; nothing is asked where parts were chosen."""
    columns = {condition.column for condition in where}
    if not any(leaf.table == REPORTS for leaf in answered) or columns & {*_PARTS, *_PARTS.values()}:
        return ()
    kept = tuple(condition for condition in where if condition.column in ("campaign", "channel"))
    return told_in_parts(tables, window=window, where=kept)


def caution_of_parts(
    told: Sequence[ToldInParts], by: tuple[str, ...], key: Slice, window: tuple[date, date]
) -> str:
    """Return what to bear in mind of a figure of reports: which days of which campaign may count twice.

    Examples
    --------
    >>> day = date(2024, 3, 4)
    >>> one = ToldInParts(campaign="spring", channel="social", what="spend", totals=(90.0, 91.0),
    ...     ways=("as a whole", "by creative"), days=(day,))
    >>> caution_of_parts([one], ("campaign",), ("spring",), (day, day))
    '1 day of spring (social) is told as a whole (spend 90) and by creative (spend 91):
    if they are the same ones, they count twice'
    >>> caution_of_parts([one], ("creative",), ("a",), (day, day))
    ''
    """
    if set(by) & set(_PARTS.values()):
        return ""
    first, length = days_of(by, key, window)
    begins = window[0] + timedelta(days=first)
    of_slice = {name: value for name, value in zip(by, key, strict=True) if name in ("campaign", "channel")}
    mine = [
        one
        for one in told
        if of_slice.get("campaign", one.campaign) == one.campaign
        and of_slice.get("channel", one.channel) == one.channel
        and any(0 <= (day - begins).days < length for day in one.days)
    ]
    if not mine:
        return ""
    one, others = mine[0], len({(one.campaign, one.channel) for one in mine}) - 1
    days = "1 day" if len(one.days) == 1 else f"{len(one.days):,} days"
    is_are = "is" if len(one.days) == 1 else "are"
    more = f", as are days of {others:,} more" if others else ""
    ways = " and ".join(
        f"{way} ({one.what} {sum_:,.0f})" for way, sum_ in zip(one.ways, one.totals, strict=True)
    )
    return f"{days} of {one.place} {is_are} told {ways}{more}: {TWICE}"


def _kinds(tables: Tables, days: Window) -> list[Kind]:
    """Return which of creative, segment and region rows name: one kind of row where there is one report."""
    named = ", ".join(f"CASE WHEN {name} IS NULL THEN 0 ELSE 1 END AS of_{name}" for name in _PARTS)
    within = f"date >= DATE '{days.first}' AND date <= DATE '{days.last}'"
    rows = tables.query(f"SELECT DISTINCT {named} FROM {REPORTS} WHERE {within}")
    columns = (rows.column(place).to_pylist() for place in range(len(_PARTS)))
    return sorted(tuple(map(bool, row)) for row in zip(*columns, strict=True))


def _told(kind: Kind, column: str) -> Total:
    tests = zip(_PARTS, kind, strict=True)
    where = tuple(Condition(name, "is not null" if is_there else "is null") for name, is_there in tests)
    return total(column, of=REPORTS, where=where)


def _counted(
    tables: Tables, kinds: Sequence[Kind], where: tuple[Condition, ...], days: Window, *, daily: bool
) -> Values:
    wanted = [_told(kind, column) for kind, column in product(kinds, _COLUMNS)]
    needed = plan(wanted, by=_BY, where=where, loaded=loaded(tables, wanted), daily=daily)
    return fetch(tables, needed, _BY, days)


def _shared(values: Values, pair: tuple[Kind, Kind]) -> list[int]:
    """Return the places of the slices of which rows of either kind tell the same column."""
    one, other = (
        np.array([np.nan_to_num(values.totals[_told(kind, column)]) > 0 for column in _COLUMNS])
        for kind in pair
    )
    return [int(place) for place in np.flatnonzero((one & other).any(axis=0))]


def _alike(values: Values, pair: tuple[Kind, Kind], place: int, days: Window) -> ToldInParts | None:
    """Return what two kinds of rows tell of a campaign alike; None where one is silent or they differ."""
    campaign, channel, _ = values.slices[place]
    for column in _COLUMNS:
        one, other = (values.daily[_told(kind, column)][place] for kind in pair)
        shared = np.flatnonzero((one > 0) & (other > 0))
        if not shared.size:
            continue
        one, other = one[shared], other[shared]
        if np.mean(np.abs(one - other) <= _ALIKE * np.maximum(one, other)) < _MOST:
            return None
        return ToldInParts(
            campaign=campaign,
            channel=channel,
            what=column,
            ways=(_way(pair[0]), _way(pair[1])),
            totals=(float(one.sum()), float(other.sum())),
            days=tuple(days.first + timedelta(days=day) for day in shared.tolist()),
        )
    return None


def _way(kind: Kind) -> str:
    parts = [said for said, is_there in zip(_PARTS.values(), kind, strict=True) if is_there]
    return f"by {' and '.join(parts)}" if parts else "as a whole"
