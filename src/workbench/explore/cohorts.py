"""Cohorts: of those who signed up in a month, who orders again, and what they bring.

Words: a user's *age* is counted in windows of 30 days after signup: age 1 is days 1-30, age 2 days 31-60; age
0 is the day of signup. *Retention* is the share of a cohort with an order at an age; *activation* is the
share whose first order came within so many days. A cell is shown only when its whole cohort is old enough,
and a cohort only when the records of orders had begun.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.errors import UsageError
from workbench.explore.query import ask, days_since_epoch, month_number
from workbench.explore.shares import share_with_interval
from workbench.explore.view import View, frame_of, lacking, listed, number
from workbench.metrics import sql
from workbench.metrics.unfinished import last_whole_day
from workbench.metrics.user_means import means
from workbench.metrics.window import Window, parse_window
from workbench.result import format_value
from workbench.source import given

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

By = Literal["channel", "campaign", "region"]
Rows = Sequence[Mapping[str, Any]]
AGE_DAYS = 30
ACTIVATION_DAYS = (30, 60, 90)
_SLACK = timedelta(days=3)  # a month whose first days had no order is still a month on record
ENOUGH_USERS = 30  # for an interval of a mean
_COLUMNS = {"channel": "acquisition_channel", "campaign": "acquisition_campaign_id", "region": "region"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCell:
    """One cohort at one age.

    Parameters
    ----------
    cohort : date
        The first day of the month of signup.
    slice : str
        The channel, campaign or region, where asked for; else empty.
    users, active : int
        The size of the cohort, and how many of it ordered at this age.
    retention, low, high : float or None
        active / users with Wilson's 95 % interval; None at age 0.
    revenue_per_user : float
        Revenue at this age over all users of the cohort, with a 95 % interval from 30 users and one order on.
    cumulative_per_user : float
        The same up to this age.
    """

    cohort: date
    slice: str
    age: int
    users: int
    active: int
    retention: float | None
    low: float | None
    high: float | None
    revenue_per_user: float
    revenue_low: float | None
    revenue_high: float | None
    cumulative_per_user: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationCell:
    """The share of one cohort whose first order came within `within_days` of signup."""

    cohort: date
    slice: str
    within_days: int
    users: int
    activated: int
    activation: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohorts(View):
    """Signup months by age; `basis` is ``"signup"``, or ``"first order"`` where no users are loaded."""

    basis: str
    by: str | None
    as_of: date | None
    cells: tuple[CohortCell, ...]
    activation: tuple[ActivationCell, ...]
    currency: str | None
    missing: str = ""

    def retention_at(self, age: int, *, seen: int | None = None) -> float | None:
        """Return the share who ordered at an age, of all cohorts seen so long, or up to a later age."""
        old = {(cell.cohort, cell.slice) for cell in self.cells if cell.age == (seen or age)}
        cells = [cell for cell in self.cells if cell.age == age and (cell.cohort, cell.slice) in old]
        users = sum(cell.users for cell in cells)
        return sum(cell.active for cell in cells) / users if users else None

    @property
    def sentence(self) -> str:
        """Return the retention of the first windows, all of the same cohorts."""
        if self.missing:
            return self.missing
        ages = sorted({cell.age for cell in self.cells if cell.age > 0})[:3]
        found = [(age, format_value(self.retention_at(age, seen=ages[-1]), "%")) for age in ages]
        parts = [f"{share} in days {30 * age - 29}-{30 * age}" for age, share in found]
        count = len({cell.cohort for cell in self.cells if cell.age == ages[-1]})
        cohorts = f"{count} monthly cohort{'' if count == 1 else 's'} (by {self.basis})"
        return f"Of the users of {cohorts} seen for {30 * ages[-1]} days, {listed(parts)} ordered."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per cohort and age."""
        return frame_of(self.cells, CohortCell)

    def activation_frame(self) -> pd.DataFrame:
        """Return one row per cohort and number of days."""
        return frame_of(self.activation, ActivationCell)


def cohorts(tables: Tables, *, by: By | None = None, window: str | Window | None = None) -> Cohorts:
    """Return retention, revenue and activation of signup months.

    Parameters
    ----------
    tables : Tables
        Needs orders; cohorts are months of signup where users are loaded, else months of the first order.
    by : {"channel", "campaign", "region"}, optional
        How the users were acquired, or where they live; needs users.
    window : str or Window, optional
        The days of signup.

    Notes
    -----
    A user counts once per age, however many orders; a return is no order, but lowers revenue.
    """
    loaded = given(tables).names
    basis = "signup" if "users" in loaded else "first order"
    if "orders" not in loaded:
        return _nothing(basis, by, lacking(tables, "orders"))
    if by is not None and by not in _COLUMNS:
        raise UsageError(f"Cohorts cannot be split by {by!r}. Known: {', '.join(_COLUMNS)}.")
    if by is not None and basis != "signup":
        return _nothing(basis, by, f"Not enough data: without users nobody has a {by}; load users first.")
    last, (first, end) = tables.last_day, _on_record(tables)
    if last is None:
        return _nothing(basis, by, lacking(tables))
    # Where orders come less often than events, nobody knows yet who ordered after the last of them.
    known = min(last, last_whole_day(tables, "orders", end)) if end else last
    days = parse_window(window, last, date(1900, 1, 1))
    column = _COLUMNS[by] if by else None
    sizes = ask(tables, lambda: _sizes(basis, column), "cohort sizes", basis, column, window=days)
    ages = ask(tables, lambda: _ages(basis, column), "cohort ages", basis, column, window=days)
    firsts = ask(tables, lambda: _firsts(basis, column), "cohort firsts", basis, column, window=days)
    since = first if basis == "signup" else None
    result = cohort_table(sizes, ages, firsts, as_of=known, since=since)
    missing = "" if result[0] else "Not enough data: no cohort of these days has had 30 days yet."
    return Cohorts(
        basis=basis,
        by=by,
        as_of=known,
        cells=result[0],
        activation=result[1] if basis == "signup" else (),  # all have ordered by their first order
        currency=tables.currency,
        missing=missing,
    )


def cohort_table(
    sizes: Rows, ages: Rows, firsts: Rows, *, as_of: date, since: date | None = None
) -> tuple[tuple[CohortCell, ...], tuple[ActivationCell, ...]]:
    """Return the cells of all cohorts that are old enough on a day.

    Parameters
    ----------
    sizes : sequence of dict
        cohort (12 x year + month - 1), slice, users.
    ages : sequence of dict
        cohort, slice, age, active, revenue, squares and cubes (of the revenue of each user at this age), and
        how many brought less than nothing (below).
    firsts : sequence of dict
        cohort, slice, days (of the first order after signup), users.
    since : date, optional
        The day the records of orders begin: of earlier cohorts it is unknown what they bought at first.
    """
    cells: list[CohortCell] = []
    activation: list[ActivationCell] = []
    found = {(row["cohort"], row["slice"], row["age"]): row for row in ages}
    for size in sorted(sizes, key=lambda row: (row["cohort"], str(row["slice"]))):
        cohort, place = int(size["cohort"]), (size["cohort"], size["slice"])
        if since is not None and _first_day(cohort) + _SLACK < since:
            continue
        # The youngest of the cohort signed up on the last day of its month.
        old_enough = ((as_of - _first_day(cohort + 1)).days + 1) // AGE_DAYS
        total = 0.0
        for age in range(old_enough + 1 if old_enough > 0 else 0):
            cell = _cell(size, found.get((*place, age)), age, total)
            total = cell.cumulative_per_user
            cells.append(cell)
        activation.extend(
            _activation(size, within, firsts) for within in ACTIVATION_DAYS if old_enough * AGE_DAYS >= within
        )
    return tuple(cells), tuple(activation)


def _on_record(tables: Tables) -> tuple[date | None, date | None]:
    """Return the days of the first and the last order."""
    row = ask(tables, _ends_of_orders, "first and last order on record")[0]
    days = (row["first_day"], row["last_day"])
    first, last = (None if day is None else date(1970, 1, 1) + timedelta(days=int(day)) for day in days)
    return first, last


def _ends_of_orders() -> Any:
    orders = sql.unbound("orders")
    day = days_since_epoch(orders.ordered_at)
    return orders.aggregate(first_day=day.min(), last_day=day.max())


def _first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def _cell(size: Mapping[str, Any], row: Mapping[str, Any] | None, age: int, before: float) -> CohortCell:
    users = int(size["users"])
    active = int(row["active"] or 0) if row else 0
    mean = float(row["revenue"] or 0) / users if row else 0.0
    ends = _ends(row, users) if row and users >= ENOUGH_USERS else (None, None)
    share, low, high = share_with_interval(active, users)
    return CohortCell(
        cohort=_first_day(int(size["cohort"])),
        slice=str(size["slice"] or ""),
        age=age,
        users=users,
        active=active,
        retention=share if age else None,
        low=low if age else None,
        high=high if age else None,
        revenue_per_user=mean,
        revenue_low=ends[0],
        revenue_high=ends[1],
        cumulative_per_user=before + mean,
    )


def _ends(row: Mapping[str, Any], users: int) -> tuple[float | None, float | None]:
    """Return the interval of the revenue per user of a cell; None where nobody differs."""
    powers = tuple(np.array([float(row[name] or 0)]) for name in ("revenue", "squares", "cubes"))
    found = means(powers, np.array([float(users)]), least=-np.inf if row["below"] else 0.0)
    return number(found.low[0]), number(found.high[0])


def _activation(size: Mapping[str, Any], within: int, firsts: Rows) -> ActivationCell:
    users = int(size["users"])
    count = sum(
        int(row["users"])
        for row in firsts
        if (row["cohort"], row["slice"]) == (size["cohort"], size["slice"]) and 0 <= row["days"] <= within
    )
    share, low, high = share_with_interval(count, users)
    return ActivationCell(
        cohort=_first_day(int(size["cohort"])),
        slice=str(size["slice"] or ""),
        within_days=within,
        users=users,
        activated=count,
        activation=share or 0.0,
        low=low,
        high=high,
    )


def _nothing(basis: str, by: str | None, reason: str) -> Cohorts:
    return Cohorts(basis=basis, by=by, as_of=None, cells=(), activation=(), currency=None, missing=reason)


def _people(basis: str, column: str | None) -> Any:
    """Return one row per user: id, the day and the month of signup (or first order), the slice."""
    if basis == "signup":
        users = sql.unbound("users")
        return users.filter(sql.within(users.signup_at, instant=True)).select(
            who=users.user_id,
            born=days_since_epoch(users.signup_at),
            cohort=month_number(users.signup_at),
            slice=users[column] if column else sql.literal(""),
        )
    orders = _bought()
    first = orders.group_by("user_id").agg(at=orders.ordered_at.min())
    return first.filter(sql.within(first.at, instant=True)).select(
        who=first.user_id,
        born=days_since_epoch(first["at"]),
        cohort=month_number(first["at"]),
        slice=sql.literal(""),
    )


def _bought() -> Any:
    orders = sql.unbound("orders")
    known = orders.filter(orders.user_id.notnull())
    return known.filter((known.is_return == sql.literal(value=False)) & (known.order_value > 0))


def _sizes(basis: str, column: str | None) -> Any:
    people = _people(basis, column)
    return people.group_by(["cohort", "slice"]).agg(users=people.count())


def _ages(basis: str, column: str | None) -> Any:
    people, orders = _people(basis, column), sql.unbound("orders")
    joined = people.inner_join(
        orders.filter(orders.user_id.notnull()).select(
            buyer="user_id",
            bought=days_since_epoch(orders.ordered_at),
            value="order_value",
            real=sql.when((orders.is_return == sql.literal(value=False)) & (orders.order_value > 0), 1, 0),
        ),
        [("who", "buyer")],
    )
    old = joined.mutate(day=joined.bought - joined.born)
    aged = old.filter(old.day >= 0).mutate(age=(old.day + AGE_DAYS - 1) // AGE_DAYS)
    each = aged.group_by(["cohort", "slice", "age", "who"]).agg(value=aged.value.sum(), real=aged.real.max())
    return each.group_by(["cohort", "slice", "age"]).agg(
        active=each.real.sum(),
        revenue=each.value.sum(),
        squares=(each.value * each.value).sum(),
        cubes=(each.value * each.value * each.value).sum(),
        below=sql.when(each.value < 0, 1, 0).sum(),
    )


def _firsts(basis: str, column: str | None) -> Any:
    people, orders = _people(basis, column), _bought()
    joined = people.inner_join(
        orders.select(buyer="user_id", bought=days_since_epoch(orders.ordered_at)), [("who", "buyer")]
    )
    later = joined.filter(joined.bought >= joined.born)
    each = later.group_by(["cohort", "slice", "who", "born"]).agg(first=later.bought.min())
    waited = each.mutate(days=each["first"] - each.born)
    near = waited.filter(waited.days <= max(ACTIVATION_DAYS))
    return near.group_by(["cohort", "slice", "days"]).agg(users=near.count())
