"""Pairs of user and campaign from the events of a workspace.

Who is held out, and what counts as bought, are the dictionary's (`metrics.derived.holdout`): nothing is
defined a second time here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import NotEnoughData, UsageError, unknown_name
from workbench.experiments.holdout.pairs import Coded, Floats, Integers, Pairs
from workbench.metrics import sql
from workbench.metrics.conditions import conditions
from workbench.metrics.derived.holdout_pairs import TRAITS, WEEKS, campaign_spend, pair_rows, side_counts
from workbench.metrics.queries import Query
from workbench.metrics.window import Window, resolve
from workbench.result import apart
from workbench.source import given

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.source import Tables

SLICES = (*TRAITS, "creative")


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
    if "facts" not in given(tables).names:
        raise NotEnoughData("Not enough data: no events loaded, so nobody is known to be held out.")
    days = resolve(window, tables)
    query = _query(tables, campaign, by)
    key = ("holdout_pairs", query)
    text = sql.to_sql(lambda: pair_rows(query), key, tables.dialect)
    found = tables.query(sql.with_window(text, days))
    if not found.num_rows:
        whom = f"from the campaign {campaign!r}" if campaign is not None else "from any campaign"
        raise NotEnoughData(
            f"Not enough data: nobody was held out {whom} between {days.first} and {days.last}."
        )
    return _pairs(found, tables, days)


def reach(tables: Tables, *, window: str | Window | None = None) -> tuple[Reach, ...]:
    """Return whom each campaign that sent messages reached and held out, holdout or not."""
    if "facts" not in given(tables).names:
        return ()
    query = _query(tables, None, None)
    key = ("holdout_reach", query)
    text = sql.to_sql(lambda: side_counts(query), key, tables.dialect)
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
    return apart({row["campaign_id"]: row["name"] for row in rows})


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
        cost=np.array([spend.get(name, np.nan) for name in campaigns.names]),
        window=window,
        currency=tables.currency,
    )
    # Engines answer in any order; what is drawn at random must not depend on it.
    return read.taken(np.lexsort((read.slice.codes, read.user, read.campaign)))


def _spend(tables: Tables, window: Window) -> dict[str, float]:
    if "daily_performance" not in tables.names:
        return {}
    text = sql.to_sql(campaign_spend, "holdout_spend", tables.dialect)
    rows = tables.query(sql.with_window(text, window)).to_pylist()
    return {row["campaign_id"]: row["spend"] for row in rows if row["spend"] is not None}


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
