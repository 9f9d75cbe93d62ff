from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from workbench.errors import UsageError
from workbench.experiments.geo.conformal import METHOD as CONFORMAL
from workbench.experiments.geo.measured_size import measured_size
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.placebo import METHOD as PLACEBO
from workbench.experiments.geo.split import Split, split
from workbench.experiments.geo.time_based_regression import regression_weights

Simulator = Callable[..., Panel]


@pytest.mark.data
@pytest.mark.parametrize("method", [PLACEBO, CONFORMAL])
def test_walkthrough_keeps_its_promise(walkthrough: Split, method: str) -> None:
    found = measured_size(walkthrough, method=method, runs=120)
    assert len(found.p) == 120
    assert found.interval[0] < 0.05 < found.interval[1] or found.rate < 0.05
    assert f"of 120 trials (between {found.interval[0]:.1%}" in found.sentence
    assert "promised 5.0%" in found.sentence
    assert found.to_frame()["windows"].item() == len(found.own) > 20


def test_looks_at_the_pre_period_only(simulate: Simulator) -> None:
    panel = simulate(1)
    values = panel.values.copy()
    values[:, 70:] *= 3
    first, second = (
        measured_size(
            split(
                Panel(geos=panel.geos, days=panel.days, values=each),
                treated=["geo 003"],
                start=panel.days[70],
            ),
            runs=10,
        )
        for each in (panel.values, values)
    )
    np.testing.assert_array_equal(first.p, second.p)
    np.testing.assert_array_equal(first.own, second.own)


def test_seed_decides(simulate: Simulator) -> None:
    made = split(simulate(2), treated=["geo 003"], start=simulate(2).days[75])
    first, again, other = (measured_size(made, runs=15, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.p, again.p)
    assert not np.array_equal(first.p, other.p)


def test_takes_any_weighting(simulate: Simulator) -> None:
    made = split(simulate(2), treated=["geo 003"], start=simulate(2).days[75])
    plain, other = (measured_size(made, runs=15), measured_size(made, runs=15, weighting=regression_weights))
    assert not np.array_equal(plain.p, other.p)


def test_says_when_there_is_no_room(simulate: Simulator) -> None:
    panel = simulate(3, days=60)
    found = measured_size(split(panel, treated=["geo 003"], start=panel.days[40], end=panel.days[59]))
    assert np.isnan(found.rate)
    assert "40 periods before the test do not hold a test of 20 periods and the 40" in found.sentence
    with pytest.raises(UsageError, match="Did you mean 'placebo in space'"):
        measured_size(split(panel, treated=["geo 003"], start=panel.days[50]), method="placebo in spac")


def test_high_levels_draw_enough_groups_to_reject(simulate: Simulator) -> None:
    made = split(simulate(3), treated=["geo 003"], start=simulate(3).days[75])
    usual, strict = (measured_size(made, runs=6, level=level) for level in (0.95, 0.99))
    assert np.allclose(usual.p * 21, np.round(usual.p * 21))
    assert np.allclose(strict.p * 24, np.round(strict.p * 24))  # all 23 other geos
