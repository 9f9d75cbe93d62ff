"""Curves against naive loops, and against properties that every curve has."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mmm import handmade

from workbench.mmm.curves import (
    adstock_weights,
    carried,
    change_at,
    contribution_totals,
    contributions,
    half_life,
    marginal_return_at,
    outcome_at,
    shape,
    shape_slope,
    thinned,
)
from workbench.mmm.draws import Draws
from workbench.mmm.flighting import MarketSetting
from workbench.mmm.market import Market
from workbench.mmm.simulation import simulate_market
from workbench.mmm.spec import Adstock, Saturation
from workbench.mmm.truth import MixTruth
from workbench.mmm.window import window_of

SHAPES = get_args(Saturation)
positive = st.floats(1e-3, 50)


def _by_hand(draws: Draws, market: Market) -> np.ndarray:
    """Return contributions by loops over every draw, region, period, channel and lag."""
    weights = adstock_weights(draws)
    regions, periods, channels = market.exposure.shape
    found = np.zeros((len(draws), regions, periods, channels))
    for d, r, t, c in np.ndindex(*found.shape):
        heard = 0.0
        for lag in range(min(draws.carry_over, t + 1)):
            heard += weights[d, c, lag] * market.exposure[r, t - lag, c] / draws.exposure_scale[r, c]
        k, s = draws.half[d, c], draws.slope[d, c]
        if draws.saturation == "logistic":
            share = (1 - np.exp(-k * heard)) / (1 + np.exp(-k * heard))
        else:
            share = heard**s / (k**s + heard**s)
        found[d, r, t, c] = draws.effect[d, r, c] * share
    return found


@pytest.mark.parametrize("saturation", SHAPES)
@pytest.mark.parametrize("adstock", get_args(Adstock))
def test_contributions_are_those_of_a_loop(saturation: Saturation, adstock: Adstock) -> None:
    market = handmade.market(regions=2, periods=12)
    draws = handmade.draws(market, count=8, saturation=saturation, adstock=adstock)
    expected = _by_hand(draws, market)
    np.testing.assert_allclose(contributions(draws, market), expected, rtol=1e-10, atol=1e-12)
    window = window_of(market, first=market.dates[4].item())
    part = expected[:, :, 4:]
    np.testing.assert_allclose(contribution_totals(draws, market, window=window), part.sum(axis=2))
    np.testing.assert_allclose(outcome_at(draws, market, [1.0], window=window)[:, 0], part.sum(axis=(1, 2)))


def test_large_markets_go_in_blocks_to_the_same_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    market = handmade.market(regions=3)
    draws = handmade.draws(market)
    whole = contribution_totals(draws, market), outcome_at(draws, market, [0.5, 2])
    monkeypatch.setattr("workbench.mmm.curves._BLOCK", 200)
    np.testing.assert_allclose(contribution_totals(draws, market), whole[0], rtol=1e-12)
    np.testing.assert_allclose(outcome_at(draws, market, [0.5, 2]), whole[1], rtol=1e-12)


@pytest.mark.parametrize("saturation", SHAPES)
def test_scaled_spend_is_a_market_with_that_spend(saturation: Saturation) -> None:
    market = handmade.market()
    draws = handmade.draws(market, saturation=saturation)
    doubled = replace(market, exposure=market.exposure * [2.0, 0.5])
    at = outcome_at(draws, market, [[2.0, 0.5]])[:, 0]
    np.testing.assert_allclose(at, contribution_totals(draws, doubled)[:, 0])


@pytest.mark.parametrize("saturation", SHAPES)
def test_the_marginal_return_is_the_difference_of_nearby_spends(saturation: Saturation) -> None:
    market = handmade.market()
    draws = handmade.draws(market, saturation=saturation)
    for at in (0.3, 1.0, 4.0):
        low, high = outcome_at(draws, market, [at - 1e-5, at + 1e-5]).transpose(1, 0, 2)
        np.testing.assert_allclose(change_at(draws, market, [at])[:, 0], (high - low) / 2e-5, rtol=1e-5)
    spend = market.spend.sum(axis=(0, 1))
    found = marginal_return_at(draws, market, [1.0])
    np.testing.assert_allclose(found * spend, change_at(draws, market, [1.0]))


def test_a_channel_that_spent_nothing_has_no_marginal_return() -> None:
    market = handmade.market()
    nothing = market.spend * [0.0, 1.0]
    silent = replace(market, spend=nothing, exposure=nothing)
    draws = replace(handmade.draws(market), exposure_scale=silent.exposure.max(axis=1))
    found = marginal_return_at(draws, silent, [1.0])[:, 0]
    assert np.isnan(found[:, 0]).all()
    assert (found[:, 1] > 0).all()
    assert (contribution_totals(draws, silent)[:, :, 0] == 0).all()


@given(st.sampled_from(SHAPES), positive, st.floats(0.2, 4), st.lists(st.floats(0, 1e6), min_size=2))
def test_a_curve_rises_from_0_to_1_and_so_does_its_slope_say(
    kind: Saturation, half: float, slope: float, places: list[float]
) -> None:
    x = np.sort(np.array(places))
    found = shape(kind, x, np.array(half), slope)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= -1e-15).all()
    assert shape(kind, np.zeros(1), np.array(half), slope)[0] == 0
    steep = shape_slope(kind, x, np.array(half), slope)
    assert (steep >= 0).all()
    assert not np.isnan(steep).any()


@given(st.sampled_from(SHAPES), st.floats(0.05, 20), st.floats(0.3, 3), st.floats(1e-2, 30))
def test_the_slope_is_the_derivative(kind: Saturation, half: float, slope: float, x: float) -> None:
    step = x * 1e-4
    ends = shape(kind, np.array([x - step, x + step]), np.array(half), slope)
    expected = (ends[1] - ends[0]) / (2 * step)
    found = shape_slope(kind, np.array([x]), np.array(half), slope)[0]
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-9)


@given(
    st.sampled_from(get_args(Adstock)),
    st.floats(0, 1),
    st.floats(0, 12),
    st.integers(1, 13),
)
def test_weights_sum_to_one_whatever_the_parameters(
    adstock: Adstock, retention: float, delay: float, lags: int
) -> None:
    market = handmade.market(periods=4, channels=1)
    base = handmade.draws(market, count=4, adstock=adstock, carry_over=lags)
    draws = replace(base, retention=np.full((4, 1), retention), delay=np.full((4, 1), delay))
    weights = adstock_weights(draws)
    assert weights.shape == (4, 1, lags)
    assert weights.sum(axis=-1) == pytest.approx(1)
    assert (weights >= 0).all()
    assert ((half_life(draws) > 0) & (half_life(draws) <= lags)).all()


def test_half_lives_of_known_weights() -> None:
    market = handmade.market(periods=4, channels=1)
    base = handmade.draws(market, count=4, carry_over=40)
    retention = np.array([[0.0], [0.5], [1.0], [0.9]])
    found = half_life(replace(base, retention=retention))[:, 0]
    assert found[:3] == pytest.approx([0.5, 1.0, 20.0])
    assert found[3] == pytest.approx(np.log(0.5) / np.log(0.9), rel=0.03)


def test_what_comes_before_the_first_period_is_nothing() -> None:
    market = handmade.market(periods=8)
    draws = handmade.draws(market)
    weights = adstock_weights(draws)
    first = carried(draws, market, 1)[:, 0, 0]
    scaled = market.exposure[0, 0, 1] / draws.exposure_scale[0, 1]
    np.testing.assert_allclose(first, weights[:, 1, 0] * scaled)


def test_thinning_keeps_some_of_every_chain_and_nothing_where_there_are_few() -> None:
    market = handmade.market()
    draws = handmade.draws(market)
    few = thinned(draws, 8)
    assert len(few) == 8
    assert np.bincount(few.chain).tolist() == [2, 2, 2, 2]
    assert few.effect.shape == (8, 1, 2)
    assert thinned(draws, 100) is draws


def _knowing(truth: MixTruth) -> Draws:
    """Return draws that all are the truth of a simulated market."""
    market = handmade.market(
        regions=len(truth.regions), periods=len(truth.dates), channels=len(truth.channels)
    )
    count = 4
    first = truth.weights[:, 0]
    scale = 1 / truth.half if truth.saturation == "logistic" else truth.half
    return replace(
        handmade.draws(market, count=count, saturation=truth.saturation),
        carry_over=truth.weights.shape[1],
        retention=np.tile(truth.weights[:, 1] / first, (count, 1)),
        half=np.ones((count, len(truth.channels))),
        slope=np.tile(truth.slope, (count, 1)),
        effect=np.tile(truth.effect, (count, 1, 1)),
        exposure_scale=scale,
    )


@pytest.mark.parametrize("regions", [1, 3])
@pytest.mark.parametrize("saturation", SHAPES)
def test_a_simulated_truth_is_what_draws_of_it_say(saturation: Saturation, regions: int) -> None:
    simulated = simulate_market(
        seed=4, periods=80, channels=3, regions=regions, setting=MarketSetting(saturation=saturation)
    )
    truth, market = simulated.truth, simulated.market
    draws, window = _knowing(truth), window_of(market)
    totals = contribution_totals(draws, market)[0]
    np.testing.assert_allclose(totals, truth.contribution.sum(axis=1), rtol=1e-9)
    times = np.array([0.5, 1.0, 2.0])
    at = outcome_at(draws, market, times[None], window=window)[0, 0]
    np.testing.assert_allclose(at, truth.by_channel(times), rtol=1e-9)
    marginal = marginal_return_at(draws, market, [1.0], window=window)[0, 0]
    np.testing.assert_allclose(marginal, truth.marginal_roi, rtol=1e-6)
