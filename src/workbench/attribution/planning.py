"""Settings as numbers, and tables to add to, for the compiled pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from workbench.attribution.counting_sorted import Counted, direct_code, empty_figures
from workbench.attribution.grids import counted, places
from workbench.attribution.kernel import ALWAYS, Array, Few, Plan, Sums, gather
from workbench.attribution.rules import Rule
from workbench.attribution.sharing import DECAY, LINEAR, NOT_DIRECT, SHAPE, by_window
from workbench.attribution.tallies import Tally
from workbench.attribution.windows import JourneySettings

_MOST_CELLS = 1 << 25  # of a table of all possible paths, below which none is sorted
_MOST_SETS = 1 << 22


def plan_of(names: Sequence[str], settings: JourneySettings, *, rows: int, since: int | None = None) -> Plan:
    """Return the settings as numbers; so many rows decide whether tables of all paths are worth it."""
    base = len(names) + 1
    cells = settings.buckets * base ** (settings.order + 1)
    dense = cells <= min(_MOST_CELLS, max(1 << 16, 8 * rows))
    return Plan(
        base=base,
        states=base**settings.order,
        dense=dense and settings.buckets << len(names) <= _MOST_SETS,
        reuse=settings.conversions == "reuse",
        gap=0 if settings.gap is None else settings.gap_micros,
        since=ALWAYS if since is None else since,
        direct=direct_code(names, settings),
        windows=np.array([window.micros for window in settings.lookbacks], np.int64),
        buckets=settings.buckets,
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


def sums_of(plan: Plan, settings: JourneySettings) -> Sums:
    """Return tables of zeros, with a place for windows from each to each where `Journeys` has windows."""
    names, buckets = plan.base - 1, settings.buckets
    figures = empty_figures(names, settings, places=len(plan.windows) * (len(plan.windows) + 1) // 2)
    states, sets = (plan.states, 1 << names) if plan.dense else (0, 0)
    return Sums(
        steps=np.zeros((buckets, states * plan.base), np.int32),
        ends=np.zeros((buckets, states, 2), np.int32),
        end_value=np.zeros((buckets, states)),
        sets=np.zeros((buckets, sets, 2), np.int32),
        set_value=np.zeros((buckets, sets)),
        **{**figures._asdict(), "credit": figures.credit.reshape(-1)},
    )


def few_of(sums: Sums) -> Few:
    """Return bytes beside the largest tables."""
    return Few(*(np.zeros(some.size, np.uint8) for some in (sums.steps, sums.end_value, sums.set_value)))


def gathered(few: Few, sums: Sums) -> None:
    """Add bytes to the tables that they stand beside."""
    gather(few.steps, sums.steps.reshape(-1))
    gather(few.lost, sums.ends.reshape(-1)[1::2])
    gather(few.lost_sets, sums.sets.reshape(-1)[1::2])


def counted_of(sums: Sums, plan: Plan, paths: tuple[Tally, Tally, Tally] | None = None) -> Counted:
    """Return sums as `Journeys` has them; steps, ends and sets from their tables where they are not given."""
    steps, ends, sets = paths or (
        counted(sums.steps),
        _outcomes(sums.ends, sums.end_value),
        _outcomes(sums.sets, sums.set_value),
    )
    windows = len(plan.windows)
    credit = sums.credit.reshape(*sums.unattributed.shape[:2], plan.base - 1, len(plan.kinds), 2)
    return Counted(
        credit=by_window(credit, windows, 1).swapaxes(2, 3),
        unattributed=by_window(sums.unattributed, windows, 1),
        totals=sums.totals,
        steps=steps,
        ends=ends,
        sets=sets,
        lengths=by_window(sums.lengths, windows, 0),
        lags=by_window(sums.lags, windows, 0),
        spans=by_window(sums.spans, windows, 0),
    )


def _outcomes(counts: Array, value: Array) -> Tally:
    """Return conversions, value and nulls by bucket and code."""
    flat = np.flatnonzero(counts.view(np.int64))  # both counts of a code in one number
    sums = np.empty((len(flat), 3))
    sums[:, [0, 2]] = counts.reshape(-1, 2)[flat]
    sums[:, 1] = value.reshape(-1)[flat]
    return Tally(keys=places(flat, counts.shape[1]), sums=sums)
