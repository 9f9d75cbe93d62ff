"""One simulated market and one small fit of it, shared by all tests of the room."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.mmm.fitted import MixFit
from workbench.mmm.simulation import SimulatedMarket, simulate_market
from workbench.mmm.spec import Sampling


@pytest.fixture(scope="session")
def simulated() -> SimulatedMarket:
    """Return two years of three channels, with the truth."""
    return simulate_market(seed=3, periods=104, channels=3)


@pytest.fixture(scope="session")
def fitted(simulated: SimulatedMarket) -> MixFit:
    """Return a fit of two chains of 300 draws, for one file of tests: each process compiles anew."""
    pytest.importorskip("pymc_marketing")
    from workbench.mmm.fitting import fit

    spec = replace(simulated.spec, sampling=Sampling(chains=2, tune=300, draws=300))
    return fit(spec, simulated.market)
