"""Which ready mapping a file that none fits comes closest to, and what it lacks for it."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import BadInput
from workbench.events.mapping import Mapping, ready
from workbench.events.places import coded, plain

_LEAST = 0.5  # of the columns by which a mapping knows a file


def nearest(columns: Sequence[str]) -> Mapping | None:
    """Return the ready mapping of whose identifying columns a file has most; None of less than half.

    Examples
    --------
    >>> nearest(["Campaign", "Day", "Impr.", "Clicks"]).name
    'google_ads'
    >>> nearest(["mood", "weather", "date"]) is None
    True
    """
    there = {name for column in columns for name in (plain(column), coded(column))}
    found = [
        (len(own & there) / len(own), len(own & there), mapping)
        for mapping in ready().values()
        for own in ({plain(column) for column in mark} for mark in mapping.matches)
        if len(own & there) > 1
    ]
    if not found:
        return None
    share, _, mapping = max(found, key=lambda one: one[:2])
    return mapping if share >= _LEAST else None


def what_it_lacks(columns: Sequence[str]) -> str:
    """Return what the nearest ready mapping still needs of a file, in words; empty where none is near.

    Examples
    --------
    >>> what_it_lacks(["Campaign", "Day", "Impr.", "Clicks"])
    "google_ads comes closest, and lacks spend (from 'cost_micros' or 'cost' or 'Cost')"
    >>> what_it_lacks(["Campaign", "Day", "Cost", "Clicks"])
    'google_ads comes closest: --mapping google_ads reads the file'
    """
    mapping = nearest(columns)
    if mapping is None:
        return ""
    try:
        mapping.columns(columns)
    except BadInput as error:
        lacks = error.problem.partition(" needs: ")[2]
        return f"{mapping.name} comes closest, and lacks {lacks}" if lacks else ""
    return f"{mapping.name} comes closest: --mapping {mapping.name} reads the file"
