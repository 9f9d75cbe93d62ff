"""What reports of a platform tell twice under two names: by a campaign's name once, and by its id again.

The rows of both have keys of their own, so all are stored and added up. Two campaigns whose spend, to the
cent, and impressions are the same on nearly all of their days are one campaign, where these differ from day
to day: two that have the same daily budget, or bought as many impressions a day, are no double.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.metrics.told_twice import names_of
from workbench.metrics.window import resolve
from workbench.source import given

if TYPE_CHECKING:
    from workbench.metrics.window import Window
    from workbench.source import Tables

_FEWEST = 5  # days, and figures among them: on one or two, small sums are the same by chance
_MOST = 0.8  # of the days of the one that has fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoNames:
    """Two campaigns of one channel whose reports tell the same.

    Parameters
    ----------
    campaigns : tuple of two str
        Their ids.
    names : tuple of two str
        What they are called, where the table of campaigns says it; else their ids.
    days : int
        On how many days their spend and impressions are the same.
    spend : float
        What either spent on these days.
    """

    campaigns: tuple[str, str]
    names: tuple[str, str]
    days: int
    spend: float


def told_by_two_names(tables: Tables, *, window: str | Window | None = None) -> tuple[TwoNames, ...]:
    """Return the pairs of campaigns that have the same spend and impressions day by day.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    window : str or Window, optional
        The days that are looked at; None is all data.

    Returns
    -------
    tuple of TwoNames
        The largest spend first; empty where no two campaigns are alike on five days or more that differ
        among themselves, and on four of five days of the one that has fewer.
    """
    if "daily_performance" not in given(tables).names:
        return ()
    days = resolve(window, tables)
    daily = (
        "SELECT date, campaign_id, channel, ROUND(SUM(spend) * 100) AS cents, SUM(impressions) AS shown"
        f" FROM daily_performance WHERE date >= DATE '{days.first}' AND date <= DATE '{days.last}'"
        " GROUP BY date, campaign_id, channel HAVING SUM(spend) > 0 AND SUM(impressions) > 0"
    )
    alike = (
        "SELECT one.campaign_id AS lesser, other.campaign_id AS greater, one.channel AS channel,"
        " COUNT(*) AS days, SUM(one.cents) AS cents FROM daily AS one JOIN daily AS other"
        " ON one.date = other.date AND one.channel = other.channel AND one.cents = other.cents"
        " AND one.shown = other.shown AND one.campaign_id < other.campaign_id"
        " GROUP BY one.campaign_id, other.campaign_id, one.channel"
        f" HAVING COUNT(DISTINCT one.cents) >= {_FEWEST} OR COUNT(DISTINCT one.shown) >= {_FEWEST}"
    )
    lasted = "SELECT campaign_id, channel, COUNT(*) AS days FROM daily GROUP BY campaign_id, channel"
    rows = tables.query(
        f"WITH daily AS ({daily}), alike AS ({alike}), lasted AS ({lasted})"
        " SELECT lesser, greater, alike.days AS days, cents FROM alike"
        " JOIN lasted AS one ON one.campaign_id = lesser AND one.channel = alike.channel"
        " JOIN lasted AS other ON other.campaign_id = greater AND other.channel = alike.channel"
        f" WHERE alike.days >= {_MOST} * one.days OR alike.days >= {_MOST} * other.days"
        " ORDER BY cents DESC, lesser, greater"
    ).to_pylist()
    called = names_of(tables) if rows else {}
    return tuple(
        TwoNames(
            campaigns=(row["lesser"], row["greater"]),
            names=(called.get(row["lesser"]) or row["lesser"], called.get(row["greater"]) or row["greater"]),
            days=row["days"],
            spend=row["cents"] / 100,
        )
        for row in rows
    )
