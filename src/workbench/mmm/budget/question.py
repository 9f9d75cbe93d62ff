"""What an optimiser is asked: how much money, between which bounds, and how careful."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workbench.errors import NotEnoughData, UsageError, unknown_name, wrong_kind
from workbench.mmm.budget.table import ResponseTable
from workbench.mmm.findings import joined
from workbench.result import format_value, worded

Array = npt.NDArray[np.float64]
_SLACK = 1e-9  # of a total: what rounding may do


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetQuestion:
    """How much money is to be split between which bounds.

    Parameters
    ----------
    total : float, optional
        Money for the whole window; by default what was spent in it.
    within : (float, float)
        Least and most of every channel that has no bounds of its own, as multiples of its spend.
    bounds : mapping
        Least and most of single channels, in money for the whole window.
    locked : tuple of str
        Channels that keep their spend.
    worst : float
        The share of the model's possible worlds that is planned for: 1 maximises the mean outcome over all
        of them, 0.2 the mean over the fifth in which the split does worst.
    despite_gates : bool
        Whether a model may be used that missed its gates.
    move_beliefs : bool
        Whether channels may be moved whose return is still what was believed before the data; without it
        they keep their spend, unless they have bounds of their own.

    Raises
    ------
    UsageError
        Where a figure is out of range.

    Examples
    --------
    >>> BudgetQuestion(total=100_000, locked=("tv",)).within
    (0.5, 2.0)
    """

    total: float | None = None
    within: tuple[float, float] = (0.5, 2.0)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=lambda: MappingProxyType({}))
    locked: tuple[str, ...] = ()
    worst: float = 1.0
    despite_gates: bool = False
    move_beliefs: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.total, str):
            raise wrong_kind("A total budget", self.total, "a number")
        if self.total is not None and not 0 < self.total < np.inf:
            raise UsageError(f"A total budget is an amount of money above 0, not {self.total!r}.")
        if not 0 < self.worst <= 1:
            raise UsageError("worst is a share of the possible worlds: expected a number above 0, up to 1.")
        spans = {"within": self.within, **{f"the bounds of {name!r}": b for name, b in self.bounds.items()}}
        for name, span in spans.items():
            if isinstance(span, str) or not isinstance(span, Collection) or len(span) != 2:
                raise wrong_kind(name, span, "a least and a most; a channel that keeps its spend is locked")
            low, high = span
            if not 0 <= low <= high < np.inf:
                raise UsageError(f"{name}: expected a least and a most, 0 or more, the least first.")
        both = sorted(set(self.locked) & set(self.bounds))
        if both:
            raise UsageError(f"{both[0]!r} is locked and has bounds: give one of the two.")


def budget_question(*, bounds: str = "", **facts: Any) -> BudgetQuestion:
    """Return a question whose bounds are one text.

    Parameters
    ----------
    bounds : str
        Parts joined by ";": ``0.5:2`` for all channels, in multiples of their spend, ``tv=keep`` for one that
        keeps its spend, ``search=100000:400000`` for one with bounds in money.
    facts
        Further parameters of `BudgetQuestion`.

    Raises
    ------
    UsageError
        Where a part is no bound.

    Examples
    --------
    >>> asked = budget_question(bounds="0.8:1.5; tv=keep; search=1000:4000", total=1e6)
    >>> asked.within, asked.locked, dict(asked.bounds)
    ((0.8, 1.5), ('tv',), {'search': (1000.0, 4000.0)})
    """
    found: dict[str, Any] = dict(facts)
    for part in filter(None, map(str.strip, bounds.split(";"))):
        name, one, ends = (text.strip() for text in part.rpartition("="))
        if name and ends == "keep":
            found["locked"] = (*found.get("locked", ()), name)
        elif name:
            found["bounds"] = {**found.get("bounds", {}), name: _ends(ends, part)}
        elif not one:
            found["within"] = _ends(ends, part)
        else:
            raise _no_bound(part)
    return BudgetQuestion(**found)


def _ends(text: str, part: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(":"))
    except ValueError:
        raise _no_bound(part) from None
    return low, high


def _no_bound(part: str) -> UsageError:
    return UsageError(
        f"{part[:80]!r} is no bound: write 0.5:2 for all channels, CHANNEL=keep, or, in money, "
        "CHANNEL=LEAST:MOST."
    )


class Limits(NamedTuple):
    """Least and most money of every channel, shape (C,); equal where a channel is locked."""

    low: Array
    high: Array


def limits_of(question: BudgetQuestion, table: ResponseTable) -> Limits:
    """Return the least and most of every channel.

    Raises
    ------
    UsageError
        Where a channel is unknown, all are locked, or bounds reach beyond the table.
    NotEnoughData
        Where of no channel that could move more is known than what was believed beforehand.
    """
    for name in (*question.locked, *question.bounds):
        if name not in table.channels:
            if name in table.left_out:
                raise UsageError(f"{name!r} spent nothing in the window, so there is nothing to plan.")
            raise unknown_name("channel", name, table.channels)
    low, high = (edge * table.spend for edge in question.within)
    for name, (least, most) in question.bounds.items():
        place = table.channels.index(name)
        low[place], high[place] = least, most
    held = held_by_belief(question, table)
    locked = np.isin(table.channels, question.locked)
    if locked.all():
        raise UsageError("All channels are locked: unlock at least two to move money between them.")
    locked |= np.isin(table.channels, held)
    if locked.all():
        raise NotEnoughData(
            f"Of {joined([worded(name) for name in held])} nothing is known but what was believed "
            "beforehand, so no data speak for another split. Run a test, or give a channel bounds of its own "
            "to move it by its belief."
        )
    low, high = np.where(locked, table.spend, low), np.where(locked, table.spend, high)
    far = np.flatnonzero(high > table.most * table.spend * (1 + _SLACK))
    if len(far):
        name, most = table.channels[far[0]], high[far[0]] / table.spend[far[0]]
        raise UsageError(
            f"{name!r} may go up to {most:.3g} times its spend, but the response table ends at "
            f"{table.most:.3g} times: lower the bound, or make a table with a larger `most`."
        )
    return Limits(low, high)


def held_by_belief(question: BudgetQuestion, table: ResponseTable) -> tuple[str, ...]:
    """Return the channels that keep their spend because no data speak for moving them."""
    if question.move_beliefs:
        return ()
    return tuple(
        name for name in table.believed if name not in question.bounds and name not in question.locked
    )


def told_of_held(names: tuple[str, ...]) -> str:
    """Return in words that channels keep their spend because no data speak for moving them.

    Examples
    --------
    >>> told_of_held(("email", "in_app"))
    'email and in app keep their spend: of their returns nothing is known but what was believed beforehand.'
    >>> told_of_held(())
    ''
    """
    if not names:
        return ""
    many = len(names) > 1
    keep, their, returns = ("keep", "their", "returns") if many else ("keeps", "its", "return")
    return (
        f"{joined([worded(name) for name in names])} {keep} {their} spend: of {their} {returns} nothing is "
        "known but what was believed beforehand."
    )


def total_of(question: BudgetQuestion, table: ResponseTable, limits: Limits) -> float:
    """Return the money to split.

    Raises
    ------
    UsageError
        Where the bounds do not allow it.
    """
    total = table.total if question.total is None else float(question.total)
    least, most = float(limits.low.sum()), float(limits.high.sum())
    if not least * (1 - _SLACK) <= total <= most * (1 + _SLACK):
        amounts = (format_value(one, "money", currency=table.currency) for one in (total, least, most))
        held = told_of_held(held_by_belief(question, table))
        raise UsageError(
            "The bounds do not allow a total of {}: together the channels take {} to {}. "
            "Widen the bounds, unlock a channel, or change the total.".format(*amounts)
            + (f" {held}" if held else "")
        )
    return min(max(total, least), most)
