"""The tables beside the events: their columns, their plausibility, and that nothing is counted twice."""

import time
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.events.definitions import OWNED_CHANNELS, PAID_CHANNELS
from workbench.events.simulation import EXPERIMENTS, PAID, MarketSpec, simulate
from workbench.events.tables import TABLES


def test_every_table_that_can_be_loaded_is_there_as_defined(market):
    assert set(market.tables) == {name for name, table in TABLES.items() if table.loadable}
    for name, frame in market.tables.items():
        table = TABLES[name]
        assert frame.columns == list(table.columns)
        assert frame.height > 0
        assert frame.select(table.key).is_unique().all()
        for field in table.fields:
            if field.required:
                assert frame[field.name].null_count() == 0
            if field.choices:
                assert set(frame[field.name].drop_nulls()) <= set(field.choices)


def test_no_figure_is_reported_twice(market, of_type):
    daily = market.tables["daily_performance"]
    for column in ("clicks", "conversions", "revenue", "leads"):
        assert daily[column].null_count() == daily.height, "these are events, or leads"
    owned, paid = (daily.filter(pl.col("channel").is_in(c)) for c in (OWNED_CHANNELS, PAID_CHANNELS))
    assert owned["impressions"].null_count() == owned.height
    assert paid["deliveries"].null_count() == paid.height
    sent = of_type("campaign_delivered", "creative_id", "is_holdout").filter(pl.col("is_holdout") == "false")
    sent = sent.group_by("creative_id", date=pl.col("timestamp").dt.date()).agg(
        events=pl.len().cast(pl.Int64)
    )
    both = owned.join(sent, on=["creative_id", "date"], how="full")
    assert (both["deliveries"] == both["events"]).all()
    assert both["deliveries"].null_count() == 0
    assert (owned["sends"] == owned["deliveries"] + owned["bounces"]).all()
    assert (owned["opens"] <= owned["deliveries"]).all()


def test_spend_is_the_truths_spend(market):
    spent = market.tables["daily_performance"].group_by("channel").agg(pl.col("spend").sum())
    both = market.truth.channels.join(spent, on="channel", suffix="_reported")
    assert both.height == len(market.spec.channels)
    assert ((both["spend"] - both["spend_reported"]).abs() / both["spend"]).max() < 0.01  # cents of creatives


def test_contacts_count_their_mails(market, of_type):
    mails = of_type("campaign_delivered", "delivery_channel", "is_holdout").filter(
        (pl.col("delivery_channel") == "email") & (pl.col("is_holdout") == "false")
    )
    counted = mails.group_by(contact_id="user_id").agg(n=pl.len().cast(pl.Int64))
    contacts = market.tables["contacts"].join(counted, on="contact_id", how="full")
    assert (contacts["sent"] == contacts["n"]).all()
    for more, less in (("sent", "opened"), ("opened", "clicked"), ("clicked", "converted")):
        assert (contacts[more] >= contacts[less]).all()


def test_leads_close_after_they_come(market):
    leads = market.tables["leads"]
    over = leads.filter(pl.col("stage").is_in(["won", "lost"]))
    assert (over["closed_at"] > over["created_at"]).all()
    assert (
        leads.filter(~pl.col("stage").is_in(["won", "lost"]))["closed_at"].null_count()
        == leads.height - over.height
    )
    rate = leads.group_by("grade").agg(won=(pl.col("stage") == "won").mean()).sort("grade")["won"]
    assert rate[0] > 2 * rate[2]


def test_new_users_come_by_the_click_that_brought_them(market, of_type):
    users = market.tables["users"].filter(pl.col("acquisition_campaign_id").is_not_null())
    campaigns = market.tables["campaigns"].select("campaign_id", "channel")
    both = users.join(campaigns, left_on="acquisition_campaign_id", right_on="campaign_id")
    assert both.height == users.height > 100
    assert (both["acquisition_channel"] == both["channel"]).all()


def test_the_figures_are_plausible(market, of_type):
    daily, orders, campaigns = (market.tables[n] for n in ("daily_performance", "orders", "campaigns"))
    credited = of_type("campaign_converted", "order_value")["order_value"].cast(pl.Float64).sum()
    spend = daily["spend"].sum()
    assert 2 < credited / spend < 4
    sent = of_type("campaign_delivered", "is_holdout").filter(pl.col("is_holdout") == "false").height
    clicks = of_type("campaign_clicked").height
    assert 0.013 < clicks / (sent + daily["impressions"].sum()) < 0.05
    assert 0.5 < spend / clicks < 2
    assert 10 < orders["order_value"].mean() < 50
    assert 0.2 < 1 - (orders["cogs"].sum() + spend) / orders["order_value"].sum() < 0.4
    used = campaigns.join(daily.group_by("campaign_id").agg(pl.col("spend").sum()), on="campaign_id")
    over = used.filter(pl.col("end_date") <= market.spec.last_day)
    rate = over["spend"] / over["budget"]
    assert rate.max() > 1.2, "one campaign overspends"
    assert 0.7 < rate.median() < 1.05
    assert set(campaigns["status"]) >= {"active", "paused", "completed", "scheduled"}


def test_cohorts_fade(market):
    users = market.tables["users"].select("user_id", "signup_at")
    start = pl.lit(market.spec.start).cast(pl.Datetime("us", "UTC"))
    old = users.filter((pl.col("signup_at") >= start) & (pl.col("signup_at") < start + timedelta(days=240)))
    bought = old.join(market.tables["orders"].select("user_id", "ordered_at"), on="user_id").with_columns(
        age=(pl.col("ordered_at") - pl.col("signup_at")).dt.total_days()
    )
    shares = [
        bought.filter(pl.col("age").is_between(low, low + 29))["user_id"].n_unique() / old.height
        for low in (0, 30, 60)
    ]
    assert 0.3 < shares[2] <= shares[1] + 0.02 < shares[0] < 0.8


def test_one_creative_draws_clicks_and_sells_little(market, of_type):
    clicks, sold = (
        dict(of_type(kind, "creative_id").group_by("creative_id").len().iter_rows())
        for kind in ("campaign_clicked", "campaign_converted")
    )
    campaign = market.tables["campaigns"].row(by_predicate=pl.col("name") == "Social always on", named=True)
    mine = market.tables["creatives"].filter(pl.col("campaign_id") == campaign["campaign_id"])["creative_id"]
    rates = [sold[creative] / clicks[creative] for creative in mine]
    assert rates[1] < 0.5 * min(rates[0], rates[2])


@pytest.mark.parametrize("seed", [1, 2])
def test_every_small_market_has_all_event_types(seed):
    market = simulate(MarketSpec.small(seed))
    assert market.events["event_type"].n_unique() == 20
    assert 15_000 < market.events.height < 25_000


SPECS = st.builds(
    MarketSpec,
    seed=st.integers(0, 2**32),
    days=st.integers(60, 400),
    users=st.integers(100, 400),
    owned_campaigns=st.integers(1, 9),
    holdout=st.floats(0, 0.9),
    early=st.floats(0, 0.99),
    lead_campaigns=st.integers(0, 3),
    channels=st.integers(1, 6).map(lambda n: PAID[:n]),
    experiments=st.integers(0, 3).map(lambda n: EXPERIMENTS[:n]),
)


@settings(max_examples=25, deadline=None)
@given(SPECS)
def test_every_specification_gives_a_whole_market(spec):
    market = simulate(spec)
    bought = market.events.filter(pl.col("event_type") == "user_purchased")
    assert bought.height == market.tables["orders"].height
    assert market.events.drop("session_id", "context").null_count().sum_horizontal().item() == 0
    assert market.tables["users"].height == spec.users
    assert market.events["timestamp"].dt.date().is_between(spec.start, spec.last_day).all()
    for name, frame in market.tables.items():
        required = [field.name for field in TABLES[name].fields if field.required]
        assert frame.select(required).null_count().sum_horizontal().item() == 0
        assert frame.select(TABLES[name].key).is_unique().all()


@pytest.mark.slow
def test_a_million_events_take_seconds():
    before = time.process_time()
    market = simulate(MarketSpec())
    assert market.events.height > 950_000
    assert time.process_time() - before < 60  # on a machine that may be slow and busy
