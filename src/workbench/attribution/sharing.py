"""The credit of conversions by rules, compiled: after the pass, each walks back over the touches before it.

Columns are taken out of their tuples before loops: taking one out costs as much as several sums.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.attribution.compilation import compiled
from workbench.attribution.kernel import BOUGHT, FIRST, LAST, MARK, ROW, Array, Log, Memory, Plan, Sums

SHAPE, LINEAR, DECAY, NOT_DIRECT = 0, 1, 2, 3
Seen = tuple[Array, Array, Array, Array]  # of touches: codes, ages, how far these decayed, shares
Tables = tuple[Array, Array, Array, Array, Array]
_BLOCK, _NEWEST = 64, 6  # conversions whose touches are fetched together, and how many of each
_HOUR = 3_600_000_000


@compiled
def share_out(log: Log, plan: Plan, memory: Memory, sums: Sums) -> int:
    """Add the credit of all conversions in all windows; return a number without meaning."""
    sold, value, columns = memory.sold, log.value, (log.instant, log.touch, memory.before)
    tables = (sums.unattributed, sums.lengths, sums.lags, sums.spans, sums.credit)
    touches, ages = np.empty(1024, np.int64), np.empty(1024, np.int64)
    decay, shares = np.empty(1024), np.empty(1024)
    limits = (plan.windows[-1], plan.reuse)
    ahead, fetched = np.empty(_BLOCK, np.int64), 0
    for conversion in range(len(sold)):
        if conversion % _BLOCK == 0 and len(columns[2]):
            fetched += _fetch(conversion, sold, columns, ahead)
        if sold[conversion, MARK] < 0:
            continue
        place = (np.int64(sold[conversion, LAST]), sold[conversion, ROW], sold[conversion, FIRST])
        size = _walk(place, columns, limits, touches, ages)
        if size > len(touches):
            touches, ages = np.empty(2 * size, np.int64), np.empty(2 * size, np.int64)
            decay, shares = np.empty(2 * size), np.empty(2 * size)
            _walk(place, columns, limits, touches, ages)
        seen = (touches, ages, decay, shares)
        _in_windows(seen, size, value[conversion], sold[conversion, MARK], plan, tables)
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
    conversion: tuple[Any, int, int],
    columns: tuple[Array, Array, Array],
    limits: tuple[int, bool],
    touches: Array,
    ages: Array,
) -> int:
    """Note the touches in the largest window, newest first, as far as there is room; return how many."""
    instant, touch, before = columns
    longest, reuse = limits
    last, row, first = conversion
    at, size, room, together = instant[row], 0, len(touches), len(before) == 0
    place: Any = last
    while place >= 0:
        age = at - instant[place]
        if age > longest:
            break
        if size < room:
            touches[size], ages[size] = touch[place], age
        size += 1
        if together:
            place = place - 1 if place > first else -1
            continue
        place = np.int64(before[place])
        if place < -1:
            place = -place - 2 if reuse else -1
    return size


@compiled
def _in_windows(seen: Seen, size: int, value: float, mark: int, plan: Plan, tables: Tables) -> None:
    """Add the credit of one conversion; windows with the same touches are looked at together."""
    _touches, ages, decay, _shares = seen
    windows, rate, (unattributed, lengths, lags, spans, credit) = plan.windows, plan.decay, tables
    bucket, first, inside, whole = mark & (BOUGHT - 1), 0, 0, 0.0
    while first < len(windows):
        while inside < size and ages[inside] <= windows[first]:
            decay[inside] = math.exp((ages[0] - ages[inside]) * rate)
            whole += decay[inside]
            inside += 1
        after = first + 1
        while after < len(windows) and (inside == size or ages[inside] > windows[after]):
            after += 1
        if inside == 0:
            for window in range(first, after):
                unattributed[bucket, window, 0] += 1.0
                unattributed[bucket, window, 1] += value
        else:
            bought = (mark & BOUGHT) // BOUGHT
            _lengths((first, after, bought), inside, ages[inside - 1], value, (lengths, lags, spans))
            _credit((first, after, bucket), seen, (inside, whole), value, plan, credit)
        first = after


@compiled
def _lengths(
    place: tuple[int, int, int], size: int, age: int, value: float, tables: tuple[Array, Array, Array]
) -> None:
    """Add the length of one journey, in touches and in time, in some windows."""
    first, after, bought = place
    lengths, lags, spans = tables
    length = min(size, lengths.shape[2] - 1)
    hours = min(age // _HOUR, lags.shape[2] - 1)
    for window in range(first, after):
        lengths[window, bought, length, 0] += 1.0
        lengths[window, bought, length, 1] += value
        lags[window, bought, hours] += 1.0
        spans[window, bought, 0] += size
        spans[window, bought, 1] += age


@compiled
def _credit(
    place: tuple[int, int, int],
    seen: Seen,
    path: tuple[int, float],
    value: float,
    plan: Plan,
    credit: Array,
) -> None:
    """Add one conversion by all rules in some windows; the newest touch gets what the others leave."""
    first, after, bucket = place
    touches, _ages, decay, shares = seen
    windows, kinds, shapes, names = len(plan.windows), plan.kinds, plan.shapes, plan.base - 1
    for number in range(len(kinds)):
        rule = (kinds[number], shapes[number, 0], shapes[number, 1], plan.direct)
        only = _only(rule, path[0], touches)
        rest, rest_value = 0.0, 0.0
        if only < 0:
            rest, rest_value = _shares(rule, path, value, decay, shares)
        for window in range(first, after):
            row = ((bucket * windows + window) * len(kinds) + number) * names
            for at in range(path[0] - 1 if only < 0 else 0, 0, -1):
                credit[2 * (row + touches[at])] += shares[at]
                credit[2 * (row + touches[at]) + 1] += shares[at] * value
            newest = row + touches[max(only, 0)]
            credit[2 * newest] += 1.0 - rest
            credit[2 * newest + 1] += value - rest_value


@compiled
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


@compiled
def _shares(
    rule: tuple[int, float, float, int], path: tuple[int, float], value: float, decay: Array, shares: Array
) -> tuple[float, float]:
    """Note the share of each touch but the newest; return what these add up to, and their value."""
    kind, first, last, _direct = rule
    size, whole = path
    rest, rest_value = 0.0, 0.0
    for at in range(size - 1, 0, -1):
        if kind == LINEAR:
            share = 1.0 / size
        elif kind == DECAY:
            share = decay[at] / whole
        elif size == 2:
            share = first / (first + last)
        else:
            share = first if at == size - 1 else (1.0 - first - last) / (size - 2)
        shares[at] = share
        rest += share
        rest_value += share * value
    return rest, rest_value
