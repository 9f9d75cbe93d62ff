"""Which roll-up answers a question: the same leaves, read from sums kept by day.

A roll-up is no second definition. Where the tables offer one, the planner reads counts and sums of events
from it if its columns cover the question, and from the events otherwise; quantiles too, of what is told in
steps. It holds nothing that does not merge: distinct users always come from the events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from workbench.events.rollups import ROLLUPS, STEPS, Rollup
from workbench.metrics.conditions import Condition
from workbench.metrics.measures import Count, Leaf, Quantile, Total
from workbench.metrics.slices import DIMENSIONS


def covering(
    leaves: Iterable[Leaf], by: Iterable[str], where: Iterable[Condition], loaded: Collection[str]
) -> str:
    """Return the coarsest roll-up that answers these leaves of facts, so sliced and filtered; empty if none.

    Examples
    --------
    >>> from workbench.metrics.terms import clicks, reached
    >>> from workbench.metrics.measures import leaves
    >>> [covering([leaf], ["campaign"], [], ["rollup_campaigns"]) for leaf in (leaves(clicks)[0], reached)]
    ['rollup_campaigns', '']
    """
    several, asked = list(leaves), [*by, *(condition.column for condition in where)]
    if any(name in STEPS for name in asked):  # rows are told apart by more than their step
        return ""
    named = [*asked, *(condition.column for leaf in several for condition in _conditions(leaf))]
    for rollup in ROLLUPS.values():
        sums = all(_sums(leaf, rollup) for leaf in several)
        if rollup.name in loaded and sums and all(_known(name, rollup) for name in named):
            return rollup.name
    return ""


def offered(names: Collection[str]) -> str:
    """Return the coarsest roll-up among some tables, which knows every day and event type; empty if none."""
    return next((name for name, rollup in ROLLUPS.items() if name in names and not rollup.of), "")


def _conditions(leaf: Leaf) -> tuple[Condition, ...]:
    return leaf.where if isinstance(leaf, Count | Total | Quantile) else ()


def _sums(leaf: Leaf, rollup: Rollup) -> bool:
    if rollup.of and (leaf.table != "facts" or set(getattr(leaf, "event_types", ())) != set(rollup.of)):
        return False
    if isinstance(leaf, Quantile):
        return leaf.stepped and leaf.column in rollup.keys
    if isinstance(leaf, Total):
        return leaf.column in rollup.sums and not leaf.times
    return isinstance(leaf, Count)


def _known(name: str, rollup: Rollup) -> bool:
    if name not in DIMENSIONS:
        return name in rollup.keys
    own = DIMENSIONS[name].column("facts")
    found = DIMENSIONS[name].lookup("facts")
    return (own is None or own in rollup.keys) and (
        own is not None or (found is not None and found.key in rollup.keys)
    )
