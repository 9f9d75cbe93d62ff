"""How far an axis reaches where one interval is so wide that it would squeeze all the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median_low
from typing import Any

GOES_ON = "An arrow: the interval goes on beyond the picture; its ends are in the table."
_MUCH_WIDER = 3.0  # than the interval in the middle
_ROOM = 1.0  # on either side of the values, in their distance


def within_reach(
    points: Sequence[Mapping[str, Any]], *, also: Sequence[float] = (0.0,)
) -> tuple[list[dict[str, Any]], tuple[float, float] | None]:
    """Return points whose intervals end where the picture does, and the ends of the picture.

    All values are in the picture, all intervals that are not three times as wide as the one in the middle,
    and of the others what lies no further from the values than those from each other. What is cut is told by
    `before` and `beyond`: the interval goes on to the left, to the right. Other fields stay as they are.

    Parameters
    ----------
    points : sequence of mapping
        `value`, `low` and `high`, where the last two may be None.
    also : sequence of float
        What the picture shows besides.

    Returns
    -------
    list of dict
        The points.
    tuple of (float, float) or None
        The first and last place of the axis; None where nothing is cut.

    Examples
    --------
    >>> narrow = [{"value": 2.0 + n, "low": 1.5 + n, "high": 2.5 + n} for n in range(3)]
    >>> points, ends = within_reach([*narrow, {"value": 3.0, "low": 2.0, "high": 90.0}])
    >>> points[3], ends
    ({'value': 3.0, 'low': 2.0, 'high': 8.0, 'before': False, 'beyond': True}, (0.0, 8.0))
    >>> within_reach(narrow)[1] is None
    True
    """
    known = [(point["low"], point["high"]) for point in points if None not in (point["low"], point["high"])]
    if not known:
        return [dict(point) for point in points], None
    usual = _MUCH_WIDER * median_low(high - low for low, high in known)
    values = [*also, *(point["value"] for point in points)]
    room = _ROOM * (max(values) - min(values))
    fit = [end for low, high in known if high - low <= usual for end in (low, high)]
    first, last = min([min(values) - room, *fit]), max([max(values) + room, *fit])
    if all(first <= low and high <= last for low, high in known):
        return [dict(point) for point in points], None
    drawn = [_cut(point, first, last) for point in points]
    seen = [end for one in drawn for end in (one["low"], one["high"]) if end is not None]
    return drawn, (min([*values, *seen]), max([*values, *seen]))


def _cut(point: Mapping[str, Any], first: float, last: float) -> dict[str, Any]:
    low, high = point["low"], point["high"]
    if low is None or high is None:
        return {**point, "before": False, "beyond": False}
    ends = {"low": max(low, first), "high": min(high, last), "before": low < first, "beyond": high > last}
    return {**point, **ends}
