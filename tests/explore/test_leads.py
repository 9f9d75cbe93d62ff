"""Leads against pandas, and what cannot be known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.explore.figures import figures
from workbench.explore.kpis import kpi_cards
from workbench.explore.leads import leads, weighted_median
from workbench.explore.trends import trends

DAY = datetime(2024, 2, 1, 10, tzinfo=UTC)


def _rows(count: int = 500) -> list[dict]:
    rng = np.random.default_rng(9)
    stages = ["new", "engaged", "replied", "qualified", "won", "lost", "pipeline"]
    rows = []
    for n in range(count):
        created = DAY + timedelta(hours=float(rng.uniform(0, 24 * 60)))
        stage = str(rng.choice(stages))
        rows.append(
            {
                "lead_id": f"l{n}",
                "channel": str(rng.choice(["email", "linkedin"])),
                "created_at": created,
                "grade": [None, "A", "B"][n % 3],
                "stage": stage,
                "deal_value": float(rng.uniform(100, 900)) if n % 5 else None,
                "close_probability": float(rng.uniform()),
                "closed_at": created + timedelta(days=int(rng.integers(1, 40))) if stage == "won" else None,
            }
        )
    return rows


def test_figures_equal_pandas(base) -> None:
    rows = _rows()
    costs = [
        {"date": date(2024, 3, 1), "campaign_id": "c", "channel": "email", "spend": 5000.0},
        {"date": date(2024, 3, 1), "campaign_id": "d", "channel": "display", "spend": 90_000.0},
    ]
    view = leads(base(leads=rows, daily_performance=costs))
    frame = pd.DataFrame(rows)
    value = frame.deal_value * np.select(
        [frame.stage == "won", frame.stage == "lost"], [1, 0], frame.close_probability
    )
    for row in [*view.rows, view.total]:
        mine = frame.channel == row.channel if row.channel != "all" else frame.channel.notna()
        stage = frame[mine].stage
        assert (row.leads, row.won, row.lost) == (len(stage), (stage == "won").sum(), (stage == "lost").sum())
        assert row.win_rate == pytest.approx((stage == "won").sum() / stage.isin(["won", "lost"]).sum())
        assert row.expected_value == pytest.approx(value[mine].sum())
        won = frame[mine & (frame.stage == "won")]
        days = (won.closed_at.dt.normalize() - won.created_at.dt.normalize()).dt.days
        assert row.days_to_close == days.median()
    email = next(row for row in view.rows if row.channel == "email")
    assert email.cost == 5000.0
    assert email.roi == pytest.approx((email.expected_value - 5000) / 5000)
    assert next(row for row in view.rows if row.channel == "linkedin").roi is None
    assert view.total is not None
    assert view.total.cost == 5000.0, "what brings no leads is no cost of theirs"
    assert view.total.cost_per_lead == pytest.approx(5000 / len(frame))
    assert sum(cell.leads for cell in view.grades) == len(rows)
    assert [stage.leads for stage in view.stages] == sorted([s.leads for s in view.stages], reverse=True)
    assert view.stages[-1].leads == (frame.stage == "won").sum()
    dictionary = figures(base(leads=rows), ["engaged_leads", "replied_leads", "qualified_leads"], window=None)
    assert [stage.leads for stage in view.stages[1:4]] == [
        dictionary.of((), name).value for name in ("engaged_leads", "replied_leads", "qualified_leads")
    ]


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(1, 5)), min_size=1, max_size=20))
def test_weighted_median_equals_numpy(pairs: list[tuple[float, int]]) -> None:
    assert weighted_median(pairs) == pytest.approx(np.median(np.repeat(*zip(*pairs, strict=True))))


def test_leads_without_values(base) -> None:
    row = {"lead_id": "1", "channel": "email", "created_at": DAY, "stage": "new"}
    view = leads(base(leads=[row]))
    total = view.total
    assert (total.leads, total.win_rate, total.expected_value, total.roi) == (1, None, None, None)
    assert "not recorded" in view.sentence


def test_nothing_loaded_is_said(base) -> None:
    view = leads(base())
    assert "leads" in view.sentence
    for frame in (view.to_frame(), view.grades_frame(), view.stages_frame()):
        assert frame.empty


def _lead(number: int, stage: str, **more: object) -> dict:
    at = datetime(2024, 2, 5, 9, tzinfo=UTC)
    return {"lead_id": str(number), "channel": "linkedin", "created_at": at, "stage": stage, **more}


def test_what_is_not_known_yet_is_not_told_as_a_dash(base) -> None:
    view = leads(base(leads=[_lead(1, "new"), _lead(2, "engaged")]))
    assert view.sentence == "2 leads; none is decided yet; what they are worth is not recorded."


def test_the_price_of_a_lead_is_that_of_the_leads_that_are_told(base) -> None:
    """Leads that a platform reports without naming them are no rows of the report."""
    told = [
        {"date": date(2024, 2, 5), "campaign_id": "c", "channel": "linkedin", "spend": 60.0, "leads": 2.0}
    ]
    view = leads(base(leads=[_lead(n, "won") for n in range(3)], daily_performance=told))
    assert (view.total.leads, view.total.cost, view.total.cost_per_lead) == (3, 60.0, 20.0)
    assert view.sentence.startswith("3 leads at €20.00 each")


def test_quick_decisions_are_not_taken_for_all(base) -> None:
    """Three in ten are won, soon, and losing takes long: of those decided in 30 days nearly half were won."""
    rng, rows = np.random.default_rng(0), []
    for number in range(1500):
        won, age = rng.random() < 0.3, float(rng.uniform(0, 200))
        decided = rng.exponential(10 if won else 40) < age
        stage = ("won" if won else "lost") if decided else "pipeline"
        rows.append(_lead(number, stage) | {"created_at": DAY - timedelta(days=age)})
    rows.append(_lead(1500, "new") | {"created_at": DAY})
    young = leads(base(leads=rows), window="30d")
    assert young.total.win_rate_low > 0.3
    low, high = young.total.won / young.total.leads, 1 - young.total.lost / young.total.leads
    assert low < 0.3 < high
    open_, ends = young.total.open, f"{100 * low:.2f}".rstrip("0").rstrip(".")
    assert f"won (95% interval {100 * young.total.win_rate_low:.2f}% to " in young.sentence
    assert f", but {open_} are open: of all leads it may end at {ends}% to " in young.sentence
    few = [_lead(number, "won" if number % 3 else "lost") for number in range(20)]
    assert "open" not in leads(base(leads=[*few, _lead(20, "new")])).sentence


def test_young_leads_are_not_held_against_older_ones(base) -> None:
    """Every lead engages on its tenth day: the newest have not yet, and nothing fell."""
    rows = [
        _lead(n, "engaged" if n < 120 - 10 else "new") | {"created_at": DAY + timedelta(days=n)}
        for n in range(120)
    ]
    tables = base(leads=rows)
    card = kpi_cards(tables, ["engagement_rate", "leads"], window="30d").cards[0]
    assert (card.value, card.target_met) == (pytest.approx(20 / 30), True)
    assert (card.previous, card.change, card.change_p, card.streak, card.alert) == (
        None,
        None,
        None,
        None,
        False,
    )
    assert "the newest leads have had least time" in card.note
    course = trends(tables, "engagement_rate")
    assert "cannot be told" in course.sentence
    assert [(one.kind, one.current, one.change) for one in course.changes[:2]] == [
        ("WoW", 0, None),
        ("MoM", 18 / 28, None),
    ]
    missed = kpi_cards(tables, ["engagement_rate"], window="12d").cards[0]
    assert (missed.target_met, missed.streak, missed.alert) == (False, 10, True)
