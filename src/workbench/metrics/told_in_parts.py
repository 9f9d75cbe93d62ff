"""What reports of a platform tell twice: a campaign's days as a whole, and by creative, segment or region.

An account is often exported once by campaign and once by ad. The rows of both have keys of their own, so all
are stored and added up: the same money counts twice. Where two ways of telling agree day by day, it is said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
from workbench.metrics.values import Floats, Slice, Values, fetch
from workbench.metrics.window import resolve
from workbench.result import format_value
from workbench.source import given

if TYPE_CHECKING:
    from workbench.metrics.window import Window
    from workbench.source import Tables

REPORTS = "daily_performance"
Kind = tuple[bool, ...]  # which of creative, segment and region a row names
_PARTS = {"creative_id": "creative", "segment": "segment", "region": "region"}
_BY = ("campaign", "channel", "platform")
_COUNTS = ("impressions", "clicks")
_COLUMNS = ("spend", *_COUNTS)
_ALIKE = 0.05  # two reports of the same day differ by what was corrected in between
_MOST = 0.8  # of the days of which both tell
_FEWEST = 3  # days: on one or two, anything is alike by chance
_BY_CHANCE = 0.001
_LARGE = 40_000  # a day: corrections move so many by more than chance does


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
    currency : str or None
        Of the money, where it is known.
    """

    campaign: str
    channel: str | None
    what: str
    ways: tuple[str, str]
    totals: tuple[float, float]
    days: tuple[date, ...]
    name: str = ""
    currency: str | None = None

    @property
    def place(self) -> str:
        """Return the campaign and its channel in words."""
        return place_of(self.campaign, self.channel, self.name)


def told_in_parts(
    tables: Tables, *, window: str | Window | None = None, where: Collection[Condition] = ()
) -> tuple[ToldInParts, ...]:
    """Return the campaigns whose reports tell the same days in two ways.

    Two ways are told apart by which of creative, segment and region a row names. They tell the same where
    all that both tell of (spend, impressions, clicks) agrees within a twentieth on four of five days of which
    both tell, three at least: rows that a report could give to no creative are far less, or more, than those
    that it could. Equal spend alone is that of equal daily budgets, so impressions or clicks must be more
    alike than two counts by chance are; where there are none, spend must differ from day to day.

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
    told = [replace(one, name=names.get(one.campaign) or "", currency=tables.currency) for one in found]
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
    ...     ways=("as a whole", "by creative"), days=(day,), currency="EUR")
    >>> caution_of_parts([one], ("campaign",), ("spring",), (day, day))
    '1 day of spring (social) is told as a whole (spend €90.00) and by creative (spend €91.00):
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
    unit = "count" if one.what in _COUNTS else "money"
    sums = (format_value(sum_, unit, currency=one.currency) for sum_ in one.totals)
    ways = " and ".join(f"{way} ({one.what} {sum_})" for way, sum_ in zip(one.ways, sums, strict=True))
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
    sides = {
        column: (values.daily[_told(pair[0], column)][place], values.daily[_told(pair[1], column)][place])
        for column in _COLUMNS
    }
    both = {column: (one > 0) & (other > 0) for column, (one, other) in sides.items()}
    what = next((column for column in _COLUMNS if both[column].any()), "")
    shared = np.flatnonzero(both[what]) if what else np.array([], int)
    told = {
        column: (one[shared], other[shared])
        for column, (one, other) in sides.items()
        if both[column][shared].any()
    }
    if len(shared) < _FEWEST or not _are_the_same(told):
        return None
    one, other = told[what]
    return ToldInParts(
        campaign=campaign,
        channel=channel,
        what=what,
        ways=(_way(pair[0]), _way(pair[1])),
        totals=(float(one.sum()), float(other.sum())),
        days=tuple(days.first + timedelta(days=day) for day in shared.tolist()),
    )


def _are_the_same(told: Mapping[str, tuple[Floats, Floats]]) -> bool:
    """Return whether days that are told in two ways are the same ones, rather than alike by equal budgets."""
    for column, (one, other) in told.items():
        least = 1.0 if column in _COUNTS else 0.0  # of few clicks, one more or less is no other report
        if np.mean(np.abs(one - other) <= np.maximum(_ALIKE * np.maximum(one, other), least)) < _MOST:
            return False
    counts = [told[column] for column in _COUNTS if column in told]
    if not counts:
        spends = told["spend"][0]
        various = len(np.unique(spends.round(2))) > len(spends) / 2  # budgets by weekday are few
        return various and bool(np.ptp(spends) > 2 * _ALIKE * spends.mean())
    return any(_closer_than_chance(one, other) for one, other in counts)


def _closer_than_chance(one: Floats, other: Floats) -> bool:
    """Return whether two counts a day differ less than counts of two things alike do, which vary by chance.

    A report may lack a part of the other, so they are held against each other by their ratio. Counts that are
    bought, as so many impressions a day, do not vary, and tell nothing.
    """
    from scipy.special import chdtri

    both = one + other
    if np.ptp(both) <= 2 * np.sqrt(both.mean()):
        return False
    if min(one.mean(), other.mean()) > _LARGE:
        return True
    expected = both * (one.sum() / both.sum())
    apart = np.square(one - expected) / np.maximum(expected * (1 - one.sum() / both.sum()), 1e-9)
    return bool(apart.sum() < chdtri(len(both) - 1, 1 - _BY_CHANCE))


def _way(kind: Kind) -> str:
    parts = [said for said, is_there in zip(_PARTS.values(), kind, strict=True) if is_there]
    return f"by {' and '.join(parts)}" if parts else "as a whole"
