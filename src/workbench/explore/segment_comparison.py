"""Two or three segments side by side, pair by pair, in one metric.

Segments are described, not compared as if users had been sent to them by chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import hypot
from typing import TYPE_CHECKING

from workbench.errors import UsageError, wrong_kind
from workbench.explore.figures import NOTHING, Figure, Figures, figures
from workbench.explore.query import window_of
from workbench.explore.segments import named, segments
from workbench.explore.shares import difference_of_shares, holm
from workbench.explore.view import View, frame_of, listed
from workbench.metrics import METRICS
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables


_FEWEST = 25  # orders: of fewer, the next large one may be missing from one segment alone
_NONE = "no interval: "
_FEW = f"no two of them have {_FEWEST} orders, or what else they are divided by"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentDifference:
    """Two segments in one metric; p-values are corrected for the number of pairs by Holm's method."""

    first: str
    second: str
    metric: str
    first_value: float | None
    second_value: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_corrected: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentComparison(View):
    """Two or three segments, pair by pair, in one metric; `reason` says why where no pair can be judged."""

    metric: str
    title: str
    unit: str
    pairs: tuple[SegmentDifference, ...]
    currency: str | None = None
    missing: str = ""
    reason: str = _FEW

    @property
    def sentence(self) -> str:
        """Return which segments differ beyond chance."""
        if self.missing:
            return self.missing
        sure = [pair for pair in self.pairs if pair.p_corrected is not None and pair.p_corrected < 0.05]
        if not any(pair.p_corrected is not None for pair in self.pairs):
            return f"Whether {self.title} differs between these segments cannot be told: {self.reason}."
        if not sure:
            # Of few and unequal orders, large differences are not told: that is no proof of there being none.
            ends = (abs(end) for pair in self.pairs for end in (pair.low, pair.high) if end is not None)
            unit = "pp" if self.unit == "%" else self.unit
            hidden = format_value(max(ends), unit, currency=self.currency)
            return (
                f"{self.title} does not differ between these segments beyond chance{self._unjudged}; "
                f"a difference of up to {hidden} would not have been told."
            )
        words = [
            f"{named(pair.first)} ({self._said(pair.first_value)}) against {named(pair.second)} "
            f"({self._said(pair.second_value)})"
            for pair in sure
        ]
        return f"{self.title} differs: {'; '.join(words)}."

    @property
    def _unjudged(self) -> str:
        """Return which segments could be held against no other; empty where there are none."""
        judged = {x for pair in self.pairs if pair.p_corrected is not None for x in (pair.first, pair.second)}
        named_all = dict.fromkeys(x for pair in self.pairs for x in (pair.first, pair.second))
        left = [named(x) for x in named_all if x not in judged]
        return f", where {listed(left)} cannot be judged" if left else ""

    def _said(self, value: float | None) -> str:
        return format_value(value, self.unit, currency=self.currency)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per pair."""
        return frame_of(self.pairs, SegmentDifference)


def compare_segments(
    tables: Tables,
    names: Sequence[str] | None = None,
    *,
    metric: str = "conversion_rate",
    window: str | Window | None = "90d",
) -> SegmentComparison:
    """Return two or three segments pair by pair.

    Parameters
    ----------
    tables : Tables
        Needs facts whose events carry a segment.
    names : sequence of str, optional
        Two or three segments; the three with the most active users unless named.
    metric : str
        A metric of the dictionary.
    window : str or Window, optional
        The days.

    Raises
    ------
    UsageError
        If not two or three different segments are named, or the metric is unknown.
    """
    definition = METRICS[metric]
    empty = SegmentComparison(metric=metric, title=definition.title, unit=definition.unit, pairs=())
    if names is None:
        names, reason = _largest(tables, window)
        if reason:
            return replace(empty, missing=reason)
    if isinstance(names, str):
        raise wrong_kind("What is compared", names, "a list of two or three segments")
    if len(set(names)) != len(names) or len(names) not in (2, 3):
        raise UsageError("Compare two or three different segments.")
    days = window_of(tables, window)
    found = figures(tables, [metric], by=("segment",), window=days) if days else Figures((), {})
    sides = {name: found.of((name,), metric) for name in names}
    absent = [name for name, side in sides.items() if side == NOTHING or side.value is None]
    if absent:
        reason = f"Not enough data: {definition.title} is not known for {', '.join(absent)}."
        return replace(empty, missing=reason)
    pairs = list(combinations(names, 2))
    tests = [_difference(sides[first], sides[second]) for first, second in pairs]
    corrected = holm([test[3] for test in tests])
    return replace(
        empty,
        currency=tables.currency,
        reason=_why_none(sides.values()),
        pairs=tuple(
            SegmentDifference(
                first=first,
                second=second,
                metric=metric,
                first_value=sides[first].value,
                second_value=sides[second].value,
                difference=test[0],
                low=test[1],
                high=test[2],
                p_corrected=p,
            )
            for (first, second), test, p in zip(pairs, tests, corrected, strict=True)
        ),
    )


def _why_none(sides: Iterable[Figure]) -> str:
    """Return why no two figures can be held against each other."""
    notes = [part for side in sides for part in side.note.split("; ")]
    return next((part.removeprefix(_NONE) for part in notes if part.startswith(_NONE)), _FEW)


def _largest(tables: Tables, window: str | Window | None) -> tuple[list[str], str]:
    """Return the three segments with the most active users, or why there are not two."""
    found = segments(tables, window=window)
    names = [row.segment for row in found.rows[:3]]
    few = "" if len(names) > 1 else "Not enough data: fewer than two segments were active."
    return names, found.missing or few


_Test = tuple[float | None, float | None, float | None, float | None]


def _difference(first: Figure, second: Figure) -> _Test:
    """Return difference, ends and p: of two shares where both are, else from the ends of their intervals.

    Of few large orders the truth may lie much higher than what was seen, of a small segment more so than of a
    large one: each end of the difference takes from both figures the side that leads to it.

    References
    ----------
    Donner and Zou (2012), Statistical Methods in Medical Research 21, 347-359.
    """
    from scipy.special import ndtr, ndtri

    if first.value is None or second.value is None:
        return None, None, None, None
    step = first.value - second.value
    if first.error is None or second.error is None:
        return step, None, None, None
    if first.n is not None and first.n == first.denominator and second.n == second.denominator:
        found = difference_of_shares(
            first.numerator or 0.0, first.n, second.numerator or 0.0, second.n or 0.0
        )
        return found.difference, found.low, found.high, found.p_value
    if any(side.denominator is not None and side.denominator < _FEWEST for side in (first, second)):
        return step, None, None, None
    (down, up), (other_down, other_up) = _sides(first), _sides(second)
    below, above = hypot(down, other_up), hypot(up, other_down)
    to_nothing = below if step > 0 else above
    if to_nothing == 0:
        return step, None, None, None
    return step, step - below, step + above, float(2 * ndtr(ndtri(0.025) * abs(step) / to_nothing))


def _sides(figure: Figure) -> tuple[float, float]:
    """Return how far the ends of a figure's interval lie below and above it."""
    value, low, high = figure.value or 0.0, figure.low or 0.0, figure.high or 0.0
    return value - low, high - value
