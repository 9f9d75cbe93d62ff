"""The market, from its specification: plan, people, messages, advertising, orders, and the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import wrong_kind
from workbench.events.simulation import activity, audience, ledger, office, systems
from workbench.events.simulation.ads import Advertising, advertise
from workbench.events.simulation.campaigns import Plan, plan_campaigns
from workbench.events.simulation.envelope import post
from workbench.events.simulation.markets import open_stores
from workbench.events.simulation.media import plan_media
from workbench.events.simulation.messages import Messages, send
from workbench.events.simulation.performance import daily_performance
from workbench.events.simulation.population import populate
from workbench.events.simulation.purchases import Purchases, buy, run_trials
from workbench.events.simulation.seasons import season
from workbench.events.simulation.shop import take_orders, visits
from workbench.events.simulation.showing import show
from workbench.events.simulation.spec import MarketSpec
from workbench.events.simulation.truth import Happened, Truth, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

_OWN_CLICK = 1 << 40  # visits that lead to no order are numbered from here


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A simulated market.

    Parameters
    ----------
    spec : MarketSpec
        What it was made from.
    events : DataFrame
        event_id, event_type, timestamp, user_id, session_id, source, properties and context (JSON text).
    tables : mapping
        A frame for every table that can be loaded, in its defined columns.
    truth : Truth
        What is true of it.
    """

    spec: MarketSpec
    events: pl.DataFrame
    tables: Mapping[str, pl.DataFrame]
    truth: Truth


def _from_messages(messages: Messages, first_visit: int) -> tuple[list[Purchases], pl.DataFrame]:
    """Return the orders of owned campaigns and of those held out of them, and all clicks on messages."""
    import polars as pl

    rows = messages.rows.with_columns(visit=pl.int_range(pl.len()) + first_visit)
    parts = []
    for cause, held_out in (("owned", False), ("holdout", True)):
        mine = rows.filter((pl.col("held_out") == held_out) & pl.col("bought_at").is_not_null())
        none = np.full(len(mine), -1)
        parts.append(
            Purchases(
                user=mine["user"].to_numpy(),
                at=mine["bought_at"].to_numpy(),
                cause=cause,
                channel=none,
                creative=none if held_out else mine["creative"].to_numpy(),
                clicked_at=none if held_out else mine["clicked_at"].to_numpy(),
                visit=mine["visit"].to_numpy(),
                incremental=mine["incremental"].to_numpy(),
            )
        )
    clicked = rows.filter(pl.col("clicked_at").is_not_null())
    return parts, clicked.select("user", "creative", "visit", at="clicked_at", paid=pl.lit(value=False))


def _all_clicks(
    plan: Plan, advertising: Advertising, owned: pl.DataFrame, orders: pl.DataFrame
) -> pl.DataFrame:
    """Return every click with its campaign, whether an order is credited to it, and its visit to the shop."""
    import polars as pl

    paid = advertising.clicks
    frame = pl.DataFrame(
        {"user": paid.user, "creative": paid.creative, "visit": paid.visit, "at": paid.at}
    ).with_columns(paid=pl.lit(value=True))
    clicks = pl.concat([frame, owned.select(frame.columns)], how="vertical_relaxed")
    ended = orders.filter(pl.col("clicked_at") >= 0).select("visit", at="clicked_at", last=pl.lit(value=True))
    clicks = clicks.join(ended, on=["visit", "at"], how="left", maintain_order="left").with_columns(
        pl.col("last").fill_null(value=False),
        campaign=plan.creative_campaign[clicks["creative"].to_numpy()],
    )
    session = pl.when("last").then("visit").otherwise(pl.int_range(pl.len()) + _OWN_CLICK)
    return clicks.with_columns(session=session)


def _reach(messages: Messages, people: int, plan: Plan) -> dict[int, int]:
    paid = {campaign.index: people // 2 for campaign in plan.of("paid")}
    return paid | {reach.campaign: reach.treated for reach in messages.reached}


def _described(spec: MarketSpec) -> MarketSpec:
    if not isinstance(spec, MarketSpec):
        raise wrong_kind("A market", spec, "described by a MarketSpec, such as MarketSpec.small()")
    return spec


def simulate(spec: MarketSpec | None = None) -> Market:
    """Return a market and its truth.

    Parameters
    ----------
    spec : MarketSpec, optional
        What to simulate; a year with about a million events by default.

    Returns
    -------
    Market
        The same specification gives the same market, byte for byte.

    Examples
    --------
    >>> market = simulate(MarketSpec.small())
    >>> market.tables["orders"].height == market.events["event_type"].eq("user_purchased").sum()
    True
    """
    spec = MarketSpec() if spec is None else _described(spec)
    curve = season(spec)
    plan, media = plan_campaigns(spec), plan_media(spec)
    people, showing = populate(spec, media, curve), show(spec, plan, media)
    trials, stores = run_trials(spec, people), open_stores(spec)
    messages = send(spec, plan, people)
    advertising = advertise(spec, plan, people, media, showing, buy(spec, people, trials))
    paid = [advertising.caused, advertising.own]
    owned, owned_clicks = _from_messages(messages, sum(len(part.user) for part in paid))
    orders = take_orders(spec, plan, people, [*paid, *owned])
    clicks = _all_clicks(plan, advertising, owned_clicks, orders)
    daily = daily_performance(spec, plan, showing, messages, clicks)
    leads = audience.leads(spec, plan, curve)
    campaigns = ledger.campaigns(spec, plan, daily, orders, leads)
    drafts = [
        *activity.deliveries(spec, plan, people, messages),
        activity.clicks(spec, plan, clicks),
        activity.purchases(orders),
        activity.conversions(plan, orders),
        activity.shop_steps(spec, visits(spec, clicks, orders)),
        activity.idle_moments(spec, people, curve),
        activity.segment_changes(spec, people),
        *office.marketers(spec, plan, campaigns, _reach(messages, len(people), plan)),
        office.dashboards(spec),
        *systems.systems(spec, plan),
    ]
    happened = Happened(
        plan=plan, media=media, people=people, messages=messages, trials=trials, orders=orders, stores=stores
    )
    return Market(
        spec=spec,
        events=post(spec, people, drafts),
        tables={
            "campaigns": campaigns,
            "daily_performance": daily,
            "leads": leads,
            **_others(spec, happened),
        },
        truth=tell(spec, happened),
    )


def _others(spec: MarketSpec, happened: Happened) -> dict[str, pl.DataFrame]:
    plan, people, orders = happened.plan, happened.people, happened.orders
    return {
        "creatives": ledger.creatives(plan),
        "users": ledger.users(spec, plan, people, orders),
        "orders": ledger.orders_table(orders, people),
        "contacts": audience.contacts(happened.messages, people),
        "consents": audience.consents(happened.messages, people),
        "experiments": ledger.experiments(happened.trials, people),
        "geo_performance": happened.stores.performance,
    }
