"""Journeys counted by the compiled pass: settings become numbers, arrays become sums by key."""

from __future__ import annotations

import math

import numpy as np

from workbench.attribution.counting_sorted import Counted, direct_code, empty_figures
from workbench.attribution.grids import counted, places
from workbench.attribution.kernel import (
    ALWAYS,
    BOUGHT,
    CODE,
    LAST,
    MARK,
    SET,
    Array,
    Log,
    Memory,
    Plan,
    Sums,
    finish,
    scan,
)
from workbench.attribution.kernel_by_user import scan_by_user
from workbench.attribution.rules import Rule
from workbench.attribution.sharing import DECAY, LINEAR, NOT_DIRECT, SHAPE, share_out
from workbench.attribution.tallies import BITS, Integers, Tally, tally, times
from workbench.attribution.touchpoints import Touchpoints
from workbench.attribution.windows import JourneySettings

_MOST_CELLS = 1 << 25  # of a table of all possible paths, below which none is sorted
_MOST_SETS = 1 << 22


def fits(touchpoints: Touchpoints) -> bool:
    """Return whether the compiled pass can count these: a set of touches is the bits of one number."""
    return len(touchpoints.names) <= BITS and len(touchpoints) < 2**31 - 2


def count_compiled(touchpoints: Touchpoints, settings: JourneySettings) -> Counted:
    """Return the sums over all journeys."""
    plan = _plan(touchpoints, settings)
    log = Log(touchpoints.user, touchpoints.instant, touchpoints.touch, touchpoints.value)
    memory = _memory(touchpoints, settings, plan)
    figures = empty_figures(len(touchpoints.names), settings)
    buckets = settings.buckets
    states, sets = (plan.states, 1 << len(touchpoints.names)) if plan.dense else (0, 0)
    sums = Sums(
        steps=np.zeros((buckets, states * plan.base), np.int32),
        ends=np.zeros((buckets, states, 2), np.int32),
        end_value=np.zeros((buckets, states)),
        sets=np.zeros((buckets, sets, 2), np.int32),
        set_value=np.zeros((buckets, sets)),
        **{**figures._asdict(), "credit": figures.credit.reshape(-1)},
    )
    if _together(touchpoints, plan):
        scan_by_user(log, plan, _marks(touchpoints, settings), memory.sold, sums)
    else:
        scan(log, plan, memory, sums)
    share_out(log, plan, memory, sums)
    if plan.dense:
        finish(log, plan, memory, sums)
        steps, ends = counted(sums.steps), _outcomes(sums.ends, sums.end_value)
        return Counted(**figures._asdict(), steps=steps, ends=ends, sets=_outcomes(sums.sets, sums.set_value))
    steps, ends, found = _afterwards(touchpoints, log, plan, memory)
    return Counted(**figures._asdict(), steps=steps, ends=ends, sets=found)


def _plan(touchpoints: Touchpoints, settings: JourneySettings) -> Plan:
    names = len(touchpoints.names)
    base = names + 1
    cells = settings.buckets * base ** (settings.order + 1)
    dense = cells <= min(_MOST_CELLS, max(1 << 16, 8 * len(touchpoints)))
    return Plan(
        base=base,
        states=base**settings.order,
        dense=dense and settings.buckets << names <= _MOST_SETS,
        reuse=settings.conversions == "reuse",
        gap=0 if settings.gap is None else settings.gap_micros,
        since=ALWAYS if touchpoints.since is None else touchpoints.since,
        direct=direct_code(touchpoints, settings),
        windows=np.array([window.micros for window in settings.lookbacks], np.int64),
        decay=math.log(2) / settings.half_life_micros,
        kinds=np.array([_kind(rule) for rule in settings.rules], np.int64),
        shapes=np.array([rule.shape for rule in settings.rules]),
    )


def _kind(rule: Rule) -> int:
    if rule.skips_direct:
        return NOT_DIRECT
    if rule.decays:
        return DECAY
    return LINEAR if rule.first is None else SHAPE


def _together(touchpoints: Touchpoints, plan: Plan) -> bool:
    """Return whether the pass needs to remember one user at a time only."""
    simple = plan.dense and not plan.reuse and plan.gap == 0 and plan.since == ALWAYS
    return simple and touchpoints.layout == "user"


def _marks(touchpoints: Touchpoints, settings: JourneySettings) -> Array:
    marks = touchpoints.buckets(settings.buckets).astype(np.int32)
    if touchpoints.bought is not None:
        marks[touchpoints.bought] |= BOUGHT
    return marks


def _memory(touchpoints: Touchpoints, settings: JourneySettings, plan: Plan) -> Memory:
    narrow = plan.dense and len(touchpoints.names) < 31 and plan.states < 2**31
    together = _together(touchpoints, plan)
    users = np.empty((0 if together else touchpoints.user_count, 4), np.int32 if narrow else np.int64)
    users[:] = 0  # unlike zeros, this gets large pages, which random access needs
    if not together:
        users[:, MARK] = _marks(touchpoints, settings)
    rows = 0 if plan.dense else len(touchpoints)
    return Memory(
        users=users,
        before=np.empty(0 if together else len(touchpoints), np.int32),
        sold=np.full((len(touchpoints.value), 4), -1, np.int32),
        paths=np.zeros(rows, np.int64),
        ended=np.zeros((0 if plan.dense else len(touchpoints.value), 2), np.int64),
        idle=np.zeros((rows if plan.gap else 0, 2), np.int64),
    )


def _outcomes(counts: Array, value: Array) -> Tally:
    """Return conversions, value and nulls by bucket and code."""
    flat = np.flatnonzero(counts.view(np.int64))  # both counts of a code in one number
    sums = np.empty((len(flat), 3))
    sums[:, [0, 2]] = counts.reshape(-1, 2)[flat]
    sums[:, 1] = value.reshape(-1)[flat]
    return Tally(keys=places(flat, counts.shape[1]), sums=sums)


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
