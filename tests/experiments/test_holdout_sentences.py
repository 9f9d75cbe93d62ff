"""What the sentence on a holdout may say: it pays only where the cost is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from workbench.charts.drawing import Drawing
from workbench.charts.holdouts import holdout_campaigns
from workbench.experiments.holdout.effects import effect_of
from workbench.experiments.holdout.holdout import Coverage, Holdout, effect_sentence
from workbench.experiments.holdout.pairs import joined, pairs_of
from workbench.metrics.window import Window

DAYS = Window(date(2024, 1, 1), date(2024, 1, 31))
COVERED = Coverage(campaigns=2, with_holdout=2, users=8000, covered=8000)


def said(share: tuple[float, float], cost: float) -> str:
    """Return the sentence on a campaign that 8,000 got and 2,000 did not, by the share who bought for 50."""
    rng = np.random.default_rng(1)
    held = np.repeat([False, True], [8000, 2000])
    bought = rng.random(10_000) < np.where(held, share[1], share[0])
    found = effect_of(pairs_of(held=held, revenue=50.0 * bought, window=DAYS, cost=cost), name="spring")
    return effect_sentence(found, currency="EUR", level=0.95)


@pytest.mark.parametrize(
    ("share", "cost", "words"),
    [
        ((0.30, 0.20), 1000.0, ": it pays"),
        ((0.30, 0.20), float("nan"), ": it sells; whether it pays depends on its cost"),
        ((0.20, 0.20), 90_000.0, "it costs more than it brings"),
        ((0.20, 0.30), float("nan"), "it drives sales away"),
        ((0.20, 0.20), float("nan"), "may be chance"),
        ((0.30, 0.20), 40_000.0, "more buyers; yet in buyers it is clear: 3"),
        ((0.30, 0.20), 1000.0, "% of the treated buyers would not have bought otherwise."),
    ],
)
def test_it_pays_only_where_the_cost_is_known(share: tuple[float, float], cost: float, words: str) -> None:
    assert words in said(share, cost)


def test_one_campaign_is_one() -> None:
    alone = Coverage(campaigns=1, with_holdout=1, users=8000, covered=8000).sentence
    assert alone.startswith("1 of 1 campaign kept a holdout (100%)")
    assert COVERED.sentence.startswith("2 of 2 campaigns kept a holdout (100%)")


def test_nothing_is_stopped_before_its_users_had_their_days() -> None:
    held = np.repeat([False, True], [4000, 1000])
    bought = np.random.default_rng(3).random(5000) < 0.2
    pairs = pairs_of(held=held, revenue=50.0 * bought, window=DAYS, cost=90_000.0)
    young = replace(pairs, followed=np.where(np.arange(5000) % 4 == 0, 40.0, 3.0))
    early = effect_of(young, name="spring")
    assert early.unfollowed == 0.75
    said = effect_sentence(early, currency="EUR", level=0.95)
    assert "the 30 days of 75% of its users are not over" in said
    assert "stop it" not in said
    found = Holdout(
        overall=early, campaigns=(early, early), sides=(), rates=(), coverage=COVERED, window=DAYS, level=0.95
    )
    drawn = holdout_campaigns(found)
    assert isinstance(drawn, Drawing)
    assert drawn.finding.startswith("Of none of 2 campaigns")
    assert "30 days of 75% of the users are not over" in drawn.note
    assert "stop it" in effect_sentence(effect_of(pairs), currency="EUR", level=0.95)


def test_a_campaign_without_spend_on_record_is_not_free() -> None:
    rng = np.random.default_rng(2)
    held = np.repeat([False, True], [4000, 1000])
    parts = [
        pairs_of(held=held, revenue=50.0 * (rng.random(5000) < 0.2), window=DAYS, cost=cost)
        for cost in (1000.0, float("nan"))
    ]
    both = effect_of(joined(parts, ("paid", "unknown")), name="both")
    alone = effect_of(parts[1], name="unknown")
    assert (both.cost, both.net.known) == (1000.0, True)
    assert "1 of 2 campaigns have no spend on record" in both.note
    assert "after the cost on record" in effect_sentence(both, currency="EUR", level=0.95)
    assert not alone.net.known
    assert "before any cost" in effect_sentence(alone, currency="EUR", level=0.95)
