from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.experiments.geo.panel import Panel, panel_of
from workbench.experiments.geo.split import Split, split

Simulator = Callable[..., Panel]


def _read(folder: Path, name: str) -> Panel:
    frame = pd.read_csv(folder / "geo" / "geolift_walkthrough" / f"GeoLift_{name}.csv")
    return panel_of(frame, geo="location", day="date", value="Y")


@pytest.fixture(scope="session")
def walkthrough(public_data: Path) -> Split:
    """Return the test of GeoLift's walkthrough: 40 cities, 90 days, then 15 in Chicago and Portland."""
    return split(_read(public_data, "Test"), treated=["chicago", "portland"], start=date(2021, 4, 1))


@pytest.fixture(scope="session")
def before_walkthrough(public_data: Path) -> Panel:
    """Return the 90 days before it, in which nothing was tried."""
    return _read(public_data, "PreTest")


@pytest.fixture(scope="session")
def california(public_data: Path) -> Split:
    """Return cigarette packs a head in 39 states, taxed in California from 1989."""
    wide = pd.read_csv(public_data / "geo" / "california_prop99" / "california_prop99.csv")
    long = wide.melt(id_vars="Year", var_name="state", value_name="packs")
    panel = panel_of(
        long.assign(day=long["Year"].astype(str) + "-01-01"), geo="state", day="day", value="packs"
    )
    return split(panel, treated=["California"], start=date(1989, 1, 1))


@pytest.fixture(scope="session")
def simulate() -> Simulator:
    """Return a maker of panels: shared AR(.8) factors, a week, many sizes, own AR(.8) noise."""
    return simulated


def simulated(
    seed: int, *, geos: int = 24, days: int = 90, noise: float = 0.04, carry: float = 0.8, factors: int = 2
) -> Panel:
    """Return a panel of positive figures without any effect."""
    rng = np.random.default_rng(seed)

    def autoregressive(rows: int) -> np.ndarray:
        shocks = rng.normal(size=(rows, days + 50)) * np.sqrt(1 - carry**2)
        for day in range(1, days + 50):
            shocks[:, day] += carry * shocks[:, day - 1]
        return shocks[:, 50:]

    shared = rng.dirichlet(np.ones(factors) * 3, size=geos) @ autoregressive(factors) * 0.1
    week = 0.1 * rng.uniform(0.5, 1.5, size=(geos, 1)) * np.sin(2 * np.pi * np.arange(days) / 7)
    size = np.exp(rng.normal(7, 1, size=(geos, 1)))
    values = size * (1 + shared + week + noise * autoregressive(geos))
    first = date(2026, 1, 1)
    return Panel(
        geos=tuple(f"geo {row:03d}" for row in range(geos)),
        days=tuple(first + timedelta(day) for day in range(days)),
        values=values,
        metric="revenue",
    )


@pytest.fixture(scope="session")
def salesandcost(public_data: Path) -> Split:
    """Return Google's example of a geo experiment: 50 of 100 geos, 42 days before, 28 days of test."""
    folder = public_data / "geo" / "google_geox_salesandcost"
    frame = pd.read_csv(folder / "salesandcost.csv").astype({"geo": str})
    groups = pd.read_csv(folder / "geoassignment.csv").astype({"geo": str})
    panel = panel_of(frame, day="date", value="sales", spend="cost", gaps="zero")
    treated = groups.loc[groups["geo.group"] == 2, "geo"].tolist()
    return split(panel, treated=treated, start=date(2015, 2, 16), end=date(2015, 3, 15))
