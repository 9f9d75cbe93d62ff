"""Which touches earn the credit: journeys, ten models side by side, what they cost, and single timelines.

Names are looked up when they are used, so that importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.attribution.attributing import attribute, journeys_from, touchpoints_from
    from workbench.attribution.buying import Ways, ways
    from workbench.attribution.chain import Chain
    from workbench.attribution.coalitions import Coalitions
    from workbench.attribution.cost import attribution_spread, model_results, returns, spend_by
    from workbench.attribution.counting import count_journeys
    from workbench.attribution.credit import Credit, CreditRow
    from workbench.attribution.crediting import credit_of, rakings
    from workbench.attribution.increments import Advanced, advance
    from workbench.attribution.journeys import Journeys
    from workbench.attribution.models import MODELS
    from workbench.attribution.order import choose_order
    from workbench.attribution.reading import touchpoints_of
    from workbench.attribution.streaming import journeys_of
    from workbench.attribution.touchpoints import Touchpoints
    from workbench.attribution.views import campaign_credit, credit_returns, model_checks, model_credit

_HOMES = {
    "Advanced": "increments",
    "MODELS": "models",
    "Chain": "chain",
    "Coalitions": "coalitions",
    "Credit": "credit",
    "CreditRow": "credit",
    "Journeys": "journeys",
    "Touchpoints": "touchpoints",
    "Ways": "buying",
    "advance": "increments",
    "attribute": "attributing",
    "attribution_spread": "cost",
    "campaign_credit": "views",
    "choose_order": "order",
    "count_journeys": "counting",
    "credit_of": "crediting",
    "credit_returns": "views",
    "journeys_from": "attributing",
    "journeys_of": "streaming",
    "model_checks": "views",
    "model_credit": "views",
    "model_results": "cost",
    "rakings": "crediting",
    "returns": "cost",
    "spend_by": "cost",
    "touchpoints_from": "attributing",
    "touchpoints_of": "reading",
    "ways": "buying",
}

__all__ = [
    "MODELS",
    "Advanced",
    "Chain",
    "Coalitions",
    "Credit",
    "CreditRow",
    "Journeys",
    "Touchpoints",
    "Ways",
    "advance",
    "attribute",
    "attribution_spread",
    "campaign_credit",
    "choose_order",
    "count_journeys",
    "credit_of",
    "credit_returns",
    "journeys_from",
    "journeys_of",
    "model_checks",
    "model_credit",
    "model_results",
    "rakings",
    "returns",
    "spend_by",
    "touchpoints_from",
    "touchpoints_of",
    "ways",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"workbench.attribution.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
