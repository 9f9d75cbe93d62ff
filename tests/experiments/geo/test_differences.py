from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.stats import ttest_ind

from workbench.experiments.geo.differences import differences
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.split import Split, split


@pytest.mark.data
def test_california_against_all_other_states(california: Split) -> None:
    assert differences(california).effect.att.value == pytest.approx(-27.349, abs=1e-3)


def test_is_a_t_test_of_the_changes_of_geos(simulate: Callable[..., Panel]) -> None:
    panel = simulate(1)
    made = split(panel, treated=["geo 003", "geo 010", "geo 011"], start=panel.days[70])
    found = differences(made, level=0.9)
    change = panel.values[:, 70:].mean(1) - panel.values[:, :70].mean(1)
    known = ttest_ind(change[made.treated], change[made.controls])
    low, high = known.confidence_interval(0.9)
    assert found.effect.att.p == pytest.approx(known.pvalue)
    assert (found.effect.att.low, found.effect.att.high) == pytest.approx((low, high))
    assert found.effect.att.excludes(0) == (found.effect.att.p < 1 - 0.9)
    assert "if all geos would have moved alike" in found.sentence


def test_figure_is_that_of_the_regression_with_geo_and_day_effects(simulate: Callable[..., Panel]) -> None:
    panel = simulate(2, geos=8, days=30)
    made = split(panel, treated=["geo 003"], start=panel.days[20])
    long = pd.DataFrame(panel.values, index=panel.geos).stack().rename("value").reset_index()
    long.columns = ["geo", "day", "value"]
    long["on"] = ((long["geo"] == "geo 003") & (long["day"] >= 20)).astype(float)
    line = smf.ols("value ~ on + C(geo) + C(day)", long).fit()
    assert differences(made).effect.att.value == pytest.approx(line.params["on"])
    assert len(differences(made).to_frame()) == 3


def test_sees_a_trend_of_its_own(simulate: Callable[..., Panel]) -> None:
    panel = simulate(3)
    values = panel.values.copy()
    values[3] += values[3].mean() * 0.01 * np.arange(90)
    made = split(replace(panel, values=values), treated=["geo 003"], start=panel.days[70])
    assert differences(made).trend == pytest.approx(0.0074, abs=0.002)  # of a mean that has grown by a third
