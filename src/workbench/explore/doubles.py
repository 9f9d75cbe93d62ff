"""What may count twice, in the words of the page that asks for decisions: one line for each kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.metrics.sold_twice import SoldTwice, sold_twice
from workbench.metrics.told_by_two_names import TwoNames, told_by_two_names
from workbench.metrics.told_in_parts import ToldInParts, told_in_parts
from workbench.metrics.told_twice import TWICE, ToldTwice, told_twice

if TYPE_CHECKING:
    from workbench.metrics import Window
    from workbench.source import Tables

_NAMED = 3


def doubles(tables: Tables, window: str | Window | None) -> Iterator[tuple[str, str]]:
    """Yield of what something may count twice, and what tells it twice."""
    yield from _of_told_twice(told_twice(tables, window=window))
    yield from _of_told_in_parts(told_in_parts(tables, window=window))
    yield from _of_two_names(told_by_two_names(tables, window=window))
    yield from _of_sold_twice(sold_twice(tables, window=window))


def _of_told_twice(told: Sequence[ToldTwice]) -> Iterator[tuple[str, str]]:
    for what in dict.fromkeys(one.what for one in told):
        places = [one.place for one in told if one.what == what]
        more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
        are = "is" if what == "revenue" else "are"
        whose = f"of {', '.join(places[:_NAMED])}{more}"
        yield what.capitalize(), f"{whose} {are} both recorded and reported by a platform: {TWICE}"


def _of_told_in_parts(told: Sequence[ToldInParts]) -> Iterator[tuple[str, str]]:
    for ways in dict.fromkeys(one.ways for one in told):
        places = list(dict.fromkeys(one.place for one in told if one.ways == ways))
        more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
        text = f"of {', '.join(places[:_NAMED])}{more} tell the same days {' and '.join(ways)}: {TWICE}"
        yield "Reports", text


def _of_two_names(told: Sequence[TwoNames]) -> Iterator[tuple[str, str]]:
    if told:
        pairs = [f"{' and '.join(one.names)} ({len(one.days)} days)" for one in told]
        more = f" and {len(pairs) - _NAMED} more pairs" if len(pairs) > _NAMED else ""
        text = f"of {', of '.join(pairs[:_NAMED])}{more} tell the same spend and impressions: {TWICE}"
        yield "Reports", text


def _of_sold_twice(told: SoldTwice | None) -> Iterator[tuple[str, str]]:
    if told:
        days = (told.days[-1] - told.days[0]).days + 1
        said = told.within(told.days[0], days).removeprefix("orders ")
        yield "Orders", f"{said}: {TWICE}"
