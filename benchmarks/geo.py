"""Geo tests beside SciPy's general solver, and panelkit where it is installed, in one run.

    python benchmarks/geo.py

CPU seconds of one thread on simulated panels (shared factors, a week, many sizes of geos), with two
geos treated on the last 15 days. Peers get the same arrays. SLSQP solves the same least squares with its
gradient and stops at its default tolerance; its miss is printed beside ours. panelkit's DemeanedSC is in
Rust, no dependency of ours, left out where it is not installed. Limits at 200 x 365: one synthetic control
0.2 s, one for each geo 30 s, conformal p and interval 1 s.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np

from workbench.experiments.geo.augmented import augmented_synthetic_control
from workbench.experiments.geo.conformal import METHOD as CONFORMAL
from workbench.experiments.geo.conformal import conformal_test
from workbench.experiments.geo.measured_size import measured_size
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.placebo import placebo_test
from workbench.experiments.geo.split import Split, split
from workbench.experiments.geo.synthetic_control import centred, gaps_of, simplex_weights, synthetic_control

SIZES = ((40, 105), (100, 200), (200, 365))
POST = 15
LIMITS = {"synthetic control": 0.2, "one for each geo": 30.0, "conformal p and interval": 1.0}


def simulated(geos: int, days: int) -> Split:
    rng = np.random.default_rng(7)
    factors = rng.normal(size=(3, days)).cumsum(1) * 0.02
    week = 0.1 * rng.uniform(0.5, 1.5, (geos, 1)) * np.sin(2 * np.pi * np.arange(days) / 7)
    moves = rng.dirichlet(np.ones(3), geos) @ factors + week + 0.04 * rng.normal(size=(geos, days))
    panel = Panel(
        geos=tuple(f"geo {row:03d}" for row in range(geos)),
        days=tuple(date(2025, 1, 1) + timedelta(day) for day in range(days)),
        values=np.exp(rng.normal(7, 1, (geos, 1))) * (1 + moves),
    )
    return split(panel, treated=panel.geos[:2], start=panel.days[-POST])


def with_slsqp(made: Split) -> np.ndarray[Any, Any]:
    """Return the weights of SciPy's general solver."""
    from scipy.optimize import minimize

    values = centred(made.panel.values, made.pre)[:, : made.pre]
    points = values[made.controls] - values[made.treated].mean(0)
    points /= np.linalg.norm(points, axis=1).min()
    count = len(points)
    answer = minimize(
        lambda weights: float(np.square(weights @ points).sum()),
        np.full(count, 1 / count),
        jac=lambda weights: 2 * points @ (weights @ points),
        bounds=[(0, 1)] * count,
        constraints={
            "type": "eq",
            "fun": lambda weights: weights.sum() - 1,
            "jac": np.ones_like,
        },
        method="SLSQP",
        options={"maxiter": 1000},
    )
    return np.asarray(answer.x)


def each_geo(made: Split) -> Any:
    rows = np.arange(len(made.panel.geos))
    return gaps_of(made.panel.values, pre=made.pre, sets=list(rows[:, None]), donors=rows)


def panelkit_work(made: Split) -> dict[str, Callable[[], Any]]:
    """Return what panelkit does of it; it averages no treated geos, so it gets their mean as one geo."""
    try:
        from panelkit import DemeanedSC
    except ImportError:
        return {}
    values = made.panel.values
    merged = np.vstack([values[made.treated].mean(0), values[made.controls]])
    return {
        "panelkit: synthetic control": lambda: DemeanedSC().fit(merged, [0], made.pre),
        "panelkit: one for each geo": lambda: DemeanedSC(inference="placebo").fit(merged, [0], made.pre),
    }


def work(made: Split) -> dict[str, Callable[[], Any]]:
    found = synthetic_control(made)
    return {
        "synthetic control": lambda: synthetic_control(made),
        "SLSQP: synthetic control": lambda: with_slsqp(made),
        "augmented, penalty chosen": lambda: augmented_synthetic_control(made),
        "one for each geo": lambda: each_geo(made),
        "placebo test, 200 pairs": lambda: placebo_test(found),
        "conformal p and interval": lambda: conformal_test(found),
        "size of the placebo test": lambda: measured_size(made),
        "size of the conformal test": lambda: measured_size(made, method=CONFORMAL),
        **panelkit_work(made),
    }


def seconds(tasks: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Return the CPU seconds of interleaved repeats, after one call to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(repeats + 1):
        for name, task in tasks.items():
            if turn == 0 and name.startswith("size"):
                continue  # it runs what is warm already
            start = time.process_time()
            task()
            if turn:
                taken[name].append(time.process_time() - start)
    return taken


def miss(made: Split, weights: np.ndarray[Any, Any]) -> float:
    values = centred(made.panel.values, made.pre)[:, : made.pre]
    return float(np.linalg.norm(values[made.treated].mean(0) - weights @ values[made.controls]))


def main() -> None:
    """Print the medians for each size, and keep the limits."""
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    broken = []
    for geos, days in SIZES:
        made = simulated(geos, days)
        taken = seconds(work(made), repeats=3)
        print(f"\n{geos} geos x {days} days")
        for name, times in taken.items():
            middle = statistics.median(times)
            print(f"  {name:28s} {middle:8.4f} s (min {min(times):.4f}, max {max(times):.4f})")
            if (geos, days) == SIZES[-1] and middle > LIMITS.get(name, np.inf):
                broken.append(f"{name} took {middle:.2f} s, its limit is {LIMITS[name]} s")
        values = centred(made.panel.values, made.pre)[:, : made.pre]
        ours = simplex_weights(values[made.controls], values[made.treated].mean(0))
        print(
            f"  miss before the test: ours {miss(made, ours):.6f}, SLSQP {miss(made, with_slsqp(made)):.6f}"
        )
    if broken:
        sys.exit("\n".join(broken))


if __name__ == "__main__":
    main()
