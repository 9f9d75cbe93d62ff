"""What each medium contributes, what one more unit of money would bring, and where it should go.

Names are looked up when they are used, so that importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.mmm.checks import CHECKS, check_market
    from workbench.mmm.document import from_document, to_document
    from workbench.mmm.draws import Draws
    from workbench.mmm.findings import MarketCheck
    from workbench.mmm.fitted import Forecast, MixFit, SamplingHealth
    from workbench.mmm.fitting import fit
    from workbench.mmm.flighting import MarketSetting
    from workbench.mmm.market import Market, market_of
    from workbench.mmm.recorded import market_table, proposed_spec
    from workbench.mmm.simulation import SimulatedMarket, simulate_market
    from workbench.mmm.spec import Channel, LiftTest, MixSpec, ReturnPrior, Sampling
    from workbench.mmm.spec_file import MixFile, mix_file_of
    from workbench.mmm.truth import MixTruth

_HOMES = {
    "CHECKS": "checks",
    "Channel": "spec",
    "Draws": "draws",
    "Forecast": "fitted",
    "LiftTest": "spec",
    "Market": "market",
    "MarketCheck": "findings",
    "MarketSetting": "flighting",
    "MixFile": "spec_file",
    "MixFit": "fitted",
    "MixSpec": "spec",
    "MixTruth": "truth",
    "ReturnPrior": "spec",
    "Sampling": "spec",
    "SamplingHealth": "fitted",
    "SimulatedMarket": "simulation",
    "check_market": "checks",
    "fit": "fitting",
    "from_document": "document",
    "market_of": "market",
    "market_table": "recorded",
    "mix_file_of": "spec_file",
    "proposed_spec": "recorded",
    "simulate_market": "simulation",
    "to_document": "document",
}

__all__ = [
    "CHECKS",
    "Channel",
    "Draws",
    "Forecast",
    "LiftTest",
    "Market",
    "MarketCheck",
    "MarketSetting",
    "MixFile",
    "MixFit",
    "MixSpec",
    "MixTruth",
    "ReturnPrior",
    "Sampling",
    "SamplingHealth",
    "SimulatedMarket",
    "check_market",
    "fit",
    "from_document",
    "market_of",
    "market_table",
    "mix_file_of",
    "proposed_spec",
    "simulate_market",
    "to_document",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"workbench.mmm.{_HOMES[name]}"), name)
