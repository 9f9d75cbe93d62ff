"""Derived queries, on rows small enough to count by hand, and against pandas."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from metric_tables import Memory, days, event, order
from test_measuring import market

from workbench.metrics import measure


def user(name: str, signed: str, **columns: object) -> dict[str, object]:
    return {"user_id": name, "signup_at": datetime.fromisoformat(signed).replace(tzinfo=UTC)} | columns


def spend(day: str, value: float, campaign: str = "c") -> dict[str, object]:
    return {"date": date.fromisoformat(day), "campaign_id": campaign, "channel": "email", "spend": value}


def test_cac_counts_only_first_ever_purchases() -> None:
    tables = Memory(
        facts=[
            event("user_purchased", 1, "2024-01-10", order_id="old"),
            event("user_purchased", 1, "2024-03-02", order_id="o1"),
            event("campaign_converted", 1, "2024-03-02", order_id="o1", campaign_id="c"),
            event("user_purchased", 2, "2024-03-03T10:00:00", order_id="o2"),
            event("campaign_converted", 2, "2024-03-03T10:00:05", order_id="o2", campaign_id="c"),
            event("campaign_converted", 3, "2024-03-04", order_id="o3", campaign_id="d"),
        ],
        daily_performance=[spend("2024-03-01", 30.0), spend("2024-03-04", 10.0, "d")],
    )
    found = measure(tables, ["cac", "new_customers"], by="campaign", window="2024-03-01:2024-03-31")
    assert found.value("new_customers", campaign="c") == 1
    assert found.value("cac", campaign="c") == 30.0
    assert measure(tables, "cac", window="2024-03-01:2024-03-31").value("cac") == 20.0


def test_repeat_looks_back_ninety_days() -> None:
    tables = Memory(
        orders=[
            order("a", "2024-01-01", 10.0),
            order("a", "2024-03-20", 10.0),
            order("b", "2023-11-01", 10.0),
            order("b", "2024-03-20", 10.0),
            order("c", "2024-03-05", 10.0, order_id="x", line=1),
            order("c", "2024-03-05", 10.0, order_id="x", line=2),
            order("d", "2024-03-05", 10.0),
            order("d", "2024-03-06", -10.0),
        ]
    )
    row = measure(tables, "repeat_purchase_rate", window="2024-03-01:2024-03-31").rows[0]
    assert (row.numerator, row.denominator) == (1, 4)


def test_repeat_looks_between_the_first_and_the_last_order() -> None:
    orders = [order(name, day, 10.0) for name in "ab" for day in ("2024-02-01", "2024-05-31")]
    orders += [order("a", "2024-03-02", 10.0), order("b", "2024-03-03", 10.0)]  # 90 and 89 days before
    row = measure(Memory(orders=orders), "repeat_purchase_rate", window="2024-05-01:2024-05-31").rows[0]
    assert (row.numerator, row.denominator) == (1, 2)


def test_retention_by_cohort() -> None:
    tables = Memory(
        users=[
            user("a", "2024-01-01"),
            user("b", "2024-01-15"),
            user("c", "2024-02-20"),
            user("d", "2024-01-01"),
        ],
        orders=[
            order("z", "2023-12-31", 5.0),  # the records begin
            order("a", "2024-01-20", 5.0),
            order("a", "2024-02-20", 5.0),
            order("d", "2024-01-01T06:00:00", 5.0),
            order("b", "2024-03-01", 5.0),
        ],
    )
    names = ["cohort_retention", "cohort_retention_60"]
    found = measure(tables, names, by="cohort", window="2024-01-01:2024-03-10")
    january = found.row("cohort_retention", cohort=date(2024, 1, 1))
    assert (january.numerator, january.denominator) == (1, 3)  # the sixth hour is day 0
    later = found.row("cohort_retention_60", cohort=date(2024, 1, 1))
    assert (later.numerator, later.denominator) == (1, 2)  # b is not 60 days old yet
    assert math.isnan(found.value("cohort_retention", cohort=date(2024, 2, 1)))


def test_ltv_is_the_first_year_of_users_seen_for_one() -> None:
    tables = Memory(
        users=[user("a", "2023-01-01"), user("b", "2023-02-01"), user("c", "2023-12-01")],
        orders=[
            order("z", "2022-12-31", 5.0),  # the records begin
            order("a", "2023-05-01", 100.0),
            order("a", "2024-02-20", 900.0),
            order("c", "2024-01-05", 500.0),
            order("a", "2023-05-02", -20.0),
        ],
    )
    found = measure(tables, ["ltv_12m", "ltv_projected_share"], window="2023-01-01:2024-02-28")
    row = found.row("ltv_12m")
    assert (row.numerator, row.denominator, row.value) == (80.0, 2.0, 40.0)
    sample = np.array([80.0, 0.0])
    assert row.high - 40 == pytest.approx(12.7062 * sample.std(ddof=1) / math.sqrt(2), rel=1e-4)
    assert row.low == 0  # nobody brought less
    assert found.value("ltv_projected_share") == pytest.approx(1 / 3)


def test_who_signed_up_before_the_records_is_left_out() -> None:
    """Nobody knows what they bought then: their empty first months are no sign of a poor cohort."""
    tables = Memory(
        users=[user("old", "2022-06-01"), user("new", "2023-01-10")],
        orders=[order("new", "2023-01-05", 1.0), order("new", "2023-01-20", 60.0)],
    )
    found = measure(
        tables, ["cohort_retention", "ltv_12m", "customer_monthly_margin"], window="2022-01-01:2024-03-01"
    )
    assert found.row("cohort_retention").denominator == 1
    assert found.value("cohort_retention") == 1
    assert (found.row("ltv_12m").denominator, found.value("ltv_12m")) == (1, 60.0)


def test_margin_counts_months_since_the_records_begin() -> None:
    tables = Memory(
        users=[user("a", "2020-01-01", acquisition_campaign_id="c")],
        orders=[order("a", "2024-01-01", 100.0, cogs=40.0)],
    )
    value = measure(tables, "customer_monthly_margin", window="2024-01-01:2024-03-01").value(
        "customer_monthly_margin"
    )
    assert value == pytest.approx(60 / (61 / (365.25 / 12)), rel=1e-9)


def test_payback() -> None:
    tables = Memory(
        users=[user("a", "2024-01-01", acquisition_campaign_id="c")],
        orders=[order("z", "2023-12-31", 5.0), order("a", "2024-01-20", 100.0, cogs=40.0)],
        facts=[event("campaign_converted", 1, "2024-01-20", order_id="o", campaign_id="c")],
        daily_performance=[spend("2024-01-05", 30.0)],
    )
    months = 61 / (365.25 / 12)
    value = measure(tables, "cac_payback_months", by="campaign", window="2024-01-01:2024-03-01").rows[0].value
    assert value == pytest.approx(30 / (60 / months), rel=1e-9)


def test_hours_to_conversion() -> None:
    tables = Memory(
        facts=[
            event("campaign_delivered", 1, "2024-02-28T10:00:00", campaign_id="c", is_holdout=False),
            event("campaign_viewed", 1, "2024-02-28T12:00:00", campaign_id="c"),
            event("campaign_converted", 1, "2024-03-01T10:00:00", campaign_id="c"),
            event("campaign_viewed", 2, "2024-03-02T10:00:00", campaign_id="c"),
            event("campaign_converted", 2, "2024-03-02T09:00:00", campaign_id="c"),
            event("campaign_converted", 2, "2024-03-02T12:30:00", campaign_id="c"),
            event("campaign_converted", 3, "2024-03-02T12:30:00", campaign_id="c"),
        ]
    )
    value = measure(tables, "hours_to_conversion", window="2024-03-01:2024-03-31").rows[0].value
    assert value == pytest.approx((48 + 2.5) / 2)


def test_frequency_and_its_interval() -> None:
    tables = market(seed=3)
    facts = tables.connection.sql("SELECT * FROM facts").df()
    seen = facts[(facts.event_type == "campaign_delivered") & (facts.is_holdout != True)]  # noqa: E712
    per_user = seen.groupby("user_key").size()
    row = measure(tables, "frequency").rows[0]
    assert row.value == pytest.approx(per_user.mean(), rel=1e-12)
    half = 1.972 * per_user.std(ddof=1) / math.sqrt(len(per_user))
    assert (row.high - row.low) / 2 == pytest.approx(half, rel=0.01)


def test_churn_and_reactivation() -> None:
    tables = Memory(
        orders=[
            order("stays", "2024-02-10", 5.0),
            order("stays", "2024-03-10", 5.0),
            order("leaves", "2024-02-10", 5.0),
            order("returns", "2023-12-10", 5.0),
            order("returns", "2024-03-11", 5.0),
            order("sleeps", "2023-12-10", 5.0),
        ]
    )
    found = measure(tables, ["churn_rate", "reactivation_rate"], window="2024-03-01:2024-03-30")
    assert (found.value("churn_rate"), found.value("reactivation_rate")) == (0.5, 0.5)


def test_the_latest_consent_counts() -> None:
    def decision(name: str, status: str, when: str) -> dict[str, object]:
        at = datetime.fromisoformat(when).replace(tzinfo=UTC)
        return {"user_id": name, "channel": "email", "status": status, "method": "form", "recorded_at": at}

    tables = Memory(
        consents=[
            decision("a", "opt_in", "2024-01-01"),
            decision("a", "opt_out", "2024-02-01"),
            decision("b", "opt_in", "2024-02-01"),
        ]
    )
    row = measure(tables, "consent_rate", by="channel", window="2024-01-01:2024-03-01").rows[0]
    assert (row.numerator, row.denominator) == (1, 2)
    assert measure(tables, "consent_rate", window="2024-01-01:2024-01-15").rows[0].value == 1.0


def test_budget_is_shared_over_the_days_of_a_campaign() -> None:
    base = {"name": "x", "campaign_type": "VIP", "channel": "email", "status": "active"}
    tables = Memory(
        campaigns=[
            base
            | {
                "campaign_id": "a",
                "budget": 100.0,
                "start_date": date(2024, 3, 1),
                "end_date": date(2024, 3, 10),
            },
            base | {"campaign_id": "b", "budget": 50.0},
            base
            | {
                "campaign_id": "c",
                "budget": 70.0,
                "start_date": date(2024, 5, 1),
                "end_date": date(2024, 5, 2),
            },
        ],
        daily_performance=[spend("2024-03-02", 30.0)],
    )
    assert measure(tables, "budget", window="2024-03-06:2024-03-20").rows[0].value == pytest.approx(100.0)
    assert measure(tables, "budget", window="2024-01-01:2024-12-31").rows[0].value == pytest.approx(220.0)


def test_holdout_counts_purchases_not_credits() -> None:
    """The lift of a simulated campaign is found, and no lift where there is none."""
    rng = np.random.default_rng(8)
    facts, start = [], datetime(2024, 3, 1, tzinfo=UTC)
    for who in range(4000):
        held = who % 5 == 0
        facts.append(event("campaign_delivered", who, start, campaign_id="c", is_holdout=held))
        facts.append(event("campaign_delivered", who, start, campaign_id="null", is_holdout=who % 5 == 1))
        if rng.random() < (0.05 if held else 0.10):
            at = start + timedelta(days=float(rng.uniform(0.1, 20)))
            facts.append(event("user_purchased", who, at, value=50.0, order_id=str(who)))
            if not held:
                facts.append(
                    event("campaign_converted", who, at, value=50.0, order_id=str(who), campaign_id="c")
                )
    found = measure(Memory(facts=facts), ["holdout_lift", "incrementality"], by="campaign")
    lift, none = found.row("holdout_lift", campaign="c"), found.row("holdout_lift", campaign="null")
    assert lift.low < 0.05 < lift.high
    assert lift.p < 0.001
    assert none.low < 0 < none.high
    frame = pd.DataFrame(facts)
    bought = set(frame[frame.event_type == "user_purchased"].user_key)
    treated = [who for who in range(4000) if who % 5]
    held_out = [who for who in range(4000) if who % 5 == 0]
    shares = [len(bought & set(group)) / len(group) for group in (treated, held_out)]
    assert lift.value == pytest.approx(shares[0] - shares[1], rel=1e-12)
    whole = measure(Memory(facts=facts), "holdout_lift").rows[0]
    assert "variance is taken over users" in whole.note


def test_system_metrics_come_from_the_record() -> None:
    run = {"notebook": "n", "duration_seconds": 1.0}
    at = datetime(2024, 3, 1, tzinfo=UTC)
    tables = Memory(
        facts=[event("metric_calculation_completed", seconds=3.0 + i, lag_minutes=999.0) for i in range(11)]
        + [event("user_engaged", lag_minutes=float(i)) for i in range(11)]
        + [event("user_engaged", lag_minutes=1e6)],
        runs=[
            run
            | {"run_id": str(i), "status": "failed" if i == 0 else "completed", "started_at": at}
            | {"scheduled": i < 4, "on_time": True}
            for i in range(6)
        ],
    )
    found = measure(
        tables, ["data_freshness_p95", "run_success", "cost_per_query"], window="2024-03-01:2024-03-10"
    )
    assert found.value("data_freshness_p95") == pytest.approx(9.5)
    assert (found.row("run_success").value, found.row("run_success").denominator) == (0.75, 4)
    assert found.value("cost_per_query") == pytest.approx(8.0 * 0.10 / 3600)


def test_models_are_null_until_they_ran_and_the_newest_counts() -> None:
    def figure(value: float, day: int, slice_: str | None = None) -> dict[str, object]:
        at = datetime(2024, 3, day, tzinfo=UTC)
        return {
            "model": "attribution",
            "figure": "spread",
            "value": value,
            "computed_at": at,
            "slice": slice_,
        }

    facts = [event("user_engaged", 1, day.isoformat()) for day in days("2024-03-01", 3)]
    none = measure(Memory(facts=facts), "attribution_spread").rows[0]
    assert math.isnan(none.value)
    assert "has not run" in none.note
    stored = [figure(0.1, 1), figure(0.2, 2), figure(0.3, 1, "campaign=c1")]
    tables = Memory(facts=facts, model_results=stored)
    assert measure(tables, "attribution_spread").rows[0].value == 0.2
    assert (
        measure(tables, "attribution_spread", by="campaign").value("attribution_spread", campaign="c1") == 0.3
    )


def test_open_rate_is_of_users_sent_to() -> None:
    tables = market(seed=5)
    facts = tables.connection.sql("SELECT * FROM facts").df()
    found = measure(tables, ["open_rate", "users_reached"])
    sent = facts[(facts.event_type == "campaign_delivered") & (facts.is_holdout != True)]  # noqa: E712
    opened = facts[(facts.event_type == "campaign_viewed") & (facts.kind == "opened")]
    assert found.row("open_rate").denominator == sent.user_key.nunique()
    assert found.row("open_rate").numerator == opened.user_key.nunique()
