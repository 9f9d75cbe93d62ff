from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import NotEnoughData
from workbench.experiments.geo.augmented import augmented_synthetic_control
from workbench.experiments.geo.pairs import kept_between
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.placebo import placebo_sets, placebo_test, ranked
from workbench.experiments.geo.split import Split, split
from workbench.experiments.geo.synthetic_control import synthetic_control

Simulator = Callable[..., Panel]


def _with_effect(panel: Panel, treated: list[str], pre: int, effect: float) -> Panel:
    values = panel.values.copy()
    values[np.ix_(panel.rows(treated), np.arange(pre, len(panel.days)))] += effect
    return replace(panel, values=values)


def _test_of(panel: Panel, treated: list[str], pre: int) -> Split:
    return split(panel, treated=treated, start=panel.days[pre])


@pytest.mark.data
def test_walkthrough_is_not_unusual_among_pairs_of_cities(walkthrough: Split) -> None:
    found = placebo_test(synthetic_control(walkthrough))
    assert 0.15 < found.effect.att.p < 0.4  # .236 with other pairs
    assert found.effect.att.low < 0 < 155.556 < found.effect.att.high
    assert (found.size, len(found.placebos), found.left_out) == (2, 200, 0)
    assert "of 200 groups" in found.sentence
    assert list(found.to_frame()["effect"]) == ["per geo and period", "in all", "lift"]


@pytest.mark.data
def test_california_is_among_the_most_unusual_states(california: Split) -> None:
    found = placebo_test(synthetic_control(california), placebos=38)
    assert len(found.placebos) == 38
    assert found.effect.att.p < 0.35
    assert "cannot be below" not in found.effect.att.note
    few = placebo_test(synthetic_control(california), placebos=38, worst_fit=1.0)
    assert few.left_out == 38 - len(few.placebos) > 0
    assert f"{few.left_out} placebo groups were left out" in few.effect.att.note


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    effect=st.floats(-400, 400),
    alpha=st.sampled_from([0.2, 0.1, 0.05]),
    placebos=st.sampled_from([9, 19, 39, 40, 60]),
)
def test_p_is_small_exactly_when_the_interval_leaves_out_no_effect(
    simulate: Simulator, seed: int, effect: float, alpha: float, placebos: int
) -> None:
    panel = _with_effect(simulate(seed, geos=12, days=50), ["geo 002", "geo 005"], 40, effect)
    found = synthetic_control(_test_of(panel, ["geo 002", "geo 005"], 40))
    result = placebo_test(found, level=1 - alpha, placebos=placebos)
    for each in (result.effect.att, result.effect.incremental, result.effect.lift):
        assert each.excludes(0) == (each.p < alpha) or not each.known
        assert each.low <= each.value <= each.high or not each.known


@settings(max_examples=100, deadline=None)
@given(
    effect=st.sampled_from([0.1, 0.2, 0.3, 1 / 3, 0.7]),
    miss=st.sampled_from([0.1, 0.3, 1.0, 1 / 3]),
    scores=st.lists(st.sampled_from([1 / 3, 0.1, 1.0, 2.0, 3.0, 0.9]), min_size=1, max_size=60),
    alpha=st.sampled_from([0.5, 0.2, 0.1, 0.05]),
)
def test_ties_do_not_part_p_and_interval(
    effect: float, miss: float, scores: list[float], alpha: float
) -> None:
    p, half = ranked(effect, miss, np.array(scores), level=1 - alpha)
    assert (effect - half > 0) == (p < alpha)


@pytest.mark.parametrize("groups", [19, 39])
def test_a_p_of_just_the_error_shows_nothing(simulate: Simulator, groups: int) -> None:
    # Of 19 groups the best rank is 0.05, of 39 the second: not below 0.05, so the interval holds no effect.
    panel = _with_effect(simulate(11, geos=groups + 1, days=50), ["geo 000"], 40, 1e5)
    result = placebo_test(synthetic_control(_test_of(panel, ["geo 000"], 40)))
    assert len(result.placebos) == groups
    ends = 1e5 - np.arange(1.0, groups + 1), 1e5 + np.arange(1.0, groups + 1)
    ends[0][: (groups + 1) // 20 - 1] = -1.0
    assert kept_between(*ends, value=1e5, level=0.95)[0] == 0.05
    assert kept_between(*ends, value=1e5, level=0.95)[1] <= 0.0
    assert result.effect.att.significant == (groups == 39)
    assert ("no effect can be shown" in result.effect.att.note) == (groups == 19)


def test_every_value_in_the_interval_would_not_be_rejected(simulate: Simulator) -> None:
    treated = ["geo 002", "geo 005"]
    panel = _with_effect(simulate(11), treated, 70, 100.0)
    result = placebo_test(synthetic_control(_test_of(panel, treated, 70)), placebos=60, level=0.9)
    low, high = result.effect.att.low, result.effect.att.high
    for value, inside in ((low + 1e-6, True), (low - 1e-6, False), (high - 1e-6, True), (high + 1e-6, False)):
        moved = _with_effect(panel, treated, 70, -value)
        again = placebo_test(synthetic_control(_test_of(moved, treated, 70)), placebos=60, level=0.9)
        assert (again.effect.att.p >= 1 - 0.9) == inside


def test_same_seed_order_and_units_give_the_same(simulate: Simulator) -> None:
    panel = simulate(12)
    treated = ["geo 004", "geo 020"]
    first = placebo_test(synthetic_control(_test_of(panel, treated, 70)), seed=3)
    again = placebo_test(synthetic_control(_test_of(panel.only(panel.geos[::-1]), treated, 70)), seed=3)
    other = placebo_test(synthetic_control(_test_of(panel, treated, 70)), seed=4)
    scaled = replace(panel, values=panel.values * 1e-3 + 7.0)
    third = placebo_test(synthetic_control(_test_of(scaled, treated, 70)), seed=3)
    assert first.effect == again.effect
    assert other.effect.att.low != first.effect.att.low
    assert third.effect.att.p == first.effect.att.p
    assert third.effect.att.low == pytest.approx(first.effect.att.low * 1e-3, rel=1e-6)


def test_groups_are_all_where_there_are_few() -> None:
    geos = np.arange(10, 16)
    assert len(placebo_sets(geos, 2, count=15, seed=0)) == 15
    drawn = placebo_sets(np.arange(40), 3, count=100, seed=0)
    assert len({tuple(rows) for rows in drawn}) == 100
    assert all(len(set(rows.tolist())) == 3 for rows in drawn)


def test_says_what_limits_it(simulate: Simulator) -> None:
    panel = simulate(13, geos=14)
    many = _test_of(panel, [f"geo {row:03d}" for row in range(8)], 70)
    result = placebo_test(synthetic_control(many))
    assert result.size == 3
    assert "Placebo groups have 3 geos, 8 were treated" in result.notes[0]
    few = split(
        panel, treated=["geo 000"], start=panel.days[70], controls=[f"geo 00{row}" for row in range(1, 7)]
    )
    result = placebo_test(synthetic_control(few))
    assert len(result.placebos) == 6
    assert "p cannot be below 0.143" in result.effect.att.note
    assert result.effect.att.high == float("inf")
    assert not result.effect.att.significant


def test_refuses_a_perfect_fit(simulate: Simulator) -> None:
    panel = simulate(14)
    values = panel.values.copy()
    values[3] = values[5]
    with pytest.raises(NotEnoughData, match="without a miss"):
        placebo_test(synthetic_control(_test_of(replace(panel, values=values), ["geo 003"], 70)))


def test_works_with_the_augmented_control(simulate: Simulator) -> None:
    panel = _with_effect(simulate(15), ["geo 003"], 70, 5000.0)
    made = split(panel, treated=["geo 003"], start=panel.days[70], end=date(2026, 3, 20))
    result = placebo_test(augmented_synthetic_control(made), placebos=40)
    assert result.effect.att.p < 0.05
    assert result.gaps.shape == (23, 79)
    np.testing.assert_allclose(np.square(result.gaps[:, :70]).mean(1), 1)
