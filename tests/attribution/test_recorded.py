"""Touchpoints of a workspace's events, told apart by what is known of them."""

from __future__ import annotations

import runpy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from workbench.attribution.attributing import attribute
from workbench.attribution.counting import count_journeys
from workbench.attribution.recorded import ATTRIBUTES, EVENTS, _rows, touchpoints
from workbench.errors import NotEnoughData, UsageError
from workbench.metrics import sql

_TABLES = runpy.run_path(str(Path(__file__).parents[1] / "explore" / "conftest.py"))
Base, event = _TABLES["Base"], _TABLES["event"]
NOON = datetime(2024, 3, 4, 12)


def at(days: float) -> datetime:
    return NOON + timedelta(days=days)


def tables(**more: Any) -> Any:
    facts = [
        event("campaign_clicked", 1, at(0), campaign_id="a", platform="iOS"),
        event("campaign_viewed", 1, at(1), campaign_id="b", platform="Web"),
        event("campaign_delivered", 1, at(1.5), campaign_id="a", channel="push", is_holdout=False),
        event("campaign_delivered", 2, at(1.5), campaign_id="a", channel="push", is_holdout=True),
        event("user_purchased", 1, at(2), order_id="o1", value=30.0),
        event("user_purchased", 1, at(2), order_id="o1", value=30.0),
        event("user_purchased", 2, at(3), order_id="o2", value=5.0),
        event("campaign_viewed", 3, at(20), campaign_id="unknown"),
        event("user_purchased", 3, at(20), order_id="o3", value=1.0),
    ]
    campaigns = [
        {"campaign_id": "a", "name": "'; DROP <b>", "channel": "email", "campaign_type": "launch"},
        {"campaign_id": "b", "name": "Spring", "channel": "social", "campaign_type": "promo"},
    ]
    return Base(**{"facts": facts, "campaigns": campaigns, **more})


def test_channels_come_from_the_campaign_and_orders_count_once() -> None:
    found = touchpoints(tables(), also=("campaign", "platform"))
    assert found.names == ("(not set)", "email", "social")
    assert (found.provenance.duplicates, found.provenance.conversions) == (1, 3)
    assert found.by("campaign").names == ("'; DROP <b>", "Spring", "unknown")
    credited = count_journeys(found).credited("linear", "7d")
    assert credited.tolist() == [[1.0, 1.0], [0.5, 15.0], [0.5, 15.0]]
    assert count_journeys(found).unattributed.sum(axis=0)[0].tolist() == [1.0, 5.0]


def test_nobody_is_touched_by_being_held_out() -> None:
    found = touchpoints(tables(), touches=("campaign_delivered",))
    assert found.names == ("push",)
    assert found.provenance.touches == 1


def test_a_window_looks_back_before_it() -> None:
    whole = touchpoints(tables(), window="2024-03-06:2024-03-24")
    assert count_journeys(whole).credited("first_touch", "any").tolist() == [
        [1.0, 1.0],
        [1.0, 30.0],
        [0.0, 0.0],
    ]
    short = touchpoints(tables(), window="2024-03-06:2024-03-24", longest="1d")
    assert "email" not in short.names
    assert count_journeys(short).conversions == 3


def test_what_is_missing_is_said() -> None:
    with pytest.raises(NotEnoughData, match="no events"):
        touchpoints(Base())
    with pytest.raises(UsageError, match="Did you mean 'channel'"):
        touchpoints(tables(), by="chanel")
    with pytest.raises(UsageError, match="campaign_clicked"):
        touchpoints(tables(), touches=("user_engaged",))


def test_without_campaigns_messages_still_have_a_channel() -> None:
    found = touchpoints(tables(campaigns=[]), touches=("campaign_delivered", "campaign_clicked"))
    assert found.names == ("(not set)", "push")


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "databricks"])
def test_every_dialect_can_ask(dialect: str) -> None:
    for joined in (False, True):
        text = sql.to_sql(
            lambda joined=joined: _rows(tuple(ATTRIBUTES), EVENTS, joined),
            ("touchpoints in a test", joined, dialect),
            dialect,
        )
        assert "user_purchased" in text


def test_credit_of_touches_without_a_name_is_said_to_be_nobody_s() -> None:
    found = attribute(tables(), models="linear", window="30d")
    assert [said for said in found.caveats if "touches without a name, as (not set)" in said]
