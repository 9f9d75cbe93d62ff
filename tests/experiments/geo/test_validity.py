"""Geo tests of nothing find nothing, as often as promised; tests of something find it, and say how much.

Bands are those of the published battery: three standard errors of the number of trials, and what overlapping
windows of one panel add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from workbench.errors import NotEnoughData
from workbench.experiments.geo.augmented import augmented_synthetic_control
from workbench.experiments.geo.conformal import conformal_test
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.placebo import placebo_test
from workbench.experiments.geo.split import Split, split
from workbench.experiments.geo.synthetic_control import Counterfactual, synthetic_control
from workbench.experiments.geo.time_based_regression import time_based_regression
from workbench.experiments.inference.estimate import Estimate

Simulator = Callable[..., Panel]
Trial = tuple[Split, float]


@dataclass(frozen=True)
class Rates:
    found: float
    covered: float
    missed_low: float
    offered: float


def trials(
    panels: Callable[[int], Panel], count: int, *, lift: float = 0.0, treated: int = 2, post: int = 15
) -> Iterator[Trial]:
    """Yield tests with a known effect per geo and period: random geos, a window that ends on day 60 to 90."""
    rng = np.random.default_rng(20261)
    for turn in range(count):
        panel = panels(turn)
        end = int(rng.integers(60, len(panel.days), endpoint=True))
        rows = rng.choice(len(panel.geos), treated, replace=False)
        values = panel.values.copy()
        window = np.ix_(rows, np.arange(end - post, end))
        effect = lift * values[window].mean()
        values[window] += effect
        moved = replace(panel, values=values).cut(0, end)
        yield split(moved, treated=[panel.geos[row] for row in rows], start=panel.days[end - post]), effect


def rates(made: Iterator[Trial], judge: Callable[[Split, int], Estimate]) -> Rates:
    said, count = [], 0
    for turn, (each, effect) in enumerate(made):
        count += 1
        try:
            found = judge(each, turn)
        except NotEnoughData:  # what is not offered finds nothing
            continue
        said.append((found.significant, found.low <= effect <= found.high, found.low > effect))
    means = np.array(said, float).mean(0)
    return Rates(*means.tolist(), offered=len(said) / count)


def by_placebo(
    level: float, find: Callable[[Split], Counterfactual] = synthetic_control
) -> Callable[..., Estimate]:
    return lambda made, turn: placebo_test(find(made), level=level, placebos=60, seed=turn).effect.att


def by_conformal(level: float) -> Callable[..., Estimate]:
    return lambda made, _: conformal_test(synthetic_control(made), level=level).effect.att


@pytest.mark.data
@pytest.mark.parametrize("judge", [by_placebo(0.95), by_conformal(0.95)], ids=["placebo", "conformal"])
def test_a_short_look_at_the_size(before_walkthrough: Panel, judge: Callable[..., Estimate]) -> None:
    assert rates(trials(lambda _: before_walkthrough, 60), judge).found <= 0.05 + 3 * 0.028


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("judge", [by_placebo(0.95), by_conformal(0.95)], ids=["placebo", "conformal"])
def test_size_on_the_cities_of_the_walkthrough(
    before_walkthrough: Panel, judge: Callable[..., Estimate]
) -> None:
    assert rates(trials(lambda _: before_walkthrough, 400), judge).found == pytest.approx(0.05, abs=0.025)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("judge", [by_placebo(0.95), by_conformal(0.95)], ids=["placebo", "conformal"])
def test_power_on_the_cities_of_the_walkthrough(
    before_walkthrough: Panel, judge: Callable[..., Estimate]
) -> None:
    assert rates(trials(lambda _: before_walkthrough, 400, lift=0.08), judge).found >= 0.70


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("judge", [by_placebo(0.9), by_conformal(0.9)], ids=["placebo", "conformal"])
def test_coverage_on_the_cities_of_the_walkthrough(
    before_walkthrough: Panel, judge: Callable[..., Estimate]
) -> None:
    seen = rates(trials(lambda _: before_walkthrough, 400, lift=0.05), judge)
    assert seen.covered == pytest.approx(0.9, abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("geos", "treated"),
    [(24, 2), (24, 6), (40, 1), (12, 2)],
)
def test_size_with_autocorrelation_and_a_week(simulate: Simulator, geos: int, treated: int) -> None:
    made = trials(lambda turn: simulate(turn, geos=geos), 600, treated=treated)
    assert rates(made, by_placebo(0.95)).found == pytest.approx(0.05, abs=0.027)


@pytest.mark.slow
@pytest.mark.parametrize("carry", [0.0, 0.4, 0.8])
def test_size_of_the_second_opinion_where_misses_carry_over(simulate: Simulator, carry: float) -> None:
    """By rank alone it would find an effect in 7 to 8 % of tests of nothing at 0.8."""
    made = trials(lambda turn: simulate(turn, carry=carry), 600)
    seen = rates(made, by_conformal(0.95))
    assert seen.found <= 0.05 + 0.027
    assert seen.offered > 0.85


@pytest.mark.slow
@pytest.mark.parametrize(
    "judge",
    [by_placebo(0.9), by_conformal(0.9), by_placebo(0.9, augmented_synthetic_control)],
    ids=["placebo", "conformal", "augmented"],
)
def test_coverage_with_autocorrelation_and_a_week(
    simulate: Simulator, judge: Callable[..., Estimate]
) -> None:
    seen = rates(trials(simulate, 400, lift=0.05), judge)
    assert seen.covered == pytest.approx(0.9, abs=0.045)


@pytest.mark.slow
@pytest.mark.data
def test_regression_needs_the_placebo_test(before_walkthrough: Panel) -> None:
    """The textbook interval is why time-based regression is a check only, and why it says so."""
    textbook = rates(
        trials(lambda _: before_walkthrough, 300), lambda made, _: time_based_regression(made).effect.att
    )
    assert textbook.found > 0.12
    placebo = by_placebo(0.95, lambda made: time_based_regression(made).found)
    assert rates(trials(lambda _: before_walkthrough, 300), placebo).found == pytest.approx(0.05, abs=0.035)
