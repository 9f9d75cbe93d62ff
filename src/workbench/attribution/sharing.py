"""The credit of conversions by rules, compiled: after the pass, each walks back over the touches before it.

Columns are taken out of their tuples before loops: taking one out costs as much as several sums.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.attribution.compilation import compiled, inlined
from workbench.attribution.kernel import BOUGHT, LAST, MARK, ROW, Array, Log, Memory, Plan, Sums

SHAPE, LINEAR, DECAY, NOT_DIRECT = 0, 1, 2, 3
Seen = tuple[Array, Array, Array]  # of touches: codes, ages, how far these decayed
Tables = tuple[Array, Array, Array, Array, Array]
_BLOCK, _NEWEST = 64, 6  # conversions whose touches are fetched together, and how many of each
_HOUR = 3_600_000_000


@compiled
def share_out(log: Log, plan: Plan, memory: Memory, sums: Sums) -> int:
    """Add the credit of all conversions in all windows; return a number without meaning."""
    sold, value, columns = memory.sold, log.value, (log.instant, log.touch, memory.before)
    tables = (sums.unattributed, sums.lengths, sums.lags, sums.spans, sums.credit)
    touches, ages = np.empty(1024, np.int64), np.empty(1024, np.int64)
    decay = np.empty(1024)
    limits = (plan.windows[-1], plan.reuse)
    ahead, fetched = np.empty(_BLOCK, np.int64), 0
    for conversion in range(len(sold)):
        if conversion % _BLOCK == 0:
            fetched += _fetch(conversion, sold, columns, ahead)
        if sold[conversion, MARK] < 0:
            continue
        place = (np.int64(sold[conversion, LAST]), sold[conversion, ROW])
        size = _walk(place, columns, limits, touches, ages)
        if size > len(touches):
            touches, ages = np.empty(2 * size, np.int64), np.empty(2 * size, np.int64)
            decay = np.empty(2 * size)
            _walk(place, columns, limits, touches, ages)
        seen = (touches, ages, decay)
        in_windows(seen, size, value[conversion], sold[conversion, MARK], plan, tables)
    return fetched


@compiled
def _fetch(first: int, sold: Array, columns: tuple[Array, Array, Array], ahead: Array) -> int:
    """Read the newest touches of some conversions in turns: memory answers many questions at once."""
    instant, touch, before = columns
    some, fetched = min(len(ahead), len(sold) - first), 0
    for at in range(some):
        ahead[at] = sold[first + at, LAST]
    for _ in range(_NEWEST):
        for at in range(some):
            place = ahead[at]
            if place >= 0:
                fetched += instant[place] + touch[place]
                ahead[at] = before[place]
    return fetched


@compiled
def _walk(
    conversion: tuple[Any, int],
    columns: tuple[Array, Array, Array],
    limits: tuple[int, bool],
    touches: Array,
    ages: Array,
) -> int:
    """Note the touches in the largest window, newest first, as far as there is room; return how many."""
    instant, touch, before = columns
    longest, reuse = limits
    last, row = conversion
    at, size, room = instant[row], 0, len(touches)
    place: Any = last
    while place >= 0:
        age = at - instant[place]
        if age > longest:
            break
        if size < room:
            touches[size], ages[size] = touch[place], age
        size += 1
        place = np.int64(before[place])
        if place < -1:
            place = -place - 2 if reuse else -1
    return size


@compiled
def in_windows(seen: Seen, size: int, value: float, mark: int, plan: Plan, tables: Tables) -> None:
    """Add the credit of one conversion; windows with the same touches are one place of the tables."""
    _touches, ages, decay = seen
    windows, rate, (unattributed, lengths, lags, spans, credit) = plan.windows, plan.decay, tables
    bucket, bought = mark & (BOUGHT - 1), (mark & BOUGHT) // BOUGHT
    first, inside, whole = 0, 0, 0.0
    while first < len(windows):
        while inside < size and ages[inside] <= windows[first]:
            decay[inside] = math.exp((ages[0] - ages[inside]) * rate)
            whole += decay[inside]
            inside += 1
        after = first + 1
        while after < len(windows) and (inside == size or ages[inside] > windows[after]):
            after += 1
        place = after * (after - 1) // 2 + first
        if inside == 0:
            unattributed[bucket, place, 0] += 1.0
            unattributed[bucket, place, 1] += value
        else:
            length, age = min(inside, lengths.shape[2] - 1), ages[inside - 1]
            lengths[place, bought, length, 0] += 1.0
            lengths[place, bought, length, 1] += value
            lags[place, bought, min(age // _HOUR, lags.shape[2] - 1)] += 1.0
            spans[place, bought, 0] += inside
            spans[place, bought, 1] += age
            row = (bucket * unattributed.shape[1] + place) * (plan.base - 1)
            _credit(row, seen, (inside, whole), value, plan, credit)
        first = after


def by_window(some: Array, windows: int, axis: int) -> Array:
    """Return sums by window of sums by windows, from a first to a last, that hold the same touches."""
    shape = [*some.shape[:axis], windows, *some.shape[axis + 1 :]]
    found: Array = np.zeros(shape)
    for after in range(1, windows + 1):
        for first in range(after):
            place = after * (after - 1) // 2 + first
            part = some.take([place], axis=axis)
            found[(slice(None),) * axis + (slice(first, after),)] += part
    return found


@compiled
def _credit(row: int, seen: Seen, path: tuple[int, float], value: float, plan: Plan, credit: Array) -> None:
    """Add one conversion by all rules, whose figures of one touch stand together."""
    touches, _ages, decay = seen
    kinds, shapes, rules, (size, whole) = plan.kinds, plan.shapes, len(plan.kinds), path
    for number in range(rules):
        kind, first, last = kinds[number], shapes[number, 0], shapes[number, 1]
        only, rest, rest_value = _only((kind, first, last, plan.direct), size, touches), 0.0, 0.0
        if only < 0:
            share, end = _shares((kind, first, last), size)
            for at in range(size - 1, 0, -1):
                some = decay[at] / whole if kind == DECAY else end if at == size - 1 else share
                place = 2 * ((row + touches[at]) * rules + number)
                credit[place] += some
                credit[place + 1] += some * value
                rest += some
                rest_value += some * value
        place = 2 * ((row + touches[max(only, 0)]) * rules + number)
        credit[place] += 1.0 - rest  # the newest touch gets what the others leave
        credit[place + 1] += value - rest_value


@inlined
def _only(rule: tuple[int, float, float, int], size: int, touches: Array) -> int:
    """Return which touch gets all; -1 where several share."""
    kind, first, last, direct = rule
    if kind == NOT_DIRECT:
        for at in range(size):
            if touches[at] != direct:
                return at
        return 0
    if kind == SHAPE and first == 1.0:
        return size - 1
    return 0 if size == 1 or (kind == SHAPE and last == 1.0) else -1


@inlined
def _shares(rule: tuple[int, float, float], size: int) -> tuple[float, float]:
    """Return the share of each touch between the newest and the oldest, and that of the oldest."""
    kind, first, last = rule
    if kind == LINEAR:
        return 1.0 / size, 1.0 / size
    return (1.0 - first - last) / max(size - 2, 1), first if size > 2 else first / (first + last)
