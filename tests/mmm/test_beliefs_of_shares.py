"""A share of the outcome and a return are two ways to say one belief."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.mmm.beliefs import return_priors
from workbench.mmm.simulation import simulate_market
from workbench.mmm.spec import ReturnPrior


def test_a_share_is_a_return_by_what_the_channel_costs() -> None:
    simulated = simulate_market(seed=1, channels=3)
    market, (tv, search, social) = simulated.market, simulated.spec.channels
    own = ReturnPrior(median=2.0, spread=0.4)
    spec = replace(simulated.spec, channels=(replace(tv, share=0.1), replace(search, prior=own), social))
    found = return_priors(spec, market)
    spend, sold = market.spend.sum((0, 1)), market.outcome.sum()
    assert found[0].median * spend[0] / sold == pytest.approx(0.1)
    assert found[1] == own
    assert found[2].median * spend.sum() / sold == pytest.approx(spec.media_share)
    assert found[0].spread == found[2].spread == 0.9
