"""Metrics for a view: what `measure` answers, found by slice and name, with None for null."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.explore.view import number
from workbench.metrics import measure

if TYPE_CHECKING:
    from workbench.metrics.conditions import Where
    from workbench.metrics.metric import Metric
    from workbench.metrics.window import Window
    from workbench.source import Tables

_LEAST, _MOST = (0.0, -1.0), 1.0  # of a return or a rate, of a gain per unit of spend; of a rate
ENOUGH_ORDERS = (
    50  # of fewer, whose values differ as those of orders do, the interval of a return ends too low
)
SUMS = ("impressions", "clicks", "conversions", "revenue")  # they may be known where no rate is


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One metric of one slice; None where `measure` has null."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    n: float | None = None
    p: float | None = None
    note: str = ""
    caution: str = ""

    @property
    def is_known(self) -> bool:
        """Return whether there is a value, or at least a side of a ratio."""
        return any(side is not None for side in (self.value, self.numerator, self.denominator))

    @property
    def error(self) -> float | None:
        """Return the standard error that the 95 % interval stands for.

        A tail moves one end out, which in a difference of two such figures makes up for the other's: the
        shorter side tells. Where an end is drawn in to what the figure can be, the longer one does.

        Examples
        --------
        >>> [round(Figure(value=2.0, low=low, high=6.0).error, 2) for low in (1.0, 0.0)]
        [0.51, 2.04]
        """
        if self.value is None or self.low is None or self.high is None:
            return None
        sides = self.high - self.value, self.value - self.low
        drawn_in = self.low in _LEAST or self.high == _MOST
        return (max if drawn_in else min)(sides) / 1.96


NOTHING = Figure()
Slice = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of several metrics by slice, in the order of the slices."""

    slices: tuple[Slice, ...]
    known: Mapping[tuple[Slice, str], Figure]

    def of(self, key: Slice, metric: str) -> Figure:
        """Return one metric of one slice, empty where there is none."""
        return self.known.get((key, metric), NOTHING)


def figures(
    tables: Tables,
    metrics: Sequence[str | Metric],
    *,
    by: Iterable[str] = (),
    window: str | Window | None = None,
    where: Where = None,
) -> Figures:
    """Return metrics by slice; nameless slices (null) are left out; empty where none can be sliced so."""
    try:
        measured = measure(tables, metrics, by=by, window=window, where=where)
    except UsageError as error:
        if "cannot be sliced" in str(error):
            return Figures((), {})
        raise
    known = {
        (row.slice, row.metric): Figure(
            value=number(row.value),
            low=number(row.low),
            high=number(row.high),
            numerator=number(row.numerator),
            denominator=number(row.denominator),
            n=number(row.n),
            p=number(row.p),
            note=row.note,
            caution=row.caution,
        )
        for row in measured.rows
        if all(part is not None for part in row.slice)
    }
    return Figures(tuple(dict.fromkeys(key for key, _ in known)), known)


def among(
    value: float, low: float | None, high: float | None, days: int, count: int
) -> tuple[float | None, float | None]:
    """Return the ends that a 95 % interval over days has where it is one of many (Bonferroni).

    Examples
    --------
    >>> [round(end, 2) for end in among(2.0, 1.0, 3.0, 30, 1)]
    [1.0, 3.0]
    >>> [round(end, 2) for end in among(2.0, 1.0, 3.0, 30, 10)]
    [0.51, 3.49]
    """
    if low is None or high is None:
        return None, None
    wider = widening(days, count)
    return value - wider * (value - low), value + wider * (high - value)


def clearly_apart(
    one: tuple[float, float | None, float | None],
    other: tuple[float, float | None, float | None],
    *,
    days: tuple[int, int],
    compared: int,
) -> bool:
    """Return whether two figures, the first and the last of so many, surely differ.

    Of many alike the first and the last lie far apart by chance, so every pair counts (Bonferroni).

    Parameters
    ----------
    one, other : (float, float or None, float or None)
        A figure and the ends of its 95 % interval.
    days : (int, int)
        Over how many days each is.
    compared : int
        Among how many they are the first and the last.

    Examples
    --------
    >>> low, high = (1.0, 0.6, 1.4), (2.0, 1.5, 2.5)
    >>> [clearly_apart(low, high, days=(30, 30), compared=count) for count in (2, 8)]
    [True, False]
    """
    pairs = compared * (compared - 1) // 2
    upper, lower = (one, other) if one[0] >= other[0] else (other, one)
    spent = days if upper is one else days[::-1]
    low, _ = among(*upper, spent[0], pairs)
    _, high = among(*lower, spent[1], pairs)
    if low is None or high is None:
        return False
    return bool(upper[0] - lower[0] > math.hypot(upper[0] - low, high - lower[0]))


def widening(days: int, count: int) -> float:
    """Return how many times wider a 95 % interval over days is where it is one of many (Bonferroni)."""
    from scipy.special import stdtrit

    free = max(days - 1, 1)
    return float(stdtrit(free, 1 - 0.025 / max(count, 1)) / stdtrit(free, 0.975))


def highest_return(value: float, high: float, wider: float) -> float:
    """Return the upper end of the return on spend of one of many, whose interval is so many times wider.

    A return has a tail upwards, so that its upper end grows as a multiple of it; and what Student's
    distribution adds for many is too little of sums that a few large orders make, so it counts twice.

    Examples
    --------
    >>> [round(highest_return(0.5, 0.8, wider), 2) for wider in (1.0, 1.5)]
    [0.8, 1.28]
    """
    return float(value * (high / value) ** (2 * wider - 1)) if value > 0 else high
