"""What to bear in mind of a figure: which way it leans, what may be counted twice, which day is not whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from workbench.metrics.completeness import cut, read_by
from workbench.metrics.conditions import Condition
from workbench.metrics.history import begun_within, leanings
from workbench.metrics.intervals import ratio
from workbench.metrics.measures import Days, Leaf, Measure, leaves
from workbench.metrics.own_records import is_own
from workbench.metrics.slices import DIMENSIONS, ends
from workbench.metrics.sold_twice import SoldTwice, added_sales, caution_of_sales
from workbench.metrics.told_by_two_names import TwoNames, added_names, caution_of_names
from workbench.metrics.told_in_parts import REPORTS, ToldInParts, added_parts, caution_of_parts
from workbench.metrics.told_twice import TWICE, ToldTwice, added_twice, caution, slices_of_both
from workbench.metrics.unfinished import GIVEN_UP, NOT_OVER, last_day_of, unfinished
from workbench.metrics.window import DAY_COLUMNS

if TYPE_CHECKING:
    from workbench.metrics.values import Slice, Values
    from workbench.metrics.window import Window
    from workbench.source import Tables

_DAILY = ("facts", "daily_performance")
_WAITED_FOR = (*_DAILY, "orders", "leads")
_ENDS = "is on record only up to"
_LACKS = "so that later days are missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cautions:
    """What there is to bear in mind of figures over one window.

    Parameters
    ----------
    window : Window
        The days.
    leaning : dict
        Leaf -> which way it leans, because it looks back further than the records go.
    twice : dict
        Campaign -> what of it is both recorded and reported, and so added up; None -> that of all campaigns.
    both : dict
        ``clicks``, ``leads`` ... -> the slices in which it is both recorded and reported.
    parts : tuple of ToldInParts
        The campaigns whose reports tell the same days in two ways.
    names : tuple of TwoNames
        The campaigns that reports tell alike under two names, or on two channels.
    sold : SoldTwice or None
        The days whose sales are told by events and by a list of orders.
    begun : dict
        Table -> the first day that was not over when its data came.
    ends : dict
        Table -> its last day; empty where all that is asked for is on record up to the last one.
    last : date
        The last day of the window that is on record at all.
    told : frozenset of Leaf
        The leaves of such a table of which anything is known.
    young : dict
        Table -> its first day, where that lies within the window and figures a day are asked for.
    late : dict
        Table that ends early -> the slices of which it tells, but for those that others tell of only since.
    """

    window: Window
    leaning: dict[Leaf, str]
    twice: dict[str | None, list[ToldTwice]]
    both: dict[str, frozenset[Slice]]
    parts: tuple[ToldInParts, ...]
    names: tuple[TwoNames, ...]
    sold: SoldTwice | None
    begun: dict[str, date]
    ends: dict[str, date]
    last: date
    told: frozenset[Leaf]
    young: dict[str, date]
    late: dict[str, frozenset[Slice]]

    def of(self, formula: Measure, by: tuple[str, ...], key: Slice) -> str:
        """Return what to bear in mind of one figure; empty where it is sound."""
        added = self.twice, self.parts, self.names, self.sold
        if not any((*added, self.leaning, self.begun, self.ends, self.young)):  # thousands are asked for
            return ""
        said = [self.leaning[leaf] for leaf in leaves(formula) if leaf in self.leaning]
        said += self.doubles(formula, by, key)
        timed = any(DIMENSIONS[name].grain for name in by)
        said += [self._diluted(formula)] if self.young and not timed else []
        said += [self._unfinished(formula)] if self.begun and not timed else []
        said += [self._lacking(formula, key)] if self.ends and not timed else []
        return "; ".join(dict.fromkeys(part for part in said if part))

    def doubles(self, formula: Measure, by: tuple[str, ...], key: Slice) -> list[str]:
        """Return what of one figure may count twice."""
        campaign = key[by.index("campaign")] if "campaign" in by else None
        told = self.twice.get(campaign, []) if "campaign" not in by or campaign else []
        twice = [one for one in told if key in self.both[one.what]]
        said = [caution(twice, formula, by, key)] if twice else []
        if (self.parts or self.names) and any(leaf.table == REPORTS for leaf in leaves(formula)):
            span = self.window.first, self.window.last
            said += [caution_of_parts(self.parts, by, key, span), caution_of_names(self.names, by, key, span)]
        said += [caution_of_sales(self.sold, leaves(formula), by, key, self.window)] if self.sold else []
        return [part for part in said if part]

    def part(self, formula: Measure, by: Sequence[str], key: Sequence[object]) -> str:
        """Return how much of a day, a week or a month a figure is of; empty where it is of all of it."""
        if not self.begun:
            return cut(by, key, self.window)
        begun = self._begun(formula)
        last = [
            ends(name, first)
            for name, first in zip(by, key, strict=True)
            if DIMENSIONS[name].grain and isinstance(first, date)
        ]
        late = begun is not None and any(day >= begun for day in last)
        return cut(by, key, self.window) or (self._unfinished(formula) if late else "")

    def _unfinished(self, formula: Measure) -> str:
        day = self._begun(formula)
        return f"{day} {NOT_OVER}" if day else ""

    def _diluted(self, formula: Measure) -> str:
        """Return that a figure a day counts days before the records as days on which there was nothing."""
        parts = set(leaves(formula))
        first = max((self.young[leaf.table] for leaf in parts if leaf.table in self.young), default=None)
        if first is None or not any(isinstance(leaf, Days) for leaf in parts):
            return ""
        return f"days since {self.window.first} count, and records begin on {first} only"

    def clipped(self, formula: Measure, key: Slice) -> bool:
        """Return whether a figure lacks days that the one it is compared with has: no change is judged then.

        A ratio of which all parts lack the same day is as high as it would be with it.
        """
        partial = bool(self.begun) and ratio(formula) is None and self._begun(formula) is not None
        return partial or (bool(self.ends) and bool(self._lacking(formula, key)))

    def _lacking(self, formula: Measure, key: Slice) -> str:
        """Return which part of a figure ends before others: revenue over the spend of fewer days is high."""
        read = {leaf.table for leaf in leaves(formula) if leaf in self.told}
        summed = ratio(formula) is None
        alone = read == {"daily_performance"}
        if summed:  # of what events and platforms tell of a slice, the one that is late lacks days
            both = "daily_performance" in read  # what only events tell may have ended
            read = {name for name in read if both and key in self.late.get(name, ())}
        # A shop without an order for days has sold nothing.
        if not read if summed else len(read) < 2:
            return ""
        last = self.last if summed else max(self.ends[name] for name in read)
        late = {self.ends[name]: name for name in read & set(_DAILY) if self.ends[name] < last}
        near = {day: name for day, name in late.items() if (last - day).days <= GIVEN_UP}
        if not near or min(near) < self.window.first:
            return ""
        said = f"{near[min(near)].replace('_', ' ').replace('facts', 'event data')} {_ENDS} {min(near)}"
        return f"{said}, {_LACKS}" if alone else said

    def _begun(self, formula: Measure) -> date | None:
        read = {name for leaf in leaves(formula) if not is_own(leaf) for name in read_by(leaf)}
        return min((day for name, day in self.begun.items() if name in read), default=None)


def in_short(said: str) -> str:
    """Return a caution in a few words, for a card; what is the same for all cards is left to their page.

    Examples
    --------
    >>> in_short("before 2024-04-30, old customers look new: purchases are on record since 2024-01-01 only")
    'Leans near the start of the records'
    >>> in_short("2024-03-31 was not over when its data came")
    ''
    """
    parts = [part for part in said.split("; ") if part and not part.endswith(NOT_OVER)]
    if any(part.endswith(TWICE) for part in parts):
        return "Some of it may count twice"
    if any(part.endswith(_LACKS) for part in parts):
        return "Its last days are missing"
    if any(_ENDS in part for part in parts):
        return "Its parts end on different days"
    return "Leans near the start of the records" if parts else ""


def counted_twice(said: Iterable[str]) -> str:
    """Return a few words for a row of a table, of whose figures some may count the same things twice.

    Examples
    --------
    >>> counted_twice(["2024-03-31 was not over when its data came", ""])
    ''
    """
    return "may count twice" if any(TWICE in one for one in said) else ""


def cautions(
    tables: Tables,
    answered: Collection[Leaf],
    where: tuple[Condition, ...],
    window: Window,
    values: Values,
) -> Cautions:
    """Return what there is to bear in mind of figures that have been measured.

    Parameters
    ----------
    tables : Tables
        The data.
    answered : collection of Leaf
        The leaves that have an answer.
    where : tuple of Condition
        What rows had to meet.
    window : Window
        The days.
    values : Values
        The answers.
    """
    read = {name for leaf in answered if not is_own(leaf) for name in read_by(leaf)}
    begun = unfinished(tables, window) if read & set(DAY_COLUMNS) else {}
    last = min(tables.last_day or window.last, window.last)
    ends = _ends(tables, read, last)
    return replace(
        doubles(tables, answered, where, window, values),
        leaning=leanings(tables, answered, window),
        begun=begun,
        ends=ends,
        last=last,
        young=begun_within(tables, read, window) if any(isinstance(leaf, Days) for leaf in answered) else {},
        told=frozenset(leaf for leaf in answered if leaf.table in ends and _is_told(leaf, values)),
        late={name: _late(name, day, values, window) for name, day in ends.items() if name in _DAILY},
    )


def doubles(
    tables: Tables,
    answered: Collection[Leaf],
    where: tuple[Condition, ...],
    window: Window,
    values: Values,
) -> Cautions:
    """Return what may count twice of figures of an earlier window, of which nothing else is asked."""
    twice = added_twice(tables, answered, where, window, values)
    return Cautions(
        window=window,
        leaning={},
        twice=_by_campaign(twice),
        both=slices_of_both(twice, values),
        parts=added_parts(tables, answered, where, window),
        names=added_names(tables, answered, where, window),
        sold=added_sales(tables, answered, where, window),
        begun={},
        ends={},
        last=window.last,
        told=frozenset(),
        young={},
        late={},
    )


def _ends(tables: Tables, read: Collection[str], last: date) -> dict[str, date]:
    """Return the last day of each table up to `last`; nothing where the reports of platforms reach it."""
    if "daily_performance" not in read or "daily_performance" not in tables.names:
        return {}
    names = [name for name in _WAITED_FOR if name in read and name in tables.names]
    ends = {name: min(last_day_of(tables, name), last) for name in names}
    return ends if any(day < last for name, day in ends.items() if name in _DAILY) else {}


def _late(table: str, end: date, values: Values, window: Window) -> frozenset[Slice]:
    """Return the slices that lack days of a table after its end: in others, events took over from it."""
    places = (end - window.first).days + 1
    told, since = np.zeros(len(values.slices), bool), np.zeros(len(values.slices), bool)
    other = np.zeros(len(values.slices), bool)
    for leaf, days in values.daily.items():
        if leaf.table == table:
            told |= (days != 0).any(axis=1)
        elif leaf.table in _DAILY:
            since |= (days[:, max(places, 0) :] != 0).any(axis=1)
            other |= (days[:, : max(places, 0)] != 0).any(axis=1)
    return frozenset(values.slices[place] for place in np.flatnonzero(told & (other | ~since)))


def _is_told(leaf: Leaf, values: Values) -> bool:
    return leaf not in values.totals or not np.isnan(values.totals[leaf]).all()


def _by_campaign(told: Sequence[ToldTwice]) -> dict[str | None, list[ToldTwice]]:
    found: dict[str | None, list[ToldTwice]] = {None: list(told)} if told else {}
    for one in told:
        found.setdefault(one.campaign, []).append(one)
    return found
