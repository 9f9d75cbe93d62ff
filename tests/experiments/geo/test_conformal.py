from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import NotEnoughData
from workbench.experiments.geo.augmented import augmented_synthetic_control
from workbench.experiments.geo.conformal import conformal_test
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.split import Split, split
from workbench.experiments.geo.synthetic_control import synthetic_control

Simulator = Callable[..., Panel]


def _with_effect(panel: Panel, effect: float, pre: int) -> Split:
    values = panel.values.copy()
    values[:2, pre:] += effect
    return split(replace(panel, values=values), treated=list(panel.geos[:2]), start=panel.days[pre])


@pytest.mark.data
def test_walkthrough(walkthrough: Split) -> None:
    # An independent implementation of moving blocks on the sum: p .114, 90 % interval [-15, 280].
    result = conformal_test(synthetic_control(walkthrough), level=0.9, carry=0)
    assert result.effect.att.p == pytest.approx(12 / 105)
    assert result.effect.att.low == pytest.approx(-15, abs=3)
    assert result.effect.att.high == pytest.approx(280, abs=4)
    assert result.sentence.startswith("12 of 105 stretches")
    assert list(result.to_frame()["p"]) == [12 / 105] * 3
    # The cities' misses carry over a little: p and interval allow for it, the rank is the same.
    carried = conformal_test(synthetic_control(walkthrough), level=0.9)
    assert (carried.share, carried.sentence[:20]) == (result.share, result.sentence[:20])
    assert 0 < carried.carry < 0.6
    assert 12 / 105 <= carried.effect.att.p < 0.14
    assert carried.effect.att.low <= result.effect.att.low < result.effect.att.high <= carried.effect.att.high


def test_p_is_the_rank_of_the_test_among_stretches(simulate: Simulator) -> None:
    made = _with_effect(simulate(1, geos=10, days=40), 50.0, 34)
    values = made.panel.values - made.panel.values.mean(1, keepdims=True)
    target, controls = values[:2].mean(0), values[2:]
    weights = synthetic_control(replace(made, pre=40, test=0)).weights  # on all periods
    missed = target - weights @ controls
    sums = [abs(sum(missed[(start + step) % 40] for step in range(6))) for start in range(40)]
    result = conformal_test(synthetic_control(made), carry=0)
    at_none = result.tried[1][result.tried[0] == 0][0]
    assert at_none == pytest.approx(np.mean([each >= sums[34] - 1e-9 for each in sums]))
    assert result.effect.att.p >= at_none


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    effect=st.floats(-600, 600),
    alpha=st.sampled_from([0.2, 0.1, 0.05]),
    carry=st.sampled_from([0.0, 0.4, 0.8]),
)
def test_p_is_small_exactly_when_the_interval_leaves_out_no_effect(
    simulate: Simulator, seed: int, effect: float, alpha: float, carry: float
) -> None:
    made = _with_effect(simulate(seed, geos=10, days=45), effect, 38)
    for find in (synthetic_control, augmented_synthetic_control):
        result = conformal_test(find(made), level=1 - alpha, carry=carry)
        for each in (result.effect.att, result.effect.incremental, result.effect.lift):
            assert each.excludes(0) == (each.p < alpha) or not each.known
            assert each.low <= each.value <= each.high or not each.known


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_nothing_outside_of_the_interval_is_kept(simulate: Simulator, seed: int) -> None:
    made = _with_effect(simulate(seed, geos=10, days=60), 100.0, 50)
    result = conformal_test(synthetic_control(made), level=0.9, carry=0)
    low, high = result.effect.att.low, result.effect.att.high
    effects, p = result.tried
    outside = (effects < low) | (effects > high)
    assert outside.any()
    assert (p[outside] < 1 - 0.9).all()
    for value, inside in (
        (low, True),
        (high, True),
        (low - (high - low), False),
        (high + (high - low), False),
    ):
        values = made.panel.values.copy()
        values[:2, 50:] -= value + (1e-9 if value == low else -1e-9) * inside
        moved = conformal_test(
            synthetic_control(replace(made, panel=replace(made.panel, values=values))), carry=0
        )
        at_none = moved.tried[1][moved.tried[0] == 0][0]
        assert (at_none >= 1 - 0.9) == inside


def test_weeks_are_too_few(simulate: Simulator) -> None:
    short = conformal_test(synthetic_control(_with_effect(simulate(3, days=18), 1e5, 14)), carry=0)
    assert short.effect.att.p == pytest.approx(1 / 18)
    assert not short.effect.att.significant
    assert "With 18 periods p cannot be below 0.056" in short.notes[0]
    assert "At least 21 periods" in short.effect.att.note
    # The best rank of twenty is 0.05, and that is not below 0.05.
    twenty = conformal_test(synthetic_control(_with_effect(simulate(3, days=20), 1e5, 16)), carry=0)
    assert (twenty.effect.att.p, twenty.effect.att.significant) == (0.05, False)
    assert "At least 21 periods" in twenty.effect.att.note
    enough = conformal_test(synthetic_control(_with_effect(simulate(3, days=21), 1e5, 17)), carry=0)
    assert enough.effect.att.significant
    assert not any("cannot be below" in note for note in enough.notes)
    # Where misses carry over, a stretch ranks first by chance more often than one in 21.
    carried = conformal_test(synthetic_control(_with_effect(simulate(3, days=21), 1e5, 17)), carry=0.8)
    assert not carried.effect.att.significant
    assert "carries over, so it takes more of them" in carried.effect.att.note


def test_a_miss_that_carries_over_too_far_has_no_p(simulate: Simulator) -> None:
    made = _with_effect(simulate(3, geos=10, days=90, carry=0.99), 0.0, 75)
    with pytest.raises(
        NotEnoughData, match="too far from period to period for conformal inference: its auto"
    ):
        conformal_test(synthetic_control(made))
    free = conformal_test(synthetic_control(_with_effect(simulate(3, geos=10, days=90, carry=0.0), 0.0, 75)))
    assert free.carry <= 0.3


def test_needs_a_pre_period_of_twice_the_test(simulate: Simulator) -> None:
    with pytest.raises(NotEnoughData, match="twice the test and its cooldown: 40 periods, not 30"):
        conformal_test(synthetic_control(_with_effect(simulate(4, days=50), 0.0, 30)))


def test_order_and_units_do_not_matter(simulate: Simulator) -> None:
    panel = simulate(5, geos=14, days=60)
    first = conformal_test(synthetic_control(_with_effect(panel, 0.0, 50)), carry=0.5)
    turned = panel.only(panel.geos[::-1])
    made = split(turned, treated=list(panel.geos[:2]), start=panel.days[50])
    assert conformal_test(synthetic_control(made), carry=0.5).effect == first.effect
    scaled = conformal_test(
        synthetic_control(_with_effect(replace(panel, values=panel.values * 1e4 - 3), 0.0, 50)), carry=0.5
    )
    assert scaled.effect.att.p == first.effect.att.p
    assert scaled.effect.att.low == pytest.approx(first.effect.att.low * 1e4, rel=1e-4)


def test_a_figure_that_fell_below_zero_has_no_lift(simulate: Simulator) -> None:
    panel = simulate(5, geos=14, days=60)
    result = conformal_test(synthetic_control(_with_effect(panel, -2 * panel.values[:2].max(), 50)), carry=0)
    assert result.effect.att.significant
    assert "needs a figure above 0" in result.effect.lift.note
