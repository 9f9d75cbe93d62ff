from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize

from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.split import Split, split
from workbench.experiments.geo.synthetic_control import gaps_of, simplex_weights, synthetic_control

WALKTHROUGH_WEIGHTS = {
    "cincinnati": 0.2272,
    "miami": 0.2028,
    "baton rouge": 0.1335,
    "minneapolis": 0.0900,
    "dallas": 0.0739,
    "nashville": 0.0685,
    "honolulu": 0.0673,
    "austin": 0.0465,
    "san diego": 0.0451,
    "reno": 0.0306,
    "san antonio": 0.0054,
    "new york": 0.0046,
    "houston": 0.0046,
}


@pytest.mark.data
def test_finds_what_geolift_prints_for_its_walkthrough(walkthrough: Split) -> None:
    found = synthetic_control(walkthrough)
    assert found.att == pytest.approx(155.5557, abs=1e-3)
    assert found.lift == pytest.approx(0.0542319, abs=1e-5)
    assert found.incremental == pytest.approx(4666.67, abs=0.5)
    assert found.imbalance == pytest.approx(909.489, abs=1e-3)
    assert found.scaled_imbalance == pytest.approx(0.1636, abs=1e-4)
    named = dict(zip(walkthrough.control_names, found.weights, strict=True))
    assert {name: named[name] for name in WALKTHROUGH_WEIGHTS} == pytest.approx(WALKTHROUGH_WEIGHTS, abs=1e-4)
    assert sum(weight > 1e-9 for weight in found.weights) == 13
    assert "+5.4%" in found.sentence


@pytest.mark.data
def test_california_smoked_about_nineteen_packs_less(california: Split) -> None:
    # The outcome alone, without unit effects, gives -19.51 (Abadie and others: -19.5 with covariates).
    values, pre = california.panel.values, california.pre
    weights = simplex_weights(values[california.controls, :pre], values[california.treated[0], :pre])
    gap = values[california.treated[0]] - weights @ values[california.controls]
    assert gap[pre:].mean() == pytest.approx(-19.5136, abs=1e-3)
    assert gap[-1] == pytest.approx(-26.5966, abs=1e-3)
    assert np.sqrt(np.square(gap[:pre]).mean()) == pytest.approx(1.6564, abs=1e-3)
    assert -25 < synthetic_control(california).att < -8


def test_frame_has_a_row_for_each_period(simulate: Callable[..., Panel]) -> None:
    panel = simulate(3)
    made = split(panel, treated=["geo 001"], start=panel.days[60], end=panel.days[79], cooldown=5)
    found = synthetic_control(made)
    frame = found.to_frame()
    assert frame["part"].value_counts().to_dict() == {"before": 60, "test": 20, "cooldown": 5}
    after = frame[frame["part"] != "before"]
    assert found.att == pytest.approx(after["gap"].mean())
    assert found.lift == pytest.approx(after["observed"].sum() / after["expected"].sum() - 1)


def _slsqp(controls: np.ndarray, target: np.ndarray) -> float:
    scale = np.linalg.norm(controls - target, axis=1).min()
    points = (controls - target) / scale
    answer = minimize(
        lambda weights: float(np.square(weights @ points).sum()),
        np.full(len(controls), 1 / len(controls)),
        jac=lambda weights: 2 * points @ (weights @ points),
        bounds=[(0, 1)] * len(controls),
        constraints=LinearConstraint(np.ones((1, len(controls))), 1, 1),
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 2000},
    )
    return float(answer.fun) * scale**2


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    controls=st.integers(1, 25),
    periods=st.integers(1, 60),
    scale=st.sampled_from([1e-6, 1.0, 1e7]),
)
def test_weights_meet_the_conditions_of_the_optimum(
    seed: int, controls: int, periods: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    size = np.exp(rng.normal(0, 2, size=(controls, 1)))
    values = scale * size * rng.normal(size=(controls, periods))
    target = scale * rng.normal(size=periods)
    weights = simplex_weights(values, target)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    points = values - target
    ahead = points @ (weights @ points)  # half the gradient: equal on the support, nowhere smaller
    tolerance = 1e-9 * np.square(points).sum(1).max()
    assert np.ptp(ahead[weights > 0]) < tolerance
    assert ahead.min() > ahead[weights > 0].max() - tolerance
    assert np.square(weights @ points).sum() <= _slsqp(values, target) + tolerance


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-4, 1000.0]), offset=st.sampled_from([0.0, 1e5]))
def test_units_offsets_and_order_do_not_matter(
    simulate: Callable[..., Panel], seed: int, scale: float, offset: float
) -> None:
    panel = simulate(seed, geos=12, days=60)
    treated = ["geo 003", "geo 009"]
    first = synthetic_control(split(panel, treated=treated, start=panel.days[45]))
    order = np.random.default_rng(seed).permutation(12)
    moved = replace(panel, values=panel.values * scale + offset * scale).only(
        panel.geos[row] for row in order
    )
    second = synthetic_control(split(moved, treated=treated, start=panel.days[45]))
    assert second.att == pytest.approx(first.att * scale, rel=1e-6, abs=1e-9 * scale * panel.values.max())
    np.testing.assert_allclose(second.weights, first.weights, atol=1e-6)


def test_a_copy_among_the_controls_is_found(simulate: Callable[..., Panel]) -> None:
    panel = simulate(5)
    values = panel.values.copy()
    values[4] = values[8]
    found = synthetic_control(split(replace(panel, values=values), treated=["geo 004"], start=panel.days[60]))
    assert found.weights.max() == pytest.approx(1)
    assert found.att == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("pre", [15, 80])  # fewer and more periods than geos: the second is turned
def test_gaps_of_sets_are_those_of_one_at_a_time(simulate: Callable[..., Panel], pre: int) -> None:
    panel = simulate(6).cut(0, pre + 10)
    sets = [np.array([3]), np.array([7, 11]), np.array([0, 1, 2])]
    gaps = gaps_of(panel.values, pre=pre, sets=sets, donors=np.arange(2, 24))
    for rows, gap in zip(sets, gaps, strict=True):
        treated = [panel.geos[row] for row in rows]
        controls = [panel.geos[row] for row in range(2, 24) if row not in rows]
        one = synthetic_control(split(panel, treated=treated, start=panel.days[pre], controls=controls))
        np.testing.assert_allclose(gap, one.gap, atol=1e-8 * panel.values.max())
