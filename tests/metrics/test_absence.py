"""Nothing reported is not zero; nothing recorded where all is recorded is."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest
from metric_tables import Memory, event, order

from workbench.metrics import measure


def sent(campaign: str, clicks: int = 0, day: str = "2024-03-04") -> list[dict[str, Any]]:
    rows = [event("campaign_delivered", i, day, campaign_id=campaign, channel="email") for i in range(100)]
    return rows + [event("campaign_clicked", i, day, campaign_id=campaign) for i in range(clicks)]


def report(campaign: str, day: str = "2024-03-04", **columns: Any) -> dict[str, Any]:
    return {"date": date.fromisoformat(day), "campaign_id": campaign, "channel": "display"} | columns


NAMES = ["ctr", "cpc", "roas", "spend", "clicks"]


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], Any]:
    facts = sent("clicked", 10) + sent("ignored") + [event("campaign_converted", 1, "2024-03-04", value=9.0)]
    facts[-1]["campaign_id"] = "clicked"
    spend = [
        report("ads", impressions=1000, spend=50.0),
        report("ignored", spend=7.0),
        report("all", impressions=1000, spend=50.0, clicks=20, revenue=100.0),
    ]
    found = measure(Memory(facts=facts, daily_performance=spend), NAMES, by="campaign")
    return {(row.slice[0], row.metric): row for row in found.rows}


def test_a_platform_that_does_not_report_clicks_has_no_rate(rows: dict[tuple[str, str], Any]) -> None:
    for name in ("ctr", "cpc", "clicks"):
        assert math.isnan(rows["ads", name].value)
        assert rows["ads", name].note == "no events recorded there; clicks not reported"
    assert rows["ads", "spend"].value == 50
    assert rows["all", "ctr"].value == 0.02


def test_a_campaign_that_no_platform_reports_has_no_spend(rows: dict[tuple[str, str], Any]) -> None:
    for name in ("cpc", "roas", "spend"):
        assert math.isnan(rows["clicked", name].value)
        assert rows["clicked", name].note == "spend not reported"
    assert rows["clicked", "ctr"].value == 0.1


def test_messages_that_nobody_clicked_have_a_rate_of_zero(rows: dict[tuple[str, str], Any]) -> None:
    assert (
        rows["ignored", "ctr"].value == rows["ignored", "clicks"].value == rows["ignored", "roas"].value == 0
    )
    assert rows["ignored", "cpc"].note == "nothing to divide by: the denominator is zero"


def test_it_is_known_which_campaigns_are_tracked_though_their_events_are_not_asked_for() -> None:
    tables = Memory(
        facts=[*sent("ignored"), *sent("clicked", 3)],
        daily_performance=[report("ignored", spend=7.0), report("ads", spend=7.0)],
    )
    found = measure(tables, ["spend", "clicks"], by="campaign")
    assert found.value("clicks", campaign="ignored") == 0
    assert math.isnan(found.value("clicks", campaign="ads"))


@pytest.mark.parametrize(("segments", "unnamed"), [(("A", "B"), math.nan), (("A", None), 0.0)])
def test_what_bears_no_name_is_tracked_where_its_events_are(
    segments: tuple[Any, ...], unnamed: float
) -> None:
    seen = [event("campaign_viewed", i, segment=name, channel="email") for i, name in enumerate(segments)]
    tables = Memory(
        facts=[*seen, event("campaign_clicked", 9, segment="A", channel="sms")],
        daily_performance=[report("ads", spend=7.0)],
    )
    for by, more in (("segment", {}), ("segment,month", {"month": date(2024, 3, 1)})):
        found = measure(tables, ["spend", "clicks"], by=by)
        assert found.value("clicks", segment="A", **more) == 1
        assert found.value("clicks", segment=None, **more) == pytest.approx(unnamed, nan_ok=True)


def test_a_day_without_a_row_of_a_reported_campaign_is_a_day_without_spend() -> None:
    facts = sent("a", 1, "2024-03-04") + sent("a", 1, "2024-03-05") + sent("b", 1, "2024-03-05")
    tables = Memory(facts=facts, daily_performance=[report("a", spend=7.0)])
    found = {row.slice: row.value for row in measure(tables, "cpc", by="campaign,day").rows}
    values = {(campaign, day.day): value for (campaign, day), value in found.items()}
    assert values["a", 4] == 7
    assert values["a", 5] == 0
    assert math.isnan(values["b", 5])


def test_an_empty_window_is_no_missing_event_type() -> None:
    tables = Memory(facts=sent("a", 3), daily_performance=[report("a", spend=7.0, clicks=1)])
    row = measure(tables, "cpc", window="2025-01-01:2025-01-31").rows[0]
    assert row.note == "no daily performance in the window"


def test_a_day_of_returns_alone_is_a_day_of_no_orders() -> None:
    lines = [order("a", "2024-03-01", 20.0), order("b", "2024-03-02", -5.0)]
    rows = measure(Memory(orders=lines), ["orders", "aov"], by="day").rows
    assert [row.value for row in rows[:2]] == [1, 0]
    assert [row.note for row in rows if row.metric == "aov"][1].startswith("nothing to divide by")
