"""Funnels: how many come from stage to stage, where they are lost, and two funnels side by side.

Words: a *step* leads from one stage to the next; its *benchmark* is the share usual for such a step; the
*bottleneck* is the step with the lowest rate in proportion to its benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.explore.view import View, frame_of
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """One stage of a funnel.

    Parameters
    ----------
    count : float
        How many reached it.
    rate, low, high : float or None
        The share of the stage before, with Wilson's 95 % interval; None for the first stage, and the interval
        is None where more leave a step than entered it (counts from different sources).
    dropped, drop_rate : float or None
        How many, and which share, were lost on the way here.
    benchmark, against_benchmark : float or None
        The usual rate of this step, and rate / benchmark.
    overall : float or None
        The share of the first stage.
    """

    stage: str
    count: float
    rate: float | None
    low: float | None
    high: float | None
    dropped: float | None
    drop_rate: float | None
    benchmark: float | None
    against_benchmark: float | None
    overall: float | None
    is_bottleneck: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel(View):
    """One funnel; `counted` is ``"users in order"`` or ``"totals"``."""

    name: str
    label: str
    counted: str
    stages: tuple[StageRow, ...]
    conversion: float | None
    conversion_low: float | None
    conversion_high: float | None
    note: str = ""
    missing: str = ""

    @property
    def bottleneck(self) -> StageRow | None:
        """Return the stage whose step is furthest below its benchmark."""
        return next((stage for stage in self.stages if stage.is_bottleneck), None)

    @property
    def sentence(self) -> str:
        """Return the overall conversion and where to look first."""
        if self.missing:
            return self.missing
        first, last = self.stages[0], self.stages[-1]
        head = (
            f"{format_value(self.conversion, '%')} of {format_value(first.count, 'count')} come from "
            f"{first.stage} to {last.stage}"
        )
        worst = self.bottleneck
        if worst is None:
            return f"{head}."
        before = self.stages[self.stages.index(worst) - 1]
        return (
            f"{head}; look first at {before.stage} -> {worst.stage}, where {format_value(worst.rate, '%')} "
            f"go on and {format_value(worst.benchmark, '%')} would be usual."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per stage."""
        return frame_of(self.stages, StageRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDifference:
    """One step in two funnels: rates, difference in shares with its 95 % interval, Holm-corrected p-value."""

    step: str
    rate_a: float | None
    rate_b: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_corrected: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelComparison(View):
    """Two funnels of the same stages, step by step."""

    first: Funnel
    second: Funnel
    steps: tuple[StepDifference, ...]
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return the steps in which the two differ for sure."""
        if self.missing:
            return self.missing
        sure = [step for step in self.steps if step.p_corrected is not None and step.p_corrected < 0.05]
        if not sure:
            return f"{self.first.label} and {self.second.label} differ in no step beyond chance."
        words = [
            f"{step.step} ({format_value(step.rate_a, '%')} against {format_value(step.rate_b, '%')})"
            for step in sure
        ]
        return f"{self.first.label} and {self.second.label} differ in {', '.join(words)}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per step."""
        return frame_of(self.steps, StepDifference)
