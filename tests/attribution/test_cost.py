"""Spend beside credit, the spread of models, and what is stored of both."""

from __future__ import annotations

import runpy
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from workbench.attribution.cost import attribution_spread, model_results, returns, spend_by
from workbench.attribution.credit import UNATTRIBUTED, Credit, CreditRow
from workbench.errors import BadInput, NotEnoughData
from workbench.metrics import measure

_TABLES = runpy.run_path(str(Path(__file__).parents[1] / "explore" / "conftest.py"))
Base = _TABLES["Base"]
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def row(model: str, channel: str, conversions: float, value: float, **more: float) -> CreditRow:
    return CreditRow(
        model=model, channel=channel, conversions=conversions, value=value, share=conversions / 100, **more
    )


@pytest.fixture
def credit() -> Credit:
    return Credit(
        by="channel",
        window="30d",
        conversions=100,
        value=5000,
        currency="EUR",
        rows=(
            row(
                "last_touch",
                "email",
                60,
                3000,
                conversions_low=50,
                conversions_high=75,
                value_low=2500,
                value_high=3600,
            ),
            row(
                "last_touch",
                "video",
                30,
                1500,
                conversions_low=0,
                conversions_high=40,
                value_low=0,
                value_high=2000,
            ),
            row("last_touch", UNATTRIBUTED, 10, 500),
            row("linear", "email", 40, 2000),
            row("linear", "video", 50, 2500),
            row("linear", UNATTRIBUTED, 10, 500),
        ),
    )


def test_cost_and_return_by_model(credit: Credit) -> None:
    found = returns(credit, {"email": 600.0, "display": 50.0})
    rows = {(some.model, some.channel): some for some in found.rows}
    mail = rows["last_touch", "email"]
    assert (mail.cpa, mail.cpa_low, mail.cpa_high) == (10, 8, 12)
    assert (mail.roas, mail.roas_low, mail.roas_high) == pytest.approx((5, 2500 / 600, 6))
    video = rows["last_touch", "video"]
    assert (video.spend, video.cpa, video.roas) == (None, None, None)
    display = rows["linear", "display"]
    assert (display.spend, display.conversions, display.cpa, display.roas) == (50, 0, None, 0)
    assert not any(channel == UNATTRIBUTED for _, channel in rows)
    assert found.sentence == "email returns 3.33x to 5.00x of its spend, by model. Credit is not effect."
    assert "<table" in found._repr_html_()


def test_where_no_conversion_may_be_the_truth_cost_has_no_upper_end(credit: Credit) -> None:
    video = next(some for some in returns(credit, {"video": 80}).rows if some.channel == "video")
    assert (video.cpa_low, video.cpa_high, video.roas_low) == (2, None, 0)


def test_wrong_spend_is_refused(credit: Credit) -> None:
    for amount in (-1.0, float("nan")):
        with pytest.raises(BadInput, match="zero or more"):
            returns(credit, {"email": amount})


def test_spread(credit: Credit) -> None:
    """Email 3000 and 2000, video 1500 and 2500: 1000 of 2500, 1000 of 2000; in all 2000 of 4500."""
    found = attribution_spread(credit)
    assert {some.channel: some.spread for some in found.rows} == {"email": 0.4, "video": 0.5}
    assert found.spread == pytest.approx(2000 / 4500)
    assert found.rows[0].highest_model == "last_touch"
    assert "44.44%" in found.sentence
    with pytest.raises(NotEnoughData, match="two models"):
        attribution_spread(
            Credit(by="channel", window="30d", rows=credit.rows[:3], conversions=100, value=5000)
        )


def test_the_metric_reads_what_is_stored(credit: Credit) -> None:
    rows = model_results(credit, computed_at=NOW)
    tables = Base(model_results=rows, last_day=date(2024, 5, 1))
    whole = measure(tables, "attribution_spread", window="2024-05-01:2024-05-01").rows[0]
    assert whole.value == pytest.approx(2000 / 4500)
    by_channel = measure(tables, "attribution_spread", by="channel", window="2024-05-01:2024-05-01")
    assert {
        some.slice[0]: some.value for some in by_channel.rows if some.value == some.value
    } == pytest.approx({"email": 0.4, "video": 0.5})
    stored = {(some["figure"], some["slice"]): some for some in rows}
    assert stored["last_touch_value", "channel=email"]["high"] == 3600
    assert stored["linear_conversions", f"channel={UNATTRIBUTED}"]["value"] == 10
    assert len({(some["figure"], some["slice"]) for some in rows}) == len(rows)
    with pytest.raises(BadInput, match="no time zone"):
        model_results(credit, computed_at=datetime(2024, 5, 1))


def test_spend_is_that_of_the_metric() -> None:
    rows = [
        {"date": date(2024, 5, day), "campaign_id": "1", "channel": channel, "spend": spend}
        for day, channel, spend in (
            (1, "email", 4.0),
            (2, "email", 6.0),
            (2, "video", 5.0),
            (3, "video", None),
        )
    ]
    tables = Base(daily_performance=rows)
    assert spend_by(tables) == {"email": 10.0, "video": 5.0}
    assert spend_by(tables, "campaign", window="2024-05-02:2024-05-03") == {"1": 11.0}
    assert spend_by(Base()) == {}
