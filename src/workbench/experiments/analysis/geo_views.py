"""Geo tests of a workspace as a report asks for them: the test that ran, and where to run the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.analysis.geo_recorded import analyze_kept, analyze_recorded, begun_geo_tests
from workbench.experiments.geo.analysis import GeoAnalysis
from workbench.experiments.geo.markets import MarketRules, Markets, select_markets
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.plan import GeoTest
from workbench.experiments.geo.power import PowerCurve, power_curve
from workbench.experiments.geo.reading import geo_panel, last_sold
from workbench.experiments.records.kept import kept_experiment
from workbench.metrics.window import Window, resolve
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoReport:
    """One geo test, or why there is none to report.

    Parameters
    ----------
    analysis : GeoAnalysis, optional
        What it found.
    missing : str
        Why there is none.
    """

    analysis: GeoAnalysis | None = None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return what was found and what to do."""
        return self.missing if self.analysis is None else self.analysis.sentence

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return the figures that decide."""
        import pandas as pd

        return pd.DataFrame() if self.analysis is None else self.analysis.to_frame()


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTest:
    """Where to run the next geo test, or why that cannot be said.

    Parameters
    ----------
    markets : Markets, optional
        Groups of geos to choose from.
    power : PowerCurve, optional
        Of the best of them.
    missing : str
        Why there are none.
    """

    markets: Markets | None = None
    power: PowerCurve | None = None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return where to run it."""
        return self.missing if self.markets is None else self.markets.sentence

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each group of geos."""
        import pandas as pd

        return pd.DataFrame() if self.markets is None else self.markets.to_frame()


def geo_report(
    tables: Tables,
    *,
    metric: str = "revenue",
    treated: str | Sequence[str] = (),
    days: str | None = None,
    cooldown: int = 0,
    name: str | None = None,
    seed: int = 0,
) -> GeoReport:
    """Return the report of one geo test of a workspace: as it was defined there, or as its spend shows it.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    metric : str
        As in `geo_panel`; a test that was defined has its own.
    treated : str or sequence of str, optional
        The geos in which it ran, several in one text joined by ";". Where neither they nor days are given,
        the test is the one defined, of several the one that ended last; without any, those geos with spend,
        if the others had none.
    days : str, optional
        ``"2024-05-01:2024-05-28"``; the days with spend there where not given.
    cooldown : int
        Days after it in which the effect may still arrive.
    name : str, optional
        A geo test that was defined in the workspace; with geos or days: what the test is called.
    seed : int
        Which placebo groups are drawn.

    Raises
    ------
    UsageError
        If there is no geo test of that name, or a geo or the metric is unknown.
    """
    try:
        kept = None if treated or days else kept_geo_test(tables, name)
        if kept is not None:
            return GeoReport(analysis=analyze_kept(kept, tables, seed=seed))
        panel = geo_panel(tables, metric)
        span = None if days is None else resolve(days, tables)
        test = _test(panel, _named(treated), span, cooldown=cooldown, name=name or "The test")
        return GeoReport(analysis=analyze_recorded(test, tables, panel=panel, seed=seed))
    except NotEnoughData as error:
        return GeoReport(missing=str(error))


def kept_geo_test(tables: Tables, name: str | None = None) -> GeoTest | None:
    """Return the geo test that was defined under a name, or the one that ended last; None without any.

    Without a name, drafts, cancelled ones and those whose end the data have not reached are passed over.

    Raises
    ------
    UsageError
        If there is none of that name, or it compares users.
    """
    if name is not None:
        found = kept_experiment(tables, name).geo_test
        if found is None:
            raise UsageError(f"{name} compares users, not regions: the notebook ab_test reports it.")
        return found
    last = last_sold(tables)
    over = [test for test in begun_geo_tests(tables) if last is not None and test.end <= last]
    return max(over, key=lambda test: (test.end, test.name), default=None)


def next_geo_test(
    tables: Tables,
    *,
    metric: str = "revenue",
    sizes: Sequence[int] = (2, 3, 4),
    periods: Sequence[int] = (14, 21, 28),
    expected_return: float | None = None,
    budget: float | None = None,
    seed: int = 0,
) -> NextTest:
    """Return where to run the next geo test, judged by the days on which no test ran.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    metric, sizes, periods, seed
        As in `geo_panel` and `select_markets`.
    expected_return : float, optional
        Of the metric for one unit of money, e.g. 3 for a return on ad spend of 3: what the budget rests on.
    budget : float, optional
        What the campaign may cost.
    """
    cost = 1 / expected_return if expected_return else None
    rules = MarketRules(cost_per_increment=cost, budget=budget if cost else None, currency=tables.currency)
    try:
        past = quiet_days(geo_panel(tables, metric), begun_geo_tests(tables))
        markets = select_markets(past, sizes=sizes, periods=periods, rules=rules, seed=seed)
        power = power_curve(past, markets.best.treated, periods=periods)
    except NotEnoughData as error:
        return NextTest(missing=str(error))
    return NextTest(markets=markets, power=power)


def quiet_days(panel: Panel, tests: Sequence[GeoTest] = ()) -> Panel:
    """Return the longest stretch of days on which no test ran.

    Where only some geos had spend, a test ran; days with spend in all geos, or in none, are quiet.

    Parameters
    ----------
    panel : Panel
        All geos and days.
    tests : sequence of GeoTest
        Tests that are known to have run; their days, with the cooldown, are not quiet.
    """
    loud = np.zeros(len(panel.days), bool)
    for test in tests:
        loud[panel.position(test.start) : panel.position(test.last_effect + timedelta(days=1))] = True
    if panel.spend is not None:
        somewhere = (panel.spend > 0).sum(0)
        loud |= (somewhere > 0) & (somewhere < len(panel.geos))
    if not loud.any():
        return panel
    edges = np.flatnonzero(np.diff(np.concatenate([[True], loud, [True]]).astype(int)))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        raise NotEnoughData(
            "On every day a test ran, or some geos had spend and others none: no day is without a test."
        )
    longest = int(np.argmax(ends - starts))
    return panel.cut(int(starts[longest]), int(ends[longest]))


def _named(treated: str | Sequence[str]) -> tuple[str, ...]:
    names = treated.split(";") if isinstance(treated, str) else treated
    return tuple(name.strip() for name in names if name.strip())


def _test(
    panel: Panel, treated: tuple[str, ...], span: Window | None, *, cooldown: int, name: str
) -> GeoTest:
    if not treated or span is None:
        found, days = _by_spend(panel, treated)
        treated, span = treated or found, span or days
    return GeoTest(
        name=name,
        treated=treated,
        start=span.first,
        end=span.last,
        metric=panel.metric,
        cooldown=cooldown,
    )


def _by_spend(panel: Panel, treated: tuple[str, ...]) -> tuple[tuple[str, ...], Window]:
    """Return where and when money was spent in some geos only."""
    if panel.spend is None or not panel.spend.any():
        raise NotEnoughData(
            "No geo test is known: no market has spend of its own. Name the treated geos and the days."
        )
    spent = panel.spend > 0
    rows = panel.rows(treated) if treated else np.flatnonzero(spent.any(1))
    if len(rows) == len(panel.geos):
        raise NotEnoughData("Every market has spend: name the geos in which the test ran, and its days.")
    on = np.flatnonzero(spent[rows].any(0))
    if not len(on):
        raise NotEnoughData(f"There is no spend in {', '.join(treated)}: name the days of the test.")
    return tuple(panel.geos[row] for row in rows), Window(panel.days[on[0]], panel.days[on[-1]])
