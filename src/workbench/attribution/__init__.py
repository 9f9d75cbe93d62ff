"""Which touches earn the credit, and which ways lead to an order."""

from workbench.attribution.attributing import attribute
from workbench.attribution.cost import attribution_spread
from workbench.attribution.ways import credit_returns, model_credit, ways

__all__ = ["attribute", "attribution_spread", "credit_returns", "model_credit", "ways"]
