"""A fit can be made again: the same seed gives the same draws, whatever was compiled before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FITS = """
from workbench.mmm.model import build
from workbench.mmm.sampling import compiled, data_of, sample
from workbench.mmm.simulation import simulate_market
from workbench.mmm.spec import Sampling

simulated = simulate_market(seed=4, periods=60, channels=2)
model = build(simulated.spec, simulated.market).model
machine = compiled(model)
tree = sample(machine, Sampling(chains=1, tune=200, draws=100, seed=9), data=data_of(model, machine))
print(tree["posterior"]["roi"].values.tobytes().hex())
"""


@pytest.mark.slow
def test_draws_do_not_depend_on_what_a_cache_holds(tmp_path: Path) -> None:
    own = {"PYTENSOR_FLAGS": f"base_compiledir={tmp_path}", "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    command = [sys.executable, "-c", FITS]
    cold, warm = (
        subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert len(cold) > 1000
    assert cold == warm
