"""The money of an experiment within the spend of its periods."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from workbench.errors import BadInput, UsageError
from workbench.mmm.market import Market
from workbench.mmm.simulation import simulate_market
from workbench.mmm.spec import LiftTest, MixSpec

pytestmark = pytest.mark.skipif(find_spec("pymc_marketing") is None, reason="pymc-marketing is not installed")


def trials_of(spec: MixSpec, market: Market) -> Any:
    """Return the trials; what finds them takes seconds to import, which no collection of tests needs."""
    from workbench.mmm import lift

    return lift.trials_of(spec, market)


def test_a_test_that_began_within_a_week_may_have_had_all_its_money() -> None:
    """A holdout from Friday to a Thursday, whose channel ran for it alone: weeks hold more than its days."""
    simulated = simulate_market(seed=1, periods=60, channels=3)
    spend, exposure = simulated.market.spend.copy(), simulated.market.exposure.copy()
    spend[0, :, 0] = exposure[0, :, 0] = 0.0
    spend[0, 20:24, 0], exposure[0, 20:24, 0] = [277.0, 467.0, 465.0, 190.0], [30.0, 45.0, 46.0, 20.0]
    market: Market = replace(simulated.market, spend=spend, exposure=exposure)
    monday: Any = market.dates[20].astype("datetime64[D]").item()
    test = LiftTest(
        channel=market.channels[0],
        start=monday + timedelta(days=4),
        end=monday + timedelta(days=24),
        spend_change=1399.0,
        outcome_change=-1103.0,
        error=2349.0,
        share=0.9,
    )
    found = trials_of(simulated.spec.with_lift_tests((test,)), market)
    assert found.usual.sum() == pytest.approx(0.0, abs=1e-9)
    assert found.changed.sum() == pytest.approx(np.sum(exposure[0, 20:24, 0]) / 0.9)
    for much in (1450.0, 5000.0):
        with pytest.raises(BadInput, match="more than the table says"):
            trials_of(simulated.spec.with_lift_tests((replace(test, spend_change=much),)), market)


@pytest.mark.parametrize(("during", "change"), [(0.0, -400.0), (300.0, 800.0)])
def test_money_is_moved_while_it_is_spent_and_not_while_its_effect_is_awaited(
    during: float, change: float
) -> None:
    """Four weeks without the channel (or with thrice as much), then two in which the effect still counts."""
    simulated = simulate_market(seed=1, periods=60, channels=3)
    spend = simulated.market.spend.copy()
    spend[0, :, 0], spend[0, 30:34, 0] = 100.0, during
    market: Market = replace(simulated.market, spend=spend, exposure=spend)
    monday: Any = market.dates[30].astype("datetime64[D]").item()
    test = LiftTest(
        channel=market.channels[0],
        start=monday,
        spent_until=monday + timedelta(days=27),
        end=monday + timedelta(days=41),
        spend_change=change,
        outcome_change=change,
        error=10.0,
    )
    found = trials_of(simulated.spec.with_lift_tests((test,)), market)
    assert found.usual[0, -6:, 0] == pytest.approx(100.0)
    assert found.changed[0, -6:, 0] == pytest.approx([during] * 4 + [100.0] * 2)
    assert found.weight[0, -6:, 0] == pytest.approx(1.0)
    with pytest.raises(UsageError, match="outside of its own days"):
        replace(test, spent_until=monday + timedelta(days=42))
