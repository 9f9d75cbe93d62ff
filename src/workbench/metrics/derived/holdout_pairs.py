"""Pairs of user and campaign one by one: what experiments read where metrics need sums only.

Who is held out and what counts as bought are those of `derived.holdout`.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.metrics import sql
from workbench.metrics.derived.holdout import DAYS, every_pair, purchases, with_holdout
from workbench.metrics.queries import Query, in_window
from workbench.metrics.sql import Expression

TRAITS = ("segment", "region", "platform")
WEEKS = 4
_SIDES = ("deliveries", "views", "clicks")
_BOUGHT = ("orders", "revenue", *(f"week{week}" for week in range(WEEKS)))
_BEFORE = ("before_orders", "before_revenue")


def side_counts(query: Query) -> Expression:
    """Return how many users each campaign reached and held out."""
    pairs = every_pair(query)
    return pairs.group_by(pairs.what).agg(
        treated=sql.when(pairs.held == 0, 1, 0).sum(), held=pairs.held.sum()
    )


def pair_rows(query: Query) -> Expression:
    """Return one row per pair of a campaign with a holdout: its side, its outcome, and what it was before."""
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


def _bought(pairs: Expression, keys: Sequence[str]) -> Expression:
    later = purchases(pairs)
    weeks = {f"week{week}": sql.when(_in_week(later, week), 1, 0).sum() for week in range(WEEKS)}
    return later.group_by(*keys).agg(orders=later.at_.count(), revenue=later.worth.sum(), **weeks)


def _in_week(later: Expression, week: int) -> Expression:
    start, end = (later.since + sql.interval(7 * (week + more)) for more in (0, 1))
    return (later.at_ >= start) & (later.at_ < end)


def _before(pairs: Expression, keys: Sequence[str]) -> Expression:
    rows = sql.unbound("facts")
    rows = rows.filter(rows.event_type == "user_purchased")
    rows = rows.select(buyer=rows.user_key, at_=rows.timestamp, worth=rows.value)
    earlier = pairs.join(rows, pairs.who == rows.buyer)
    earlier = earlier.filter(earlier.at_ < earlier.since, earlier.at_ >= earlier.since - sql.interval(DAYS))
    return earlier.group_by(*keys).agg(before_orders=earlier.at_.count(), before_revenue=earlier.worth.sum())


def _told(pairs: Expression) -> Expression:
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


def _first_seen() -> Expression:
    rows = sql.unbound("facts")
    return rows.group_by(who=rows.user_key).agg(seen=rows.timestamp.min())


def campaign_spend() -> Expression:
    """Return what was spent in the window, by campaign."""
    rows = in_window(sql.unbound("daily_performance"), "daily_performance")
    return rows.group_by(rows.campaign_id).agg(spend=sql.number(rows.spend.sum()))
