"""When the lift comes: week by week after the first delivery, and whether it fades."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import NotEnoughData
from workbench.experiments.holdout.contrast import by_normal, by_permutation, estimate_of
from workbench.experiments.holdout.effects import FEWEST_BUYERS, enough_buyers
from workbench.experiments.holdout.pairs import Floats, Pairs
from workbench.experiments.holdout.permutation import Strata
from workbench.experiments.holdout.reading import read_pairs
from workbench.experiments.inference.estimate import Estimate, unknown
from workbench.metrics.derived.holdout_pairs import WEEKS
from workbench.metrics.window import Window
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

_FOLLOWED = 7 * WEEKS


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekRow:
    """One week after the first delivery: who bought in it, and how much more than in the holdout."""

    week: int
    treated_rate: float
    expected_rate: float
    lift: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftOverTime:
    """Whether the lift fades.

    Parameters
    ----------
    rows : tuple of WeekRow
        Weeks 1 to 4 after the first delivery.
    trend : Estimate
        Change of the lift from one week to the next, with p. It is taken of each user's own weeks, so that it
        does not matter how they depend on each other.
    pairs, left_out : int
        Pairs that were followed for four weeks, and those that were not.
    level : float
        Of the intervals.
    missing : str
        Why there is no answer; empty where there is one.
    """

    rows: tuple[WeekRow, ...]
    trend: Estimate
    pairs: int
    left_out: int
    level: float
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return whether the lift fades."""
        if self.missing:
            return self.missing
        first, last = (format_value(row.lift.value, "pp") for row in (self.rows[0], self.rows[-1]))
        if not self.trend.known:
            return f"Whether the lift fades cannot be said: {self.trend.note}."
        if not self.trend.significant:
            return (
                f"The lift does not clearly change over four weeks: {first} in the first, {last} in the last."
            )
        way = "fades" if self.trend.value < 0 else "grows"
        return f"The lift {way}: {first} in the first week after delivery, {last} in the fourth."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per week."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "week": row.week,
                    "treated_rate": row.treated_rate,
                    "expected_rate": row.expected_rate,
                    "lift": row.lift.value,
                    "low": row.lift.low,
                    "high": row.lift.high,
                    "p": row.lift.p,
                }
                for row in self.rows
            ],
            columns=["week", "treated_rate", "expected_rate", "lift", "low", "high", "p"],
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def lift_over_time(
    tables: Tables,
    *,
    campaign: str | None = None,
    window: str | Window | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> LiftOverTime:
    """Return the lift in each of the four weeks after the first delivery, and whether it changes.

    Parameters
    ----------
    tables : Tables
        Needs facts.
    campaign, window, level, seed
        As in `holdouts`. Only pairs whose four weeks lie in the window count.
    """
    try:
        every = read_pairs(tables, campaign=campaign, window=window)
    except NotEnoughData as error:
        return _no_weeks(level, 0, str(error))
    return weeks_of(every, level=level, seed=seed)


def weeks_of(every: Pairs, *, level: float = 0.95, seed: int = 0) -> LiftOverTime:
    """Return the lift of these pairs week by week; see `lift_over_time`."""
    pairs = every.taken(every.followed >= _FOLLOWED).comparable()
    if not pairs.held.any() or pairs.held.all():
        why = f"Not enough data: nobody was followed for {_FOLLOWED} days in the window; choose a longer one."
        return _no_weeks(level, len(every), why)
    bought = (pairs.weekly > 0).astype(float)
    rows = tuple(_week(pairs, bought[:, week], week, level=level, seed=seed) for week in range(WEEKS))
    if not any(row.lift.known for row in rows):
        return _no_weeks(level, len(every), f"Not enough data: {rows[0].lift.note}.")
    places = np.arange(WEEKS) - (WEEKS - 1) / 2
    slope = bought @ (places / (places @ places))
    trend = _estimate(pairs, slope, bought.any(axis=1).astype(float), level=level, seed=seed)
    return LiftOverTime(
        rows=rows, trend=trend, pairs=len(pairs), left_out=len(every) - len(pairs), level=level
    )


def _week(pairs: Pairs, bought: Floats, week: int, *, level: float, seed: int) -> WeekRow:
    treated, expected = Strata.of(pairs, bought).totals
    users = float((~pairs.held).sum())
    return WeekRow(
        week=week + 1,
        treated_rate=treated / users,
        expected_rate=expected / users,
        lift=_estimate(pairs, bought, bought, level=level, seed=seed),
    )


def _estimate(pairs: Pairs, values: Floats, bought: Floats, *, level: float, seed: int) -> Estimate:
    """Return the difference per treated user; reassigned where few bought."""
    if bought.sum() < FEWEST_BUYERS:
        return unknown(f"only {bought.sum():.0f} bought in the week")
    if enough_buyers(pairs, bought):
        found = by_normal(pairs, values, level=level)
    else:
        found = by_permutation(pairs, values, level=level, seed=seed)
    return estimate_of(found).scaled(1 / float((~pairs.held).sum()))


def _no_weeks(level: float, left_out: int, why: str) -> LiftOverTime:
    return LiftOverTime(rows=(), trend=unknown(why), pairs=0, left_out=left_out, level=level, missing=why)
