"""Timelines of single orders: every touch, its gap and its credit, and what a search finds."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from workbench.attribution.counting import count_journeys
from workbench.attribution.raking import rake
from workbench.attribution.reading import touchpoints_of
from workbench.attribution.sequences import Sequences, sequences
from workbench.attribution.timeline import timelines
from workbench.attribution.windows import journey_settings
from workbench.errors import NotEnoughData, UsageError

SETTINGS = journey_settings(["7d", "30d", "any"])


@pytest.fixture(scope="module")
def found() -> Sequences:
    generator = np.random.default_rng(11)
    day = pd.Timestamp("2024-01-01")
    touches = pd.DataFrame(
        {
            "user_id": [f"u{user}" for user in generator.integers(0, 40, 800)],
            "timestamp": day + pd.to_timedelta(generator.integers(0, 60 * 86_400, 800), unit="s"),
            "channel": generator.choice(["direct", "email", "search"], 800),
            "campaign": generator.choice(["<b>x</b>", "spring"], 800),
        }
    )
    orders = pd.DataFrame(
        {
            "user_id": [f"u{user}" for user in generator.integers(0, 45, 90)],
            "timestamp": day + pd.to_timedelta(generator.integers(0, 60 * 86_400, 90), unit="s"),
            "value": generator.integers(1, 9_999, 90) / 100,
            "conversion_id": [f"o{number}" for number in range(90)],
        }
    )
    return sequences(touchpoints_of(touches, orders, also=["campaign"]), SETTINGS)


def test_newest_first_and_credit_adds_up(found: Sequences) -> None:
    shown = timelines(found, newest=20)
    assert (len(shown.rows), shown.found) == (20, 90)
    assert " touches on average in the 30 days before, half of the ways took " in shown.sentence
    instants = [row.at for row in shown.rows]
    assert instants == sorted(instants, reverse=True)
    for row in shown.rows:
        for rule in SETTINGS.rules:
            assert sum(touch.credit[rule.name] for touch in row.touches) == pytest.approx(
                1.0 if row.touches else 0.0
            )
        assert sum((touch.gap for touch in row.touches), timedelta()) == (row.duration or timedelta())
        assert all(touch.age <= timedelta(days=30) for touch in row.touches)


@pytest.mark.parametrize("window", ["7d", "any"])
def test_all_timelines_together_are_the_credit(found: Sequences, window: str) -> None:
    frame = timelines(found, newest=1000, window=window).to_frame()
    counted = count_journeys(found.touchpoints, SETTINGS)
    for rule in SETTINGS.rules:
        credited = counted.credited(rule.name, window)
        for name, (conversions, value) in zip(counted.names, credited, strict=True):
            own = frame[frame.channel == name]
            assert own[rule.name].sum() == pytest.approx(conversions, abs=1e-9)
            assert (own[rule.name] * own.value).sum() == pytest.approx(value, abs=1e-9)


def test_raked_models_share_out_the_same_conversions(found: Sequences) -> None:
    counted = count_journeys(found.touchpoints, SETTINGS)
    coalitions = counted.coalitions()
    totals = counted.credited("position_based", "any")[:, 0]
    raked = rake(coalitions, totals)
    frame = timelines(found, newest=1000, window="any", models={"markov": raked}).to_frame()
    sums = frame.groupby("channel")["markov"].sum()
    assert sums.reindex(counted.names).to_numpy() == pytest.approx(totals, abs=1e-6)


def test_search_by_order_and_by_user(found: Sequences) -> None:
    one = timelines(found, conversion_id="o7").rows
    assert [row.conversion_id for row in one] == ["o7"]
    own = timelines(found, user=one[0].user).rows
    assert {row.user for row in own} == {one[0].user}
    assert "o7" in {row.conversion_id for row in own}
    new, returning = (timelines(found, buyers=kind, newest=100).found for kind in ("new", "returning"))
    assert new + returning == 90
    assert new == len({row.user for row in timelines(found, newest=100).rows})
    with pytest.raises(NotEnoughData, match="no order"):
        timelines(found, conversion_id="'; DROP TABLE")
    with pytest.raises(NotEnoughData, match="nobody"):
        timelines(found, user="nobody")
    with pytest.raises(UsageError):
        timelines(found, newest=0)


def test_text_from_data_is_escaped(found: Sequences) -> None:
    shown = timelines(found, newest=30)._repr_html_()
    assert "<b>x</b>" not in shown
    assert "&lt;b&gt;x&lt;/b&gt;" in shown
