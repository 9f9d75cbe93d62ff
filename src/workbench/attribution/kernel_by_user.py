"""The one pass where each user's rows stand together: a journey is a few numbers, and no list is kept."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from workbench.attribution.compilation import compiled
from workbench.attribution.kernel import (
    BOUGHT,
    Array,
    Few,
    Plan,
    Rows,
    Sums,
    add_one,
    bucket_of,
    large_of,
    sell,
)
from workbench.attribution.sharing import in_windows

_BUCKET = BOUGHT - 1


class Sold(NamedTuple):
    """Of each conversion: its row, the first row of its journey, its bucket and who bought before."""

    row: Array
    first: Array
    mark: Array


@compiled
def scan_by_user(rows: Rows, plan: Plan, sold: Sold, tables: tuple[Few, Sums]) -> bool:
    """Count all rows of some users; return whether they were in order. `tables` are of bytes and of sums."""
    user, instant, touch, value, marks = rows
    (few, few_lost, few_sets), (many, lost, lost_sets) = tables[0], large_of(tables[1])
    base, states, width, buckets = plan.base, np.uint32(plan.states), plan.base * plan.states, plan.buckets
    ends, sets = plan.states, tables[1].sets.shape[1]
    start: Any = (user[0] - 1, 0, 0, 0, 0, 0)
    who, mark, code, members, offset, latest = start
    first = conversion = 0
    for row in range(len(user)):
        met = np.int64(touch[row])
        moment = 2 * instant[row] + (met < 0)
        if user[row] != who:
            if code > 0:
                add_one((mark & _BUCKET) * ends + code, few_lost, lost)
                add_one((mark & _BUCKET) * sets + members, few_sets, lost_sets)
            if user[row] < who:
                return False
            who, code, members = user[row], 0, 0
            mark = np.int64(marks[who]) if len(marks) else bucket_of(who, marks, buckets)
            offset = (mark & _BUCKET) * width
        elif moment < latest:
            return False
        latest = moment
        if met >= 0:
            first = row if code == 0 else first
            path = code * base + met + 1
            add_one(offset + path, few, many)
            code = np.int64(np.uint32(path) % states)  # a short division is quicker
            members |= np.int64(1) << met
            continue
        sell(((mark & _BUCKET), code, members), value[conversion], tables[1])
        _note(conversion, (row, first if code > 0 else row, mark), sold)
        mark, code, members = mark | BOUGHT, 0, 0
        conversion += 1
    if code > 0:
        tables[1].ends[(mark & _BUCKET), code, 1] += 1
        tables[1].sets[(mark & _BUCKET), members, 1] += 1
    return True


@compiled
def _note(conversion: int, what: tuple[int, int, int], sold: Sold) -> None:
    sold.row[conversion], sold.first[conversion], sold.mark[conversion] = what


@compiled
def share_out_rows(sold: Sold, rows: Rows, plan: Plan, sums: Sums) -> None:
    """Add the credit of conversions by rules in all windows."""
    longest, instant, touch, value = plan.windows[-1], rows.instant, rows.touch, rows.value
    tables = (sums.unattributed, sums.lengths, sums.lags, sums.spans, sums.credit)
    touches, ages, decay = np.empty(1024, np.int64), np.empty(1024, np.int64), np.empty(1024)
    for conversion in range(len(value)):
        row, first = sold.row[conversion], sold.first[conversion]
        if row - first > len(touches):
            most = 2 * (row - first)
            touches, ages, decay = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most)
        size = 0
        for place in range(row - 1, first - 1, -1):
            age = instant[row] - instant[place]
            if age > longest:
                break
            touches[size], ages[size] = touch[place], age
            size += 1
        in_windows((touches, ages, decay), size, value[conversion], sold.mark[conversion], plan, tables)
