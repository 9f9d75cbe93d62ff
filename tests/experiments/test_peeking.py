"""Looking several times: the published false alarms, and the power that planned looks keep."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.experiments.inference.spending import bounds
from workbench.experiments.power.baseline import Baseline
from workbench.experiments.power.peeking import false_alarms, power_over_looks, single_look_power
from workbench.experiments.power.procedure import Procedure
from workbench.experiments.power.sample_size import sample_size


@pytest.mark.parametrize(
    ("looks", "rate"),
    [(1, 0.05), (2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320)],
)
def test_peeking_raises_false_alarms_as_published(looks: int, rate: float) -> None:
    # Armitage, McPherson, Rowe (1969), table 2
    assert false_alarms(looks) == pytest.approx(rate, abs=6e-4)


def test_a_simulation_finds_the_same() -> None:
    steps = np.random.default_rng(4).standard_normal((40_000, 14))
    z = np.abs(steps.cumsum(axis=1) / np.sqrt(np.arange(1, 15)))
    assert false_alarms(14, alpha=0.1) == pytest.approx((z > 1.6449).any(axis=1).mean(), abs=0.008)


@pytest.mark.parametrize("looks", [2, 5, 30])
def test_there_and_back(looks: int) -> None:
    needed = single_look_power(0.9, tail=0.025, looks=looks)
    assert 0.9 < needed < 0.93
    assert power_over_looks(needed, tail=0.025, looks=looks) == pytest.approx(0.9, abs=1e-7)


@pytest.mark.parametrize("looks", [3, 10])
def test_a_simulation_has_the_power_of_planned_looks(looks: int) -> None:
    share, procedure = Baseline(kind="proportion", value=0.05), Procedure(looks=looks)
    total = sample_size(share, 0.01, procedure)
    size, runs = int(total / 2 / looks), 20_000  # users a group between two looks
    generator = np.random.default_rng(9)
    control, variant = (generator.binomial(size, rate, (runs, looks)).cumsum(axis=1) for rate in (0.05, 0.06))
    n = size * np.arange(1, looks + 1)
    pooled = (control + variant) / (2 * n)
    z = (variant - control) / n / np.sqrt(pooled * (1 - pooled) * 2 / n)
    found = (z > bounds([(look + 1) / looks for look in range(looks)])).any(axis=1).mean()
    assert found == pytest.approx(0.8, abs=0.015)
