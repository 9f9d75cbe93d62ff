"""How long budgets take: one split, many totals, one move of the simulator; and pymc-marketing beside it.

Usage: .venv/bin/python benchmarks/mmm_budget.py [--library]

Times are CPU seconds, the median of some runs. With ``--library`` a model of pymc-marketing is fitted to a
simulated market for a moment, and its optimiser asked for as many channels.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import date

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from workbench.mmm.budget import (
    BudgetQuestion,
    ResponseTable,
    least_budget,
    optimise,
    project,
    sweep,
)
from workbench.mmm.budget.interpolation import knots_up_to
from workbench.mmm.budget.scenario import auto_split, scenario, to_page
from workbench.mmm.budget.table import rounded

LIMITS = {"optimise": 1.0, "optimise for the worst fifth": 1.0, "simulator: one move": 0.05}  # seconds


def table_of(draws: int, channels: int, slope: float = 1.0) -> ResponseTable:
    generator = np.random.default_rng(1)
    knots = knots_up_to(3.0)
    each = (draws, channels)
    half = np.exp(generator.normal(0, 0.5, channels) + 0.3 * generator.normal(size=each))[..., None]
    effect = np.exp(generator.normal(12, 0.6, channels) + 0.3 * generator.normal(size=each))[..., None]
    return ResponseTable(
        model="benchmark",
        channels=tuple(f"channel {place}" for place in range(channels)),
        spend=np.exp(generator.normal(11, 0.8, channels)),
        knots=knots,
        outcome=rounded(effect * knots**slope / (half**slope + knots**slope)),
        sustained=np.full(channels, 1.2),
        peak=np.full(channels, 1.8),
        first=date(2024, 1, 1),
        last=date(2024, 12, 29),
        periods=52,
        period="week",
        kind="revenue",
        currency="EUR",
    )


def cpu(work: Callable[[], object], times: int = 5) -> float:
    work()
    took = []
    for _ in range(times):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return float(np.median(took))


def measured(table: ResponseTable) -> dict[str, float]:
    start, careful = scenario(table), BudgetQuestion(worst=0.2)
    unlocked = np.zeros(len(table.channels), bool)
    target = float(0.7 * table.outcome.max(axis=-1).sum(axis=-1).mean())
    return {
        "optimise": cpu(lambda: optimise(table)),
        "optimise for the worst fifth": cpu(lambda: optimise(table, careful), 3),
        "sweep of 25 totals": cpu(lambda: sweep(table), 3),
        "least budget for an outcome": cpu(lambda: least_budget(table, target), 3),
        "simulator: one move": cpu(lambda: project(start.table, 1.1 * start.split)),
        "simulator: best split": cpu(lambda: auto_split(start, start.split, unlocked)),
        "simulator: page": cpu(lambda: to_page(start), 3),
    }


def own() -> bool:
    """Print the times, and return whether each keeps its limit."""
    kept = True
    for draws, channels, slope in ((500, 20, 1.0), (500, 20, 2.5), (400, 8, 1.0)):
        print(f"{draws} draws, {channels} channels, Hill slope {slope}")
        for name, seconds in measured(table_of(draws, channels, slope)).items():
            limit = LIMITS.get(name, np.inf)
            kept &= seconds < limit
            asked = f", below {1000 * limit:,.0f} ms" if np.isfinite(limit) else ""
            print(f"  {name:32} {1000 * seconds:8.1f} ms{asked}{'' if seconds < limit else ': MISSED'}")
    return kept


def library() -> None:
    """Fit pymc-marketing's default model for a moment, and time its optimiser."""
    import warnings

    warnings.filterwarnings("ignore")
    import pandas as pd
    import xarray as xr
    from pymc_marketing.mmm import MMM, GeometricAdstock, LogisticSaturation
    from pymc_marketing.mmm.budget_optimizer import optimizer_xarray_builder

    from workbench.mmm.simulation import simulate_market

    simulated = simulate_market(seed=1)
    frame = simulated.table.assign(t=np.linspace(0, 1, len(simulated.table)))
    channels = list(simulated.truth.channels)
    model = MMM(
        date_column="date",
        channel_columns=channels,
        target_column="revenue",
        control_columns=["price", "promo", "t"],
        yearly_seasonality=2,
        adstock=GeometricAdstock(l_max=8),
        saturation=LogisticSaturation(),
    )
    inputs = frame.drop(columns="revenue")
    settings = {"chains": 2, "tune": 200, "draws": 250, "progressbar": False, "random_seed": 1}
    model.fit(inputs, frame["revenue"], nuts_sampler="nutpie", **settings)
    last = pd.Timestamp(frame["date"].max())
    start, end = last + pd.Timedelta(weeks=1), last + pd.Timedelta(weeks=13)
    now = frame[channels].tail(52).mean()
    bounds = optimizer_xarray_builder(
        np.c_[0.5 * now.to_numpy(), 2.0 * now.to_numpy()], channel=channels, bound=["lower", "upper"]
    )
    began = time.process_time()
    asked = model.budget_optimizer(str(start.date()), str(end.date()))
    found = asked.allocate_budget(total_budget=float(now.sum()), budget_bounds=bounds)
    split = time.process_time() - began
    today = xr.DataArray(now.to_numpy(), dims="channel", coords={"channel": channels})
    gain = asked.evaluate_response_distribution(found.budgets) - asked.evaluate_response_distribution(today)
    with_gain = time.process_time() - began
    table = table_of(500, len(channels))
    ours = cpu(lambda: optimise(table))
    print(f"pymc-marketing, 500 draws, 6 channels: split {split:.2f} s, with its gain {with_gain:.2f} s")
    print(f"  gain {float(gain.mean()):,.0f}")
    print(f"here, 500 draws, 6 channels, with its gain: {ours:.3f} s, {with_gain / ours:,.0f} times faster")


if __name__ == "__main__":
    in_time = own()
    if "--library" in sys.argv:
        library()
    sys.exit(0 if in_time else 1)
