"""The one pass where each user's rows stand together: a journey is a few numbers, and no list is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.attribution.compilation import compiled
from workbench.attribution.kernel import (
    BOUGHT,
    FIRST,
    LAST,
    MARK,
    ROW,
    Array,
    Log,
    Plan,
    Sums,
    add_one,
    few_of,
    gather,
)


@compiled
def scan_by_user(log: Log, plan: Plan, marks: Array, sold: Array, sums: Sums) -> None:
    """Count all rows; `marks` has each user's bucket and who bought, `sold` takes note of conversions."""
    user, touch, value = log.user, log.touch, log.value
    steps, ends, sets = sums.steps.reshape(-1), sums.ends, sums.sets
    tables = (sums.totals, ends, sums.end_value, sets, sums.set_value)
    lost, lost_sets = ends.reshape(-1)[1::2], sets.reshape(-1)[1::2]
    few, few_lost, few_sets = few_of(steps), few_of(lost), few_of(lost_sets)
    base, states, width = plan.base, np.uint32(plan.states), plan.base * plan.states
    start: Any = (-1, 0, 0, 0, 0, 0)
    who, code, members, mark, bucket, offset = start
    first = conversion = 0
    for row in range(len(user)):
        if user[row] != who:
            if code > 0:
                add_one(bucket * plan.states + code, few_lost, lost)
                add_one(bucket * sets.shape[1] + members, few_sets, lost_sets)
            who = user[row]
            mark, code, members = np.int64(marks[who]), 0, 0
            bucket = mark & (BOUGHT - 1)
            offset = bucket * width
        met = np.int64(touch[row])
        if met >= 0:
            first = row if code == 0 else first
            path = code * base + met + 1
            add_one(offset + path, few, steps)
            code = np.int64(np.uint32(path) % states)
            members |= np.int64(1) << met
            continue
        _sell((bucket, code, members), value[conversion], tables)
        sold[conversion, LAST] = row - 1 if code > 0 else -1
        sold[conversion, ROW] = row
        sold[conversion, FIRST] = first
        sold[conversion, MARK] = mark
        mark, code, members = mark | BOUGHT, 0, 0
        conversion += 1
    if code > 0:
        ends[bucket, code, 1] += 1
        sets[bucket, members, 1] += 1
    gather(few, steps)
    gather(few_lost, lost)
    gather(few_sets, lost_sets)


@compiled
def _sell(
    place: tuple[int, Any, Any], value: float, tables: tuple[Array, Array, Array, Array, Array]
) -> None:
    """Count one conversion, and the journey that ends with it."""
    bucket, code, members = place
    totals, ends, end_value, sets, set_value = tables
    totals[bucket, 0] += 1.0
    totals[bucket, 1] += value
    if code > 0:
        ends[bucket, code, 0] += 1
        end_value[bucket, code] += value
        sets[bucket, members, 0] += 1
        set_value[bucket, members] += value
