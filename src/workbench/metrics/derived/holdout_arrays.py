"""The figures of the holdout where events are many: from arrays of pairs instead of tables of them.

What is counted, and by which rules, is what `derived.holdout` says in SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.metrics import sql, user_rows
from workbench.metrics.derived.holdout import DAYS
from workbench.metrics.derived.holdout_strata import Pairs, figures
from workbench.metrics.equal_rows import coded
from workbench.metrics.large import TABLE, parts
from workbench.metrics.later import Later, later
from workbench.metrics.measures import distinct
from workbench.metrics.numbered import Asked
from workbench.metrics.queries import Query, in_window
from workbench.metrics.sql import Expression
from workbench.metrics.user_rows import UNKNOWN, Ints, Part
from workbench.metrics.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.source import Tables

# More purchases than these might not fit into memory; they are read in a few parts.
_PURCHASES, _PARTS = 60_000_000, 4
_REACH = DAYS * 86_400_000_000
_CAMPAIGN, _HELD = "campaign_id", "is_holdout"
_DELIVERED = distinct("campaign_delivered")


@dataclass(frozen=True, slots=True)
class _Bought:
    """Purchases by user, and what each was worth."""

    events: Later
    worth: NDArray[np.float64]


def counted(query: Query, tables: Tables, window: Window) -> pa.Table | None:
    """Return what the SQL of the holdout answers; None where arrays cannot."""
    asked = Asked(query=query, events=_DELIVERED, keys=(_CAMPAIGN,), flag=_HELD)
    found = user_rows.groups(asked, tables, window)
    if found is None or not found.num_rows:
        return None
    met = user_rows.meeting(found)
    read = user_rows.rows(asked, found, met, tables=tables, window=window)
    bought = None if read is None else _bought(tables, window)
    if read is None or bought is None:
        return None
    import pyarrow as pa

    kept = found.filter(pa.array(met))
    tested, alone = _tested(kept, user_rows.sizes(read, 2 * kept.num_rows)[1::2] > 0), "campaign" in query.by
    names = [f"d{place}" for place in range(len(query.by))]
    first, codes = coded(kept, [*names, _CAMPAIGN])
    if alone:
        first = first[tested[first]]
    groups = [2 * np.flatnonzero(codes == codes[row]) for row in first]
    pairs = list(_paired(read, groups, tested[first], bought))
    del read, bought
    return figures(kept.take(first), names, pairs, tested[first], alone=alone)


def _tested(found: pa.Table, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which groups are of a campaign that kept somebody out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = found.column(_CAMPAIGN)
    kept_out = names.filter(pa.array(held)).drop_null()
    return np.asarray(pc.is_in(names, value_set=kept_out.combine_chunks()).to_numpy(), bool)


def _paired(
    read: list[Part], groups: Sequence[Ints], tested: NDArray[np.bool_], bought: _Bought
) -> Iterator[Pairs]:
    for own, looked in zip(groups, tested.tolist(), strict=True):
        free, held = _of_groups(read, own), _of_groups(read, own + 1)
        yield _pairs(free, held, bought if looked else None)


def _of_groups(read: list[Part], groups: Ints) -> tuple[Ints, Ints]:
    found = [user_rows.of_group(read, group) for group in groups.tolist()]
    if len(found) == 1:
        return found[0]
    users, instants = zip(*found, strict=True)
    return np.concatenate(users), np.concatenate(instants)


def _pairs(free: tuple[Ints, Ints], held: tuple[Ints, Ints], bought: _Bought | None) -> Pairs:
    """Return the pairs of a campaign from the deliveries to the treated and to the holdout."""
    users, instants = (np.concatenate(both) for both in zip(free, held, strict=True))
    order = np.argsort(users)
    users = users[order]
    starts = np.flatnonzero(np.concatenate([[True], users[1:] != users[:-1]]))
    who, out = users[starts], np.maximum.reduceat(order, starts) >= len(free[0])
    if bought is None:
        return Pairs(who, out, np.zeros(0, np.int64), np.zeros(0))
    since = np.minimum.reduceat(instants[order], starts)
    places, rows = bought.events.within(who, since, _REACH)
    worth = np.bincount(places, bought.worth[rows], minlength=len(who)).astype(float)
    buyers = np.flatnonzero(np.bincount(places, minlength=len(who)))
    return Pairs(who, out, buyers, worth[buyers])


def _bought(tables: Tables, window: Window) -> _Bought | None:
    """Return the purchases of the window; None where they are too many, or name what stands for nobody."""
    text = sql.to_sql(_purchases, "purchases of users", tables.dialect)
    users, instants, worth = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for part in parts(window, _PARTS):
        found = tables.query(sql.with_window(text, part))
        for batch in found.to_batches():
            if batch.column("instant_").null_count:
                return None
            users.append(batch.column("user_").to_numpy())
            instants.append(user_rows.instants_of(batch.column("instant_")))
            worth.append(batch.column("worth_").fill_null(0.0).to_numpy())
        if sum(map(len, users)) > _PURCHASES or any((own == UNKNOWN).any() for own in users):
            return None
    events = later(np.concatenate(users), np.concatenate(instants))
    return _Bought(events, np.concatenate(worth))


def _purchases() -> Expression:
    rows = in_window(sql.unbound(TABLE), TABLE)
    rows = rows.filter(rows.event_type == "user_purchased", rows.user_key.notnull())
    return rows.select(user_=rows.user_key, instant_=rows.timestamp, worth_=rows.value)
