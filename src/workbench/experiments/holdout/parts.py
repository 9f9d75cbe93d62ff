"""Where the lift comes from: segments, regions, platforms and creatives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc, ndtri

from workbench.errors import NotEnoughData
from workbench.experiments.holdout.effects import beside, effect_of
from workbench.experiments.holdout.figures import Effect
from workbench.experiments.holdout.holdout import frame_of
from workbench.experiments.holdout.pairs import Flags, Pairs
from workbench.experiments.holdout.reading import creative_names, read_pairs
from workbench.metrics.window import Window
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

_CHANCE = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The lift in each part of the users.

    Parameters
    ----------
    by : str
        What tells parts apart: segment, region, platform or creative.
    rows : tuple of Effect
        One per part, by lift; p is adjusted for their number. Cost is of campaigns, so parts have none.
    p_differ : float
        Chance that lifts lie so far apart if all were the same (Cochran's Q); NaN with fewer than two.
    level : float
        Of the intervals.
    currency : str or None
        Of money.
    note : str
        What is compared with what.
    missing : str
        Why there is no answer; empty where there is one.
    """

    by: str
    rows: tuple[Effect, ...]
    p_differ: float
    level: float
    currency: str | None = None
    note: str = ""
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return whether the parts differ, and where the lift is surely there."""
        if self.missing:
            return self.missing
        sure = [row for row in self.rows if row.p_adjusted < 1 - self.level and row.lift.value > 0]
        if self.p_differ < 1 - self.level:
            best = self.rows[0]
            return (
                f"The campaigns do not work alike by {self.by}: the lift is largest for {best.name}, "
                f"{format_value(best.lift.value, 'pp')}."
            )
        if sure:
            names = ", ".join(row.name for row in sure[:3])
            return f"No clear difference by {self.by}; the lift is sure by itself for {names}."
        return f"No clear difference by {self.by}, and no part whose lift is sure by itself."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per part."""
        return frame_of(self.rows)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def lift_by(
    tables: Tables,
    *,
    by: str = "segment",
    campaign: str | None = None,
    window: str | Window | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Parts:
    """Return the lift in each part of the users, every campaign against its own holdout.

    Nobody who is held out sees a creative. Where the record names the creative that held out users would have
    got, they are compared with those who got it. Else each creative is compared with its campaigns' whole
    holdout, which is fair only if creatives are given at random; where who got which tells of what they
    bought before (p < 0.001), there is no comparison.

    Parameters
    ----------
    tables : Tables
        Needs facts.
    by : str
        segment, region, platform or creative.
    campaign, window, level, seed
        As in `holdouts`.
    """
    try:
        pairs = read_pairs(tables, campaign=campaign, by=by, window=window)
    except NotEnoughData as error:
        return _no_parts(by, level, tables.currency, str(error))
    pairs = replace(pairs, cost=np.full(len(pairs.campaigns), np.nan))
    note, apart = "", False
    names: dict[str, str] = {}
    if by == "creative":
        names = creative_names(tables)
        apart = bool((_unknown(pairs) & pairs.held).sum() > pairs.held.sum() / 2)
        note = _CREATIVE[apart]
        if apart and _chosen(pairs):
            return _no_parts(by, level, tables.currency, _CHOSEN)
    found = [
        effect_of(pairs.taken(rows), name=names.get(name) or name, level=level, seed=seed)
        for name, rows in _rows(pairs, whole=apart)
    ]
    known = sorted((row for row in found if np.isfinite(row.lift.low)), key=lambda row: -row.lift.value)
    silent = [row.name for row in found if not np.isfinite(row.lift.low)]
    if not known:
        return _no_parts(
            by, level, tables.currency, f"Not enough data: no {by} has enough buyers to compare."
        )
    if silent:
        note = " ".join([note, f"Too few users or buyers: {', '.join(silent)}."]).strip()
    rows = beside(tuple(known))
    p = _cochran(rows, level)
    return Parts(by=by, rows=rows, p_differ=p, level=level, currency=tables.currency, note=note)


_CREATIVE = {
    False: "Held out users are compared by the creative that was planned for them.",
    True: "Each creative is compared with the whole holdout of its campaigns: it had none of its own.",
}
_CHOSEN = (
    "No comparison of creatives: the holdout has none of its own, and who got which creative goes with what "
    "they bought before, so it was not given at random."
)


def _rows(pairs: Pairs, *, whole: bool) -> Iterator[tuple[str, Flags]]:
    for code, name in enumerate(pairs.slice.names):
        mine = pairs.slice.codes == code
        if whole:
            if not name:
                continue
            campaigns = np.unique(pairs.campaign[mine & ~pairs.held])
            mine = (mine & ~pairs.held) | (pairs.held & np.isin(pairs.campaign, campaigns))
        yield name or "(not set)", mine


def _unknown(pairs: Pairs) -> Flags:
    blank = pairs.slice.names.index("") if "" in pairs.slice.names else -2
    found: Flags = pairs.slice.codes == blank
    return found


def _chosen(pairs: Pairs) -> bool:
    """Return whether who got which creative goes with what they bought before, campaign by campaign."""
    sent = pairs.taken(~pairs.held & ~_unknown(pairs))
    cell = sent.campaign * max(1, len(sent.slice.names)) + sent.slice.codes
    before = (sent.before_orders > 0).astype(float)
    _, cells, sizes = np.unique(cell, return_inverse=True, return_counts=True)
    of = np.zeros(len(sizes), np.int64)
    of[cells] = sent.campaign
    hits = np.bincount(cells, before)
    rate = np.bincount(sent.campaign, before) / np.maximum(np.bincount(sent.campaign), 1)
    expected, spread = sizes * rate[of], sizes * (rate * (1 - rate))[of]
    freedom = len(sizes) - len(np.unique(of))
    if freedom < 1:
        return False
    statistic = ((hits - expected) ** 2 / np.where(spread > 0, spread, np.inf)).sum()
    return bool(chdtrc(freedom, statistic) < _CHANCE)


def _cochran(rows: tuple[Effect, ...], level: float) -> float:
    """Return p of Cochran's Q: whether lifts differ by more than their errors."""
    wide = 2 * float(ndtri(0.5 + level / 2))
    error = np.array([(row.lift.high - row.lift.low) / wide for row in rows])
    value = np.array([row.lift.value for row in rows])
    if len(rows) < 2 or not (error > 0).all():
        return float("nan")
    weight = 1 / error**2
    q = float((weight * (value - (weight @ value) / weight.sum()) ** 2).sum())
    return float(chdtrc(len(rows) - 1, q))


def _no_parts(by: str, level: float, currency: str | None, why: str) -> Parts:
    return Parts(by=by, rows=(), p_differ=float("nan"), level=level, currency=currency, missing=why)
