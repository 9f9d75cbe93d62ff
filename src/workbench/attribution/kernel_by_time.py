"""The one pass where rows come in the order of time: one number of each user, one of each touch.

That of a user holds, from the lowest bit, who has bought before, the set of touches of the open journey, the
code of its last touches, and its last touch. That of a touch holds how long after its block of touches it
came, what it was, and the touch before it. So memory is asked once for a user and once for a touch, and less
of it is written than the rows themselves take.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from workbench.attribution.compilation import compiled, inlined
from workbench.attribution.kernel import BOUGHT, Array, Few, Plan, Rows, Sums, add_one, bucket_of, sell
from workbench.attribution.sharing import in_windows

NAMES, CODES, TOUCHES = 16, 1 << 17, 1 << 27  # that numbers have room for
BLOCK = 64  # touches whose instants are told from that of the first
_SET, _CODE, _LAST = 1, 17, 34  # the first bit of each part of a user's number
_KIND, _BEFORE = 32, 36  # and of a touch's
_LATER = 1 << _KIND  # microseconds after the first of a block that there is no room for
_TOGETHER = 128  # rows whose users are fetched together: memory answers many questions at once
_CONVERSIONS, _NEWEST = 64, 6  # likewise conversions, and how many touches of each
NEXT, SINCE, LATEST = 0, 1, 2


class Trail(NamedTuple):
    """What is remembered: numbers of users and touches, instants of blocks, and where the last row was."""

    users: Array
    touches: Array
    began: Array
    at: Array  # the next touch, the instant of its block, the last row's instant


class Sold(NamedTuple):
    """Of each conversion: the touch before it counted from 1, its instant, bucket and who bought before."""

    last: Array
    instant: Array
    mark: Array


@compiled
def scan_by_time(rows: Rows, plan: Plan, trail: Trail, sold: Sold, tables: tuple[Few, Sums]) -> bool:
    """Count rows; return whether they were in order. `tables` are those of bytes and of sums."""
    user, instant, touch, value, marks = rows
    users, touches, began, at = trail
    few, many, pending = tables[0].steps, tables[1].steps.reshape(-1), np.empty(_TOGETHER, np.int64)
    base, states, width, buckets = plan.base, np.uint32(plan.states), plan.base * plan.states, plan.buckets
    place, since, latest = at[NEXT], at[SINCE], at[LATEST]
    conversion = fetched = 0
    for first in range(0, len(user), _TOGETHER):
        after, waiting = min(len(user), first + _TOGETHER), 0
        for row in range(first, after):
            fetched |= users[user[row]]
        for row in range(first, after):
            met, known = np.int64(touch[row]), users[user[row]]
            moment = 2 * instant[row] + (met < 0)
            if moment < latest:
                return False
            latest = moment
            bucket = bucket_of(user[row], marks, buckets)
            if met < 0:
                _note(known, conversion, bucket, instant[row], sold)
                sell((bucket, _code(known), _members(known)), value[conversion], tables[1])
                users[user[row]] = 1
                conversion += 1
                continue
            if place % BLOCK == 0 or instant[row] - since >= _LATER:
                place, since = -(-place // BLOCK) * BLOCK, instant[row]
                began[place // BLOCK] = since
            touches[place] = _touch(known, met, instant[row] - since)
            place += 1
            path = _code(known) * base + met + 1
            users[user[row]] = _user(known, met, place, np.uint32(path) % states)
            pending[waiting] = bucket * width + path
            waiting += 1
        for path in pending[:waiting]:
            add_one(path, few, many)
    at[NEXT], at[SINCE], at[LATEST] = place, since, latest
    return fetched >= 0


@inlined
def _code(known: Any) -> Any:
    return (known >> _CODE) & (CODES - 1)


@inlined
def _members(known: Any) -> Any:
    return (known >> _SET) & ((1 << NAMES) - 1)


@inlined
def _touch(known: Any, met: Any, later: Any) -> Any:
    """Return the number of a touch after what is known of its user."""
    return (known >> _LAST << _BEFORE) | (met << _KIND) | later


@inlined
def _user(known: Any, met: Any, last: Any, code: Any) -> Any:
    """Return the number of a user after a touch."""
    kept = (known & ((1 << _CODE) - 1)) | (np.int64(1) << (met + _SET))
    return (last << _LAST) | (np.int64(code) << _CODE) | kept


@compiled
def _note(known: int, conversion: int, bucket: int, instant: int, sold: Sold) -> None:
    sold.last[conversion] = known >> _LAST
    sold.instant[conversion] = instant
    sold.mark[conversion] = bucket + (known & 1) * BOUGHT


@compiled
def share_out_linked(sold: Sold, value: Array, plan: Plan, trail: Trail, sums: Sums) -> int:
    """Add the credit of conversions by rules in all windows; return a number without meaning."""
    longest, linked, fetched = plan.windows[-1], trail.touches, 0
    touches, ages = np.empty(1024, np.int64), np.empty(1024, np.int64)
    decay = np.empty(1024)
    ahead = np.empty(_CONVERSIONS, np.int64)
    tables = (sums.unattributed, sums.lengths, sums.lags, sums.spans, sums.credit)
    for conversion in range(len(value)):
        if conversion % _CONVERSIONS == 0:
            fetched += _fetch(sold.last[conversion : conversion + _CONVERSIONS], linked, ahead)
        start = (sold.last[conversion], sold.instant[conversion], longest)
        size = _walk(start, trail, touches, ages)
        if size > len(touches):
            touches, ages = np.empty(2 * size, np.int64), np.empty(2 * size, np.int64)
            decay = np.empty(2 * size)
            _walk(start, trail, touches, ages)
        seen = (touches, ages, decay)
        in_windows(seen, size, value[conversion], sold.mark[conversion], plan, tables)
    return fetched


@compiled
def _fetch(last: Array, touches: Array, ahead: Array) -> int:
    """Read the newest touches of some conversions in turns: memory answers many questions at once."""
    ahead[: len(last)] = last
    for _ in range(_NEWEST):
        for at in range(len(last)):
            if ahead[at] > 0:
                ahead[at] = touches[ahead[at] - 1] >> _BEFORE
    return int(ahead[0])


@compiled
def _walk(start: tuple[int, int, int], trail: Trail, touches: Array, ages: Array) -> int:
    """Note the touches in the largest window, newest first, as far as there is room; return how many."""
    linked, began, room, size = trail.touches, trail.began, len(touches), 0
    place, at, longest = start
    while place > 0:
        touch = linked[place - 1]
        age = at - began[(place - 1) // BLOCK] - (touch & (_LATER - 1))
        if age > longest:
            break
        if size < room:
            touches[size], ages[size] = (touch >> _KIND) & (NAMES - 1), age
        size += 1
        place = touch >> _BEFORE
    return size


@compiled
def finish_by_time(plan: Plan, trail: Trail, marks: Array, tables: tuple[Few, Sums]) -> None:
    """Count the journeys that are still open as ending without a conversion."""
    few_lost, few_sets, users = tables[0].lost, tables[0].lost_sets, trail.users
    lost, lost_sets = tables[1].ends.reshape(-1)[1::2], tables[1].sets.reshape(-1)[1::2]
    states, width, buckets = plan.states, tables[1].sets.shape[1], plan.buckets
    for who in range(len(users)):
        code = _code(users[who])
        if code > 0:
            bucket = bucket_of(who, marks, buckets)
            add_one(bucket * states + code, few_lost, lost)
            add_one(bucket * width + _members(users[who]), few_sets, lost_sets)


def recoded(users: Array, codes: Array) -> None:
    """Change the code of each user's last touches in place: `codes` has the new one by the old one."""
    others = ~np.int64((CODES - 1) << _CODE)
    for first in range(0, len(users), 1 << 16):
        some = users[first : first + (1 << 16)]
        some[:] = (some & others) | (codes[(some >> _CODE) & (CODES - 1)] << _CODE)
