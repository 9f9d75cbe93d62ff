"""One market for all tests of this folder: 250,000 events, and its events with properties as columns."""

import polars as pl
import pytest

from workbench.events.simulation import Market, MarketSpec, simulate


@pytest.fixture(scope="session")
def market() -> Market:
    return simulate(MarketSpec.sized(250_000, seed=11))


@pytest.fixture(scope="session")
def of_type(market):
    """Return a function: the events of one type, with the named properties as text columns."""

    def pick(event_type: str, *properties: str) -> pl.DataFrame:
        rows = market.events.filter(pl.col("event_type") == event_type)
        return rows.with_columns(
            pl.col("properties").str.json_path_match(f"$.{name}").alias(name) for name in properties
        )

    return pick
