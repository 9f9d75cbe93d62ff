"""A geo test on the tables of a workspace: its days, its cooldown, and nothing after them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from workbench.errors import NotEnoughData
from workbench.experiments.geo.analyzing import analyze_geo
from workbench.experiments.geo.reading import geo_panel
from workbench.experiments.records.kept import kept_experiments

if TYPE_CHECKING:
    from workbench.experiments.geo.analysis import GeoAnalysis
    from workbench.experiments.geo.panel import Panel
    from workbench.experiments.geo.plan import GeoTest
    from workbench.source import Tables


def analyze_recorded(
    test: GeoTest, tables: Tables, *, panel: Panel | None = None, seed: int = 0
) -> GeoAnalysis:
    """Return what a geo test found, from the tables of a workspace.

    Parameters
    ----------
    test : GeoTest
        The test; its status is not looked at.
    tables : Tables
        The data at one version.
    panel : Panel, optional
        The metric of all markets and days, where it was read already.
    seed : int
        Which placebo groups are drawn.

    Raises
    ------
    NotEnoughData
        If the test is not over, or as `analyze_geo` does.
    UsageError
        If a market or the metric is unknown.
    """
    whole = geo_panel(tables, test.metric, needed=test.uses) if panel is None else panel
    last = min(whole.position(test.end + timedelta(days=1)) + test.cooldown, len(whole.days))
    currency = tables.currency if test.metric == "revenue" else None
    return analyze_geo(test, whole.cut(0, last), seed=seed, currency=currency)


def analyze_kept(test: GeoTest, tables: Tables, *, seed: int = 0) -> GeoAnalysis:
    """Return what a geo test of a workspace found, where it was started and not given up.

    Parameters
    ----------
    test, tables, seed
        As in `analyze_recorded`.

    Raises
    ------
    NotEnoughData
        If it is a draft, was cancelled or is not over.
    """
    if test.status == "draft":
        raise NotEnoughData(
            f"{test.name} is a draft: it has not been started. Start it first: "
            f"workbench experiment start {test.name}"
        )
    if test.status == "cancelled":
        raise NotEnoughData(f"{test.name} was cancelled: its days were not tested as planned.")
    found = analyze_recorded(test, tables, seed=seed)
    return replace(found, notes=(*disturbances(test, tables), *found.notes))


def begun_geo_tests(tables: Tables) -> tuple[GeoTest, ...]:
    """Return the geo tests of a workspace that run or were completed."""
    tests = [kept.geo_test for kept in kept_experiments(tables).rows]
    return tuple(test for test in tests if test is not None and test.status in ("running", "completed"))


def disturbances(test: GeoTest, tables: Tables) -> tuple[str, ...]:
    """Return what is to be said of other geo tests that ran in its regions at the same time."""
    found = []
    for other in begun_geo_tests(tables):
        regions = test.disturbed_by(other) if other.name != test.name else ()
        if regions:
            found.append(
                f"{other.name} ran in {', '.join(regions)} from {other.start} to {other.end}, too: its "
                "effect cannot be told from that of this test. Name those regions as excluded."
            )
    return tuple(found)
