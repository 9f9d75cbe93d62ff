"""What reports of a platform tell twice under two names: a campaign's name and its id, or two channels.

A report with ids beside one without, or one with the types of campaigns beside one without: the rows of both
have keys of their own, so all are stored and added up. Two whose spend, to the cent, and impressions are the
same on nearly all of their days are one campaign, where these differ from day to day: two that have the same
daily budget, or bought as many impressions a day, are no double.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from workbench.metrics.slices import days_of
from workbench.metrics.told_in_parts import REPORTS
from workbench.metrics.told_twice import TWICE, names_of, place_of
from workbench.metrics.window import resolve
from workbench.result import format_value
from workbench.source import given

if TYPE_CHECKING:
    from workbench.metrics.conditions import Condition
    from workbench.metrics.measures import Leaf
    from workbench.metrics.values import Slice
    from workbench.metrics.window import Window
    from workbench.source import Tables

_FEWEST = 5  # days, and figures among them: on one or two, small sums are the same by chance
_MOST = 0.8  # of the days of the one that has fewer
_PAIR = "one.campaign_id, one.channel, other.campaign_id, other.channel"
_AS = ("lesser", "lesser_channel", "greater", "greater_channel")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoNames:
    """Two campaigns, or one on two channels, whose reports tell the same.

    Parameters
    ----------
    campaigns, channels : tuple of two str
        Their ids, and the channels that they are told on.
    names : tuple of two str
        What they are called, where the table of campaigns says it; else their ids. With the channel, where
        they are told on two.
    days : tuple of date
        On which days their spend and impressions are the same.
    spend : float
        What either spent on these days.
    currency : str or None
        Of the money, where it is known.
    """

    campaigns: tuple[str, str]
    channels: tuple[str, str]
    names: tuple[str, str]
    days: tuple[date, ...]
    spend: float
    currency: str | None = None


def told_by_two_names(
    tables: Tables, *, window: str | Window | None = None, where: Collection[Condition] = ()
) -> tuple[TwoNames, ...]:
    """Return the pairs of campaigns that have the same spend and impressions day by day.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    window : str or Window, optional
        The days that are looked at; None is all data.
    where : conditions, optional
        What campaigns and channels must meet.

    Returns
    -------
    tuple of TwoNames
        The largest spend first; empty where no two campaigns are alike on five days or more that differ
        among themselves, and on four of five days of the one that has fewer.
    """
    if REPORTS not in given(tables).names:
        return ()
    rows = tables.query(_pairs(resolve(window, tables))).to_pylist()
    kept = [row for row in rows if all(_meets(row, condition) for condition in where)]
    called = names_of(tables) if kept else {}
    found = []
    for (one, its, other, other_its), days in groupby(kept, key=lambda row: tuple(row[n] for n in _AS)):
        told = list(days)
        plain = its == other_its
        names = [
            called.get(name) or name if plain else place_of(name, channel, called.get(name) or "")
            for name, channel in ((one, its), (other, other_its))
        ]
        found.append(
            TwoNames(
                campaigns=(one, other),
                channels=(its, other_its),
                names=(names[0], names[1]),
                days=tuple(row["date"] for row in told),
                spend=sum(int(row["cents"]) for row in told) / 100,
                currency=tables.currency,
            )
        )
    return tuple(sorted(found, key=lambda pair: (-pair.spend, pair.campaigns, pair.channels)))


def _pairs(days: Window) -> str:
    """Return the SELECT of the days on which two are alike, of all pairs that are."""
    daily = (
        "SELECT date, campaign_id, channel, ROUND(SUM(spend) * 100) AS cents, SUM(impressions) AS shown"
        f" FROM {REPORTS} WHERE date >= DATE '{days.first}' AND date <= DATE '{days.last}'"
        " GROUP BY date, campaign_id, channel HAVING SUM(spend) > 0 AND SUM(impressions) > 0"
    )
    columns = ", ".join(f"{column} AS {name}" for column, name in zip(_PAIR.split(", "), _AS, strict=True))
    alike = (
        f"SELECT one.date AS date, {columns}, one.cents AS cents, one.shown AS shown"
        " FROM daily AS one JOIN daily AS other"
        " ON one.date = other.date AND one.cents = other.cents AND one.shown = other.shown"
        " AND (one.campaign_id < other.campaign_id"
        " OR one.campaign_id = other.campaign_id AND one.channel < other.channel)"
    )
    key = ", ".join(_AS)
    pairs = (
        f"SELECT {key}, COUNT(*) AS days FROM alike GROUP BY {key}"
        f" HAVING COUNT(DISTINCT cents) >= {_FEWEST} OR COUNT(DISTINCT shown) >= {_FEWEST}"
    )
    lasted = "SELECT campaign_id, channel, COUNT(*) AS days FROM daily GROUP BY campaign_id, channel"
    same = " AND ".join(f"alike.{name} = pairs.{name}" for name in _AS)
    return (
        f"WITH daily AS ({daily}), alike AS ({alike}), pairs AS ({pairs}), lasted AS ({lasted})"
        f" SELECT alike.date AS date, {', '.join(f'alike.{name} AS {name}' for name in _AS)},"
        f" alike.cents AS cents FROM alike JOIN pairs ON {same}"
        " JOIN lasted AS one ON one.campaign_id = alike.lesser AND one.channel = alike.lesser_channel"
        " JOIN lasted AS other ON other.campaign_id = alike.greater AND other.channel = alike.greater_channel"
        f" WHERE pairs.days >= {_MOST} * one.days OR pairs.days >= {_MOST} * other.days"
        " ORDER BY 2, 3, 4, 5, 1"
    )


def added_names(
    tables: Tables, answered: Collection[Leaf], where: tuple[Condition, ...], window: Window
) -> tuple[TwoNames, ...]:
    """Return what is told under two names behind figures of reports, where whole campaigns are asked for."""
    if not any(leaf.table == REPORTS for leaf in answered) or _of_parts(one.column for one in where):
        return ()
    return told_by_two_names(tables, window=window, where=where)


def caution_of_names(
    told: Sequence[TwoNames], by: tuple[str, ...], key: Slice, window: tuple[date, date]
) -> str:
    """Return what to bear in mind of a figure of reports that adds up what is told under two names.

    Examples
    --------
    >>> day = date(2024, 3, 4)
    >>> one = TwoNames(campaigns=("17", "spring"), channels=("email", "email"), names=("17", "Spring"),
    ...     days=(day,), spend=90.0, currency="EUR")
    >>> caution_of_names([one], ("channel",), ("email",), (day, day))
    '17 and Spring tell the same spend and impressions on 1 day (spend €90.00): if they are the same ones,
    they count twice'
    >>> caution_of_names([one], ("campaign",), ("17",), (day, day))
    ''
    """
    if _of_parts(by):
        return ""
    first, length = days_of(by, key, window)
    begins = window[0] + timedelta(days=first)
    of_slice = dict(zip(by, key, strict=True))
    mine = [
        one
        for one in told
        if all(side == of_slice.get("campaign", side) for side in one.campaigns)
        and all(side == of_slice.get("channel", side) for side in one.channels)
        and any(0 <= (day - begins).days < length for day in one.days)
    ]
    if not mine:
        return ""
    days = "1 day" if len(mine[0].days) == 1 else f"{len(mine[0].days):,} days"
    spent = format_value(mine[0].spend, "money", currency=mine[0].currency)
    more = f", as do {len(mine) - 1:,} pairs more" if len(mine) > 1 else ""
    names = " and ".join(mine[0].names)
    return f"{names} tell the same spend and impressions on {days} (spend {spent}){more}: {TWICE}"


def _of_parts(columns: Iterable[str]) -> bool:
    return bool({"creative", "segment", "region", "creative_id"} & set(columns))


def _meets(row: Mapping[str, str], condition: Condition) -> bool:
    """Return whether both names meet a condition on campaigns or channels; others are of both alike."""
    sides = {"campaign": ("lesser", "greater"), "channel": ("lesser_channel", "greater_channel")}
    values = [row[name] for name in sides.get(condition.column, ())]
    match condition.test:
        case "==":
            return all(value == condition.value for value in values)
        case "in":
            return all(value in condition.value for value in values)  # type: ignore[operator]
        case "!=" | "is not":
            return all(value != condition.value for value in values)
    return True
