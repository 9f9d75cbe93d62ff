"""Dimensions: by what a metric can be sliced, and where each table finds it.

A dimension stands in a column of the table itself, or is looked up: a campaign's type and channel in
`campaigns`, a buyer's region and signup month in `users`, an order's segment in the purchase event of the
same order.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from workbench.catalog import Catalog
from workbench.errors import UsageError, wrong_kind
from workbench.events.tables import TABLES

Grain = Literal["", "day", "week", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A column that another table holds for the rows of this one."""

    table: str  # the table that is sliced
    via: str  # the table that knows
    key: str  # the column both share
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One way to slice.

    Parameters
    ----------
    name, says : str
        The name, and what its values are.
    columns : tuple of (table, column)
        The tables that hold it themselves.
    lookups : tuple of Lookup
        Where other tables find it; where a table also has a column, the lookup fills its gaps.
    grain : str
        For a dimension of time, what a day is rounded down to.
    campaign : bool
        Whether it is an attribute of a campaign: revenue sliced by it is the revenue credited to campaigns.
    """

    name: str
    says: str
    columns: tuple[tuple[str, str], ...] = ()
    lookups: tuple[Lookup, ...] = ()
    grain: Grain = ""
    campaign: bool = False

    def column(self, table: str) -> str | None:
        """Return the table's own column for it."""
        return TABLES[table].day if self.grain else dict(self.columns).get(table)

    def lookup(self, table: str) -> Lookup | None:
        """Return where the table finds it elsewhere."""
        return next((lookup for lookup in self.lookups if lookup.table == table), None)

    def reaches(self, table: str, loaded: Collection[str]) -> bool:
        """Return whether the rows of a table can be sliced by it, given the tables that are loaded."""
        found = self.lookup(table)
        return self.column(table) is not None or (found is not None and found.via in loaded)


def _columns(column: str, *tables: str) -> tuple[tuple[str, str], ...]:
    return tuple((table, column) for table in tables)


def _campaign(column: str, *tables: str) -> tuple[Lookup, ...]:
    return tuple(Lookup(table=table, via="campaigns", key="campaign_id", column=column) for table in tables)


def _order(column: str) -> tuple[Lookup, ...]:
    return (Lookup(table="orders", via="facts", key="order_id", column=column),)


_BUYER = Lookup(table="orders", via="users", key="user_id", column="region")

DIMENSIONS: Catalog[Dimension] = Catalog(
    "dimension",
    [
        Dimension(
            name="campaign",
            says="The campaign, by its id.",
            columns=(
                *_columns(
                    "campaign_id",
                    "facts",
                    "daily_performance",
                    "leads",
                    "campaigns",
                    "creatives",
                    "experiments",
                ),
                ("users", "acquisition_campaign_id"),
            ),
            campaign=True,
        ),
        Dimension(
            name="campaign_type",
            says="What kind of campaign it is.",
            columns=_columns("campaign_type", "campaigns"),
            lookups=_campaign("campaign_type", "facts", "daily_performance", "leads"),
            campaign=True,
        ),
        Dimension(
            name="channel",
            says="The channel a message, an ad, a lead or a user came through.",
            columns=(
                *_columns("channel", "facts", "daily_performance", "leads", "campaigns", "consents"),
                ("users", "acquisition_channel"),
            ),
            lookups=_campaign("channel", "facts"),
            campaign=True,
        ),
        Dimension(
            name="creative",
            says="The creative, by its id.",
            columns=_columns("creative_id", "facts", "daily_performance", "creatives"),
            campaign=True,
        ),
        Dimension(
            name="segment",
            says="The behavioural segment of the user.",
            columns=_columns("segment", "facts", "daily_performance", "leads"),
            lookups=_order("segment"),
        ),
        Dimension(
            name="region",
            says="The region of the user.",
            columns=_columns("region", "facts", "daily_performance", "users", "consents", "campaigns"),
            lookups=(_BUYER,),
        ),
        Dimension(
            name="platform",
            says="The app platform of the user, or the ad platform of the campaign.",
            columns=_columns("platform", "facts", "daily_performance"),
            lookups=_order("platform"),
        ),
        Dimension(name="source", says="Where an event was recorded.", columns=_columns("source", "facts")),
        Dimension(
            name="kind",
            says="What an event's type leaves open: how a message was viewed, why a user unsubscribed ...",
            columns=_columns("kind", "facts"),
        ),
        Dimension(name="category", says="The category of an order.", columns=_columns("category", "orders")),
        Dimension(
            name="cohort",
            says="The month in which the user signed up.",
            columns=_columns("signup_at", "users"),
            lookups=(Lookup(table="orders", via="users", key="user_id", column="signup_at"),),
        ),
        Dimension(name="day", says="The day, UTC.", grain="day"),
        Dimension(name="date", says="The day, UTC.", grain="day"),
        Dimension(name="week", says="The week, by its Monday.", grain="week"),
        Dimension(name="month", says="The month, by its first day.", grain="month"),
    ],
)


def parse_by(by: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of dimensions, checked.

    Examples
    --------
    >>> parse_by("channel, week"), parse_by([])
    (('channel', 'week'), ())
    """
    if not isinstance(by, Iterable):
        raise wrong_kind("by", by, "the name of a dimension, or several; () for none")
    names = [part.strip() for part in by.split(",")] if isinstance(by, str) else list(by)
    names = [name for name in names if name and name != "none"]
    if len(set(names)) < len(names):
        raise UsageError(f"A dimension is named twice in {', '.join(names)}.")
    return tuple(DIMENSIONS[name].name for name in names)


def reaches(name: str, table: str, loaded: Collection[str]) -> bool:
    """Return whether the rows of a table know a dimension or a column of that name."""
    if name in DIMENSIONS and DIMENSIONS[name].reaches(table, loaded):
        return True
    return name in TABLES[table].columns


def ends(name: str, first: date) -> date:
    """Return the last day of the day, week or month that begins on a day.

    Examples
    --------
    >>> print(ends("day", date(2024, 2, 1)), ends("week", date(2024, 2, 5)), ends("month", date(2024, 2, 1)))
    2024-02-01 2024-02-11 2024-02-29
    """
    grain = DIMENSIONS[name].grain
    days = {"day": 1, "week": 7}.get(grain) or monthrange(first.year, first.month)[1]
    return first + timedelta(days=days - 1)


def days_of(by: Sequence[str], key: Sequence[object], window: tuple[date, date]) -> tuple[int, int]:
    """Return which days of a window belong to a slice, a month's or all: the first's place, and how many.

    Examples
    --------
    >>> span = date(2024, 1, 20), date(2024, 3, 9)
    >>> [days_of(["month"], [date(2024, month, 1)], span) for month in (1, 2, 3)]
    [(0, 12), (12, 29), (41, 9)]
    >>> days_of(["channel"], ["email"], span)
    (0, 50)
    """
    first, last = window
    for name, begins in zip(by, key, strict=True):
        if DIMENSIONS[name].grain and isinstance(begins, date):
            first, last = max(first, begins), min(last, ends(name, begins))
    return (first - window[0]).days, max((last - first).days + 1, 0)
