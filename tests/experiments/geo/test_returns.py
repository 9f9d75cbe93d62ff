from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.placebo import placebo_test
from workbench.experiments.geo.returns import returns, returns_on_spend
from workbench.experiments.geo.split import Split, split
from workbench.experiments.geo.synthetic_control import synthetic_control
from workbench.experiments.geo.time_based_regression import time_based_regression

Simulator = Callable[..., Panel]


def _spent(panel: Panel, *, roas: float, noise: float, seed: int = 0) -> Split:
    """Return a test in which 300 a day were spent in two geos, and spend of all geos moves by some noise."""
    rng = np.random.default_rng(seed)
    spend = 100 + noise * rng.normal(size=panel.values.shape)
    spend[:2, 70:] += 300
    values = panel.values + roas * (spend - 100)
    return split(
        replace(panel, values=values, spend=spend), treated=["geo 000", "geo 001"], start=panel.days[70]
    )


@pytest.mark.data
def test_known_and_measured_cost_agree_where_only_the_treated_spent(salesandcost: Split) -> None:
    found = time_based_regression(salesandcost).found
    measured = returns_on_spend(found, level=0.9, currency="USD")
    known = returns(placebo_test(found, level=0.9).effect, cost=50000.0)
    assert measured.cost == pytest.approx(50000)
    assert measured.iroas.value == pytest.approx(2.946742, abs=1e-6)
    assert (measured.iroas.low, measured.iroas.high) == pytest.approx((known.iroas.low, known.iroas.high))
    assert measured.iroas.p == known.iroas.p
    assert measured.sentence.startswith("Each $1.00 of the $50,000 brought 2.95 (")


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    roas=st.sampled_from([0.0, 0.3, 2.0]),
    noise=st.sampled_from([0.0, 5.0, 100.0]),
    level=st.sampled_from([0.8, 0.9, 0.95]),
)
def test_p_is_small_exactly_when_the_interval_leaves_out_no_return(
    simulate: Simulator, seed: int, roas: float, noise: float, level: float
) -> None:
    found = synthetic_control(_spent(simulate(seed, geos=14), roas=roas, noise=noise, seed=seed))
    result = returns_on_spend(found, level=level, placebos=40)
    assert result.iroas.excludes(0) == (result.iroas.p < 1 - level)
    assert result.iroas.low <= result.iroas.value <= result.iroas.high


def test_every_return_in_the_interval_would_not_be_rejected(simulate: Simulator) -> None:
    made = _spent(simulate(3), roas=2.0, noise=2.0)
    result = returns_on_spend(synthetic_control(made), level=0.9, placebos=60)
    low, high = result.iroas.low, result.iroas.high
    assert 0 < high - low < 4
    weights = synthetic_control(made)
    assert made.panel.spend is not None
    for value, inside in ((low + 1e-6, True), (low - 1e-6, False), (high - 1e-6, True), (high + 1e-6, False)):
        # Taken off after the weights were found: the pre-period keeps its figures.
        values = made.panel.values.copy()
        centre = made.panel.spend[:, :70].mean(1, keepdims=True)
        values[:, 70:] -= value * (made.panel.spend - centre)[:, 70:]
        moved = replace(made, panel=replace(made.panel, values=values))
        again = placebo_test(synthetic_control(moved), level=0.9, placebos=60)
        assert (again.effect.att.p >= 1 - 0.9) == inside
    assert weights.split is made


def test_cost_per_increment(simulate: Simulator) -> None:
    found = placebo_test(synthetic_control(_spent(simulate(3), roas=4.0, noise=0.0)), placebos=60, level=0.9)
    priced = returns(found.effect, cost=12_000.0)
    assert priced.iroas.low > 0
    assert priced.cost_per_increment.value == pytest.approx(12_000 / found.effect.incremental.value)
    assert priced.cost_per_increment.high == pytest.approx(12_000 / found.effect.incremental.low)
    saved = returns(found.effect, cost=-12_000.0)
    assert saved.iroas.high == -priced.iroas.low
    assert "no increment" in saved.cost_per_increment.note
    nothing = placebo_test(synthetic_control(_spent(simulate(3), roas=0.0, noise=0.0)), placebos=60)
    open_ended = returns(nothing.effect, cost=12_000.0).cost_per_increment
    assert open_ended.high == float("inf") or not open_ended.known
    assert len(priced.to_frame()) == 2


def test_has_no_end_where_everybodys_spend_moved(simulate: Simulator) -> None:
    result = returns_on_spend(synthetic_control(_spent(simulate(3), roas=0.0, noise=5000.0)), placebos=60)
    assert result.iroas.high == float("inf")
    assert not result.iroas.significant


def test_refuses_what_cannot_be_divided(simulate: Simulator) -> None:
    made = _spent(simulate(3), roas=1.0, noise=0.0)
    found = synthetic_control(made)
    for cost in (0.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="The cost is"):
            returns(placebo_test(found, placebos=20).effect, cost=cost)
    bare = replace(made, panel=replace(made.panel, spend=None))
    with pytest.raises(UsageError, match="no spend"):
        returns_on_spend(synthetic_control(bare))
    flat = replace(made, panel=replace(made.panel, spend=np.full(made.panel.values.shape, 7.0)))
    with pytest.raises(NotEnoughData, match="did not move"):
        returns_on_spend(synthetic_control(flat))
