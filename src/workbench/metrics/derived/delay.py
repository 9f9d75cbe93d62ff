"""How long it takes from the first impression to the purchase."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.derived.definition import DerivedQuery
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
    return aggregated(pairs, groups, hours=hours.quantile(0.5), buyers=pairs.count())


DELAY = DerivedQuery(
    name="delay",
    says=(
        "For each user and campaign with a conversion in the window: hours from the first message delivered"
        " or viewed, in all data, to the first conversion after it; the median over users and campaigns."
    ),
    table="facts",
    needs=frozenset({"facts"}),
    figures=("hours", "buyers"),
    build=_build,
)
