"""What is recorded here and reported by a platform as well: added up, the same clicks may count twice.

A figure is the sum of what was recorded (events, leads) and what platforms report. Each is of other campaigns
as a rule. Where both tell of the same campaign on the same channel at the same time, nobody but its owner
knows whether they tell of the same people. What a platform reported until events took over counts once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.metrics.conditions import Condition
from workbench.metrics.measures import Leaf, Measure, leaves
from workbench.metrics.mixed_channels import mixed_campaigns
from workbench.metrics.plan import plan
from workbench.metrics.presence import loaded
from workbench.metrics.terms import clicks, conversions, credited_revenue, impressions, leads
from workbench.metrics.values import Floats, Slice, Values, fetch
from workbench.metrics.window import resolve
from workbench.result import format_value
from workbench.source import given

if TYPE_CHECKING:
    from workbench.metrics.window import Window
    from workbench.source import Tables

TWICE = "if they are the same ones, they count twice"
_BY = ("campaign", "channel")
_ADDED: dict[str, Measure] = {
    "impressions": impressions,
    "clicks": clicks,
    "conversions": conversions,
    "revenue": credited_revenue,
    "leads": leads,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldTwice:
    """One campaign on one channel of which something is both recorded and reported.

    Parameters
    ----------
    what : str
        ``clicks``, ``leads`` ...
    campaign, channel : str
        Of which; the channel may be unknown.
    recorded, reported : float
        How many are recorded as events or leads, and how many the platform reports, from the first to the
        last day of which both tell: a conversion is not reported on the very day on which it is recorded.
    name : str
        What the campaign is called, where the table of campaigns says it.
    currency : str or None
        Of the money, where it is known.
    """

    what: str
    campaign: str
    channel: str | None
    recorded: float
    reported: float
    name: str = ""
    currency: str | None = None

    @property
    def place(self) -> str:
        """Return the campaign and its channel in words."""
        return place_of(self.campaign, self.channel, self.name)


def place_of(campaign: str, channel: str | None, name: str) -> str:
    """Return a campaign and its channel in words.

    Examples
    --------
    >>> place_of("c1", "paid_social", "Spring"), place_of("c1", None, "")
    ('Spring (paid social)', 'c1')
    """
    called = name or campaign
    return f"{called} ({channel.replace('_', ' ')})" if channel else called


def told_twice(tables: Tables, *, window: str | Window | None = None) -> tuple[ToldTwice, ...]:
    """Return what is both recorded and reported of a campaign on a channel, and so added up.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    window : str or Window, optional
        The days that are looked at; None is all data.

    Returns
    -------
    tuple of ToldTwice
        By figure and campaign; empty where no campaign is told of twice.
    """
    given(tables)
    if "daily_performance" not in tables.names:
        return ()
    wanted = {leaf for added in _ADDED.values() for leaf in leaves(added)}
    return _found(tables, wanted, (), resolve(window, tables))


def added_twice(
    tables: Tables,
    answered: Collection[Leaf],
    where: tuple[Condition, ...],
    window: Window,
    values: Values,
) -> tuple[ToldTwice, ...]:
    """Return what is told twice behind figures that have been measured; nothing is asked without need."""
    some = {leaf for leaf in answered if leaf in values.totals and np.nansum(np.abs(values.totals[leaf])) > 0}
    kept = tuple(condition for condition in where if condition.column in _BY)
    return _found(tables, some, kept, window)


def slices_of_both(told: Sequence[ToldTwice], values: Values) -> dict[str, frozenset[Slice]]:
    """Return in which slices something is both recorded and reported; in the others it is told once."""
    both = {}
    for what in {one.what for one in told}:
        sums = [values.totals[leaf] for leaf in leaves(_ADDED[what]) if leaf in values.totals]
        places = np.flatnonzero(np.all([np.nan_to_num(counted) > 0 for counted in sums], axis=0))
        both[what] = frozenset(values.slices[place] for place in places)
    return both


def caution(told: Sequence[ToldTwice], formula: Measure, by: tuple[str, ...], key: Slice) -> str:
    """Return what to bear in mind of one figure: which part of it may be counted twice.

    Examples
    --------
    >>> one = ToldTwice(what="clicks", campaign="spring", channel="social", recorded=90.0, reported=100.0)
    >>> caution([one], clicks / impressions, ("campaign",), ("spring",))
    'clicks of spring (social) are recorded (90) and reported by a platform (100): if they are the same ones,
    they count twice'
    >>> caution([one], clicks / impressions, ("campaign",), ("summer",))
    ''
    """
    asked = set(leaves(formula))
    of_slice = {name: value for name, value in zip(by, key, strict=True) if name in _BY}
    mine = [
        one
        for one in told
        if asked >= set(leaves(_ADDED[one.what]))
        and of_slice.get("campaign", one.campaign) == one.campaign
        and of_slice.get("channel", one.channel) == one.channel
    ]
    if not mine:
        return ""
    first = max(mine, key=lambda one: min(one.recorded, one.reported))
    others = len({(one.campaign, one.channel) for one in mine}) - 1
    are, those = ("is", "that") if first.what == "revenue" else ("are", "those")
    more = f", as {are} {those} of {others:,} more" if others else ""
    unit = "money" if first.what == "revenue" else "count"
    recorded, reported = (
        format_value(value, unit, currency=first.currency) for value in (first.recorded, first.reported)
    )
    return (
        f"{first.what} of {first.place} {are} recorded ({recorded}) and reported by a platform"
        f" ({reported}){more}: {TWICE}"
    )


def _found(
    tables: Tables, wanted: Collection[Leaf], where: tuple[Condition, ...], window: Window
) -> tuple[ToldTwice, ...]:
    pairs = {what: leaves(added) for what, added in _ADDED.items() if set(leaves(added)) <= set(wanted)}
    if not pairs:
        return ()
    reported = _counted(tables, [told for _, told in pairs.values()], where, window, ())
    campaigns = {key[0] for place, key in enumerate(reported.slices) if _positive(reported, place)}
    if not campaigns:
        return ()
    own = [leaf for leaf, _ in pairs.values()]
    mixed = tuple(name for name in mixed_campaigns(tables, own, _BY, where) if name in campaigns)
    recorded = _counted(tables, own, where, window, mixed)
    found = []
    for what, (ours, platform) in pairs.items():
        counted = dict(zip(recorded.slices, np.nan_to_num(recorded.of(ours)).tolist(), strict=True))
        found += [
            ToldTwice(what=what, campaign=key[0], channel=key[1], recorded=mine, reported=float(theirs))
            for key, theirs in zip(reported.slices, reported.of(platform), strict=True)
            if key[0] is not None and theirs > 0 and (mine := _of(counted, key)) > 0
        ]
    found = _at_the_same_time(tables, found, pairs, where, window, mixed)
    names = names_of(tables) if found else {}
    return tuple(replace(one, name=names.get(one.campaign) or "", currency=tables.currency) for one in found)


def _at_the_same_time(
    tables: Tables,
    found: Sequence[ToldTwice],
    pairs: Mapping[str, tuple[Leaf, ...]],
    where: tuple[Condition, ...],
    window: Window,
    mixed: tuple[str, ...],
) -> list[ToldTwice]:
    """Return what is both recorded and reported between the first and the last day of which both tell."""
    shared = []
    for what in dict.fromkeys(one.what for one in found):  # one by one: days take room
        ours, platform = pairs[what]
        recorded = _daily(_counted(tables, [ours], where, window, mixed, daily=True), ours)
        reported = _daily(_counted(tables, [platform], where, window, (), daily=True), platform)
        for one in (one for one in found if one.what == what):
            key = (one.campaign, one.channel)
            mine = np.sum([recorded[place] for place in {key, (key[0], None)} & set(recorded)], axis=0)
            theirs = reported[key]
            ends = _ends(mine), _ends(theirs)
            first, last = max(ends[0][0], ends[1][0]), min(ends[0][1], ends[1][1])
            both = [float(counted[first : last + 1].sum()) for counted in (mine, theirs)]
            if first <= last:  # where the few of the one lie between the few of the other, all are told
                shared.append(replace(one, recorded=both[0], reported=both[1]) if min(both) > 0 else one)
    return shared


def _daily(values: Values, leaf: Leaf) -> dict[Slice, Floats]:
    return dict(zip(values.slices, values.daily[leaf], strict=True))


def _ends(counted: Floats) -> tuple[int, int]:
    """Return the places of the first and the last day on which something was counted."""
    days = np.flatnonzero(counted)
    return int(days[0]), int(days[-1])


def names_of(tables: Tables) -> dict[str, str]:
    """Return what campaigns are called, by their ids."""
    if "campaigns" not in tables.names:
        return {}
    rows = tables.query("SELECT campaign_id, name FROM campaigns")
    return dict(zip(*(rows.column(name).to_pylist() for name in rows.column_names), strict=True))


def _of(recorded: Mapping[Slice, float], key: Slice) -> float:
    """Return what is recorded of a campaign on a channel; what names no channel may be of any."""
    return sum(recorded.get(one, 0.0) for one in {key, (key[0], None)})


def _positive(values: Values, place: int) -> bool:
    return any(counted[place] > 0 for counted in values.totals.values())


def _counted(
    tables: Tables,
    wanted: Sequence[Leaf],
    where: tuple[Condition, ...],
    window: Window,
    mixed: tuple[str, ...],
    *,
    daily: bool = False,
) -> Values:
    there = loaded(tables, wanted)
    needed = plan(wanted, by=_BY, where=where, loaded=there, daily=daily, mixed=mixed)
    return fetch(tables, needed, _BY, window)
