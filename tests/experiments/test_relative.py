"""Fieller's interval against its definition, published figures and simulated truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student_distribution

from workbench.experiments.inference.means import Arms, differences, mean_arms
from workbench.experiments.inference.ratios import ratio_arms
from workbench.experiments.inference.relative import log_ratio, relative, unbounded

from .cells import cells, hillstrom, shop, sparse


def arms(
    value: tuple[float, float], error: tuple[float, float], *, df: float = 200, shared: float = 0.0
) -> Arms:
    return Arms(value=np.array(value), error=np.array(error), df=np.full(2, df), shared=np.array(shared))


@pytest.mark.data
def test_published_lift_of_spend(public_data: Path) -> None:
    found = relative(mean_arms(hillstrom(public_data), "spend"))
    assert found.value[0] == pytest.approx(1.179289, abs=5e-7)
    assert (found.low[0], found.high[0]) == pytest.approx((0.64368, 1.97748), abs=5e-6)


def test_logarithms_are_those_of_tea_tasting() -> None:
    import tea_tasting as tt

    sums, data = shop()
    metrics = {"mean": tt.Mean("revenue"), "ratio": tt.RatioOfMeans("orders", "sessions")}
    for name, theirs in tt.Experiment(metrics).analyze(data).items():
        ours = mean_arms(sums, "revenue") if name == "mean" else ratio_arms(sums, "orders", "sessions")
        check, found = log_ratio(ours), relative(ours)
        expected = (theirs.rel_effect_size_ci_lower, theirs.rel_effect_size_ci_upper)
        assert (check.low[0], check.high[0]) == pytest.approx(expected, rel=1e-6)
        # Fieller's is another interval, which agrees with p; here they are close.
        assert (found.low[0], found.high[0]) == pytest.approx(expected, abs=1e-3)
        assert found.p[0] == pytest.approx(theirs.pvalue, rel=1e-6)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(-20, 20), st.floats(-20, 20), st.floats(0.01, 9), st.floats(0.01, 9), st.floats(3, 1000),
    st.floats(0, 4), st.sampled_from([0.8, 0.95, 0.99]),
)  # fmt: skip
def test_the_ends_are_where_the_test_turns(
    control: float, value: float, own: float, other: float, df: float, shared: float, level: float
) -> None:
    both = arms((control, value), (own, other), df=df, shared=shared)
    found, plain = relative(both, level=level), differences(both, level=level)
    if abs(control) < 1e-300:
        assert (
            np.isnan([found.value[0], found.low[0], found.p[0]]).all()
            or np.isinf([found.low[0], found.high[0]]).any()
        )
        return
    assert found.low[0] <= found.value[0] <= found.high[0]
    if np.isfinite(found.p[0]):
        assert found.p[0] == plain.p[0]
        assert (found.p[0] < 1 - level) == (found.low[0] > 0 or found.high[0] < 0)
    else:
        assert unbounded(found)[0]
    critical = student_distribution.ppf(0.5 + level / 2, plain.df[0])
    for end in (found.low[0], found.high[0]):
        ratio = 1 + end * np.sign(control)
        if np.isfinite(end) and abs(ratio) < 1e6 and abs(end) > 1e-9:
            error = np.sqrt(other**2 + ratio**2 * own**2 + (1 - ratio) ** 2 * shared)
            assert abs(value - ratio * control) / error == pytest.approx(critical, rel=1e-5)


@settings(max_examples=100, deadline=None)
@given(st.floats(5, 50), st.floats(5, 50), st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0, 0.5))
def test_swapped_sides_turn_the_ratio_over(
    a: float, b: float, one: float, other: float, shared: float
) -> None:
    there = relative(arms((a, b), (one, other), shared=shared))
    back = relative(arms((b, a), (other, one), shared=shared))
    assert (1 + there.low[0]) * (1 + back.high[0]) == pytest.approx(1, rel=1e-9)
    assert (1 + there.value[0]) * (1 + back.value[0]) == pytest.approx(1, rel=1e-12)


def test_a_control_that_may_be_zero_bounds_nothing() -> None:
    nothing = relative(arms((1.0, 1.5), (1.0, 1.0)))
    assert (nothing.low[0], nothing.high[0]) == (-np.inf, np.inf)
    assert unbounded(nothing)[0]
    assert np.isfinite(nothing.p[0])
    above = relative(arms((1.0, 9.0), (0.6, 1.0)))
    assert above.low[0] > 0
    assert above.high[0] == np.inf
    assert above.p[0] < 0.05
    # All ratios but a narrow gap around 1 are possible: no interval says that.
    hidden = arms((-1.9, 1.0), (1.0, 0.6))
    assert differences(hidden).p[0] < 0.05
    assert np.isnan(relative(hidden).p[0])
    assert (relative(hidden).low[0], relative(hidden).high[0]) == (-np.inf, np.inf)


def test_below_zero_more_is_still_more() -> None:
    found = relative(arms((-10.0, -8.0), (0.3, 0.3)))
    assert found.value[0] == pytest.approx(0.2)
    assert found.low[0] > 0


def test_ends_do_not_depend_on_the_unit() -> None:
    one = relative(arms((10.0, 11.0), (0.5, 0.6)))
    thousand = relative(arms((1e4, 1.1e4), (500.0, 600.0)))
    assert one.low == pytest.approx(thousand.low, rel=1e-12)
    assert one.high == pytest.approx(thousand.high, rel=1e-12)


SCENARIOS = [((1000, 1000), 1.0), ((1000, 1000), 1.2), ((5000, 5000), 1.1)]


@pytest.mark.parametrize(("n", "factor"), SCENARIOS)
def test_coverage_for_sparse_revenue(n: tuple[int, int], factor: float) -> None:
    sums = sparse(np.random.default_rng(8), n, 0.05, factor, 20_000)
    found = relative(mean_arms(sums, "y"))
    low, high = np.mean(found.low > factor - 1), np.mean(found.high < factor - 1)
    assert 1 - low - high == pytest.approx(0.95, abs=0.01)
    assert abs(low - high) <= 0.015


def test_a_small_side_of_skewed_revenue_is_not_covered() -> None:
    # Which is why such tests are handed to permutations: see `workbench.experiments.inference.permutation`.
    sums = sparse(np.random.default_rng(9), (500, 4500), 0.05, 1.0, 20_000)
    found = relative(mean_arms(sums, "y"))
    assert np.mean(found.low > 0) > 0.06
    assert np.mean(found.high < 0) < 0.012


def test_coverage_for_ratios() -> None:
    rng = np.random.default_rng(10)
    drawn = []
    for lift in (1.0, 1.1):
        rate = np.minimum(rng.beta(2, 6, (6000, 400)) * lift, 1.0)
        sessions = 1 + rng.poisson(3, (6000, 400))
        drawn.append({"y": rng.binomial(sessions, rate).astype(float), "z": sessions.astype(float)})
    found = relative(ratio_arms(cells(*drawn), "y", "z"))
    truth = (
        np.mean(drawn[1]["y"]) / np.mean(drawn[1]["z"]) / (np.mean(drawn[0]["y"]) / np.mean(drawn[0]["z"]))
        - 1
    )
    inside = np.mean((found.low <= truth) & (found.high >= truth))
    assert inside == pytest.approx(0.95, abs=0.01)
