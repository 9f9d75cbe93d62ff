"""Journeys counted by the compiled pass: settings become numbers, arrays become sums by key."""

from __future__ import annotations

import numpy as np

from workbench.attribution import passing
from workbench.attribution.counting_sorted import Counted
from workbench.attribution.kernel import (
    BOUGHT,
    CODE,
    LAST,
    MARK,
    SET,
    Array,
    Log,
    Memory,
    Plan,
    finish,
    scan,
)
from workbench.attribution.kernel_by_time import TOUCHES
from workbench.attribution.planning import counted_of, plan_of, sums_of
from workbench.attribution.sharing import share_out
from workbench.attribution.tallies import BITS, Integers, Tally, tally, times
from workbench.attribution.touchpoints import Touchpoints
from workbench.attribution.windows import JourneySettings

_PART = 1 << 20  # rows taken together


def fits(touchpoints: Touchpoints) -> bool:
    """Return whether the compiled pass can count these: a set of touches is the bits of one number."""
    return len(touchpoints.names) <= BITS and len(touchpoints) < 2**31 - 2


def count_compiled(touchpoints: Touchpoints, settings: JourneySettings) -> Counted:
    """Return the sums over all journeys."""
    plan = plan_of(touchpoints.names, settings, rows=len(touchpoints), since=touchpoints.since)
    if passing.fits(plan) and len(touchpoints) < TOUCHES // 2:
        found = _passed(touchpoints, settings)
        if found is not None:
            return found
    log = Log(touchpoints.user, touchpoints.instant, touchpoints.touch, touchpoints.value)
    memory, sums = _memory(touchpoints, settings, plan), sums_of(plan, settings)
    scan(log, plan, memory, sums)
    share_out(log, plan, memory, sums)
    if plan.dense:
        finish(log, plan, memory, sums)
        return counted_of(sums, plan)
    return counted_of(sums, plan, _afterwards(touchpoints, log, plan, memory))


def _passed(touchpoints: Touchpoints, settings: JourneySettings) -> Counted | None:
    """Return the sums of rows taken part by part, which needs the least memory; None where it has no room."""
    plain = touchpoints.users is None and touchpoints.user_keys is None and touchpoints.bought is None
    marks = None if plain else _marks(touchpoints, settings)
    one = passing.Pass(touchpoints.layout, settings, marks, rows=len(touchpoints))
    one.name(touchpoints.names)
    first_sold = 0
    for first in range(0, len(touchpoints), _PART):
        rows = slice(first, first + _PART)
        touch = touchpoints.touch[rows]
        sold = slice(first_sold, first_sold + int(np.count_nonzero(touch < 0)))
        first_sold = sold.stop
        if not one.take(touchpoints.user[rows], touchpoints.instant[rows], touch, touchpoints.value[sold]):
            return None
    found = one.counted()
    return None if found is None else found[0][1]


def _marks(touchpoints: Touchpoints, settings: JourneySettings) -> Array:
    marks = touchpoints.buckets(settings.buckets).astype(np.int32)
    if touchpoints.bought is not None:
        marks[touchpoints.bought] |= BOUGHT
    return marks


def _memory(touchpoints: Touchpoints, settings: JourneySettings, plan: Plan) -> Memory:
    narrow = plan.dense and len(touchpoints.names) < 31 and plan.states < 2**31
    users = np.empty((touchpoints.user_count, 4), np.int32 if narrow else np.int64)
    users[:] = 0  # unlike zeros, this gets large pages, which random access needs
    users[:, MARK] = _marks(touchpoints, settings)
    rows = 0 if plan.dense else len(touchpoints)
    return Memory(
        users=users,
        before=np.empty(len(touchpoints), np.int32),
        sold=np.full((len(touchpoints.value), 4), -1, np.int32),
        paths=np.zeros(rows, np.int64),
        ended=np.zeros((0 if plan.dense else len(touchpoints.value), 2), np.int64),
        idle=np.zeros((rows if plan.gap else 0, 2), np.int64),
    )


def _afterwards(touchpoints: Touchpoints, log: Log, plan: Plan, memory: Memory) -> tuple[Tally, Tally, Tally]:
    """Return steps, ends and sets from what was remembered, where their tables would be too large."""
    bucket = (memory.users[:, MARK] & (BOUGHT - 1)).astype(np.int64)
    rows = np.flatnonzero(memory.paths)
    steps = times(bucket[log.user[rows]], memory.paths[rows])
    converting = np.flatnonzero(memory.ended[:, 0])
    idle = np.flatnonzero(memory.idle[:, 0])
    last = np.where(memory.users[:, LAST] > 0, memory.users[:, LAST] - 1, 0)
    open_ = np.flatnonzero((memory.users[:, CODE] > 0) & _within(log, last, plan))
    who = log.user[np.flatnonzero(log.touch < 0)[converting]]
    group = bucket[np.concatenate([who, log.user[idle], open_])]
    both = np.concatenate(
        [memory.ended[converting], memory.idle[idle], memory.users[open_][:, [CODE, SET]]]
    ).astype(np.int64)
    outcomes = np.zeros((len(group), 3))
    outcomes[: len(converting), 0] = 1.0
    outcomes[: len(converting), 1] = touchpoints.value[converting]
    outcomes[len(converting) :, 2] = 1.0
    ends, sets = (tally(_keyed(group, both[:, place]), outcomes) for place in (0, 1))
    return steps, ends, sets


def _within(log: Log, last: Array, plan: Plan) -> Array:
    found: Array = np.ones(len(last), bool) if not len(log.instant) else log.instant[last] >= plan.since
    return found


def _keyed(bucket: Integers, code: Integers) -> Integers:
    return np.column_stack([bucket, code])
