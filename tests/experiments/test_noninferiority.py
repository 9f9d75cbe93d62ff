"""Guardrails: Welch's test of scipy against a scaled control, published intervals, size at the margin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.errors import UsageError
from workbench.experiments.inference.estimate import Estimate, unknown
from workbench.experiments.inference.noninferiority import Better, guard, guard_by, margin_test
from workbench.experiments.inference.sums import Sums, sums_of

from .cells import band, hillstrom


def two(control: np.ndarray, treated: np.ndarray) -> Sums:
    names = ["a"] * len(control) + ["b"] * len(treated)
    return sums_of(names, {"y": np.concatenate([control, treated])}, variants=("a", "b"))


@pytest.mark.parametrize(("better", "factor"), [("higher", 0.97), ("lower", 1.03)])
def test_as_scipy_tests_a_scaled_control(better: str, factor: float) -> None:
    rng = np.random.default_rng(51)
    control, treated = rng.gamma(4, 1, 400), rng.gamma(4, 1.3, 150) - 0.9
    found = guard(two(control, treated), "y", margin=0.03, better=better)
    side = {"higher": "greater", "lower": "less"}
    opposite = {"higher": "less", "lower": "greater"}
    ours = stats.ttest_ind(treated, factor * control, equal_var=False, alternative=side[better])
    other = stats.ttest_ind(treated, factor * control, equal_var=False, alternative=opposite[better])
    assert found.p == pytest.approx(ours.pvalue, rel=1e-9)
    assert found.p_worse == pytest.approx(other.pvalue, rel=1e-9)
    assert found.change.df == pytest.approx(ours.df, rel=1e-9)


@pytest.mark.data
def test_published_lift_of_spend(public_data: Path) -> None:
    found = guard(hillstrom(public_data).pair("Mens E-Mail"), "spend", margin=0.0)
    assert found.change.value == pytest.approx(1.179289, abs=1e-6)
    assert (found.change.low, found.change.high) == pytest.approx((0.64368, 1.97748), abs=1e-4)
    assert found.verdict == "ok"
    assert 2 * found.p == pytest.approx(1.16e-7, rel=0.01)  # of Welch's t 5.300140


@settings(max_examples=200, deadline=None)
@given(
    control=st.floats(0.5, 50),
    lift=st.floats(-0.5, 0.5),
    errors=st.tuples(st.floats(0.01, 2), st.floats(0.01, 2)),
    margin=st.floats(0, 0.3),
    better=st.sampled_from(["higher", "lower"]),
    level=st.sampled_from([0.8, 0.9, 0.95]),
)
def test_p_and_interval_are_one_procedure(
    control: float, lift: float, errors: tuple[float, float], margin: float, better: str, level: float
) -> None:
    found = margin_test(
        control,
        control * (1 + lift),
        errors=errors,
        units=(40, 70),
        margin=margin,
        better=better,
        level=level,
    )
    if np.isnan(found.p):
        assert np.isnan([found.change.low, found.change.p, found.p_worse]).all()
        return
    tail, limit = (1 - level) / 2, -margin if better == "higher" else margin
    better_side = found.change.low > limit if better == "higher" else found.change.high < limit
    worse_side = found.change.high < limit if better == "higher" else found.change.low > limit
    near = min(abs(found.change.low - limit), abs(found.change.high - limit)) < 1e-9
    assert near or (found.p < tail) == better_side
    assert near or (found.p_worse < tail) == worse_side
    nothing = min(abs(found.change.low), abs(found.change.high)) < 1e-9
    assert nothing or (found.change.p < 1 - level) == (found.change.low > 0 or found.change.high < 0)


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_size_at_the_margin_and_power(better: str) -> None:
    rng, repetitions, sign = np.random.default_rng(52), 20_000, -1 if better == "higher" else 1
    errors = (0.02, 0.01)
    control = rng.normal(1.0, errors[0], repetitions)
    at_margin = rng.normal(1 + sign * 0.05, errors[1], repetitions)
    asked = {"errors": errors, "units": (2_000, 9_000), "margin": 0.05, "better": better}
    found = margin_test(control, at_margin, **asked)
    for p in (found.p, found.p_worse):
        assert abs(float((p < 0.025).mean()) - 0.025) <= band(0.025, repetitions)
    harmful = margin_test(control, rng.normal(1 + sign * 0.15, errors[1], repetitions), **asked)
    assert float((harmful.p_worse < 0.025).mean()) > 0.98
    same = margin_test(control, rng.normal(1.0, errors[1], repetitions), **asked)
    assert float((same.p < 0.025).mean()) == pytest.approx(
        stats.norm.cdf(0.05 / np.hypot(0.01, (1 + sign * 0.05) * 0.02) - 1.96), abs=0.02
    )


def test_three_verdicts_in_words() -> None:
    rng = np.random.default_rng(53)
    control = rng.normal(10, 1, 4000)
    held = guard(two(control, rng.normal(10, 1, 4000)), "y", margin=0.02, metric="minutes per visit")
    assert held.verdict == "ok"
    assert held.sentence.startswith("The guardrail minutes per visit holds for b: ")
    failed = guard(two(control, rng.normal(9, 1, 4000)), "y", margin=0.02)
    assert failed.verdict == "violated"
    assert "worse than −2%" in failed.sentence
    open_ = guard(two(control[:50], rng.normal(9.9, 1, 50)), "y", margin=0.02)
    assert open_.verdict == "cannot tell"
    assert "More users would tell" in open_.sentence
    slower = guard(two(control, rng.normal(11, 1, 4000)), "y", margin=0.02, better="lower")
    assert slower.verdict == "violated"
    assert "worse than +2%" in slower.sentence


@pytest.mark.parametrize(
    ("control", "treated"),
    [
        ([0.0] * 50, [1.0, 2.0] * 25),
        ([0.0] * 49 + [1.0], [1.0, 2.0] * 25),
        ([-5.0, -6.0] * 9, [1.0, 2.0]),
        ([3.0], [4.0]),
    ],
)
def test_a_control_that_is_no_baseline(control: list[float], treated: list[float]) -> None:
    found = guard(two(np.array(control), np.array(treated)), "y", margin=0.02)
    assert found.verdict == "cannot tell"
    why = "too uncertain to be a baseline" if np.mean(control) > 0 else "not above zero"
    assert found.sentence.startswith("The guardrail y cannot be judged for b: the control's mean is ")
    assert why in found.sentence


def test_what_cannot_be_asked() -> None:
    sums = two(np.ones(5), np.ones(5))
    with pytest.raises(UsageError, match="margin of 2"):
        guard(sums, "y", margin=2)
    with pytest.raises(UsageError, match="'more' is better"):
        guard(sums, "y", margin=0.02, better="more")


@given(
    value=st.floats(-0.9, 2),
    below=st.floats(0.001, 1),
    above=st.floats(0.001, 5) | st.just(np.inf),
    margin=st.floats(0.0, 0.5),
    better=st.sampled_from(["higher", "lower"]),
)
def test_a_guardrail_by_any_interval_is_the_interval(
    value: float, below: float, above: float, margin: float, better: Better
) -> None:
    low, high = (1 + value) * (1 - below) - 1, value + above
    change = Estimate(value=value, low=low, high=high, p=0.5)
    found = guard_by(change, variant="b", margin=margin, better=better)
    gap = min(abs(low - found.limit), abs(high - found.limit))
    if gap < 1e-9:
        return
    safe, harmed = (
        (low > found.limit, high < found.limit)
        if better == "higher"
        else (high < found.limit, low > found.limit)
    )
    assert found.verdict == ("ok" if safe else "violated" if harmed else "cannot tell")
    assert guard_by(unknown("nothing"), variant="b", margin=0.1).verdict == "cannot tell"
