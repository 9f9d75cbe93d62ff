"""Events beside a number of the group they belong to, as expressions.

The number is made of a hash of the columns that tell groups apart. Which group has which number is another
query; dimensions that other tables know are looked up there, for groups instead of events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from workbench.metrics import sql
from workbench.metrics.large import TABLE, looked_up
from workbench.metrics.measures import Distinct
from workbench.metrics.queries import Query, aggregated, applies, in_window, meets, sliced
from workbench.metrics.slices import DIMENSIONS
from workbench.metrics.sql import Expression

NUMBER, EVENTS, MEETS, USER, INSTANT = "number_", "events_", "meets_", "user_", "instant_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which events are read, and the columns that tell their groups, besides the query's dimensions.

    A flag is a column that is true or not: it divides every group, and costs less than another key. Events
    are those of the window, or all until its end.
    """

    query: Query
    events: Distinct
    keys: tuple[str, ...]
    flag: str = ""
    ever: bool = False


def groups(asked: Asked) -> Expression:
    """Return the groups of events with their numbers, how many events, and whether they meet the conditions.

    What is looked up is looked up here: of a group that does not meet a condition, events are read in vain.
    """
    query, late, told = asked.query, looked_up(asked.query), _told_apart(asked)
    made = _source(asked)
    listed = aggregated(made, {name: made[name] for name in told}, **{EVENTS: made.count()})
    listed = listed.mutate(**{NUMBER: _number(listed, told)})
    conditions = [condition for condition in query.where if condition.column in late]
    also = [*(name for name in query.by if name in late), *(condition.column for condition in conditions)]
    listed = sliced(listed, TABLE, replace(query, by=(), where=()), also=also)
    met = sql.literal(True)
    for condition in conditions:
        met = met & meets(listed, condition).fill_null(False)
    places = {
        f"d{place}": listed[f"dim_{name}" if name in late else _column(asked, place)]
        for place, name in enumerate(query.by)
    }
    same = {name: listed[name] for name in (*asked.keys, EVENTS, NUMBER)}
    return listed.select(**places, **same, **{MEETS: sql.when(met, 1, 0)})


def known(keys: tuple[str, ...]) -> Expression:
    """Return the groups that keys alone tell, of all events: faster to read than what would restrict them."""
    every = sql.unbound(TABLE)
    found = every.group_by(*[every[name] for name in keys]).agg()
    return found.mutate(**{NUMBER: _number(found, list(keys))})


def stream(asked: Asked) -> Expression:
    """Return the number of the group, the user and the instant of every event."""
    made = _source(asked)
    number = _number(made, _told_apart(asked))
    number = number | _flag(made, asked) if asked.flag else number
    return made.select(**{NUMBER: number, USER: made.user_key, INSTANT: made.timestamp})


def _source(asked: Asked) -> Expression:
    """Return the events that meet what their own columns tell, with their own dimensions, ``d0`` ..."""
    query, late = asked.query, looked_up(asked.query)
    now = replace(
        query,
        by=tuple(name for name in query.by if name not in late),
        where=tuple(condition for condition in query.where if condition.column not in late),
    )
    made = sliced(in_window(sql.unbound(TABLE), TABLE), TABLE, now)
    made = made.filter(applies(made, asked.events))
    own = {f"d{place}": name for place, name in enumerate(query.by) if name not in late}
    return made.mutate(**{place: made[f"dim_{name}"] for place, name in own.items()})


def _column(asked: Asked, place: int) -> str:
    """Return where a dimension of the events' own stands: in a key, if it is one."""
    own = DIMENSIONS[asked.query.by[place]]
    column = "" if own.grain else own.column(TABLE) or ""
    return column if column in asked.keys else f"d{place}"


def _told_apart(asked: Asked) -> list[str]:
    """Return the columns that tell groups apart, each once."""
    late = looked_up(asked.query)
    own = [_column(asked, place) for place, name in enumerate(asked.query.by) if name not in late]
    return list(dict.fromkeys([*own, *asked.keys, *(column for names in late.values() for column in names)]))


def _number(made: Expression, names: list[str]) -> Expression:
    """Return 30 bits of the columns' hashes, and a zero after them."""
    if not names:
        return sql.literal(0).cast("uint32")
    first, *others = (
        _hash(str(made[name].type()))(made[name]) >> 34 + place for place, name in enumerate(names)
    )
    for other in others:
        first = first ^ other
    return (first << 1).cast("uint32")


def _flag(made: Expression, asked: Asked) -> Expression:
    return made[asked.flag].fill_null(False).cast("uint32")


@cache
def _hash(kind: str) -> Any:
    import ibis

    @ibis.udf.scalar.builtin(name="hash", signature=((kind,), "uint64"))
    def key(_value):  # type: ignore[no-untyped-def]
        ...

    return key
