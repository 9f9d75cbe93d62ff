"""What views say holds with one, with none, with two that are even, and says no more than is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workbench.charts import changes, channel_engagement, creative_rates, segment_rates, trend
from workbench.explore import (
    alerts,
    campaign_named,
    campaign_of,
    claims,
    compare_channels,
    creatives,
    data_quality,
    funnel,
    funnel_of,
    segments,
    system_health,
    target_vs_actual,
    trends,
)
from workbench.explore.movements import Movement, Movements

MOMENT = datetime(2024, 5, 6, 12, tzinfo=UTC)


def load(read: int = 1, refused: int = 0, name: str = "a.csv") -> dict[str, Any]:
    return {
        "load_id": name,
        "operation": "ingest",
        "file": f"in/{name}",
        "table_name": "orders",
        "rows_read": read,
        "accepted": read - refused,
        "duplicates": 0,
        "quarantined": refused,
        "late": 0,
        "loaded_at": MOMENT,
    }


def test_loads_and_rows_are_counted_in_words_that_fit(base) -> None:
    def said(*loads: dict[str, Any]) -> str:
        return data_quality(base(loads=loads)).sentence

    assert said(load()) == "The only row of 1 load was accepted or known already."
    assert said(load(9)) == "All 9 rows of 1 load were accepted or known already."
    assert said(load(9), load(3, name="b.csv")).startswith("All 12 rows of 2 loads were")
    assert said(load(9, 1)).startswith("1 of 9 rows was refused")
    assert said(load(9, 2)).startswith("2 of 9 rows were refused")


def movement(p_value: float | None) -> Movement:
    figures = {"current": 2.0, "previous": 1.0, "change": 1.0, "change_low": 0.5, "change_high": 1.5}
    words = {"metric": "spend", "title": "Spend", "unit": "money", "better": "neither", "slice": ""}
    return Movement(**words, **figures, p_value=p_value, reason="")


def test_movements_are_counted_in_words_that_fit() -> None:
    def said(*p_values: float) -> str:
        rows = tuple(movement(p) for p in p_values)
        return Movements(kind="WoW", rows=rows, unknown=(), currency="EUR").sentence

    assert said(0.5).startswith("The only figure that can be judged never left its usual range")
    assert said(0.5, 0.6).startswith("None of 2 figures left its usual range")
    assert said(0.01).startswith("1 of 1 figure left its usual range")
    assert said(0.01, 0.5).startswith("1 of 2 figures left its usual range")
    assert said(0.01, 0.02).startswith("2 of 2 figures left their usual range")


def spent(**columns: Any) -> dict[str, Any]:
    return {"date": MOMENT.date(), "campaign_id": "a", "channel": "email"} | columns


def campaign(**columns: Any) -> dict[str, Any]:
    told = {"name": "A", "campaign_type": "VIP", "channel": "email", "status": "active"}
    return {"campaign_id": "a", **told, **columns}


def test_a_target_is_held_against_what_is_due(base) -> None:
    """Half of the days are over: 48 % is nearly on the way, and less behind than 60 % at the end."""
    first, last = MOMENT.date() - timedelta(days=4), MOMENT.date() + timedelta(days=5)
    running = campaign(target_conversions=100.0, start_date=first, end_date=last)
    over = campaign(target_conversions=100.0, start_date=first, end_date=MOMENT.date()) | {
        "campaign_id": "b",
        "name": "B",
    }
    days = [spent(conversions=48.0), spent(conversions=60.0) | {"campaign_id": "b"}]
    view = target_vs_actual(base(campaigns=[running, over], daily_performance=days))
    said = "0 of 2 targets are reached; behind: B (conversions 60%) and A (conversions 48% of 50% due)."
    assert view.sentence == said
    long = [one | {"name": "Spring sale in all stores of the north " * 200} for one in (running, over)]
    view = target_vs_actual(base(campaigns=long, daily_performance=days))
    assert view.sentence.endswith("(a) (conversions 48% of 50% due).")
    assert len(view.sentence) < 300, "the figures behind a long name are read, too"


@pytest.mark.parametrize(
    ("targets", "reported", "said"),
    [
        (
            {"target_roas": 3.5, "target_conversions": 5.0},
            {"spend": 1.0},
            "No target can be judged: what was",
        ),
        ({"target_conversions": 5.0}, {"conversions": 9.0}, "1 of 1 target is reached."),
        (
            {"target_roas": 3.5, "target_conversions": 5.0},
            {"conversions": 9.0},
            "1 of 1 target is reached; 1 cannot be judged.",
        ),
        (
            {"target_roas": 3.5, "target_conversions": 5.0},
            {"conversions": 9.0, "spend": 2.0, "revenue": 2.0},
            "1 of 2 targets is reached; behind: A (return on ad spend 28.57%).",
        ),
    ],
)
def test_a_target_that_cannot_be_judged_is_not_missed(base, targets, reported, said) -> None:
    tables = base(campaigns=[campaign(**targets)], daily_performance=[spent(**reported)])
    assert target_vs_actual(tables).sentence.startswith(said)


def test_nobody_is_lost_where_more_leave_a_step_than_entered_it() -> None:
    stage = funnel_of([100, 10, 20, 5, 1]).stages[2]
    assert (stage.rate, stage.dropped, stage.drop_rate) == (2.0, None, None)
    assert funnel_of([100, 10, 20, 5, 1]).stages[1].dropped == 90


def clicker(user: int, segment: str, *, buys: bool) -> list[dict[str, Any]]:
    row = {
        "day": MOMENT.date(),
        "month": "2024-05",
        "timestamp": MOMENT,
        "user_key": user,
        "segment": segment,
        "campaign_id": "a",
    }
    return [row | {"event_type": f"campaign_{what}"} for what in ("clicked", "converted")[: 1 + buys]]


def test_a_few_users_do_not_make_a_segment_the_best(base) -> None:
    rows = [*clicker(1, "A", buys=True), *clicker(2, "A", buys=False)]
    rows += [*clicker(3, "B", buys=False), *clicker(4, "B", buys=False)]
    view = segments(base(facts=rows), window="7d")
    assert view.sentence == (
        "A and B are the largest of 2 segments (50%); A converts best (50%, not clearly ahead of the next)."
    )
    assert segment_rates(view).finding == (
        "A converts best (50%, not clearly ahead of the next), B worst (0%, not clearly behind)"
    )
    many = [row for user in range(80) for row in clicker(user, "A" if user % 2 else "B", buys=user % 2 == 1)]
    assert segments(base(facts=many), window="7d").sentence.endswith("A converts best (100%).")


def test_one_segment_is_the_only_one(base) -> None:
    view = segments(base(facts=clicker(1, "A", buys=True)), window="7d")
    assert view.sentence == "A is the only segment; it converts (100%)."
    assert segment_rates(view).finding == "A converts 100%"


def test_users_who_were_held_out_did_nothing(base, fact) -> None:
    held = fact("campaign_delivered", 1, MOMENT, segment="A", is_holdout=True, channel="email")
    assert segments(base(facts=[held]), window="7d").sentence == (
        "Not enough data: nobody whose segment is known did anything from 2024-04-30 to 2024-05-06."
    )


def test_a_channel_alone_is_not_the_best(base) -> None:
    lead = {"campaign_id": "a", "channel": "linkedin", "created_at": MOMENT, "stage": "won"}
    rows = [lead | {"lead_id": f"l{n}"} for n in range(3)]
    view = compare_channels(base(leads=rows, daily_performance=[spent(spend=9.0)]), window="7d")
    assert "linkedin alone tells its engagement (100%)" in view.sentence
    assert channel_engagement(view).finding == "Only linkedin tells its engagement: 100%"


def test_a_return_without_an_interval_says_so(base) -> None:
    lead = {"lead_id": "l", "campaign_id": "a", "channel": "email", "created_at": MOMENT, "stage": "won"}
    view = compare_channels(base(leads=[lead], daily_performance=[spent(spend=9.0)]), window="7d")
    row = replace(view.rows[0], incremental_return=-1.0)
    found = replace(view, rows=(row,), best_by_return=row.channel)
    assert "comes closest (−1.00x net of cost, without an interval)" in found.sentence


def test_a_campaign_that_nobody_pays_for_can_be_looked_at(base, fact) -> None:
    seen = [fact("campaign_delivered", n, MOMENT, campaign_id="b", channel="email") for n in range(3)]
    seen += [fact("campaign_delivered", 9, MOMENT, campaign_id="a", channel="email")]
    assert campaign_of(base(facts=seen)) == "b"
    assert campaign_of(base(facts=seen), "a") == "a"
    assert campaign_named(base(facts=seen, campaigns=[campaign()]), "a") == "A"
    both = [campaign(campaign_id=own) for own in ("a", "b")]
    assert campaign_named(base(facts=seen, campaigns=both), "a") == "A (a)"
    assert campaign_named(base(facts=seen), "a") == "a"
    assert campaign_named(base(), campaign_of(base())) == "No campaign"
    paid = base(facts=seen, daily_performance=[spent(spend=1.0)])
    assert campaign_of(paid) == "a"
    assert campaign_of(paid, "b") == "b"
    lead = {"lead_id": "l", "campaign_id": "c", "channel": "other", "created_at": MOMENT, "stage": "new"}
    assert campaign_of(base(leads=[lead], daily_performance=[spent(clicks=0)], last_day=MOMENT.date())) == "c"


def test_sums_in_another_order_claim_no_more_than_was_sold(base) -> None:
    values = [0.1] * 10 + [0.7, 0.2, 0.3]
    orders = [
        {
            "order_id": f"o{n}",
            "line": 1,
            "user_id": "u",
            "ordered_at": MOMENT + timedelta(minutes=n),
            "order_value": value,
            "is_return": False,
        }
        for n, value in enumerate(values)
    ]
    view = claims(base(orders=orders, daily_performance=[spent(revenue=sum(sorted(values)))]), window="7d")
    week = replace(view.weeks[0], claimed=view.weeks[0].sold * (1 + 1e-13))
    assert not replace(view, weeks=(week,)).beyond
    assert replace(view, weeks=(replace(week, claimed=week.sold * 1.01),)).beyond


def test_what_nobody_can_judge_is_not_said_to_be_as_usual(base) -> None:
    one = trends(base(daily_performance=[spent(spend=9.0)]), "spend", window="7d")
    assert one.sentence == "Whether Spend changed cannot be told: 14 days are needed, 1 is there."
    some = [spent(spend=9.0 + day % 3, date=MOMENT.date() + timedelta(days=day)) for day in range(30)]
    assert "56 days of history are needed" in trends(base(daily_performance=some), "spend").sentence
    many = [spent(spend=9.0 + day % 3, date=MOMENT.date() + timedelta(days=day)) for day in range(90)]
    assert ": no change" in trends(base(daily_performance=many), "spend").sentence


def test_one_slice_that_is_zero_throughout_is_one(base) -> None:
    rows = [spent(spend=9.0, channel=name) for name in ("email", "video")] + [spent(spend=0.0, channel="sms")]
    picture = trend(trends(base(daily_performance=rows), "spend", by="channel", window="7d"))
    assert picture.note.startswith("1 other is left out or zero throughout.")


def test_what_channels_are_credited_with_is_not_called_revenue_beside_orders(base) -> None:
    order = {"order_id": "o", "line": 1, "user_id": "u", "ordered_at": MOMENT, "order_value": 5.0}
    rows = {"daily_performance": [spent(spend=9.0, revenue=20.0)]}
    both = base(orders=[order | {"is_return": False}], **rows)
    for tables, by, title in (
        (both, "channel", "Credited revenue"),
        (both, None, "Revenue"),
        (base(**rows), "channel", "Revenue"),
    ):
        shown = trends(tables, "revenue", by=by, window="7d")
        assert shown.title == title
        assert trend(shown).subtitle.startswith(f"{title} by day")


def test_credit_for_more_than_was_sold_is_a_matter_to_decide(base) -> None:
    order = {"order_id": "o", "line": 1, "user_id": "u", "ordered_at": MOMENT, "is_return": False}

    def told(sold: float, credited: float, day: int = 0) -> list[str]:
        reports = [spent(spend=9.0, revenue=credited)]
        reports += [spent(spend=9.0, revenue=99.0, date=MOMENT.date() + timedelta(days=day))] if day else []
        tables = base(orders=[order | {"order_value": sold}], daily_performance=reports)
        return [one.text for one in alerts(tables, targets={}).alerts if one.subject == "Credited revenue"]

    assert told(20.0, 50.0)[0].startswith(
        "is €50.00, but all that was sold is €20.00: platforms claim the same"
    )
    assert told(50.0, 50.0) == told(50.0, 20.0) == told(0.0, 20.0) == []
    assert told(50.0, 20.0, day=1) == []  # of the day after, no orders are on record


def test_one_day_of_runs_is_one_day(base) -> None:
    run = {"run_id": "r", "notebook": "a", "status": "completed", "scheduled": False, "on_time": True}
    health = system_health(base(runs=[run | {"started_at": MOMENT, "duration_seconds": 1.0}]), days=1)
    assert health.sentence.startswith("None of 1 run in 1 day failed")


def test_a_figure_without_a_value_rests_on_nothing(base) -> None:
    order = {"order_id": "o", "line": 1, "user_id": "u", "ordered_at": MOMENT, "order_value": 5.0}
    found = alerts(base(orders=[order | {"is_return": False}]), targets={"cac": 15.0, "aov": 3.0})
    assert [alert.subject for alert in found.alerts] == ["Average order value"]


def test_the_funnel_of_a_campaign_bears_its_name(base, fact) -> None:
    seen = [fact("campaign_delivered", 1, MOMENT, campaign_id="a", channel="email")]
    for rows, label in (([campaign(name="Spring")], "Spring"), ([], "a")):
        tables = base(facts=seen, campaigns=rows)
        assert [
            funnel(tables, name, where={"campaign": "a"}).label for name in ("purchase", "awareness")
        ] == [
            label,
            label,
        ]


def test_a_creative_without_a_headline_is_told_by_its_id(base, fact) -> None:
    seen = [
        fact(f"campaign_{what}", n, MOMENT, campaign_id="a", creative_id=f"k{n % 2}", channel="email")
        for n in range(400)
        for what in ("delivered", "clicked")[: 1 + (n % 5 == 0)]
    ]
    told = {"creative_id": "k0", "campaign_id": "a", "headline": "Sale"}
    for rows, cells in (([], {"k0", "k1"}), ([told], {"Sale", "k0", "k1"})):
        table = creative_rates(creatives(base(facts=seen, creatives=rows))).table
        assert cells <= {cell for row in table.rows for cell in row}


@pytest.mark.parametrize(
    ("by", "read", "raw"),
    [("channel", "paid search", "paid_search"), ("segment", "new shopper", "NEW_SHOPPER")],
)
def test_slices_of_a_trend_are_read_as_everywhere(base, by: str, read: str, raw: str) -> None:
    rows = [
        spent(clicks=(5 if day < 80 else 50) + day % 3, date=MOMENT.date() + timedelta(days=day), **{by: raw})
        for day in range(90)
    ]
    view = trends(base(daily_performance=rows), "clicks", by=by)
    assert f"Clicks of {read} rose" in view.sentence
    assert {row[0] for row in trend(view).table.rows} == {read}
    assert {row["slice"] for row in trend(view).table.figures} == {raw}
    assert {row[0] for row in changes(view).rows} == {read}
    assert {row["slice"] for row in changes(view).figures} == {raw}
