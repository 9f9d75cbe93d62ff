"""A fit as a response table: the model's own curves, today where results have it, and what was ever seen."""

from __future__ import annotations

import runpy
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from workbench.errors import NotEnoughData, UsageError
from workbench.mmm.budget import BudgetQuestion, ResponseTable, optimise, response_table
from workbench.mmm.budget.interpolation import knots_up_to
from workbench.mmm.curves import contribution_totals, outcome_at, thinned
from workbench.mmm.simulation import MarketSetting, simulate_market
from workbench.mmm.window import window_of

HAND = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "handmade.py")))


@pytest.fixture(scope="module")
def fit():
    return HAND.fitted(HAND.market(periods=120, channels=3, regions=2, seed=4))


@pytest.mark.parametrize("saturation", ["michaelis-menten", "hill", "logistic"])
def test_the_table_is_the_model_within_its_stated_error(saturation: str) -> None:
    market = HAND.market(periods=80, channels=3)
    draws = HAND.draws(market, count=60, saturation=saturation)
    fit = HAND.fitted(market, draws=draws, saturation=saturation)
    table = response_table(fit, draws=60)
    assert table.error <= 1e-3
    times = np.array([0.0, 0.33, 0.97, 1.0, 1.44, 2.71])
    exact = outcome_at(draws, market, times, window=window_of(market)).swapaxes(1, 2)
    read = np.empty_like(exact)
    read[::2] = table.choosing.at(np.tile(times, (3, 1)))
    read[1::2] = table.measuring.at(np.tile(times, (3, 1)))
    assert np.abs(read - exact).mean(axis=0).max() <= 1e-3 * exact[:, :, 3].mean(axis=0).min()


def test_today_is_what_the_results_say(fit) -> None:
    table = response_table(fit, draws=80)
    known = contribution_totals(thinned(fit.draws, 80), fit.market, window=window_of(fit.market)).sum(axis=1)
    assert table.outcome[:, :, table.knots == 1][..., 0] == pytest.approx(known, rel=2e-5)
    assert table.spend == pytest.approx(fit.market.spend[:, -52:].sum(axis=(0, 1)))
    assert (table.periods, table.span) == (52, "a year")


def test_what_was_ever_seen_is_counted_over_windows_and_periods(fit) -> None:
    window = window_of(fit.market, first=date(2024, 1, 1), last=date(2024, 3, 1))
    table = response_table(fit, window=window, draws=40)
    money = fit.market.spend.sum(axis=0)
    mean = money[window.positions].mean(axis=0)
    length = window.periods
    means = np.stack([money[start : start + length].mean(axis=0) for start in range(120 - length + 1)])
    assert table.sustained == pytest.approx(means.max(axis=0) / mean)
    assert table.peak == pytest.approx(money.max(axis=0) / mean)
    assert table.span == f"{length} weeks"


def test_a_channel_without_spend_is_left_out_and_named() -> None:
    market = HAND.market(periods=60, channels=3)
    market.spend[:, -52:, 0] = 0
    table = response_table(HAND.fitted(market), draws=40)
    assert table.left_out == ("tv",)
    assert table.channels == ("search", "social")
    with pytest.raises(UsageError, match="'tv' spent nothing in the window"):
        optimise(table, BudgetQuestion(locked=("tv",), despite_gates=True))
    market.spend[:, -52:] = 0
    with pytest.raises(UsageError, match="No channel spent anything"):
        response_table(HAND.fitted(market), draws=40)


def test_a_fit_that_missed_its_gates_is_refused() -> None:
    table = response_table(HAND.fitted(bad=True), draws=40)
    assert any("chains do not agree" in one for one in table.missed)
    with pytest.raises(NotEnoughData, match="chains do not agree"):
        optimise(table)
    assert optimise(table, BudgetQuestion(despite_gates=True)).warnings[-len(table.missed) :] == table.missed


@pytest.mark.parametrize("most", [1.0, 0.5, 1000.0, float("nan")])
def test_a_table_reaches_beyond_today(fit, most: float) -> None:
    with pytest.raises(UsageError, match="most is"):
        response_table(fit, most=most)


@pytest.mark.parametrize("saturation", ["michaelis-menten", "hill", "logistic"])
@pytest.mark.parametrize("seed", [1, 2])
def test_with_the_true_curves_the_plan_earns_the_true_best(saturation, seed: int) -> None:
    truth = simulate_market(seed=seed, setting=MarketSetting(saturation=saturation)).truth
    knots = knots_up_to(3.0)
    outcome = np.stack([truth.by_channel(times) for times in knots], axis=1)[None]
    table = ResponseTable(
        model="true",
        channels=truth.channels,
        spend=truth.current,
        knots=knots,
        outcome=outcome,
        sustained=np.ones(len(truth.channels)),
        peak=np.ones(len(truth.channels)),
        first=date(2024, 1, 1),
        last=date(2024, 12, 29),
        periods=52,
        period="week",
        kind="revenue",
        currency="EUR",
    )
    for low, high in ((0.5, 2.0), (0.0, 3.0)):
        plan = optimise(table, BudgetQuestion(within=(low, high)))
        earned = truth.outcome(table.multipliers(list(plan.split.values())))
        assert earned >= 0.9999 * truth.best_outcome(table.total, lowest=low, highest=high)
