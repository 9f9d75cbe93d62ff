"""A simulated market with a known truth, for the demonstration and for testing every method."""

from workbench.events.simulation.market import Market, simulate
from workbench.events.simulation.spec import (
    EXPERIMENTS,
    GEO_TESTS,
    PAID,
    SHOPPERS,
    ChannelTruth,
    ExperimentTruth,
    GeoTestTruth,
    MarketSpec,
    SegmentTruth,
)
from workbench.events.simulation.truth import Truth
from workbench.events.simulation.writing import Dirt, write_market

__all__ = [
    "EXPERIMENTS",
    "GEO_TESTS",
    "PAID",
    "SHOPPERS",
    "ChannelTruth",
    "Dirt",
    "ExperimentTruth",
    "GeoTestTruth",
    "Market",
    "MarketSpec",
    "SegmentTruth",
    "Truth",
    "simulate",
    "write_market",
]
