"""A roll-up answers exactly what the events answer, and only what it covers."""

from __future__ import annotations

import math

import pytest
from metric_tables import Memory, event
from test_measuring import market

from workbench.metrics import measure
from workbench.metrics.rollups import DAILY, covers, daily_sql
from workbench.metrics.terms import clicks, messages

NAMES = ("ctr", "roas", "cpc", "impressions", "conversions", "cost_per_query")


def rolled_up(tables: Memory) -> Memory:
    tables.connection.execute(f"CREATE OR REPLACE TABLE {DAILY} AS {daily_sql()}")
    tables.names |= {DAILY}
    return tables


@pytest.mark.parametrize("by", ["", "campaign", "channel", "campaign_type,week", "day", "segment"])
def test_the_roll_up_answers_what_the_events_answer(by: str) -> None:
    events, summed = market(seed=2), rolled_up(market(seed=2))
    one, other = (measure(tables, NAMES, by=by).rows for tables in (events, summed))
    assert any(DAILY in sql for sql in summed.queries)
    for left, right in zip(one, other, strict=True):
        assert (left.metric, left.slice, left.note) == (right.metric, right.slice, right.note)
        for name in ("value", "low", "high", "numerator", "denominator"):
            a, b = getattr(left, name), getattr(right, name)
            assert a == pytest.approx(b, rel=1e-12) or (math.isnan(a) and math.isnan(b))


def test_what_it_does_not_cover_is_read_from_events() -> None:
    tables = rolled_up(market(seed=2))
    measure(tables, "clicks", by="region")
    measure(tables, "conversion_rate", by="campaign")
    assert not any(DAILY in sql for sql in tables.queries)
    assert covers([messages], ("campaign", "month"), ())
    assert not covers([messages], ("creative",), ())
    assert clicks.additive


def test_a_late_event_refreshes_only_its_day() -> None:
    tables = rolled_up(market(seed=2))
    day = "2024-03-05"
    late = Memory(facts=[event("campaign_clicked", 1, day, campaign_id="c0", segment="A")])
    rows = late.connection.sql("SELECT * FROM facts").to_arrow_table()
    tables.connection.register("late", rows)
    before = measure(tables, "clicks").value("clicks")
    tables.connection.execute("INSERT INTO facts SELECT * FROM late")
    changed = rows.column("day")[0].as_py()
    tables.connection.execute(f"DELETE FROM {DAILY} WHERE day = DATE '{changed}'")
    tables.connection.execute(f"INSERT INTO {DAILY} {daily_sql(changed)}")
    assert measure(tables, "clicks").value("clicks") == before + 1
    whole = tables.connection.sql(f"SELECT SUM(events) FROM {DAILY}").fetchall()
    assert whole == tables.connection.sql("SELECT COUNT(*) FROM facts").fetchall()
