"""One small fit, looked at from all sides: does it find the truth, say how it went, and repeat itself?"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from workbench.mmm.curves import contribution_totals
from workbench.mmm.fitted import MixFit
from workbench.mmm.forecast import expected_outcome, kept_away
from workbench.mmm.posterior import draws_of
from workbench.mmm.report import mix_report
from workbench.mmm.sampling import Progress, compiled, data_of, sample
from workbench.mmm.scaling import scaling_of
from workbench.mmm.simulation import SimulatedMarket, simulate_market
from workbench.mmm.spec import Sampling
from workbench.stats import hdi

pytestmark = pytest.mark.skipif(find_spec("pymc_marketing") is None, reason="pymc-marketing is not installed")


def test_the_intervals_of_returns_hold_the_truth(fitted: MixFit, simulated: SimulatedMarket) -> None:
    caused = contribution_totals(fitted.draws, fitted.market).sum(axis=1)
    low, high = hdi(caused / fitted.market.spend.sum(axis=(0, 1)))
    assert np.all((low <= simulated.truth.roi) & (simulated.truth.roi <= high))


def test_the_sampler_found_its_way(fitted: MixFit) -> None:
    names = {one.name for one in fitted.health.parameters}
    assert {"roi[tv]", "roi[search]", "adstock_alpha[tv]", "noise"} <= names
    assert fitted.health.divergences == 0
    assert max(one.r_hat for one in fitted.health.parameters) < 1.03
    assert len(fitted.draws) == fitted.health.draws == 600


def test_what_is_expected_explains_the_outcome(fitted: MixFit) -> None:
    expected = expected_outcome(fitted.draws, fitted.market).mean(axis=0)
    left = fitted.market.outcome - expected
    assert 1 - left.var() / fitted.market.outcome.var() > 0.8
    assert left.std() == pytest.approx(fitted.draws.noise.mean(), rel=0.1)


def test_the_forecast_beats_the_year_before(fitted: MixFit) -> None:
    assert fitted.forecast is not None
    assert fitted.forecast.periods == 13 == kept_away(fitted.market)
    assert fitted.forecast.model_error < fitted.forecast.naive_error
    assert fitted.forecast.covered > 0.6


def test_the_truth_is_where_the_report_looks_for_it(fitted: MixFit, simulated: SimulatedMarket) -> None:
    report = mix_report(fitted)
    assert report.results is not None
    assert report.figures is not None
    truth = simulated.truth
    for true, one in zip(truth.roi, report.results.channels, strict=True):
        assert one.roi.low <= true <= one.roi.high
        assert one.learning is not None
        assert one.learning.spread_left < 0.9
    for true, one in zip(truth.marginal_roi, report.results.channels, strict=True):
        assert one.marginal_roi.low <= true <= one.marginal_roi.high
    assert report.figures.r2 > 0.8
    assert report.figures.coverage[2].seen > 0.85


def test_libraries_are_named(fitted: MixFit) -> None:
    assert {"pymc-marketing", "nutpie"} <= {name for name, _ in fitted.versions}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_draws_and_progress_is_told() -> None:
    from workbench.mmm.model import build

    simulated = simulate_market(seed=4, periods=60, channels=2)
    spec = replace(simulated.spec, sampling=Sampling(chains=2, tune=200, draws=50, seed=9))
    model = build(spec, simulated.market).model
    machine = compiled(model)
    told: list[Progress] = []
    data = data_of(model, machine)
    trees = [sample(machine, spec.sampling, data=data, on_progress=told.append) for _ in range(2)]
    scaling = scaling_of(spec, simulated.market)
    first, second = (draws_of(one, spec, simulated.market, scaling) for one in trees)
    for name in ("retention", "half", "effect", "level", "season", "noise"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert told
    assert all(0 <= one.done <= 1 for one in told)


@pytest.mark.slow
def test_a_lift_test_moves_the_return_towards_what_it_found() -> None:
    from workbench.mmm.fitting import fit

    simulated = simulate_market(seed=101, channels=4)
    short = Sampling(chains=2, tune=400, draws=400)
    lift = simulated.truth.lift_test("search", seed=1, error=0.05).test
    plain = replace(simulated.spec, sampling=short)
    widths = []
    for spec in (plain, plain.with_lift_tests((lift,))):
        found = fit(spec, simulated.market)
        returns = contribution_totals(found.draws, found.market).sum(axis=1) / found.market.spend.sum((0, 1))
        low, high = hdi(returns[:, 1])
        widths.append(float(high - low))
        assert low <= simulated.truth.roi[1] <= high
    assert widths[1] < 0.7 * widths[0]


@pytest.mark.slow
def test_returns_of_regions_are_found() -> None:
    from workbench.mmm.fitting import fit

    simulated = simulate_market(seed=1, periods=104, channels=3, regions=10)
    spec = replace(simulated.spec, sampling=Sampling(chains=2, tune=500, draws=500))
    found = fit(spec, simulated.market)
    returns = contribution_totals(found.draws, found.market).sum(axis=1) / found.market.spend.sum((0, 1))
    low, high = hdi(returns)
    held = (low <= simulated.truth.roi) & (simulated.truth.roi <= high)
    assert held.sum() >= 2
    assert np.abs(np.median(returns, axis=0) / simulated.truth.roi - 1).max() < 0.25
    assert found.health.divergences == 0
