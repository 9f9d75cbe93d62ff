"""A formula is told by slice only where its parts are known for the same slices."""

from __future__ import annotations

import math
from datetime import date

from metric_tables import Memory, event

from workbench.metrics import measure


def market(segment_of_platform: str | None) -> Memory:
    clicks = [
        event("campaign_clicked", user, "2024-03-01", campaign_id="c", segment="GENERAL")
        for user in range(30)
    ]
    shown = {
        "date": date(2024, 3, 1),
        "campaign_id": "c",
        "channel": "display",
        "spend": 10.0,
        "impressions": 1000,
    }
    shown |= {"segment": segment_of_platform}
    return Memory(facts=clicks, daily_performance=[shown])


def test_clicks_with_a_segment_over_impressions_without_is_no_rate() -> None:
    found = measure(market(None), "ctr", by="segment")
    assert all(math.isnan(row.value) for row in found.rows)
    assert "100% of total(daily_performance.impressions) has no segment" in found.rows[0].note
    assert measure(market(None), "ctr").value("ctr") == 0.03


def test_where_both_sides_are_known_the_rate_is_told() -> None:
    assert measure(market("GENERAL"), "ctr", by="segment").value("ctr", segment="GENERAL") == 0.03


def test_a_sum_nobody_assigned_is_not_zero_in_a_slice() -> None:
    found = {
        row.slice: row.value
        for row in measure(market(None), ["spend", "clicks"], by="segment").rows
        if row.metric == "spend"
    }
    assert math.isnan(found["GENERAL",])
    assert found[None,] == 10.0
