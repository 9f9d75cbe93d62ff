"""Figures of fit on outcomes that were drawn from the model itself, where the right answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.mmm import handmade

from workbench.mmm.fit_figures import autocorrelation, fit_figures
from workbench.mmm.fitted import MixFit
from workbench.mmm.forecast import expected_outcome


def _drawn(regions: int = 1, *, noise: float = 30.0, periods: int = 400) -> MixFit:
    """Return a fit whose outcome is one draw of itself: nothing is left but its noise."""
    fit = handmade.fitted(handmade.market(regions=regions, periods=periods))
    steady = replace(
        fit.draws,
        **{
            name: np.broadcast_to(getattr(fit.draws, name)[:1], getattr(fit.draws, name).shape)
            for name in ("retention", "half", "effect", "level", "season", "control_effect")
        },
        noise=np.full_like(fit.draws.noise, noise),
    )
    rng = np.random.default_rng(5)
    expected = expected_outcome(steady, fit.market)[0]
    outcome = expected + rng.normal(size=expected.shape) * noise
    return replace(fit, draws=steady, market=replace(fit.market, outcome=outcome))


@pytest.mark.parametrize("regions", [1, 3])
def test_a_true_model_covers_as_it_says_and_leaves_noise(regions: int) -> None:
    fit = _drawn(regions)
    found = fit_figures(fit)
    cells = 400 * regions
    for one in found.coverage:
        assert one.seen == pytest.approx(
            one.level, abs=3.5 * np.sqrt(one.level * (1 - one.level) / cells) + 0.02
        )
    assert max(abs(one) for one in found.autocorrelation) < 2 * found.band
    assert not found.lasting
    inside = (found.course.low <= found.course.actual) & (found.course.actual <= found.course.high)
    assert inside.mean() == pytest.approx(0.94, abs=0.05)


def test_r2_is_the_share_of_variance_that_is_no_noise() -> None:
    fit = _drawn(noise=30.0)
    found = fit_figures(fit)
    variance = expected_outcome(fit.draws, fit.market)[0, 0].var()
    truth = variance / (variance + 30.0**2)
    assert found.bayes_r2.value == pytest.approx(truth, abs=0.01)
    assert found.r2 == pytest.approx(truth, abs=0.05)


def test_the_percentage_error_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    fit = _drawn()
    found = fit_figures(fit)
    expected = metrics.mean_absolute_percentage_error(found.course.actual, found.course.fitted)
    assert found.mape == pytest.approx(expected)
    assert found.r2 == pytest.approx(metrics.r2_score(found.course.actual, found.course.fitted))


def test_the_autocorrelation_is_that_of_statsmodels() -> None:
    tools = pytest.importorskip("statsmodels.tsa.stattools")
    left = np.cumsum(np.random.default_rng(2).normal(size=80))
    assert autocorrelation(left, 6) == pytest.approx(tools.acf(left, nlags=6)[1:])
    assert autocorrelation(np.ones(10), 3) == ()


def test_errors_that_last_are_said() -> None:
    fit = _drawn(periods=104)
    wave = 80 * np.sin(np.arange(104) / 10)
    found = fit_figures(replace(fit, market=replace(fit.market, outcome=fit.market.outcome + wave)))
    assert found.lasting
    assert "something that moves the outcome is missing" in found.sentence


def test_a_few_outcomes_far_off_are_said() -> None:
    fit = _drawn(periods=104)
    assert not fit_figures(fit).uneven
    rare = np.where(np.arange(104) % 20 == 0, 8.0, 0.1)
    noise = fit.market.outcome - fit_figures(fit).course.fitted
    far = replace(fit, market=replace(fit.market, outcome=fit.market.outcome + (rare - 1) * noise))
    found = fit_figures(far)
    assert found.uneven
    assert "the noise is not normal" in found.sentence


def test_figures_do_not_change_by_themselves_and_unknown_ones_stay_unknown() -> None:
    fit = _drawn(periods=60)
    first, second = fit_figures(fit), fit_figures(fit)
    assert first.coverage == second.coverage
    np.testing.assert_array_equal(first.course.low, second.course.low)
    assert fit_figures(replace(fit, forecast=None)).r2_unseen is None
    zero = replace(fit.market, outcome=np.where(np.arange(60) < 3, 0.0, fit.market.outcome))
    assert fit_figures(replace(fit, market=zero)).zeros == 3
    assert "worse than their mean" in fit_figures(handmade.fitted(bad=True)).sentence
