"""How coefficients of regions are sampled: by how much of their scatter is not chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.mmm.centring import Centring, centring_of
from workbench.mmm.market import Market
from workbench.mmm.scaling import scaling_of
from workbench.mmm.simulation import SimulatedMarket, simulate_market


@pytest.fixture(scope="module")
def regional() -> SimulatedMarket:
    return simulate_market(seed=2, periods=150, channels=2, regions=20)


def _weights(simulated: SimulatedMarket, market: Market) -> Centring:
    return centring_of(simulated.spec, market, scaling_of(simulated.spec, market))


def test_what_differs_between_regions_is_sampled_itself(regional: SimulatedMarket) -> None:
    market = regional.market
    rng = np.random.default_rng(1)
    price = (market.control[:, :, 0] - market.control[:, :, 0].mean()) / market.control[:, :, 0].std()
    own = market.outcome.mean(axis=1, keepdims=True) * rng.normal(-0.05, 0.15, (20, 1)) * price
    moved = replace(market, outcome=market.outcome + own)
    before, after = _weights(regional, market).control, _weights(regional, moved).control
    assert after[0] > 0.9 > 0.6 > before[0]
    assert after[1] == pytest.approx(before[1], abs=0.1)


def test_a_national_market_has_nothing_to_centre() -> None:
    simulated = simulate_market(seed=2, periods=104, channels=2)
    found = _weights(simulated, simulated.market)
    assert not np.concatenate([found.trend[None], found.yearly, found.weekly, found.control]).any()


def test_weights_are_shares_whatever_the_market(regional: SimulatedMarket) -> None:
    flat = replace(regional.market, control=np.ones_like(regional.market.control))
    found = _weights(regional, flat)
    assert ((found.control >= 0) & (found.control <= 1)).all()
    assert found.yearly.shape == (2 * regional.spec.seasonality,)


def test_what_may_as_well_be_equal_is_sampled_as_steps() -> None:
    found = []
    for seed in range(1, 9):
        simulated = simulate_market(seed=seed, periods=104, channels=2, regions=10)
        own = _weights(simulated, simulated.market)
        found.append(np.concatenate([own.trend[None], own.yearly, own.control]))
    assert np.mean(np.array(found) > 0) < 0.1
