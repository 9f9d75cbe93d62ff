"""Pairs of user and campaign from the events of a workspace.

Who is held out, and what counts as bought, are the dictionary's (`metrics.derived.holdout`): nothing is
defined a second time here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import NotEnoughData, UsageError, unknown_name
from workbench.experiments.holdout_pairs import Coded, Floats, Integers, Pairs
from workbench.metrics import sql
from workbench.metrics.conditions import conditions
from workbench.metrics.derived.holdout import DAYS, every_pair, purchases, with_holdout
from workbench.metrics.queries import Query, in_window
from workbench.metrics.window import Window, resolve

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.source import Tables

TRAITS = ("segment", "region", "platform")
SLICES = (*TRAITS, "creative")
WEEKS = 4
_SIDES = ("deliveries", "views", "clicks")
_BOUGHT = ("orders", "revenue", *(f"week{week}" for week in range(WEEKS)))
_BEFORE = ("before_orders", "before_revenue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How many users one campaign reached and held out in the window."""

    campaign: str
    name: str
    treated: int
    held: int


def read_pairs(
    tables: Tables, *, campaign: str | None = None, by: str | None = None, window: str | Window | None = None
) -> Pairs:
    """Return the pairs of all campaigns that kept a holdout in the window, or of one.

    Parameters
    ----------
    tables : Tables
        Needs facts; spend comes from daily_performance.
    campaign : str, optional
        The id of the only campaign to read.
    by : str, optional
        segment, region, platform or creative: one entry per pair and value.
    window : str or Window, optional
        The days of deliveries and of what was bought; all data by default.

    Raises
    ------
    NotEnoughData
        If no event is loaded, or nobody was held out.
    UsageError
        If it cannot be sliced like that.
    """
    if by is not None and by not in SLICES:
        raise unknown_name("slice of a holdout", by, SLICES)
    if "facts" not in tables.names:
        raise NotEnoughData("Not enough data: no events loaded, so nobody is known to be held out.")
    days = resolve(window, tables)
    query = _query(tables, campaign, by)
    key = ("holdout_pairs", _source(), query)
    text = sql.to_sql(lambda: _rows(query), key, tables.dialect)
    found = tables.query(sql.with_window(text, days))
    if not found.num_rows:
        whom = f"from the campaign {campaign!r}" if campaign is not None else "from any campaign"
        raise NotEnoughData(
            f"Not enough data: nobody was held out {whom} between {days.first} and {days.last}."
        )
    return _pairs(found, tables, days)


def reach(tables: Tables, *, window: str | Window | None = None) -> tuple[Reach, ...]:
    """Return whom each campaign that sent messages reached and held out, holdout or not."""
    if "facts" not in tables.names:
        return ()
    query = _query(tables, None, None)
    key = ("holdout_reach", _source(), query)
    text = sql.to_sql(lambda: _sides(query), key, tables.dialect)
    found = tables.query(sql.with_window(text, resolve(window, tables))).to_pylist()
    names = campaign_names(tables)
    rows = [row for row in found if row["what"] is not None]
    return tuple(
        Reach(
            campaign=row["what"],
            name=names.get(row["what"]) or row["what"],
            treated=int(row["treated"]),
            held=int(row["held"]),
        )
        for row in sorted(rows, key=lambda row: str(row["what"]))
    )


def campaign_names(tables: Tables) -> dict[str, str]:
    """Return the names of campaigns by id."""
    if "campaigns" not in tables.names:
        return {}
    rows = tables.query("SELECT campaign_id, name FROM campaigns").to_pylist()
    return {row["campaign_id"]: row["name"] for row in rows}


def creative_names(tables: Tables) -> dict[str, str]:
    """Return the headlines of creatives by id."""
    if "creatives" not in tables.names:
        return {}
    rows = tables.query("SELECT creative_id, headline FROM creatives").to_pylist()
    return {row["creative_id"]: row["headline"] for row in rows}


def _query(tables: Tables, campaign: str | None, by: str | None) -> Query:
    return Query(
        kind="derived",
        table="holdout",
        leaves=(),
        by=() if by is None else (by,),
        where=() if campaign is None else conditions({"campaign": campaign}),
        loaded=tuple(sorted({"campaigns", "users", "facts"} & set(tables.names))),
    )


def _sides(query: Query) -> Any:
    pairs = every_pair(query)
    return pairs.group_by(pairs.what).agg(
        treated=sql.when(pairs.held == 0, 1, 0).sum(), held=pairs.held.sum()
    )


def _rows(query: Query) -> Any:
    pairs = every_pair(query)
    pairs = pairs.semi_join(with_holdout(pairs), "what")
    keys = ["what", "who"]
    if query.by:  # a key that is unknown would match nothing
        keys = ["d0", *keys]
        pairs = pairs.mutate(d0=pairs.d0.fill_null(""))
        pairs = pairs.group_by(*keys).agg(since=pairs.since.min(), held=pairs.held.max())
    found, wanted = pairs, [*keys, "since", "held"]
    for part, names in (
        (_bought(pairs, keys), _BOUGHT),
        (_before(pairs, keys), _BEFORE),
        (_told(pairs), (*TRAITS, *_SIDES)),
        (_first_seen(), ("seen",)),
    ):
        shared = [name for name in keys if name in part.columns]
        other = part.rename(**{f"{name}_": name for name in shared})
        wanted += names
        found = found.left_join(other, [found[name] == other[f"{name}_"] for name in shared])
        found = found.select(*[name for name in wanted if name in found.columns])
    return found


def _bought(pairs: Any, keys: Sequence[str]) -> Any:
    later = purchases(pairs)
    weeks = {f"week{week}": sql.when(_in_week(later, week), 1, 0).sum() for week in range(WEEKS)}
    return later.group_by(*keys).agg(orders=later.at_.count(), revenue=later.worth.sum(), **weeks)


def _in_week(later: Any, week: int) -> Any:
    start, end = (later.since + sql.interval(7 * (week + more)) for more in (0, 1))
    return (later.at_ >= start) & (later.at_ < end)


def _before(pairs: Any, keys: Sequence[str]) -> Any:
    rows = sql.unbound("facts")
    rows = rows.filter(rows.event_type == "user_purchased")
    rows = rows.select(buyer=rows.user_key, at_=rows.timestamp, worth=rows.value)
    earlier = pairs.join(rows, pairs.who == rows.buyer)
    earlier = earlier.filter(earlier.at_ < earlier.since, earlier.at_ >= earlier.since - sql.interval(DAYS))
    return earlier.group_by(*keys).agg(before_orders=earlier.at_.count(), before_revenue=earlier.worth.sum())


def _told(pairs: Any) -> Any:
    """Return what the campaign's events tell of each pair: traits of the user, and what reached it."""
    rows = in_window(sql.unbound("facts"), "facts")
    kinds = ("campaign_delivered", "campaign_viewed", "campaign_clicked")
    rows = rows.filter(rows.event_type.isin(list(kinds)), rows.campaign_id.notnull())
    rows = rows.semi_join(pairs, [rows.campaign_id == pairs.what])
    sent, seen, clicked = (rows.event_type == kind for kind in kinds)
    reached = sent & ~rows.is_holdout.fill_null(False)
    told = {name: sql.when(sent, rows[name]).min() for name in TRAITS}
    flags = dict(zip(_SIDES, (reached, seen, clicked), strict=True))
    counts = {name: sql.when(flag, 1, 0).sum() for name, flag in flags.items()}
    return rows.group_by(what=rows.campaign_id, who=rows.user_key).agg(**told, **counts)


def _first_seen() -> Any:
    rows = sql.unbound("facts")
    return rows.group_by(who=rows.user_key).agg(seen=rows.timestamp.min())


def _pairs(found: pa.Table, tables: Tables, window: Window) -> Pairs:
    campaigns = _coded(found, "what")
    since, seen = _micros(found, "since"), _micros(found, "seen")
    end = datetime(window.after.year, window.after.month, window.after.day, tzinfo=UTC).timestamp() * 1e6
    spend = _spend(tables, window)
    read = Pairs(
        campaigns=campaigns.names,
        campaign=campaigns.codes,
        user=_integers(found, "who"),
        held=_floats(found, "held") == 1,
        slice=_coded(found, "d0") if "d0" in found.schema.names else _nothing(found.num_rows),
        traits={name: _coded(found, name) for name in TRAITS},
        orders=_floats(found, "orders"),
        revenue=_floats(found, "revenue"),
        weekly=np.column_stack([_floats(found, f"week{week}") for week in range(WEEKS)]),
        before_orders=_floats(found, "before_orders"),
        before_revenue=_floats(found, "before_revenue"),
        followed=(end - since) / 86_400_000_000,
        known=(since - seen) / 86_400_000_000,
        deliveries=_floats(found, "deliveries"),
        views=_floats(found, "views"),
        clicks=_floats(found, "clicks"),
        cost=np.array([np.nan if spend is None else spend.get(name, 0.0) for name in campaigns.names]),
        window=window,
        currency=tables.currency,
    )
    # Engines answer in any order; what is drawn at random must not depend on it.
    return read.taken(np.lexsort((read.slice.codes, read.user, read.campaign)))


def _spend(tables: Tables, window: Window) -> dict[str, float] | None:
    if "daily_performance" not in tables.names:
        return None

    def build() -> Any:
        rows = in_window(sql.unbound("daily_performance"), "daily_performance")
        return rows.group_by(rows.campaign_id).agg(spend=sql.number(rows.spend.sum()))

    text = sql.to_sql(build, ("holdout_spend", _source()), tables.dialect)
    rows = tables.query(sql.with_window(text, window)).to_pylist()
    return {row["campaign_id"]: row["spend"] or 0.0 for row in rows}


def _coded(found: pa.Table, name: str) -> Coded:
    import pyarrow as pa

    column = found.column(name).cast(pa.string()).combine_chunks().dictionary_encode()
    texts = [str(text) for text in column.dictionary.to_pylist()]
    order = sorted(range(len(texts)), key=texts.__getitem__)
    place = np.empty(len(texts) + 1, np.int64)
    place[order] = np.arange(len(texts))
    place[-1] = -1
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Coded(names=tuple(texts[i] for i in order), codes=place[codes])


def _nothing(size: int) -> Coded:
    return Coded(names=(), codes=np.full(size, -1, np.int64))


def _floats(found: pa.Table, name: str) -> Floats:
    import pyarrow as pa

    column = found.column(name).cast(pa.float64()).combine_chunks()
    values: Floats = np.nan_to_num(column.to_numpy(zero_copy_only=False))
    return values


def _integers(found: pa.Table, name: str) -> Integers:
    import pyarrow as pa

    values: Integers = found.column(name).cast(pa.int64()).combine_chunks().to_numpy(zero_copy_only=False)
    return values


def _micros(found: pa.Table, name: str) -> Floats:
    """Return instants as microseconds since 1970."""
    import pyarrow as pa

    column = found.column(name)
    kind = column.type
    if not pa.types.is_timestamp(kind):
        raise UsageError(f"The engine answered {kind} where an instant was asked.")
    instants = column.cast(pa.timestamp("us", tz=kind.tz)).cast(pa.int64())
    return instants.combine_chunks().to_numpy(zero_copy_only=False).astype(float)


@cache
def _source() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
