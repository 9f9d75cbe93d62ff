"""Funnels: how many come from stage to stage, where they are lost, and two funnels side by side.

Words: a *step* leads from one stage to the next; its *benchmark* is the share usual for such a step; the
*bottleneck* is the step with the lowest rate in proportion to its benchmark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from numbers import Real as Number
from typing import TYPE_CHECKING

from workbench.catalog import Catalog
from workbench.errors import NotEnoughData, UsageError, wrong_kind
from workbench.explore.shares import ShareDifference, difference_of_shares, holm, share_with_interval
from workbench.explore.view import View, frame_of, ratio
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelDefinition:
    """A ready funnel.

    Parameters
    ----------
    stages : tuple of str
        From the first to the last.
    benchmarks : tuple of float or None
        For each step the share that usually goes on; None where unknown.
    counted : tuple of str
        What is counted at each stage, where that is not its name.
    """

    name: str
    says: str
    stages: tuple[str, ...]
    benchmarks: tuple[float | None, ...]
    counted: tuple[str, ...] = ()


# Click-through is judged against the healthy range of the dictionary; the other steps against round figures
# in the middle of what shops and lead forms usually see. A caller who knows better gives their own.
FUNNELS: Catalog[FunnelDefinition] = Catalog(
    "funnel",
    [
        FunnelDefinition(
            name="awareness",
            says="From impressions over clicks, leads and qualified leads to sales.",
            stages=("awareness", "interest", "consideration", "intent", "conversion"),
            benchmarks=(0.015, 0.05, 0.25, 0.25),
            counted=("impressions", "clicks", "leads", "qualified leads", "sales"),
        ),
        FunnelDefinition(
            name="purchase",
            says="From impression over click, landing and cart to purchase.",
            stages=("impression", "click", "landing", "cart", "purchase"),
            benchmarks=(0.015, 0.7, 0.1, 0.3),
        ),
    ],
)


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
        How many, and which share, were lost on the way here; None where more leave the step than entered it.
    benchmark, against_benchmark : float or None
        The usual rate of this step, and rate / benchmark.
    overall : float or None
        The share of the first stage.
    counted : str
        What is counted; empty where it is the stage's own name.
    times : float or None
        How many times as much as independent trials the days of this step vary; None where that is unknown.
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
    counted: str = ""
    times: float | None = 1.0

    @property
    def label(self) -> str:
        """Return the stage and what is counted at it."""
        return f"{self.stage}: {self.counted}" if self.counted else self.stage

    @property
    def word(self) -> str:
        """Return what a reader calls it: what is counted, or else the stage."""
        return self.counted or self.stage


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
        share, entered = format_value(self.conversion, "%"), format_value(first.count, "count")
        head = f"{share} of {entered} come from {first.word} to {last.word}"
        worst = self.bottleneck
        if worst is None:
            return f"{head}."
        before = self.stages[self.stages.index(worst) - 1]
        step, rate = f"{before.word} to {worst.word}", format_value(worst.rate, "%")
        reached = worst.benchmark or 0.0
        ends = [end >= reached for end in (worst.low, worst.high) if end is not None]
        few = "of so few days" if worst.times is None else "of so few" if len({*ends}) > 1 else ""
        chance = f"; {few} it may be chance" if few else ""
        if (worst.against_benchmark or 0.0) >= 1:
            ahead = f"the least ahead is {step} with {rate}"
            judged = " that is judged" if None in [stage.benchmark for stage in self.stages[1:]] else ""
            return f"{head}; every step{judged} is at least as good as usual, {ahead}{chance}."
        usual = format_value(worst.benchmark, "%")
        return f"{head}; look first at {step}, where {rate} go on and {usual} would be usual{chance}."

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
        if not sure and all(step.p_corrected is None for step in self.steps):
            said = f"Whether {self.first.label} and {self.second.label} differ"
            return f"{said} cannot be told: too few days to see how much days differ."
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


def funnel_of(
    counts: Sequence[float],
    definition: FunnelDefinition = FUNNELS["purchase"],
    *,
    label: str = "all",
    counted: str = "totals",
    note: str = "",
    times: Sequence[float | None] = (),
) -> Funnel:
    """Return a funnel from the count of each stage.

    Parameters
    ----------
    counts : sequence of float
        How many reached each stage of the definition.
    definition : FunnelDefinition
        The stages and their benchmarks.
    times : sequence of float or None
        For each step, and for all of them, how many times as much as independent trials days vary; once
        unless told.

    Raises
    ------
    UsageError
        If there are not as many counts as stages, or one is negative.
    NotEnoughData
        If nobody entered the funnel.

    Examples
    --------
    >>> funnel = funnel_of([384_230, 14_562, 12_435, 9_711, 1_284])
    >>> [f"{100 * stage.rate:.3f}" for stage in funnel.stages[1:]], funnel.bottleneck.stage
    (['3.790', '85.393', '78.094', '13.222'], 'purchase')
    """
    if not isinstance(definition, FunnelDefinition):
        raise wrong_kind("The definition of a funnel", definition, "one of FUNNELS, as FUNNELS['purchase']")
    if not isinstance(counts, Iterable) or not all(isinstance(count, Number) for count in counts):
        raise wrong_kind("What a funnel is made of", counts, "a number for each of its stages")
    usual, steps = definition.benchmarks, len(definition.stages) - 1
    if len(usual) != steps or any(share is not None and not 0 < share <= 1 for share in usual):
        raise UsageError(
            f"The funnel {definition.name} needs {steps} benchmarks up to 1, one a step; None where unknown."
        )
    if len(counts) != len(definition.stages) or any(not count >= 0 for count in counts):
        raise UsageError(
            f"The funnel {definition.name} needs {len(definition.stages)} counts, none negative."
        )
    if counts[0] == 0:
        raise NotEnoughData(
            f"Nobody entered the funnel {definition.name}: no {definition.stages[0]} was counted."
        )
    against = [
        ratio(ratio(after, before), benchmark)
        for before, after, benchmark in zip(counts, counts[1:], definition.benchmarks, strict=False)
    ]
    below = [value for value in against if value is not None]
    worst = against.index(min(below)) if below else -1
    told = [1.0, *(times or [1.0] * len(counts))]
    rows = [_stage(definition, place, counts, worst, told[place]) for place in range(len(counts))]
    overall = share_with_interval(*(count / (told[-1] or 1.0) for count in (counts[-1], counts[0])))
    return Funnel(
        name=definition.name,
        label=label,
        counted=counted,
        stages=tuple(rows),
        conversion=ratio(counts[-1], counts[0]),
        conversion_low=overall[1],
        conversion_high=overall[2],
        note=note,
    )


def _stage(
    definition: FunnelDefinition, place: int, counts: Sequence[float], worst: int, times: float | None
) -> StageRow:
    before = counts[place - 1] if place else None
    benchmark = definition.benchmarks[place - 1] if place else None
    rate = ratio(counts[place], before)
    _, low, high = share_with_interval(counts[place] / (times or 1.0), (before or 0) / (times or 1.0))
    return StageRow(
        stage=definition.stages[place],
        count=float(counts[place]),
        rate=rate,
        low=low if place else None,
        high=high if place else None,
        dropped=None if before is None or before < counts[place] else float(before - counts[place]),
        drop_rate=None if rate is None or rate > 1 else 1 - rate,
        benchmark=benchmark,
        against_benchmark=ratio(rate, benchmark),
        overall=ratio(counts[place], counts[0]),
        is_bottleneck=place == worst + 1 and worst >= 0,
        counted=definition.counted[place] if definition.counted else "",
        times=times,
    )


def compare_funnels(first: Funnel, second: Funnel) -> FunnelComparison:
    """Return two funnels of the same stages, with a test per step.

    Each step is a comparison of two independent shares, of fewer trials where days vary more than they would;
    the p-values are corrected for the number of steps by Holm's method: any false difference at 5 %.

    Raises
    ------
    UsageError
        If the stages differ.
    """
    for funnel in (first, second):
        if not isinstance(funnel, Funnel):
            raise wrong_kind("What is compared", funnel, "a Funnel, such as funnel(tables) gives")
    stages = [stage.stage for stage in first.stages]
    if stages != [stage.stage for stage in second.stages]:
        raise UsageError("Only funnels with the same stages can be compared.")
    if first.missing or second.missing:
        reason = first.missing or second.missing
        return FunnelComparison(first=first, second=second, steps=(), missing=reason)
    both = list(zip(first.stages, second.stages, strict=True))
    found = [_difference(after, before) for before, after in pairwise(both)]
    corrected = holm([test.p_value for test in found])
    steps = tuple(
        StepDifference(
            step=f"{stages[place]} to {stages[place + 1]}",
            rate_a=first.stages[place + 1].rate,
            rate_b=second.stages[place + 1].rate,
            difference=test.difference,
            low=test.low,
            high=test.high,
            p_value=test.p_value,
            p_corrected=corrected[place],
        )
        for place, test in enumerate(found)
    )
    return FunnelComparison(first=first, second=second, steps=steps)


def _difference(after: tuple[StageRow, StageRow], before: tuple[StageRow, StageRow]) -> ShareDifference:
    """Return how one step differs between two funnels."""
    (x1, x2), (n1, n2) = ([stage.count for stage in pair] for pair in (after, before))
    a, b = (stage.times or 1.0 for stage in after)
    found = difference_of_shares(x1 / a, n1 / a, x2 / b, n2 / b)
    unknown = None in [stage.times for stage in after]
    return replace(found, low=None, high=None, p_value=None) if unknown else found
