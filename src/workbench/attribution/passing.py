"""The compiled pass over rows that come part by part, of which only what later rows need is remembered."""

from __future__ import annotations

import numpy as np

from workbench.attribution.counting_sorted import Counted
from workbench.attribution.kernel import ALWAYS, BOUGHT, Array, Few, Plan, Rows, Sums
from workbench.attribution.kernel_by_time import (
    BLOCK,
    NAMES,
    NEXT,
    SINCE,
    TOUCHES,
    Sold,
    Trail,
    finish_by_time,
    recoded,
    scan_by_time,
    share_out_linked,
)
from workbench.attribution.kernel_by_user import Sold as SoldByUser
from workbench.attribution.kernel_by_user import scan_by_user, share_out_rows
from workbench.attribution.planning import counted_of, few_of, gathered, plan_of, sums_of
from workbench.attribution.tallies import Integers, recode_paths
from workbench.attribution.touchpoints import Layout
from workbench.attribution.windows import JourneySettings

_MORE = 8  # times as much room as is needed so far, and from how many touches for as many as there can be:
_MANY = 1 << 19  # memory that is never written costs nothing
_USERS = 1 << 24  # numbers of users up to which a table of them is made in any case
_EARLIEST = -(2**63)
_NONE = np.empty(0, np.int64)
Tables = tuple[Few, Sums]


class ByTime:
    """What is remembered while all rows come in the order of time."""

    def __init__(self, marks: Array) -> None:
        self.marks, users = marks, (marks >= BOUGHT).astype(np.int64)
        at = np.array([0, 0, _EARLIEST])
        self.trail, self.rows = Trail(users, np.empty(0, np.int64), np.empty(0, np.int64), at), 0

    def take(self, rows: Rows, plan: Plan, tables: Tables) -> bool:
        """Count rows; return whether that could be done."""
        self.rows += len(rows.user)
        if not self._fits(rows):
            return False
        sold = Sold(*(np.empty(len(rows.value), np.int64) for _ in Sold._fields))
        if not scan_by_time(rows, plan, self.trail, sold, tables):
            return False
        share_out_linked(sold, rows.value, plan, self.trail, tables[1])
        return True

    def _fits(self, rows: Rows) -> bool:
        """Return whether there are numbers for these users and touches; make room for them."""
        highest = int(rows.user.max()) + 1
        if rows.user.min() < 0 or highest > max(_USERS, 8 * self.rows):
            return False
        users, touches, began, at = self.trail
        span = abs(int(rows.instant[-1]) - int(at[SINCE] if at[NEXT] else rows.instant[0]))
        needed = int(at[NEXT]) + len(rows.user) + BLOCK * ((span >> 32) + 2)
        if needed >= TOUCHES:
            return False
        users = _longer(users, highest, 1 << (highest - 1).bit_length())
        touches = _longer(touches, needed, _MORE * needed if needed < _MANY else TOUCHES)
        self.trail = Trail(users, touches, _longer(began, needed // BLOCK + 1, len(touches) // BLOCK + 1), at)
        return True

    def rename(self, codes: Integers) -> None:
        """Change the codes of open journeys: `codes` has the new one by the old one."""
        recoded(self.trail.users, codes)

    def finish(self, plan: Plan, tables: Tables) -> bool:
        """Count the journeys that are open; return whether that could be done."""
        finish_by_time(plan, self.trail, self.marks, tables)
        return True


class ByUser:
    """What is remembered while each user's rows come together, users ascending: the rows of the last."""

    def __init__(self) -> None:
        self.last: list[Rows] = []

    def take(self, rows: Rows, plan: Plan, tables: Tables) -> bool:
        """Count rows, the last user's when all are there; return whether that could be done."""
        user, own = rows.user, 0
        if self.last:
            before = self.last[0].user[0]
            own = int(np.searchsorted(user, before, side="right"))
            if (user[:own] != before).any() or (user[own : own + 1] <= before).any():
                return False
            self.last.append(_kept(rows, 0, own))
            if own == len(user):
                return True
        begin = max(own, int(np.searchsorted(user, user[-1])))
        if (user[begin:] != user[-1]).any():
            return False
        done = self._count(_joined(self.last), plan, tables) and self._count(
            _some(rows, own, begin), plan, tables
        )
        self.last = [_kept(rows, begin, len(user))]
        return done

    def _count(self, rows: Rows, plan: Plan, tables: Tables) -> bool:
        """Count all rows of some users."""
        if not len(rows.user):
            return True
        sold = SoldByUser(*(np.empty(len(rows.value), np.int64) for _ in SoldByUser._fields))
        if not scan_by_user(rows, plan, sold, tables):
            return False
        share_out_rows(sold, rows, plan, tables[1])
        return True

    def rename(self, codes: Integers) -> None:
        """Do nothing: single touches keep their codes."""

    def finish(self, plan: Plan, tables: Tables) -> bool:
        """Count the rows of the last user; return whether they were in order."""
        return self._count(_joined(self.last), plan, tables)


def _longer(some: Array, needed: int, room: int) -> Array:
    """Return an array with room for as much as is needed."""
    if needed <= len(some):
        return some
    longer = np.zeros(room, some.dtype)
    longer[: len(some)] = some
    return longer


def _some(rows: Rows, first: int, after: int) -> Rows:
    """Return rows from one place to another."""
    before, within = (
        int(np.count_nonzero(rows.touch[some] < 0)) for some in (slice(first), slice(first, after))
    )
    some = slice(first, after)
    value = rows.value[before : before + within]
    return Rows(rows.user[some], rows.instant[some], rows.touch[some], value, rows.marks)


def _kept(rows: Rows, first: int, after: int) -> Rows:
    """Return a copy of rows from one place to another: where they stand, others will be read."""
    user, instant, touch, value, marks = _some(rows, first, after)
    return _frozen(user.copy(), instant.copy(), touch.copy(), value.copy(), marks)


def _joined(parts: list[Rows]) -> Rows:
    """Return rows one after the other."""
    if not parts:
        return _frozen(_NONE, _NONE, _NONE, _NONE, _NONE)
    user, instant, touch, value, _ = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _frozen(user, instant, touch, value, parts[0].marks)


def _frozen(user: Array, instant: Array, touch: Array, value: Array, marks: Array) -> Rows:
    """Return rows as the pass is compiled for: columns of one kind each, that are never written."""
    kinds = (np.int64, np.int64, np.int16, np.float64, np.int32)
    found = []
    for some, kind in zip((user, instant, touch, value, marks), kinds, strict=True):
        column = np.ascontiguousarray(some, kind).view()
        column.flags.writeable = False
        found.append(column)
    return Rows(*found)


class Pass:
    """Sums over rows that come part by part.

    Parameters
    ----------
    layout : {"time", "user"}
        The order of rows.
    settings : JourneySettings
        Those of `simple`.
    marks : array, optional
        As `Rows` has them.
    rows : int
        About how many rows there are, which decides how large tables may be.
    """

    def __init__(
        self, layout: Layout, settings: JourneySettings, marks: Array | None = None, *, rows: int
    ) -> None:
        self.marks = _frozen(*(_NONE,) * 4, _NONE if marks is None else marks).marks
        self.way: ByTime | ByUser = ByTime(self.marks) if layout == "time" else ByUser()
        self.settings, self.rows = settings, rows
        self.parts: list[tuple[tuple[str, ...], Counted]] = []
        self.names: tuple[str, ...] | None = None
        self.plan: Plan
        self.few: Few
        self.sums: Sums

    def name(self, names: tuple[str, ...]) -> bool:
        """Say what codes of touches stand for, new names after known ones; return whether there is room."""
        if names == self.names:
            return True
        plan = plan_of(names, self.settings, rows=self.rows)
        if not fits(plan):
            return False
        if self.names is not None:
            self._close()
            before = len(self.names)
            codes = np.arange(self.plan.states)
            order = self.settings.order
            self.way.rename(recode_paths(codes, np.arange(before), (before + 1, plan.base), order))
        self.names, self.plan, self.sums = names, plan, sums_of(plan, self.settings)
        self.few = few_of(self.sums)
        return True

    def take(self, user: Array, instant: Array, touch: Array, value: Array) -> bool:
        """Count rows; return whether that could be done."""
        if not len(user):
            return True
        rows = _frozen(user, instant, touch, value, self.marks)
        return self.way.take(rows, self.plan, (self.few, self.sums))

    def counted(self) -> list[tuple[tuple[str, ...], Counted]] | None:
        """Return what was counted, by names; None if that cannot be done. What is open does not convert."""
        if not self.way.finish(self.plan, (self.few, self.sums)):
            return None
        self._close()
        return self.parts

    def _close(self) -> None:
        gathered(self.few, self.sums)
        self.parts.append((self.names or (), counted_of(self.sums, self.plan)))


def fits(plan: Plan) -> bool:
    """Return whether journeys are simple enough, and touches of few enough kinds."""
    simple = plan.dense and not plan.reuse and plan.gap == 0 and plan.since == ALWAYS
    return simple and plan.base <= NAMES + 1
