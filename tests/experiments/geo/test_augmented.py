from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from workbench.experiments.geo.augmented import augmented_synthetic_control, choose_penalty, ridge_weights
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.split import Split, split
from workbench.experiments.geo.synthetic_control import centred, simplex_weights, synthetic_control


@pytest.mark.data
def test_finds_what_geolift_prints_for_its_walkthrough(walkthrough: Split) -> None:
    found = augmented_synthetic_control(walkthrough)
    assert found.att == pytest.approx(156.8052, abs=1e-3)
    assert found.lift == pytest.approx(0.0546913, abs=1e-5)
    assert found.incremental == pytest.approx(4704.155, abs=0.01)
    assert found.imbalance == pytest.approx(903.5247, abs=1e-3)
    assert found.penalty == pytest.approx(1.6731e9, rel=1e-4)
    assert synthetic_control(walkthrough).att - found.att == pytest.approx(-1.2495, abs=1e-3)


@pytest.mark.data
def test_the_smallest_error_alone_would_choose_another_penalty(walkthrough: Split) -> None:
    found = augmented_synthetic_control(walkthrough, penalty=4.2026e7)
    assert found.att == pytest.approx(177.4755, abs=0.01)


@pytest.mark.parametrize(("geos", "days"), [(12, 90), (40, 45)])
def test_corrects_by_what_a_ridge_regression_says(
    simulate: Callable[..., Panel], geos: int, days: int
) -> None:
    panel = simulate(2, geos=geos, days=days)
    made = split(panel, treated=["geo 002"], start=panel.days[days - 10])
    found = augmented_synthetic_control(made, penalty=1e4)
    values = centred(panel.values, made.pre)
    controls, target = values[made.controls], values[made.treated].mean(0)
    simplex = simplex_weights(controls[:, : made.pre], target[: made.pre])
    ridge = Ridge(alpha=1e4).fit(controls[:, : made.pre], controls[:, made.pre :])
    missed = ridge.predict(target[None, : made.pre]) - simplex @ ridge.predict(controls[:, : made.pre])
    expected = simplex @ controls[:, made.pre :] + missed[0]
    np.testing.assert_allclose(found.gap[made.pre :], target[made.pre :] - expected, rtol=1e-6, atol=1e-6)
    assert found.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("days", [40, 16])
def test_penalty_is_that_of_leaving_each_period_out(simulate: Callable[..., Panel], days: int) -> None:
    panel = simulate(4, geos=20, days=days)
    values = centred(panel.values, days)
    controls, target = values[1:], values[0]
    spread = controls - controls.mean(0)
    largest = np.linalg.svd(spread, compute_uv=False)[0] ** 2
    penalties = largest * 10.0 ** (-8 * np.arange(21) / 20)
    loss = np.zeros((21, days - 1))
    for out in range(days - 1):
        kept = np.delete(np.arange(days), out)
        for place, penalty in enumerate(penalties):
            weights = ridge_weights(penalty)(controls[:, kept], target[kept])
            loss[place, out] = (target[out] - weights @ controls[:, out]) ** 2
    mean, error = loss.mean(1), loss.std(1, ddof=1) / np.sqrt(days - 1)
    expected = penalties[mean <= mean.min() + error[mean.argmin()]].max()
    assert choose_penalty(controls, target) == pytest.approx(expected)
