"""The order of the Markov model, where the truth is known and where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.attribution.chain import chain_of_paths
from workbench.attribution.order import chances_of_end, choose_order
from workbench.attribution.validation import auc, judged
from workbench.attribution.views import CheckRow, ModelChecks
from workbench.errors import NotEnoughData


@pytest.mark.parametrize("memory", [1, 2, 3])
def test_the_memory_of_users_is_found(journeys_of, simulate, memory: int) -> None:
    choice = choose_order(journeys_of(*simulate(6000, 4, memory=memory), order=4))
    assert choice.order == memory
    assert min(choice.rows, key=lambda row: row.bic).order == memory
    assert [row.order for row in choice.rows] == [1, 2, 3, 4]
    best = choice.rows[memory - 1].hold_out
    assert best.log_loss < best.plain_log_loss
    assert best.auc is not None
    assert best.auc > 0.55


def test_the_loss_is_that_of_a_model_one_can_compute(journeys_of) -> None:
    """One channel, a journey of one touch: the end is a coin; its entropy is the loss but for backing off."""
    rng = np.random.default_rng(5)
    bought = rng.random(4000) < 0.3
    journeys = journeys_of([["a"]] * 4000, [1.0 if some else None for some in bought], order=2)
    rate = bought.mean()
    entropy = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    choice = choose_order(journeys)
    assert choice.order == 1
    assert choice.rows[0].loss == pytest.approx(entropy, abs=0.005)
    assert choice.rows[0].hold_out.auc == pytest.approx(0.5, abs=0.05)


def test_chance_to_convert_backs_off() -> None:
    fitted = chain_of_paths([["a", "b"], ["b"], ["a"]], [30, 10, 0], nulls=[70, 190, 50], order=2)
    unseen = chain_of_paths([["b", "b"], ["a", "b"]], [1, 1], nulls=[1, 1], order=2, names=["a", "b"])
    chances = dict(zip(map(tuple, unseen.states.tolist()), chances_of_end(fitted, unseen), strict=True))
    assert chances[1, 2] == pytest.approx(0.3, abs=0.01)
    # (b, b) was never seen: what is known of b alone, 40 of 300.
    assert chances[2, 2] == pytest.approx(40 / 300, abs=0.01)


def test_too_few_users_are_said(journeys_of) -> None:
    with pytest.raises(NotEnoughData, match="folds"):
        choose_order(journeys_of([["a"], ["b"]], [1.0, None], buckets=4))
    with pytest.raises(NotEnoughData, match="no journey"):
        choose_order(journeys_of([[]], [1.0]))


def test_ties_count_half() -> None:
    assert auc([1, 1], [3, 0], [0, 5]) == 0.5
    assert auc([2, 1], [3, 0], [0, 5]) == 1.0
    assert auc([1, 2], [3, 0], [0, 5]) == 0.0
    assert auc([1], [3], [0]) is None
    rng = np.random.default_rng(0)
    scores, good = rng.integers(0, 9, 300), rng.random(300) < 0.4
    pairs = scores[good][:, None] - scores[~good][None, :]
    assert auc(scores, good, ~good) == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)))


def test_log_loss_is_that_of_single_journeys() -> None:
    found = judged([0.2, 0.5], [1, 2], [4, 3], plain=0.3)
    each = [0.2] + 4 * [0.8] + 5 * [0.5]
    assert found.log_loss == pytest.approx(-np.mean(np.log(each)))
    assert found.plain_log_loss == pytest.approx(-(3 * np.log(0.3) + 7 * np.log(0.7)) / 10)
    assert "no better" not in found.sentence
    with pytest.raises(NotEnoughData):
        judged([], [], [], plain=0.5)


@pytest.mark.data
def test_area_under_the_curve_of_ten_thousand_paths(public_data: Path) -> None:
    """In sample, as another library chooses by; it rises with the order whatever the truth."""
    frame = pd.read_csv(public_data / "journeys" / "channelattribution_paths" / "Data.csv")
    wanted = pd.read_csv(public_data / "reference" / "attribution" / "exact_pathdata_order_auc.csv")
    for order, exact in zip(wanted.order, wanted.auc_exact, strict=True):
        chain = chain_of_paths(
            list(frame.path.str.split(" > ")), frame.total_conversions, nulls=frame.total_null, order=order
        )
        ended = chain.conversions + chain.nulls
        rate = np.divide(chain.conversions, ended, out=np.zeros(len(ended)), where=ended > 0)
        assert auc(rate, chain.conversions, chain.nulls) == pytest.approx(exact, abs=1e-9)


def test_a_model_that_knows_nothing_seldom_seems_to_predict() -> None:
    rng, high = np.random.default_rng(2), 0
    for _ in range(400):
        scores, converted = rng.random(200), rng.random(200) < 0.15
        found = judged(scores, converted, ~converted, plain=0.15)
        assert found.chance is not None
        high += found.chance < 0.05
    assert 0.02 <= high / 400 <= 0.08
    assert judged([0.2], [0.0], [9.0], plain=0.1).chance is None
    row = CheckRow(
        model="markov",
        variant="order 1",
        chosen=True,
        auc=0.55,
        log_loss=0.49,
        plain_log_loss=0.5,
        gain=0.02,
        chance=0.1,
    )
    unsure = ModelChecks(rows=(row,)).sentence
    assert unsure.startswith("No model surely predicts conversions of unseen users: markov has 2% less loss")
    sure = ModelChecks(rows=(replace(row, chance=0.001),)).sentence
    assert sure.startswith("Markov predicts conversions of unseen users best")
