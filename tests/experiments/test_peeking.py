"""Looking several times: the published false alarms, and the power that planned looks keep."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.experiments.peeking import false_alarms, power_over_looks, single_look_power


@pytest.mark.parametrize(
    ("looks", "rate"), [(1, 0.05), (2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320)]
)  # fmt: skip
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
