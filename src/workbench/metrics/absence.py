"""What it means that a source has no rows for a slice: nothing happened, or nobody knows.

A list of orders or of leads is whole: who is not on it did not buy. A platform's report says nothing of a
campaign that it does not name, and nothing of a column that it leaves blank; of a campaign that it names,
days without a row are days without delivery. Events say nothing of a campaign of which none were recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.events.tables import TABLES
from workbench.metrics.measures import Leaf, Total
from workbench.metrics.slices import DIMENSIONS

Flags = NDArray[np.bool_]
REPORTED = "daily_performance"


def groups(by: Sequence[str], slices: Sequence[tuple[Any, ...]]) -> NDArray[np.int64]:
    """Return a number for each slice, the same for slices that differ in time only.

    Examples
    --------
    >>> groups(["channel", "week"], [("email", 1), ("email", 2), ("sms", 1)])
    array([0, 0, 1])
    """
    lasting = [place for place, name in enumerate(by) if not DIMENSIONS[name].grain]
    numbers: dict[tuple[Any, ...], int] = {}
    keys = [tuple(key[place] for place in lasting) for key in slices]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def spread_out(flags: Flags, group: NDArray[np.int64]) -> Flags:
    """Return for each slice whether any slice of its group is flagged."""
    return np.asarray(np.bincount(group, flags, minlength=len(flags))[group] > 0)


def unreported(leaf: Leaf, present: Flags, filled: Flags, group: NDArray[np.int64]) -> Flags:
    """Return the slices in which a sum is unknown, not zero.

    Parameters
    ----------
    leaf : Leaf
        The sum.
    present, filled : array
        The slices in which its table has rows, and those in which its column has a value.
    group : array
        The number of each slice without its time.
    """
    if not isinstance(leaf, Total) or leaf.where or leaf.table == "facts":
        return np.zeros(len(present), bool)
    if TABLES[leaf.table].field(leaf.column).required:
        return np.zeros(len(present), bool)
    if not present.any():
        return np.ones(len(present), bool)
    if leaf.table != REPORTED:
        return np.asarray(present & ~filled)
    return np.asarray(~filled & (present | ~spread_out(filled, group)))
