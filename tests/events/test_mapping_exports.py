"""Exports that are known by their documented columns: a few rows each, figures worked out by hand."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest
import yaml

from workbench.errors import BadInput
from workbench.events.definitions import EVENT_TYPES, Kind
from workbench.events.mapping import detect, load_mapping, parse_mapping

Load = Callable[..., Any]
GA4 = [
    "event_date",
    "event_timestamp",
    "event_name",
    "event_params",
    "user_id",
    "user_pseudo_id",
    "platform",
    "geo",
    "app_info",
    "ecommerce",
    "items",
]


def parameters(**values: object) -> str:
    kinds = {str: "string_value", int: "int_value", float: "double_value"}
    return json.dumps([{"key": k, "value": {kinds[type(v)]: v}} for k, v in values.items()])


def ga4_row(name: str, micros: int = 1_704_103_200_000_000, **cells: str | None) -> list[str | None]:
    given: dict[str, str | None] = {
        "event_date": "20240101",
        "event_timestamp": str(micros),
        "event_name": name,
        "event_params": parameters(ga_session_id=77, engagement_time_msec=1500, page_title="Home"),
        "user_pseudo_id": "1.2",
        "platform": "WEB",
        "geo": json.dumps({"country": "Germany"}),
        **cells,
    }
    return [given.get(column) for column in GA4]


def ga4(load_rows: Load, *rows: list[str | None]) -> Any:
    return load_rows(load_mapping("ga4_events"), GA4, rows)


def test_a_purchase_becomes_an_event(load_rows: Load) -> None:
    row = ga4_row(
        "purchase",
        event_params=parameters(payment_type="PayPal", coupon="MAY", customer_type="returning", value=1),
        ecommerce=json.dumps({"transaction_id": "T-1", "purchase_revenue": 12.5}),
        items=json.dumps([{"item_id": "a", "item_category": "shoes"}]),
        user_id="u7",
    )
    loaded = ga4(load_rows, row)
    assert loaded.failures == []
    event = loaded.rows[0]
    assert (event["event_type"], event["user_id"], event["source"]) == ("user_purchased", "u7", "mobile")
    assert event["timestamp"] == "2024-01-01T10:00:00Z"
    properties = json.loads(event["properties"])
    assert uuid.UUID(properties.pop("order_id"))
    assert properties == {
        "order_value": 12.5,
        "order_category": "shoes",
        "payment_method": "wallet",
        "promo_code_used": True,
        "is_repeat_purchase": True,
    }
    assert json.loads(event["context"]) == {"platform": "Web", "region": "Germany"}


def test_what_ga4_does_not_say_is_left_out_or_the_stated_default(load_rows: Load) -> None:
    loaded = ga4(load_rows, ga4_row("purchase", event_params=parameters(transaction_id="T-2", value=3)))
    properties = json.loads(loaded.rows[0]["properties"])
    assert properties["order_value"] == 3
    assert (properties["order_category"], properties["payment_method"]) == ("other", "other")
    assert (properties["promo_code_used"], properties["is_repeat_purchase"]) == (False, False)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("session_start", "app_open"),
        ("view_item", "view_catalog"),
        ("search", "search"),
        ("add_to_cart", "add_to_cart"),
        ("add_to_wishlist", "save_item"),
    ],
)
def test_signs_of_interest(name: str, kind: str, load_rows: Load) -> None:
    event = ga4(load_rows, ga4_row(name)).rows[0]
    assert event["event_type"] == "user_engaged"
    assert event["session_id"] == "77"
    assert json.loads(event["properties"]) == {
        "engagement_type": kind,
        "session_duration_seconds": 1.5,
        "screen_name": "Home",
    }


def test_other_events_are_refused_by_name(load_rows: Load) -> None:
    loaded = ga4(load_rows, ga4_row("scroll"), ga4_row("scrol"), ga4_row("refund"), ga4_row("view_item"))
    assert sorted(loaded.failures) == [
        "event_type: column 'event_name': 'refund' has no event type in this mapping",
        "event_type: column 'event_name': 'scrol' has no event type in this mapping",
        "event_type: not mapped: scroll",
    ]


def test_an_event_cannot_be_mapped_and_left_out() -> None:
    ready = resources.files("workbench.events").joinpath("mappings", "ga4_events.yaml").read_text("utf-8")
    text = ready.replace("- page_view\n", "- purchase\n")
    with pytest.raises(BadInput, match="unmapped: purchase belongs to the type user_purchased"):
        parse_mapping(text)


def test_a_wrong_property_is_refused_for_its_own_type_only(load_rows: Load) -> None:
    bad = parameters(transaction_id="T", value="twelve")
    loaded = ga4(load_rows, ga4_row("purchase", event_params=bad), ga4_row("view_item", event_params=bad))
    assert len(loaded.failures) == 1
    assert "'twelve' is not a number" in loaded.failures[0]


@pytest.mark.parametrize("broken", ["{", "[]", "[1]", "null", '{"key": 1}', '[{"key":"value"}]', "\\"])
def test_broken_json_is_an_absent_value(broken: str, load_rows: Load) -> None:
    loaded = ga4(load_rows, ga4_row("view_item", event_params=broken, geo=broken))
    assert loaded.failures == []
    assert json.loads(loaded.rows[0]["properties"]) == {"engagement_type": "view_catalog"}


def test_ids_are_the_same_on_every_load_and_differ_within_one(load_rows: Load) -> None:
    rows = [ga4_row("view_item"), ga4_row("view_item"), ga4_row("view_item", micros=1_704_103_200_000_001)]
    first = [row["event_id"] for row in ga4(load_rows, *rows).rows]
    again = [row["event_id"] for row in ga4(load_rows, *rows).rows]
    assert first == again
    assert len(set(first)) == 3
    assert all(uuid.UUID(one) for one in first)


def test_flattened_columns_serve_as_well(load_rows: Load) -> None:
    columns = ["event_name", "event_timestamp", "user_pseudo_id", "transaction_id", "value", "country"]
    found = detect(columns)
    assert found is not None
    assert found.name == "ga4_events"
    loaded = load_rows(found, columns, [["purchase", "1704103200000000", "1.2", "T", "5", "France"]])
    assert json.loads(loaded.rows[0]["properties"])["order_value"] == 5
    assert json.loads(loaded.rows[0]["context"]) == {"region": "France"}


def test_every_event_type_of_a_mapping_has_all_it_requires() -> None:
    rules = load_mapping("ga4_events").events
    assert rules is not None
    for name, rule in rules.types.items():
        fields = {field.name: field for field in EVENT_TYPES[name].fields}
        assert set(EVENT_TYPES[name].required) <= set(rule.properties) <= set(fields)
        assert all(fields[n].kind is not Kind.OBJECT for n in rule.properties)


def test_rules_that_contradict_the_definitions_are_refused() -> None:
    rules = {
        "name": "mine",
        "title": "Mine",
        "table": "events",
        "columns": {"event_id": "i", "timestamp": "t", "user_id": "u", "source": {"constant": "backend"}},
    }
    for types, said in (
        ({"user_flew": {"names": "a"}}, "no such event type"),
        ({"user_engaged": {"names": "a"}}, "also needs engagement_type"),
        ({"user_engaged": {"names": "a", "properties": {"speed": "s"}}}, "no such property"),
        (
            {"user_engaged": {"names": "a", "properties": {"engagement_type": {"constant": "x"}}}},
            "is not one of",
        ),
    ):
        with pytest.raises(BadInput, match=said):
            parse_mapping(yaml.safe_dump({**rules, "events": {"from": "e", "types": types}}))
    with pytest.raises(BadInput, match="belongs to the table events"):
        parse_mapping(yaml.safe_dump(rules))


def test_shopify_orders_are_worth_what_was_paid_less_refunds(load_rows: Load) -> None:
    columns = [
        "Name",
        "Email",
        "Financial Status",
        "Currency",
        "Total",
        "Refunded Amount",
        "Created at",
        "Lineitem quantity",
        "Lineitem sku",
        "Shipping Country",
    ]
    rows = [
        ["#1", "A@x.com", "paid", "USD", "70.00", "0.00", "2024-01-03 12:33:01 -0500", "1", "S1", "US"],
        ["#1", "a@x.com", None, None, None, None, "2024-01-03 12:33:01 -0500", "2", "S2", None],
        [
            "#2",
            None,
            "partially_refunded",
            "USD",
            "30.00",
            "12.50",
            "2024-07-03 00:10:00 +0200",
            "1",
            "S1",
            "DE",
        ],
    ]
    found = detect(columns)
    assert found is not None
    assert found.name == "shopify_orders"
    loaded = load_rows(found, columns, rows)
    assert loaded.failures == []
    made = loaded.rows
    assert [(r["order_id"], r["line"], r["order_value"]) for r in made] == [
        ("#1", 1, 70),
        ("#1", 2, 0),
        ("#2", 1, 17.5),
    ]
    assert [r["ordered_at"] for r in made] == ["2024-01-03T17:33:01Z"] * 2 + ["2024-07-02T22:10:00Z"]
    assert made[0]["user_id"] == made[1]["user_id"]
    assert uuid.UUID(made[0]["user_id"])
    assert made[2]["user_id"] is None
    assert "@" not in str(made)
    assert [r["_currency"] for r in made] == ["USD", None, "USD"]


def test_mailchimp_reports(load_rows: Load) -> None:
    columns = [
        "Title",
        "Subject",
        "List",
        "Send Date",
        "Total Recipients",
        "Successful Deliveries",
        "Total Bounces",
        "Unique Opens",
        "Open Rate",
        "Unique Clicks",
        "Unique Id",
        "Total Revenue",
    ]
    row = [
        "May",
        "Hi",
        "All",
        "May 05, 2024 10:30 pm",
        "12,345",
        "12,000",
        "345",
        "3,000",
        "25%",
        "300",
        "ab1",
        "99.5",
    ]
    found = detect(columns)
    assert found is not None
    assert found.name == "mailchimp_campaigns"
    loaded = load_rows(found, columns, [row])
    assert loaded.failures == []
    made = loaded.rows[0]
    assert (str(made["date"]), made["campaign_id"], made["channel"]) == ("2024-05-05", "ab1", "email")
    assert (made["sends"], made["deliveries"], made["bounces"]) == (12_345, 12_000, 345)
    assert (made["opens"], made["clicks"], made["revenue"]) == (3_000, 300, 99.5)


def test_hubspot_exports_by_hand(load_rows: Load) -> None:
    deals = [
        "Record ID",
        "Deal Name",
        "Deal Stage",
        "Create Date",
        "Close Date",
        "Amount",
        "Original Source Type",
    ]
    rows = [
        ["1", "x", "Closed won", "2024-01-03 12:33", "2024-02-01 08:00", "1200.50", "Paid Search"],
        ["2", "y", "Discovery", "2024-01-04 09:00", None, None, "Offline Sources"],
    ]
    found = detect(deals)
    assert found is not None
    assert found.name == "hubspot_deals"
    made = load_rows(found, deals, rows)
    assert made.failures == []
    assert [(r["stage"], r["channel"], r["deal_value"]) for r in made.rows] == [
        ("won", "paid_search", 1200.5),
        ("pipeline", "other", None),
    ]
    people = [
        "Record ID",
        "First Name",
        "Last Name",
        "Email",
        "Marketing emails opened",
        "Last marketing email open date",
    ]
    found = detect(people)
    assert found is not None
    assert found.name == "hubspot_contacts"
    made = load_rows(found, people, [["9", "A", "B", "Ann@X.com", "4", "2024-01-03 12:33"]])
    assert made.failures == []
    row = made.rows[0]
    assert (row["email"], row["contact_id"], row["opened"]) == ("ann@x.com", "9", 4)
    assert row["last_engaged_at"] == "2024-01-03T12:33:00Z"


def test_google_report_editor_has_units_not_micros(load_rows: Load) -> None:
    columns = ["Day", "Campaign", "Campaign type", "Currency code", "Impr.", "Clicks", "Cost", "Conversions"]
    rows = [
        ["2024-01-01", "Brand", "Search", "EUR", "1,234", "56", "78.90", "3.5"],
        ["2024-01-01", "Max", "Performance Max", "EUR", "10", " --", "1.00", "0"],
    ]
    found = detect(columns)
    assert found is not None
    assert found.name == "google_ads"
    loaded = load_rows(found, columns, rows)
    assert loaded.failures == []
    assert [(r["channel"], r["spend"], r["impressions"], r["clicks"]) for r in loaded.rows] == [
        ("paid_search", 78.9, 1234, 56),
        ("other", 1.0, 10, None),
    ]
    assert [r["original_channel"] for r in loaded.rows] == ["Search", "Performance Max"]


def test_generic_files_in_our_own_columns(load_rows: Load) -> None:
    columns = ["date", "campaign_id", "channel", "spend", "opens"]
    found = detect(columns)
    assert found is not None
    assert found.name == "generic_daily_performance"
    loaded = load_rows(
        found, columns, [["2024-01-01", "a", "Paid_Search", "1.5", None], ["2024-01-01", "b", "tv", "2", "7"]]
    )
    assert [(r["channel"], r["original_channel"], r["spend"], r["opens"]) for r in loaded.rows] == [
        ("paid_search", "Paid_Search", 1.5, None),
        ("other", "tv", 2.0, 7),
    ]
    leads = load_rows(
        load_mapping("generic_leads"),
        ["lead_id", "created_at", "stage", "channel"],
        [["1", "2024-01-01T00:00:00Z", "WON", "email"], ["2", "2024-01-01T00:00:00Z", None, None]],
    )
    assert [(r["stage"], r["channel"]) for r in leads.rows] == [("won", "email"), ("new", "other")]
