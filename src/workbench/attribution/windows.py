"""Which touches belong to a conversion: look-back windows, and how journeys begin and end.

Words: a *look-back window* holds the touches with conversion time - W <= touch time <= conversion time, both
ends included, in elapsed time and not in calendar days. A *journey* is what a user touched up to a
conversion; what is left after the last one, and users who never convert, are journeys without a conversion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from numbers import Integral
from typing import Literal

from workbench.attribution.rules import RULES, Rule
from workbench.errors import UsageError, wrong_kind

Reuse = Literal["split", "reuse"]
MOST_ORDER = 4
_ANY = 2**62
_DAYS = re.compile(r"(\d{1,5})d")
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class LookBack:
    """How far before a conversion a touch may lie.

    Parameters
    ----------
    micros : int
        Microseconds.

    Examples
    --------
    >>> str(lookback("7d")), str(lookback(timedelta(hours=36))), str(lookback(None))
    ('7d', '36h', 'any')
    """

    micros: int

    def __post_init__(self) -> None:
        if self.micros < 0:
            raise UsageError("A look-back window cannot end before it begins.")

    def __str__(self) -> str:
        if self.micros >= _ANY:
            return "any"
        for size, unit in ((86_400_000_000, "d"), (3_600_000_000, "h"), (1_000_000, "s")):
            if self.micros % size == 0:
                return f"{self.micros // size}{unit}"
        return f"{self.micros}us"


def lookback(asked: str | timedelta | LookBack | None) -> LookBack:
    """Return the look-back window meant by ``"30d"``, a timedelta, or ``"any"`` or None for no limit.

    Raises
    ------
    UsageError
        If the text is no window.
    """
    if isinstance(asked, LookBack):
        return asked
    if asked is None or asked == "any":
        return LookBack(_ANY)
    if isinstance(asked, timedelta):
        return LookBack(asked // _MICROSECOND)
    if not isinstance(asked, str):
        raise wrong_kind("A look-back window", asked, "text as 30d, or a timedelta")
    found = _DAYS.fullmatch(asked.strip())
    if not found:
        raise UsageError(f"{asked!r} is no look-back window. Write 30d, or any.")
    return LookBack(timedelta(days=int(found[1])) // _MICROSECOND)


def within(window: str) -> str:
    """Return a look-back window as the words between a touch and what it lies before.

    Examples
    --------
    >>> within("30d"), within("1d"), within("36h"), within("any")
    ('in the 30 days before', 'in the day before', 'in the 36 hours before', 'at any time before')
    """
    if window == "any":
        return "at any time before"
    units = {"d": "day", "h": "hour", "s": "second", "us": "microsecond"}
    size = window.rstrip("dhsu")
    unit = units[window.removeprefix(size)]
    return f"in the {unit} before" if size == "1" else f"in the {size} {unit}s before"


LOOKBACKS = tuple(lookback(text) for text in ("7d", "14d", "28d", "30d", "any"))


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneySettings:
    """How touches become journeys and credit; results of different settings are never added up.

    Parameters
    ----------
    lookbacks : tuple of LookBack
        The windows in which the rules give credit, ascending.
    conversions : {"split", "reuse"}
        ``split``: a conversion uses up the touches before it. ``reuse``: the rules see all touches in the
        window of every conversion; Markov and Shapley split always, or a touch would lie on several paths.
    gap : timedelta, optional
        Inactivity after which a journey ends without a conversion.
    rules : tuple of Rule
        The rules that give credit.
    half_life : timedelta
        The age at which the weight of a touch has halved, for rules that decay.
    direct : str
        The touch that is no campaign; only ``last_non_direct`` looks at it.
    order : int
        The highest order of a Markov chain that can be asked for later, 1 to 4.
    buckets : int
        Into how many random groups of users the statistics are cut, for intervals.

    Raises
    ------
    UsageError
        If one of them is out of range.
    """

    lookbacks: tuple[LookBack, ...] = LOOKBACKS
    conversions: Reuse = "split"
    gap: timedelta | None = None
    rules: tuple[Rule, ...] = tuple(RULES.values())
    half_life: timedelta = timedelta(days=7)
    direct: str = "direct"
    order: int = 3
    buckets: int = 64

    def __post_init__(self) -> None:
        if not self.lookbacks or list(self.lookbacks) != sorted(set(self.lookbacks)):
            raise UsageError("Name at least one look-back window, the shortest first, none twice.")
        if self.conversions not in ("split", "reuse"):
            raise UsageError(f"Conversions are 'split' or 'reuse', not {self.conversions!r}.")
        if not isinstance(self.order, Integral):
            raise wrong_kind("The order", self.order, "a whole number")
        if not 1 <= self.order <= MOST_ORDER:
            raise UsageError(f"The order is 1 to {MOST_ORDER}, not {self.order}.")
        if not 1 <= self.buckets <= 4096:
            raise UsageError(f"Users are cut into 1 to 4096 buckets, not {self.buckets}.")
        if self.half_life <= timedelta(0) or (self.gap is not None and self.gap <= timedelta(0)):
            raise UsageError("A half-life and a gap are longer than nothing.")
        if not self.rules or len({rule.name for rule in self.rules}) < len(self.rules):
            raise UsageError("Name at least one rule, none twice.")

    @property
    def gap_micros(self) -> int:
        """Return the gap in microseconds; larger than any age where there is none."""
        return _ANY if self.gap is None else self.gap // _MICROSECOND

    @property
    def half_life_micros(self) -> int:
        """Return the half-life in microseconds."""
        return self.half_life // _MICROSECOND

    def place(self, asked: str | timedelta | LookBack | None) -> int:
        """Return which of the windows is meant.

        Raises
        ------
        UsageError
            If the journeys were not built with it.
        """
        found = lookback(asked)
        if found not in self.lookbacks:
            built = ", ".join(map(str, self.lookbacks))
            raise UsageError(f"These journeys were not built with the window {found}. Built: {built}.")
        return self.lookbacks.index(found)


def journey_settings(
    lookbacks: Iterable[str | timedelta | LookBack | None] = LOOKBACKS,
    *,
    conversions: Reuse = "split",
    gap: timedelta | None = None,
    rules: Iterable[str] = tuple(RULES),
    half_life: timedelta = timedelta(days=7),
    order: int = 3,
    buckets: int = 64,
) -> JourneySettings:
    """Return settings from words: windows such as ``"30d"`` in any order, and rules by name.

    Examples
    --------
    >>> some = journey_settings(["any", "7d"], rules=["linear"])
    >>> [str(window) for window in some.lookbacks], [rule.name for rule in some.rules]
    (['7d', 'any'], ['linear'])
    """
    return JourneySettings(
        lookbacks=tuple(sorted({lookback(some) for some in lookbacks})),
        conversions=conversions,
        gap=gap,
        rules=tuple(RULES.only(rules).values()),
        half_life=half_life,
        order=order,
        buckets=buckets,
    )
