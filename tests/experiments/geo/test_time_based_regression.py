from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.placebo import placebo_test
from workbench.experiments.geo.returns import returns
from workbench.experiments.geo.split import Split, split
from workbench.experiments.geo.time_based_regression import time_based_regression


@pytest.mark.data
def test_finds_what_googles_r_package_finds(salesandcost: Split) -> None:
    found = time_based_regression(salesandcost, level=0.8)  # 90 % to one side
    assert found.effect.incremental.value == pytest.approx(147337.122, abs=1e-2)
    assert found.effect.lift.value == pytest.approx(0.173964, abs=1e-6)
    iroas = returns(found.effect, cost=50000.0).iroas
    assert iroas.value == pytest.approx(2.946742, abs=1e-6)
    assert iroas.low == pytest.approx(2.826194, abs=1e-6)
    assert iroas.value - iroas.low == pytest.approx(0.120548, abs=1e-6)
    both = returns(time_based_regression(salesandcost, level=0.9).effect, cost=50000.0).iroas
    assert (both.low, both.high) == pytest.approx((2.790969, 3.102516), abs=1e-6)
    assert placebo_test(found.found).effect.att.p < 0.05


def test_agrees_with_a_regression_on_a_step(simulate: Callable[..., Panel]) -> None:
    # The prediction of one period is that of a regression with a dummy for it: the same figure, error and p.
    panel = simulate(1, days=61)
    made = split(panel, treated=["geo 003", "geo 010"], start=panel.days[60])
    found = time_based_regression(made)
    treated, base = panel.values[made.treated].mean(0), panel.values[made.controls].mean(0)
    step = (np.arange(61) == 60).astype(float)
    line = sm.OLS(treated, sm.add_constant(np.column_stack([base, step]))).fit()
    assert found.effect.att.value == pytest.approx(line.params[2])
    assert found.error == pytest.approx(2 * line.bse[2])
    assert found.effect.att.p == pytest.approx(line.pvalues[2])
    assert [found.effect.att.low, found.effect.att.high] == pytest.approx(list(line.conf_int()[2]))


def test_warns_of_its_interval(simulate: Callable[..., Panel]) -> None:
    panel = simulate(2)
    found = time_based_regression(split(panel, treated=["geo 003"], start=panel.days[70]))
    assert "one of four tests of nothing" in found.sentence
    assert found.effect.att.note in found.sentence
    assert found.autocorrelation > 0.4
    assert len(found.to_frame()) == 3


def test_controls_that_never_move_predict_the_mean(simulate: Callable[..., Panel]) -> None:
    panel = simulate(3)
    values = panel.values.copy()
    values[1:] = 5.0
    found = time_based_regression(
        split(replace(panel, values=values), treated=["geo 000"], start=panel.days[70])
    )
    assert found.effect.att.value == pytest.approx(values[0, 70:].mean() - values[0, :70].mean())
