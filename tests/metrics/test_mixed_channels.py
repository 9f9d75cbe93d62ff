"""A click belongs to the channel of the last delivery, where a campaign is sent by several."""

from __future__ import annotations

import math
from typing import Any

import pytest
from metric_tables import Memory, event
from test_rollups import read, rolled_up

from workbench.metrics import measure
from workbench.metrics.expressions import build
from workbench.metrics.measures import leaves
from workbench.metrics.plan import plan
from workbench.metrics.sql import to_sql
from workbench.metrics.terms import clicks, impressions


def sent(user: int, channel: str, when: str = "2024-03-04", **columns: Any) -> dict[str, Any]:
    return event("campaign_delivered", user, when, campaign_id="m", channel=channel, **columns)


def did(what: str, user: int, when: str = "2024-03-05", **columns: Any) -> dict[str, Any]:
    return event(f"campaign_{what}", user, when, campaign_id="m", **columns)


def campaign(channel: str = "email", campaign_id: str = "m") -> dict[str, Any]:
    return {
        "campaign_id": campaign_id,
        "name": "M",
        "campaign_type": "VIP",
        "channel": channel,
        "status": "active",
    }


@pytest.fixture
def mixed() -> Memory:
    facts = [sent(i, "email") for i in range(100)] + [sent(100 + i, "push") for i in range(100)]
    facts += [did("clicked", 100 + i) for i in range(20)]
    facts += [did("viewed", 100 + i) | {"kind": "opened"} for i in range(40)]
    # another campaign, of one channel
    facts += [sent(i, "sms") | {"campaign_id": "s"} for i in range(50)]
    facts += [did("clicked", i) | {"campaign_id": "s"} for i in range(5)]
    return Memory(facts=facts, campaigns=[campaign(), campaign("sms", "s")])


def test_clicks_are_of_the_channel_that_was_clicked(mixed: Memory) -> None:
    found = measure(mixed, ["ctr", "open_rate", "click_to_open_rate", "conversion_rate"], by="channel")
    assert found.value("ctr", channel="email") == 0
    assert found.value("ctr", channel="push") == 0.2
    assert found.value("ctr", channel="sms") == 0.1
    assert found.value("open_rate", channel="push") == 0.4
    assert found.value("click_to_open_rate", channel="push") == 0.5
    assert measure(mixed, "ctr", where={"channel": "push"}).rows[0].value == 0.2


def test_a_channel_that_differs_from_the_campaign_counts_too() -> None:
    tables = Memory(facts=[sent(i, "push") for i in range(10)] + [did("clicked", 1)], campaigns=[campaign()])
    assert measure(tables, "ctr", by="channel").value("ctr", channel="push") == 0.1


@pytest.mark.parametrize("others", [[], [campaign("sms", "s")]])
@pytest.mark.parametrize("roll", [False, True])
def test_a_campaign_that_is_not_on_record_has_the_channel_of_its_deliveries(
    others: list[dict[str, Any]], roll: bool
) -> None:
    facts = [sent(i, "email") for i in range(10)] + [did("clicked", 1), did("clicked", 2)]
    tables = Memory(facts=facts, campaigns=others) if others else Memory(facts=facts)
    tables = rolled_up(tables) if roll else tables
    assert measure(tables, "ctr", where={"channel": "email"}).rows[0].value == 0.2
    assert measure(tables, ["ctr", "clicks"], by="channel").value("ctr", channel="email") == 0.2
    assert measure(tables, "clicks", where={"channel": "push"}).rows[0].note.startswith("no events")


def test_the_last_delivery_before_it_counts_though_the_window_begins_later() -> None:
    facts = [sent(1, "email", "2024-03-01"), sent(1, "push", "2024-03-03"), sent(1, "sms", "2024-03-09")]
    facts += [sent(1, "in_app", "2024-03-04", is_holdout=True), did("clicked", 1, "2024-03-05")]
    facts += [did("clicked", 1, "2024-03-09"), sent(2, "email", "2024-03-05")]
    found = measure(Memory(facts=facts), "clicks", by="channel", window="2024-03-05:2024-03-09")
    assert {row.slice[0]: row.value for row in found.rows if row.value} == {"push": 1, "sms": 1}


def test_where_it_cannot_be_told_there_is_no_rate() -> None:
    facts = [sent(i, "email") for i in range(10)] + [sent(10 + i, "push") for i in range(10)]
    facts += [did("clicked", 500 + i) for i in range(4)]
    found = measure(Memory(facts=facts, campaigns=[campaign()]), ["ctr", "clicks"], by="channel")
    assert all(math.isnan(row.value) for row in found.rows if row.metric == "ctr")
    assert "has no channel" in found.row("ctr", channel="email").note


@pytest.mark.parametrize("by", ["channel", "channel,week", "campaign", ""])
def test_no_roll_up_answers_by_channel_then(mixed: Memory, by: str) -> None:
    one = measure(mixed, ["ctr", "clicks", "impressions"], by=by).rows
    summed = rolled_up(mixed)
    summed.queries.clear()
    other = measure(summed, ["ctr", "clicks", "impressions"], by=by).rows
    assert [(r.slice, r.metric, r.value) for r in one] == [(r.slice, r.metric, r.value) for r in other]
    assert ("facts" in read(summed)) == ("channel" in by)


def test_campaigns_of_one_channel_cost_nothing() -> None:
    tables = rolled_up(Memory(facts=[sent(1, "email"), did("clicked", 1)], campaigns=[campaign()]))
    assert measure(tables, "ctr", by="channel").rows[0].value == 1
    assert "facts" not in read(tables)


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "databricks"])
def test_it_compiles(dialect: str) -> None:
    wanted = [*leaves(clicks), *leaves(impressions)]
    there = ["facts", "campaigns", "campaign_clicked", "campaign_delivered"]
    for query in plan(wanted, by=("channel",), loaded=there, mixed=("it's",)).queries:
        text = to_sql(lambda query=query: build(query), query, dialect)
        assert ("it\\'s" if dialect == "databricks" else "it''s") in text
