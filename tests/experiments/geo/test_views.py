"""What a report asks for: the test found by its spend, the next one by quiet days, and why there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from workbench import experiments
from workbench.errors import NotEnoughData, UsageError
from workbench.events.simulation import GEO_TESTS, MarketSpec
from workbench.events.simulation.markets import open_stores
from workbench.experiments.analysis.geo_views import quiet_days
from workbench.experiments.geo.plan import GeoTest
from workbench.store import Workspace
from workbench.store.ingest import ingest

SPEC = MarketSpec(days=180)


def loaded(folder, frame: pl.DataFrame):
    workspace = Workspace.create(folder / "acme")
    workspace.set_currency("EUR")
    frame.write_csv(folder / "stores.csv")
    ingest(workspace, [folder / "stores.csv"], backfill=True)
    return workspace.tables()


@pytest.fixture(scope="module")
def stores():
    return open_stores(SPEC)


@pytest.fixture(scope="module")
def tables(stores, tmp_path_factory):
    return loaded(tmp_path_factory.mktemp("views"), stores.performance)


@pytest.fixture(scope="module")
def report(tables):
    return experiments.geo_report(tables)


def test_a_test_is_found_by_its_spend_and_its_truth_by_the_analysis(report, stores):
    found = report.analysis
    assert set(found.test.treated) == set(GEO_TESTS[0].treated)
    assert (found.test.start, found.test.end) == (stores.truth["start"].min(), stores.truth["end"].max())
    truth = stores.truth["incremental_revenue"].sum()
    assert found.incremental.low <= truth <= found.incremental.high
    assert found.returns.iroas.low <= truth / stores.performance["spend"].sum() <= found.returns.iroas.high
    assert "€" in report.sentence
    assert len(report.to_frame()) == 5


def test_named_markets_and_days_give_the_same(report, tables):
    days = f"{report.analysis.test.start}:{report.analysis.test.end}"
    named = experiments.geo_report(tables, treated="; ".join(GEO_TESTS[0].treated), days=days)
    assert named.sentence == report.sentence


def test_orders_are_not_money(tables):
    found = experiments.geo_report(tables, metric="orders")
    assert found.analysis.currency is None
    assert "€" not in found.sentence


def test_the_next_test_is_planned_by_days_without_one(tables, stores):
    found = experiments.next_geo_test(tables, sizes=(2,), periods=(10, 14), expected_return=3.0)
    best = found.markets.best
    assert best.budget == pytest.approx(best.lift * best.volume / 3)
    assert found.power.treated == best.treated
    assert len(found.to_frame()) == len(found.markets.sets)
    past = quiet_days(experiments.geo_panel(tables))
    assert past.days[-1] < stores.truth["start"].min()
    assert len(past.days) == (stores.truth["start"].min() - SPEC.start).days


def test_days_of_known_tests_are_not_quiet(simulate):
    panel = simulate(1, days=60)
    test = GeoTest(
        name="posters", treated=panel.geos[:1], start=panel.days[20], end=panel.days[29], cooldown=5
    )
    assert quiet_days(panel, [test]).days == panel.days[35:]
    assert (
        quiet_days(panel, [replace(test, start=panel.days[40], end=panel.days[41])]).days == panel.days[:40]
    )


def test_spend_everywhere_is_quiet_and_spend_on_all_days_is_not(simulate):
    panel = simulate(1, days=40)
    assert quiet_days(panel) is panel
    everywhere = replace(panel, spend=np.ones(panel.values.shape))
    assert len(quiet_days(everywhere).days) == 40
    some = np.zeros(panel.values.shape)
    some[:3] = 1
    with pytest.raises(NotEnoughData, match="no day is without a test"):
        quiet_days(replace(panel, spend=some))
    some[:, 10:] = 0
    assert len(quiet_days(replace(panel, spend=some)).days) == 30


@pytest.mark.parametrize(
    ("spend", "named"),
    [
        (0.0, "No geo test is known"),
        (5.0, "Every market has spend"),
    ],
)
def test_why_there_is_no_report_is_said(stores, tmp_path, spend, named):
    tables = loaded(tmp_path, stores.performance.with_columns(spend=pl.lit(spend)))
    found = experiments.geo_report(tables)
    assert named in found.sentence
    assert found.to_frame().empty


def test_an_empty_workspace_says_so(tmp_path):
    tables = Workspace.create(tmp_path / "empty").tables()
    assert experiments.geo_report(tables).missing
    assert experiments.next_geo_test(tables).missing
    assert experiments.next_geo_test(tables).to_frame().empty


def test_a_wrong_name_is_an_error_and_not_an_empty_report(tables):
    with pytest.raises(UsageError, match="No geo named 'Atlantis'"):
        experiments.geo_report(tables, treated="Atlantis", days="2024-05-01:2024-05-14")
    with pytest.raises(UsageError, match="window"):
        experiments.geo_report(tables, treated="Kiel", days="in May")
    found = experiments.geo_report(tables, treated="Kiel")
    assert "no spend in Kiel" in found.missing
