"""What each medium contributes, what one more unit of money would bring, and where it should go.

Names are looked up when they are used, so that importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.mmm.draws import Draws
    from workbench.mmm.fitted import Forecast, MixFit, SamplingHealth
    from workbench.mmm.fitting import fit
    from workbench.mmm.market import Market
    from workbench.mmm.spec import Channel, LiftTest, MixSpec, ReturnPrior, Sampling

_HOMES = {
    "Channel": "spec",
    "Draws": "draws",
    "Forecast": "fitted",
    "LiftTest": "spec",
    "Market": "market",
    "MixFit": "fitted",
    "MixSpec": "spec",
    "ReturnPrior": "spec",
    "Sampling": "spec",
    "SamplingHealth": "fitted",
    "fit": "fitting",
}

__all__ = [
    "Channel",
    "Draws",
    "Forecast",
    "LiftTest",
    "Market",
    "MixFit",
    "MixSpec",
    "ReturnPrior",
    "Sampling",
    "SamplingHealth",
    "fit",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"workbench.mmm.{_HOMES[name]}"), name)
