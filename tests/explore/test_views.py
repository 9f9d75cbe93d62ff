"""Every view, on nothing, on little, and on names that attack."""

from __future__ import annotations

import dataclasses
import functools
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from workbench import explore
from workbench.explore.view import View

HOSTILE = "<script>alert(1)</script>\"'=HYPERLINK(1)\u202e{{7*7}}$(id)"

VIEWS = {
    "kpi_cards": explore.kpi_cards,
    "trends": lambda t: explore.trends(t, "roas"),
    "trends by campaign": lambda t: explore.trends(t, "spend", by="campaign", grain="week"),
    "compare_campaigns": explore.compare_campaigns,
    "compare_channels": explore.compare_channels,
    "target_vs_actual": explore.target_vs_actual,
    "pacing": lambda t: explore.pacing(t, ended=True),
    "funnel": explore.funnel,
    "awareness": lambda t: explore.funnel(t, "awareness"),
    "compare_funnels": lambda t: explore.compare_funnels(explore.funnel(t), explore.funnel(t)),
    "heatmap": lambda t: explore.heatmap(t, by_segment=True),
    "creatives": explore.creatives,
    "frequency": explore.frequency,
    "cohorts": explore.cohorts,
    "segments": explore.segments,
    "compare_segments": lambda t: explore.compare_segments(t, [HOSTILE, "other"]),
    "leads": explore.leads,
    "leaderboard": lambda t: explore.leaderboard(t, metric="spend"),
    "alerts": explore.alerts,
    "reconcile": lambda t: explore.reconcile(
        t, pd.DataFrame({"campaign_id": [HOSTILE], "date": ["2024-02-03"], "spend": [1.0]})
    ),
}


def _hostile_rows(fact) -> dict:
    at = datetime(2024, 2, 3, 10, tzinfo=UTC)
    days = [date(2024, 1, 20) + timedelta(days=n) for n in range(15)]
    name = {"campaign_id": HOSTILE, "creative_id": HOSTILE}
    shown = {**name, "segment": HOSTILE, "region": HOSTILE, "channel": "email", "is_holdout": False}
    facts = [
        fact(kind, 1, at + timedelta(minutes=n), **shown, value=9.0)
        for n, kind in enumerate(
            ["campaign_delivered", "campaign_clicked", "campaign_converted", "user_engaged", "user_purchased"]
        )
    ]
    ads = [
        {
            "date": day,
            **name,
            "channel": "email",
            "impressions": 200,
            "clicks": 20,
            "spend": 10.0,
            "revenue": 30.0,
        }
        | {"segment": HOSTILE, "conversions": 2.0}
        for day in days
    ]
    campaign = {"campaign_id": HOSTILE, "name": HOSTILE, "campaign_type": "OTHER", "channel": "email"}
    campaign |= {"status": "active", "budget": 100.0, "start_date": days[0], "end_date": date(2024, 2, 20)}
    lead = {"lead_id": "1", "channel": HOSTILE, "created_at": at, "stage": "won", "grade": HOSTILE}
    return {
        "facts": facts,
        "daily_performance": ads,
        "campaigns": [{**campaign, "target_leads": 10.0}],
        "creatives": [{**name, "headline": HOSTILE}],
        "users": [{"user_id": "u", "signup_at": datetime(2023, 10, 3, tzinfo=UTC), "region": HOSTILE}],
        "orders": [
            {"order_id": "o", "line": 1, "user_id": "u", "ordered_at": datetime(2023, 10, 20, tzinfo=UTC)}
            | {"order_value": 5.0, "is_return": False}
        ],
        "leads": [{**lead, "deal_value": 10.0}],
    }


@pytest.fixture(scope="module")
def holding(base, fact):
    """Return a function: the tables of which those named have rows; views only read them."""
    rows = _hostile_rows(fact)

    @functools.cache
    def tables(*names: str):
        return base(**{name: rows[name] for name in names})

    return tables


@pytest.mark.parametrize("name", VIEWS)
def test_nothing_loaded(holding, name: str) -> None:
    """No crash, no false zero: a sentence that says what is missing, and an empty table."""
    view = VIEWS[name](holding())
    _speaks(view)
    if name != "reconcile":
        assert "Not enough data" in view.sentence
        assert view.to_frame().empty


@pytest.mark.parametrize("name", VIEWS)
def test_hostile_names_stay_text(holding, fact, name: str) -> None:
    view = VIEWS[name](holding(*_hostile_rows(fact)))
    _speaks(view)
    html = view._repr_html_()
    assert "<script" not in html
    assert "alert(1)</" not in html


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("table", ["facts", "daily_performance", "orders", "leads", "campaigns"])
def test_one_table_alone(holding, name: str, table: str) -> None:
    """Whatever is loaded alone, every view answers or says what it lacks."""
    _speaks(VIEWS[name](holding(table)))


def test_hostile_names_are_shown_escaped(base, fact) -> None:
    view = explore.compare_campaigns(base(**_hostile_rows(fact)))
    assert view.rows[0].name == HOSTILE
    assert "&lt;script&gt;" in view._repr_html_()


def _speaks(view: View) -> None:
    assert isinstance(view, View)
    assert dataclasses.is_dataclass(view)
    assert view.sentence.endswith((".", "!"))
    assert "nan" not in view.sentence.lower().split()
    assert "None" not in view.sentence
    assert isinstance(view.to_frame(), pd.DataFrame)
    with pytest.raises(dataclasses.FrozenInstanceError):
        view.missing = "x"
