"""Planned looks: published bounds, another library's integration, and simulated tests."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from gsdesign import h1, hupdate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.errors import UsageError
from workbench.experiments.inference.spending import bounds, design, inflation, look, spent

from .cells import band

EVEN = {looks: [k / looks for k in range(1, looks + 1)] for looks in (2, 3, 4, 5, 10, 50, 500)}
# gsDesign and rpact, spending functions of Lan and DeMets, 0.025 on each side.
PUBLISHED = {
    ("obrien_fleming", 3): [3.7103, 2.5114, 1.9930],
    ("obrien_fleming", 5): [4.8769, 3.3570, 2.6803, 2.2898, 2.0310],
    ("obrien_fleming", 10): [
        6.9913, 4.8769, 3.9297, 3.3671, 2.9893, 2.7148, 2.5041, 2.3358, 2.1975, 2.0812,
    ],
    ("pocock", 5): [2.4380, 2.4268, 2.4101, 2.3966, 2.3859],
}  # fmt: skip


@pytest.mark.parametrize(("spending", "looks"), PUBLISHED)
def test_bounds_as_published(spending: str, looks: int) -> None:
    found = bounds(EVEN[looks], spending=spending)
    assert found == pytest.approx(PUBLISHED[spending, looks], abs=1.1e-4)


def crossing_by_gsdesign(times: list[float], limits: np.ndarray, drift: float = 0.0) -> float:
    """Return the chance to cross any bound, by the library's own recursion and grid."""
    grid = h1(r=60, theta=drift, info=times[0], a=-limits[0], b=limits[0])
    for k in range(1, len(times)):
        ends = {"a": -limits[k], "b": limits[k]}
        grid = hupdate(60, drift, times[k], theta_prev=drift, info_prev=times[k - 1], gm1=grid, **ends)
    return 1 - float(np.sum(grid[2]))


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
@pytest.mark.parametrize(
    "times", [[1.0], [0.3, 0.35, 0.9, 1], [0.5, 0.8, 1.2], [0.02, 0.6, 1], [0.5, 0.501, 1]]
)
def test_error_is_spent_whole_and_no_more(spending: str, times: list[float]) -> None:
    for alpha in (0.05, 0.01, 0.2):
        limits = bounds(times, alpha=alpha, spending=spending)
        assert crossing_by_gsdesign(times, limits) == pytest.approx(alpha, abs=2e-6)


def test_the_last_look_spends_the_rest_wherever_it_stands() -> None:
    for times in ([0.25, 0.5, 0.7], [0.25, 0.5, 1.3], [0.4]):
        limits = bounds(times, final=True)
        assert crossing_by_gsdesign(times, limits) == pytest.approx(0.05, abs=2e-6)
    assert bounds([0.4], final=True)[0] == pytest.approx(1.959964, abs=1e-6)
    early = bounds([0.25, 0.5, 0.7])
    assert crossing_by_gsdesign([0.25, 0.5, 0.7], early) == pytest.approx(float(spent(0.7)), abs=2e-6)


def test_power_by_another_integration() -> None:
    for looks in (2, 5, 10):
        plan = design(EVEN[looks], drift=2.8016)
        assert plan.power == pytest.approx(crossing_by_gsdesign(EVEN[looks], plan.bounds, 2.8016), abs=1e-6)
    kept = inflation(EVEN[5], power=0.9, spending="pocock")
    drift = (1.959964 + 1.281552) * np.sqrt(kept)
    assert design(EVEN[5], drift=drift, spending="pocock").power == pytest.approx(0.9, abs=1e-6)


def simulated(looks: int, drift: float, repetitions: int, seed: int) -> np.ndarray:
    """Return the statistics of tests that are looked at evenly, shape (repetitions, looks)."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(drift / looks, np.sqrt(1 / looks), (repetitions, looks))
    return np.cumsum(steps, axis=1) / np.sqrt(EVEN[looks])


@pytest.mark.parametrize(
    ("looks", "naive"), [(10, 0.193), (50, 0.32), pytest.param(500, None, marks=pytest.mark.slow)]
)
def test_false_positives_and_power_of_many_looks(looks: int, naive: float | None) -> None:
    repetitions = 20_000
    limits = bounds(EVEN[looks])
    nothing = np.abs(simulated(looks, 0.0, repetitions, 11))
    false = float((nothing > limits).any(axis=1).mean())
    assert abs(false - 0.05) <= band(0.05, repetitions)
    if naive is not None:
        assert abs(float((nothing > 1.959964).any(axis=1).mean()) - naive) <= band(naive, repetitions) + 0.001
    plan = design(EVEN[looks], drift=2.8016)
    crossed = np.abs(simulated(looks, 2.8016, repetitions, 12)) > limits
    power = float(crossed.any(axis=1).mean())
    ends = np.where(crossed.any(axis=1), crossed.argmax(axis=1), looks - 1)
    assert power >= 0.76
    assert abs(power - plan.power) <= band(plan.power, repetitions)
    assert float((ends + 1).mean() / looks) == pytest.approx(plan.expected, abs=0.006)


@settings(max_examples=60, deadline=None)
@given(
    z=st.floats(-6, 6),
    shares=st.lists(st.floats(0.05, 1.3), min_size=1, max_size=4, unique=True),
    alpha=st.sampled_from([0.01, 0.05, 0.1]),
    spending=st.sampled_from(["obrien_fleming", "pocock"]),
    final=st.booleans(),
)
def test_p_and_interval_are_one_procedure(
    z: float, shares: list[float], alpha: float, spending: str, final: bool
) -> None:
    times = sorted(share for share in shares if share < 1) + [share for share in shares if share >= 1][:1]
    if any(b - a < 1e-3 for a, b in pairwise(times)):
        return
    found = look(z * 0.1, 0.1, fractions=times, alpha=alpha, spending=spending, final=final)
    assert (found.p < alpha) == found.significant
    assert found.significant == (abs(z) > bounds(times, alpha=alpha, spending=spending, final=final)[-1])
    at_p = bounds(times, alpha=min(max(found.p, 1e-12), 0.99), spending=spending, final=final)[-1]
    if 1e-10 < found.p < 0.9:
        assert at_p == pytest.approx(abs(z), abs=1e-5)


def test_one_look_is_a_z_test() -> None:
    found = look(0.3, 0.1, fractions=[1.0])
    assert found.p == pytest.approx(2 * stats.norm.sf(3), rel=1e-8)
    assert (found.low, found.high) == pytest.approx((0.3 - 0.1959964, 0.3 + 0.1959964), abs=1e-6)
    assert look(3.7, 0.1, fractions=[1.0]).p == pytest.approx(2 * stats.norm.sf(37), rel=1e-6)


def test_p_of_a_look_is_no_smaller_than_promised() -> None:
    """Whoever stops at the first p below a is wrong with a chance of at most a, at any a."""
    z = np.abs(simulated(4, 0.0, 20_000, 13))
    for alpha in (0.01, 0.1, 0.3):
        limits = bounds(EVEN[4], alpha=alpha)
        assert float((z > limits).any(axis=1).mean()) <= alpha + band(alpha, 20_000)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ([], "must be above 0"),
        ([0.0, 1.0], "must be above 0"),
        ([0.5, 0.5], "needs more data than the one before"),
        ([0.5, 0.50001], "needs more data than the one before"),
        ([0.5, 0.4], "needs more data than the one before"),
        ([1.0, 1.2], "the test was over"),
        ([float("nan")], "must be above 0"),
    ],
)
def test_looks_that_cannot_be(times: list[float], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        bounds(times)


def test_nothing_to_look_at() -> None:
    for value, error in ((1.0, 0.0), (1.0, float("nan")), (float("nan"), 1.0)):
        found = look(value, error, fractions=[1.0])
        assert not found.known
        assert not found.significant
        assert "no effect with a standard error" in found.note


def test_unknown_words() -> None:
    with pytest.raises(UsageError, match="No spending named 'even'"):
        look(1.0, 1.0, fractions=[1.0], spending="even")
    with pytest.raises(UsageError, match="alpha is 0"):
        bounds([1.0], alpha=0)


@pytest.mark.slow
def test_a_year_of_daily_looks_takes_seconds() -> None:
    began = time.process_time()
    found = look(0.3, 0.1, fractions=[day / 365 for day in range(1, 366)])
    assert time.process_time() - began < 30  # on a machine that may be slow and busy
    assert found.p == pytest.approx(0.0048982434, abs=1e-9)  # as all curves were summed at all places


@pytest.mark.parametrize("z", [1e-6, 3.0, 20.0, 33.0, 45.0])
def test_p_of_a_look_is_that_of_its_own_interval(z: float) -> None:
    fractions = [0.25, 0.5, 0.75, 1.0]
    found = look(z, 1.0, fractions=fractions)
    assert 0 < found.p <= 1
    if 1e-200 < found.p < 0.999:
        assert bounds(fractions, alpha=found.p)[-1] == pytest.approx(z, rel=1e-6)
