"""How long a media mix model takes until every return is known well: bulk ESS 400 and R-hat below 1.01.

    python benchmarks/mmm_sampling.py                national: ours beside pymc-marketing's defaults
    python benchmarks/mmm_sampling.py --regions 40   regional: ours, and Meridian with --meridian PYTHON

National: 180 weeks, 6 channels, 4 chains of 1,000; the library samples with PyMC's NUTS after 1,000 more,
ours after 500.
Regional: 150 weeks, 5 channels, 4 chains of 1,000 after 500; PYTHON is an interpreter with google-meridian,
which takes 4 chains of 500 after 700 with its own beliefs. Limits: five times as fast as the library, no
divergences; 40 regions within 15 minutes of wall time, and faster than Meridian.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from mix import library
from workbench.mmm.curves import contribution_totals
from workbench.mmm.draws import Draws
from workbench.mmm.posterior import draws_of, health_of
from workbench.mmm.sampling import compiled, data_of, sample
from workbench.mmm.scaling import scaling_of
from workbench.mmm.simulation import SimulatedMarket, simulate_market
from workbench.stats import hdi

ENOUGH = 400
NATIONAL_LIMIT, REGIONAL_LIMIT = 5.0, 15 * 60


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one sampler took and got."""

    name: str
    compile: float
    sampling: float
    wall: float
    ess: float
    r_hat: float
    divergences: int
    held: int

    @property
    def enough(self) -> float:
        """Return CPU seconds of sampling for an ESS of 400 in the return known least."""
        return self.sampling * ENOUGH / self.ess

    def __str__(self) -> str:
        """Return one line."""
        return (
            f"{self.name:42s} compile {self.compile:6.1f} s, sampling {self.sampling:6.1f} CPU s "
            f"({self.wall:.1f} wall), ROI: ESS {self.ess:.0f}, R-hat {self.r_hat:.3f}, "
            f"{self.divergences} divergences, truth held {self.held}; to ESS 400 {self.enough:.1f} CPU s"
        )


def measured(name: str, simulated: SimulatedMarket, draws: Draws, tree: Any, clock: list[float]) -> Run:
    """Return the run's figures; `clock` has CPU before, after compiling, after sampling, and wall seconds."""
    import arviz as az

    market = simulated.market
    returns = contribution_totals(draws, market).sum(axis=1) / market.spend.sum(axis=(0, 1))
    chains = len(np.unique(draws.chain))
    by_chain = returns.reshape(chains, -1, returns.shape[1])
    ess = [float(az.ess(by_chain[:, :, one], method="bulk")) for one in range(by_chain.shape[2])]
    r_hat = [float(az.rhat(by_chain[:, :, one])) for one in range(by_chain.shape[2])]
    low, high = hdi(returns)
    return Run(
        name=name,
        compile=clock[1] - clock[0],
        sampling=clock[2] - clock[1],
        wall=clock[3],
        ess=min(ess),
        r_hat=max(r_hat),
        divergences=int(tree["sample_stats"]["diverging"].sum()),
        held=int(((low <= simulated.truth.roi) & (simulated.truth.roi <= high)).sum()),
    )


def ours(simulated: SimulatedMarket, draws: int) -> Run:
    """Return our model's run, at its default settings but for the draws of each chain."""
    from workbench.mmm.model import build

    spec, market = simulated.spec, simulated.market
    spec = replace(spec, sampling=replace(spec.sampling, draws=draws))
    clock = [time.process_time()]
    model = build(spec, market).model
    machine = compiled(model)
    clock.append(time.process_time())
    start = time.perf_counter()
    tree = sample(machine, spec.sampling, data=data_of(model, machine))
    clock += [time.process_time(), time.perf_counter() - start]
    worst = min(health_of(tree).parameters, key=lambda one: one.bulk)
    print(f"  least known of all parameters: {worst.name}, ESS {worst.bulk:.0f}, R-hat {worst.r_hat:.3f}")
    return measured("ours", simulated, draws_of(tree, spec, market, scaling_of(spec, market)), tree, clock)


def theirs(simulated: SimulatedMarket, draws: int) -> Run:
    """Return the library's run with PyMC's own sampler, one chain after the other."""
    import pymc as pm

    spec, market = simulated.spec, simulated.market
    clock = [time.process_time()]
    model = library.default_model(spec, market).model
    with warnings.catch_warnings(), model:
        warnings.simplefilter("ignore")
        pm.sample(draws=1, tune=1, chains=1, progressbar=False, nuts_sampler="pymc", random_seed=1)
        clock.append(time.process_time())
        start = time.perf_counter()
        tree = pm.sample(
            draws=draws, tune=draws, chains=4, cores=1, progressbar=False, nuts_sampler="pymc", random_seed=1
        )
    clock += [time.process_time(), time.perf_counter() - start]
    found = library.default_draws(tree, spec, market)
    return measured("pymc-marketing's defaults, PyMC's sampler", simulated, found, tree, clock)


def meridians(simulated: SimulatedMarket, python: str) -> Run:
    """Return Meridian's run of the same market, in a process of its own interpreter."""
    import arviz as az

    script = Path(__file__).parent / "mix" / "meridian_fit.py"
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "market.csv"
        simulated.table.to_csv(table, index=False)
        asked = [python, str(script), str(table), "500", *simulated.market.channels]
        said = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    told = json.loads(said.splitlines()[-1])
    returns = np.asarray(told["returns"])
    low, high = hdi(returns.reshape(-1, returns.shape[2]))
    channels = range(returns.shape[2])
    return Run(
        name="Meridian",
        compile=0.0,
        sampling=told["sampling"],
        wall=told["wall"],
        ess=min(float(az.ess(returns[:, :, one], method="bulk")) for one in channels),
        r_hat=max(float(az.rhat(returns[:, :, one])) for one in channels),
        divergences=told["divergences"],
        held=int(((low <= simulated.truth.roi) & (simulated.truth.roi <= high)).sum()),
    )


def main() -> int:
    """Run, print, and compare with the limits."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--regions", type=int, default=1)
    asked.add_argument("--draws", type=int, default=1000, help="of each of the library's chains")
    asked.add_argument("--own-draws", type=int, help="of each of our chains; by default as many")
    asked.add_argument("--seed", type=int, default=1, help="of the market with regions")
    asked.add_argument("--meridian", metavar="PYTHON", help="an interpreter with google-meridian installed")
    options = asked.parse_args()
    if options.regions > 1:
        simulated = simulate_market(seed=options.seed, periods=150, channels=5, regions=options.regions)
        run = ours(simulated, options.own_draws or options.draws)
        print(run, flush=True)
        kept = run.wall < REGIONAL_LIMIT and run.r_hat < 1.01 and run.ess >= ENOUGH
        if options.meridian:
            other = meridians(simulated, options.meridian)
            print(other)
            print(f"{other.enough / run.enough:.1f} times as fast to ESS 400 as Meridian")
            kept &= other.enough > run.enough
        return 0 if kept else 1
    simulated = simulate_market(seed=1)
    own = ours(simulated, options.own_draws or options.draws)
    print(own, flush=True)
    other = theirs(simulated, options.draws)
    print(other)
    ratio = other.enough / own.enough
    print(f"{ratio:.1f} times as fast to ESS 400 (limit {NATIONAL_LIMIT:.0f})")
    return 0 if ratio >= NATIONAL_LIMIT and own.divergences == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
