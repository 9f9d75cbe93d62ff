"""Market selection: where to run a campaign and for how long, what lift that finds, and what it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import NotEnoughData, UsageError, wrong_kind
from workbench.experiments.geo.backtests import Backtests, backtests, promised, window_starts
from workbench.experiments.geo.candidates import CANDIDATES, candidate_groups
from workbench.experiments.geo.panel import Floats, Panel, Rows
from workbench.experiments.geo.split import split
from workbench.experiments.geo.synthetic_control import synthetic_control
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSet:
    """One group of geos and one length of the test.

    Parameters
    ----------
    treated : tuple of str
        The geos in which the campaign would run.
    periods : int
        The length of the test, its cooldown with it.
    rank : int
        By the windows that were chosen by; 1 is the best.
    chosen_by : float
        The smallest lift that was found on those windows with the power asked for.
    lift : float
        The same on later windows, which the choice did not see: the promise. Infinite where none would do.
    later_rank : int
        The rank by the later windows.
    volume : float
        The metric in these geos in as many periods, at the end of the past.
    share : float
        Of the metric in all geos.
    budget : float
        What it costs to cause so much: lift * volume * cost of one more; NaN where that cost is not given.
    scaled_l2 : float
        The miss before the last window, as a share of what equal weights would leave.
    """

    treated: tuple[str, ...]
    periods: int
    rank: int
    chosen_by: float
    lift: float
    later_rank: int
    volume: float
    share: float
    budget: float
    scaled_l2: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Markets:
    """Groups of geos to choose from, the best first.

    Parameters
    ----------
    sets : tuple of MarketSet
        The first of `considered`.
    considered : int
        Groups and lengths that were rehearsed.
    stability : float
        Rank correlation of the windows to choose by and the later ones: near 1 the order can be trusted.
    false_positives : float
        How often the test found an effect on the windows, though there was none.
    windows : tuple of int
        How many were chosen by, and how many later ones were kept for the promise.
    power, level : float
        The power asked for, and the level of the test.
    metric : str
        What is looked at.
    currency : str, optional
        ISO 4217 code of the budget.
    """

    sets: tuple[MarketSet, ...]
    considered: int
    stability: float
    false_positives: float
    windows: tuple[int, int]
    power: float
    level: float
    metric: str
    currency: str | None = None

    @property
    def best(self) -> MarketSet:
        """Return the best set by the windows to choose by."""
        return self.sets[0]

    @property
    def sentence(self) -> str:
        """Return where to run it, and what that promises."""
        best = self.best
        where = f"{', '.join(best.treated)} for {best.periods} periods"
        if not np.isfinite(best.lift):
            return (
                f"No set of geos is sure to find a lift: {where} came closest. A longer history would help."
            )
        cost = ""
        if np.isfinite(best.budget):
            cost = f"; causing that takes about {format_value(best.budget, 'money', currency=self.currency)}"
        return (
            f"Run it in {where}: a lift of {format_value(best.lift, '%')} is found {self.power:.0%} of the "
            f"time, by windows that the choice did not see{cost}."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each set."""
        import pandas as pd

        names = MarketSet.__slots__
        frame = pd.DataFrame([{name: getattr(own, name) for name in names} for own in self.sets])
        frame["treated"] = [", ".join(own.treated) for own in self.sets]
        return frame[["rank", *(name for name in names if name != "rank")]]

    def to_document(self) -> dict[str, Any]:
        """Return the sets as JSON takes them; what is unknown or without an end is null."""
        rows = [{name: _plain(getattr(own, name)) for name in MarketSet.__slots__} for own in self.sets]
        names = ("considered", "stability", "false_positives", "windows", "power", "level", "metric")
        return {name: _plain(getattr(self, name)) for name in names} | {
            "sets": rows,
            "sentence": self.sentence,
        }

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


def select_markets(
    panel: Panel,
    *,
    sizes: Iterable[int] = (2, 3, 4),
    periods: Iterable[int] = (14, 21, 28),
    rules: MarketRules | None = None,
    level: float = 0.95,
    power: float = 0.8,
    seed: int = 0,
) -> Markets:
    """Return groups of geos in which a test finds the smallest lift, and what lift that is.

    Groups are rehearsed by placebo in space on windows of the past. They are ordered by the lift that they
    need on the earlier windows; the lift that is promised is that of later windows, which share no day with
    those: the best of many looks better than it is on what it was chosen by.

    Parameters
    ----------
    panel : Panel
        Days on which none of the geos was treated.
    sizes : iterable of int
        How many geos are treated.
    periods : iterable of int
        Lengths of the test, the cooldown with it.
    rules : MarketRules, optional
        Which geos may be treated or compared with, and what it may cost.
    level, power : float
        Of the test, and how often the lift is to be found.
    seed : int
        Which groups are drawn.

    Raises
    ------
    UsageError
        For an unknown geo, or a size that leaves no group.
    NotEnoughData
        If the past is too short for windows to choose by and later ones, too few controls are left, or no
        group meets the rules.

    References
    ----------
    GeoLift's market selection draws the groups in the same way but promises what the choice itself saw.
    """
    rules = rules or MarketRules()
    for name, several in (("sizes", sizes), ("periods", periods)):
        if isinstance(several, str) or not isinstance(several, Iterable):
            raise wrong_kind(name, several, "several whole numbers, as (14, 21)")
    lengths, asked = tuple(sorted(set(periods))), tuple(sorted(set(sizes)))
    chosen, later = window_starts(len(Panel.given(panel).days), max(lengths))
    groups = candidate_groups(
        panel,
        asked,
        allowed=_left(panel, rules.never_treated),
        required=panel.rows(rules.always_treated),
        most=rules.most,
        seed=seed,
    )
    found = backtests(
        panel,
        groups,
        starts=(*chosen, *later),
        periods=lengths,
        donors=_left(panel, rules.never_controls),
        level=level,
        seed=seed,
    )
    first = _needs(found.at(range(len(chosen))), power)
    second = _needs(found.at(range(len(chosen), len(found.starts))), power)
    return Markets(
        sets=_sets(panel, found, (first, second), rules),
        considered=first.size,
        stability=_rank_correlation(first.ravel(), second.ravel()),
        false_positives=float(found.false_positives.mean()),
        windows=(len(chosen), len(later)),
        power=power,
        level=level,
        metric=panel.metric,
        currency=rules.currency,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What a choice of markets must keep to.

    Parameters
    ----------
    always_treated, never_treated, never_controls : tuple of str
        Geos in every group; geos in none; geos that stand for no other. A geo that is to be left out
        altogether stands in the last two.
    cost_per_increment : float, optional
        What it costs to cause one more unit of the metric; with revenue, one over the expected return.
    budget : float, optional
        Groups that need more, by the windows they are chosen by, are left out.
    largest_share : float
        Groups with more of the metric than this share are left out.
    most : int
        Groups that are rehearsed.
    currency : str, optional
        ISO 4217 code of cost and budget.
    """

    always_treated: tuple[str, ...] = ()
    never_treated: tuple[str, ...] = ()
    never_controls: tuple[str, ...] = ()
    cost_per_increment: float | None = None
    budget: float | None = None
    largest_share: float = 0.5
    most: int = CANDIDATES
    currency: str | None = None

    def __post_init__(self) -> None:
        both = sorted(set(self.always_treated) & set(self.never_treated))
        if both:
            raise UsageError(f"{', '.join(both)} cannot be treated always and never.")
        if self.budget is not None and self.cost_per_increment is None:
            raise UsageError(
                "A budget says something only with the cost of one more: give cost_per_increment."
            )


def budget_needed(lift: float, volume: float, cost_per_increment: float) -> float:
    """Return what it costs to cause a lift: its increments times the cost of each.

    Examples
    --------
    >>> budget_needed(0.1, 86085, 7.5)
    64563.75
    """
    return lift * volume * cost_per_increment


def _needs(found: Backtests, power: float) -> Floats:
    """Return the lift (groups, periods) that the next window finds with the given power."""
    return promised(np.moveaxis(found.needed, 1, 2), power, windows=len(found.starts))


def _left(panel: Panel, without: Sequence[str]) -> Rows:
    return np.setdiff1d(np.arange(len(panel.geos)), panel.rows(without))


def _sets(
    panel: Panel, found: Backtests, needs: tuple[Floats, Floats], rules: MarketRules
) -> tuple[MarketSet, ...]:
    first, second = needs
    later_rank = np.argsort(np.argsort(second, axis=None, kind="stable")).reshape(second.shape) + 1
    total = panel.values.sum()
    cost = float("nan") if rules.cost_per_increment is None else rules.cost_per_increment
    listed: list[MarketSet] = []
    for place in np.argsort(first, axis=None, kind="stable"):
        group, length = (int(at) for at in np.unravel_index(place, first.shape))
        rows, periods = found.groups[group], found.periods[length]
        share = float(panel.values[rows].sum() / total) if total else float("nan")
        volume = float(panel.values[rows, -periods:].sum())
        wanted = budget_needed(float(first[group, length]), volume, cost)
        if share > rules.largest_share or (rules.budget is not None and not wanted <= rules.budget):
            continue
        treated = tuple(panel.geos[row] for row in rows)
        listed.append(
            MarketSet(
                treated=treated,
                periods=periods,
                rank=len(listed) + 1,
                chosen_by=float(first[group, length]),
                lift=float(second[group, length]),
                later_rank=int(later_rank[group, length]),
                volume=volume,
                share=share,
                budget=budget_needed(float(second[group, length]), volume, cost),
                scaled_l2=_fit(panel, treated, periods, rules),
            )
        )
        if len(listed) == LISTED:
            break
    if not listed:
        raise NotEnoughData(
            f"None of {first.size} groups keeps to the budget and to {rules.largest_share:.0%} of the metric."
        )
    return tuple(listed)


def _fit(panel: Panel, treated: tuple[str, ...], periods: int, rules: MarketRules) -> float:
    controls = [geo for geo in panel.geos if geo not in {*treated, *rules.never_controls}]
    start = panel.days[len(panel.days) - periods]
    return synthetic_control(split(panel, treated=treated, start=start, controls=controls)).scaled_imbalance


def _rank_correlation(first: Floats, second: Floats) -> float:
    """Return Spearman's correlation; NaN where all are alike."""
    one, other = (np.searchsorted(np.sort(needs), needs).astype(float) for needs in (first, second))
    if not np.ptp(one) or not np.ptp(other):
        return float("nan")
    return float(np.corrcoef(np.stack([one, other]))[0, 1])


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return None if isinstance(value, float) and not np.isfinite(value) else value
