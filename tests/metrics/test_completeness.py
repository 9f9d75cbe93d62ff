"""A day is there where any event of the data is, counted by the metric or not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from metric_tables import Memory, event, order

from workbench.metrics import measure


def test_days_that_a_metric_does_not_count_are_asked_for() -> None:
    clicks = [event("campaign_clicked", when=f"2024-03-{day:02d}") for day in (4, 5, 6)]
    other = [event("user_engaged", when="2024-03-07"), event("anomaly_detected", when="2024-03-08")]
    tables = Memory(facts=clicks + other)
    shares = [
        measure(tables, "clicks", window=f"2024-03-04:2024-03-{last:02d}").rows[0].share for last in (6, 7, 8)
    ]
    assert shares == pytest.approx([1, 1, 0.8])
    tables.queries.clear()
    measure(tables, "clicks", window="2024-03-04:2024-03-06")
    assert not any("day_seen" in sql for sql in tables.queries)


@pytest.mark.parametrize("bought", [2, 40, 100])
def test_all_days_of_a_long_window_are_found_whichever_events_fill_them(bought: int) -> None:
    days = [f"{date(2024, 1, 1) + timedelta(days=place)}" for place in range(100)]
    bought_on, engaged_on = days[:bought], days[30:80]
    facts = [event("campaign_converted", when=day, campaign_id="a") for day in bought_on]
    facts += [event("campaign_clicked", when=days[0]), event("anomaly_detected", when=days[-1])]
    facts += [event("user_engaged", when=day) for day in engaged_on]
    found = measure(Memory(facts=facts), "conversion_rate", window=f"{days[0]}:{days[-1]}")
    assert found.rows[0].share == pytest.approx(len({*bought_on, *engaged_on}) / 100)


def test_retention_rests_on_the_days_of_which_orders_are_there() -> None:
    """Orders end in March, events go on: that nobody is seen to come back in April is no fall."""
    users = [
        {"user_id": f"u{place}", "signup_at": datetime(2024, 1, 10, tzinfo=UTC) + timedelta(days=place)}
        for place in range(80)
    ]
    orders = [order(f"u{day % 80}", f"2024-{1 + day // 31:02d}-{1 + day % 28:02d}", 9.0) for day in range(80)]
    facts = [event("user_engaged", when=f"2024-04-{day:02d}") for day in range(1, 31)]
    tables = Memory(users=users, orders=orders, facts=facts)
    april = measure(tables, ["cohort_retention", "aov"], window="2024-04-01:2024-04-30").rows
    assert [(row.share, row.incomplete) for row in april] == [(0.0, True)] * 2


@pytest.mark.parametrize(
    ("on_record", "share"),
    [
        ([0], 1 / 30),  # one Friday: that no other weekday holds a row is no closed shop
        ([0, 7, 14], 3 / 30),
        ([day for day in range(30) if date(2024, 3, 1 + day).weekday() < 5], 1.0),
    ],
)
def test_a_weekday_is_closed_only_where_weeks_are_on_record(on_record: list[int], share: float) -> None:
    orders = [order("u", f"{date(2024, 3, 1 + day)}", 9.0) for day in on_record]
    found = measure(Memory(orders=orders), "revenue", window="2024-03-01:2024-03-30").rows[0]
    assert found.share == pytest.approx(share)


def test_a_sum_is_not_held_against_days_of_which_nothing_is_known() -> None:
    """More than in days that were never loaded is no growth; a ratio of fewer days is one all the same."""
    orders = [order(f"u{day}", f"{date(2024, 3, 1) + timedelta(days=day)}", 9.0) for day in range(60)]
    some = [row for row in orders if row["ordered_at"].day > 14 or row["ordered_at"].month > 3]
    whole, holed = (
        measure(Memory(orders=rows), ["revenue", "aov"], window="2024-03-31:2024-04-29", compare=True).rows
        for rows in ([*orders, order("u", "2024-02-20", 9.0)], [*some, order("u", "2024-02-20", 9.0)])
    )
    assert [row.change for row in whole] == pytest.approx([0.0, 0.0])
    assert (holed[0].change != holed[0].change, holed[1].change) == (True, 0.0)
    assert "no comparison: the window before holds data on 53% of its days only" in holed[0].note
