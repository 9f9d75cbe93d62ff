"""Treated users against the holdout: the sums and products that a lift and its variance are made of."""

from __future__ import annotations

from itertools import combinations_with_replacement

from workbench.metrics import sql
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.queries import Query, aggregated, in_window, source
from workbench.metrics.sql import Expression

DAYS = 30
SUMS = ("treated", "treated_buyers", "treated_revenue", "holdout", "holdout_buyers", "holdout_revenue")
_BOUGHT = tuple(
    f"{side}_{what}" for side in ("treated", "holdout") for what in ("buyers", "revenue", "squares")
)
PRODUCTS = tuple(combinations_with_replacement(SUMS, 2))


def product(one: str, other: str) -> str:
    """Return the name of the sum over users of a product."""
    return f"{one}*{other}" if SUMS.index(one) <= SUMS.index(other) else f"{other}*{one}"


def _build(query: Query) -> Expression:
    pairs = _pairs(query)
    bought = _bought(pairs, query)
    by = [f"d{place}" for place in range(len(query.by))]
    if "campaign" in query.by:
        return _within_campaigns(pairs, bought, by)
    return _summed(_users(_nobody(pairs, by).union(bought, distinct=False), by), by)


def _within_campaigns(pairs: Expression, bought: Expression, by: list[str]) -> Expression:
    """Return the figures of slices in which a user is one pair, on one side: no sums by user are needed."""
    treated = sql.when(pairs.held == 0, 1, 0).sum()
    sides = pairs.group_by(*[pairs[name] for name in by]).agg(
        users=pairs.count(),
        treated=treated,
        holdout=pairs.held.sum(),
        **dict.fromkeys(_BOUGHT, sql.literal(0.0)),
    )
    worth = bought.worth_.fill_null(0.0)
    figures = {}
    for side, held in (("treated", 0), ("holdout", 1)):
        figures[f"{side}_buyers"] = sql.number(sql.when(bought.held == held, 1, 0).sum())
        figures[f"{side}_revenue"] = sql.when(bought.held == held, worth, 0.0).sum()
        figures[f"{side}_squares"] = sql.when(bought.held == held, worth * worth, 0.0).sum()
    nobody = dict.fromkeys(("users", "treated", "holdout"), sql.literal(0, "int64"))
    buyers = bought.group_by(*[bought[name] for name in by]).agg(**nobody, **figures)
    names = [*nobody, *_BOUGHT]
    sides, buyers = (
        part.select(*by, **{name: sql.number(part[name]) for name in names}) for part in (sides, buyers)
    )
    both = sides.union(buyers, distinct=False)
    totals = both.group_by(*[both[name] for name in by]).agg(**{name: both[name].sum() for name in names})
    products = {product(*pair): _of_one(totals, *pair) for pair in PRODUCTS}
    return totals.select(*by, "users", *SUMS, **products)


def _of_one(totals: Expression, one: str, other: str) -> Expression:
    """Return the sum over pairs of a product: a pair counts as one, buys or not, and is on one side only."""
    side = one.partition("_")[0]
    if other.partition("_")[0] != side:
        return sql.literal(0.0)
    if one == other == f"{side}_revenue":
        return totals[f"{side}_squares"]
    return totals[max(one, other, key=SUMS.index)]


def _summed(users: Expression, by: list[str]) -> Expression:
    figures = {name: sql.number(users[name]).sum() for name in SUMS}
    for one, other in PRODUCTS:
        figures[product(one, other)] = (sql.number(users[one]) * sql.number(users[other])).sum()
    return aggregated(users, {name: users[name] for name in by}, users=users.count(), **figures)


def _pairs(query: Query) -> Expression:
    """Return one row per user and campaign with a holdout: since when, and on which side."""
    rows = source(query, table="facts")
    rows = rows.filter(rows.event_type == "campaign_delivered")
    # The campaign is a key already: naming it twice would make every key half as long again.
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by) if name != "campaign"}
    held = sql.when(rows.is_holdout.fill_null(False), 1, 0)
    pairs = rows.group_by(**by, what=rows.campaign_id, who=rows.user_key).agg(
        since=rows.timestamp.min(), held=held.max()
    )
    pairs = pairs.semi_join(_with_holdout(pairs), "what")
    return pairs.mutate(
        **{f"d{place}": pairs.what for place, name in enumerate(query.by) if name == "campaign"}
    )


def _bought(pairs: Expression, query: Query) -> Expression:
    """Return the pairs that bought, and what."""
    rows = in_window(sql.unbound("facts"), "facts")
    rows = rows.filter(rows.event_type == "user_purchased")
    rows = rows.select(buyer=rows.user_key, at_=rows.timestamp, worth=rows.value)
    later = pairs.join(rows, pairs.who == rows.buyer)
    later = later.filter(later.at_ >= later.since, later.at_ < later.since + sql.interval(DAYS))
    by = {f"d{place}": name for place, name in enumerate(query.by)}
    keys = [*(name for name, of in by.items() if of != "campaign"), "what", "who", "held"]
    found = later.group_by(*[later[name] for name in keys]).agg(
        bought_=later.at_.count(), worth_=later.worth.sum()
    )
    found = found.mutate(**{name: found.what for name, of in by.items() if of == "campaign"})
    return found.select(*by, "what", "who", "held", "bought_", "worth_")


def _nobody(pairs: Expression, by: list[str]) -> Expression:
    keys = [*by, "what", "who", "held"]
    return pairs.select(*keys, bought_=sql.literal(0, "int64"), worth_=sql.literal(0.0, "float64"))


def _with_holdout(pairs: Expression) -> Expression:
    held = pairs.filter(pairs.held == 1)
    return held.select("what").distinct()


def _users(pairs: Expression, by: list[str]) -> Expression:
    """Return one row per user: its pairs, its pairs with a purchase, and their revenue, on either side."""
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
