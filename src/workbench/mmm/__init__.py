"""What each medium contributes, what one more unit of money would bring, and where it should go.

Names are looked up when they are used, so that importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.mmm.checks import CHECKS, check_market
    from workbench.mmm.comparison import RunComparison, compare_runs
    from workbench.mmm.decomposition import Decomposition, decompose
    from workbench.mmm.document import from_document, to_document
    from workbench.mmm.draws import Draws
    from workbench.mmm.findings import MarketCheck
    from workbench.mmm.fitted import Forecast, MixFit, SamplingHealth
    from workbench.mmm.fitting import fit
    from workbench.mmm.flighting import MarketSetting
    from workbench.mmm.market import Market, market_of
    from workbench.mmm.recorded import market_table, proposed_spec
    from workbench.mmm.report import MixReport, mix_report
    from workbench.mmm.response import ResponseCurves, response_curves
    from workbench.mmm.simulation import SimulatedMarket, simulate_market
    from workbench.mmm.spec import Channel, LiftTest, MixSpec, ReturnPrior, Sampling
    from workbench.mmm.spec_file import MixFile, mix_file_of
    from workbench.mmm.truth import MixTruth
    from workbench.mmm.window import Window, window_of

_HOMES = {
    "CHECKS": "checks",
    "Channel": "spec",
    "Decomposition": "decomposition",
    "Draws": "draws",
    "Forecast": "fitted",
    "LiftTest": "spec",
    "Market": "market",
    "MarketCheck": "findings",
    "MarketSetting": "flighting",
    "MixFile": "spec_file",
    "MixFit": "fitted",
    "MixReport": "report",
    "MixSpec": "spec",
    "MixTruth": "truth",
    "ResponseCurves": "response",
    "ReturnPrior": "spec",
    "RunComparison": "comparison",
    "Sampling": "spec",
    "SamplingHealth": "fitted",
    "SimulatedMarket": "simulation",
    "Window": "window",
    "check_market": "checks",
    "compare_runs": "comparison",
    "decompose": "decomposition",
    "fit": "fitting",
    "from_document": "document",
    "market_of": "market",
    "market_table": "recorded",
    "mix_file_of": "spec_file",
    "mix_report": "report",
    "proposed_spec": "recorded",
    "response_curves": "response",
    "simulate_market": "simulation",
    "to_document": "document",
    "window_of": "window",
}

__all__ = [
    "CHECKS",
    "Channel",
    "Decomposition",
    "Draws",
    "Forecast",
    "LiftTest",
    "Market",
    "MarketCheck",
    "MarketSetting",
    "MixFile",
    "MixFit",
    "MixReport",
    "MixSpec",
    "MixTruth",
    "ResponseCurves",
    "ReturnPrior",
    "RunComparison",
    "Sampling",
    "SamplingHealth",
    "SimulatedMarket",
    "Window",
    "check_market",
    "compare_runs",
    "decompose",
    "fit",
    "from_document",
    "market_of",
    "market_table",
    "mix_file_of",
    "mix_report",
    "proposed_spec",
    "response_curves",
    "simulate_market",
    "to_document",
    "window_of",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"workbench.mmm.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
