"""One query per table: leaves that are read from the same rows become columns of one aggregation.

Rules that hold on every engine: conditions inside sums are CASE WHEN; the union of the event types stands in
WHERE, so that sorted files are skipped over; distinct counts take two steps, distinct pairs first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.events.definitions import Kind
from workbench.events.rollups import COUNT, STEPS
from workbench.events.tables import TABLES
from workbench.metrics import sql
from workbench.metrics.conditions import Condition
from workbench.metrics.measures import Count, Distinct, Leaf, Quantile, Total
from workbench.metrics.mixed_channels import with_last_channel
from workbench.metrics.slices import DIMENSIONS, Dimension, Lookup
from workbench.metrics.sql import Expression

Rows = Count | Total | Distinct | Quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One SELECT that answers some leaves.

    Parameters
    ----------
    kind : str
        ``sums`` (counts and totals), ``distinct``, ``quantile``, ``steps`` (quantiles of what is told in
        steps), ``derived`` or ``stored``.
    table : str
        What it reads; the name of the query for ``derived``.
    leaves : tuple of Leaf
        What it answers: the columns ``l0``, ``l1`` ...
    by : tuple of str
        The dimensions: the columns ``d0``, ``d1`` ...
    where : tuple of Condition
        What every row must meet.
    loaded : tuple of str
        The tables that are loaded; others cannot be looked up in.
    daily : bool
        Whether there is one row per day as well: the column ``day_``.
    rollup : str
        The roll-up that sums of events are read from; empty where it is the events.
    mixed : tuple of str
        The campaigns whose events take the channel of the last delivery, see `mixed_channels`.
    """

    kind: Literal["sums", "distinct", "quantile", "steps", "derived", "stored"]
    table: str
    leaves: tuple[Leaf, ...]
    by: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    loaded: tuple[str, ...] = ()
    daily: bool = False
    rollup: str = ""
    mixed: tuple[str, ...] = ()


def source(query: Query, *, also: Sequence[str] = (), table: str | None = None) -> Expression:
    """Return the rows of the query's table, in its window, that meet its conditions, with their dimensions.

    Each dimension named by the query, its conditions, or `also` becomes a column ``dim_<name>``.
    """
    name = table or query.table
    rows = _rolled_up(query.rollup) if query.rollup else _own(query, name)
    return sliced(rows, name, query, also=also)


def _own(query: Query, table: str) -> Expression:
    rows = sql.unbound(table)
    if table != "facts" or not query.mixed:
        return in_window(rows, table)
    mixed = rows.campaign_id.isin(list(query.mixed))
    apart = in_window(with_last_channel(in_window_until_last(rows.filter(mixed), table)), table)
    rest = in_window(rows.filter(rows.campaign_id.isnull() | ~mixed), table)
    return rest.union(apart.select(*rest.columns), distinct=False)


def _rolled_up(name: str) -> Expression:
    rows = sql.unbound(name)
    return rows.filter(sql.within(rows.day, instant=False))


def in_window(rows: Expression, table: str) -> Expression:
    """Return the rows whose day lies in the window; all rows of a table without a day."""
    definition = TABLES[table]
    if definition.day is None:
        return rows
    conditions = sql.within(
        rows[definition.day], instant=definition.field(definition.day).kind is Kind.INSTANT
    )
    if "month" in definition.partitions:
        conditions += [rows.month >= sql.literal(sql.FIRST_MONTH), rows.month <= sql.literal(sql.LAST_MONTH)]
    return rows.filter(conditions)


def sliced(rows: Expression, table: str, query: Query, *, also: Sequence[str] = ()) -> Expression:
    """Return rows with a column for each dimension, of which only those that meet the query's conditions."""
    names = dict.fromkeys([*query.by, *also, *(c.column for c in query.where if c.column in DIMENSIONS)])
    known = [DIMENSIONS[name] for name in names if DIMENSIONS[name].reaches(table, query.loaded)]
    found = {d.name: lookup for d in known if (lookup := d.lookup(table)) and lookup.via in query.loaded}
    for via in dict.fromkeys(lookup.via for lookup in found.values()):
        rows = _joined(rows, [lookup for lookup in found.values() if lookup.via == via])
    made = {f"dim_{d.name}": _dimension(rows, d, table, found.get(d.name)) for d in known}
    if table == "facts" and query.mixed and "dim_channel" in made:
        mixed = rows.campaign_id.isin(list(query.mixed))
        made["dim_channel"] = sql.when(mixed.fill_null(False), rows.channel, made["dim_channel"])
    rows = rows.mutate(**made)
    return rows.filter([meets(rows, condition) for condition in query.where]) if query.where else rows


def _joined(rows: Expression, lookups: Sequence[Lookup]) -> Expression:
    via, key = lookups[0].via, lookups[0].key
    other, columns = sql.unbound(via), list(dict.fromkeys(lookup.column for lookup in lookups))
    if (
        via == "facts"
    ):  # several events may name one order: its first segment in the alphabet, so that reruns agree
        other = other.filter(other.event_type == "user_purchased", other[key].notnull())
        other = other.group_by(key).agg(**{column: other[column].min() for column in columns})
    renamed = other.select(
        **{f"{via}_key": other[key]}, **{f"{via}_{column}": other[column] for column in columns}
    )
    return rows.left_join(renamed, rows[key] == renamed[f"{via}_key"]).drop(f"{via}_key")


def _dimension(rows: Expression, dimension: Dimension, table: str, lookup: Lookup | None) -> Expression:
    own = dimension.column(table)
    if dimension.grain:
        day = rows[own].cast("date")
        unit = {"day": "", "week": "W", "month": "M"}[dimension.grain]
        return day.truncate(unit).cast("date") if unit else day
    parts = [rows[own]] if own else []
    parts += [rows[f"{lookup.via}_{lookup.column}"]] if lookup else []
    value = sql.coalesce(parts) if len(parts) > 1 else parts[0]
    return value.cast("date").truncate("M").cast("date") if dimension.name == "cohort" else value


def meets(rows: Expression, condition: Condition) -> Expression:
    """Return the condition as an expression over rows, whose dimensions stand in ``dim_`` columns."""
    named = f"dim_{condition.column}"
    column = rows[named] if named in rows.columns else rows[condition.column]
    value = condition.value
    match condition.test:
        case "in":
            return column.isin(list(value))  # type: ignore[arg-type]
        case "is null":
            return column.isnull()
        case "is not null":
            return column.notnull()
        case "is not":
            return column.isnull() | (column != value)
        case _:
            return _compared(column, condition)


def _compared(column: Expression, condition: Condition) -> Expression:
    value = sql.literal(condition.value)
    match condition.test:
        case "==":
            return column == value
        case "!=":
            return column != value
        case ">=":
            return column >= value
        case "<=":
            return column <= value
        case ">":
            return column > value
        case _:
            return column < value


def hoisted(query: Query) -> Expression:
    """Return the source rows, of the event types that any leaf reads."""
    leaves = _rows(query)
    also = [c.column for leaf in leaves for c in leaf.where if c.column in DIMENSIONS]
    rows = source(query, also=also)
    types = sorted({name for leaf in leaves for name in leaf.event_types})
    return rows.filter(rows.event_type.isin(types)) if types and "event_type" in rows.columns else rows


def _rows(query: Query) -> list[Rows]:
    return [leaf for leaf in query.leaves if isinstance(leaf, Rows)]


def applies(rows: Expression, leaf: Rows) -> Expression | None:
    """Return the condition under which a row belongs to a leaf; None where every row does."""
    conditions = [meets(rows, condition) for condition in leaf.where]
    if leaf.event_types and "event_type" in rows.columns:  # a roll-up without it holds these types only
        conditions.insert(
            0,
            rows.event_type.isin(list(leaf.event_types))
            if len(leaf.of) > 1
            else rows.event_type == leaf.of[0],
        )
    whole = None
    for condition in conditions:
        whole = condition if whole is None else whole & condition
    return whole


def value_of(rows: Expression, leaf: Rows) -> Expression:
    """Return what one row adds to a leaf; null where it does not belong to it."""
    condition = applies(rows, leaf)
    if isinstance(leaf, Count) and COUNT in rows.columns:
        return rows[COUNT] if condition is None else sql.when(condition, rows[COUNT], 0)
    if isinstance(leaf, Count):
        return sql.literal(1) if condition is None else sql.when(condition, 1, 0)
    value = rows[leaf.column]
    if isinstance(leaf, Total):
        value = sql.number(value * rows[leaf.times] if leaf.times else value)
    return value if condition is None else sql.when(condition, value)


def groups(rows: Expression, query: Query) -> dict[str, Expression]:
    """Return the columns a query groups by: its dimensions, and the day where it is daily."""
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by)}
    if query.daily:
        by["day_"] = rows[TABLES[query.table].day].cast("date")
    return by


def aggregated(rows: Expression, by: dict[str, Expression], **figures: Expression) -> Expression:
    """Return figures by group; over all rows where there is no group."""
    return rows.group_by(**by).agg(**figures) if by else rows.agg(**figures)


def _added(rows: Expression, leaf: Rows) -> Expression:
    # A count of events without a condition has no column to sum.
    if isinstance(leaf, Count) and applies(rows, leaf) is None and COUNT not in rows.columns:
        return rows.count()
    return value_of(rows, leaf).sum()


def sums(query: Query) -> Expression:
    """Return counts and totals, of any conditions, in one pass."""
    rows = hoisted(query)
    figures = {f"l{place}": _added(rows, leaf) for place, leaf in enumerate(_rows(query))}
    return aggregated(rows, groups(rows, query), **figures)


def distinct(query: Query) -> Expression:
    """Return distinct values: pairs of group and value first, then how many."""
    rows = hoisted(query)
    leaves = [leaf for leaf in query.leaves if isinstance(leaf, Distinct)]
    column = leaves[0].column
    rows = rows.filter(rows[column].notnull())
    # What no leaf counts is left out before the pairs are made, which cost far more than a comparison.
    counted = [applies(rows, leaf) for leaf in leaves]
    if all(condition is not None for condition in counted):
        rows = rows.filter(sql.any_of(counted))
    if len(leaves) == 1:
        pairs = rows.group_by(**groups(rows, query), key_=rows[column]).agg()
        flags = {"l0": pairs.count()}
    else:
        made = {f"l{place}": _flag(rows, leaf).max() for place, leaf in enumerate(leaves)}
        pairs = rows.group_by(**groups(rows, query), key_=rows[column]).agg(**made)
        flags = {name: pairs[name].sum() for name in made}
    return aggregated(pairs, {name: pairs[name] for name in pairs.columns if name[0] == "d"}, **flags)


def _flag(rows: Expression, leaf: Distinct) -> Expression:
    condition = applies(rows, leaf)
    return sql.literal(1) if condition is None else sql.when(condition, 1, 0)


def quantiles(query: Query) -> Expression:
    """Return quantiles of a column."""
    rows = hoisted(query)
    leaves = [leaf for leaf in query.leaves if isinstance(leaf, Quantile)]
    figures = {f"l{place}": value_of(rows, leaf).quantile(leaf.share) for place, leaf in enumerate(leaves)}
    return aggregated(rows, groups(rows, query), **figures)


def stepped(query: Query) -> Expression:
    """Return quantiles of a column that is told in steps: events per step first, then how far they reach."""
    rows = hoisted(query)
    leaves = [leaf for leaf in query.leaves if isinstance(leaf, Quantile)]
    column = leaves[0].column
    if not query.rollup:
        rows = rows.mutate(**{column: sql.stepped(rows[column], STEPS[column])})
    counts = {f"n{place}": _counted(rows, leaf).sum() for place, leaf in enumerate(leaves)}
    by = groups(rows, query)
    steps = rows.filter(rows[column].notnull()).group_by(**by, step_=rows[column]).agg(**counts)
    keys = [steps[name] for name in by]
    steps = steps.mutate(
        **{f"up_to_{name}": sql.number(sql.running(steps[name], keys, steps.step_)) for name in counts},
        **{f"all_{name}": sql.number(sql.over(steps[name].sum(), keys)) for name in counts},
    )
    figures = {f"l{place}": _reached(steps, leaf.share, f"n{place}") for place, leaf in enumerate(leaves)}
    return aggregated(steps, {name: steps[name] for name in by}, **figures)


def _counted(rows: Expression, leaf: Rows) -> Expression:
    weight = rows[COUNT] if COUNT in rows.columns else sql.literal(1)
    condition = applies(rows, leaf)
    return weight if condition is None else sql.when(condition, weight, 0)


def _reached(steps: Expression, share: float, name: str) -> Expression:
    """Return the step that a share of the events reaches, interpolated as quantiles of single values are."""
    at, up_to = (steps[f"all_{name}"] - 1) * share, steps[f"up_to_{name}"]
    held = steps[name] > 0  # a step of none is reached by none
    low, high = (sql.when(held & (up_to > place), steps.step_).min() for place in (at.floor(), at.ceil()))
    return low + (high - low) * (at - at.floor()).max()


def stored(query: Query) -> Expression:
    """Return the newest stored figures of models."""
    rows = sql.unbound("model_results")
    wanted = [(rows.model == leaf.model) & (rows.figure == leaf.figure) for leaf in query.leaves]  # type: ignore[attr-defined]
    rows = rows.filter(sql.any_of(wanted))
    newest = sql.partitioned_order([rows.model, rows.figure, rows.slice], [rows.computed_at.desc()])
    rows = rows.mutate(place=newest)
    return rows.filter(rows.place == 0).select("model", "figure", "slice", "value", "low", "high")


def in_window_until_last(rows: Expression, table: str) -> Expression:
    """Return the rows up to the end of the window, from whenever."""
    definition = TABLES[table]
    if definition.day is None:
        return rows
    column = rows[definition.day]
    if definition.field(definition.day).kind is Kind.INSTANT:
        return rows.filter(column < sql.literal(sql.AFTER, "timestamp"))
    rows = rows.filter(column <= sql.literal(sql.LAST, "date"))
    return (
        rows.filter(rows.month <= sql.literal(sql.LAST_MONTH)) if "month" in definition.partitions else rows
    )
