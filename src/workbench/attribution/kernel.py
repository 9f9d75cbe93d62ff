"""The one pass, compiled: rows come in order for every user, and nothing is sorted.

Of each user there are four numbers: the row of the last touch, the code of the last touches, the set of all
touches of the open journey as bits, and the bucket with a mark for who has bought before. Touches form a list
from new to old, so that only those before a conversion are looked at again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.compilation import compiled, inlined

Array = NDArray[Any]
Seen = tuple[Array, Array]  # room for the touches before a conversion, and their ages
LAST, CODE, SET, MARK = 0, 1, 2, 3
BOUGHT = 1 << 16
SHAPE, LINEAR, DECAY, NOT_DIRECT = 0, 1, 2, 3
ALWAYS = -(2**62)  # the beginning of a period that has none
_BLOCK = 128  # rows whose users are fetched together: memory answers many questions at once
_HOUR = 3_600_000_000


class Log(NamedTuple):
    """The rows."""

    user: Array
    instant: Array
    touch: Array
    value: Array


class Plan(NamedTuple):
    """The settings as numbers."""

    base: int
    states: int  # base ** order
    dense: bool
    reuse: bool
    gap: int
    since: int
    direct: int
    windows: Array
    half_life: float
    kinds: Array
    shapes: Array


class Memory(NamedTuple):
    """What is remembered of users and touches; with many touches also what is counted afterwards."""

    users: Array
    before: Array
    paths: Array  # the code of each touch with those before it
    ended: Array  # code and set at each conversion
    idle: Array  # code and set where a gap ended a journey


class Sums(NamedTuple):
    """What is counted at once."""

    steps: Array
    ends: Array
    end_value: Array
    sets: Array
    set_value: Array
    credit: Array
    unattributed: Array
    totals: Array
    lengths: Array
    lags: Array
    spans: Array


@compiled
def scan(log: Log, plan: Plan, memory: Memory, sums: Sums) -> int:
    """Count all rows; return a number without meaning, so that no reading is left out."""
    user, touch, users = log.user, log.touch, memory.users
    seen = (np.empty(1024, np.int64), np.empty(1024, np.int64))
    pending, steps = np.empty(_BLOCK, np.int64), sums.steps.reshape(-1)
    simple = plan.gap == 0 and plan.since == ALWAYS
    conversion = fetched = 0
    for first in range(0, len(user), _BLOCK):
        after, waiting = min(len(user), first + _BLOCK), 0
        for row in range(first, after):
            fetched += users[user[row], MARK]
        for row in range(first, after):
            if touch[row] < 0:
                seen = _convert(row, conversion, log, plan, memory, sums, seen)
                conversion += 1
            elif simple:
                pending[waiting] = _link(user[row], row, np.int64(touch[row]), plan, users, memory.before)
                if plan.dense:
                    waiting += 1
                else:
                    memory.paths[row] = pending[0]
            else:
                _touch(row, log, plan, memory, sums)
        for place in range(waiting):
            steps[pending[place]] += 1
    return fetched


@inlined
def _link(user: int, row: int, touch: Any, plan: Plan, users: Array, before: Array) -> Any:
    """Remember one touch; return where its path is counted, or its code where that is done later."""
    last, code = np.int64(users[user, LAST]) - 1, np.int64(users[user, CODE])
    before[row] = last if code > 0 or last < 0 else -last - 2
    path = code * plan.base + touch + 1
    users[user, LAST] = row + 1
    users[user, SET] |= np.int64(1) << touch
    if plan.dense:
        users[user, CODE] = np.uint32(path) % np.uint32(plan.states)  # a short division is quicker
        return np.int64(users[user, MARK] & (BOUGHT - 1)) * plan.base * plan.states + path
    users[user, CODE] = path % plan.states
    return path


@compiled
def _touch(row: int, log: Log, plan: Plan, memory: Memory, sums: Sums) -> None:
    user, at, touch = log.user[row], log.instant[row], np.int64(log.touch[row])
    users = memory.users
    last: Any = np.int64(users[user, LAST]) - 1
    code: Any = np.int64(users[user, CODE])
    if plan.gap > 0 and code > 0 and at - log.instant[last] > plan.gap:
        if log.instant[last] >= plan.since:
            _end(user, row, 2, plan, memory, sums)
        code = 0
        users[user, SET] = 0
        last = last if plan.reuse else -1
    users[user, LAST], users[user, CODE] = last + 1, code
    if at >= plan.since:
        _late(user, log, plan, memory, sums)
        _step(user, row, code * plan.base + touch + 1, plan, memory, sums)
    _link(user, row, touch, plan, users, memory.before)


@compiled
def _step(user: int, row: Any, path: Any, plan: Plan, memory: Memory, sums: Sums) -> None:
    if plan.dense:
        sums.steps[memory.users[user, MARK] & (BOUGHT - 1), path] += 1
    else:
        memory.paths[row] = path


@compiled
def _late(user: int, log: Log, plan: Plan, memory: Memory, sums: Sums) -> None:
    """Count the touches before the period of a journey that reaches into it."""
    last = np.int64(memory.users[user, LAST]) - 1
    if plan.since == ALWAYS or memory.users[user, CODE] == 0 or log.instant[last] >= plan.since:
        return
    size, place = 1, last
    while memory.before[place] >= 0:
        place = np.int64(memory.before[place])
        size += 1
    places = np.empty(size, np.int64)
    place = last
    for at in range(size - 1, -1, -1):
        places[at] = place
        place = np.int64(memory.before[place])
    code = 0
    for place in places:
        path: Any = code * plan.base + log.touch[place] + 1
        _step(user, place, path, plan, memory, sums)
        code = path % plan.states


@compiled
def _end(user: int, place: int, outcome: int, plan: Plan, memory: Memory, sums: Sums) -> None:
    """Count the end of a journey: outcome 0 is a conversion, 2 none."""
    code, members = memory.users[user, CODE], memory.users[user, SET]
    if plan.dense:
        bucket = memory.users[user, MARK] & (BOUGHT - 1)
        sums.ends[bucket, code, outcome // 2] += 1
        sums.sets[bucket, members, outcome // 2] += 1
    elif outcome == 2:
        memory.idle[place, 0] = code
        memory.idle[place, 1] = members
    else:
        memory.ended[place, 0] = code
        memory.ended[place, 1] = members


@compiled
def _convert(row: int, conversion: int, log: Log, plan: Plan, memory: Memory, sums: Sums, seen: Seen) -> Seen:
    """Count one conversion, and begin the user's next journey; return room for the next walk."""
    user, users, value = log.user[row], memory.users, log.value[conversion]
    bucket = users[user, MARK] & (BOUGHT - 1)
    if log.instant[row] >= plan.since:
        _late(user, log, plan, memory, sums)
        sums.totals[bucket, 0] += 1.0
        sums.totals[bucket, 1] += value
        if users[user, CODE] > 0:
            _end(user, conversion, 0, plan, memory, sums)
            if plan.dense:
                sums.end_value[bucket, users[user, CODE]] += value
                sums.set_value[bucket, users[user, SET]] += value
        touches, ages, size = _walk(users[user, LAST] - 1, row, log, plan, memory, seen)
        _share_out(touches, ages, size, value, users[user, MARK], plan, sums)
        seen = (touches, ages)
    users[user, CODE] = 0
    users[user, SET] = 0
    users[user, MARK] |= BOUGHT
    if not plan.reuse:
        users[user, LAST] = 0
    return seen


@inlined
def _walk(last: int, row: int, log: Log, plan: Plan, memory: Memory, seen: Seen) -> tuple[Array, Array, int]:
    """Return the touches in the largest window and their ages, newest first, and how many there are."""
    touches, ages = seen
    longest, at, size = plan.windows[-1], log.instant[row], 0
    place: Any = np.int64(last)
    while place >= 0:
        age = at - log.instant[place]
        if age > longest:
            break
        if size == len(touches):
            touches = np.concatenate((touches, np.empty_like(touches)))
            ages = np.concatenate((ages, np.empty_like(ages)))
        touches[size], ages[size] = log.touch[place], age
        size += 1
        place = np.int64(memory.before[place])
        if place < -1:
            place = -place - 2 if plan.reuse else -1
    return touches, ages, size


@inlined
def _share_out(
    touches: Array, ages: Array, size: int, value: float, mark: int, plan: Plan, sums: Sums
) -> None:
    """Add the credit of one conversion in all windows."""
    bucket, bought = mark & (BOUGHT - 1), (mark & BOUGHT) // BOUGHT
    decay = np.empty(size)
    for place in range(size):
        decay[place] = 2.0 ** (-(ages[place] - ages[0]) / plan.half_life)
    inside, whole = 0, 0.0
    for window in range(len(plan.windows)):
        while inside < size and ages[inside] <= plan.windows[window]:
            whole += decay[inside]
            inside += 1
        if inside == 0:
            sums.unattributed[bucket, window, 0] += 1.0
            sums.unattributed[bucket, window, 1] += value
            continue
        length = min(inside, sums.lengths.shape[2] - 1)
        sums.lengths[window, bought, length, 0] += 1.0
        sums.lengths[window, bought, length, 1] += value
        hours = min(ages[inside - 1] // _HOUR, sums.lags.shape[2] - 1)
        sums.lags[window, bought, hours] += 1.0
        sums.spans[window, bought, 0] += inside
        sums.spans[window, bought, 1] += ages[inside - 1]
        for rule in range(len(plan.kinds)):
            _by_rule(rule, touches[:inside], decay, whole, value, plan, sums.credit[bucket, window, rule])


@inlined
def _by_rule(
    rule: int, touches: Array, decay: Array, whole: float, value: float, plan: Plan, credit: Array
) -> None:
    """Add one conversion by one rule; the newest touch gets what the others leave."""
    kind, first, last = plan.kinds[rule], plan.shapes[rule, 0], plan.shapes[rule, 1]
    size = len(touches)
    newest = touches[0]
    if kind == NOT_DIRECT:
        for touch in touches:
            if touch != plan.direct:
                newest = touch
                break
    if kind == SHAPE and first == 1.0:
        newest = touches[size - 1]
    rest, rest_value = 0.0, 0.0
    if kind in (LINEAR, DECAY) or (kind == SHAPE and first != 1.0 and last != 1.0):
        for place in range(size - 1, 0, -1):
            if kind == LINEAR:
                share = 1.0 / size
            elif kind == DECAY:
                share = decay[place] / whole
            elif size == 2:
                share = first / (first + last)
            else:
                share = first if place == size - 1 else (1.0 - first - last) / (size - 2)
            rest += share
            rest_value += share * value
            credit[touches[place], 0] += share
            credit[touches[place], 1] += share * value
    credit[newest, 0] += 1.0 - rest
    credit[newest, 1] += value - rest_value


@compiled
def finish(log: Log, plan: Plan, memory: Memory, sums: Sums) -> None:
    """Count the journeys that are still open as ending without a conversion."""
    for user in range(len(memory.users)):
        if memory.users[user, CODE] > 0 and log.instant[memory.users[user, LAST] - 1] >= plan.since:
            _end(user, user, 2, plan, memory, sums)
