"""The simulated truth agrees with itself, with other arithmetic, and with what real markets look like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.mmm.simulation import MarketSetting, SimulatedMarket, simulate_market

KINDS: list[dict[str, Any]] = [
    {},
    {"periods": 400, "setting": MarketSetting(period="day", carry_over=14)},
    {"regions": 8, "channels": 3},
    {"setting": MarketSetting(saturation="hill", adstock="delayed", impressions=2, kind="conversions")},
    {"setting": MarketSetting(saturation="logistic", confounding=0.6)},
    {"channels": 20, "periods": 104},
    {"channels": 1, "periods": 52},
]


@pytest.fixture(params=range(len(KINDS)))
def simulated(request: pytest.FixtureRequest) -> SimulatedMarket:
    return simulate_market(seed=11, **KINDS[request.param])


def test_a_seed_is_a_market() -> None:
    first, again, other = (simulate_market(seed=seed).market.fingerprint for seed in (1, 1, 2))
    assert first == again != other


def test_the_table_is_what_the_model_takes(simulated: SimulatedMarket) -> None:
    market, truth = simulated.market, simulated.truth
    assert market.spend == pytest.approx(truth.spend)
    assert market.exposure == pytest.approx(truth.exposure)
    assert market.regions == truth.regions
    assert simulated.spec.outcome in simulated.table


def test_the_outcome_is_the_truth_and_noise(simulated: SimulatedMarket) -> None:
    truth = simulated.truth
    left = simulated.market.outcome - truth.baseline - truth.contribution.sum(2)
    standard = left / truth.noise[:, None]
    assert abs(standard.mean()) < 4 / np.sqrt(standard.size)
    assert standard.std() == pytest.approx(1, abs=4 / np.sqrt(2 * standard.size))


def test_shares_and_returns_add_up(simulated: SimulatedMarket) -> None:
    truth = simulated.truth
    caused = truth.roi * truth.spend.sum((0, 1))
    assert 0.19 < truth.share.sum() < 0.41
    assert caused.sum() / (caused.sum() + truth.baseline.sum()) == pytest.approx(truth.share.sum())
    money = truth.spend.sum(1)
    weighted = (truth.regional_roi * money).sum(0) / money.sum(0)
    assert weighted == pytest.approx(truth.roi)


def test_carry_over_loses_nothing_but_at_the_end() -> None:
    truth = simulate_market(seed=5).truth
    spend = truth.exposure[0, :, 0]
    slow = sum(
        truth.weights[0, lag] * spend[place - lag]
        for place in range(len(spend))
        for lag in range(min(place + 1, truth.weights.shape[1]))
    )
    from workbench.mmm.truth import carried

    assert carried(truth.exposure, truth.weights)[0, :, 0].sum() == pytest.approx(slow)
    assert truth.weights.sum(1) == pytest.approx(np.ones(6))


def test_sizes_are_those_of_real_markets() -> None:
    truth = simulate_market(seed=2, regions=40).truth
    by_region, by_channel = truth.spend.sum((1, 2)), truth.spend.sum((0, 1))
    assert 10 < by_region.max() / by_region.min() < 40
    assert 5 < by_channel.max() / by_channel.min() < 25
    assert truth.regional_roi.std(0) / truth.roi == pytest.approx(0.25, rel=0.5)


def test_flights_have_pauses_and_search_has_none() -> None:
    truth = simulate_market(seed=2).truth
    assert 0.2 < (truth.spend[0, :, 0] == 0).mean() < 0.7
    assert (truth.spend[0, :, 1] > 0).all()


def test_spend_follows_demand_as_far_as_it_is_told() -> None:
    def follows(confounding: float) -> float:
        setting = MarketSetting(confounding=confounding)
        truths = [simulate_market(seed=seed, setting=setting).truth for seed in range(20)]
        found = [np.corrcoef(one.spend[0, :, 1], one.baseline[0])[0, 1] for one in truths]
        return float(np.mean(found))

    assert follows(0.6) > 0.5 > 0.2 > abs(follows(0.0))


def test_marginal_return_is_what_a_little_more_brings(simulated: SimulatedMarket) -> None:
    truth = simulated.truth
    for place in range(min(3, len(truth.channels))):
        scale = np.ones(len(truth.channels))
        scale[place] = 1.01
        gained = truth.outcome(scale) - truth.outcome()
        assert gained / (0.01 * truth.current[place]) == pytest.approx(truth.marginal_roi[place], rel=0.02)
    assert truth.outcome(0) == 0


def test_the_best_budget_evens_out_marginal_returns() -> None:
    truth = simulate_market(seed=1).truth
    total = truth.current.sum()
    best = truth.best_multipliers(total)
    assert best @ truth.current == pytest.approx(total)
    slopes = (truth.by_channel(best * 1.001) - truth.by_channel(best * 0.999)) / (
        0.002 * best * truth.current
    )
    assert slopes == pytest.approx(np.full(6, slopes.mean()), rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 50), shape=st.sampled_from(["michaelis-menten", "hill", "logistic"]))
def test_no_other_budget_is_better(seed: int, shape: Any) -> None:
    truth = simulate_market(seed=seed, channels=4, periods=60, setting=MarketSetting(saturation=shape)).truth
    total = float(truth.current.sum())
    best = truth.best_outcome(total)
    parts = np.random.default_rng(seed).dirichlet(np.full(4, 0.7), 300) * total
    assert best >= max(truth.outcome(part / truth.current) for part in parts) * (1 - 1e-6)
    assert best >= truth.outcome() * (1 - 1e-9)


def test_bounds_hold() -> None:
    truth = simulate_market(seed=1).truth
    total = float(truth.current.sum())
    within = truth.best_multipliers(total, lowest=0.7, highest=1.3)
    assert within.min() >= 0.7 - 1e-9
    assert within.max() <= 1.3 + 1e-6
    free, bound = truth.best_outcome(total), truth.outcome(within)
    assert truth.outcome() < bound < free
    with pytest.raises(UsageError, match="cannot be spent"):
        truth.best_multipliers(2 * total, highest=1.5)


def test_experiments_find_the_truth_with_their_error() -> None:
    truth = simulate_market(seed=3).truth
    tests = [truth.lift_test("tv", seed=seed, change=0.5) for seed in range(400)]
    away = np.array([(one.test.outcome_change - one.outcome_change) / one.test.error for one in tests])
    assert abs(away.mean()) < 0.2
    assert away.std() == pytest.approx(1, abs=0.15)
    assert tests[0].test.spend_change > 0 < tests[0].outcome_change


def test_an_experiment_is_one_the_model_takes() -> None:
    simulated = simulate_market(seed=4, regions=5, channels=2)
    found = simulated.truth.lift_test("search", seed=1, regions=("region_02", "region_04"), periods=6)
    assert market_regions(simulated.spec.with_lift_tests((found.test,)), simulated) == 5
    whole = simulated.truth.lift_test("search", seed=1, periods=6)
    assert 0 < found.outcome_change < whole.outcome_change
    with pytest.raises(UsageError, match="No region named"):
        simulated.truth.lift_test("search", seed=1, regions=("region_2",))


def market_regions(spec: Any, simulated: SimulatedMarket) -> int:
    from workbench.mmm.market import market_of

    return len(market_of(spec, simulated.table).regions)


def test_less_than_a_year_is_refused() -> None:
    with pytest.raises(UsageError, match="52 weeks"):
        simulate_market(seed=1, periods=51)
