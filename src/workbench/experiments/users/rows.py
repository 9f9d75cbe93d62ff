"""One row per assigned user, as an expression: variant, what happened since, and what happened before.

It starts from the assignments: who did nothing stays in with zeros.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import unknown_name
from workbench.events.tables import TABLES
from workbench.experiments.users.outcomes import Terms, UserLeaf
from workbench.experiments.users.question import NEW, STRATA, Question
from workbench.metrics import sql
from workbench.metrics.measures import Count, Distinct
from workbench.metrics.queries import Query, aggregated, hoisted, value_of
from workbench.metrics.user_keys import user_key

Expression = Any
Spans = Mapping[bool, Expression]
Columns = Mapping[str, Expression]
NOT_SET = "(not set)"


def assignments(question: Question, variants: Sequence[str] = ()) -> Expression:
    """Return the assignments until the last day: user, variant, instant, and whether there were several.

    Where all variants are named, their places stand for them: numbers are compared and carried along in a
    fraction of the time that texts take.
    """
    rows = sql.unbound("experiments")
    rows = rows.filter(rows.experiment == sql.literal(question.experiment), rows.assigned_at < _after())
    variant = _placed(rows.variant, variants) if variants else rows.variant
    if question.several == "first":
        place = sql.partitioned_order([rows.user_id], [rows.assigned_at, rows.variant])
        rows = rows.mutate(place_=place, name_=variant)
        variant = rows.name_
        first = sql.when(rows.place_ == 0, variant)
    else:
        first = variant
    users = aggregated(
        rows,
        {"who_": rows.user_id},
        variant_=first.min(),
        least_=variant.min(),
        most_=variant.max(),
        since_=rows.assigned_at.min(),
    )
    several = sql.when(users.least_ != users.most_, 1, 0)
    # Calendars are slow: counted back once per user, not once per event.
    begins = users.since_ - sql.interval(question.before_days)
    return users.select(
        *("who_", "variant_", "since_"), begins_=begins, several_=several, key_=user_key(users.who_)
    )


def counted_users(question: Question, variants: Sequence[str] = ()) -> Expression:
    """Return the assignments that count: without those of several variants, where they are left out."""
    users = assignments(question, variants)
    return users.filter(users.several_ == 0) if question.several == "exclude" else users


def _placed(variant: Expression, variants: Sequence[str]) -> Expression:
    place: Any = -1
    for at, name in enumerate(variants):
        place = sql.when(variant == sql.literal(name), at, place)
    return place.cast("int8")


def first_instant(question: Question) -> Expression:
    """Return when the days that count begin."""
    return sql.literal(question.window.first.isoformat(), "timestamp")


def user_rows(question: Question) -> Expression:
    """Return one row per user: ``variant_``, ``stratum_`` where asked for, and a column ``c0`` ... per sum.

    ``early_`` is how many events came before the user was assigned.
    """
    users = counted_users(question)
    rows = users
    tables = dict.fromkeys(leaf.table for leaf in question.leaves)
    for table in tables:
        sums = summed(question, table, users)
        rows = rows.left_join(sums, rows.key_ == sums.user_).drop("user_")
    if question.tells_new or question.by in ("region", "acquisition_channel", "tenure"):
        rows = with_known(rows)
    if question.by in ("segment", "platform"):
        rows = _with_last(rows, users, question.by)
    columns = {place: name for name, place in question.places.items()}
    made = {f"c{place}": column_of(rows, question, name) for place, name in columns.items()}
    stratum = {"stratum_": _stratum(rows, question)} if question.by else {}
    early = sum(
        (sql.number(rows[f"early_{table}"]).fill_null(0.0) for table in tables), start=sql.literal(0.0)
    )
    return rows.select("variant_", early_=early, **stratum, **made)


def summed(question: Question, table: str, users: Expression, known: Sequence[str] = ()) -> Expression:
    """Return the sums of each user over the rows of one table, since and before the assignment.

    Parameters
    ----------
    question : Question
        What is asked.
    table : str
        Whose leaves are summed.
    users : expression
        The assignments that count.
    known : sequence of str
        Columns of the assignments that stand in the answer, too.
    """
    leaves = tuple(leaf for leaf in question.leaves if leaf.table == table)
    query = Query(
        kind="sums", table=table, leaves=leaves, loaded=tuple(sorted(question.loaded)), mixed=question.mixed
    )
    rows = hoisted(query)
    # Numbers are grouped and joined in a fraction of the time that texts take.
    own, at = TABLES[table].user, "timestamp" if table == "facts" else TABLES[table].day
    mine = users.select("who_", "since_", "begins_", *known, who_key_=users.key_)
    rows = rows.inner_join(mine, rows[own] == (mine.who_key_ if table == "facts" else mine.who_))
    missed, spans = _spans(rows, rows[at], question)
    asked = {_name(question, leaf, before=before): (leaf, before) for before in spans for leaf in leaves}
    early = {f"early_{table}": sql.when(missed).count()}
    by = {"user_": rows.who_key_} | {name: rows[name] for name in known}
    items = {leaf.column for leaf in leaves if isinstance(leaf, Distinct) and not _counts_users(leaf)}
    if len(items) == 1:
        return _by_item(rows.mutate(item_=rows[items.pop()]), asked, spans, by=by, early=early)
    figures = {name: _figure(rows, leaf, spans[before]) for name, (leaf, before) in asked.items()}
    return aggregated(rows, by, **figures, **early)


def _spans(rows: Expression, at: Expression, question: Question) -> tuple[Expression, Spans]:
    """Return when rows came too early, and when they count as since (False) and before (True) assignment."""
    since, missed = at >= rows.since_, at < rows.since_
    if not question.before_days:  # the rows begin with the first day
        return missed, {False: since}
    counts = at >= first_instant(question)
    return missed & counts, {False: since & counts, True: missed & (at >= rows.begins_)}


def _by_item(
    rows: Expression, asked: Mapping[str, tuple[UserLeaf, bool]], spans: Spans, *, by: Columns, early: Columns
) -> Expression:
    """Return the sums of each user by way of their distinct items: grouped once for all figures.

    Engines group anew for each number of distinct values. What an item brought before the assignment is a
    row of its own: with half as many figures a row, far less has to be kept.
    """
    span: Any = -1
    for before, when in spans.items():
        span = sql.when(when, int(before), span)
    each = {
        leaf: (f"v{place}_", _flag(rows, leaf).max() if _counts_items(leaf) else _figure(rows, leaf))
        for place, leaf in enumerate(dict.fromkeys(leaf for leaf, _ in asked.values()))
    }
    keys = {**by, "item_": rows.item_, "span_": span.cast("int8")}
    groups = aggregated(rows, keys, **dict(each.values()), **early)
    figures = {
        name: _of_items(groups[each[leaf][0]], leaf, groups.span_ == int(before))
        for name, (leaf, before) in asked.items()
    }
    figures |= {name: sql.number(groups[name]).sum() for name in early}
    return aggregated(groups, {name: groups[name] for name in by}, **figures)


def _of_items(column: Expression, leaf: UserLeaf, when: Expression) -> Expression:
    if _counts_users(leaf):
        return sql.when(when, column, 0).max()
    if _counts_items(leaf):
        return sql.when(when & (column > 0)).count()
    # Fractions are added up in a fraction of the time that whole numbers of any length take.
    return sql.number(sql.when(when, column)).sum()


def _counts_users(leaf: UserLeaf) -> bool:
    return isinstance(leaf, Distinct) and leaf.column == TABLES[leaf.table].user


def _counts_items(leaf: UserLeaf) -> bool:
    return isinstance(leaf, Distinct) and not _counts_users(leaf)


def _figure(rows: Expression, leaf: UserLeaf, when: Expression | None = None) -> Expression:
    """Return what a user's rows add up to; engines keep a count in half the memory of a sum."""
    value = value_of(rows, leaf)
    if _counts_users(leaf):
        return _flag(rows, leaf, when).max()
    if isinstance(leaf, Count):
        return sql.when(_both(when, value > 0)).count()
    value = value if when is None else sql.when(when, value)
    return value.nunique() if _counts_items(leaf) else sql.number(value).sum()


def _flag(rows: Expression, leaf: UserLeaf, when: Expression | None = None) -> Expression:
    return sql.when(_both(when, value_of(rows, leaf).notnull()), 1, 0)


def _both(when: Expression | None, condition: Expression) -> Expression:
    return condition if when is None else when & condition


def _name(question: Question, leaf: UserLeaf, *, before: bool) -> str:
    return f"{'b' if before else 'a'}{question.leaves.index(leaf)}_"


def column_of(rows: Expression, question: Question, name: str) -> Expression:
    """Return a column of the answer, from the sums of users."""
    if name == NEW:
        return sql.number(rows.new_)
    terms, before = question.terms[name]
    return _weighted(rows, question, terms, before=before)


def _weighted(rows: Expression, question: Question, terms: Terms, *, before: bool) -> Expression:
    total = None
    for leaf, weight in terms:
        value = sql.number(rows[_name(question, leaf, before=before)]).fill_null(0.0)
        value = value if weight == 1 else value * weight
        total = value if total is None else total + value
    return total


def with_known(rows: Expression) -> Expression:
    """Return assignments with what the table of users says of them."""
    users = sql.unbound("users")
    known = users.select(
        known_=users.user_id,
        region_=users.region,
        acquired_=users.acquisition_channel,
        signup_=users.signup_at,
    )
    rows = rows.left_join(known, rows.who_ == known.known_)
    unknown = rows.signup_.isnull() | (rows.signup_ > rows.begins_)
    young = rows.signup_ > rows.since_ - sql.interval(_NEW_DAYS)
    tenure = sql.when(rows.signup_.isnull(), None, sql.when(young, "new", "returning"))
    return rows.mutate(new_=sql.when(unknown, 1, 0), tenure_=tenure)


_NEW_DAYS = 30


def _with_last(rows: Expression, users: Expression, name: str) -> Expression:
    """Return rows with what the last event before the assignment said of the user."""
    facts = sql.unbound("facts")
    facts = facts.filter([*sql.within(facts.day, instant=False), facts[name].notnull()])
    known = users.select(seen_=users.key_, from_=users.since_)
    seen = facts.inner_join(known, facts.user_key == known.seen_)
    seen = seen.filter(seen.timestamp < seen.from_)
    place = sql.partitioned_order([seen.seen_], [seen.timestamp.desc(), seen[name]])
    seen = seen.select("seen_", last_=seen[name], place_=place)
    seen = seen.filter(seen.place_ == 0).select("seen_", "last_")
    return rows.left_join(seen, rows.key_ == seen.seen_)


def _stratum(rows: Expression, question: Question) -> Expression:
    found = {
        "region": lambda: rows.region_,
        "acquisition_channel": lambda: rows.acquired_,
        "tenure": lambda: rows.tenure_,
        "segment": lambda: rows.last_,
        "platform": lambda: rows.last_,
        "assigned_day": lambda: rows.since_.cast("date").cast("string"),
    }
    if question.by not in found:
        raise unknown_name("stratum", question.by, STRATA)
    return found[question.by]().fill_null(NOT_SET)


def _after() -> Expression:
    return sql.literal(sql.AFTER, "timestamp")
