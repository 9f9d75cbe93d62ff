"""The published check figures of the dictionary, exactly."""

from __future__ import annotations

import math
from datetime import date

import pytest
from metric_tables import Memory, event

from workbench.metrics import METRICS, measure

FACTS = (
    "'backend' AS source, 1.0 AS lag_minutes, false AS late_arrival, 'load' AS load_id, '2024-03' AS month, "
    "DATE '2024-03-04' AS day"
)


@pytest.fixture(scope="module")
def holdout() -> Memory:
    tables = Memory()
    at = "TIMESTAMP '2024-03-04 09:00:00'"
    tables.fill(
        "facts",
        f"SELECT 'campaign_delivered' AS event_type, {at} AS timestamp, u AS user_key, 'c1' AS campaign_id, "
        f"u >= 349650 AS is_holdout, NULL AS value, {FACTS} FROM range(349650 + 34580) t(u) "
        f"UNION ALL SELECT 'user_purchased', {at} + INTERVAL 1 HOUR, u, NULL, NULL, 20.0, {FACTS} "
        "FROM range(349650 + 34580) t(u) WHERE u < 1226 OR (u >= 349650 AND u < 349650 + 58)",
    )
    tables.fill(
        "daily_performance",
        "SELECT DATE '2024-03-04' AS date, 'c1' AS campaign_id, 'email' AS channel, 1000.0 AS spend",
    )
    return tables


def test_holdout(holdout: Memory) -> None:
    found = measure(holdout, ["incrementality", "holdout_lift", "net_incremental_revenue"], by="campaign")
    share, lift, net = found.rows
    assert share.value == pytest.approx(0.52165, abs=5e-6)
    assert share.value * 1226 == pytest.approx(639.54, abs=5e-3)
    assert lift.value == pytest.approx(0.0018291, abs=5e-8)
    assert lift.low < lift.value < lift.high
    assert share.p == lift.p < 1e-7
    assert net.value == pytest.approx((1226 * 20 / 349650 - 58 * 20 / 34580) * 349650 - 1000)
    assert math.isnan(net.p)
    assert "fewer than 200 buyers" in net.note


def test_holdout_interval_excludes_nothing_exactly_when_p_is_small(holdout: Memory) -> None:
    lift = measure(holdout, "holdout_lift").rows[0]
    assert (lift.low > 0) == (lift.p < 0.05)
    assert lift.n == 349650 + 34580


@pytest.fixture
def campaign() -> Memory:
    row = {
        "date": date(2024, 3, 4),
        "campaign_id": "c1",
        "channel": "paid_social",
        "impressions": 384230,
        "clicks": 14562,
        "conversions": 1284.0,
        "revenue": 18450.0,
        "spend": 14500.0,
    }
    return Memory(daily_performance=[row])


def test_campaign(campaign: Memory) -> None:
    expected = {
        "ctr": 0.037899,
        "cpc": 0.99574,
        "click_conversion_rate": 0.088175,
        "aov": 14.36916,
        "cost_per_conversion": 11.29283,
        "roas": 1.27241,
    }
    found = measure(campaign, list(expected), by="campaign")
    for name, value in expected.items():
        assert found.value(name) == pytest.approx(value, rel=1e-5), name


def test_campaign_is_what_plain_division_gives(campaign: Memory) -> None:
    found = measure(campaign, ["ctr", "cpm", "net_gain", "roi", "profit_margin", "break_even_conversions"])
    assert found.value("ctr") == 14562 / 384230
    assert found.value("cpm") == 1000 * 14500 / 384230
    assert found.value("net_gain") == 3950
    assert found.value("roi") == 3950 / 14500
    assert found.value("profit_margin") == 3950 / 18450
    assert found.value("break_even_conversions") == pytest.approx(14500 / (18450 / 1284), rel=1e-15)


def test_sms_campaign() -> None:
    stages = ["won"] * 12 + ["qualified"] * 18 + ["engaged"] * 40 + ["new"] * 50
    tables = Memory(
        daily_performance=[
            {
                "date": date(2024, 3, 4),
                "campaign_id": "c1",
                "channel": "sms",
                "impressions": 10_000,
                "clicks": 500,
                "conversions": 12.0,
                "revenue": 18_000.0,
                "spend": 5_000.0,
            }
        ],
        campaigns=[
            {
                "campaign_id": "c1",
                "name": "Spring",
                "campaign_type": "DISCOUNT",
                "channel": "sms",
                "status": "active",
                "budget": 5_000.0,
                "target_leads": 150.0,
                "target_conversions": 15.0,
                "target_roi": 2.5,
            }
        ],
        leads=[
            {
                "lead_id": str(i),
                "campaign_id": "c1",
                "channel": "sms",
                "created_at": event("campaign_clicked", when="2024-03-04T10:00:00")["timestamp"],
                "stage": stage,
            }
            for i, stage in enumerate(stages)
        ],
    )
    expected = {
        "budget_utilization": 1.0,
        "cost_per_lead": 5000 / 120,
        "qualified_leads": 30.0,
        "lead_conversion_rate": 0.10,
        "roi": 2.6,
        "profit_margin": 13_000 / 18_000,
        "funnel_efficiency": 0.0012,
        "target_leads": 0.80,
        "target_conversions": 0.80,
        "target_roi": 1.04,
    }
    found = measure(tables, list(expected), by="campaign")
    for name, value in expected.items():
        assert found.value(name) == pytest.approx(value, rel=1e-12), name


def test_the_dictionary_is_whole() -> None:
    core = METRICS.where(family="core")
    assert len(core) == 25
    assert list(core)[:5] == ["roas", "ctr", "conversion_rate", "cac", "cpc"]
    for metric in METRICS.values():
        assert metric.says.endswith("."), metric.name
        assert metric.formula == str(metric.is_)
        low, high = metric.healthy
        assert low is None or high is None or low < high
