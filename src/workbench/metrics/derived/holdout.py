"""Treated users against the holdout: the sums and products that a lift and its variance are made of."""

from __future__ import annotations

from itertools import combinations_with_replacement

from workbench.metrics import sql
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.queries import Query, aggregated, in_window, sliced, source
from workbench.metrics.sql import Expression

DAYS = 30
SUMS = ("treated", "treated_buyers", "treated_revenue", "holdout", "holdout_buyers", "holdout_revenue")
PRODUCTS = tuple(combinations_with_replacement(SUMS, 2))


def product(one: str, other: str) -> str:
    """Return the name of the sum over users of a product."""
    return f"{one}*{other}" if SUMS.index(one) <= SUMS.index(other) else f"{other}*{one}"


def _build(query: Query) -> Expression:
    users = _users(_pairs(query), query)
    figures = {name: sql.number(users[name]).sum() for name in SUMS}
    for one, other in PRODUCTS:
        figures[product(one, other)] = (sql.number(users[one]) * sql.number(users[other])).sum()
    by = {f"d{place}": users[f"d{place}"] for place in range(len(query.by))}
    return aggregated(users, by, users=users.count(), **figures)


def _pairs(query: Query) -> Expression:
    """Return one row per user and campaign with a holdout: since when, on which side, and what it bought."""
    rows = source(query, table="facts")
    rows = rows.filter(rows.event_type == "campaign_delivered")
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by)}
    held = sql.when(rows.is_holdout.fill_null(False), 1, 0)
    pairs = rows.group_by(**by, what=rows.campaign_id, who=rows.user_key).agg(
        since=rows.timestamp.min(), held=held.max()
    )
    pairs = pairs.semi_join(_with_holdout(query), "what")
    bought = in_window(sql.unbound("facts"), "facts")
    bought = bought.filter(bought.event_type == "user_purchased")
    bought = bought.select(buyer=bought.user_key, at_=bought.timestamp, worth=bought.value)
    later = pairs.join(bought, pairs.who == bought.buyer)
    later = later.filter(later.at_ >= later.since, later.at_ < later.since + sql.interval(DAYS))
    figures = {"bought_": later.at_.count(), "worth_": later.worth.sum()}
    keys = [*by, "what", "who", "held"]
    later = later.group_by(*[later[name] for name in keys]).agg(**figures)
    nobody = pairs.select(*keys, bought_=sql.literal(0, "int64"), worth_=sql.literal(0.0, "float64"))
    return nobody.union(later.select(*keys, "bought_", "worth_"), distinct=False)


def _with_holdout(query: Query) -> Expression:
    rows = sliced(in_window(sql.unbound("facts"), "facts"), "facts", query)
    rows = rows.filter(rows.event_type == "campaign_delivered", rows.is_holdout)
    return rows.select(what=rows.campaign_id).distinct()


def _users(pairs: Expression, query: Query) -> Expression:
    """Return one row per user: its pairs, its pairs with a purchase, and their revenue, on either side."""
    by = [f"d{place}" for place in range(len(query.by))]
    # A pair has a first row with nothing bought, and a second one where it bought.
    pair = sql.when(pairs.bought_ == 0, 1, 0)
    buyer = sql.when(pairs.bought_ > 0, 1, 0)
    treated, held = pairs.held == 0, pairs.held == 1
    return pairs.group_by(*[pairs[name] for name in by], pairs.who).agg(
        treated=sql.when(treated, pair, 0).sum(),
        treated_buyers=sql.when(treated, buyer, 0).sum(),
        treated_revenue=sql.when(treated, pairs.worth_, 0.0).sum(),
        holdout=sql.when(held, pair, 0).sum(),
        holdout_buyers=sql.when(held, buyer, 0).sum(),
        holdout_revenue=sql.when(held, pairs.worth_, 0.0).sum(),
    )


def _cost(query: Query) -> Expression:
    rows = source(query, table="daily_performance")
    tested = in_window(sql.unbound("facts"), "facts")
    tested = tested.filter(tested.event_type == "campaign_delivered", tested.is_holdout)
    tested = tested.select(tested_=tested.campaign_id).distinct()
    rows = rows.semi_join(tested, rows.campaign_id == tested.tested_)
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by)}
    return aggregated(rows, by, spend=rows.spend.sum())


HOLDOUT = DerivedQuery(
    name="holdout",
    says=(
        "Pairs of user and campaign, of the campaigns that kept a holdout in the window. A pair belongs to "
        "the holdout where any delivery says so, else to the treated. It is a buyer with a user_purchased "
        f"event in the window and less than {DAYS} days after its first delivery: bought, not credited, "
        "because nobody credits an order to a campaign that was never shown. Sums and products by user "
        "carry the variance, one user in many campaigns included."
    ),
    table="facts",
    needs=frozenset({"facts"}),
    figures=("users", *SUMS, *(product(one, other) for one, other in PRODUCTS)),
    build=_build,
    time=False,
)

HOLDOUT_COST = DerivedQuery(
    name="holdout_cost",
    says="Spend of the campaigns that kept a holdout in the window.",
    table="daily_performance",
    needs=frozenset({"facts", "daily_performance"}),
    figures=("spend",),
    build=_cost,
    time=False,
)
