"""The stores in the cities: what they sell by city and day, and what a campaign in some cities added.

They are beside the online shop: nothing here is counted in its orders, events or advertising.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.errors import UsageError
from workbench.events.simulation.frames import as_table
from workbench.events.simulation.seasons import WEEKDAYS, stream, weekday_of, yearly

if TYPE_CHECKING:
    import polars as pl

    from workbench.events.simulation.spec import GeoTestTruth, MarketSpec

# Largest first.
CITIES = (
    "Berlin", "Vienna", "Hamburg", "Munich", "Cologne", "Frankfurt", "Zurich", "Stuttgart",
    "Leipzig", "Dresden", "Hanover", "Nuremberg", "Bremen", "Graz", "Essen", "Basel",
    "Bonn", "Linz", "Mannheim", "Karlsruhe", "Augsburg", "Kiel", "Salzburg", "Bern",
    "Freiburg", "Mainz", "Erfurt", "Rostock", "Kassel", "Innsbruck", "Potsdam", "Ulm",
    "Regensburg", "Jena", "Trier", "Lucerne", "Constance", "Bamberg", "Klagenfurt", "Schwerin",
)  # fmt: skip
_LARGEST, _SMALLEST = 900.0, 60.0  # orders of a day
_VALUE, _VALUE_SPREAD = 38.0, 0.9  # of an order, and its variation as a multiple of the mean
_TRENDS = 3  # that cities share in part
_TREND_STEP, _TREND_KEPT = 0.012, 0.97
_OWN_STEP, _OWN_KEPT = 0.018, 0.75

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What the stores sold, as a table, and what is true of it.

    Parameters
    ----------
    performance : DataFrame
        The table ``geo_performance``.
    truth : DataFrame
        As `Truth.geo_tests`.
    """

    performance: pl.DataFrame
    truth: pl.DataFrame


def open_stores(spec: MarketSpec) -> Stores:
    """Return the sales of the stores by city and day, with the tests of the specification in them."""
    import polars as pl

    rng = stream(spec, "stores")
    lift, spend = _tests(spec)
    expected = _expected(spec, rng)
    orders, added = rng.poisson(expected), rng.poisson(expected * lift)
    revenue, more = _worth(orders, rng), _worth(added, rng)
    cities, days = expected.shape
    performance = pl.DataFrame(
        {
            "day": np.tile(np.arange(days), cities),
            "geo": np.repeat(CITIES, days),
            "orders": (orders + added).ravel().astype(float),
            "revenue": np.round(revenue + more, 2).ravel(),
            "spend": np.round(spend * rng.lognormal(-0.02, 0.2, spend.shape), 2).ravel(),
        }
    ).with_columns(date=pl.lit(spec.start) + pl.duration(days=pl.col("day")))
    sums = (orders, added, np.round(revenue, 2), np.round(more, 2))
    return Stores(performance=as_table("geo_performance", performance), truth=_truth(spec, sums))


def _span(spec: MarketSpec, test: GeoTestTruth) -> slice:
    first = int(test.first_day * spec.days)
    return slice(first, min(first + max(int(test.days * spec.days), 7), spec.days))


def _tests(spec: MarketSpec) -> tuple[Floats, Floats]:
    """Return lift and mean spend by city and day."""
    lift, spend = np.zeros((2, len(CITIES), spec.days))
    taken: set[str] = set()
    for test in spec.geo_tests:
        unknown = sorted(set(test.treated) - set(CITIES)) or sorted(taken & set(test.treated))
        if unknown or not test.treated:
            raise UsageError(f"Geo test {test.name}: {', '.join(unknown) or 'nowhere'} cannot be treated.")
        taken |= set(test.treated)
        rows = [CITIES.index(city) for city in test.treated]
        lift[rows, _span(spec, test)] = test.lift
        spend[rows, _span(spec, test)] = test.daily_spend / len(rows)
    return lift, spend


def _walk(rng: np.random.Generator, shape: tuple[int, int], kept: float, step: float) -> Floats:
    """Return series that wander around zero and always come back (AR(1)), from their lasting spread on."""
    steps = rng.normal(0, step, shape)
    steps[:, 0] /= np.sqrt(1 - kept**2)
    for day in range(1, shape[1]):
        steps[:, day] += kept * steps[:, day - 1]
    return np.asarray(steps, dtype=np.float64)


def _expected(spec: MarketSpec, rng: np.random.Generator) -> Floats:
    """Return the expected orders by city and day, without any test."""
    cities = len(CITIES)
    size = np.geomspace(_LARGEST, _SMALLEST, cities) * rng.lognormal(0, 0.1, cities)
    shares = rng.dirichlet(np.ones(_TRENDS), cities)
    trends = shares @ _walk(rng, (_TRENDS, spec.days), _TREND_KEPT, _TREND_STEP)
    own = _walk(rng, (cities, spec.days), _OWN_KEPT, _OWN_STEP)
    return np.asarray(
        size[:, None] * WEEKDAYS[weekday_of(spec)] * yearly(spec) * np.exp(trends + own), dtype=np.float64
    )


def _worth(orders: Counts, rng: np.random.Generator) -> Floats:
    """Return the sum of the values of so many orders, each of Gamma-distributed value."""
    each = 1 / _VALUE_SPREAD**2
    return np.where(orders > 0, rng.gamma(np.maximum(orders, 1) * each, _VALUE / each), 0.0)


def _truth(spec: MarketSpec, sums: tuple[Counts, Counts, Floats, Floats]) -> pl.DataFrame:
    import polars as pl

    names = ("base_orders", "incremental_orders", "base_revenue", "incremental_revenue")
    rows = []
    for test in spec.geo_tests:
        span = _span(spec, test)
        days = (spec.start + timedelta(days=span.start), spec.start + timedelta(days=span.stop - 1))
        for city in test.treated:
            told = [float(figure[CITIES.index(city), span].sum()) for figure in sums]
            known = {"test": test.name, "geo": city, "start": days[0], "end": days[1], "lift": test.lift}
            rows.append(known | dict(zip(names, told, strict=True)))
    kinds = {"test": pl.String, "geo": pl.String, "start": pl.Date, "end": pl.Date, "lift": pl.Float64}
    return pl.DataFrame(rows, schema=kinds | dict.fromkeys(names, pl.Float64))
