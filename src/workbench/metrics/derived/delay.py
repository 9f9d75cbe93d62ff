"""How long it takes from the first impression to the purchase."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.derived.delay_arrays import Z, counted
from workbench.metrics.queries import Query, aggregated, in_window_until_last, source
from workbench.metrics.sql import Expression


def _build(query: Query) -> Expression:
    bought = source(query, table="facts")
    bought = bought.filter(bought.event_type == "campaign_converted")
    by = {f"d{place}": bought[f"dim_{name}"] for place, name in enumerate(query.by)}
    bought = bought.select(**by, who=bought.user_key, what=bought.campaign_id, at_=bought.timestamp)
    buyers = bought.select(buyer=bought.who, bought_of=bought.what).distinct()
    seen = in_window_until_last(sql.unbound("facts"), "facts")
    seen = seen.filter(
        seen.event_type.isin(["campaign_delivered", "campaign_viewed"]), ~seen.is_holdout.fill_null(False)
    )
    seen = seen.join(buyers, (seen.user_key == buyers.buyer) & (seen.campaign_id == buyers.bought_of))
    first = seen.group_by(seen_by=seen.user_key, seen_of=seen.campaign_id).agg(seen_at=seen.timestamp.min())
    pairs = bought.join(first, (bought.who == first.seen_by) & (bought.what == first.seen_of))
    pairs = pairs.filter(pairs.at_ >= pairs.seen_at)
    pairs = pairs.group_by(*[pairs[name] for name in by], pairs.who, pairs.what).agg(
        at_=pairs.at_.min(), seen_at=pairs.seen_at.min()
    )
    hours = (sql.seconds(pairs.at_) - sql.seconds(pairs.seen_at)) / 3600
    groups = {name: pairs[name] for name in by}
    keys = list(groups.values())
    pairs = pairs.mutate(
        hours_=hours, place_=sql.partitioned_order(keys, [hours]), number_=sql.over(pairs.at_.count(), keys)
    )
    number = sql.number(pairs.number_)
    rank = ((number + 1 - Z * number.sqrt()) / 2).floor()
    low, high = (pairs.place_ == at for at in (rank - 1, number - rank))
    return aggregated(
        pairs,
        {name: pairs[name] for name in by},
        hours=pairs.hours_.quantile(0.5),
        low=sql.when(low, pairs.hours_).max(),
        high=sql.when(high & (rank >= 1), pairs.hours_).max(),
        buyers=pairs.count(),
    )


DELAY = DerivedQuery(
    name="delay",
    says=(
        "For each user and campaign with a conversion in the window: hours from the first message delivered"
        " or viewed, in all data, to the first conversion after it; the median over users and campaigns, and"
        " the two order statistics that enclose it with 95 % confidence."
    ),
    table="facts",
    needs=frozenset({"facts"}),
    figures=("hours", "low", "high", "buyers"),
    build=_build,
    counted=counted,
    grows="the longer a campaign runs, the longer ago a first impression may be",
)
