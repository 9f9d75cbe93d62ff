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
Tables = tuple[Array, Array, Array, Array, Array, Array]  # what a conversion adds to, and where it is noted
LAST, CODE, SET, MARK = 0, 1, 2, 3
ROW = CODE  # of a conversion: its row
BOUGHT = 1 << 16
ALWAYS = -(2**62)  # the beginning of a period that has none
_FULL = 256  # one more than a byte holds
_BLOCK = 128  # rows whose users are fetched together: memory answers many questions at once


class Rows(NamedTuple):
    """Some rows, the value of each conversion, and the bucket of each user with a mark for who has bought.

    Where marks are empty, users are known by their ids, nobody has bought, and buckets follow from the ids.
    """

    user: Array
    instant: Array
    touch: Array
    value: Array
    marks: Array


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
    buckets: int
    decay: float  # of the logarithm of a share, per microsecond of age
    kinds: Array
    shapes: Array


class Memory(NamedTuple):
    """What is remembered of users and touches; with many touches also what is counted afterwards."""

    users: Array
    before: Array
    sold: Array  # of each conversion: the touch before, the row, and the user's mark; -1 where none counts
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
    credit: Array  # in one row
    unattributed: Array
    totals: Array
    lengths: Array
    lags: Array
    spans: Array


class Few(NamedTuple):
    """Bytes beside large tables: a quarter of the size, which stays near the processor."""

    steps: Array
    lost: Array  # of `ends`
    lost_sets: Array


@compiled
def scan(log: Log, plan: Plan, memory: Memory, sums: Sums) -> int:
    """Count all rows; return a number without meaning, so that no reading is left out."""
    user, touch, users = log.user, log.touch, memory.users
    steps, simple = sums.steps.reshape(-1), plan.gap == 0 and plan.since == ALWAYS
    conversion = fetched = 0
    for first in range(0, len(user), _BLOCK):
        after = min(len(user), first + _BLOCK)
        for row in range(first, after):
            fetched += users[user[row], MARK]
        for row in range(first, after):
            if touch[row] < 0:
                _convert(row, conversion, log, plan, memory, sums)
                conversion += 1
            elif simple:
                path = _link(user[row], row, np.int64(touch[row]), plan, users, memory.before)
                if plan.dense:
                    steps[path] += 1
                else:
                    memory.paths[row] = path
            else:
                _touch(row, log, plan, memory, sums)
    return fetched


@inlined
def bucket_of(user: Any, marks: Array, buckets: int) -> Any:
    """Return the bucket of a user, from the id as `touchpoints.mixed` has it where there are no marks."""
    if len(marks):
        return np.int64(marks[user]) & (BOUGHT - 1)
    some = np.uint64(user) + np.uint64(0x9E3779B97F4A7C15)
    some = (some ^ (some >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    some = (some ^ (some >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    some = some ^ (some >> np.uint64(31))
    if buckets == 64:  # as it mostly is: a known divisor is quicker
        return np.int64(some % np.uint64(64))
    return np.int64(some % np.uint64(buckets))


@inlined
def large_of(sums: Sums) -> tuple[Array, Array, Array]:
    """Return the tables that have bytes beside them, in one row each."""
    return sums.steps.reshape(-1), sums.ends.reshape(-1)[1::2], sums.sets.reshape(-1)[1::2]


@inlined
def add_one(place: Any, few: Array, many: Array) -> None:
    """Count one in a table of bytes, and what these cannot hold in the large one."""
    few[place] += np.uint8(1)
    if few[place] == 0:
        many[place] += _FULL


@compiled
def gather(few: Array, many: Array) -> None:
    """Add the table of bytes to the large one."""
    for place in range(len(few)):
        if few[place] > 0:  # so that no memory is written where nothing was counted
            many[place] += few[place]


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
def _convert(row: int, conversion: int, log: Log, plan: Plan, memory: Memory, sums: Sums) -> None:
    """Count one conversion where journeys end by gaps, a period begins, or paths are kept for later."""
    user, users = log.user[row], memory.users
    counts = log.instant[row] >= plan.since
    if counts:
        _late(user, log, plan, memory, sums)
        if not plan.dense and users[user, CODE] > 0:
            _end(user, conversion, 0, plan, memory, sums)
    flags = (counts, plan.dense, plan.reuse)
    _sell((row, conversion, user), log.value[conversion], users, flags, _tables(memory, sums))


@inlined
def _tables(memory: Memory, sums: Sums) -> Tables:
    return sums.totals, sums.ends, sums.end_value, sums.sets, sums.set_value, memory.sold


@compiled
def _sell(
    place: tuple[int, int, int], value: float, users: Array, flags: tuple[bool, bool, bool], tables: Tables
) -> None:
    """Count one conversion, note what its credit needs, and begin the user's next journey."""
    row, conversion, user = place
    counts, dense, reuse = flags
    totals, ends, end_value, sets, set_value, sold = tables
    mark, code, members = users[user, MARK], users[user, CODE], users[user, SET]
    if counts:
        bucket = mark & (BOUGHT - 1)
        totals[bucket, 0] += 1.0
        totals[bucket, 1] += value
        if dense and code > 0:
            ends[bucket, code, 0] += 1
            end_value[bucket, code] += value
            sets[bucket, members, 0] += 1
            set_value[bucket, members] += value
        sold[conversion, LAST] = users[user, LAST] - 1
        sold[conversion, ROW] = row
        sold[conversion, MARK] = mark
    users[user, CODE] = 0
    users[user, SET] = 0
    users[user, MARK] = mark | BOUGHT
    if not reuse:
        users[user, LAST] = 0


@compiled
def sell(place: tuple[int, Any, Any], value: float, sums: Sums) -> None:
    """Count one conversion, and the journey that ends with it, where nothing but the sums is kept."""
    bucket, code, members = place
    sums.totals[bucket, 0] += 1.0
    sums.totals[bucket, 1] += value
    if code > 0:
        sums.ends[bucket, code, 0] += 1
        sums.end_value[bucket, code] += value
        sums.sets[bucket, members, 0] += 1
        sums.set_value[bucket, members] += value


@compiled
def finish(log: Log, plan: Plan, memory: Memory, sums: Sums) -> None:
    """Count the journeys that are still open as ending without a conversion."""
    users, instant, ends, sets = memory.users, log.instant, sums.ends, sums.sets
    since = plan.since
    for user in range(len(users)):
        code = users[user, CODE]
        if code > 0 and (since == ALWAYS or instant[users[user, LAST] - 1] >= since):
            bucket = users[user, MARK] & (BOUGHT - 1)
            ends[bucket, code, 1] += 1
            sets[bucket, users[user, SET], 1] += 1
