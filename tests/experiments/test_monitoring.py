"""Looks at a running test keep what the method of a single look does about few and uneven users."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.experiments.analysis.monitoring import Monitoring
from workbench.experiments.inference import proportions
from workbench.experiments.inference.estimate import Estimate

from .cells import band, shares

LOOKS = tuple(place / 5 for place in range(1, 6))
KINDS = (
    Monitoring(kind="planned", fractions=LOOKS[:3], final=False),
    Monitoring(kind="planned", fractions=LOOKS, final=True),
    Monitoring(kind="any time", planned_users=5000),
)


@pytest.mark.parametrize("kind", KINDS)
@given(
    value=st.floats(-5, 5),
    below=st.floats(0.01, 3) | st.just(math.inf),
    above=st.floats(0.01, 3) | st.just(math.inf),
    users=st.integers(50, 100_000),
)
def test_p_and_interval_are_one_procedure(
    kind: Monitoring, value: float, below: float, above: float, users: int
) -> None:
    found = Estimate(value=value, low=value - below, high=value + above, p=0.5, error=0.3)
    looked = kind.at_this_look(found, users, alpha=0.05)
    assert looked is not None
    assert (looked.p < 0.05) == looked.significant
    assert looked.low <= min(value, found.low + 1e-9)
    assert looked.high >= max(value, found.high - 1e-9)


def test_a_single_last_look_is_the_method_itself() -> None:
    found = Estimate(value=1.0, low=0.2, high=2.5, p=0.02, error=0.5)
    looked = Monitoring(kind="planned", fractions=(1.0,), final=True).at_this_look(found, 1000, alpha=0.05)
    assert looked is not None
    assert (looked.low, looked.high) == pytest.approx((0.2, 2.5), abs=1e-6)


def test_a_tenth_held_out_of_rare_shares_is_no_more_often_wrong() -> None:
    runs = 1500
    sums = shares(np.random.default_rng(31), (1000, 9000), (0.005, 0.005), runs)
    found, kind = proportions.differences(sums, "y"), Monitoring(kind="planned", fractions=(0.5, 1.0))
    wrong = [kind.at_this_look(found.at(run, 0), 10_000, alpha=0.05).significant for run in range(runs)]  # type: ignore[union-attr]
    assert np.mean(wrong) <= 0.05 + band(0.05, runs)
    plain = np.abs(found.value[:, 0]) > 1.97 * found.error[:, 0]
    assert np.mean(plain) > 0.05 + band(0.05, runs)
