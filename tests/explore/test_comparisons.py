"""Campaigns, channels, creatives, targets, cards and leaderboards on tables filled by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from workbench import charts
from workbench.errors import UsageError
from workbench.explore import (
    alerts,
    campaign_of,
    compare_campaigns,
    compare_channels,
    creatives,
    kpi_cards,
    leaderboard,
    movements,
    pacing,
    target_vs_actual,
    trends,
)
from workbench.explore.shares import holm
from workbench.metrics import measure

START = date(2024, 2, 1)
PUBLISHED = {
    "impressions": 384_230,
    "clicks": 14_562,
    "conversions": 1_284.0,
    "revenue": 18_450.0,
    "spend": 14_500.0,
}
SMS = {
    "impressions": 10_000,
    "clicks": 500,
    "leads": 120.0,
    "conversions": 12.0,
    "revenue": 18_000.0,
    "spend": 5_000.0,
}


def _campaign(campaign_id: str, **more: object) -> dict:
    plain = {"campaign_type": "OTHER", "channel": "social", "status": "active", "name": campaign_id.upper()}
    return {"campaign_id": campaign_id, **plain, **more}


def _daily(
    campaign: str, roas: float, *, spend: float = 100.0, days: int = 30, channel: str = "social"
) -> list[dict]:
    rng = np.random.default_rng(list(campaign.encode()))
    rows = []
    for day in range(days):
        cost = float(spend * rng.uniform(0.8, 1.2))
        rows.append(
            {
                "date": START + timedelta(days=day),
                "campaign_id": campaign,
                "channel": channel,
                "creative_id": f"{campaign}-1",
                "impressions": int(rng.integers(9000, 11_000)),
                "clicks": int(rng.integers(180, 220)),
                "conversions": float(rng.integers(8, 12)),
                "spend": cost,
                "revenue": float(cost * roas * rng.uniform(0.9, 1.1)),
            }
        )
    return rows


def test_published_campaign(base) -> None:
    row = {"date": START, "campaign_id": "c", "channel": "social", **PUBLISHED}
    found = compare_campaigns(base(daily_performance=[row], campaigns=[_campaign("c")])).rows[0]
    assert 100 * found.ctr == pytest.approx(3.7899, abs=5e-5)
    assert 100 * found.conversion_rate == pytest.approx(8.8175, abs=5e-5)
    assert found.cost_per_conversion == pytest.approx(11.29283, abs=5e-6)
    assert found.roas == pytest.approx(1.27241, abs=5e-6)
    assert found.roas_low is None
    assert found.name == "C"


def test_a_target_is_of_the_whole_campaign_on_a_page_of_some_days(base) -> None:
    """Ten a day, as planned: of the last 30 days alone, 300 of the 500 that are due looked behind."""
    days = {"start_date": START, "end_date": START + timedelta(days=99)}
    plan = _campaign("c", target_conversions=1000.0, target_roas=3.0, **days)
    rng = np.random.default_rng(2)
    sold = [
        {"date": START + timedelta(days=day), "campaign_id": "c", "channel": "social", "spend": 100.0}
        | {"conversions": 10.0, "revenue": float(rng.lognormal(5.0, 1.0))}
        for day in range(50)
    ]
    tables = base(daily_performance=sold, campaigns=[plan])
    whole, part = (target_vs_actual(tables, window=window) for window in (None, "30d"))
    due = [(row.actual, row.expected, row.verdict) for row in (whole.rows[0], part.rows[0])]
    assert due == [(500.0, 500.0, "on the way")] * 2
    assert part.sentence.endswith("Leads and conversions are all so far, not of these days alone.")
    returned = part.rows[1]
    assert returned.actual == compare_campaigns(tables, window="30d").rows[0].roas
    assert (returned.verdict, returned.by_chance) == ("behind", True)
    assert "which may be chance" in part.sentence


def test_published_sms_campaign(base) -> None:
    plan = _campaign(
        "s", channel="sms", budget=5000.0, target_leads=150.0, target_conversions=15.0, target_roi=2.5
    )
    row = {"date": START, "campaign_id": "s", "channel": "sms", **SMS}
    view = target_vs_actual(base(daily_performance=[row], campaigns=[plan]))
    assert {row.metric: row.achievement for row in view.rows} == pytest.approx(
        {"leads": 0.80, "conversions": 0.80, "roi": 1.04}
    )
    assert {row.metric: row.verdict for row in view.rows}["roi"] == "reached"
    channel = compare_channels(base(daily_performance=[row], campaigns=[plan])).rows[0]
    assert channel.cost_per_lead == pytest.approx(41.667, abs=5e-4)
    assert channel.roi == pytest.approx(2.6)


def test_campaigns_are_ranked_and_advised(base) -> None:
    rows = [*_daily("loser", 0.6), *_daily("steady", 2.5), *_daily("winner", 5.0)]
    view = compare_campaigns(base(daily_performance=rows, campaigns=[_campaign("loser")]))
    assert view.ranking("roas").campaign_ids == ("winner", "steady", "loser")
    assert view.ranking("roi").best == "winner"
    assert view.ranking("incrementality").campaign_ids == ()
    assert (view.best, view.worst) == ("winner", "loser")
    assert [(line.campaign_id, line.priority) for line in view.advice][:2] == [
        ("loser", "high"),
        ("winner", "medium"),
    ]
    shift = view.shift
    assert (shift.giver, shift.receiver) == ("loser", "winner")
    assert shift.low < shift.gain < shift.high
    spent = sum(row["spend"] for row in rows if row["campaign_id"] == "loser")
    assert shift.amount == pytest.approx(0.2 * spent / 30)
    assert "LOSER" in view.sentence


def test_many_campaigns_that_return_their_cost_are_not_told_apart(base) -> None:
    """All return what they cost: of forty, intervals of one or two lie below that by chance."""
    rows = [row for n in range(40) for row in _even(n)]
    view = compare_campaigns(base(daily_performance=rows))
    assert any(row.roas_high < 1 for row in view.rows)
    assert not [line for line in view.advice if line.priority == "high"]
    assert any("but one of 40 may by chance" in line.reason for line in view.advice)
    assert " least, but not clearly apart;" in view.sentence
    clear = compare_campaigns(base(daily_performance=[*rows, *_daily("loser", 0.2)]))
    assert "not clearly apart" not in clear.sentence
    assert [line.campaign_id for line in clear.advice if line.priority == "high"] == ["loser"]
    # The next large order may be missing: a conversion a day is no proof of a loss.
    few = [row | {"conversions": 1} for row in _daily("loser", 0.2)]
    unsure = next(line for line in compare_campaigns(base(daily_performance=few)).advice)
    assert (unsure.priority, unsure.action) == ("medium", "watch")
    assert "but fewer than 50 conversions are no proof" in unsure.reason


def _even(place: int) -> list[dict]:
    rng = np.random.default_rng(240 + place)
    rows = _daily(f"even-{place}", 1.0)
    return [row | {"revenue": row["spend"] * rng.uniform(0.2, 1.8)} for row in rows]


def test_a_mean_of_ratios_never_happens(base) -> None:
    """Two campaigns of one channel: the return of the channel is sum over sum."""
    rows = [
        {"date": START, "campaign_id": "a", "channel": "email", "spend": 10.0, "revenue": 100.0},
        {"date": START, "campaign_id": "b", "channel": "email", "spend": 1000.0, "revenue": 500.0},
    ]
    found = compare_channels(base(daily_performance=rows)).rows[0]
    assert found.roi == pytest.approx((600 - 1010) / 1010)
    assert found.campaigns == 2


@pytest.mark.parametrize(
    ("intervals", "said"),
    [
        (
            {"email": (1.0, -0.4, 2.4), "push": (0.5, 0.2, 0.8)},
            "push surely adds more than it costs (0.50x net)",
        ),
        (
            {"email": (1.0, 0.4, 1.6), "push": (0.1, -0.2, 0.3)},
            "email adds most beyond its holdout (1.00x net of cost)",
        ),
        ({"email": (1.0, 0.2, 1.8), "push": (0.9, 0.1, 1.7)}, "not clearly ahead of the next"),
        ({"email": (3.6, -0.9, 8.0), "push": (1.4, -4.7, 7.5)}, "no channel surely adds more than it costs"),
        ({"email": (-0.8, -0.9, -0.7)}, "no channel surely adds more than it costs"),
        (
            {"email": (1.0, 0.01, 1.99), "push": (0.1, -0.2, 0.3)},  # p of 0.04 is none of two channels
            "email comes closest (1.00x net of cost, 0.01x to 1.99x, as one of 2 may by chance)",
        ),
        (
            {"email": (2.0, 0.5, 3.5)},
            "comes closest (2.00x net of cost, 0.50x to 3.50x, from too few buyers to be",
        ),
    ],
)
def test_what_channels_add_is_said_no_more_surely_than_the_holdouts_allow(
    base, intervals: dict[str, tuple[float, float, float]], said: str
) -> None:
    rows = [row for name in intervals for row in _daily(name, 2.0, channel=name)]
    view = compare_channels(base(daily_performance=rows))
    known, rough = [], {(2.0, 0.5)}  # a holdout of a few dozen buyers
    for row in view.rows:
        value, low, high = intervals[row.channel]
        figures = {
            "incremental_return": value,
            "incremental_return_low": low,
            "incremental_return_high": high,
            "incremental_p": None if (value, low) in rough else 0.04 if low == 0.01 else 0.01,
        }
        known.append(replace(row, **figures))
    assert said in replace(view, rows=tuple(known), best_by_return="email").sentence


def test_a_campaign_is_asked_for_by_id_or_by_its_own_name(base) -> None:
    names = (("a", "Spring"), ("b", "Summer"), ("c", "Summer"), ("d", None), ("Spring sale", "a"))
    known = [{"campaign_id": own, "name": name} for own, name in names]
    tables = base(campaigns=known, daily_performance=_daily("a", 2.0))
    assert campaign_of(tables, "Spring") == "a"
    assert campaign_of(tables, "a") == "a"  # an id goes before a name
    with pytest.raises(UsageError, match="Summer is the name of 2 campaigns: b, c"):
        campaign_of(tables, "Summer")
    with pytest.raises(UsageError, match="Did you mean 'Spring'"):
        campaign_of(tables, "Sprng")


def test_one_campaign_of_a_channel(base) -> None:
    rows = [*_daily("a", 2.0, channel="email"), *_daily("b", 3.0, channel="display")]
    view = compare_channels(base(daily_performance=rows), campaign_id="a")
    assert [row.channel for row in view.rows] == ["email"]
    assert view.best_by_return is None
    assert "holdout" in view.sentence


def test_creatives_are_ranked_by_chance_of_being_best(base) -> None:
    texts = [{"creative_id": "x", "campaign_id": "c", "headline": "Save now"}]
    rows = [
        {"date": START, "campaign_id": "c", "channel": "social", "creative_id": name}
        | {"impressions": shown, "clicks": clicks, "spend": 100.0, "revenue": revenue, "conversions": 10.0}
        for name, shown, clicks, revenue in (
            ("x", 10_000, 300, 900.0),
            ("y", 10_000, 200, 200.0),
            ("z", 20, 5, 1.0),
        )
    ]
    view = creatives(base(daily_performance=rows, creatives=texts))
    assert [row.creative_id for row in view.rows] == ["x", "y", "z"]
    assert view.rows[0].probability_best > 0.99
    assert view.rows[2].probability_best is None
    assert [row.creative_id for row in view.top] == ["x", "y"]
    assert [row.creative_id for row in view.low_performers] == ["y", "z"]
    # One day does not tell how much days differ, nor whether a return is low by chance.
    assert "Save now is ahead, but not surely best, as fewer than 8 days do not tell" in view.sentence
    assert view.sentence.endswith("2 return less than 3.00x on their spend, none of them surely.")
    days = [row | {"date": START + timedelta(day)} for day in range(9) for row in rows[:2]]
    days = [
        row | {"clicks": row["clicks"] + row["date"].day % 3, "revenue": row["revenue"] + 5 * row["date"].day}
        for row in days
    ]
    view = creatives(base(daily_performance=days, creatives=texts))
    returned = measure(base(daily_performance=days), "roas", by="creative").row("roas", creative="x")
    row = next(row for row in view.rows if row.creative_id == "x")
    assert (row.roas_low, row.roas, row.roas_high) == (returned.low, returned.value, returned.high)
    assert "Save now is best" in view.sentence
    assert view.sentence.endswith("; 1 returns less than 3.00x on its spend.")
    with pytest.raises(UsageError, match="ctr"):
        creatives(base(daily_performance=rows), rate="roas")


@pytest.mark.parametrize("rate", ["ctr", "conversion_rate"])
def test_no_creative_is_best_where_days_differ_more_than_creatives(base, rate) -> None:
    """All have the same rates, and days their own: of many impressions, one would be surely best."""
    rng = np.random.default_rng(8)
    said = []
    for _ in range(3):
        rows = []
        for place in range(60):
            clicks = int(100_000 * 0.03 * rng.lognormal(0, 0.3))
            row = {"date": START + timedelta(place // 2), "campaign_id": "c", "creative_id": "ab"[place % 2]}
            row |= {"impressions": 100_000, "clicks": clicks, "spend": 9.0, "channel": "social"}
            rows.append(row | {"conversions": float(int(clicks * 0.3 * rng.lognormal(0, 0.3)))})
        view = creatives(base(daily_performance=rows), rate=rate)
        said.append("surely" in view.sentence)
        low, high = (getattr(view.rows[0], f"{rate}{end}") for end in ("_low", "_high"))
        assert high - low > 0.1 * getattr(view.rows[0], rate)
    assert all(said)


def test_a_campaign_of_leads_alone_is_no_last_place(base) -> None:
    from workbench import charts

    rows = [*_daily("a", 2.0), *_daily("b", 3.0)]
    rows += [row | {"conversions": 0.0, "revenue": 0.0, "leads": 5.0} for row in _daily("leads", 1.0)]
    tables = base(daily_performance=rows)
    board = leaderboard(tables)
    assert ([place.key for place in board.places], board.compared) == (["b", "a"], 2)
    drawn = charts.campaign_returns(compare_campaigns(tables))
    assert "leads" not in drawn.finding
    assert "Without 1 that brought leads and no orders" in drawn.note


def test_a_target_within_the_interval_is_met_by_chance_perhaps(base) -> None:
    view = kpi_cards(base(daily_performance=_daily("a", 4.0, days=28) + _daily("b", 1.0, days=30)), ["roas"])
    (card,) = view.cards
    for target, met, chance in [
        (card.value, True, True),
        (card.low - 0.001, True, False),
        (card.high - 1e-9, False, True),
        (card.high + 0.001, False, False),
    ]:
        again = kpi_cards(
            base(daily_performance=_daily("a", 4.0, days=28) + _daily("b", 1.0, days=30)),
            ["roas"],
            targets={"roas": target},
        )
        assert (again.cards[0].target_met, again.cards[0].target_by_chance) == (met, chance)
        assert ("within what chance could do" in again.sentence) == (met and chance)


def test_cards_know_targets_and_streaks(base) -> None:
    rows = [
        *_daily("a", 5.0, days=25),
        *[row for row in _daily("a", 2.0, days=30) if row["date"] >= START + timedelta(25)],
    ]
    tables = base(daily_performance=rows)
    view = kpi_cards(tables, ["roas", "ctr", "cac"])
    roas, ctr, cac = view.cards
    spend, revenue = sum(row["spend"] for row in rows), sum(row["revenue"] for row in rows)
    assert roas.value == pytest.approx(revenue / spend)
    assert (roas.streak, roas.alert, roas.target, roas.target_met) == (5, True, 3.5, True)
    assert roas.low < roas.value < roas.high
    assert roas.target_by_chance == (roas.low < 3.5)
    assert len(roas.line) == 30
    assert ctr.verdict == "healthy"
    assert (cac.value, cac.target_met, cac.streak) == (None, None, None)
    chance = ", within what chance could do" if roas.target_by_chance else ""
    assert view.sentence.startswith(f"1 of 1 key figure with a usual target meets it{chance};")
    assert "5 days" in view.sentence
    assert "campaign_converted" in roas.formula
    board = leaderboard(tables)
    assert (board.compared, board.places[0].name) == (1, "a")
    (said,) = [alert.text for alert in alerts(tables).alerts if alert.subject == roas.title]
    assert "over the 30 days up to " in said  # on a page of other days, too
    assert "last 5 days" in said


def test_a_run_of_bad_days_among_many_is_told_as_chance(base) -> None:
    """Of a target that all days meet together, half miss it: three in a row at the end are no news."""
    rows = [{**row, "revenue": 80.0 if n % 2 or n > 27 else 800.0} for n, row in enumerate(_daily("a", 1.0))]
    tables = base(daily_performance=[{**row, "spend": 100.0} for row in rows])
    view = kpi_cards(tables, ["roas"])
    card = view.cards[0]
    assert (card.target_met, card.streak, card.alert) == (True, 3, True)
    assert "on each of the last 3 days, which may be chance: 16 of all 30 did" in view.sentence
    assert [alert.severity for alert in alerts(tables).alerts if alert.subject == card.title] == ["info"]


def test_silence_is_no_good_news_where_nothing_can_be_judged(base) -> None:
    plan = "no campaign that runs has a budget, a start and an end"
    why = (
        f"no figure with a target has a value on 3 days; {plan};"
        " no campaign that runs has returns on 8 days with 50 conversions in all"
    )
    early = base(daily_performance=_daily("a", 4.0, days=2))
    view = alerts(early, window="2d")
    assert view.sentence == f"Whether anything needs a decision cannot be judged yet: {why}."
    assert charts.alerts(view).reason == view.sentence  # no tick stands before it
    assert alerts(early).sentence.endswith(f"7% of the days only. Nothing else can be judged yet: {why}.")
    assert charts.alerts(alerts(early)).items[-1] == ("info", "Nothing else", f"can be judged yet: {why}")
    later = alerts(base(daily_performance=_daily("a", 9.0, days=30)))
    assert later.sentence == f"Nothing needs a decision today, as far as can be judged: {plan}."
    assert charts.alerts(later).calm == later.sentence


def test_cards_compare_with_the_window_before(base) -> None:
    rows = [*_daily("a", 2.0, days=60)]
    tables = base(daily_performance=rows)
    card = kpi_cards(tables, ["spend"], window="30d").cards[0]
    old = sum(row["spend"] for row in rows[:30])
    new = sum(row["spend"] for row in rows[30:])
    assert (card.value, card.previous) == (pytest.approx(new), pytest.approx(old))
    assert card.change == pytest.approx(new / old - 1)
    names = ["spend", "ctr", "roas"]
    alone = [measure(tables, name, window="30d", compare=True).rows[0].change_p for name in names]
    shown = kpi_cards(tables, names, window="30d").cards
    assert [one.change_p for one in shown] == pytest.approx(holm(alone))  # a page of cards is one look


def test_trend_of_a_ratio(base) -> None:
    rows = [*_daily("a", 2.0, days=110), *_daily("b", 3.0, days=110, spend=10.0)]
    view = trends(base(daily_performance=rows), "roas", window="60d")
    assert len(view.points) == 60
    last = [row for row in rows if row["date"] > START + timedelta(days=102)]
    assert view.points[-1].rolling == pytest.approx(
        sum(r["revenue"] for r in last) / sum(r["spend"] for r in last)
    )
    assert {change.kind: change.p_value is not None for change in view.changes} == {
        "WoW": True,
        "MoM": True,
        "YoY": False,
    }
    sliced = trends(base(daily_performance=rows), "roas", by="campaign")
    assert sliced.slices == ("a", "b")
    # Of the two looks at the same days, one alone is below 5 % in a tenth of all cases: not said.
    week, month, *rest = (replace(change, p_value=0.04) for change in view.changes)
    only = replace(view, changes=(week, replace(month, p_value=0.5), replace(rest[0], p_value=None)))
    assert only.sentence.endswith(
        ": no change against the week before or the four weeks before can be told from the usual movement."
    )
    assert "can be told" not in replace(only, changes=(week,)).sentence
    weekly = trends(base(daily_performance=rows), "spend", grain="week")
    whole = [point for point in weekly.points if point.complete]
    assert all(point.day.weekday() == 0 for point in whole)
    first = whole[0].day
    inside = [row["spend"] for row in rows if first <= row["date"] < first + timedelta(days=7)]
    assert whole[0].value == pytest.approx(sum(inside))


def test_a_jump_is_told(base) -> None:
    rows = _daily("a", 2.0, days=83)
    for row in _daily("a", 2.0, days=90)[83:]:
        rows.append({**row, "spend": 2 * row["spend"]})
    view = trends(base(daily_performance=rows), "spend")
    change = next(change for change in view.changes if change.kind == "WoW")
    assert change.significant
    assert change.change == pytest.approx(1.0, abs=0.3)
    assert "rose" in view.sentence


def test_a_day_without_rows_is_missing_not_zero(base) -> None:
    rows = [row for row in _daily("a", 2.0, days=90) if row["date"] != START + timedelta(days=86)]
    view = trends(base(daily_performance=rows), "spend")
    assert next(p for p in view.points if p.day == START + timedelta(days=86)).value is None
    assert "missing" in next(change for change in view.changes if change.kind == "WoW").reason


def test_ordered_metrics_need_orders(base) -> None:
    at = datetime(2024, 2, 3, tzinfo=UTC)
    order = {
        "order_id": "1",
        "line": 1,
        "user_id": "u",
        "ordered_at": at,
        "order_value": 30.0,
        "is_return": False,
    }
    card = kpi_cards(base(orders=[order]), ["aov"], window="7d").cards[0]
    assert card.value == 30.0


def test_a_card_says_that_its_figure_leans(base) -> None:
    orders = [
        {
            "order_id": str(n),
            "line": 1,
            "user_id": "u",
            "ordered_at": at,
            "order_value": 5.0,
            "is_return": False,
        }
        for n, at in enumerate((datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 20, tzinfo=UTC)))
    ]
    repeat, value = kpi_cards(base(orders=orders), ["repeat_purchase_rate", "aov"], window="30d").cards
    assert "purchases are on record since 2024-01-01 only" in repeat.caution
    assert repeat.caution in repeat.note
    assert value.caution == ""
    shown = charts.kpi_cards(kpi_cards(base(orders=orders), ["repeat_purchase_rate", "aov"], window="30d"))
    assert [item["remark"] for item in shown.items] == [
        "Data on 7% of days. Leans near the start of the records",
        "No interval: fewer than 8 days. Data on 7% of days",
    ]


def test_a_card_says_why_its_ratio_has_no_interval(base, fact) -> None:
    at = datetime(2024, 2, 5, 8, tzinfo=UTC)
    facts = [fact("campaign_clicked", user, at, campaign_id="x") for user in range(20)]
    days = [{"date": at.date(), "channel": "x", "campaign_id": "x", "spend": 30.0, "clicks": 20}]
    spend, cpc = charts.kpi_cards(
        kpi_cards(base(facts=facts, daily_performance=days), ["spend", "cpc"])
    ).items
    assert "nothing is sampled" in spend["note"]
    assert "No interval" not in spend["remark"]
    assert cpc["remark"].startswith("No interval: fewer than 8 days")


def test_no_returns_are_claimed_where_there_is_no_spend(base, fact) -> None:
    """Of messages alone conversion is known, and no return, though y brings more than x."""
    at = datetime(2024, 2, 5, 8, tzinfo=UTC)
    facts = []
    for campaign, buyers, value in (("x", 10, 1.0), ("y", 2, 100.0)):
        for user in range(20):
            facts.append(fact("campaign_clicked", user, at, campaign_id=campaign))
            if user < buyers:
                facts.append(fact("campaign_converted", user, at, campaign_id=campaign, value=value))
    view = compare_campaigns(base(facts=facts))
    assert view.best == "x"
    assert "x converts best, y worst" in view.sentence
    assert "returns" not in view.sentence.partition(";")[2].partition(";")[0]


def test_campaigns_that_are_even_have_no_best(base) -> None:
    rows = [
        {"date": START, "campaign_id": name, "channel": "email", "spend": 10.0, "revenue": 0.0, "clicks": 5}
        for name in "ab"
    ]
    assert "returns most" not in compare_campaigns(base(daily_performance=rows)).sentence
    one = compare_campaigns(base(daily_performance=rows[:1])).sentence
    assert one.startswith("1 campaign; ")


def test_one_channel_has_no_next(base) -> None:
    rows = [
        {"date": START, "campaign_id": "a", "channel": "social", "impressions": 1000, "engagements": 50}
        | {"spend": 10.0}
    ]
    view = compare_channels(base(daily_performance=rows))
    assert view.sentence.startswith("1 channel; social engages (5%); ")


def test_the_incremental_return_is_of_the_spend_that_was_tested(base, fact) -> None:
    """What campaigns without a holdout cost is no cost of what the others were found to add."""
    rng = np.random.default_rng(3)
    facts, bought = [], {True: 0.0, False: 0.0}
    for user in range(4000):
        at = datetime(2024, 2, 5, 8, tzinfo=UTC) + timedelta(days=user % 20)
        held = user % 4 == 0
        sent = {"campaign_id": "tested", "channel": "email", "is_holdout": held}
        facts.append(fact("campaign_delivered", user, at, **sent))
        if rng.random() < (0.1 if held else 0.2):
            bought[held] += 10.0
            later = at + timedelta(hours=1)
            facts.append(fact("user_purchased", user, later, order_id=str(user), value=10.0))
        other = {"campaign_id": "untested", "channel": "email", "is_holdout": False}
        facts.append(fact("campaign_delivered", 10_000 + user, at, **other))
    spent = [
        {"date": date(2024, 2, 5), "campaign_id": "tested", "channel": "email", "spend": 1000.0},
        {"date": date(2024, 2, 5), "campaign_id": "untested", "channel": "email", "spend": 9000.0},
    ]
    row = compare_channels(base(facts=facts, daily_performance=spent), window=None).rows[0]
    added = bought[False] - 3 * bought[True]
    assert row.spend == 10_000.0
    assert row.incremental_return == pytest.approx((added - 1000) / 1000)
    # A hundred buyers held out are too few to be sure of a gain, whatever the interval.
    assert (row.incremental_return_low > 0, row.incremental_p, row.surely_adds) == (True, None, False)
    free = compare_channels(base(facts=facts), window=None)
    assert free.sentence.endswith(
        "what channels add beyond themselves is unknown: that takes a holdout and spend."
    )


def test_creatives_are_counted_as_they_are_compared(base) -> None:
    def row(name: str, shown: int, clicks: int) -> dict:
        return {"date": START, "campaign_id": "c", "channel": "social", "creative_id": name} | {
            "impressions": shown,
            "clicks": clicks,
        }

    few = [row(f"few{n}", 50, 1) for n in range(8)]
    two = creatives(base(daily_performance=[row("a", 1000, 30), row("b", 1000, 20), *few]))
    assert "among the 2 of 10 creatives with enough impressions)" in two.sentence
    pair = creatives(base(daily_performance=[row("a", 1000, 30), row("b", 1000, 20)]))
    assert "among 2 creatives)" in pair.sentence
    one = creatives(base(daily_performance=[row("a", 1_000_000, 30)]))
    assert one.sentence == "1 creative, too few with enough impressions to compare."


def test_a_day_without_a_figure_is_no_day_that_missed_its_target(base) -> None:
    rows = [
        {"date": START + timedelta(days=day), "campaign_id": "a", "channel": "social", "spend": spent}
        | {"revenue": spent}
        for day, spent in enumerate([10.0] * 10 + [0.0] * 20)
    ]
    tables = base(daily_performance=rows)
    assert "on each of the last 10 days with a figure" in kpi_cards(tables, ["roas"]).sentence
    assert "on each of the last 10 days with a figure" in alerts(tables).alerts[0].text
    running = kpi_cards(base(daily_performance=rows[:10]), ["roas"], window="10d")
    assert running.sentence.endswith("on each of the last 10 days.")


def test_no_target_is_set_in_a_currency_it_was_not_meant_in(base) -> None:
    """A customer for fifteen yen is nobody's aim; nothing is known of a part that nobody is in."""
    rows = [row | {"clicks": 9} for row in _daily("a", 2.0, days=30)]
    shown = {
        money: kpi_cards(base(daily_performance=rows, currency=money), ["roas", "cac", "cpc"]).cards
        for money in ("EUR", "JPY")
    }
    assert [card.target for card in shown["EUR"]] == [3.5, 15.0, None]
    assert [card.target for card in shown["JPY"]] == [3.5, None, None]
    assert [card.verdict == "unknown" for card in (shown["EUR"][2], shown["JPY"][2])] == [False, True]
    own = kpi_cards(base(daily_performance=rows, currency="JPY"), ["cac"], targets={"cac": 2000.0})
    assert own.cards[0].target == 2000.0
    nobody = kpi_cards(base(daily_performance=rows), ["spend"], where={"segment": []})
    assert (nobody.cards, nobody.missing) == ((), "Not enough data: no segment is known.")


def test_the_only_one_leads_nobody(base) -> None:
    rows = [{"date": START, "campaign_id": "a", "channel": "social", "spend": 10.0, "revenue": 30.0}]
    view = leaderboard(base(daily_performance=rows))
    assert view.sentence == "a is the only campaign with a return on ad spend: 3.00x."


def test_weeks_of_sums_ratios_and_medians(base, fact) -> None:
    """A week is measured as a whole: as a sum, as a ratio of sums, and by its own median and users."""
    monday = date(2024, 2, 5)
    spent = [
        {"date": monday + timedelta(days=day), "campaign_id": "a", "channel": "social", "spend": 10.0}
        | {"revenue": 10.0 * day, "conversions": 1.0}
        for day in range(14)
        if day != 9
    ]
    tables = base(daily_performance=spent)
    weeks = trends(tables, "spend", grain="week", window=None).points
    assert [(point.value, point.complete) for point in weeks] == [(70.0, True), (60.0, False)]
    # One conversion a day: the denominators of this ratio look like the days of a sum.
    value = trends(tables, "aov", grain="week", window=None).points
    assert [point.value for point in value] == pytest.approx([210 / 7, (700 - 90) / 6])

    at = datetime(2024, 2, 5, 8, tzinfo=UTC)
    facts = []
    for day in range(14):
        for user in range(3):
            sent = at + timedelta(days=day)
            shown = {"campaign_id": f"c{day}", "is_holdout": False, "channel": "email"}
            facts.append(fact("campaign_delivered", user, sent, **shown))
            if day % 2 == 0:
                bought = {"campaign_id": f"c{day}", "order_id": f"{day}{user}", "value": 5.0}
                facts.append(fact("campaign_converted", user, sent + timedelta(hours=4), **bought))
    tables = base(facts=facts)
    hours = trends(tables, "hours_to_conversion", grain="week", window=None).points
    assert [point.value for point in hours] == [4.0, 4.0]
    reached = trends(tables, "users_reached", grain="week", window=None).points
    assert [point.value for point in reached] == [3.0, 3.0]
    by = trends(tables, "users_reached", by="channel", grain="week", window="10d").points
    assert [(point.slice, point.value, point.complete) for point in by] == [
        ("email", 3.0, False),
        ("email", 3.0, True),
    ]


def test_an_order_of_two_days_is_one_order_of_its_week(base) -> None:
    at = datetime(2024, 2, 5, 9, tzinfo=UTC)
    lines = [
        {"order_id": name, "line": line, "order_value": 10.0, "is_return": False}
        | {"ordered_at": at + timedelta(days=day)}
        for name, line, day in (("a", 1, 0), ("a", 2, 1), ("b", 1, 1), ("c", 1, 6))
    ]
    view = trends(base(orders=lines), "orders", grain="week", window=None)
    assert [point.value for point in view.points] == [3.0]


def test_the_figure_of_a_block_is_said_as_what_it_is(base) -> None:
    rows = _daily("a", 2.0, days=83)
    rows += [{**row, "spend": 2 * row["spend"]} for row in _daily("a", 2.0, days=90)[83:]]
    view = trends(base(daily_performance=rows), "spend")
    mean = sum(row["spend"] for row in rows[83:]) / 7
    assert view.sentence.endswith(f"to €{mean:.2f} a day.")


def test_days_that_are_alike_are_no_certainty(base) -> None:
    """Neither 100 % of every day nor no revenue on any day leaves an interval without width."""
    even = {"channel": "social", "impressions": 1000, "engagements": 1000, "conversions": 2.0}
    other = {"channel": "display", "impressions": 1000, "spend": 10.0, "revenue": 30.0, "conversions": 2.0}
    rows = []
    for day in range(20):
        when = {"date": START + timedelta(days=day)}
        rows.append({**when, "campaign_id": "even", **even, "spend": 10.0, "revenue": 0.0})
        rows.append({**when, "campaign_id": "other", **other, "engagements": 900 + day})
    tables = base(daily_performance=rows)
    channels = compare_channels(tables)
    row = next(row for row in channels.rows if row.channel == "social")
    assert (row.engagement_rate, row.engagement_rate_low, row.engagement_rate_high) == (1.0, None, None)
    assert "social engages best (100%, not clearly ahead of the next)" in channels.sentence
    view = compare_campaigns(tables)
    said = {line.campaign_id: line.reason for line in view.advice}
    assert said["even"] == "no revenue reported for its conversions in 20 days"
    assert (
        said["other"]
        == "20 days are all alike, which is not enough to judge a return of 3.00x per unit of spend"
    )
    assert not [alert for alert in alerts(tables).alerts if alert.severity == "critical"]


def test_a_campaign_that_lives_by_leads_is_judged_alike_on_all_pages(base) -> None:
    """Comparisons leave its return to deals; its own page said that it missed the usual return every day."""
    rows = [row | {"revenue": 20.0 + n % 5, "conversions": 1.0} for n, row in enumerate(_daily("b", 1.0))]
    deals = [
        {"lead_id": str(n), "campaign_id": "b", "channel": "social", "stage": "won", "deal_value": 200.0}
        | {"created_at": datetime(2024, 2, 1 + n % 28, 9, tzinfo=UTC)}
        for n in range(60)
    ]
    plan = _campaign("b", target_roas=2.0, target_leads=60.0)
    tables = base(daily_performance=rows, leads=deals, campaigns=[plan])
    assert compare_campaigns(tables).advice == ()
    card = kpi_cards(tables, ["roas"], where={"campaign": "b"}).cards[0]
    assert (card.target, card.alert) == (None, False)
    assert kpi_cards(tables, ["roas"], where={"campaign": "b"}, targets={"roas": 3.5}).cards[0].alert
    verdicts = {row.metric: (row.verdict, row.caution) for row in target_vs_actual(tables).rows}
    assert verdicts == {
        "leads": ("reached", ""),
        "roas": ("unknown", "most of its return lies in deals of leads"),
    }


def test_one_lead_does_not_hide_a_loss(base) -> None:
    """Of a campaign with 900 orders and a lead it was only said to watch it, whatever it lost."""
    rows = [row | {"revenue": row["revenue"] * 0.3, "conversions": 30.0} for row in _daily("a", 1.0)]
    lead = {"lead_id": "1", "campaign_id": "a", "channel": "social", "stage": "new", "deal_value": 50.0}
    lead |= {"created_at": datetime(2024, 2, 9, 9, tzinfo=UTC), "close_probability": 0.5}
    for leads, action in (([lead], "pause or rework"), ([lead | {"deal_value": 1e5}], None)):
        advice = compare_campaigns(base(daily_performance=rows, leads=leads)).advice
        assert [line.action for line in advice] == ([action] if action else [])


def test_a_page_of_days_gone_by_tells_of_no_later_spend(base) -> None:
    """On plan in its first two weeks, doubled after: the page of those weeks named an overspend to come."""
    plan = _campaign("c", budget=6000.0, start_date=START, end_date=START + timedelta(days=59))
    late = [row | {"spend": 2 * row["spend"]} for row in _daily("c", 4.0, days=40)[14:]]
    tables = base(daily_performance=[*_daily("c", 4.0, days=40)[:14], *late], campaigns=[plan])
    then = f"{START}:{START + timedelta(days=13)}"
    for window, over in (("30d", True), (then, False)):
        found = alerts(tables, window=window, targets={})
        assert any("will end near" in alert.text for alert in found.alerts) == over
    early, told = pacing(tables, window=then), pacing(tables, as_of=START + timedelta(days=13))
    assert (early.as_of, early.rows) == (told.as_of, told.rows)
    assert pacing(tables, window="14d") == pacing(tables)


def test_what_needs_a_decision_is_in_the_order_of_money(base) -> None:
    """By name or by budget the smallest waste would stand first; a page lists ten and counts the others."""
    plan = {"start_date": START, "end_date": START + timedelta(days=59), "status": "active"}
    beyond = {f"c{place:02}": 20.0 + 15.0 * place for place in range(12)}
    rows = [row for name, extra in beyond.items() for row in _daily(name, 4.0, spend=100.0 + extra)]
    plans = [_campaign(name, budget=6000.0, **plan) for name in beyond]
    found = alerts(base(daily_performance=rows, campaigns=plans), targets={})
    over = [alert for alert in found.alerts if alert.severity == "critical"]
    assert [alert.subject for alert in over] == [name.upper() for name in reversed(beyond)]
    assert over[0].stake == pytest.approx(60 * beyond["c11"], rel=0.1)
    shown = charts.alerts(found)._repr_mimebundle_()["application/vnd.workbench.alerts+json"]["items"]
    assert (len(shown), shown[-1]["title"]) == (11, f"{len(found.alerts) - 10} more")


def test_a_target_of_which_nothing_is_reached_is_missed(base, fact) -> None:
    """Messages were sent and clicked, and nobody bought: none of 50 conversions, not an unknown number."""
    at = datetime(2024, 2, 5, 8, tzinfo=UTC)
    facts = [
        fact(kind, user, at, campaign_id="x", channel="email", is_holdout=False)
        for user in range(50)
        for kind in ("campaign_delivered", "campaign_clicked")
    ]
    facts.append(fact("campaign_converted", 1, at, campaign_id="y", value=3.0))
    plans = [_campaign(name, channel="email", target_conversions=50.0) for name in ("x", "unsent")]
    view = target_vs_actual(base(facts=facts, campaigns=plans))
    assert [(row.campaign_id, row.actual, row.verdict) for row in view.rows] == [
        ("unsent", None, "unknown"),
        ("x", 0.0, "behind"),
    ]


def test_a_card_shows_the_formula_that_its_figure_comes_from(base) -> None:
    """Orders name no campaign: of one, revenue is what was credited to it."""
    at = datetime(2024, 2, 3, tzinfo=UTC)
    order = {"order_id": "1", "line": 1, "ordered_at": at, "order_value": 99.0, "is_return": False}
    told = {"date": START, "campaign_id": "a", "channel": "email", "spend": 10.0, "revenue": 30.0}
    tables = base(orders=[order], daily_performance=[told])
    whole = kpi_cards(tables, ["revenue"], window=None).cards[0]
    one = kpi_cards(tables, ["revenue"], window=None, where={"campaign": "a"}).cards[0]
    assert (whole.value, whole.formula) == (99.0, "total(orders.order_value)")
    assert (one.value, one.formula) == (
        30.0,
        "total(campaign_converted.value) + total(daily_performance.revenue)",
    )


def test_revenue_without_a_channel_is_told_beside_the_channels(base, fact) -> None:
    """The rows do not add up to what was credited, and the page must say so."""
    at = datetime(2024, 2, 3, 9, tzinfo=UTC)
    bought = [fact("campaign_converted", n, at, campaign_id="x", value=10.0) for n in range(3)]
    told = [{"date": START, "campaign_id": "a", "channel": "email", "spend": 10.0, "revenue": 70.0}]
    view = compare_channels(base(facts=bought, daily_performance=told), window=None)
    assert sum(row.revenue or 0.0 for row in view.rows) == 70.0
    assert view.unnamed == pytest.approx(0.3)
    assert view.sentence.endswith("; 30% of the credited revenue has no channel and is in no row.")
    assert compare_channels(base(daily_performance=told), window=None).unnamed == 0.0
    returns = charts.channel_returns(view)
    assert "not known of the same channels" in str(returns)
    same = [told[0] | {"date": at.date()}]
    missing = trends(base(facts=bought, daily_performance=same), "roas", by="channel", window=None)
    assert missing.sentence.endswith(
        "total(campaign_converted.value) has no channel: no value by channel, day."
    )


@pytest.mark.parametrize("late", [0, 2, 5])
def test_spend_that_is_reported_later_than_sales_is_no_rise_of_returns(base, fact, late: int) -> None:
    """Events are there up to today, the platform's report up to some days ago: nothing changed."""
    rng = np.random.default_rng(3)
    noon = datetime(2024, 2, 1, 12, tzinfo=UTC)
    facts = [
        fact("campaign_converted", n, noon + timedelta(days=day), campaign_id="c", value=rng.gamma(20, 2))
        for day in range(90)
        for n in range(20)
    ]
    told = _daily("c", 0.0, days=90 - late)
    tables = base(facts=facts, daily_performance=told, campaigns=[_campaign("c")])
    last = START + timedelta(days=89 - late)
    for metric in ("roas", "cost_per_conversion"):
        view = trends(tables, metric, window="30d")
        assert view.points[-1].day == last
        assert ": no change" in view.sentence
        assert bool(view.left_out) == bool(late)
        assert [card.line[-1].day for card in kpi_cards(tables, [metric]).cards] == [last]
    assert not movements(tables).outstanding


def test_one_user_held_out_is_no_return_of_a_channel(base, fact) -> None:
    """It bought for 80, and 15 treated for nothing: a loss of 1,200 that nobody knows of."""
    at = datetime(2024, 2, 5, 8, tzinfo=UTC)
    sent = {"campaign_id": "c", "channel": "push"}
    facts = [fact("campaign_delivered", user, at, is_holdout=user == 0, **sent) for user in range(16)]
    facts.append(fact("user_purchased", 0, at + timedelta(hours=1), order_id="o", value=80.0))
    spent = [{"date": date(2024, 2, 5), "campaign_id": "c", "channel": "push", "spend": 5.0}]
    view = compare_channels(base(facts=facts, daily_performance=spent), window=None)
    assert view.rows[0].incremental_return is None
    assert "what channels add beyond themselves is unknown" in view.sentence


@pytest.mark.parametrize(("ratio", "doubt"), [(1.0, True), (3.0, False)])
def test_a_cost_per_conversion_may_be_lower_by_chance(base, ratio: float, doubt: bool) -> None:
    """Without clicks and revenue campaigns are ranked by what a conversion costs, which varies by day."""
    rng = np.random.default_rng(6)
    rows = [
        {"date": START + timedelta(day), "campaign_id": name, "channel": "paid_social"}
        | {"spend": 50.0, "impressions": 900, "conversions": float(rng.poisson(4 * rate))}
        for name, rate in (("a", 1.0), ("b", ratio))
        for day in range(30)
    ]
    said = compare_campaigns(base(daily_performance=rows)).sentence
    assert "pays least per conversion" in said
    assert ("not clearly apart" in said) == doubt
