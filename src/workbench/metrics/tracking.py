"""Which slices events were recorded of: what is not counted there did not happen; elsewhere it is unknown."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import numpy as np

from workbench.metrics.absence import Flags, groups, spread_out
from workbench.metrics.conditions import Condition
from workbench.metrics.measures import Count, Distinct, Leaf, Total, count
from workbench.metrics.mixed_channels import mixed_campaigns
from workbench.metrics.own_records import is_own
from workbench.metrics.plan import plan
from workbench.metrics.slices import DIMENSIONS
from workbench.metrics.values import Values, fetch

if TYPE_CHECKING:
    from workbench.metrics.window import Window
    from workbench.source import Tables

_TRACKED = ("campaign_delivered", "campaign_viewed", "campaign_clicked", "campaign_converted")
UNTRACKED = "no events recorded there"


def blank_untracked(
    tables: Tables, values: Values, where: tuple[Condition, ...], loaded: Collection[str], window: Window
) -> None:
    """Make what is counted of events unknown in slices of which no event of a campaign was recorded.

    Rows that meet conditions on dimensions are such a slice, too. Events are asked for again only where a
    slice is known to another table alone.
    """
    lasting = tuple(name for name in values.by if not DIMENSIONS[name].grain)
    counted = [leaf for leaf in values.totals if _counted(leaf)]
    if not counted or not (lasting or limiting(where)):
        return
    group = groups(values.by, values.slices)
    seen = spread_out(np.any([values.totals[leaf] != 0 for leaf in counted], axis=0), group)
    if seen.all():
        return
    asked = where + _unnamed(values, lasting, ~seen)
    seen |= _recorded(tables, values, (lasting, asked, loaded), window)
    for leaf in counted:
        values.totals[leaf] = np.where(seen, values.totals[leaf], np.nan)
        values.reasons[leaf] = UNTRACKED


def limiting(where: Iterable[Condition]) -> tuple[str, ...]:
    """Return the dimensions, but for time, of which conditions keep some values.

    Examples
    --------
    >>> limiting([Condition("channel", "in", ("email", "push")), Condition("month", "==", "2024-03-01")])
    ('channel',)
    """
    named = [condition.column for condition in where if condition.test in ("==", "in", "is null")]
    return tuple(dict.fromkeys(name for name in named if name in DIMENSIONS and not DIMENSIONS[name].grain))


def _unnamed(values: Values, by: tuple[str, ...], unseen: Flags) -> tuple[Condition, ...]:
    """Return the conditions that every slice in doubt meets: as a rule only what has no name is in doubt."""
    doubtful = [values.slices[place] for place in np.flatnonzero(unseen)]
    unnamed = [name for name in by if all(key[values.by.index(name)] is None for key in doubtful)]
    return tuple(Condition(name, "is null") for name in unnamed)


def _counted(leaf: Leaf) -> bool:
    return isinstance(leaf, Count | Total | Distinct) and leaf.table == "facts" and not is_own(leaf)


def _recorded(
    tables: Tables,
    values: Values,
    asked: tuple[tuple[str, ...], tuple[Condition, ...], Collection[str]],
    window: Window,
) -> Flags:
    by, where, loaded = asked
    tracked = count(_TRACKED)
    mixed = mixed_campaigns(tables, [tracked], by, where)
    needed = plan([tracked], by=by, where=where, loaded=loaded, mixed=mixed)
    found = fetch(tables, needed, by, window)
    known = {key for key, n in zip(found.slices, found.of(tracked), strict=True) if n > 0}
    places = [values.by.index(name) for name in by]
    return np.array([tuple(key[place] for place in places) in known for key in values.slices], bool)
