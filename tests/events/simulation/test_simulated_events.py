"""The events of the market keep every rule of their definitions, and make sense together."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from workbench.events.definitions import CONTEXT, ENVELOPE, EVENT_TYPES, Field, Kind

SAMPLE = 300


def wrong(field: Field, value: object) -> bool:  # noqa: C901 - one line per kind
    """Say whether a value breaks its definition; written here anew, so that no code is checked by itself."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    match field.kind:
        case Kind.UUID:
            return str(uuid.UUID(value)) != value
        case Kind.STRING:
            return not isinstance(value, str) or not value
        case Kind.CHOICE:
            return value not in field.choices
        case Kind.BOOLEAN:
            return not isinstance(value, bool)
        case Kind.COUNT:
            return not isinstance(value, int) or isinstance(value, bool) or value < 0
        case Kind.MONEY:
            return not number or value < 0
        case Kind.SCORE:
            return not number or not 0 <= value <= 1
        case Kind.NUMBER:
            return not number or (field.minimum is not None and value < field.minimum)
        case Kind.OBJECT:
            return not isinstance(value, dict)
        case Kind.INSTANT:
            return datetime.fromisoformat(value).tzinfo is None
    return True


def complaints(fields: tuple[Field, ...], values: dict) -> list[str]:
    known = {field.name for field in fields}
    found = [f"{name} is not known" for name in values if name not in known]
    for field in fields:
        value = values.get(field.name)
        if value is None:
            found += [f"{field.name} is missing"] if field.required else []
        elif wrong(field, value):
            found.append(f"{field.name} is {value!r}")
    return found


@pytest.mark.parametrize("event_type", list(EVENT_TYPES))
def test_every_event_keeps_its_definition(market, event_type):
    rows = market.events.filter(pl.col("event_type") == event_type)
    assert rows.height > 0
    rows = rows.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    for row in rows.sample(min(SAMPLE, rows.height), seed=1).to_dicts():
        row["properties"] = json.loads(row["properties"])
        row["context"] = json.loads(row["context"]) if row["context"] else None
        assert complaints(ENVELOPE, row) == []
        assert complaints(EVENT_TYPES[event_type].fields, row["properties"]) == []
        assert complaints(CONTEXT, row["context"] or {}) == []


def test_the_checker_finds_faults():
    fields = EVENT_TYPES["campaign_converted"].fields
    good = {
        "campaign_id": str(uuid.uuid4()),
        "creative_id": str(uuid.uuid4()),
        "conversion_delay_seconds": 1.0,
    }
    good |= {"order_id": str(uuid.uuid4()), "order_value": 3.5, "attribution_model": "last_touch"}
    assert complaints(fields, good) == []
    assert complaints(fields, good | {"order_value": -1}) == ["order_value is -1"]
    assert complaints(fields, good | {"order_value": "3.5", "x": 1}) == [
        "x is not known",
        "order_value is '3.5'",
    ]


def test_identifiers_are_unique(market):
    assert market.events["event_id"].n_unique() == market.events.height
    assert market.tables["orders"]["order_id"].n_unique() == market.tables["orders"].height


def test_nothing_happens_outside_the_market(market):
    start = datetime.combine(market.spec.start, datetime.min.time(), UTC)
    end = start + timedelta(days=market.spec.days)
    assert market.events["timestamp"].is_sorted()
    for column in (market.events["timestamp"], market.tables["orders"]["ordered_at"]):
        assert start <= column.min()
        assert column.max() < end
    leads = market.tables["leads"]
    assert leads["closed_at"].max() < end
    assert market.tables["daily_performance"]["date"].max() <= market.spec.last_day
    assert market.tables["users"]["signup_at"].max() < end
    assert market.tables["users"]["signup_at"].min() < start


def test_orders_are_the_purchases(market, of_type):
    bought = of_type("user_purchased", "order_id", "order_value").select(
        "order_id", "user_id", ordered_at="timestamp", order_value=pl.col("order_value").cast(pl.Float64)
    )
    orders = market.tables["orders"].select("order_id", "user_id", "ordered_at", "order_value")
    assert bought.sort("order_id").equals(orders.sort("order_id"))


def test_conversions_are_credited_to_an_earlier_click_and_one_purchase(market, of_type):
    converted = of_type(
        "campaign_converted", "campaign_id", "order_id", "order_value", "conversion_delay_seconds"
    )
    assert converted["order_id"].n_unique() == converted.height
    orders = market.tables["orders"].select("order_id", "user_id", "ordered_at", worth="order_value")
    joined = converted.join(orders, on=["order_id", "user_id"], how="left")
    assert (joined["timestamp"] == joined["ordered_at"]).all()
    assert (joined["order_value"].cast(pl.Float64) == joined["worth"]).all()
    clicks = of_type("campaign_clicked", "campaign_id").select("user_id", "campaign_id", clicked="timestamp")
    pairs = converted.join(clicks, on=["user_id", "campaign_id"], how="left").with_columns(
        gap=(pl.col("timestamp") - pl.col("clicked")).dt.total_microseconds() / 1e6
    )
    delay = pl.col("conversion_delay_seconds").cast(pl.Float64)
    near = pairs.group_by("order_id").agg(
        ((pl.col("gap") - delay).abs().min() <= 0.051) & (delay.first() > 0)
    )
    assert near[:, 1].all()


def test_messages_open_and_click_in_order(of_type):
    sent = (
        of_type("campaign_delivered", "campaign_id", "is_holdout")
        .group_by("user_id", "campaign_id")
        .agg(
            first=pl.col("timestamp").min(),
            held=(pl.col("is_holdout") == "true").any(),
            sides=pl.col("is_holdout").n_unique(),
        )
    )
    assert sent["sides"].max() == 1, "nobody is on both sides"
    opened = of_type("campaign_viewed", "campaign_id").join(sent, on=["user_id", "campaign_id"], how="left")
    assert opened["first"].null_count() == 0
    assert (opened["timestamp"] > opened["first"]).all()
    assert not opened["held"].any(), "the holdout sees nothing"
    for event_type in ("campaign_clicked", "campaign_converted"):
        answered = of_type(event_type, "campaign_id").join(sent.filter("held"), on=["user_id", "campaign_id"])
        assert answered.is_empty()


def test_nobody_hears_again_after_refusing(market, of_type):
    refused = of_type("user_unsubscribed", "unsubscribe_type").select(
        "user_id", "unsubscribe_type", said="timestamp"
    )
    assert refused["unsubscribe_type"].n_unique() >= 3
    channels = market.tables["campaigns"].select("campaign_id", "channel")
    sent = of_type("campaign_delivered", "campaign_id").join(channels, on="campaign_id")
    later = sent.join(refused, on="user_id").filter(pl.col("timestamp") > pl.col("said"))
    of = {"email_only": ["email"], "push_only": ["push"], "all_campaigns": ["email", "push", "sms", "in_app"]}
    for kind, stopped in of.items():
        assert later.filter(
            (pl.col("unsubscribe_type") == kind) & pl.col("channel").is_in(stopped)
        ).is_empty()
    capped = later.filter(pl.col("unsubscribe_type") == "frequency_cap")
    assert capped.group_by("user_id", "campaign_id").len().filter(pl.col("len") > 1).is_empty()


def test_messages_go_to_those_who_agreed(market, of_type):
    consent = market.tables["consents"].select("user_id", "status", at="recorded_at", channel_="channel")
    sent = of_type("campaign_delivered", "delivery_channel").select(
        "user_id", "timestamp", channel_="delivery_channel"
    )
    latest = sent.sort("timestamp").join_asof(
        consent.sort("at"),
        left_on="timestamp",
        right_on="at",
        by=["user_id", "channel_"],
        check_sortedness=False,
    )
    assert set(latest["status"]) == {"opt_in"}


def test_everything_refers_to_something(market, of_type):
    tables = market.tables
    campaigns, users = set(tables["campaigns"]["campaign_id"]), set(tables["users"]["user_id"])
    of_creative = dict(tables["creatives"].select("creative_id", "campaign_id").iter_rows())
    assert set(of_creative.values()) == campaigns
    for event_type in ("campaign_delivered", "campaign_viewed", "campaign_clicked", "campaign_converted"):
        rows = of_type(event_type, "campaign_id", "creative_id")
        pairs = rows.select("creative_id", "campaign_id").unique().iter_rows()
        assert all(of_creative[creative] == campaign for creative, campaign in pairs)
        strangers = set(rows["user_id"]) - users
        assert all(name.startswith("visitor-") for name in strangers)
        assert event_type == "campaign_clicked" or not strangers
    assert set(tables["daily_performance"]["creative_id"]) <= set(of_creative)
    for name in ("orders", "consents", "experiments"):
        assert set(tables[name]["user_id"]) <= users
    assert set(tables["contacts"]["contact_id"]) <= users
    assert set(tables["leads"]["campaign_id"]) <= campaigns
    assert set(tables["users"]["acquisition_campaign_id"].drop_nulls()) <= campaigns


def test_a_basket_comes_before_every_order(of_type):
    bought = of_type("user_purchased").select("user_id", "timestamp").sort("timestamp")
    filled = of_type("user_engaged", "engagement_type").filter(pl.col("engagement_type") == "add_to_cart")
    filled = filled.select("user_id", "timestamp", filled="timestamp").sort("timestamp")
    last = bought.join_asof(filled, on="timestamp", by="user_id", check_sortedness=False)
    waited = last["timestamp"] - last["filled"]
    assert (waited.drop_nulls() <= timedelta(minutes=3)).mean() > 0.99
