"""What the sentence on a holdout may say: it pays only where the cost is known."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from workbench.experiments.holdout.effects import effect_of
from workbench.experiments.holdout.holdout import effect_sentence
from workbench.experiments.holdout.pairs import pairs_of
from workbench.metrics.window import Window

DAYS = Window(date(2024, 1, 1), date(2024, 1, 31))


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
    ],
)
def test_it_pays_only_where_the_cost_is_known(share: tuple[float, float], cost: float, words: str) -> None:
    assert words in said(share, cost)
