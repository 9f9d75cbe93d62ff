"""A day that was not over when its data came is a part of a day, and every figure of it says so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from metric_tables import Memory, days, event, order
from test_rollups import rolled_up

from workbench import charts
from workbench.cli.measure import as_text
from workbench.errors import UsageError
from workbench.explore import alerts, heatmap, kpi_cards, movements, pacing, trends
from workbench.metrics import measure
from workbench.metrics.unfinished import finished, last_whole_day, unfinished
from workbench.metrics.window import Window, parse_window
from workbench.store import Workspace
from workbench.store.ingest import ingest

SAID = "2024-03-31 was not over when its data came"
MARCH = Window(date(2024, 3, 1), date(2024, 3, 31))


def load(table: str, when: str, operation: str = "ingest") -> dict[str, Any]:
    return {
        "load_id": f"{table} {when}",
        "operation": operation,
        "table_name": table,
        "loaded_at": datetime.fromisoformat(when).replace(tzinfo=UTC),
    }


def market(came: str = "2024-03-31 09:00", spend: str = "2024-04-01 07:00", **more: Any) -> Memory:
    """Return March: 40 clicks a day, and 10 of them on the morning of the last one; spend of every day."""
    facts = [
        event("campaign_clicked", user, f"{day} 08:00", campaign_id="m", channel="email")
        for day in days("2024-03-01", 31)
        for user in range(10 if day == MARCH.last else 40)
    ]
    performance = [
        {"date": day, "campaign_id": "m", "channel": "email", "spend": 4.0} for day in days("2024-03-01", 31)
    ]
    loads = [load("events", "2024-03-30 09:00"), load("events", came), load("daily_performance", spend)]
    return Memory(facts=facts, daily_performance=performance, loads=loads, **more)


@pytest.mark.parametrize("roll", [False, True])
def test_the_day_of_the_newest_file_is_not_over(roll: bool) -> None:
    tables = rolled_up(market()) if roll else market()
    assert unfinished(tables, MARCH) == {"facts": date(2024, 3, 31)}
    assert finished(tables, MARCH) == Window(MARCH.first, date(2024, 3, 30))


@pytest.mark.parametrize(
    ("came", "window"),
    [
        ("2024-04-01 00:00", MARCH),  # midnight: the day is over
        ("2024-03-31 09:00", Window(date(2024, 3, 1), date(2024, 3, 30))),  # the window leaves it out
    ],
)
def test_whole_days_are_sound(came: str, window: Window) -> None:
    tables = market(came)
    assert unfinished(tables, window) == {}
    assert finished(tables, window) == window
    assert not measure(tables, "clicks", window=window).rows[0].caution


def test_an_erasure_brings_no_data() -> None:
    tables = market(came="2024-03-31 09:00")
    tables.connection.execute("UPDATE loads SET operation = 'erase' WHERE loaded_at > '2024-03-31 00:00'")
    assert unfinished(tables, MARCH) == {"facts": date(2024, 3, 30)}


def test_figures_say_what_they_lack_by_what_they_read() -> None:
    found = measure(market(), ["clicks", "cpc", "spend"], window=MARCH)
    assert [SAID in row.caution for row in found.rows] == [True, True, False]
    assert SAID in found.rows[0].note
    assert found.rows[0].value == 1210


def test_what_holds_for_all_figures_is_printed_once() -> None:
    both = as_text(measure(market(), ["clicks", "cpc"], window=MARCH))
    assert both.count(SAID) == 1
    assert both.endswith(f"\nAll figures: {SAID}.")
    one = as_text(measure(market(), ["clicks", "spend"], window=MARCH))
    assert one.count(SAID) == 1
    assert "All figures" not in one


def test_only_the_day_and_the_week_that_hold_it_are_parts() -> None:
    by_day = {row.slice[0]: row for row in measure(market(), "clicks", by="day", window=MARCH).rows}
    assert [day for day, row in by_day.items() if row.partial] == [date(2024, 3, 31)]
    assert by_day[date(2024, 3, 31)].partial == SAID
    assert not any(row.caution for row in by_day.values())
    weeks = measure(market(), "clicks", by="week", window="2024-03-04:2024-03-31").rows
    assert [row.slice[0] for row in weeks if row.partial] == [date(2024, 3, 25)]
    month = measure(market(), "clicks", by="month", window=MARCH).rows
    assert [row.partial for row in month] == [SAID]
    assert not any(row.partial for row in measure(market(), "spend", by="day", window=MARCH).rows)


def test_a_trend_ends_before_it_and_no_fall_is_seen() -> None:
    found = trends(market(), "clicks", window=MARCH)
    assert found.points[-1].day == date(2024, 3, 30)
    assert {change.current for change in found.changes if change.kind == "WoW"} == {40}
    assert found.sentence.endswith(f"{SAID}, and is left out.")
    assert SAID in charts.trend(found).note
    whole = trends(market("2024-04-01 09:00"), "clicks", window=MARCH)
    assert whole.points[-1].day == date(2024, 3, 31)
    assert "left out" not in whole.sentence


def test_what_left_its_usual_range_says_which_days_were_not_looked_at() -> None:
    found = movements(market(), ["clicks", "spend"], by=(), window=MARCH)
    assert found.left_out == f"Clicks: {SAID}, and is left out."
    assert found.sentence == f"{found.finding} {found.left_out}"
    assert movements(market(), ["clicks"], by=(), window=MARCH).left_out == f"{SAID}, and is left out."
    assert movements(market("2024-04-01 09:00"), ["clicks", "spend"], by=(), window=MARCH).left_out == ""


def test_a_trend_of_whole_days_ends_with_them() -> None:
    assert trends(market(), "spend", window=MARCH).points[-1].day == date(2024, 3, 31)
    assert trends(market(), "cpc", window=MARCH).points[-1].day == date(2024, 3, 30)


def test_a_morning_is_no_day_on_which_people_engage_less() -> None:
    """Clicks come at 8 and at 20 alike; of the last Sunday only the morning is there."""
    facts = [
        event("campaign_clicked", user, f"{day} {hour}:00", campaign_id="m")
        for day in days("2024-03-01", 31)
        for user in range(40)
        for hour in ("08", "20")
        if (day, hour) != (MARCH.last, "20")
    ]
    tables = Memory(facts=facts, loads=[load("events", "2024-03-31 09:00")])
    levels = {(cell.weekday, cell.hour): cell.level for cell in heatmap(tables, window=MARCH).cells}
    assert levels[6, 20] == levels[6, 8] == 40
    assert heatmap(tables, window=MARCH).days == 30


def test_a_target_is_not_missed_on_it() -> None:
    def streak(tables: Memory) -> int | None:
        return kpi_cards(tables, ["clicks"], window=MARCH, targets={"clicks": 30.0}).cards[0].streak

    assert streak(market()) == 0
    cards = kpi_cards(market(), ["clicks"], window=MARCH)
    assert (cards.unfinished, cards.cards[0].line[-1].day) == (date(2024, 3, 31), date(2024, 3, 30))
    assert "31 March 2024 was not over when its data came" in charts.kpi_cards(cards).caption
    assert streak(market("2024-04-01 09:00")) == 1


def test_pacing_counts_up_to_the_day_before() -> None:
    plan = {
        "campaign_id": "m",
        "name": "M",
        "campaign_type": "VIP",
        "channel": "email",
        "status": "active",
        "budget": 240.0,
        "start_date": date(2024, 3, 1),
        "end_date": date(2024, 4, 29),
    }
    assert pacing(market(spend="2024-03-31 07:00", campaigns=[plan])).as_of == date(2024, 3, 30)
    assert pacing(market(campaigns=[plan])).as_of == date(2024, 3, 31)


@pytest.mark.parametrize(("newest", "told"), [(2.0, ""), (2000.0, "was 33 hours on 2024-03-31")])
def test_events_of_a_history_are_not_late_news(newest: float, told: str) -> None:
    lags = [(day, newest if day == MARCH.last else 30_000.0) for day in days("2024-03-01", 31)]
    tables = Memory(facts=[event("user_engaged", 1, f"{day}", lag_minutes=lag) for day, lag in lags])
    late = [
        one.text for one in alerts(tables, window=MARCH).alerts if one.subject.startswith("Data freshness")
    ]
    assert len(late) == bool(told)
    assert all(text.startswith(told) for text in late)


@pytest.mark.parametrize(("own", "begun"), [([], True), ([load("orders", "2024-04-01 09:00")], False)])
def test_orders_that_events_tell_of_came_with_them(own: list[dict[str, Any]], begun: bool) -> None:
    tables = Memory(
        facts=[event("user_purchased", 1, "2024-03-31 08:00", value=5.0, order_id="o")],
        orders=[order("u", "2024-03-31 08:00", 5.0)],
        loads=[load("events", "2024-03-31 09:00"), *own],
    )
    assert ("orders" in unfinished(tables, MARCH)) is begun
    assert (SAID in measure(tables, "revenue", window=MARCH).rows[0].caution) is begun


def test_spend_of_today_is_a_part_of_today(acme: Workspace, tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    file = tmp_path / "daily_performance.csv"
    rows = [f"{today - timedelta(days=back)},m,email,10.0" for back in range(10)]
    file.write_text("date,campaign_id,channel,spend\n" + "\n".join(rows) + "\n")
    ingest(acme, [file], mapping="generic_daily_performance")
    if datetime.now(UTC).date() != today:
        pytest.skip("midnight came between")
    tables = acme.tables()
    assert tables.came == {"daily_performance": today}
    assert last_whole_day(tables, "daily_performance", today) == today - timedelta(days=1)
    row = measure(tables, "spend", window="7d").rows[0]
    assert (row.value, row.caution) == (70.0, f"{today} was not over when its data came")
    assert not measure(tables, "spend", window=finished(tables, Window.ending(today, 7))).rows[0].caution


def test_a_window_after_all_data_holds_no_part_of_a_day() -> None:
    later = Window(date(2030, 1, 1), date(2030, 1, 31))
    assert unfinished(market(), later) == {}
    assert not measure(market(), "clicks", window=later).rows[0].caution


def test_a_week_is_no_day() -> None:
    """Python reads 2024-W10 as a Monday: a window of two weeks would be one of eight days."""
    with pytest.raises(UsageError, match="'2024-W10' in the window '2024-W10:2024-W11' is no day"):
        parse_window("2024-W10:2024-W11", None)
    assert parse_window("20240304:2024-03-10", None).days == 7


def late_report(until: int = 28) -> Memory:
    """Return sales of each day of March and of 30 days before, and spend up to that day of March."""
    told = [*days("2024-01-31", 30), *days("2024-03-01", 31)]
    facts = [
        event("campaign_converted", user, f"{day} 08:00", campaign_id="m", value=10.0 + day.day % 3)
        for user, day in enumerate(told)
    ]
    spend = [
        {"date": day, "campaign_id": "m", "channel": "email", "spend": 4.0 + day.day % 2}
        for day in told[: 30 + until]
    ]
    return Memory(facts=facts, daily_performance=spend)


def test_figures_of_spend_that_is_reported_late_say_so() -> None:
    tables, march = late_report(), "2024-03-02:2024-03-31"
    found = {row.metric: row for row in measure(tables, ["roas", "spend", "conversions"], window=march).rows}
    ends = "daily performance is on record only up to 2024-03-28"
    assert found["roas"].caution == ends
    assert found["spend"].caution == f"{ends}, so that later days are missing"
    assert found["conversions"].caution == ""
    cards = charts.kpi_cards(kpi_cards(tables, ["roas", "spend"], window="30d")).items
    assert [card["remark"] for card in cards] == [
        "Its parts end on different days",
        "Its last days are missing",
    ]
    whole = measure(tables, ["roas", "spend"], window="2024-03-01:2024-03-28").rows
    assert not any(row.caution for row in whole)
    assert not any(row.caution for row in measure(tables, ["roas", "spend"], by="day").rows)


def test_a_sum_of_events_and_of_a_late_report_says_so() -> None:
    """Clicks of an own channel are all there, those of a platform lack three days, and so does their sum."""
    sent = [
        event("campaign_delivered", day.day, f"{day} 07:00", campaign_id="m", channel="email")
        for day in days("2024-03-01", 31)
    ]
    clicked = [
        event("campaign_clicked", day.day, f"{day} 08:00", campaign_id="m", channel="email")
        for day in days("2024-03-01", 31)
    ]
    told = {"campaign_id": "p", "channel": "social", "clicks": 9, "spend": 1.0}
    tables = Memory(
        facts=[*sent, *clicked], daily_performance=[told | {"date": day} for day in days("2024-03-01", 28)]
    )
    ends = "daily performance is on record only up to 2024-03-28"
    assert measure(tables, "clicks", window="2024-03-01:2024-03-31").rows[0].caution == ends
    found = measure(tables, "clicks", by="campaign", window="2024-03-01:2024-03-31").rows
    assert {row.slice: row.caution for row in found} == {("m",): "", ("p",): ends}
    whole = measure(tables, ["clicks", "net_gain"], window="2024-03-01:2024-03-28").rows
    assert not any(row.caution for row in whole)


def test_a_sum_of_fewer_days_is_neither_better_nor_worse() -> None:
    def judged(tables: Memory, *names: str) -> list[bool]:
        found = measure(tables, names, window="2024-03-02:2024-03-31", compare=True).rows
        assert all(row.change == row.change for row in found)
        return [row.change_p == row.change_p for row in found]

    assert judged(late_report(31), "spend") == [True]
    assert judged(late_report(28), "spend", "revenue") == [False, True]
    whole = late_report(31)
    whole.add("loads", Memory(loads=[load("daily_performance", "2024-03-31 09:00")]).query("FROM loads"))
    assert judged(whole, "spend") == [False]


def test_leads_that_go_on_after_the_spend_are_not_cheaper() -> None:
    leads = [
        {"lead_id": f"{day}", "campaign_id": "m", "created_at": datetime(2024, 3, day, tzinfo=UTC)}
        for day in range(1, 32)
    ]
    spend = late_report().query("FROM daily_performance").to_pylist()
    tables = Memory(leads=leads, daily_performance=spend, facts=[event("user_engaged", 1, "2024-03-31")])
    row = measure(tables, "cost_per_lead", window="2024-03-01:2024-03-31").rows[0]
    assert row.caution == "daily performance is on record only up to 2024-03-28"


def test_a_figure_a_day_says_that_days_before_the_records_dilute_it() -> None:
    """Ten leads of ten days are one a day, not a tenth, though ninety days were asked for."""
    leads = [
        {"lead_id": f"{day}", "campaign_id": "m", "created_at": datetime(2024, 3, day, tzinfo=UTC)}
        for day in range(22, 32)
    ]
    tables = Memory(leads=leads, facts=[event("user_engaged", 1, "2024-03-31")])
    row = measure(tables, "lead_velocity", window="90d").rows[0]
    assert row.caution == "days since 2024-01-02 count, and records begin on 2024-03-22 only"
    card = charts.kpi_cards(kpi_cards(tables, ["lead_velocity"], window="90d")).items[0]
    assert card["remark"] == "Leans near the start of the records"
    assert not measure(tables, "lead_velocity", window="10d").rows[0].caution
    assert not measure(tables, "leads", window="90d").rows[0].caution
