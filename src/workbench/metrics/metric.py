"""What a metric is: a formula over measures, with what a reader needs to judge it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from workbench.metrics.measures import Leaf, Measure, leaves
from workbench.metrics.slices import DIMENSIONS

Better = Literal["higher", "lower", "neither"]
Method = Literal[
    "auto", "share", "mean", "per user", "median", "payback", "lift", "incrementality", "net revenue"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One entry of the dictionary.

    Parameters
    ----------
    name, title, says : str
        The name in code, the name in reports, and the definition in one sentence.
    unit : str
        ``"%"``, ``"pp"``, ``"money"``, ``"x"``, ``"count"``, ``"h"``, ``"min"``, ``"days"``, ``"months"`` or
        ``""``.
    better : str
        Which direction is good.
    healthy : (float, float)
        The healthy range, in the metric's own scale (5 % is 0.05); None where there is no such end.
    owner, refresh : str
        Who answers for it, and how often it is renewed.
    is_ : Measure
        The formula.
    credited : Measure, optional
        The formula where the figure is sliced by an attribute of campaigns, or where no orders are loaded:
        orders name no campaign, so what a campaign brought in is what was credited to it.
    interval : str
        How its interval is found; ``auto`` chooses from the formula.
    spread : tuple of Leaf
        What the interval needs beyond the formula.
    family : str
        The section of the reference page.
    """

    name: str
    title: str
    unit: str
    better: Better
    owner: str
    refresh: str
    is_: Measure
    says: str
    healthy: tuple[float | None, float | None] = (None, None)
    credited: Measure | None = None
    interval: Method = "auto"
    spread: tuple[Leaf, ...] = ()
    family: str = "core"

    def __repr__(self) -> str:
        return f"Metric {self.name} ({self.title}): {self.formula}"

    @property
    def formula(self) -> str:
        """Return the formula as text."""
        return str(self.is_)

    def measured_as(self, by: Collection[str], loaded: Collection[str]) -> Measure:
        """Return the formula that answers for these dimensions and tables."""
        if self.credited is None:
            return self.is_
        needs = {table for leaf in leaves(self.is_) for table in leaf.needs}
        missing = "orders" in needs and "orders" not in loaded
        return self.credited if missing or any(DIMENSIONS[name].campaign for name in by) else self.is_

    def titled_as(self, by: Collection[str], loaded: Collection[str]) -> str:
        """Return what the figure is called: what slices are credited with is no part of the whole."""
        credited = self.credited is not None and self.measured_as(by, loaded) is self.credited
        return f"Credited {self.title.lower()}" if credited and "orders" in loaded else self.title
