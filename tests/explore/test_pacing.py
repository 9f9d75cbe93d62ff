"""Pacing: plans by hand, coverage of the projection, and what is said about campaigns without a plan."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.explore.pacing import pace_of, pacing

START, END = date(2024, 3, 1), date(2024, 4, 29)
PLAN = {"campaign_id": "c", "name": "Spring", "budget": 6000.0, "start_date": START, "end_date": END}


def _days(values: np.ndarray | list[float], start: date = START) -> dict[date, float]:
    return {start + timedelta(days=place): float(value) for place, value in enumerate(values)}


@pytest.mark.parametrize(
    ("daily", "verdict"), [(100.0, "on plan"), (150.0, "over"), (50.0, "under"), (76.0, "on plan")]
)
def test_even_spend(daily: float, verdict: str) -> None:
    row = pace_of(PLAN, _days([daily] * 30), as_of=START + timedelta(days=29))
    assert (row.spent, row.planned, row.pace) == (30 * daily, 3000.0, pytest.approx(daily / 100))
    assert row.projected == pytest.approx(60 * daily)
    assert row.verdict == verdict


@pytest.mark.parametrize("daily", [100.0, 0.1])
def test_days_that_are_alike_do_not_make_the_projection_certain(daily: float) -> None:
    """Of days that never differed nobody knows how far the next may: there is no interval of no width."""
    as_of = START + timedelta(days=29)
    even = pace_of(PLAN, _days([daily] * 30), as_of=as_of)
    assert (even.projected_low, even.projected_high) == (None, None)
    assert even.reason.startswith("if days to come cost what all recent ones did")
    over = pace_of(PLAN, _days([daily] * 60), as_of=END)
    assert over.projected_low == over.projected_high == over.spent


def test_a_total_has_no_interval_where_a_campaign_has_none(base) -> None:
    spend = [
        {"date": START + timedelta(days=day), "campaign_id": name, "channel": "email", "spend": value}
        for day in range(30)
        for name, value in (("c1", 150.0), ("c2", 140.0 + day % 5))
    ]
    plans = [
        {"campaign_id": name, "name": name, "campaign_type": "VIP", "channel": "email", "status": "active"}
        | {"budget": 6000.0, "start_date": START, "end_date": END}
        for name in ("c1", "c2")
    ]
    found = pacing(base(daily_performance=spend, campaigns=plans))
    assert [row.projected_low is None for row in found.rows] == [True, False]
    assert (found.total.projected_low, found.total.verdict) == (None, "over")
    assert "interval" not in found.sentence
    assert found.total.name == "Total"
    later = plans[0] | {"campaign_id": "c3", "start_date": START + timedelta(days=90), "end_date": None}
    some = pacing(base(daily_performance=spend, campaigns=[*plans, later | {"name": "c3"}]))
    assert (some.total.name, some.total.budget) == ("Total of 2 with a projection", 12_000.0)
    assert some.sentence.startswith("Spend of 2 of 3 campaigns will end near")


def test_weekends_do_not_bend_the_projection() -> None:
    weekly = np.resize([100, 100, 100, 100, 100, 20, 20], 30)
    row = pace_of(PLAN, _days(weekly), as_of=START + timedelta(days=29))
    assert row.projected == pytest.approx(weekly.sum() + 30 * 540 / 7)


@pytest.mark.parametrize(
    ("known", "repeats"),
    [(14, 200), *(pytest.param(days, 4000, marks=pytest.mark.slow) for days in (7, 14, 28))],
)
def test_the_interval_covers(known: int, repeats: int) -> None:
    """In 95 of 100 campaigns whose days hang together the end lies inside, however few of them are seen."""
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 25, (repeats, 20 + known + 30))
    series = np.zeros_like(noise)
    for place in range(1, noise.shape[1]):
        series[:, place] = 0.5 * series[:, place - 1] + noise[:, place]
    inside, plan, as_of = 0, PLAN | {"end_date": START + timedelta(known + 29)}, START + timedelta(known - 1)
    for daily in np.maximum(100 + series[:, 20:], 0):
        row = pace_of(plan, _days(daily[:known]), as_of=as_of)
        inside += row.projected_low <= daily.sum() <= row.projected_high
    assert 0.935 <= inside / repeats <= 0.995


@pytest.mark.parametrize(("apart", "fewest"), [(0.4, 0.8), (0.1, 0.9), (0.0, 0.95)])
def test_a_level_that_moves_is_no_certain_end(apart: float, fewest: float) -> None:
    """Four months are to come, the level is another every four weeks: one interval in seven held the end."""
    rng, inside, said = np.random.default_rng(4), 0, 0
    plan = PLAN | {"end_date": START + timedelta(days=231), "budget": 23_200.0}
    for _ in range(150):
        level = np.repeat(100 * np.exp(rng.normal(-(apart**2) / 2, apart, 9)), 28)[:232]
        daily = level * rng.uniform(0.75, 1.25, 232)
        row = pace_of(plan, _days(daily[:112]), as_of=START + timedelta(days=111))
        inside += row.projected_low <= daily.sum() <= row.projected_high
        said += row.verdict in ("over", "under") and 0.75 <= daily.sum() / row.budget <= 1.05
    assert inside >= fewest * 150
    assert said <= 0.05 * 150


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=90))
def test_laws(values: list[float]) -> None:
    row = pace_of(PLAN, _days(values), as_of=START + timedelta(days=29))
    assert row.spent == pytest.approx(sum(values[:30]))
    if row.projected is not None:
        assert row.projected >= row.spent - 1e-6
        if row.projected_low is not None:
            assert row.spent - 1e-6 <= row.projected_low <= row.projected + 1e-6
            assert row.projected <= row.projected_high + 1e-6


def test_what_cannot_be_said() -> None:
    day = START + timedelta(days=29)
    assert pace_of({**PLAN, "budget": None}, _days([10] * 30), as_of=day).verdict == "no plan"
    assert "end" in pace_of({**PLAN, "end_date": None}, _days([10] * 30), as_of=day).reason
    assert pace_of(PLAN, {}, as_of=START - timedelta(days=1)).verdict == "not started"
    assert pace_of(PLAN, {}, as_of=day).projected is None
    young = pace_of(PLAN, _days([100.0, 90.0, 110.0]), as_of=START + timedelta(days=2))
    assert (young.projected_low, young.verdict) == (None, "unclear")
    assert pace_of(PLAN, _days([90.0] * 60), as_of=END).verdict == "ended"
    assert pace_of(PLAN, _days([120.0] * 60), as_of=END).verdict == "over"


def _row(campaign: str, day: date, spend: float) -> dict:
    return {"date": day, "campaign_id": campaign, "channel": "social", "spend": spend}


def test_from_tables(base) -> None:
    rows = [_row("c", START + timedelta(days=n), 150.0) for n in range(30)]
    rows += [_row("d", START + timedelta(days=n), 10.0) for n in range(30)]
    campaign = {"channel": "social", "campaign_type": "OTHER", "status": "active"}
    view = pacing(base(daily_performance=rows, campaigns=[{**PLAN, **campaign}]))
    assert [(row.campaign_id, row.verdict) for row in view.rows] == [("c", "over"), ("d", "no plan")]
    assert view.total is not None
    assert (view.total.spent, view.total.verdict) == (4500.0, "over")
    assert view.points[29].spent == 4500.0
    assert "Spring will overspend" in view.sentence
    assert len(view.to_frame()) == 3


def test_nothing_loaded_is_said(base) -> None:
    view = pacing(base())
    assert "spend" in view.sentence
    assert view.to_frame().empty


def _told(days: int, spend: float = 100.0, start: date = START) -> list[dict]:
    return [
        {"date": day, "campaign_id": "c", "channel": "social", "spend": value}
        for day, value in _days([spend] * days, start).items()
    ]


CAMPAIGN = PLAN | {"campaign_type": "OTHER", "channel": "social", "status": "active"}


def test_days_that_no_platform_has_told_of_yet_are_not_days_without_spend(base, fact) -> None:
    """Events are a week ahead of the exports: neither the plan nor the projection may count that week."""
    seen = [
        fact("user_engaged", 1, datetime(2024, 3, day, tzinfo=UTC), kind="app_open") for day in range(1, 29)
    ]
    view = pacing(base(campaigns=[CAMPAIGN], daily_performance=_told(21), facts=seen))
    row = view.rows[0]
    assert view.as_of == START + timedelta(days=20)
    assert (row.spent, row.planned, row.projected, row.verdict) == (2100.0, 2100.0, 6000.0, "on plan")
    asked = pacing(base(campaigns=[CAMPAIGN], daily_performance=_told(21)), as_of=START + timedelta(days=27))
    assert asked.rows[0].planned == 2800.0


def test_spend_before_the_start_is_no_projection(base) -> None:
    early = _told(2, start=START - timedelta(days=10))
    view = pacing(base(campaigns=[CAMPAIGN], daily_performance=early))
    assert (view.rows[0].projected, view.rows[0].verdict) == (None, "not started")
    assert "–" not in view.sentence


def test_what_is_over_is_told_as_over(base) -> None:
    later = {"date": END + timedelta(days=9), "campaign_id": "d", "channel": "social", "spend": 1.0}
    for spend, said in ((200.0, "overspent"), (20.0, "left budget unused")):
        tables = base(campaigns=[CAMPAIGN], daily_performance=[*_told(60, spend), later])
        view = pacing(tables, ended=True)
        assert view.sentence.endswith(f"Spring {said}.")
        assert view.sentence.startswith("Spend of 1 of 2 campaigns ended at")
        assert "will" not in view.sentence + view.rows[0].reason


def test_campaigns_that_look_alike_are_told_apart(base) -> None:
    """Who reads that Brand will overspend must know which; an accent may be two characters or one."""
    names = {"c1": "Brand", "c2": "Brand", "c3": "Caf\u00e9", "c4": "Cafe\u0301", "c5": "Sale", "c6": "Sole"}
    plans = [CAMPAIGN | PLAN | {"campaign_id": own, "name": name} for own, name in names.items()]
    spend = [row | {"campaign_id": own, "spend": 200.0} for own in names for row in _told(21)]
    found = pacing(base(campaigns=plans, daily_performance=spend))
    named = {row.campaign_id: row.name for row in found.rows}
    assert named == {own: f"{name} ({own})" for own, name in names.items() if own < "c5"} | {
        "c5": "Sale",
        "c6": "Sole",
    }
    assert "Sale and others will overspend" in found.sentence
