"""A roll-up answers exactly what the events answer, and only what it covers."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from metric_tables import Memory, event
from test_measuring import market

from workbench.events.rollups import ROLLUPS
from workbench.metrics import METRICS, count, leaves, measure, quantile
from workbench.metrics.conditions import Condition
from workbench.metrics.rollups import covering, offered
from workbench.metrics.terms import clickers, messages

NAMES = ("ctr", "roas", "cpc", "impressions", "conversions", "cost_per_query")


def rolled_up(tables: Memory) -> Memory:
    for name, rollup in ROLLUPS.items():
        tables.connection.execute(f"CREATE OR REPLACE TABLE {name} AS {rollup.made_from('facts')}")
    tables.names |= set(ROLLUPS)
    return tables


def read(tables: Memory) -> set[str]:
    """Return the tables of events that were read."""
    return {name for name in (*ROLLUPS, "facts") if any(f'"{name}"' in sql for sql in tables.queries)}


@pytest.mark.parametrize("by", ["", "campaign", "channel", "campaign_type,week", "day", "segment", "kind"])
def test_the_roll_up_answers_what_the_events_answer(by: str) -> None:
    events, summed = market(seed=2), rolled_up(market(seed=2))
    one, other = (measure(tables, NAMES, by=by).rows for tables in (events, summed))
    # What is told twice is looked for by campaign; a platform's report knows of no kinds.
    asked = {"segment": {"rollup_campaigns", "rollup_segments"}, "kind": {"rollup_segments"}}
    assert read(summed) == asked.get(by, {"rollup_campaigns"})
    for left, right in zip(one, other, strict=True):
        assert (left.metric, left.slice, left.note) == (right.metric, right.slice, right.note)
        for name in ("value", "low", "high", "numerator", "denominator", "share"):
            a, b = getattr(left, name), getattr(right, name)
            assert a == pytest.approx(b, rel=1e-12) or (math.isnan(a) and math.isnan(b))


def arrivals(seed: int = 7) -> Memory:
    """Return events that arrive late by seconds, by hours, by weeks, and before they happen."""
    draws = np.random.default_rng(seed)
    lags = np.concatenate(
        [draws.uniform(-1, 11, 300), draws.exponential(300, 300), 10 ** draws.uniform(3, 5, 60)]
    )
    rows = [
        event(
            ("user_engaged", "campaign_clicked", "anomaly_detected")[i % 3],
            when=f"2024-03-{1 + i % 17:02d}",
            campaign_id=(None, "a", "b", "late")[i % 4],
            source=("mobile", "backend")[i % 2],
            lag_minutes=50_000.0 if i % 4 == 3 else float(lag),
        )
        for i, lag in enumerate(lags)
    ]
    return Memory(facts=rows)


@pytest.mark.parametrize("by", ["", "campaign", "source,week", "day"])
def test_a_quantile_of_steps_is_the_same_from_both(by: str) -> None:
    events, summed = arrivals(), rolled_up(arrivals())
    one, other = (measure(tables, "data_freshness_p95", by=by).rows for tables in (events, summed))
    assert (read(events), read(summed)) == ({"facts"}, {"rollup_lags"})
    assert [(row.slice, row.note) for row in one] == [(row.slice, row.note) for row in other]
    assert [row.value for row in one] == pytest.approx([row.value for row in other], rel=1e-12, nan_ok=True)


def test_a_step_is_close_to_what_it_stands_for() -> None:
    found = measure(arrivals(), "data_freshness_p95", by="campaign")
    exact = (
        arrivals()
        .query(
            "SELECT campaign_id, quantile_cont(lag_minutes, 0.95) AS p95 FROM facts"
            " WHERE event_type <> 'anomaly_detected' AND lag_minutes <= 30 * 1440 GROUP BY 1"
        )
        .to_pylist()
    )
    for row in exact:
        value = found.value("data_freshness_p95", campaign=row["campaign_id"])
        assert row["p95"] <= value <= 1.1 * row["p95"] + 0.5
    assert math.isnan(found.value("data_freshness_p95", campaign="late"))


def test_lags_are_not_asked_of_what_tells_less() -> None:
    (fresh,) = leaves(METRICS["data_freshness_p95"].is_)
    assert covering([fresh], ("campaign", "week"), (), ROLLUPS) == "rollup_lags"
    assert covering([fresh], ("channel",), (), ROLLUPS) == ""
    assert covering([fresh], (), [Condition("lag_minutes", ">", 7.0)], ROLLUPS) == ""
    assert covering([quantile("lag_minutes", 0.5, of="user_engaged")], (), (), ROLLUPS) == ""
    assert covering([count("user_engaged")], (), (), ["rollup_lags"]) == ""
    assert offered(["rollup_lags", "facts"]) == ""


def test_the_window_of_all_data_is_the_same() -> None:
    events, summed = market(seed=2), rolled_up(market(seed=2))
    assert measure(events, "clicks").window == measure(summed, "clicks").window


def test_what_it_does_not_cover_is_read_from_events() -> None:
    tables = rolled_up(market(seed=2))
    tables.connection.execute("UPDATE daily_performance SET clicks = 0")
    measure(tables, "clicks", by="region", window="2024-03-01:2024-03-31")
    measure(tables, "conversion_rate", by="campaign")
    assert read(tables) == {"facts"}
    assert covering([messages], ("campaign", "month"), (), ROLLUPS) == "rollup_campaigns"
    assert covering([messages], ("segment",), (), ROLLUPS) == "rollup_segments"
    assert covering([messages], ("segment",), (), ["rollup_campaigns"]) == ""
    assert covering([messages], ("creative",), (), ROLLUPS) == ""
    assert covering([messages, clickers], (), (), ROLLUPS) == ""
    assert offered(["facts"]) == ""


def test_a_late_event_adds_to_its_day_only() -> None:
    tables = rolled_up(market(seed=2))
    late = Memory(facts=[event("campaign_clicked", 1, "2024-03-05", campaign_id="c0", segment="A")])
    tables.connection.register("late", late.connection.sql("SELECT * FROM facts").to_arrow_table())
    before = measure(tables, "clicks", by="day")
    for name, rollup in ROLLUPS.items():
        tables.connection.execute(f"INSERT INTO {name} BY NAME {rollup.made_from('late')}")
    after = measure(tables, "clicks", by="day")
    changed = {
        row.slice[0]: row.value - (0 if old is None else old.value)
        for row in after.rows
        if (old := next((it for it in before.rows if it.slice == row.slice), None)) is None
        or old.value != row.value
    }
    assert changed == {date(2024, 3, 5): 1}


def test_a_coarse_roll_up_is_made_of_a_finer_one() -> None:
    tables = market(seed=2)
    coarse, fine = ROLLUPS["rollup_campaigns"], ROLLUPS["rollup_segments"]
    made = coarse.merged_from(f"({fine.made_from('facts')})")
    keys = ", ".join(coarse.keys)
    rows = (f"SELECT * FROM ({sql}) ORDER BY {keys}" for sql in (made, coarse.made_from("facts")))
    one, other = (tables.connection.sql(sql).fetchall() for sql in rows)
    assert len(one) == len(other) > 10
    for left, right in zip(one, other, strict=True):
        assert left[:6] == right[:6]
        for a, b in zip(left[6:], right[6:], strict=True):
            assert a == b or a == pytest.approx(b, rel=1e-12)
