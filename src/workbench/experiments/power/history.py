"""What a metric was for each user lately, from a workspace: the level and spread that a plan needs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import NotEnoughData, unknown_name
from workbench.events.tables import TABLES
from workbench.experiments.power.baseline import Kind
from workbench.experiments.power.duration import OF_CUSTOMERS, check_events
from workbench.experiments.power.user_values import UserValues, user_values
from workbench.experiments.users.outcomes import Outcome, Terms, UserLeaf, outcome
from workbench.metrics import sql
from workbench.metrics.definitions import METRICS
from workbench.metrics.measures import Distinct, leaves
from workbench.metrics.metric import Metric
from workbench.metrics.presence import loaded
from workbench.metrics.queries import Query, hoisted, value_of
from workbench.metrics.user_keys import user_key, with_user_keys
from workbench.metrics.window import Window, resolve
from workbench.source import given

if TYPE_CHECKING:
    from workbench.source import Tables

Expression = Any
_KINDS: dict[str, Kind] = {"share": "proportion", "mean": "mean", "ratio": "ratio"}


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A metric of single users over some days, and over as many days before them.

    Parameters
    ----------
    metric : Metric
        Of the dictionary.
    outcome : Outcome
        What it is per user.
    values : UserValues
        Of the users who came within the days.
    window : Window
        The days.
    before_days : int
        The days before them whose figures stand beside; 0 where there are none.
    """

    metric: Metric
    outcome: Outcome
    values: UserValues
    window: Window
    before_days: int

    @property
    def label(self) -> tuple[str, str]:
        """Return what is compared and its unit; a number per user is no count any more."""
        unit = "%" if self.outcome.kind == "share" else self.metric.unit
        return self.outcome.says, "" if unit == "count" else unit


def history(
    tables: Tables,
    metric: str | Metric,
    *,
    days: int = 28,
    before_days: int = 28,
    events: Sequence[str] = (),
) -> History:
    """Return what each user brought in the last days with data, and in the days before.

    Users are those who came in these days, whoever brought nothing too: a test would have had them.

    Parameters
    ----------
    tables : Tables
        Needs facts.
    metric : str or Metric
        One that users have: revenue, orders, ctr, conversions ...
    days : int
        How long a test would take.
    before_days : int
        Of the time before; it is left out where the data begin later.
    events : sequence of str
        The events that would bring a user into the test; by default all that customers cause or receive.

    Raises
    ------
    UsageError
        If metric or event are unknown, or the metric has no users.
    NotEnoughData
        If nobody came, or what the metric needs is not loaded.
    """
    if isinstance(metric, str) and metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    chosen = METRICS[metric] if isinstance(metric, str) else metric
    kinds = check_events(events) or OF_CUSTOMERS
    if "facts" not in given(tables).names:
        raise NotEnoughData("Not enough data: no events loaded, so nobody knows who came.")
    known = loaded(tables, leaves(chosen.is_) + (leaves(chosen.credited) if chosen.credited else ()))
    found = outcome(chosen, known)
    for leaf in found.leaves:
        if missing := leaf.needs - known:
            raise NotEnoughData(f"Not enough data: {leaf} needs {', '.join(sorted(missing))}.")
    everything = resolve(None, tables)
    window = Window.ending(everything.last, days)
    before = before_days if everything.first <= window.first - timedelta(days=before_days) else 0
    asked = _Asked(outcome=found, cut=window.first, before=before, events=kinds, loaded=known)
    text = sql.to_sql(lambda: _distinct(asked), asked.key, tables.dialect)
    text = with_user_keys(text, tables.dialect)
    span = Window(window.first - timedelta(days=before), window.last)
    answer = tables.query(sql.with_window(text, span))
    if not answer.num_rows:
        raise NotEnoughData(f"Not enough data: nobody came {window.told}.")
    columns = {
        name: answer.column(place).to_numpy(zero_copy_only=False) for name, place in asked.places.items()
    }
    values = user_values(
        columns["value"],
        columns.get("of"),
        before=columns.get("before"),
        of_before=columns.get("of before"),
        kind=_KINDS[found.kind],
        users=answer.column("users_").to_numpy(zero_copy_only=False),
    )
    return History(metric=chosen, outcome=found, values=values, window=window, before_days=before)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the query depends on, but the last day."""

    outcome: Outcome
    cut: date
    before: int
    events: tuple[str, ...]
    loaded: frozenset[str]

    @property
    def key(self) -> tuple[object, ...]:
        leaves_ = tuple(map(repr, self.outcome.leaves))
        tables = tuple(sorted(self.loaded & set(TABLES)))
        terms = (_weights(self.outcome.numerator), _weights(self.outcome.denominator))
        return ("history", _source(), leaves_, terms, self.cut.isoformat(), self.before, self.events, tables)

    @property
    def columns(self) -> dict[str, tuple[Terms, bool]]:
        """Return the terms of each column, and whether they are of the time before."""
        sides = {"value": self.outcome.numerator, "of": self.outcome.denominator}
        now = {name: (terms, False) for name, terms in sides.items() if terms}
        past = {name: (terms, True) for name, terms in sides.items() if terms}
        return now | ({_PAST[name]: part for name, part in past.items()} if self.before else {})

    @property
    def places(self) -> dict[str, str]:
        """Return what each column is called in the answer."""
        return {name: f"c{place}" for place, name in enumerate(self.columns)}


_PAST = {"value": "before", "of": "of before"}


def _weights(terms: Terms) -> tuple[tuple[str, float], ...]:
    return tuple((repr(leaf), weight) for leaf, weight in terms)


def _distinct(asked: _Asked) -> Expression:
    """Return the distinct figures of users and how many users have them."""
    cut = sql.literal(asked.cut.isoformat(), "date")
    facts = sql.unbound("facts")
    came = [facts.event_type.isin(list(asked.events)), facts.user_key.notnull(), facts.day >= cut]
    rows = facts.filter([*sql.within(facts.day, instant=False), *came]).select(who_="user_key").distinct()
    found = asked.outcome.leaves
    for table in dict.fromkeys(leaf.table for leaf in found):
        mine = tuple(leaf for leaf in found if leaf.table == table)
        sums = _summed(asked, table, mine)
        rows = rows.left_join(sums, rows.who_ == sums.user_).drop("user_")
    made = {
        asked.places[name]: _weighted(rows, found, terms, before=before)
        for name, (terms, before) in asked.columns.items()
    }
    rows = rows.select(**made)
    return rows.aggregate(users_=rows.count(), by=list(made))


def _summed(asked: _Asked, table: str, mine: tuple[UserLeaf, ...]) -> Expression:
    """Return what the rows of one table sum to for each user, within the days and before."""
    query = Query(kind="sums", table=table, leaves=mine, loaded=tuple(sorted(asked.loaded)))
    rows = hoisted(query)
    own, at = TABLES[table].user, "timestamp" if table == "facts" else TABLES[table].day
    rows = rows.mutate(who_=rows[own] if table == "facts" else user_key(rows[own]))
    after = rows[at] >= sql.literal(asked.cut.isoformat(), "timestamp")
    places = {leaf: asked.outcome.leaves.index(leaf) for leaf in mine}
    figures = {f"a{place}": _figure(rows, leaf, after) for leaf, place in places.items()}
    if asked.before:
        figures |= {f"b{place}": _figure(rows, leaf, ~after) for leaf, place in places.items()}
    sums = rows.aggregate(by=[rows.who_], **figures)
    return sums.rename(user_="who_")


def _figure(rows: Expression, leaf: UserLeaf, when: Expression) -> Expression:
    value = value_of(rows, leaf)
    if not isinstance(leaf, Distinct):
        return sql.number(sql.when(when, value).sum())
    if leaf.column == TABLES[leaf.table].user:
        return sql.number(sql.when(when & value.notnull(), 1, 0).max())
    return sql.number(sql.when(when, value).nunique())


def _weighted(rows: Expression, known: tuple[UserLeaf, ...], terms: Terms, *, before: bool) -> Expression:
    total = sql.literal(0.0)
    for leaf, weight in terms:
        total = total + rows[f"{'b' if before else 'a'}{known.index(leaf)}"].fill_null(0.0) * weight
    return total


@cache
def _source() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
