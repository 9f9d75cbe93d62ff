"""What `measure` answers, against the same figures in pandas."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from metric_tables import Memory, days, event, order

from workbench.errors import NotEnoughData, UsageError
from workbench.metrics import METRICS, Condition, Metric, Window, count, measure, total
from workbench.stats import ratio_interval, share_interval

TYPES = ["campaign_delivered", "campaign_viewed", "campaign_clicked", "campaign_converted", "user_purchased"]


def market(seed: int = 0, n: int = 3000) -> Memory:
    rng = np.random.default_rng(seed)
    facts = []
    for kind, user, day, campaign in zip(
        rng.choice(TYPES, n, p=[0.5, 0.2, 0.15, 0.05, 0.1]),
        rng.integers(1, 200, n),
        rng.integers(1, 31, n),
        rng.integers(0, 4, n),
        strict=True,
    ):
        named = {} if kind == "user_purchased" else {"campaign_id": f"c{campaign}"}
        value = {"value": float(rng.gamma(2, 10))} if kind in ("campaign_converted", "user_purchased") else {}
        held = (
            {"is_holdout": bool(user % 10 == 0), "channel": "email" if campaign < 3 else "push"}
            if kind == "campaign_delivered"
            else {}
        )
        view = {"kind": str(rng.choice(["received", "opened"]))} if kind == "campaign_viewed" else {}
        facts.append(
            event(
                str(kind),
                int(user),
                f"2024-03-{day:02d}T{rng.integers(0, 24):02d}:00:00",
                segment="ABC"[user % 3],
            )
            | named
            | value
            | held
            | view
        )
    spend = [
        {
            "date": day,
            "campaign_id": f"c{c}",
            "channel": "email",
            "spend": 10.0 + c,
            "clicks": c,
            "impressions": 100,
            "segment": "A",
        }
        for day in days("2024-03-01", 30)
        for c in range(4)
    ]
    campaigns = [
        {
            "campaign_id": f"c{c}",
            "name": f"Campaign {c}",
            "campaign_type": "VIP" if c % 2 else "OTHER",
            "channel": "email" if c < 3 else "push",
            "status": "active",
        }
        for c in range(4)
    ]
    return Memory(facts=facts, daily_performance=spend, campaigns=campaigns)


@pytest.fixture(scope="module")
def tables() -> Memory:
    return market()


@pytest.fixture(scope="module")
def facts(tables: Memory) -> pd.DataFrame:
    return tables.connection.sql("SELECT * FROM facts").df()


def test_ctr_and_conversion_rate_by_campaign(tables: Memory, facts: pd.DataFrame) -> None:
    found = measure(tables, ["ctr", "conversion_rate"], by="campaign")
    for name, rows in facts[facts.campaign_id.notna()].groupby("campaign_id"):
        shown = ((rows.event_type == "campaign_delivered") & ~rows.is_holdout.eq(True)).sum()
        shown += 30 * 100
        clicks = (rows.event_type == "campaign_clicked").sum() + 30 * int(str(name)[1])
        assert found.value("ctr", campaign=name) == pytest.approx(clicks / shown, rel=1e-14)
        clicked = set(rows[rows.event_type == "campaign_clicked"].user_key)
        bought = set(rows[rows.event_type == "campaign_converted"].user_key)
        row = found.row("conversion_rate", campaign=name)
        assert (row.numerator, row.denominator) == (len(bought), len(clicked))
        # As unequal as the ratio of two sums over users, some of whom bought without a click.
        rate = len(bought) / len(clicked)
        parts = [(user in bought) - rate * (user in clicked) for user in bought | clicked]
        worth = rate * (1 - rate) / (np.square(parts).sum() / len(clicked) ** 2)
        assert row.n == pytest.approx(worth)
        assert worth < len(clicked)
        assert (row.low, row.high) == pytest.approx(tuple(map(float, share_interval(rate * worth, worth))))


def test_ratio_interval_is_the_clustered_one(tables: Memory, facts: pd.DataFrame) -> None:
    row = measure(tables, "roas", by="campaign").row("roas", campaign="c1")
    bought = facts[(facts.event_type == "campaign_converted") & (facts.campaign_id == "c1")]
    daily = bought.groupby(bought.day.astype(str)).value.sum()
    sums = [
        float(daily.get(str(pd.Timestamp(day)), daily.get(str(day), 0.0))) for day in days("2024-03-01", 30)
    ]
    assert sum(sums) == pytest.approx(row.numerator)
    low, high = ratio_interval(sums, [11.0] * 30)
    assert (row.low, row.high) == pytest.approx((float(low), float(high)), rel=1e-9)


def test_channel_comes_from_the_campaign_where_the_event_has_none(
    tables: Memory, facts: pd.DataFrame
) -> None:
    found = measure(tables, "clicks", by="channel")
    push = facts[(facts.event_type == "campaign_clicked") & (facts.campaign_id == "c3")]
    assert found.value("clicks", channel="push") == len(push)


def test_weeks_begin_on_monday(tables: Memory) -> None:
    found = measure(tables, "spend", by="week")
    assert [row.slice[0].weekday() for row in found.rows] == [0] * 5
    assert sum(row.value for row in found.rows) == measure(tables, "spend").value("spend")


def test_where_filters(tables: Memory, facts: pd.DataFrame) -> None:
    found = measure(tables, "clicks", where={"campaign": ["c0", "c1"], "segment": "A"})
    picked = facts[(facts.event_type == "campaign_clicked") & facts.campaign_id.isin(["c0", "c1"])]
    assert found.value("clicks") == (picked.segment == "A").sum() + 30


def test_a_hostile_value_is_only_a_value(tables: Memory) -> None:
    for text in (
        "'; DROP TABLE facts; --",
        "<first day of the window>",
        "\\",
        "{{7*7}}",
        "$(id)",
        "x" * 10_000,
    ):
        value = measure(tables, "clicks", where={"campaign": text}).rows[0].value
        assert math.isnan(value) or value == 0
    assert measure(tables, "clicks").value("clicks") > 0


def test_change_against_the_previous_window() -> None:
    rows = [
        {"date": day, "campaign_id": "c", "channel": "email", "spend": 10.0, "clicks": 5 if i < 10 else 8}
        for i, day in enumerate(days("2024-03-01", 20))
    ]
    found = measure(Memory(daily_performance=rows), ["cpc", "clicks"], window="10d", compare=True)
    assert found.window == Window(date(2024, 3, 11), date(2024, 3, 20))
    row = found.row("clicks")
    assert (row.value, row.previous, row.change) == (80, 50, pytest.approx(0.6))
    assert found.row("cpc").previous == 2.0


def test_a_change_is_judged() -> None:
    rng = np.random.default_rng(5)
    rows = [
        {
            "date": day,
            "campaign_id": "c",
            "channel": "email",
            "clicks": int(rng.poisson(50 if i < 30 else 80)),
        }
        for i, day in enumerate(days("2024-03-01", 60))
    ]
    row = measure(Memory(daily_performance=rows), "clicks", window="30d", compare=True).rows[0]
    assert row.change_p < 1e-6


def test_missing_days_are_said() -> None:
    rows = [
        {"date": day, "campaign_id": "c", "channel": "email", "spend": 1.0, "clicks": 1}
        for day in days("2024-03-01", 20)
        if day.day % 5
    ]
    row = measure(Memory(daily_performance=rows), "cpc", window="2024-03-01:2024-03-20").rows[0]
    assert row.incomplete
    assert row.share == 0.8


def test_a_shop_closed_on_saturdays_is_complete() -> None:
    rows = [order("u", f"{day}T12:00:00", 10.0) for day in days("2024-01-01", 60) if day.weekday() != 5]
    row = measure(Memory(orders=rows), "aov").rows[0]
    assert (row.share, row.incomplete) == (1.0, False)


def test_zero_and_missing_denominators_are_null(tables: Memory) -> None:
    nothing = Memory(
        daily_performance=[{"date": date(2024, 3, 1), "campaign_id": "c", "channel": "email", "clicks": 0}]
    )
    found = measure(nothing, ["cpc", "ctr", "gross_margin"])
    assert all(math.isnan(row.value) and row.note for row in found.rows)
    assert found.row("gross_margin").note.startswith("no orders loaded")


def test_a_loss_over_returns_is_no_margin() -> None:
    """Returns of 100 more than was sold: a margin of 150 % and a payback of -10 days would look well."""
    costs = {"date": date(2024, 3, 1), "campaign_id": "c", "channel": "email", "spend": 50.0}
    sold = [order("u", "2024-03-01", value, cogs=value / 2) for value in (60.0, -160.0)]
    tables = Memory(orders=sold, daily_performance=[costs | {"revenue": -100.0, "conversions": 2.0}])
    found = measure(tables, ["gross_margin", "profit_margin", "payback_days", "break_even_conversions"])
    assert all(math.isnan(row.value) and "below zero" in row.note for row in found.rows)
    assert measure(tables, ["revenue", "roas"]).value("roas") == -2.0


def test_unreported_is_unknown_not_zero() -> None:
    rows = [{"date": date(2024, 3, 1), "campaign_id": "c", "channel": "email", "spend": 5.0}]
    found = measure(Memory(daily_performance=rows), ["roas", "spend", "clicks"], by="campaign")
    assert math.isnan(found.value("roas"))
    assert found.value("spend") == 5.0
    assert math.isnan(found.value("clicks"))


def test_revenue_rule() -> None:
    tables = Memory(
        orders=[order("u", "2024-03-01", 100.0), order("u", "2024-03-02", -20.0)],
        facts=[event("campaign_converted", 1, "2024-03-01", campaign_id="c", order_id="o", value=60.0)],
        daily_performance=[
            {"date": date(2024, 3, 1), "campaign_id": "c", "channel": "email", "revenue": 5.0}
        ],
    )
    assert measure(tables, "revenue").rows[0].value == 80.0
    by = measure(tables, "revenue", by="campaign").rows[0]
    assert (by.value, by.basis) == (65.0, "credited")
    assert measure(tables, "revenue").rows[0].basis == "orders"
    assert measure(tables, "revenue", where={"channel": "email"}).rows[0].basis == "credited"


def test_orders_are_sliced_by_the_segment_of_their_purchase() -> None:
    tables = Memory(
        orders=[
            order("u", "2024-03-01", 100.0, order_id="o1", cogs=60.0),
            order("v", "2024-03-01", 50.0, order_id="o2"),
        ],
        facts=[event("user_purchased", 1, "2024-03-01", order_id="o1", segment="A", value=100.0)],
    )
    found = measure(tables, "revenue", by="segment")
    assert {row.slice[0]: row.value for row in found.rows} == {"A": 100.0, None: 50.0}


def test_unknown_names_are_named() -> None:
    with pytest.raises(UsageError, match="Did you mean 'roas'"):
        measure(Memory(), "roa")
    with pytest.raises(UsageError, match="No dimension named 'chanel'"):
        measure(Memory(), "roas", by="chanel", window="2024-01-01:2024-01-02")
    with pytest.raises(NotEnoughData):
        measure(Memory(), "roas", window="30d")


def test_a_slice_no_metric_knows_is_refused(tables: Memory) -> None:
    with pytest.raises(UsageError, match="cannot be sliced by category"):
        measure(tables, "roas", by="category")


def test_a_slice_one_metric_lacks_is_null_with_the_reason(tables: Memory) -> None:
    found = measure(tables, ["ctr", "budget"], by="creative")
    budgets = [row for row in found.rows if row.metric == "budget"]
    assert budgets
    assert all(math.isnan(row.value) and "cannot be sliced by creative" in row.note for row in budgets)


def test_a_condition_on_a_table_that_is_not_loaded_is_named() -> None:
    reported = {
        "date": date(2024, 3, 1),
        "campaign_id": "a",
        "channel": "email",
        "spend": 2.0,
        "revenue": 9.0,
    }
    tables = Memory(daily_performance=[reported])
    found = measure(tables, ["winback_roi", "roi"], window="2024-03-01:2024-03-01")
    winback, roi = found.rows
    assert math.isnan(winback.value)
    assert "no campaigns loaded" in winback.note
    assert roi.value == 3.5


def test_own_metrics_are_measured_like_the_others(tables: Memory) -> None:
    own = Metric(
        name="clicks_per_euro",
        title="Clicks per euro",
        unit="",
        better="higher",
        owner="me",
        refresh="daily",
        is_=count("campaign_clicked", where=(Condition("segment", "==", "A"),))
        / total("spend", of="daily_performance"),
        says="Clicks per euro.",
    )
    assert measure(tables, own).rows[0].value > 0


def test_one_query_per_table_and_kind() -> None:
    tables = market()
    # A platform that reports spend alone tells of nothing twice.
    tables.connection.execute(
        "UPDATE daily_performance SET impressions = 0, clicks = 0, conversions = 0, revenue = 0"
    )
    measure(
        tables,
        ["ctr", "cpc", "impressions", "roas", "cpm", "spend", "conversions"],
        by="campaign",
        window="30d",
    )
    selects = [sql for sql in tables.queries if "GROUP BY" in sql]
    assert len(selects) == 3  # with that for campaigns under two names


def test_every_metric_answers_or_says_why(tables: Memory) -> None:
    for by in ((), ("campaign",), ("channel",), ("month",)):
        for row in measure(tables, list(METRICS), by=by).rows:
            assert not math.isinf(row.value)
            assert math.isfinite(row.value) or row.note, (by, row.metric)


def test_results_speak(tables: Memory) -> None:
    found = measure(tables, ["roas", "ctr"], by="campaign", compare=True)
    assert found.sentence.startswith("Return on ad spend by campaign runs from")
    frame = found.to_frame()
    expected = ["campaign", "metric", "value", "low", "high", "numerator", "denominator", "n"]
    assert list(frame.columns[:8]) == expected
    assert list(found.to_wide().columns) == ["campaign", "roas", "ctr"]
    assert "<table>" in found._repr_html_()


def test_cached_sql_needs_no_ibis(tmp_path: Any) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_measuring import market\nfrom workbench.metrics import measure\n"
        "m = measure(market(n=50), ['roas', 'conversion_rate'], by='campaign')\n"
        "print('ibis' in sys.modules, m.sentence)"
    )
    here = str(__import__("pathlib").Path(__file__).parent)
    env = {**__import__("os").environ, "WORKBENCH_CACHE": str(tmp_path)}
    runs = [
        subprocess.run(
            [sys.executable, "-c", script, here], capture_output=True, text=True, env=env, check=True
        ).stdout
        for _ in range(2)
    ]
    assert runs[0].startswith("True")
    assert runs[1].startswith("False")
    assert runs[0].split(" ", 1)[1] == runs[1].split(" ", 1)[1]


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_sums_beyond_what_a_number_can_hold_are_null() -> None:
    rows = [
        {"date": day, "campaign_id": "c", "channel": "email", "spend": 1e308, "revenue": 1.0, "clicks": 1}
        for day in days("2024-03-01", 10)
    ]
    for row in measure(Memory(daily_performance=rows), ["spend", "cpc", "roas", "net_gain"]).rows:
        assert math.isnan(row.value)
        assert not any(math.isinf(getattr(row, name)) for name in ("low", "high", "numerator", "denominator"))
        assert row.note == "its sums are beyond what a number can hold"


def test_weeks_and_months_that_the_window_cuts_say_so() -> None:
    rows = [
        {"date": day, "campaign_id": "c", "channel": "email", "spend": 5.0} for day in days("2024-12-01", 31)
    ]
    found = measure(Memory(daily_performance=rows), "spend", by="week", window="30d")
    assert [(row.value, row.partial) for row in found.rows] == [(35, "")] * 4 + [(10, "2 of 7 days")]
    assert found.rows[-1].note.startswith("2 of 7 days; ")
    assert "2024-12-30" not in found.sentence
    by_month = measure(Memory(daily_performance=rows), "spend", by="channel,month", window="30d")
    assert by_month.rows[0].partial == "30 of 31 days"


def test_a_result_prints_its_sentence_and_no_figures(tables: Memory) -> None:
    found = measure(tables, ["ctr", "roas"], by="campaign")
    assert repr(found) == f"Measured: {found.sentence}"
    assert repr(METRICS["ctr"]).startswith("Metric ctr (Click-through rate): (count(campaign_clicked)")


def test_part_of_a_window_is_no_measure_of_a_whole_one() -> None:
    """Records of 80 days and a window of 60: the 20 days before it are no 60 days to compare with."""
    first = date(2024, 1, 1)
    rows = [
        {
            "date": first + timedelta(days=day),
            "campaign_id": "c",
            "channel": "social",
            "spend": 10.0 + day % 3,
        }
        | {"clicks": 5}
        for day in range(80)
    ]
    tables = Memory(daily_performance=rows)
    for row in measure(tables, ["spend", "cpc"], window="60d", compare=True).rows:
        assert all(math.isnan(figure) for figure in (row.previous, row.change, row.change_p))
        assert "no comparison: the window before begins earlier than the records, on 2024-01-01" in row.note
    whole = measure(tables, "spend", window="40d", compare=True).rows[0]
    assert whole.previous == sum(row["spend"] for row in rows[:40])
    assert "no comparison" not in whole.note
    assert "no comparison" not in measure(tables, "spend", window="80d", compare=True).rows[0].note


def test_a_campaign_that_began_in_the_window_before_did_not_grow() -> None:
    """It spends 10 a day from its first day on, ten days before the window: that is no 200 % more."""

    def day(number: int, campaign: str) -> dict[str, object]:
        told = {"campaign_id": campaign, "channel": "social", "spend": 10.0 + number % 3, "clicks": 5}
        return {"date": date(2024, 1, 1) + timedelta(days=number)} | told

    old = [day(number, "it's old") for number in range(70)]
    tables = Memory(
        daily_performance=[*old, *(day(number, "new") for number in range(30, 70))],
        facts=[event("campaign_created", 1, "2024-01-02", campaign_id="new")],
    )
    new = measure(tables, ["spend", "cpc"], window="30d", compare=True, where={"campaign": "new"})
    spend = new.row("spend")
    assert all(math.isnan(figure) for figure in (spend.previous, spend.change, spend.change_p))
    assert "no comparison: the campaign began within the window before, on 2024-01-31" in spend.note
    assert new.row("cpc").previous == pytest.approx(2.18)
    for where in ({"campaign": "it's old"}, {"campaign": ["it's old", "new"]}, None):
        kept = measure(tables, "spend", window="30d", compare=True, where=where).rows[0]
        assert math.isfinite(kept.change)
    both = measure(tables, ["spend", "cpc"], by="campaign", window="30d", compare=True)
    whole = {(row.metric, row.slice[0]) for row in both.rows if math.isfinite(row.change)}
    assert whole == {("spend", "it's old"), ("cpc", "it's old"), ("cpc", "new")}
    assert [row.slice[0] for row in both.rows if row.note.endswith("before, on 2024-01-31")] == ["new"]
    later = measure(tables, "spend", by="campaign", window="20d", compare=True)  # it ran before the window
    assert all(math.isfinite(row.change) for row in later.rows)


def test_what_comes_a_day_is_of_the_days_of_its_slice() -> None:
    """Three leads in ten days of January and four in four of February: no month is as long as the window."""
    arrived = ["2024-01-22", "2024-01-25", "2024-01-31", *(f"2024-02-0{day}" for day in range(1, 5))]
    leads = [
        {
            "lead_id": day,
            "campaign_id": "c",
            "channel": "email",
            "created_at": datetime.fromisoformat(day).replace(tzinfo=UTC),
            "stage": "new",
        }
        for day in arrived
    ]
    tables, window = Memory(leads=leads), Window(date(2024, 1, 22), date(2024, 2, 4))

    def velocity(by: str) -> list[float]:
        return [row.value for row in measure(tables, "lead_velocity", by=by, window=window).rows]

    assert velocity("") == [0.5]
    assert velocity("channel") == [0.5]
    assert velocity("month") == [3 / 10, 4 / 4]
    assert velocity("week") == [2 / 7, 5 / 7]
    assert set(velocity("day")) == {1.0}


@pytest.mark.parametrize(("rate", "length"), [(0.5, 30), (2.0, 14), (20.0, 8)])
def test_counts_of_equal_windows_seldom_differ(rate: float, length: int) -> None:
    """Of 2,000 campaigns nothing changed: 5 % may look changed, within what chance does (p 0.001)."""
    rng = np.random.default_rng(7)
    tables = Memory()
    tables.fill(
        "daily_performance",
        "SELECT DATE '2024-01-01' + CAST(d AS INTEGER) AS date, CAST(c AS VARCHAR) AS campaign_id,"
        " 'email' AS channel, CAST(0 AS DOUBLE) AS conversions, CAST(1 AS DOUBLE) AS spend"
        f" FROM range({2 * length}) AS days(d), range(2000) AS campaigns(c)",
    )
    rows = tables.query("SELECT * FROM daily_performance")
    counts = pa.array(rng.poisson(rate, rows.num_rows).astype(float))
    place = rows.column_names.index("conversions")
    tables.connection.execute("DROP TABLE daily_performance")
    tables.add("daily_performance", rows.set_column(place, "conversions", counts))
    window = Window(
        date(2024, 1, 1) + timedelta(days=length), date(2023, 12, 31) + timedelta(days=2 * length)
    )
    found = measure(tables, "conversions", by="campaign", window=window, compare=True).to_frame()
    judged = found["change_p"].dropna()
    assert len(judged) > 1990
    assert 0.034 <= (judged < 0.05).mean() <= 0.066
