"""From leaves to queries: which rows answer what, and which leaves cannot be answered, with the reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from workbench.events.definitions import EVENT_TYPES
from workbench.metrics.conditions import Condition
from workbench.metrics.derived import DERIVED
from workbench.metrics.measures import Days, Derived, Distinct, Leaf, Quantile, Stored
from workbench.metrics.queries import Query
from workbench.metrics.rollups import covering
from workbench.metrics.slices import DIMENSIONS, reaches


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The queries that answer the leaves, and why the others have no answer."""

    queries: tuple[Query, ...]
    missing: dict[Leaf, str]


def plan(
    wanted: Iterable[Leaf],
    *,
    by: tuple[str, ...] = (),
    where: tuple[Condition, ...] = (),
    loaded: Collection[str],
    daily: bool = False,
    mixed: tuple[str, ...] = (),
) -> Plan:
    """Return the fewest queries that answer the leaves: one per table and kind of answer.

    Parameters
    ----------
    wanted : iterable of Leaf
        What is asked.
    by : tuple of str
        Dimensions.
    where : tuple of Condition
        What rows must meet.
    loaded : collection of str
        The tables that hold rows, and the event types that occurred.
    daily : bool
        Whether sums are also wanted by day, for their variance.
    mixed : tuple of str
        The campaigns whose events take the channel of the last delivery; no roll-up knows it.
    """
    grouped: dict[tuple[str, str, str], list[Leaf]] = {}
    missing: dict[Leaf, str] = {}
    for leaf in dict.fromkeys(wanted):
        reason = _reason(leaf, by, where, loaded)
        if reason:
            missing[leaf] = reason
        elif not isinstance(leaf, Days):
            grouped.setdefault(_group(leaf), []).append(leaf)
    lookups = tuple(sorted({"campaigns", "users", "facts"} & set(loaded)))
    queries = tuple(
        Query(
            kind=kind,  # type: ignore[arg-type]
            table=table,
            leaves=tuple(leaves),
            by=by,
            where=where,
            loaded=lookups,
            daily=daily and _by_day(kind, table),
            rollup=covering(leaves, by, where, loaded)
            if kind in ("sums", "steps") and table == "facts" and not mixed
            else "",
            mixed=mixed,
        )
        for (kind, table, _), leaves in grouped.items()
    )
    return Plan(queries=queries, missing=missing)


def _by_day(kind: str, table: str) -> bool:
    if kind == "derived":
        return DERIVED[table].daily
    return kind == "sums" and DIMENSIONS["day"].column(table) is not None


def _group(leaf: Leaf) -> tuple[str, str, str]:
    if isinstance(leaf, Derived):
        return "derived", leaf.query, ""
    if isinstance(leaf, Stored):
        return "stored", leaf.table, ""
    if isinstance(leaf, Distinct):
        return "distinct", leaf.table, leaf.column
    if isinstance(leaf, Quantile):
        return ("steps", leaf.table, leaf.column) if leaf.stepped else ("quantile", leaf.table, "")
    return "sums", leaf.table, ""


def _reason(leaf: Leaf, by: tuple[str, ...], where: tuple[Condition, ...], loaded: Collection[str]) -> str:
    """Return why a leaf cannot be answered; an empty text where it can."""
    if isinstance(leaf, Days):
        return ""
    absent = sorted(leaf.needs - set(loaded))
    if absent:
        if leaf.table == "model_results":
            return f"{leaf} has not run"
        return _not_there(absent)
    if isinstance(leaf, Stored):
        return _stored_reason(leaf, by, where)
    named = (*by, *(condition.column for condition in where))
    blind = [name for name in named if not reaches(name, leaf.table, loaded)]
    if isinstance(leaf, Derived) and not DERIVED[leaf.query].time:
        blind += [name for name in named if name in DIMENSIONS and DIMENSIONS[name].grain]
    if blind:
        return f"{leaf.table} cannot be sliced by {', '.join(dict.fromkeys(blind))}"
    return _not_there(_unread(leaf, loaded))


def _unread(leaf: Leaf, loaded: Collection[str]) -> list[str]:
    """Return the tables that are not loaded, but hold what the leaf's own conditions ask for."""
    asked = {c.column for c in getattr(leaf, "where", ()) if not reaches(c.column, leaf.table, loaded)}
    found = [lookup for name in asked & set(DIMENSIONS) if (lookup := DIMENSIONS[name].lookup(leaf.table))]
    return sorted({lookup.via for lookup in found})


def _not_there(absent: list[str]) -> str:
    if not absent:
        return ""
    events = [name.replace("_", " ") for name in absent if name in EVENT_TYPES]
    tables = [name.replace("_", " ") for name in absent if name not in EVENT_TYPES and name != "facts"]
    parts = [f"no {' and no '.join(events)} event recorded"] if events else []
    parts += [f"no {' and no '.join(tables)} loaded"] if tables else []
    return "; ".join(parts) or "no events loaded"


def _stored_reason(leaf: Stored, by: tuple[str, ...], where: tuple[Condition, ...]) -> str:
    if where:
        return f"{leaf} is stored as a whole and cannot be filtered"
    return f"{leaf} is stored by one dimension at most" if len(by) > 1 else ""
