from __future__ import annotations

import numpy as np
import pytest

from workbench.experiments.geo.effect import effect_of
from workbench.experiments.geo.split import Split, split
from workbench.experiments.geo.synthetic_control import synthetic_control


@pytest.fixture
def made(simulate) -> Split:  # type: ignore[no-untyped-def]
    panel = simulate(1)
    return split(panel, treated=["geo 003", "geo 005"], start=panel.days[70], end=panel.days[79], cooldown=4)


def test_three_units_of_one_effect(made: Split) -> None:
    found = synthetic_control(made)
    effect = effect_of(found, low=-5.0, high=20.0, p=0.3, method="some test", note="some note")
    assert effect.att.value == found.att
    assert effect.incremental.value == pytest.approx(found.incremental)
    assert (effect.incremental.low, effect.incremental.high) == (-5.0 * 28, 20.0 * 28)
    assert effect.lift.value == pytest.approx(found.lift)
    mean = found.observed[70:].mean()
    assert effect.lift.high == pytest.approx(mean / (mean - 20.0) - 1)
    assert {each.note for each in (effect.att, effect.incremental, effect.lift)} == {"some note"}
    assert effect.to_frame()["p"].tolist() == [0.3] * 3


def test_ends_without_end(made: Split) -> None:
    found = synthetic_control(made)
    effect = effect_of(found, low=-np.inf, high=np.inf, p=0.3, method="some test")
    assert (effect.lift.low, effect.lift.high) == (-1.0, np.inf)
    assert (effect.incremental.low, effect.incremental.high) == (-np.inf, np.inf)
