"""Treated users against the holdout, campaign by campaign: what a lift and its variance are made of.

Campaigns hold out different shares of different people, so a rate over all of them compares unlike with
unlike. Each campaign is a stratum: what its treated users would have bought anyway is what its own holdout
bought, times treated per held out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workbench.metrics import sql
from workbench.metrics.queries import Query, aggregated, in_window, source
from workbench.metrics.slices import reaches
from workbench.metrics.sql import Expression

DAYS = 30
FEWEST = 10
SUMS = ("treated", "treated_buyers", "treated_revenue", "holdout", "holdout_buyers", "holdout_revenue")
EXPECTED = ("expected_buyers", "expected_revenue", "chance_buyers")
# The sums over users of products of deviations: t of the treated, h of the holdout as weighted.
PRODUCTS = tuple(f"{what}_{sides}" for what in ("buyers", "revenue") for sides in ("tt", "th", "hh"))
COVERED = ("campaigns", "compared", "reached")
_BOUGHT = tuple(
    f"{side}_{what}" for side in ("treated", "holdout") for what in ("buyers", "revenue", "squares")
)
ALL = (*SUMS, *EXPECTED, *PRODUCTS, *COVERED)


def compared(query: Query) -> Expression:
    """Return the figures of the holdout by slice."""
    every = every_pair(query)
    pairs = every.semi_join(with_holdout(every), "what")
    bought = _bought(pairs, query)
    by = [f"d{place}" for place in range(len(query.by))]
    campaign = "campaign" in query.by
    if campaign:
        strata = _weighed(_strata(pairs, bought, by), [], alone=True)
        return _united([_slices(strata, by), _apart(strata, by)], by)
    strata = _weighed(_strata(every, bought, [*by, "what"]), by, alone=False)
    rows = _nobody(pairs, by).union(bought, distinct=False)
    return _united([_slices(strata, by), _over_users(rows, strata, by)], by)


def _strata(pairs: Expression, bought: Expression, keys: list[str]) -> Expression:
    """Return users, buyers, revenue and its squares by side, of every slice of every campaign."""
    treated = sql.when(pairs.held == 0, 1, 0).sum()
    sides = pairs.group_by(*[pairs[name] for name in keys]).agg(
        treated=treated, holdout=pairs.held.sum(), **dict.fromkeys(_BOUGHT, sql.literal(0.0))
    )
    worth = bought.worth_.fill_null(0.0)
    figures = {}
    for side, held in (("treated", 0), ("holdout", 1)):
        figures[f"{side}_buyers"] = sql.number(sql.when(bought.held == held, 1, 0).sum())
        figures[f"{side}_revenue"] = sql.when(bought.held == held, worth, 0.0).sum()
        figures[f"{side}_squares"] = sql.when(bought.held == held, worth * worth, 0.0).sum()
    nobody = dict.fromkeys(("treated", "holdout"), sql.literal(0, "int64"))
    buyers = bought.group_by(*[bought[name] for name in keys]).agg(**nobody, **figures)
    return _united([sides, buyers], keys, [*nobody, *_BOUGHT])


def _united(parts: list[Expression], by: list[str], names: Iterable[str] = ALL) -> Expression:
    """Return the sums of several answers by slice; what an answer does not hold counts as nothing there."""
    names = list(names)
    alike = [
        part.select(
            *by,
            **{
                name: sql.number(part[name]) if name in part.columns else sql.literal(0.0, "float64")
                for name in names
            },
        )
        for part in parts
    ]
    both = alike[0].union(alike[1], distinct=False)
    return aggregated(both, {name: both[name] for name in by}, **{name: both[name].sum() for name in names})


def _weighed(strata: Expression, by: list[str], *, alone: bool) -> Expression:
    """Return each stratum with the weight of one held out user, null where it cannot be compared.

    A handful of held out users would each speak for hundreds, and their variance cannot be seen: a campaign
    needs at least `FEWEST`, unless there is no other.
    """
    tested = sql.when(strata.holdout > 0, 1, 0)
    several = sql.literal(1) if alone else sql.over(tested.sum(), [strata[name] for name in by])
    strata = strata.mutate(tested_=tested, several_=several)
    enough = (strata.holdout > 0) & ((strata.holdout >= FEWEST) | (strata.several_ == 1))
    return strata.mutate(weight_=sql.when(enough, strata.treated / strata.holdout))


def _slices(strata: Expression, by: list[str]) -> Expression:
    """Return what is counted in the strata of each slice that can be compared, and which part they are."""
    can = strata.weight_.notnull()
    buyers = strata.treated_buyers + strata.holdout_buyers
    chance = strata.holdout * buyers / (strata.treated + strata.holdout)
    figures = {name: sql.when(can, strata[name], 0.0).sum() for name in SUMS}
    figures["expected_buyers"] = sql.when(can, strata.weight_ * strata.holdout_buyers, 0.0).sum()
    figures["expected_revenue"] = sql.when(can, strata.weight_ * strata.holdout_revenue, 0.0).sum()
    figures["chance_buyers"] = sql.when(can, chance, 0.0).sum()
    figures |= {"campaigns": strata.count(), "compared": sql.when(can, 1, 0).sum()}
    found = aggregated(
        strata,
        {name: strata[name] for name in by},
        **figures,
        reached=strata.treated.sum(),
        tested_=strata.tested_.sum(),
    )
    return found.filter(found.tested_ > 0)


def _apart(strata: Expression, by: list[str]) -> Expression:
    """Return the products of slices in which a user is one pair on one side: no sums by user are needed."""
    figures = {}
    for what, squares in (("buyers", "buyers"), ("revenue", "squares")):
        for side, sides, weight in (("treated", "tt", 1.0), ("holdout", "hh", strata.weight_)):
            total, n = strata[f"{side}_{what}"], strata[side]
            deviation = strata[f"{side}_{squares}"] - total * total / n.nullif(0.0)
            figures[f"{what}_{sides}"] = weight * weight * deviation
        figures[f"{what}_th"] = sql.literal(0.0)
    return strata.select(*by, **figures)


def _over_users(rows: Expression, strata: Expression, by: list[str]) -> Expression:
    """Return the products of every user's deviations from the means of its campaigns, summed over users.

    Rows hold each pair once with nothing bought, and once more where it bought.
    """
    users = _deviations(_beside(rows, strata, by), by)
    figures: dict[str, Expression] = {}
    for what in ("buyers", "revenue"):
        t, h = users[f"{what}_t"], users[f"{what}_h"]
        figures |= {f"{what}_tt": (t * t).sum(), f"{what}_th": (t * h).sum(), f"{what}_hh": (h * h).sum()}
    return aggregated(users, {name: users[name] for name in by}, **figures)


def _beside(rows: Expression, strata: Expression, by: list[str]) -> Expression:
    """Return rows with the weight and the means of their stratum, without those that cannot be compared."""
    strata = strata.filter(strata.weight_.notnull())
    means = {
        f"{side}_{what}_mean": strata[f"{side}_{what}"] / strata[side].nullif(0.0)
        for side in ("treated", "holdout")
        for what in ("buyers", "revenue")
    }
    strata = strata.select("weight_", what_=strata.what, **{f"{d}_": strata[d] for d in by}, **means)
    same = [rows.what == strata.what_]
    for name in by:
        same += _alike(rows[name], strata[f"{name}_"])
    return rows.inner_join(strata, same)


def _alike(one: Expression, other: Expression) -> list[Expression]:
    """Return that two names are the same, or both unknown, in a form that every engine hashes."""
    return [one.fill_null("") == other.fill_null(""), one.isnull() == other.isnull()]


def _deviations(rows: Expression, by: list[str]) -> Expression:
    pair, buyer = rows.bought_ == 0, rows.bought_ > 0
    figures = {}
    for what, value in (("buyers", sql.literal(1.0)), ("revenue", rows.worth_.fill_null(0.0))):
        for side, held, weight in (("treated", 0, 1.0), ("holdout", 1, rows.weight_)):
            part = sql.when(buyer, value, 0.0) - sql.when(pair, rows[f"{side}_{what}_mean"], 0.0)
            figures[f"{what}_{side[0]}"] = sql.when(rows.held == held, weight * part, 0.0).sum()
    return rows.group_by(*[rows[name] for name in by], rows.who).agg(**figures)


def every_pair(query: Query) -> Expression:
    """Return one row per user and campaign: since when, and on which side."""
    rows = source(query, table="facts")
    rows = rows.filter(rows.event_type == "campaign_delivered")
    # The campaign is a key already: naming it twice would make every key half as long again.
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by) if name != "campaign"}
    held = sql.when(rows.is_holdout.fill_null(False), 1, 0)
    pairs = rows.group_by(**by, what=rows.campaign_id, who=rows.user_key).agg(
        since=rows.timestamp.min(), held=held.max()
    )
    return pairs.mutate(
        **{f"d{place}": pairs.what for place, name in enumerate(query.by) if name == "campaign"}
    )


def purchases(pairs: Expression) -> Expression:
    """Return what each pair bought, order by order: `at_` and `worth` beside the columns of the pair."""
    rows = in_window(sql.unbound("facts"), "facts")
    rows = rows.filter(rows.event_type == "user_purchased")
    rows = rows.select(buyer=rows.user_key, at_=rows.timestamp, worth=rows.value)
    later = pairs.join(rows, pairs.who == rows.buyer)
    return later.filter(later.at_ >= later.since, later.at_ < later.since + sql.interval(DAYS))


def _bought(pairs: Expression, query: Query) -> Expression:
    """Return the pairs that bought, and what."""
    later = purchases(pairs)
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


def with_holdout(pairs: Expression) -> Expression:
    """Return the campaigns that kept somebody out."""
    held = pairs.filter(pairs.held == 1)
    return held.select("what").distinct()


def cost(query: Query) -> Expression:
    """Return what was spent on the campaigns that can be compared, by slice."""
    rows, tested = source(query, table="daily_performance"), _tested(query)
    same = [rows.campaign_id == tested.tested_]
    for name in tested.columns:
        if name.startswith("dim_"):
            same += _alike(rows[name], tested[name])
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by)}
    rows = rows.semi_join(tested, same)
    return aggregated(rows, by, spend=rows.spend.sum())


def _tested(query: Query) -> Expression:
    """Return the campaigns that can be compared, by slice."""
    kept = tuple(c for c in query.where if reaches(c.column, "facts", query.loaded))
    sent = source(replace(query, where=kept, by=()), also=_others(query), table="facts")
    sent = sent.filter(sent.event_type == "campaign_delivered", sent.is_holdout, sent.campaign_id.notnull())
    by = [f"dim_{name}" for name in _others(query)]
    if "campaign" in query.by:
        return sent.select(*[sent[name] for name in by], tested_=sent.campaign_id).distinct()
    users = sent.group_by(*[sent[name] for name in by], tested_=sent.campaign_id, who=sent.user_key).agg()
    tested = users.group_by(*[users[name] for name in by], users.tested_).agg(holdout=users.count())
    tested = tested.mutate(several_=sql.over(tested.tested_.count(), [tested[name] for name in by]))
    return tested.filter((tested.holdout >= FEWEST) | (tested.several_ == 1))


def _others(query: Query) -> list[str]:
    return [name for name in query.by if name != "campaign" and reaches(name, "facts", query.loaded)]
