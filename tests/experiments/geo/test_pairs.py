from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from workbench.experiments.geo.pairs import kept_between, pairs_of
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.split import split
from workbench.experiments.geo.synthetic_control import simplex_weights, synthetic_control


def test_both_of_a_pair_do_without_the_geos_of_the_group(simulate: Callable[..., Panel]) -> None:
    panel = simulate(1)
    sets = [np.array([4, 9]), np.array([5, 20])]
    treated = np.array([0, 1])
    pairs = pairs_of(
        panel.values, pre=70, treated=treated, sets=sets, donors=np.arange(2, 24), weighting=simplex_weights
    )
    for place, rows in enumerate(sets):
        left = [panel.geos[row] for row in range(2, 24) if row not in rows]
        for part, group in enumerate((rows, treated)):
            names = [panel.geos[row] for row in group]
            alone = synthetic_control(split(panel, treated=names, start=panel.days[70], controls=left))
            np.testing.assert_allclose(pairs[part, place], alone.gap, atol=1e-8 * panel.values.max())


@pytest.mark.parametrize("value", [3.0, -3.0, 0.0])
def test_p_and_ends_say_the_same(value: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        middle = value + rng.normal(size=60)
        reach = np.abs(rng.normal(size=60)) * rng.uniform(0.5, 4)
        level = rng.choice([0.8, 0.9, 0.95])
        p, low, high = kept_between(middle - reach, middle + reach, value=value, level=level)
        assert (p < 1 - level) == (low > 0 or high < 0)
        assert low <= value <= high


def test_what_a_group_keeps_counts_beyond_it_too() -> None:
    # Two of nine groups keep only values below 0, seen from an estimate of 1 that lies beyond it.
    lows, highs = np.array([-3.0, -2.0, *[0.5] * 7]), np.array([-2.5, -1.5, *[2.0] * 7])
    assert kept_between(lows, highs, value=1.0, level=0.75) == (pytest.approx(0.3), -2.0, 2.0)
