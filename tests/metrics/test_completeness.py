"""A day is there where any event of the data is, counted by the metric or not."""

from __future__ import annotations

import pytest
from metric_tables import Memory, event

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
